/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/speech-gate.h: how loud the sound is, frame by frame, against its own background. Internal.
 *
 * The gate says what surely holds no speech (silence, steady noise, a steady tone: it never rises
 * above the background), and where speech pauses. All of it depends on the samples only. Frames are
 * kept for a while, and judged when asked: what came before the first pause is judged by it too.
 */
#pragma once

#include "base/base.h"

#define FOVEA_GATE_FRAME 320  /* samples: 20 ms at 16 kHz */
#define FOVEA_GATE_KEPT 2048  /* frames that can be asked about: 41 s */
#define FOVEA_GATE_RECENT 500 /* frames that tell the background: 10 s */

typedef struct FoveaSpeechGate {
    float level[FOVEA_GATE_KEPT]; /* dB of full scale of each frame, around its mean; a ring */
    guint64 n;                    /* frames so far */
    float floor, peak; /* dB of the quietest and the loudest 60 ms of the recent frames */
} FoveaSpeechGate;

void fovea_speech_gate_reset(FoveaSpeechGate *gate);
/* Takes the next FOVEA_GATE_FRAME samples. */
void fovea_speech_gate_push(FoveaSpeechGate *gate, const float *samples);

/* Looks for sound that may be speech among the frames from..to - 1; its first frame and the one
 * after its last go to first and end (may be NULL). */
gboolean fovea_speech_gate_heard(const FoveaSpeechGate *gate, guint64 from, guint64 to,
                                 guint64 *first, guint64 *end);
/* Frames up to the newest, all at or after `from`, that are so much quieter than speech that they
 * are a pause. */
guint fovea_speech_gate_pause(const FoveaSpeechGate *gate, guint64 from);
/* Frames of from..to - 1 that are louder than a pause. */
guint fovea_speech_gate_loud(const FoveaSpeechGate *gate, guint64 from, guint64 to);
/* Middle of the quietest 100 ms in from..to - 1, a range of at least that. */
guint64 fovea_speech_gate_quietest(const FoveaSpeechGate *gate, guint64 from, guint64 to);
