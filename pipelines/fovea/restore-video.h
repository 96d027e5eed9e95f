/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of a video's pipeline share; only where GStreamer is there.
 */
#pragma once

#include <gst/gst.h>

#include "restore.h"

typedef struct Video {
    const RestoreOptions *options;
    const char *in, *out;
    GstElement *pipeline, *mux, *picture, *restore; /* picture: takes it decoded */
    GstPad *source;       /* of the compressed video: knows how long it lasts */
    GMutex lock;          /* guards what follows: pads appear on other threads */
    GError *error;        /* the first mistake found there */
    guint64 frames, last; /* how many were restored, and the time of the last */
} Video;

/* An element in the pipeline; NULL, and the error noted, where there is none of the kind. */
GstElement *video_add(Video *v, const char *factory);
/* Elements by name, NULL at the end, linked in a row; the first one in *first. The last, or NULL. */
GstElement *video_add_row(Video *v, GstElement **first, ...) G_GNUC_NULL_TERMINATED;
gboolean video_link(GstPad *pad, GstElement *element);
/* Notes the first mistake; the pipeline then ends. */
void video_fail(Video *v, const char *what);

/* Takes a stream of sound to the muxer: as it is where the muxer can hold it, else encoded anew. */
gboolean video_add_sound(Video *v, GstPad *pad, GstCaps *caps);
