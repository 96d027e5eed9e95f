/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * whisper-tiny.en on sound that is still coming: no words without speech, no word of speech lost, the
 * same text however it is pushed, right times, and promises kept. On the CPU; all clips and
 * sounds where FOVEA_TEST_FULL is set.
 */
#include <math.h>

#include "case.h"
#include "fovea/fovea.h"
#include "speech.h"

#define RATE FOVEA_TRANSCRIBE_RATE
#define SECOND G_GINT64_CONSTANT(1000000000)

static FoveaTranscriber *transcriber;

/* All that a stream said. */
typedef struct Said {
    GString *text;   /* of final phrases, a space between them */
    GArray *phrases; /* FoveaPhrase, final ones; text: where it begins in `text` */
    guint partial;   /* phrases that were not final */
    gint64 pushed, end, settled;
} Said;

static void said_clear(Said *said)
{
    g_string_free(said->text, TRUE);
    g_array_unref(said->phrases);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Said, said_clear)

static Said said_new(void)
{
    return (Said){.text = g_string_new(NULL),
                  .phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase))};
}

static FoveaTranscriberStream *stream_new(gboolean partial)
{
    GError *error = NULL;
    FoveaTranscriberStreamParams params = {.partial = partial};
    FoveaTranscriberStream *s = fovea_transcriber_stream_new(transcriber, &params, &error);
    g_assert_no_error(error);
    return s;
}

/* Phrases follow one another, none begins before what was settled when it came, and only the last
 * one of a call may not be final. */
static void listen(Said *said, const GArray *phrases)
{
    for (guint i = 0; i < phrases->len; i++) {
        FoveaPhrase p = g_array_index(phrases, FoveaPhrase, i);
        g_assert_cmpint(p.start, >=, said->end);
        g_assert_cmpint(p.start, >=, said->settled);
        g_assert_cmpint(p.end, >, p.start);
        g_assert_cmpuint(strlen(p.text), >, 0);
        if (!p.final) {
            g_assert_cmpuint(i, ==, phrases->len - 1);
            said->partial++;
            continue;
        }
        if (said->text->len)
            g_string_append_c(said->text, ' ');
        said->end = p.end;
        g_string_append(said->text, p.text);
        g_array_append_val(said->phrases, p);
    }
}

static void push(FoveaTranscriberStream *s, Said *said, const float *samples, gsize n, gsize chunk)
{
    GError *error = NULL;
    g_autoptr(GArray) phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    for (gsize at = 0, take; at < n; at += take) {
        take = MIN(n - at, chunk ? chunk : 1 + (at * 7919) % 9973);
        fovea_transcriber_stream_push(s, samples + at, take, phrases, &error);
        g_assert_no_error(error);
        listen(said, phrases);
        gint64 settled = fovea_transcriber_stream_settled(s);
        g_assert_cmpint(settled, >=, said->settled);
        said->pushed += (gint64)take * (SECOND / RATE);
        g_assert_cmpint(settled, <=, said->pushed);
        said->settled = settled;
    }
}

static void finish(FoveaTranscriberStream *s, Said *said)
{
    GError *error = NULL;
    g_autoptr(GArray) phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    fovea_transcriber_stream_finish(s, phrases, &error);
    g_assert_no_error(error);
    listen(said, phrases);
    g_assert_cmpint(fovea_transcriber_stream_settled(s), ==, 0);
    said->end = said->settled = said->pushed = 0;
}

/* Case and marks do not count; "Mr." is a mister, and a digit its word. */
static GStrv words(const char *text)
{
    static const char *const digits[] = {"zero", "one", "two",   "three", "four",
                                         "five", "six", "seven", "eight", "nine"};
    g_autofree char *low = g_ascii_strdown(text, -1);
    GString *plain = g_string_new(low);
    for (guint i = 0; i < G_N_ELEMENTS(digits); i++)
        g_string_replace(plain, (const char[]){(char)('0' + i), 0}, digits[i], 0);
    g_string_replace(plain, "mr.", "mister", 0);
    g_string_replace(plain, "-", " ", 0);
    for (char *p = plain->str; *p;)
        if (strchr(",.?!:;\"", *p))
            memmove(p, p + 1, strlen(p));
        else
            p++;
    GStrv list = g_strsplit(plain->str, " ", -1);
    g_string_free(plain, TRUE);
    return list;
}

/* Words to insert, delete and replace. */
static guint errors_in(const char *truth, const char *text)
{
    g_auto(GStrv) a = words(truth);
    g_auto(GStrv) b = words(text);
    guint n = g_strv_length(b);
    g_autofree guint *row = g_new(guint, n + 1);
    for (guint j = 0; j <= n; j++)
        row[j] = j;
    for (guint i = 0; a[i]; i++) {
        guint last = row[0]++;
        for (guint j = 1; j <= n; j++) {
            guint same = last + !g_str_equal(a[i], b[j - 1]);
            last = row[j];
            row[j] = MIN(MIN(row[j], row[j - 1]) + 1, same);
        }
    }
    return row[n];
}

/* ---- no speech ---- */

static float noise(GRand *r)
{
    double sum = 0;
    for (guint i = 0; i < 12; i++)
        sum += g_rand_double(r);
    return (float)(sum - 6);
}

static void make_sound(const char *what, float *x, gsize n)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(7);
    for (gsize i = 0; i < n; i++) {
        double t = (double)i / RATE, beat = fmod(t, 0.5);
        if (g_str_equal(what, "silence"))
            x[i] = 0;
        else if (g_str_equal(what, "noise-30"))
            x[i] = noise(r) * 0.031623f;
        else if (g_str_equal(what, "noise-50"))
            x[i] = noise(r) * 0.0031623f;
        else if (g_str_equal(what, "tone"))
            x[i] = (float)(0.3 * sin(2 * G_PI * 440 * t));
        else if (g_str_equal(what, "drum"))
            x[i] = (float)(0.5 * exp(-30 * beat) * sin(2 * G_PI * 80 * beat)) +
                   0.2f * expf((float)(-80 * beat)) * noise(r);
        else /* clicks of 50 ms */
            x[i] = beat < 0.05 ? 0.3f * noise(r) : 0;
    }
}

static void test_no_speech(gconstpointer what)
{
    gsize n = 30 * RATE;
    g_autofree float *x = g_new(float, n);
    g_autoptr(FoveaTranscriberStream) s = stream_new(TRUE);
    g_auto(Said) said = said_new();
    make_sound(what, x, n);
    push(s, &said, x, n, RATE / 50);
    if (g_str_equal(what, "silence"))
        g_assert_cmpint(said.settled, >=, 29 * SECOND);
    finish(s, &said);
    g_assert_cmpstr(said.text->str, ==, "");
    g_assert_cmpuint(said.partial, ==, 0);
}

/* ---- speech ---- */

/* Pushed as a pipeline does, then in pieces of odd sizes by a stream that says partial text too. */
static void test_clip(gconstpointer data)
{
    const SpeechClip *clip = data;
    g_autoptr(FoveaTranscriberStream) even = stream_new(FALSE), odd = stream_new(TRUE);
    g_auto(Said) first = said_new(), second = said_new();
    gsize n;
    g_autofree float *x = speech_read(clip->name, &n);
    push(even, &first, x, n, RATE / 50);
    finish(even, &first);
    g_test_message("%s", first.text->str);
    g_assert_cmpuint(errors_in(clip->text, first.text->str), <=, clip->wrong);
    g_assert_cmpuint(first.partial, ==, 0);
    push(odd, &second, x, n, 0);
    finish(odd, &second);
    g_assert_cmpstr(second.text->str, ==, first.text->str);
    g_assert_cmpuint(second.phrases->len, ==, first.phrases->len);
    for (guint i = 0; i < first.phrases->len; i++) {
        const FoveaPhrase *p = &g_array_index(first.phrases, FoveaPhrase, i);
        const FoveaPhrase *q = &g_array_index(second.phrases, FoveaPhrase, i);
        g_assert_cmpint(p->start, ==, q->start);
        g_assert_cmpint(p->end, ==, q->end);
    }
    if (n > 3 * RATE)
        g_assert_cmpuint(second.partial, >, 0);
}

/* Clips with a pause between them: each is where it is, to a second. */
static void test_joined(void)
{
    static const char *const names[] = {"librivox_0880.flac", "LJ001-0002.flac", "cards_005.flac"};
    g_autoptr(FoveaTranscriberStream) s = stream_new(FALSE);
    g_auto(Said) said = said_new();
    g_autofree float *silence = g_new0(float, 2 * RATE);
    g_autoptr(GString) truth = g_string_new(NULL);
    gsize at = 0, n, wrong = 0;
    guint seen = 0;
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const SpeechClip *clip = speech_clip(names[i]);
        g_autofree float *x = speech_read(names[i], &n);
        push(s, &said, x, n, RATE / 50);
        push(s, &said, silence, 2 * RATE, RATE / 50);
        gint64 begin = (gint64)at * (SECOND / RATE), end = begin + (gint64)n * (SECOND / RATE);
        /* 2 s later all of it has been said, and what comes is later. */
        g_assert_cmpuint(said.phrases->len, >, seen);
        const FoveaPhrase *p = &g_array_index(said.phrases, FoveaPhrase, seen);
        g_assert_cmpint(ABS(p->start - begin), <=, SECOND);
        g_assert_cmpint(ABS(said.end - end), <=, SECOND);
        g_assert_cmpint(said.settled, >=, end + SECOND);
        seen = said.phrases->len;
        at += n + 2 * RATE;
        wrong += clip->wrong;
        g_string_append_printf(truth, "%s%s", i ? " " : "", clip->text);
    }
    finish(s, &said);
    g_test_message("%s", said.text->str);
    g_assert_cmpuint(said.phrases->len, ==, seen);
    g_assert_cmpuint(errors_in(truth->str, said.text->str), <=, wrong);
}

/* Little sound, none, and a stream that is used again. */
static void test_ends(void)
{
    g_autoptr(FoveaTranscriberStream) s = stream_new(FALSE);
    g_auto(Said) said = said_new(), again = said_new();
    gsize n;
    g_autofree float *x = speech_read("LJ001-0008.flac", &n);
    finish(s, &said);
    push(s, &said, x + RATE / 2, RATE / 10, RATE / 50);
    finish(s, &said);
    g_string_truncate(said.text, 0);
    push(s, &said, x, n, RATE / 50);
    finish(s, &said);
    g_assert_cmpstr(said.text->str, !=, "");

    push(s, &again, x, RATE * 3 / 2, RATE / 50);
    fovea_transcriber_stream_reset(s);
    g_assert_cmpint(fovea_transcriber_stream_settled(s), ==, 0);
    again.settled = again.end = again.pushed = 0;
    g_string_truncate(again.text, 0);
    push(s, &again, x, n, RATE / 50);
    finish(s, &again);
    g_assert_cmpstr(again.text->str, ==, said.text->str);
}

/* Samples that are no numbers are silence. */
static void test_no_numbers(void)
{
    g_autoptr(FoveaTranscriberStream) s = stream_new(FALSE);
    g_auto(Said) said = said_new();
    g_autofree float *x = g_new(float, 3 * RATE);
    for (gsize i = 0; i < 3 * RATE; i++)
        x[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
    push(s, &said, x, 3 * RATE, 0);
    finish(s, &said);
    g_assert_cmpstr(said.text->str, ==, "");
}

static void test_cancel(void)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GArray) phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    g_autoptr(GError) error = NULL;
    FoveaTranscriberStreamParams params = {.cancellable = cancellable};
    g_autoptr(FoveaTranscriberStream)
        s = fovea_transcriber_stream_new(transcriber, &params, &error);
    g_assert_no_error(error);
    gsize n;
    g_autofree float *x = speech_read("LJ001-0008.flac", &n);
    g_cancellable_cancel(cancellable);
    g_assert_false(fovea_transcriber_stream_push(s, x, n, phrases, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_CANCELLED);
    g_clear_error(&error);
    g_cancellable_reset(cancellable);
    fovea_transcriber_stream_reset(s);
    g_auto(Said) said = said_new();
    push(s, &said, x, n, RATE / 50);
    finish(s, &said);
    g_assert_cmpstr(said.text->str, !=, "");
}

static void test_skip(void)
{
    g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
}

static gboolean is_full(void)
{
    return g_getenv("FOVEA_TEST_FULL") != NULL;
}

static void add_clips(void)
{
    guint n;
    const SpeechClip *clips = speech_clips(&n);
    for (guint i = 0; i < n; i++) {
        if (!clips[i].quick && !is_full())
            continue;
        g_autofree char *path = g_strdup_printf("/stream/clip/%s", clips[i].name);
        g_test_add_data_func(path, &clips[i], test_clip);
    }
}

int main(int argc, char **argv)
{
    static const char *const sounds[] = {"silence", "noise-30", "noise-50",
                                         "tone",    "drum",     "clicks"};
    g_test_init(&argc, &argv, NULL);
    if (shared_folder() == NULL) {
        g_test_add_func("/stream", test_skip);
        return g_test_run();
    }
    GError *error = NULL;
    g_autofree char *folder = g_build_filename(shared_folder(), "models", "whisper-tiny.en", NULL);
    FoveaTranscriberParams params = {.model = folder, .precision = FOVEA_PRECISION_F32};
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    transcriber = fovea_transcriber_new(device, &params, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(sounds) - (is_full() ? 0 : 1); i++) {
        g_autofree char *path = g_strdup_printf("/stream/no-speech/%s", sounds[i]);
        g_test_add_data_func(path, sounds[i], test_no_speech);
    }
    add_clips();
    g_test_add_func("/stream/joined", test_joined);
    g_test_add_func("/stream/ends", test_ends);
    g_test_add_func("/stream/no-numbers", test_no_numbers);
    g_test_add_func("/stream/cancel", test_cancel);
    int status = g_test_run();
    fovea_transcriber_unref(transcriber);
    return status;
}
