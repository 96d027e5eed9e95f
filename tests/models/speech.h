/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The clips of $FOVEA_SHARED/media/speech with what is said in them.
 */
#pragma once

#include <glib.h>

typedef struct SpeechClip {
    const char *name, *text;
    guint wrong;    /* words that the model reads wrongly in all of the clip at once */
    gboolean quick; /* part of the short run */
} SpeechClip;

/* The clips of transcripts.tsv, which is read once. */
const SpeechClip *speech_clips(guint *n);
const SpeechClip *speech_clip(const char *name);
/* A clip's samples, mono at 16 kHz (g_free), decoded by GStreamer. */
float *speech_read(const char *name, gsize *n);
