/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/listen.h: understanding sound while it comes. Internal.
 *
 * The sound since the last cut is kept, at most about 22 s. About every second all of it is encoded,
 * and decoded behind the words that are stable already. Words that two hypotheses in a row agree on
 * become stable, but the last one, which more sound may change. At a pause (a shorter one suffices
 * the longer the sound has become) all before it is decoded once more and final, and the sound is
 * cut there. What the energy gate does not hear is never encoded; what the model takes for no speech
 * has no text.
 *
 * Everything is decided at frames of the sound, by its samples alone: however it is pushed, the text
 * is the same. Only with `live` the time that computing takes decides how often it is done.
 *
 * Source: local agreement of Liu et al. 2020 (low-latency sequence-to-sequence speech recognition).
 */
#pragma once

#include "task/agreement.h"
#include "task/speech-gate.h"
#include "task/transcribe-stream.h"

/* Positions are samples from the stream's first one. */
struct FoveaListening {
    FoveaSpeechGate gate;
    float *sound;
    gsize n, room;
    gint64 base;    /* position of sound[0]: a whole frame */
    gint64 next;    /* where the next hypothesis is due */
    gint64 said;    /* end of the last final phrase */
    GArray *stable; /* guint32: tokens of the sound since `base` that will not change */
    guint stable_words, said_words;
    FoveaHypothesis now, before;
    gboolean compare; /* `before` is a hypothesis about this sound */
    GString *rest;    /* bytes of a character that is split over tokens */
    gboolean live;
};

FoveaListening *fovea_listening_new(gsize window, gboolean live, GError **error);
void fovea_listening_free(FoveaListening *listening);
void fovea_listening_reset(FoveaListening *listening);

gboolean fovea_listen(FoveaTranscriberStream *stream, const gfloat *samples, gsize n,
                      GArray *phrases, GError **error);
/* The sound ends: all of it is understood. */
gboolean fovea_listen_end(FoveaTranscriberStream *stream, GArray *phrases, GError **error);

/* Hands out words said_words .. to - 1 of `now` as final phrases, one a piece between timestamps,
 * and those from `to` on as one that is not where that is wanted. `end`: frame where the sound of
 * the hypothesis ends. */
void fovea_listen_hand_out(FoveaTranscriberStream *stream, guint to, guint64 end, GArray *phrases);
