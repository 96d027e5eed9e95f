/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * whisper-tiny.en on the clips of $FOVEA_SHARED/media/speech: without timestamps the texts are those
 * of golden/whisper-tiny.en__transcripts.json, with timestamps the tokens are transformers' over ONNX
 * Runtime's logits (data/whisper-timestamps.json, made by make_whisper_timestamps.py). On a software
 * GPU some clips stand for all, unless FOVEA_TEST_FULL is set. Sound without speech gives no text, and
 * joined clips longer than a window lose nothing.
 */
#include <json-glib/json-glib.h>
#include <math.h>

#include "../../pipelines/fovea/sound.h"
#include "case.h"
#include "task/whisper.h"

typedef struct Heard {
    FoveaDevice *device;
    FoveaTranscriber *transcriber;
    FoveaTranscriberStream *stream;
    FoveaWhisper *whisper;
    GArray *phrases;
} Heard;

/* FALSE: skipped. */
static gboolean heard_open(Heard *h, const char *device, FoveaPrecision precision)
{
    GError *error = NULL;
    memset(h, 0, sizeof *h);
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
        return FALSE;
    }
    h->device = open_or_skip(device);
    if (h->device == NULL)
        return FALSE;
    g_autofree char *folder = g_build_filename(shared_folder(), "models", "whisper-tiny.en", NULL);
    FoveaTranscriberParams params = {.model = folder, .precision = precision};
    h->transcriber = fovea_transcriber_new(h->device, &params, &error);
    g_assert_no_error(error);
    h->stream = fovea_transcriber_stream_new(h->transcriber, NULL, &error);
    g_assert_no_error(error);
    h->whisper = fovea_whisper_new(h->transcriber, &error);
    g_assert_no_error(error);
    h->phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    return TRUE;
}

static void heard_close(Heard *h)
{
    g_array_unref(h->phrases);
    fovea_whisper_free(h->whisper);
    fovea_transcriber_stream_free(h->stream);
    fovea_transcriber_unref(h->transcriber);
    fovea_device_unref(h->device);
}

static JsonParser *read_json(char *path)
{
    GError *error = NULL;
    JsonParser *parser = json_parser_new();
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    g_free(path);
    return parser;
}

static void read_clip(const char *name, Sound *sound)
{
    GError *error = NULL;
    g_autofree char *path = g_build_filename(shared_folder(), "media", "speech", name, NULL);
    sound_read(path, FOVEA_TRANSCRIBE_RATE, sound, &error);
    g_assert_no_error(error);
}

/* All phrases' texts with a space between. */
static char *whole(Heard *h, const gfloat *samples, gsize n, gboolean timestamps)
{
    GError *error = NULL;
    FoveaTranscribeWholeParams params = {.timestamps = timestamps};
    fovea_transcriber_stream_whole(h->stream, samples, n, &params, h->phrases, &error);
    g_assert_no_error(error);
    GString *text = g_string_new(NULL);
    gint64 last = 0;
    for (guint i = 0; i < h->phrases->len; i++) {
        const FoveaPhrase *p = &g_array_index(h->phrases, FoveaPhrase, i);
        g_string_append_printf(text, "%s%s", i ? " " : "", p->text);
        g_assert_cmpint(p->start, >=, last); /* in order, inside the sound */
        g_assert_cmpint(p->end, >=, p->start);
        g_assert_cmpint(p->end, <=, (gint64)n * 62500);
        g_assert_true(p->final);
        last = p->end;
    }
    return g_string_free(text, FALSE);
}

static void check_tokens(Heard *h, const char *name, const Sound *sound, JsonArray *ids)
{
    GError *error = NULL;
    FoveaWhisperDecode decode = {.timestamps = TRUE};
    FoveaWhisperResult result;
    fovea_whisper_result_init(&result);
    fovea_whisper_encode(h->whisper, sound->samples, sound->n, &error);
    g_assert_no_error(error);
    fovea_whisper_decode(h->whisper, &decode, &result, &error);
    g_assert_no_error(error);
    g_assert_true(result.ended && !result.looped);
    g_assert_cmpfloat(result.no_speech, <, 0.1);
    guint n = json_array_get_length(ids);
    for (guint i = 1; i < MAX(n, result.tokens->len + 1); i++) {
        gint64 want = i < n ? json_array_get_int_element(ids, i) : -1;
        gint64 have = i <= result.tokens->len ? g_array_index(result.tokens, guint32, i - 1) : -1;
        if (want != have)
            g_error("%s: token %u is %d, not %d", name, i, (int)have, (int)want);
    }
    fovea_whisper_result_clear(&result);
}

static void check_clips(Heard *h, gboolean all)
{
    static const char *some[] = {"LJ001-0008.flac", "cards_005.flac", NULL};
    g_autoptr(JsonParser) golden = read_json(
        g_build_filename(shared_folder(), "golden", "whisper-tiny.en__transcripts.json", NULL));
    g_autoptr(JsonParser) stamped =
        read_json(g_test_build_filename(G_TEST_DIST, "data", "whisper-timestamps.json", NULL));
    JsonObject *texts = json_node_get_object(json_parser_get_root(golden));
    JsonObject *tokens = json_node_get_object(json_parser_get_root(stamped));
    g_autoptr(GList) names = json_object_get_members(texts);
    guint n = 0;
    g_assert_cmpuint(json_object_get_size(tokens), ==, json_object_get_size(texts));
    for (GList *l = names; l != NULL; l = l->next) {
        const char *name = l->data;
        Sound sound;
        if (!all && !g_strv_contains(some, name))
            continue;
        read_clip(name, &sound);
        g_autofree char *text = whole(h, sound.samples, sound.n, FALSE);
        g_assert_cmpstr(
            text, ==,
            json_object_get_string_member(json_object_get_object_member(texts, name), "text"));
        check_tokens(h, name, &sound, json_object_get_array_member(tokens, name));
        sound_clear(&sound);
        n++;
    }
    g_test_message("%u clips", n);
    g_assert_cmpuint(n, ==, all ? json_object_get_size(texts) : 2);
}

static void test_clips(gconstpointer device)
{
    Heard h;
    gboolean slow = !g_str_equal(device, "cpu");
    if (!heard_open(&h, device, FOVEA_PRECISION_F32))
        return;
    check_clips(&h, !slow || g_getenv("FOVEA_TEST_FULL") != NULL);
    heard_close(&h);
}

/* ---- no speech ---- */

#define SECONDS 30
#define SAMPLES (SECONDS * FOVEA_TRANSCRIBE_RATE)

static float noise(guint32 *state) /* about normal, deviation 1 */
{
    float sum = 0;
    for (guint i = 0; i < 12; i++) {
        *state = *state * 1664525u + 1013904223u;
        sum += (float)(*state >> 8) / 16777216.0f;
    }
    return sum - 6;
}

static void test_no_speech(void)
{
    static const char *names[] = {"silence", "noise at -30", "noise at -50", "tone", "beat"};
    Heard h;
    guint32 state = 1;
    if (!heard_open(&h, "cpu", FOVEA_PRECISION_F32))
        return;
    g_autofree float *samples = g_new(float, SAMPLES);
    for (guint kind = 0; kind < G_N_ELEMENTS(names); kind++) {
        for (guint i = 0; i < SAMPLES; i++) {
            double t = (double)i / FOVEA_TRANSCRIBE_RATE;
            double values[] = {0, 0, 0, 0.3 * sin(2 * G_PI * 440 * t),
                               0.5 * sin(2 * G_PI * 80 * t) * exp(-20 * fmod(t, 0.5))};
            samples[i] = (float)values[kind];
            if (kind == 1 || kind == 2)
                samples[i] = noise(&state) * (kind == 1 ? 0.0316f : 0.00316f);
        }
        for (gboolean timestamps = FALSE; timestamps <= TRUE; timestamps++) {
            g_autofree char *text = whole(&h, samples, SAMPLES, timestamps);
            if (text[0] != 0)
                g_error("%s is heard as \"%s\"", names[kind], text);
        }
    }
    heard_close(&h);
}

/* ---- longer than a window ---- */

/* Words in lower case, without marks, as one string with a space after each. */
static char *words(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *c = text; *c; c++) {
        if (g_ascii_isalnum(*c) || *c == '\'')
            g_string_append_c(out, g_ascii_tolower(*c));
        else if (out->len > 0 && out->str[out->len - 1] != ' ')
            g_string_append_c(out, ' ');
    }
    return g_string_free(out, FALSE);
}

/* A word in ten may be missing (what stands around a phrase changes how it is read), but never five
 * in a row. */
static void expect_words(const char *text, const char *truth)
{
    g_autofree char *have = words(text), *wanted = words(truth);
    g_auto(GStrv) each = g_strsplit(wanted, " ", -1);
    guint missing = 0, row = 0, n = 0, worst = 0;
    for (char **w = each; *w; w++) {
        if (**w == 0)
            continue;
        g_autofree char *with = g_strdup_printf("%s ", *w);
        gboolean there = strstr(have, with) != NULL || g_str_has_suffix(have, *w);
        n++;
        row = there ? 0 : row + 1;
        missing += !there;
        worst = MAX(worst, row);
    }
    g_test_message("%u of %u words differ, %u in a row: %s", missing, n, worst, text);
    g_assert_cmpuint(n, >, 0);
    g_assert_cmpuint(missing * 10, <, n);
    g_assert_cmpuint(worst, <, 5);
}

static void append_clip(GArray *joined, const char *clip, guint from, guint pause)
{
    Sound sound;
    read_clip(clip, &sound);
    g_assert_cmpuint(sound.n, >, from);
    g_array_append_vals(joined, sound.samples + from, (guint)sound.n - from);
    g_array_set_size(joined, joined->len + pause);
    sound_clear(&sound);
}

/* What each clip says is found in what the joined clips say. */
static void test_long(void)
{
    static const char *clips[] = {"jfk.wav", "libri_1088-134315-0000.flac",
                                  "libri_2412-153948-0000.flac", "libri_2412-153948-0001.flac",
                                  "librivox_0870.flac"};
    Heard h;
    if (!heard_open(&h, "cpu", FOVEA_PRECISION_F32))
        return;
    GArray *joined = g_array_new(FALSE, TRUE, sizeof(float));
    GString *want = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(clips); i++) {
        guint before = joined->len;
        append_clip(joined, clips[i], 0, FOVEA_TRANSCRIBE_RATE / 2);
        g_autofree char *text = whole(&h, &g_array_index(joined, float, before),
                                      joined->len - before, TRUE);
        g_string_append_printf(want, "%s ", text);
    }
    g_assert_cmpuint(joined->len, >, (guint)fovea_whisper_window(h.transcriber));
    g_autofree char *text = whole(&h, (const float *)(gpointer)joined->data, joined->len, TRUE);
    expect_words(text, want->str);
    g_array_unref(joined);
    g_string_free(want, TRUE);
    heard_close(&h);
}

/* The model doubts that a window which begins within a sentence holds speech at all (it says so
 * with 0.37 here, where from the beginning on it is 0.03): no word is lost by that. */
static void test_within(void)
{
    static const char *clips[] = {"LJ001-0006.flac", "LJ001-0008.flac", "cards_005.flac", "jfk.wav",
                                  "libri_1088-134315-0000.flac"};
    Heard h;
    if (!heard_open(&h, "cpu", FOVEA_PRECISION_F32))
        return;
    GArray *joined = g_array_new(FALSE, TRUE, sizeof(float));
    append_clip(joined, "LJ001-0004.flac", 368 * FOVEA_TRANSCRIBE_RATE / 100,
                FOVEA_TRANSCRIBE_RATE);
    for (guint i = 0; i < G_N_ELEMENTS(clips); i++)
        append_clip(joined, clips[i], 0, FOVEA_TRANSCRIBE_RATE);
    g_array_set_size(joined, (guint)fovea_whisper_window(h.transcriber));
    g_autofree char *text = whole(&h, (const float *)(gpointer)joined->data, joined->len, TRUE);
    expect_words(text,
                 "the true printed book and it is worth mention in passing that as an example "
                 "of fine typography has never been surpassed seven of hearts and so my "
                 "fellow Americans ask not what your country can do for you");
    g_array_unref(joined);
    heard_close(&h);
}

/* ---- loops ---- */

static void test_loops(void)
{
    guint32 tokens[200];
    const guint32 end = 1000;
    for (guint i = 0; i < 200; i++)
        tokens[i] = i;
    g_assert_cmpuint(fovea_whisper_loop(tokens, 200, end), ==, 0);
    for (guint i = 100; i < 200; i++)
        tokens[i] = 500 + i % 7;
    /* 98 more than the first 7 from 100 on: 93 repeat what stands 7 before. */
    g_assert_cmpuint(fovea_whisper_loop(tokens, 200, end), ==, 93);
    g_assert_cmpuint(fovea_whisper_loop(tokens, 121, end), ==, 0); /* three times: may be said */
    for (guint i = 100; i < 200; i += 5) /* timestamps among them do not hide it */
        tokens[i] = 2000 + i;
    for (guint i = 100, k = 0; i < 200; i++)
        if (tokens[i] < end)
            tokens[i] = 500 + k++ % 4;
    g_assert_cmpuint(fovea_whisper_loop(tokens, 200, end), >, 80);
    for (guint i = 190; i < 200; i++)
        tokens[i] = 7;
    g_assert_cmpuint(fovea_whisper_loop(tokens, 200, end), ==, 0); /* ten times "no" */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/transcribe/loops", test_loops);
    g_test_add_data_func("/transcribe/clips/cpu", "cpu", test_clips);
    g_test_add_data_func("/transcribe/clips/vulkan", "vulkan", test_clips);
    g_test_add_func("/transcribe/no-speech", test_no_speech);
    g_test_add_func("/transcribe/long", test_long);
    g_test_add_func("/transcribe/within", test_within);
    return g_test_run();
}
