/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The sound of a media file, decoded by a GStreamer pipeline.
 */
#pragma once

#include <glib.h>

typedef struct Sound {
    gfloat *samples; /* one channel, -1..1, from the file's time 0 on */
    gsize n;
} Sound;

/* Reads all of it at `rate` samples a second. Where a stream begins late or has a hole, silence takes
 * its place. Errors: one sentence with the file's name. */
gboolean sound_read(const char *path, gint rate, Sound *sound, GError **error);
void sound_clear(Sound *sound);
