/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * publish/lines.h: results as text. Numbers do not follow the locale; text is made valid UTF-8.
 */
#pragma once

#include <gst/gst.h>

#include "fovea/task.h"

G_BEGIN_DECLS

/* What one analysed, or not analysed, frame says. */
typedef struct PublishFrame {
    const char *stream;
    guint64 frame;    /* from 0 */
    GstClockTime pts; /* NONE becomes null */
    gint width, height;
    gboolean analysed;
    const GArray *detections; /* of FoveaDetection */
} PublishFrame;

/* Appends one JSON object and a newline. Boxes are clipped to the frame; a detection that has no
 * place in it (not a number, empty) is left out. */
void publish_line_detections(GString *out, const PublishFrame *frame);

typedef struct PublishText {
    const char *stream;
    GstClockTime pts, duration;
    const char *text; /* valid UTF-8 */
    gboolean final;
} PublishText;

void publish_line_text(GString *out, const PublishText *text);

/* Appends a SubRip block: number (from 1), times, lines, empty line. */
void publish_cue_srt(GString *out, guint64 number, GstClockTime start, GstClockTime end,
                     const char *text);
/* Appends a WebVTT cue. The file starts with PUBLISH_VTT_PREAMBLE. */
void publish_cue_vtt(GString *out, GstClockTime start, GstClockTime end, const char *text);
#define PUBLISH_VTT_PREAMBLE "WEBVTT\n\n"

G_END_DECLS
