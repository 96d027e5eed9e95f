/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Log-mel spectrograms against transformers' (data/mel.npy, made by make_mel.py, which makes the
 * same sounds), and what no sound may do to us.
 */
#include <math.h>

#include "fovea/tensor.h"
#include "media/mel.h"

enum { ROWS = 80, FRAMES = 3000, WINDOW = 480000, COLUMNS = 38 };
static const FoveaMelParams whisper = {16000, 400, 160, ROWS, FRAMES};

/* make_mel.py's COLUMNS. */
static gint column(gint i)
{
    return i < 4 ? i : i < COLUMNS - 4 ? 50 + (i - 4) * 101 : FRAMES - COLUMNS + i;
}

typedef struct Sound {
    float *samples; /* malloc'd to the exact size: the sanitizer sees what is read beyond */
    gsize n;
} Sound;

static Sound sound_new(gsize n)
{
    return (Sound){g_new0(float, n), n};
}

static Sound noise(gsize n, float amplitude)
{
    Sound sound = sound_new(n);
    guint32 state = 1;
    for (gsize i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        sound.samples[i] = ((float)(state >> 8) / 8388608 - 1) * amplitude;
    }
    return sound;
}

static Sound tone(gsize n, double hz, double amplitude)
{
    Sound sound = sound_new(n);
    for (gsize i = 0; i < n; i++)
        sound.samples[i] = (float)(amplitude * sin(2 * G_PI * hz * i / 16000));
    return sound;
}

static Sound click(gsize n, gsize place)
{
    Sound sound = sound_new(n);
    sound.samples[place] = 1;
    return sound;
}

/* The 16-bit samples of shared/media/speech/jfk.wav; n = 0 where shared/ is not there. */
static Sound speech(void)
{
    const char *named = g_getenv("FOVEA_SHARED");
    g_autofree char *beside = g_test_build_filename(G_TEST_DIST, "..", "..", "..", "shared", NULL);
    const char *folder = named ? named : beside;
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
        return (Sound){0};
    g_autofree char *path = g_build_filename(folder, "media", "speech", "jfk.wav", NULL);
    g_autofree char *bytes = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    const char *data = memmem(bytes, size, "data", 4);
    g_assert_nonnull(data);
    Sound sound = sound_new((bytes + size - data - 8) / 2);
    for (gsize i = 0; i < sound.n; i++) {
        gint16 value;
        memcpy(&value, data + 8 + 2 * i, 2);
        sound.samples[i] = GINT16_FROM_LE(value) / 32768.f;
    }
    return sound;
}

static Sound case_sound(guint i)
{
    switch (i) {
    case 0: return speech();
    case 1: return sound_new(16000);
    case 2: return tone(80000, 440, 0.5);
    case 3: return tone(WINDOW, 1234.5, 0.9);
    case 4: return noise(160000, 0.05477226f);
    case 5: return click(48000, 20000);
    case 6: return noise(1600, 0.1f);
    case 7: return noise(WINDOW, 0.1f);
    default: return noise(496000, 0.1f);
    }
}

static void test_transformers(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    GError *error = NULL;
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "mel.npy", NULL);
    g_autoptr(FoveaTensor) expected = fovea_tensor_read_npy(path, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fovea_tensor_n_elements(expected), ==, 9 * ROWS * COLUMNS);
    const float *want = (const float *)fovea_tensor_data(expected) + i * ROWS * COLUMNS;
    g_autoptr(FoveaMel) mel = fovea_mel_new(&whisper, &error);
    g_assert_no_error(error);
    Sound sound = case_sound(i);
    if (sound.n == 0) {
        g_test_skip("no folder of media (FOVEA_SHARED, or ../shared)");
        return;
    }
    g_autofree float *out = g_new(float, ROWS *FRAMES);
    for (guint k = 0; k < ROWS * FRAMES; k++)
        out[k] = NAN;
    guint64 before = fovea_alloc_count();
    gint64 start = g_get_monotonic_time();
    g_assert_true(fovea_mel_run(mel, sound.samples, sound.n, out, &error));
    start = g_get_monotonic_time() - start;
    g_assert_cmpuint(fovea_alloc_count(), ==, before);
    double worst = 0;
    for (gint m = 0; m < ROWS; m++)
        for (gint c = 0; c < COLUMNS; c++) {
            double d = fabs((double)out[m * FRAMES + column(c)] - want[m * COLUMNS + c]);
            g_assert_false(isnan(d));
            worst = MAX(worst, d);
        }
    g_test_message("worst difference %.2e, %.2f ms", worst, start / 1000.);
    g_assert_cmpfloat(worst, <, 1e-4);
    g_free(sound.samples);
}

/* Nothing at all is silence; what is no sound stays finite. */
static void test_odd_sounds(void)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e9f};
    GError *error = NULL;
    g_autoptr(FoveaMel) mel = fovea_mel_new(&whisper, &error);
    g_assert_no_error(error);
    g_autofree float *out = g_new(float, ROWS *FRAMES);
    g_assert_true(fovea_mel_run(mel, NULL, 0, out, &error));
    for (guint k = 0; k < ROWS * FRAMES; k++)
        g_assert_cmpfloat(out[k], ==, -1.5f); /* (log10(1e-10) + 4) / 4 */
    for (guint i = 0; i < G_N_ELEMENTS(odd); i++) {
        Sound sound = noise(5000, 0.1f);
        for (gsize k = 0; k < sound.n; k += 700)
            sound.samples[k] = odd[i];
        g_assert_true(fovea_mel_run(mel, sound.samples, sound.n, out, &error));
        for (guint k = 0; k < ROWS * FRAMES; k++)
            g_assert_true(isfinite(out[k]));
        g_free(sound.samples);
    }
    g_assert_false(fovea_mel_run(mel, NULL, 1, out, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_clear_error(&error);
}

/* Parameters come from a file: those that make no spectrogram are refused, others just work. */
static void test_params(void)
{
    static const FoveaMelParams bad[] = {
        {0},
        {8000, 400, 160, 80, 3000},
        {16000, 401, 160, 80, 3000},
        {16000, 14 * 32, 160, 80, 3000}, /* a factor of 7 */
        {16000, 400, 0, 80, 3000},
        {16000, 400, 401, 80, 3000},
        {16000, 400, 160, 0, 3000},
        {16000, 400, 160, 80, 2},
        {16000, 400, 160, 80, G_MAXINT},
        {16000, -400, 160, 80, 3000},
        {16000, 400, 160, G_MAXINT, 3000},
    };
    static const FoveaMelParams good[] = {
        {16000, 400, 160, 128, 3000}, {16000, 16, 16, 1, 1}, {48000, 1200, 480, 1024, 7}};
    GError *error = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(fovea_mel_new(&bad[i], &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
        g_clear_error(&error);
    }
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(FoveaMel) mel = fovea_mel_new(&good[i], &error);
        g_assert_no_error(error);
        Sound sound = noise(300, 0.1f);
        gsize size = (gsize)good[i].mels * good[i].frames;
        g_autofree float *out = g_new(float, size);
        g_assert_true(fovea_mel_run(mel, sound.samples, sound.n, out, &error));
        for (gsize k = 0; k < size; k++)
            g_assert_true(isfinite(out[k]));
        g_free(sound.samples);
    }
}

static void test_no_memory(void)
{
    gint failures = 0;
    for (gint i = 0;; i++) {
        g_autoptr(GError) error = NULL;
        fovea_alloc_fail_after(i);
        g_autoptr(FoveaMel) mel = fovea_mel_new(&whisper, &error);
        fovea_alloc_fail_after(-1);
        if (mel)
            break;
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
        failures++;
    }
    g_assert_cmpint(failures, >, 3);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"speech", "silence", "tone",         "long-tone",  "noise",
                                        "click",  "short",   "whole-window", "over-window"};
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_strconcat("/mel/transformers/", names[i], NULL);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_transformers);
    }
    g_test_add_func("/mel/odd-sounds", test_odd_sounds);
    g_test_add_func("/mel/params", test_params);
    g_test_add_func("/mel/no-memory", test_no_memory);
    return g_test_run();
}
