/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The energy gate: steady sound is never heard, short and soft sound over a background is, and
 * pauses are as long as they are.
 */
#include <math.h>

#include "task/speech-gate.h"

#define SECOND 50 /* frames */

static FoveaSpeechGate gate;

/* A steady sound of so many dB of full scale: noise, or a tone of `hertz`. */
static void play(GRand *r, guint frames, double db, double hertz, double offset)
{
    float samples[FOVEA_GATE_FRAME];
    double amplitude = pow(10, db / 20);
    for (guint f = 0; f < frames; f++) {
        for (guint i = 0; i < FOVEA_GATE_FRAME; i++) {
            double t = (double)(f * FOVEA_GATE_FRAME + i) / 16000, wave;
            if (hertz > 0)
                wave = G_SQRT2 * sin(2 * G_PI * hertz * t);
            else
                wave = sqrt(3) * g_rand_double_range(r, -1, 1);
            samples[i] = (float)(offset + amplitude * wave);
        }
        fovea_speech_gate_push(&gate, samples);
    }
}

static void test_steady(void)
{
    static const double sounds[][2] = {{-120, 0}, {-50, 0}, {-30, 0}, {-3, 0}, {-20, 440}};
    g_autoptr(GRand) r = g_rand_new_with_seed(1);
    for (guint i = 0; i < G_N_ELEMENTS(sounds); i++) {
        fovea_speech_gate_reset(&gate);
        play(r, 30 * SECOND, sounds[i][0], sounds[i][1], 0.1);
        g_assert_false(fovea_speech_gate_heard(&gate, 0, gate.n, NULL, NULL));
        g_assert_cmpuint(fovea_speech_gate_pause(&gate, gate.n - SECOND), ==, SECOND);
    }
}

/* 0.3 s of something 10 dB above the background, and after 1 s of it something loud. */
static void test_heard(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(2);
    guint64 first = 0, end = 0;
    fovea_speech_gate_reset(&gate);
    play(r, 3 * SECOND, -45, 0, 0);
    play(r, 15, -35, 0, 0);
    play(r, SECOND, -45, 0, 0);
    g_assert_true(fovea_speech_gate_heard(&gate, 0, gate.n, &first, &end));
    g_assert_cmpuint(first, ==, 3 * SECOND);
    g_assert_cmpuint(end, ==, 3 * SECOND + 15);
    g_assert_cmpuint(fovea_speech_gate_pause(&gate, 0), ==, SECOND);
    g_assert_cmpuint(fovea_speech_gate_loud(&gate, 0, gate.n), ==, 15);
    play(r, 10, -10, 0, 0);
    play(r, 20, -35, 0, 0);
    g_assert_true(fovea_speech_gate_heard(&gate, gate.n - 15, gate.n, NULL, NULL));
    g_assert_cmpuint(fovea_speech_gate_pause(&gate, 0), ==, 0);
}

/* Sound that begins loud is heard, with no background known yet. */
static void test_begin(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(3);
    fovea_speech_gate_reset(&gate);
    play(r, 5, -20, 0, 0);
    g_assert_true(fovea_speech_gate_heard(&gate, 0, gate.n, NULL, NULL));
}

static void test_quietest(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(4);
    fovea_speech_gate_reset(&gate);
    play(r, 100, -20, 0, 0);
    play(r, 10, -26, 0, 0);
    play(r, 100, -20, 0, 0);
    guint64 at = fovea_speech_gate_quietest(&gate, 20, gate.n);
    g_assert_cmpuint(at, >=, 101);
    g_assert_cmpuint(at, <, 109);
    g_assert_cmpuint(fovea_speech_gate_pause(&gate, 0), ==, 0);
}

/* Frames that are no longer kept are not asked about. */
static void test_forgets(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(5);
    fovea_speech_gate_reset(&gate);
    play(r, 2 * FOVEA_GATE_KEPT, -20, 0, 0);
    g_assert_cmpuint(fovea_speech_gate_loud(&gate, 0, gate.n), <=, FOVEA_GATE_KEPT);
    g_assert_cmpuint(fovea_speech_gate_pause(&gate, 0), <=, FOVEA_GATE_KEPT);
    g_assert_false(fovea_speech_gate_heard(&gate, 0, gate.n + 1000, NULL, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/speech-gate/steady", test_steady);
    g_test_add_func("/speech-gate/heard", test_heard);
    g_test_add_func("/speech-gate/begin", test_begin);
    g_test_add_func("/speech-gate/quietest", test_quietest);
    g_test_add_func("/speech-gate/forgets", test_forgets);
    return g_test_run();
}
