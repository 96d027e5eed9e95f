/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Times one window of speech: what whisper_bench.py measures with.
 *
 * usage: bench-whisper MODEL FILE.f32 RUNS   (mono, 16 kHz, raw float samples, at most 30 s)
 *
 * One JSON object: {"encode": [ms...], "decode": [ms...], "ids": [...], "rss_mb": N}. Encoding
 * includes the spectrogram; decoding is greedy, without timestamps.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "task/whisper.h"

static double since(gint64 start)
{
    return (double)(g_get_monotonic_time() - start) / 1000;
}

static int fail(GError *error)
{
    fprintf(stderr, "bench-whisper: %s\n", error->message);
    g_error_free(error);
    return 1;
}

static void print_list(const char *name, const double *values, guint n)
{
    printf("\"%s\": [", name);
    for (guint i = 0; i < n; i++)
        printf("%s%.2f", i ? ", " : "", values[i]);
    printf("], ");
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    g_autofree char *data = NULL;
    gsize size;
    if (argc != 4 || atoi(argv[3]) < 1) {
        fputs("usage: bench-whisper MODEL FILE.f32 RUNS\n", stderr);
        return 2;
    }
    guint runs = (guint)atoi(argv[3]);
    FoveaTranscriberParams params = {.model = argv[1], .precision = FOVEA_PRECISION_F32};
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    g_autoptr(FoveaTranscriber) t = device ? fovea_transcriber_new(device, &params, &error) : NULL;
    g_autoptr(FoveaWhisper) whisper = t ? fovea_whisper_new(t, &error) : NULL;
    if (!whisper || !g_file_get_contents(argv[2], &data, &size, &error))
        return fail(error);
    gsize n = MIN(size / sizeof(float), fovea_whisper_window(t));
    g_autofree double *encode = g_new(double, runs), *decode = g_new(double, runs);
    FoveaWhisperDecode how = {0};
    FoveaWhisperResult result;
    fovea_whisper_result_init(&result);
    for (guint i = 0; i < runs; i++) {
        gint64 start = g_get_monotonic_time();
        if (!fovea_whisper_encode(whisper, (const float *)(gpointer)data, n, &error))
            return fail(error);
        encode[i] = since(start);
        start = g_get_monotonic_time();
        if (!fovea_whisper_decode(whisper, &how, &result, &error))
            return fail(error);
        decode[i] = since(start);
    }
    printf("{");
    print_list("encode", encode, runs);
    print_list("decode", decode, runs);
    printf("\"ids\": [");
    for (guint i = 0; i < result.tokens->len; i++)
        printf("%s%u", i ? ", " : "", g_array_index(result.tokens, guint32, i));
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("], \"rss_mb\": %ld}\n", usage.ru_maxrss / 1024);
    fovea_whisper_result_clear(&result);
    return 0;
}
