/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transcribe-out.c: where the text of foveatranscribe goes: subtitle files, Matroska, pictures.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "bus.h"
#include "dummies.h"
#include "speech-run.h"

#define CLIP "LJ001-0004.flac"
#define WIDE_QUEUE "queue max-size-time=0 max-size-bytes=0 max-size-buffers=0"

static char *dir;

static char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

/* filesrc ... foveatranscribe name=t, as text (transfer full). */
static char *source(const char *name, const char *properties)
{
    char *folder = shared_path("");
    char *launch = g_strdup_printf("filesrc location=\"%s/media/speech/%s\" ! decodebin ! "
                                   "audioconvert ! audioresample ! foveatranscribe name=t "
                                   "model=\"%s/" SPEECH_MODEL "\" %s ",
                                   folder, name, folder, properties);
    g_free(folder);
    return launch;
}

/* Plays source + rest; what was heard. */
static Heard *play_rest(const char *name, const char *rest)
{
    char *begin = source(name, ""), *launch = g_strconcat(begin, rest, NULL);
    GstElement *pipeline = parse_pipeline(launch), *element = named(pipeline, "t");
    Heard *heard = heard_new(element);
    gst_object_unref(element);
    g_assert_no_error(play(pipeline));
    g_free(begin);
    g_free(launch);
    return heard;
}

/* ---- files ---- */

static void append_clock(GString *out, GstClockTime time, char mark)
{
    guint ms = (guint)(time / GST_MSECOND);
    g_string_append_printf(out, "%02u:%02u:%02u%c%03u", ms / 3600000, ms / 60000 % 60,
                           ms / 1000 % 60, mark, ms % 1000);
}

static char *expected_cues(Heard *heard, gboolean srt)
{
    GString *out = g_string_new(srt ? "" : "WEBVTT\n\n");
    for (guint i = 0; i < heard->captions->len; i++) {
        const Caption *c = &g_array_index(heard->captions, Caption, i);
        if (srt)
            g_string_append_printf(out, "%u\n", i + 1);
        append_clock(out, c->start, srt ? ',' : '.');
        g_string_append(out, " --> ");
        append_clock(out, c->end, srt ? ',' : '.');
        g_string_append_printf(out, "\n%s\n\n", c->text);
    }
    return g_string_free(out, FALSE);
}

static void expect_file(const char *path, char *expected)
{
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
    g_free(expected);
    g_free(text);
}

static void expect_lines(const char *path, Heard *heard)
{
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    char **lines = g_strsplit(g_strchomp(text), "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, heard->captions->len);
    for (guint i = 0; lines[i]; i++) {
        const Caption *c = &g_array_index(heard->captions, Caption, i);
        JsonNode *node = json_from_string(lines[i], NULL);
        g_assert_nonnull(node);
        JsonObject *o = json_node_get_object(node);
        g_assert_cmpstr(json_object_get_string_member(o, "text"), ==, c->text);
        g_assert_cmpstr(json_object_get_string_member(o, "stream"), ==, "hall");
        g_assert_cmpint(json_object_get_int_member(o, "pts"), ==, (gint64)c->start);
        g_assert_cmpint(json_object_get_int_member(o, "duration"), ==, (gint64)(c->end - c->start));
        g_assert_true(json_object_get_boolean_member(o, "final"));
        json_node_unref(node);
    }
    g_strfreev(lines);
    g_free(text);
}

/* One text through three publishers; the format follows the ending. */
static void test_files(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    char *srt = in_dir("a.srt"), *vtt = in_dir("a.vtt"), *jsonl = in_dir("a.jsonl");
    char *rest = g_strdup_printf("t.src ! fakesink t.text ! foveapublish location=\"%s\" ! "
                                 "foveapublish location=\"%s\" ! foveapublish stream=hall "
                                 "location=\"%s\" ! fakesink",
                                 srt, vtt, jsonl);
    Heard *heard = play_rest("jfk.wav", rest);
    g_assert_cmpuint(heard->captions->len, >=, 2);
    heard_check_shape(heard);
    expect_file(srt, expected_cues(heard, TRUE));
    expect_file(vtt, expected_cues(heard, FALSE));
    expect_lines(jsonl, heard);
    heard_free(heard);
    g_free(rest);
    g_free(srt);
    g_free(vtt);
    g_free(jsonl);
}

/* ---- Matroska ---- */

static GArray *read_subtitles(const char *path)
{
    char *launch = g_strdup_printf("filesrc location=\"%s\" ! matroskademux name=d "
                                   "d.subtitle_0 ! queue ! appsink name=s sync=false",
                                   path);
    GstElement *pipeline = parse_pipeline(launch), *sink = named(pipeline, "s");
    GArray *found = g_array_new(FALSE, TRUE, sizeof(Caption));
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    for (;;) {
        GstSample *sample = NULL;
        GstMapInfo map;
        g_signal_emit_by_name(sink, "pull-sample", &sample);
        if (!sample)
            break;
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        gst_buffer_map(buffer, &map, GST_MAP_READ);
        char *text = g_strndup((const char *)map.data, map.size);
        Caption c = {.text = plain_words(text),
                     .start = GST_BUFFER_PTS(buffer),
                     .end = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer)};
        g_free(text);
        gst_buffer_unmap(buffer, &map);
        gst_sample_unref(sample);
        g_array_append_val(found, c);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    g_free(launch);
    return found;
}

/* A subtitle track beside the sound: each caption reads back at its time, to the millisecond. */
static void test_matroska(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    char *path = in_dir("a.mkv");
    char *rest = g_strdup_printf("t.src ! " WIDE_QUEUE " ! matroskamux name=m ! "
                                 "filesink location=\"%s\" t.text ! queue ! m.subtitle_0",
                                 path);
    Heard *heard = play_rest("jfk.wav", rest);
    GArray *found = read_subtitles(path);
    g_assert_cmpuint(found->len, ==, heard->captions->len);
    for (guint i = 0; i < found->len; i++) {
        const Caption *said = &g_array_index(heard->captions, Caption, i);
        Caption *read = &g_array_index(found, Caption, i);
        char *words = plain_words(said->text);
        g_assert_cmpstr(read->text, ==, words);
        g_assert_cmpint(ABS(GST_CLOCK_DIFF(read->start, said->start)), <=, GST_MSECOND);
        g_assert_cmpint(ABS(GST_CLOCK_DIFF(read->end, said->end)), <=, 2 * GST_MSECOND);
        g_free(words);
        g_free(read->text);
    }
    g_array_unref(found);
    heard_free(heard);
    g_free(rest);
    g_free(path);
}

/* ---- pictures ---- */

#define PICTURE "video/x-raw,format=I420,width=320,height=120,framerate=25/1"
#define FRAME (GST_SECOND / 25)

typedef struct Picture {
    GstClockTime pts;
    guint white;
} Picture;

static GstPadProbeReturn look(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    Picture p = {.pts = GST_BUFFER_PTS(buffer)};
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    for (guint i = 0; i < 320 * 120; i++)
        p.white += map.data[i] > 100;
    gst_buffer_unmap(buffer, &map);
    g_array_append_val((GArray *)data, p);
    return GST_PAD_PROBE_OK;
}

static void probe(GstElement *pipeline, const char *name, GstPadProbeCallback callback,
                  gpointer data)
{
    GstElement *element = named(pipeline, name);
    GstPad *pad = gst_element_get_static_pad(element, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, callback, data, NULL);
    gst_object_unref(pad);
    gst_object_unref(element);
}

static GArray *watch(GstElement *pipeline)
{
    GArray *pictures = g_array_new(FALSE, FALSE, sizeof(Picture));
    probe(pipeline, "o", look, pictures);
    return pictures;
}

/* White while a caption is shown, black while none is. How many pictures were white. */
static guint check_pictures(const GArray *pictures, const Heard *heard)
{
    guint shown = 0;
    for (guint i = 0; i < pictures->len; i++) {
        const Picture *p = &g_array_index(pictures, Picture, i);
        gboolean inside = FALSE, near = FALSE;
        for (guint k = 0; k < heard->captions->len; k++) {
            const Caption *c = &g_array_index(heard->captions, Caption, k);
            inside |= p->pts >= c->start && p->pts + FRAME <= c->end;
            near |= p->pts + FRAME >= c->start && p->pts <= c->end;
        }
        if (inside)
            g_assert_cmpuint(p->white, >, 20);
        if (!near)
            g_assert_cmpuint(p->white, ==, 0);
        shown += p->white > 0;
    }
    return shown;
}

static void test_burnt_in(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    char *begin = source(CLIP, "");
    char *launch = g_strconcat(begin,
                               "t.src ! " WIDE_QUEUE " ! fakesink t.text ! o.text_sink "
                               "videotestsrc pattern=black num-buffers=200 ! " PICTURE
                               " ! textoverlay name=o ! fakesink",
                               NULL);
    GstElement *pipeline = parse_pipeline(launch), *element = named(pipeline, "t");
    Heard *heard = heard_new(element);
    GArray *pictures = watch(pipeline);
    gst_object_unref(element);
    g_assert_no_error(play(pipeline));
    g_assert_cmpuint(pictures->len, ==, 200);
    guint shown = check_pictures(pictures, heard);
    g_test_message("%u of 200 pictures have a caption", shown);
    g_assert_cmpuint(shown, >=, 75); /* five seconds of speech */
    g_assert_cmpuint(shown, <=, 175);
    g_array_unref(pictures);
    heard_free(heard);
    g_free(begin);
    g_free(launch);
}

/* ---- live ---- */

#define TENTH (100 * GST_MSECOND)
#define TENTHS 70 /* less than what may wait for a slow machine, so that no sound is skipped */

/* How far the media of a live pipeline have come. */
typedef struct Live {
    GMutex lock;
    GCond changed;
    GstClockTime picture; /* the start of the last that left the overlay */
    GstClockTime sound;   /* the end of what left the transcriber */
} Live;

static void reach(Live *live, GstClockTime *position, GstClockTime to)
{
    g_mutex_lock(&live->lock);
    *position = to;
    g_cond_broadcast(&live->changed);
    g_mutex_unlock(&live->lock);
}

static GstPadProbeReturn picture_left(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Live *live = data;
    reach(live, &live->picture, GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)));
    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn sound_left(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Live *live = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    reach(live, &live->sound, GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer));
    return GST_PAD_PROBE_OK;
}

/* The minute only guards against a pipeline that never moves again. */
static void wait_until(Live *live, const GstClockTime *position, GstClockTime until)
{
    gint64 guard = g_get_monotonic_time() + G_TIME_SPAN_MINUTE;
    g_mutex_lock(&live->lock);
    while (*position < until)
        if (!g_cond_wait_until(&live->changed, &live->lock, guard))
            g_error("the %s stands still at %" GST_TIME_FORMAT " and waits for text",
                    position == &live->sound ? "sound" : "picture", GST_TIME_ARGS(*position));
    g_mutex_unlock(&live->lock);
}

static void say(GstElement *microphone, const GArray *samples, guint i)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 6400, NULL);
    GstFlowReturn flow;
    gst_buffer_memset(buffer, 0, 0, 6400);
    if ((i + 1) * 1600 <= samples->len)
        gst_buffer_fill(buffer, 0, samples->data + (gsize)i * 6400, 6400);
    GST_BUFFER_PTS(buffer) = i * TENTH;
    GST_BUFFER_DURATION(buffer) = TENTH;
    g_signal_emit_by_name(microphone, "push-buffer", buffer, &flow);
    gst_buffer_unref(buffer);
    g_assert_cmpint(flow, ==, GST_FLOW_OK);
}

/* As a microphone would: each tenth of a second when it is over. But not before a picture of this
 * tenth has left and all sound before it, which they could not if they waited for its text. */
static void talk_live(GstElement *pipeline, Live *live, const GArray *samples)
{
    GstElement *microphone = named(pipeline, "a");
    GstClock *clock = gst_pipeline_get_clock(GST_PIPELINE(pipeline));
    GstClockTime base = gst_element_get_base_time(pipeline);
    GstFlowReturn flow;
    for (guint i = 0; i < TENTHS; i++) {
        GstClockID id = gst_clock_new_single_shot_id(clock, base + (i + 1) * TENTH);
        gst_clock_id_wait(id, NULL);
        gst_clock_id_unref(id);
        if (i > 0) /* the text pad begins with the sound */
            wait_until(live, &live->picture, i * TENTH);
        wait_until(live, &live->sound, i * TENTH);
        say(microphone, samples, i);
    }
    wait_until(live, &live->picture, TENTHS * TENTH);
    wait_until(live, &live->sound, TENTHS * TENTH);
    g_signal_emit_by_name(microphone, "end-of-stream", &flow);
    gst_object_unref(clock);
    gst_object_unref(microphone);
}

/* Waits for the last text, and for the last picture that shows it. */
static void end_live(GstElement *pipeline, Live *live, Heard *heard)
{
    GstElement *camera = named(pipeline, "c");
    GstClockTime end = 0;
    for (gboolean eos = FALSE; !eos; g_usleep(1000)) {
        g_mutex_lock(&heard->lock);
        eos = heard->eos;
        for (guint i = 0; i < heard->captions->len; i++)
            end = MAX(end, g_array_index(heard->captions, Caption, i).end);
        g_mutex_unlock(&heard->lock);
    }
    wait_until(live, &live->picture, end + FRAME);
    gst_element_send_event(camera, gst_event_new_eos());
    gst_object_unref(camera);
}

/* A live picture with captions as they come: it does not wait for them, nor does the sound. */
static void test_live(void)
{
    if (no_shared())
        return;
    speech_keep_model();
    Live live = {.picture = 0};
    char *folder = shared_path("");
    char *launch = g_strdup_printf(
        "appsrc name=a is-live=true format=time caps=" SPEECH_CAPS " ! foveatranscribe name=t "
        "model=\"%s/" SPEECH_MODEL "\" t.src ! queue ! fakesink sync=true t.text ! o.text_sink "
        "videotestsrc name=c is-live=true pattern=black ! " PICTURE
        " ! textoverlay name=o ! fakesink sync=true",
        folder);
    GArray *samples = speech_samples(CLIP);
    GstElement *pipeline = parse_pipeline(launch), *element = named(pipeline, "t");
    Heard *heard = heard_new(element);
    GArray *pictures = watch(pipeline);
    probe(pipeline, "o", picture_left, &live);
    probe(pipeline, "t", sound_left, &live);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    talk_live(pipeline, &live, samples);
    end_live(pipeline, &live, heard);
    g_assert_no_error(wait_for_end(pipeline, 60, NULL));
    guint64 skipped = stat_of(element, "skipped");
    gst_element_set_state(pipeline, GST_STATE_NULL);

    g_assert_cmpuint(skipped, ==, 0);
    g_assert_cmpuint(heard->captions->len, >=, 1);
    guint shown = check_pictures(pictures, heard);
    g_test_message("%u pictures with captions", shown);
    g_assert_cmpuint(shown, >=, 25); /* a caption is shown for a second or more */
    g_array_unref(pictures);
    heard_free(heard);
    g_array_unref(samples);
    gst_object_unref(element);
    gst_object_unref(pipeline);
    g_free(launch);
    g_free(folder);
}

/* ---- long ---- */

/* A minute of silence, then all recordings again and again, a second apart (transfer full). */
static char *long_sound(guint seconds, GString *truth)
{
    char *path = in_dir("long.f32");
    char *folder = shared_path("media/speech");
    GArray *all = g_array_new(FALSE, TRUE, sizeof(gfloat));
    g_array_set_size(all, 60 * 16000);
    while (all->len < (60 + seconds) * 16000) {
        GDir *open = g_dir_open(folder, 0, NULL);
        const char *name;
        while ((name = g_dir_read_name(open)) && all->len < (60 + seconds) * 16000) {
            if (!g_str_has_suffix(name, ".flac") && !g_str_has_suffix(name, ".wav"))
                continue;
            GArray *samples = speech_samples(name);
            char *words = speech_truth(name);
            g_array_append_vals(all, samples->data, samples->len);
            g_array_set_size(all, all->len + 16000);
            g_string_append_printf(truth, "%s%s", truth->len ? " " : "", words);
            g_free(words);
            g_array_unref(samples);
        }
        g_dir_close(open);
    }
    g_assert_true(g_file_set_contents(path, all->data, (gssize)all->len * 4, NULL));
    g_array_unref(all);
    g_free(folder);
    return path;
}

/* A minute of silence and ten of speech, burnt in and muxed at once, reach the end. */
static void test_long(void)
{
    if (no_shared())
        return;
    if (!g_getenv("FOVEA_TEST_FULL")) {
        g_test_skip("eleven minutes of sound: only with tests/run.sh --full");
        return;
    }
    speech_keep_model();
    GString *truth = g_string_new(NULL);
    char *path = long_sound(600, truth), *folder = shared_path("");
    char *launch = g_strdup_printf(
        "filesrc location=\"%s\" blocksize=12800 ! rawaudioparse pcm-format=f32le "
        "sample-rate=16000 "
        "num-channels=1 ! foveatranscribe name=t model=\"%s/" SPEECH_MODEL "\" t.src ! " WIDE_QUEUE
        " ! matroskamux name=m ! fakesink t.text ! tee name=x x. ! queue ! o.text_sink "
        "x. ! queue ! m.subtitle_0 videotestsrc pattern=black num-buffers=3300 ! "
        "video/x-raw,format=I420,width=320,height=120,framerate=5/1 ! textoverlay name=o ! "
        "video/x-raw,format=I420 ! " WIDE_QUEUE " ! m.",
        path, folder);
    GstElement *pipeline = parse_pipeline(launch), *element = named(pipeline, "t");
    Heard *heard = heard_new(element);
    GArray *pictures = watch(pipeline);
    gst_object_unref(element);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_assert_no_error(wait_for_end(pipeline, 3000, NULL));
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    heard_check_shape(heard);
    for (guint i = 0; i < pictures->len; i++)
        if (g_array_index(pictures, Picture, i).pts < 59 * GST_SECOND)
            g_assert_cmpuint(g_array_index(pictures, Picture, i).white, ==, 0);
    char *words = heard_words(heard);
    double rate = word_error_rate(truth->str, words);
    g_test_message("%u captions, %.3f of the words wrong", heard->captions->len, rate);
    g_assert_cmpfloat(rate, <, 0.15);
    g_assert_cmpuint(heard->captions->len, >=, 100);
    g_free(words);
    g_array_unref(pictures);
    heard_free(heard);
    g_free(launch);
    g_free(folder);
    g_free(path);
    g_string_free(truth, TRUE);
}

static void remove_dir(void)
{
    GDir *open = g_dir_open(dir, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(open))) {
        char *path = in_dir(name);
        g_unlink(path);
        g_free(path);
    }
    g_dir_close(open);
    g_rmdir(dir);
    g_free(dir);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    dir = g_dir_make_tmp("fovea-transcribe-XXXXXX", NULL);
    g_assert_nonnull(dir);
    g_test_add_func("/transcribe-out/files", test_files);
    g_test_add_func("/transcribe-out/matroska", test_matroska);
    g_test_add_func("/transcribe-out/burnt-in", test_burnt_in);
    g_test_add_func("/transcribe-out/live", test_live);
    g_test_add_func("/transcribe-out/long", test_long);
    int result = g_test_run();
    remove_dir();
    return result;
}
