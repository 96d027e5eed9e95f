/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Says what a transcriber makes of sound, and when: what tests/bench/transcribe.py measures with.
 *
 * usage: bench-stream MODEL whole|stream FILE.f32...   (mono, 16 kHz, raw float samples)
 * $LIVE set: as in real time, less often where computing is slow.
 *
 * One JSON object a line: {file, at, took, cpu, start, end, final, text}; `at`: seconds of sound
 * pushed when the phrase came, `took`: seconds of computing in this push, `cpu`: of processor time
 * in it; the same without a phrase for each push that computed; at a file's end {file, seconds,
 * computed}.
 */
#include <stdio.h>
#include <time.h>

#include "fovea/fovea.h"

#define CHUNK (FOVEA_TRANSCRIBE_RATE / 50)

static double seconds(gint64 since)
{
    return (double)(g_get_monotonic_time() - since) / G_USEC_PER_SEC;
}

/* Of all threads. */
static double processor(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void print(const char *file, double at, double took, double cpu, const GArray *phrases)
{
    if (took > 0.01)
        printf("{\"file\": \"%s\", \"at\": %.2f, \"took\": %.4f, \"cpu\": %.4f}\n", file, at, took,
               cpu);
    for (guint i = 0; i < phrases->len; i++) {
        const FoveaPhrase *p = &g_array_index(phrases, FoveaPhrase, i);
        g_autofree char *escaped = g_strescape(p->text, "\200\201\202\203\204\205\206\207\210\211");
        printf("{\"file\": \"%s\", \"at\": %.2f, \"took\": %.4f, \"cpu\": %.4f, \"start\": %.3f, "
               "\"end\": %.3f, "
               "\"final\": %s, \"text\": \"%s\"}\n",
               file, at, took, cpu, (double)p->start / 1e9, (double)p->end / 1e9,
               p->final ? "true" : "false", escaped);
    }
}

static gboolean stream(FoveaTranscriberStream *s, const char *name, const gfloat *samples, gsize n,
                       GError **error)
{
    g_autoptr(GArray) phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    double computed = 0;
    for (gsize at = 0; at < n; at += CHUNK) {
        gint64 start = g_get_monotonic_time();
        double cpu = processor();
        gsize chunk = MIN(n - at, (gsize)CHUNK);
        if (!fovea_transcriber_stream_push(s, samples + at, chunk, phrases, error))
            return FALSE;
        double took = seconds(start);
        computed += took;
        print(name, (double)(at + chunk) / FOVEA_TRANSCRIBE_RATE, took, processor() - cpu, phrases);
    }
    gint64 start = g_get_monotonic_time();
    double cpu = processor();
    if (!fovea_transcriber_stream_finish(s, phrases, error))
        return FALSE;
    double length = (double)n / FOVEA_TRANSCRIBE_RATE;
    print(name, length, seconds(start), processor() - cpu, phrases);
    printf("{\"file\": \"%s\", \"seconds\": %.3f, \"computed\": %.3f}\n", name, length,
           computed + seconds(start));
    return TRUE;
}

static gboolean whole(FoveaTranscriberStream *s, const char *name, const gfloat *samples, gsize n,
                      GError **error)
{
    g_autoptr(GArray) phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    FoveaTranscribeWholeParams params = {.timestamps = TRUE};
    gint64 start = g_get_monotonic_time();
    double cpu = processor();
    if (!fovea_transcriber_stream_whole(s, samples, n, &params, phrases, error))
        return FALSE;
    double took = seconds(start), length = (double)n / FOVEA_TRANSCRIBE_RATE;
    print(name, length, took, processor() - cpu, phrases);
    printf("{\"file\": \"%s\", \"seconds\": %.3f, \"computed\": %.3f}\n", name, length, took);
    return TRUE;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (argc < 4)
        return fprintf(stderr, "usage: %s MODEL whole|stream FILE.f32...\n", argv[0]), 2;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    FoveaTranscriberParams params = {.model = argv[1], .precision = FOVEA_PRECISION_F32};
    FoveaTranscriberStreamParams how = {.live = g_getenv("LIVE") != NULL};
    g_autoptr(FoveaTranscriber)
        transcriber = device ? fovea_transcriber_new(device, &params, &error) : NULL;
    g_autoptr(FoveaTranscriberStream)
        s = transcriber ? fovea_transcriber_stream_new(transcriber, &how, &error) : NULL;
    for (int i = 3; s && error == NULL && i < argc; i++) {
        g_autofree char *data = NULL;
        gsize size;
        if (!g_file_get_contents(argv[i], &data, &size, &error))
            break;
        gboolean (*run)(FoveaTranscriberStream *, const char *, const gfloat *, gsize,
                        GError **) = g_str_equal(argv[2], "whole") ? whole : stream;
        run(s, argv[i], (const gfloat *)(gpointer)data, size / sizeof(gfloat), &error);
        fflush(stdout);
    }
    if (error)
        fprintf(stderr, "%s\n", error->message);
    return error != NULL;
}
