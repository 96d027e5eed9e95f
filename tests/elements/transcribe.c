/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transcribe.c: foveatranscribe on recordings: which words, and when.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "bus.h"
#include "common/fovea-meta.h"
#include "dummies.h"
#include "speech-run.h"

#define CLIP "LJ001-0004.flac"  /* 5.1 s: produced the block books, ... */
#define SHORT "LJ001-0002.flac" /* 1.9 s: in being comparatively modern */
#define OTHER "LJ001-0008.flac" /* 1.8 s: has never been surpassed */

static void expect_words(Heard *heard, const char *truth, double rate)
{
    char *words = heard_words(heard);
    double errors = word_error_rate(truth, words);
    g_test_message("%.3f: %s", errors, words);
    g_assert_cmpfloat(errors, <=, rate);
    g_free(words);
}

/* Decodes a recording, makes this format of it, and listens. Takes nothing; heard is the caller's. */
static Heard *hear(const char *name, const char *caps, const char *properties)
{
    char *folder = shared_path("");
    char *launch = g_strdup_printf(
        "filesrc location=\"%s/media/speech/%s\" ! decodebin ! audioconvert ! audioresample ! %s ! "
        "foveatranscribe name=t model=\"%s/" SPEECH_MODEL "\" %s t.src ! fakesink t.text ! "
        "fakesink",
        folder, name, caps, folder, properties);
    GstElement *pipeline = parse_pipeline(launch), *element = named(pipeline, "t");
    Heard *heard = heard_new(element);
    gst_object_unref(element);
    g_assert_no_error(play(pipeline));
    g_free(launch);
    g_free(folder);
    return heard;
}

/* Every number of channels, rates from 8 to 96 kHz, formats of all kinds: the same words. */
static void test_formats(void)
{
    static const char *const caps[] = {
        "audio/x-raw,format=S16LE,rate=8000,channels=1",
        "audio/x-raw,format=F32LE,rate=96000,channels=2",
        "audio/x-raw,format=U8,rate=16000,channels=3",
        "audio/x-raw,format=S24LE,rate=44100,channels=4",
        "audio/x-raw,format=F64LE,rate=48000,channels=5",
        "audio/x-raw,format=S32BE,rate=22050,channels=6",
        "audio/x-raw,format=S24_32LE,rate=11025,channels=7",
        "audio/x-raw,format=U16BE,rate=32000,channels=8",
    };
    if (no_shared())
        return;
    speech_keep_model();
    for (guint i = 0; i < G_N_ELEMENTS(caps); i++) {
        gboolean extreme = i < 2; /* the lowest and the highest rate */
        const char *name = extreme ? CLIP : SHORT;
        GstClockTime length = (extreme ? 5140 : 1900) * GST_MSECOND;
        char *truth = speech_truth(name);
        g_test_message("%s", caps[i]);
        Heard *heard = hear(name, caps[i], "");
        expect_words(heard, truth, 0.1);
        heard_check_shape(heard);
        const Caption *first = &g_array_index(heard->captions, Caption, 0);
        const Caption *last = &g_array_index(heard->captions, Caption, heard->captions->len - 1);
        g_assert_cmpuint(first->start, <=, GST_SECOND);
        g_assert_cmpuint(last->end + GST_SECOND, >=, length);
        g_assert_cmpuint(last->end, <=, length + 2 * GST_SECOND);
        g_assert_true(heard->eos);
        heard_free(heard);
        g_free(truth);
    }
}

/* Buffers of another size, another run: the same text at the same times. */
static void test_same(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    GArray *samples = speech_samples(CLIP);
    Talk a = talk_new(speech_element()), b = talk_new(speech_element());
    talk_push(&a, (const gfloat *)samples->data, samples->len, 1600);
    talk_end(&a);
    talk_push(&b, (const gfloat *)samples->data, samples->len, 777);
    talk_end(&b);
    char *truth = speech_truth(CLIP);
    expect_words(a.heard, truth, 0.1);
    g_free(truth);
    g_assert_cmpuint(a.heard->captions->len, ==, b.heard->captions->len);
    for (guint i = 0; i < a.heard->captions->len; i++) {
        const Caption *x = &g_array_index(a.heard->captions, Caption, i);
        const Caption *y = &g_array_index(b.heard->captions, Caption, i);
        g_assert_cmpstr(x->text, ==, y->text);
        g_assert_cmpuint(x->start, ==, y->start);
        g_assert_cmpuint(x->end, ==, y->end);
    }
    g_assert_cmpuint(stat_of(a.h->element, "skipped"), ==, 0);
    talk_free(&a);
    talk_free(&b);
    g_array_unref(samples);
}

/* The captions that start from here on. */
static char *words_from(Heard *heard, GstClockTime from, GstClockTime until)
{
    GString *all = g_string_new(NULL);
    for (guint i = 0; i < heard->captions->len; i++) {
        const Caption *c = &g_array_index(heard->captions, Caption, i);
        if (c->start >= from && c->start < until)
            g_string_append_printf(all, "%s ", c->text);
    }
    char *words = plain_words(all->str);
    g_string_free(all, TRUE);
    return words;
}

static void expect_part(Heard *heard, GstClockTime from, GstClockTime until, const char *name)
{
    char *words = words_from(heard, from, until), *truth = speech_truth(name);
    g_test_message("%" GST_TIME_FORMAT ": %s", GST_TIME_ARGS(from), words);
    g_assert_cmpfloat(word_error_rate(truth, words), <=, 0.15);
    g_free(truth);
    g_free(words);
}

/* What lies between two recordings: the second has its own time in any case. */
typedef enum Between {
    GAP_EVENT,
    JUMP,
    NEW_CAPS,
    FLUSH,
} Between;

static void separate(Talk *talk, Between between)
{
    GstSegment segment;
    switch (between) {
    case GAP_EVENT:
        gst_harness_push_event(talk->h,
                               gst_event_new_gap(talk->position, 20 * GST_SECOND - talk->position));
        break;
    case JUMP: break;
    case NEW_CAPS:
        gst_harness_set_src_caps_str(talk->h, "audio/x-raw,format=S16LE,layout=interleaved,"
                                              "rate=48000,channels=2");
        break;
    case FLUSH:
        gst_harness_push_event(talk->h, gst_event_new_flush_start());
        gst_harness_push_event(talk->h, gst_event_new_flush_stop(TRUE));
        gst_segment_init(&segment, GST_FORMAT_TIME);
        segment.start = segment.time = segment.position = 20 * GST_SECOND;
        gst_harness_push_event(talk->h, gst_event_new_segment(&segment));
        break;
    }
    talk->position = 20 * GST_SECOND;
}

/* Three times the rate, twice the channels, by straight lines. */
static void push_stereo(Talk *talk, const GArray *samples)
{
    const gfloat *in = (const gfloat *)samples->data;
    guint n = 3 * (samples->len - 1);
    gint16 *out = g_new(gint16, 2 * (gsize)n);
    for (guint i = 0; i < n; i++) {
        gfloat t = (gfloat)(i % 3) / 3, v = in[i / 3] * (1 - t) + in[i / 3 + 1] * t;
        out[2 * i] = out[2 * i + 1] = (gint16)(CLAMP(v, -1, 1) * 32767);
    }
    GstBuffer *buffer = gst_buffer_new_wrapped(out, 4 * (gsize)n);
    GST_BUFFER_PTS(buffer) = talk->position;
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale_int(n, GST_SECOND, 48000);
    g_assert_cmpint(gst_harness_push(talk->h, buffer), ==, GST_FLOW_OK);
}

static void test_between(gconstpointer data)
{
    Between between = (Between)GPOINTER_TO_INT(data);
    if (no_shared())
        return;
    speech_keep_model();
    GArray *first = speech_samples(SHORT), *second = speech_samples(OTHER);
    Talk talk = talk_new(speech_element());
    talk_push(&talk, (const gfloat *)first->data, first->len, 1600);
    separate(&talk, between);
    if (between == NEW_CAPS)
        push_stereo(&talk, second);
    else
        talk_push(&talk, (const gfloat *)second->data, second->len, 1600);
    talk_end(&talk);
    heard_check_shape(talk.heard);
    if (between != FLUSH) /* what was not said before the flush will not be */
        expect_part(talk.heard, 0, 10 * GST_SECOND, SHORT);
    expect_part(talk.heard, 20 * GST_SECOND, 30 * GST_SECOND, OTHER);
    guint within = 0;
    for (guint i = 0; i < talk.heard->captions->len; i++) {
        const Caption *c = &g_array_index(talk.heard->captions, Caption, i);
        if (c->start < 3 * GST_SECOND)
            continue;
        within++;
        g_assert_cmpuint(c->start, >=, 20 * GST_SECOND);
        g_assert_cmpuint(c->start, <, 22 * GST_SECOND);
        g_assert_cmpuint(c->running, ==, c->start - (between == FLUSH ? 20 * GST_SECOND : 0));
    }
    g_assert_cmpuint(within, >, 0);
    talk_free(&talk);
    g_array_unref(first);
    g_array_unref(second);
}

/* A seek in a file: words of what follows, at its times. */
static void test_seek(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    char *folder = shared_path("");
    char *launch = g_strdup_printf("filesrc location=\"%s/media/speech/jfk.wav\" ! wavparse ! "
                                   "foveatranscribe name=t model=\"%s/" SPEECH_MODEL
                                   "\" t.src ! fakesink t.text ! fakesink",
                                   folder, folder);
    GstElement *pipeline = parse_pipeline(launch), *element = named(pipeline, "t");
    Heard *heard = heard_new(element);
    gst_object_unref(element);
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                    GST_STATE_CHANGE_SUCCESS);
    /* "ask not what your country", ..., "ask what you can do for your country" from 7.6 s on */
    g_assert_true(gst_element_seek_simple(pipeline, GST_FORMAT_TIME,
                                          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                                          7700 * GST_MSECOND));
    gst_element_get_state(pipeline, NULL, NULL, GUARD);
    g_mutex_lock(&heard->lock);
    g_array_set_size(heard->captions, 0);
    g_mutex_unlock(&heard->lock);
    g_assert_no_error(play(pipeline));
    expect_words(heard, "ask what you can do for your country", 0.3);
    const Caption *first = &g_array_index(heard->captions, Caption, 0);
    g_assert_cmpuint(first->start, >=, 7700 * GST_MSECOND);
    g_assert_cmpuint(first->start, <=, 9 * GST_SECOND);
    g_assert_cmpuint(first->running, ==, first->start - 7700 * GST_MSECOND);
    heard_free(heard);
    g_free(launch);
    g_free(folder);
}

/* A tenth of a second, and no sound at all: the end comes, with nothing said. */
static void test_short(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    for (guint n = 0; n <= 1600; n += 1600) {
        Talk talk = talk_new(speech_element());
        gfloat *tone = g_new(gfloat, 1600);
        for (guint i = 0; i < 1600; i++)
            tone[i] = (i / 20) % 2 ? 0.1f : -0.1f;
        talk_push(&talk, tone, n, 400);
        talk_end(&talk);
        g_assert_cmpuint(talk.heard->captions->len, ==, 0);
        g_free(tone);
        talk_free(&talk);
    }
}

/* Silence and noise say nothing, and that is told up to the end. */
static void test_nothing(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    GRand *random = g_rand_new_with_seed(7);
    gfloat *noise = g_new(gfloat, 5 * 16000);
    Talk talk = talk_new(speech_element());
    talk_silence(&talk, 8);
    for (guint i = 0; i < 5 * 16000; i++) /* -30 dBFS */
        noise[i] = (gfloat)g_rand_double_range(random, -1, 1) * 0.0548f;
    talk_push(&talk, noise, 5 * 16000, 1600);
    talk_end(&talk);
    g_assert_cmpuint(talk.heard->captions->len, ==, 0);
    g_assert_cmpuint(talk.heard->gap_end, ==, 13 * GST_SECOND);
    g_assert_cmpuint(talk.heard->gaps, >=, 2);
    talk_free(&talk);
    g_free(noise);
    g_rand_free(random);
}

/* What is not certain yet comes early and marked; what is final tells all. */
static void test_partial(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    GArray *samples = speech_samples(CLIP);
    GstElement *element = speech_element();
    g_object_set(element, "partial-results", TRUE, NULL);
    Talk talk = talk_new(element);
    talk_push(&talk, (const gfloat *)samples->data, samples->len, 1600);
    talk_end(&talk);
    char *truth = speech_truth(CLIP);
    expect_words(talk.heard, truth, 0.1);
    guint partial = 0, final = 0;
    gboolean first_is_partial = FALSE;
    for (guint i = 0; i < talk.heard->captions->len; i++) {
        const Caption *c = &g_array_index(talk.heard->captions, Caption, i);
        g_test_message("%s: %s", c->final ? "final" : "partial", c->text);
        first_is_partial |= i == 0 && !c->final;
        partial += !c->final;
        final += c->final;
    }
    g_assert_true(first_is_partial);
    g_assert_cmpuint(partial, >=, 2);
    g_assert_cmpuint(final, >=, 1);
    g_free(truth);
    talk_free(&talk);
    g_array_unref(samples);
}

/* ---- a model folder that is not whole ---- */

/* The model's folder by links, without `missing`, and with `broken` as nonsense (transfer full). */
static char *damaged_model(const char *missing, const char *broken)
{
    char *whole = shared_path(SPEECH_MODEL), *folder = g_dir_make_tmp("fovea-model-XXXXXX", NULL);
    GDir *dir = g_dir_open(whole, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        char *from = g_build_filename(whole, name, NULL),
             *to = g_build_filename(folder, name, NULL);
        if (g_strcmp0(name, broken) == 0)
            g_assert_true(
                g_file_set_contents(to, "{\"model\": {\"type\": \"BPE\", \"vocab\": [", -1, NULL));
        else if (g_strcmp0(name, missing) != 0)
            g_assert_cmpint(symlink(from, to), ==, 0);
        g_free(from);
        g_free(to);
    }
    g_dir_close(dir);
    g_free(whole);
    return folder;
}

static void remove_model(char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        char *path = g_build_filename(folder, name, NULL);
        g_unlink(path);
        g_free(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
}

static void test_damaged(void)
{
    static const struct {
        const char *missing, *broken, *words;
    } cases[] = {{"tokenizer.json", NULL, "tokenizer.json"},
                 {NULL, "tokenizer.json", "tokenizer.json"},
                 {"onnx", NULL, "onnx"},
                 {NULL, "generation_config.json", "generation_config.json"}};
    if (no_shared())
        return;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *folder = damaged_model(cases[i].missing, cases[i].broken);
        char *launch = g_strdup_printf("audiotestsrc num-buffers=10 ! foveatranscribe name=t "
                                       "model=\"%s\" t.src ! fakesink t.text ! fakesink",
                                       folder);
        expect_error(launch, "t", cases[i].words);
        g_free(launch);
        remove_model(folder);
    }
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    g_test_add_func("/transcribe/formats", test_formats);
    g_test_add_func("/transcribe/same", test_same);
    g_test_add_data_func("/transcribe/gap", GINT_TO_POINTER(GAP_EVENT), test_between);
    g_test_add_data_func("/transcribe/discontinuity", GINT_TO_POINTER(JUMP), test_between);
    g_test_add_data_func("/transcribe/caps", GINT_TO_POINTER(NEW_CAPS), test_between);
    g_test_add_data_func("/transcribe/flush", GINT_TO_POINTER(FLUSH), test_between);
    g_test_add_func("/transcribe/seek", test_seek);
    g_test_add_func("/transcribe/short", test_short);
    g_test_add_func("/transcribe/nothing", test_nothing);
    g_test_add_func("/transcribe/partial", test_partial);
    g_test_add_func("/transcribe/damaged", test_damaged);
    return g_test_run();
}
