/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * detect-run.h: runs foveadetect with a real model (DEIMv2 Atto), and keeps what it finds.
 */
#pragma once

#include "common/fovea-meta.h"

typedef struct Found {
    char label[64];
    FoveaDetection d;
    GstClockTime pts;
    guint frame;
} Found;

typedef struct Run {
    GArray *found; /* of Found */
    guint frames, analysed;
    GstSample *last;
} Run;

char *detect_model(void); /* (transfer full) */
/* Keeps what comes to this fakesink. */
void collect_from(GstElement *sink, Run *run);
/* Runs to the end. The pipeline ends in a fakesink named "s". */
Run run_launch(const char *launch);
/* One picture of the shared folder in this format. */
Run run_picture(const char *picture, const char *format, const char *properties);
void run_clear(Run *run);
