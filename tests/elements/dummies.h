/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dummies.h: tasks without a model. Each is an ordinary subclass of FoveaElement; what they do is
 * set by public fields, so that a test can make them slow, failing or cancelled.
 */
#pragma once

#include <gst/check/gstharness.h>

#include "bus.h"
#include "common/fovea-element.h"
#include "common/fovea-meta.h"

/* What a dummy saw and did; guarded by its object lock where a test reads it while it runs. */
typedef struct Dummy {
    FoveaElement parent;
    /* set by the test */
    guint delay_us;   /* that process takes */
    guint fail_every; /* every so manieth frame fails; 0: none */
    guint load_ms;    /* that loading takes (in steps of 5 ms, cancellable) */
    gboolean load_fail;
    gint hold,
        hold_load;     /* process, loading goes on when the test has cleared it (dummy_release) */
    guint window, hop; /* dummywindow, dummyspeech */
    guint text_every;  /* frames or windows from text to text */
    gint64 settle_lag; /* ns by which text is settled behind the media; < 0: not told */
    /* seen */
    gint processed, loads, unloads, resets, drains, caps_changes, passed;
    gint cancelled_loads, cancelled, regions;
    gint in_process; /* 1 while process runs */
    GArray *windows; /* of FoveaWindow (data is not valid) */
    GArray *first;   /* gint16 first sample of each window */
    FoveaRect rects[16];
} Dummy;

void dummies_register(void);
/* Waits until process runs (a dummy that is held stays there). */
void dummy_wait_busy(Dummy *dummy);
/* Clears hold or hold_load. */
void dummy_release(gint *hold);

/* ---- pictures that carry a number: GRAY8, 16 blocks, one a bit ---- */

#define NUMBER_WIDTH 64
#define NUMBER_HEIGHT 16
#define NUMBER_CAPS "video/x-raw,format=GRAY8,width=64,height=16,framerate=25/1"
#define FRAME_TIME (GST_SECOND / 25)

GstBuffer *number_frame(guint number, gint width, gint height);
gint number_read(GstBuffer *buffer, const GstVideoInfo *info); /* -1: not readable */
/* Label id of the frame's only detection, or -1. */
gint number_attached(GstBuffer *buffer);

guint64 stat_of(GstElement *element, const char *name);
GstHarness *dummy_harness(const char *factory, gboolean live, const char *caps);
glong resident_kib(void); /* memory of this process */
glong peak_kib(void);     /* the most that it was */
