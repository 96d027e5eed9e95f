/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * restore-run.h: fovearestore under a harness, and the same work done through fovea_restorer_*.
 *
 * The model is data/negative-x2.onnx: twice as large, the negative, so that its part of a picture
 * cannot be taken for plain scaling.
 */
#pragma once

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "fovea/task.h"

#define MODEL FOVEA_SOURCE_ROOT "/tests/elements/data/negative-x2.onnx"
#define HEAVY FOVEA_SOURCE_ROOT "/tests/elements/data/negative-x2-heavy.onnx"

/* ---- pictures ---- */

GstVideoInfo video_info(const char *caps);
/* Smooth shades that move with `number`; a time stamp and a duration. */
GstBuffer *picture(const GstVideoInfo *info, guint number);
/* All of one colour: its samples (Y, U, V or R, G, B, alpha 255). */
GstBuffer *plain_picture(const GstVideoInfo *info, const guint8 colour[3]);
/* A sample of the picture: component c (Y, U, V or R, G, B) at a place of its own plane. */
guint8 sample_at(const GstVideoInfo *info, GstBuffer *buffer, guint c, gint x, gint y);
/* Largest difference of two pictures' samples inside the rectangle (NULL: everywhere). */
gint difference(const GstVideoInfo *info, GstBuffer *a, GstBuffer *b, const FoveaRect *where);

/* ---- the element ---- */

/* `fovearestore PROPERTIES`, not live; caps may be NULL. */
GstHarness *restore_harness(const char *properties, const char *caps);
/* The caps that its source pad has. */
GstVideoInfo out_info(GstHarness *h);

/* ---- the same without GStreamer ---- */

typedef struct Reference {
    FoveaDevice *device;
    FoveaRestorer *restorer;
    FoveaRestorerStream *stream;
} Reference;

void reference_init(Reference *self, gint width, gint height);
void reference_clear(Reference *self);
/* What the restorer makes of a picture; params NULL: plain scaling. */
GstBuffer *reference_run(Reference *self, const GstVideoInfo *in, GstBuffer *buffer,
                         const GstVideoInfo *out, const FoveaRestoreParams *params);
