/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The energy gate: levels of frames, the background they stand on, speech and pauses.
 */
#include "task/speech-gate.h"

#include <math.h>

#define SILENCE (-100.f) /* dB: where digital silence is counted */
#define NEVER (-62.f)    /* dB: quieter is no speech, whatever the background */
#define ABOVE 5.f  /* dB above the background that speech reaches; steady noise stays below 2 */
#define BELOW 36.f /* dB below the loudest: a pause */
#define EARLY 100  /* frames before the background is known: until then it is not higher than */
#define EARLY_FLOOR (-50.f)
#define RUN 3 /* frames of speech that count: shorter ones are clicks */
#define QUIET 5

void fovea_speech_gate_reset(FoveaSpeechGate *gate)
{
    gate->n = 0;
    gate->floor = gate->peak = SILENCE;
}

static float level(const FoveaSpeechGate *gate, guint64 frame)
{
    return gate->level[frame % FOVEA_GATE_KEPT];
}

void fovea_speech_gate_push(FoveaSpeechGate *gate, const float *samples)
{
    double sum = 0, squares = 0;
    for (guint i = 0; i < FOVEA_GATE_FRAME; i++) {
        sum += samples[i];
        squares += (double)samples[i] * samples[i];
    }
    double mean = sum / FOVEA_GATE_FRAME;
    double power = MAX(squares / FOVEA_GATE_FRAME - mean * mean, 0);
    gate->level[gate->n % FOVEA_GATE_KEPT] = MAX(10 * log10(power + 1e-12), SILENCE);
    gate->n++;

    guint64 from = gate->n > FOVEA_GATE_RECENT ? gate->n - FOVEA_GATE_RECENT : 0;
    gate->floor = gate->n < EARLY ? EARLY_FLOOR : G_MAXFLOAT;
    gate->peak = SILENCE;
    for (guint64 i = from; i + RUN <= gate->n; i++) {
        float smooth = (level(gate, i) + level(gate, i + 1) + level(gate, i + 2)) / RUN;
        gate->floor = MIN(gate->floor, smooth);
        gate->peak = MAX(gate->peak, smooth);
    }
}

static float speech_level(const FoveaSpeechGate *gate)
{
    return MAX(gate->floor + ABOVE, NEVER);
}

static float pause_level(const FoveaSpeechGate *gate)
{
    return MAX(speech_level(gate), gate->peak - BELOW);
}

static guint64 oldest(const FoveaSpeechGate *gate, guint64 from)
{
    return gate->n > FOVEA_GATE_KEPT ? MAX(from, gate->n - FOVEA_GATE_KEPT) : from;
}

gboolean fovea_speech_gate_heard(const FoveaSpeechGate *gate, guint64 from, guint64 to,
                                 guint64 *first, guint64 *end)
{
    float limit = speech_level(gate);
    guint run = 0;
    gboolean heard = FALSE;
    to = MIN(to, gate->n);
    for (guint64 i = oldest(gate, from); i < to; i++) {
        run = level(gate, i) >= limit ? run + 1 : 0;
        if (run < RUN)
            continue;
        if (!heard && first)
            *first = i + 1 - RUN;
        if (end)
            *end = i + 1;
        heard = TRUE;
    }
    return heard;
}

guint fovea_speech_gate_pause(const FoveaSpeechGate *gate, guint64 from)
{
    float limit = pause_level(gate);
    guint64 i = gate->n;
    from = oldest(gate, from);
    while (i > from && level(gate, i - 1) < limit)
        i--;
    return gate->n - i;
}

guint fovea_speech_gate_loud(const FoveaSpeechGate *gate, guint64 from, guint64 to)
{
    float limit = pause_level(gate);
    guint loud = 0;
    to = MIN(to, gate->n);
    for (guint64 i = oldest(gate, from); i < to; i++)
        loud += level(gate, i) >= limit;
    return loud;
}

guint64 fovea_speech_gate_quietest(const FoveaSpeechGate *gate, guint64 from, guint64 to)
{
    guint64 best = from + QUIET / 2;
    float least = G_MAXFLOAT;
    to = MIN(to, gate->n);
    for (guint64 i = oldest(gate, from); i + QUIET <= to; i++) {
        float sum = 0;
        for (guint k = 0; k < QUIET; k++)
            sum += level(gate, i + k);
        if (sum < least) {
            least = sum;
            best = i + QUIET / 2;
        }
    }
    return best;
}
