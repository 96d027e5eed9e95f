/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * text.c: the sparse text pad beside the media.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "bus.h"
#include "dummies.h"

typedef struct Both {
    GstHarness *media, *text;
    Dummy *dummy;
} Both;

static Both both_new(gboolean live, const char *timing)
{
    Both b;
    GstElement *element = gst_element_factory_make("dummytext", NULL);
    gst_util_set_object_arg(G_OBJECT(element), "text-timing", timing);
    b.dummy = (Dummy *)element;
    b.text = gst_harness_new_with_element(element, NULL, "text");
    b.media = gst_harness_new_with_element(element, "sink", "src");
    gst_harness_set_live(b.media, live);
    gst_object_unref(element);
    gst_harness_set_src_caps_str(b.media, NUMBER_CAPS);
    return b;
}

static void both_free(Both *b)
{
    gst_harness_teardown(b->text);
    gst_harness_teardown(b->media);
}

static void push_frames(Both *b, guint from, guint n)
{
    for (guint i = from; i < from + n; i++)
        gst_buffer_unref(
            gst_harness_push_and_pull(b->media, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT)));
}

/* A query that travels in the queue: when it is answered, all before it is done. */
static void settle(Both *b)
{
    GstQuery *drain = gst_query_new_drain();
    gst_pad_peer_query(b->media->srcpad, drain);
    gst_query_unref(drain);
}

static GstEvent *next_event(Both *b, GstEventType type)
{
    GstEvent *event;
    while ((event = gst_harness_try_pull_event(b->text))) {
        if (GST_EVENT_TYPE(event) == type)
            return event;
        gst_event_unref(event);
    }
    return NULL;
}

/* STREAM_START (sparse), CAPS, SEGMENT, in this order, before anything else. */
static void test_start(void)
{
    static const GstEventType order[] = {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT};
    Both b = both_new(FALSE, "auto");
    b.dummy->text_every = 1;
    push_frames(&b, 0, 1);
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        GstEvent *event = gst_harness_pull_event(b.text);
        g_assert_cmpint(GST_EVENT_TYPE(event), ==, order[i]);
        if (i == 0) {
            GstStreamFlags flags;
            const gchar *id, *media_id;
            gst_event_parse_stream_flags(event, &flags);
            g_assert_true(flags & GST_STREAM_FLAG_SPARSE);
            gst_event_parse_stream_start(event, &id);
            GstEvent *media = gst_pad_get_sticky_event(b.media->sinkpad, GST_EVENT_STREAM_START, 0);
            gst_event_parse_stream_start(media, &media_id);
            g_assert_cmpstr(id, !=, media_id);
            gst_event_unref(media);
        }
        gst_event_unref(event);
    }
    settle(&b);
    GstBuffer *text = gst_harness_pull(b.text);
    g_assert_cmpint(gst_buffer_memcmp(text, 0, "text 0", 6), ==, 0);
    g_assert_cmpuint(gst_buffer_get_size(text), ==, 6);
    gst_buffer_unref(text);
    both_free(&b);
}

/* Without any text, GAPs follow the media at most 500 ms behind, side by side. */
static void test_gaps(void)
{
    Both b = both_new(FALSE, "auto");
    GstClockTime position = 0;
    for (guint i = 0; i < 100; i++) {
        push_frames(&b, i, 1);
        settle(&b);
        GstEvent *gap;
        while ((gap = next_event(&b, GST_EVENT_GAP))) {
            GstClockTime pts, duration;
            gst_event_parse_gap(gap, &pts, &duration);
            g_assert_cmpuint(pts, ==, position);
            position = pts + duration;
            gst_event_unref(gap);
        }
        g_assert_cmpuint(position, <=, (i + 1) * FRAME_TIME);
        g_assert_cmpuint((i + 1) * FRAME_TIME - position, <=, 500 * GST_MSECOND);
    }
    both_free(&b);
}

/* A task that understands late says so: no GAP goes beyond what is settled. */
static void test_settled(void)
{
    Both b = both_new(FALSE, "spoken");
    GstEvent *gap;
    guint gaps = 0;
    b.dummy->settle_lag = GST_SECOND;
    for (guint i = 0; i < 100; i++) {
        push_frames(&b, i, 1);
        settle(&b);
        while ((gap = next_event(&b, GST_EVENT_GAP))) {
            GstClockTime pts, duration;
            gst_event_parse_gap(gap, &pts, &duration);
            g_assert_cmpuint(pts + duration + GST_SECOND, <=, i * FRAME_TIME);
            gaps++;
            gst_event_unref(gap);
        }
    }
    g_assert_cmpuint(gaps, >=, 5);
    both_free(&b);
}

/* Texts carry the time of their frame, in order and with GAPs between them. */
static void test_spoken(void)
{
    Both b = both_new(FALSE, "auto");
    b.dummy->text_every = 25;
    push_frames(&b, 0, 100);
    settle(&b);
    for (guint i = 0; i < 4; i++) {
        GstBuffer *text = gst_harness_pull(b.text);
        g_assert_cmpuint(GST_BUFFER_PTS(text), ==, i * GST_SECOND);
        g_assert_cmpuint(GST_BUFFER_DURATION(text), ==, 2 * FRAME_TIME);
        gst_buffer_unref(text);
    }
    both_free(&b);
}

/* Live, with nothing declared: a text gets the time at which it is ready. */
static void test_arrival(void)
{
    Both b = both_new(TRUE, "auto");
    GstTestClock *clock = gst_harness_get_testclock(b.media);
    if (!clock) {
        gst_harness_use_testclock(b.media);
        clock = gst_harness_get_testclock(b.media);
    }
    b.dummy->text_every = 1;
    gst_test_clock_set_time(clock, 3 * GST_SECOND);
    push_frames(&b, 0, 1);
    settle(&b);
    GstBuffer *text = gst_harness_pull(b.text);
    g_assert_cmpuint(GST_BUFFER_PTS(text), ==, 3 * GST_SECOND);
    gst_buffer_unref(text);

    g_object_set(b.dummy, "max-latency", 5000, NULL); /* now there is time to wait for it */
    push_frames(&b, 100, 1);
    settle(&b);
    text = gst_harness_pull(b.text);
    g_assert_cmpuint(GST_BUFFER_PTS(text), ==, 100 * FRAME_TIME);
    gst_buffer_unref(text);
    gst_object_unref(clock);
    both_free(&b);
}

/* The text pad ends with the media, and what is settled is told before. */
static void test_eos(void)
{
    Both b = both_new(FALSE, "auto");
    push_frames(&b, 0, 5);
    gst_harness_push_event(b.media, gst_event_new_eos());
    GstEvent *event, *gap = NULL;
    while ((event = gst_harness_pull_event(b.text)) && GST_EVENT_TYPE(event) != GST_EVENT_EOS) {
        if (GST_EVENT_TYPE(event) == GST_EVENT_GAP)
            gst_event_replace(&gap, event);
        gst_event_unref(event);
    }
    g_assert_nonnull(event);
    g_assert_nonnull(gap);
    GstClockTime pts, duration;
    gst_event_parse_gap(gap, &pts, &duration);
    g_assert_cmpuint(pts + duration, ==, 5 * FRAME_TIME);
    gst_event_unref(gap);
    gst_event_unref(event);
    both_free(&b);
}

/* After a flush the text pad has a segment again. */
static void test_flush(void)
{
    Both b = both_new(FALSE, "auto");
    b.dummy->text_every = 1;
    push_frames(&b, 0, 3);
    gst_harness_push_event(b.media, gst_event_new_flush_start());
    gst_harness_push_event(b.media, gst_event_new_flush_stop(TRUE));
    while (gst_harness_buffers_in_queue(b.text))
        gst_buffer_unref(gst_harness_pull(b.text));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = segment.position = 10 * FRAME_TIME;
    gst_harness_push_event(b.media, gst_event_new_segment(&segment));
    push_frames(&b, 10, 1);
    settle(&b);
    GstBuffer *text = gst_harness_pull(b.text);
    g_assert_cmpuint(GST_BUFFER_PTS(text), ==, 10 * FRAME_TIME);
    gst_buffer_unref(text);
    both_free(&b);
}

/* Nobody listens to the text: the media does not mind. */
static void test_unlinked(void)
{
    GstHarness *h = dummy_harness("dummytext", FALSE, NUMBER_CAPS);
    ((Dummy *)h->element)->text_every = 1;
    for (guint i = 0; i < 10; i++)
        gst_buffer_unref(
            gst_harness_push_and_pull(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT)));
    gst_harness_teardown(h);
}

/* Text and picture in one Matroska file, read back. */
static void test_muxed(void)
{
    GError *error = NULL;
    char *path = g_build_filename(g_get_tmp_dir(), "fovea-text-XXXXXX.mkv", NULL);
    gint fd = g_mkstemp(path);
    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    char *launch = g_strdup_printf(
        "videotestsrc num-buffers=100 ! video/x-raw,format=I420,width=64,height=16,framerate=25/1 "
        "! dummytext name=d d.src ! queue ! matroskamux name=m ! filesink location=%s "
        "d.text ! queue ! m.",
        path);
    GstElement *pipeline = gst_parse_launch(launch, &error);
    g_free(launch);
    g_assert_no_error(error);
    GstElement *dummy = gst_bin_get_by_name(GST_BIN(pipeline), "d");
    ((Dummy *)dummy)->text_every = 30;
    gst_object_unref(dummy);
    g_assert_no_error(play(pipeline));
    gsize length = 0;
    char *file = NULL;
    g_assert_true(g_file_get_contents(path, &file, &length, &error));
    guint texts = 0;
    for (gsize i = 0; i + 7 <= length; i++)
        texts += memcmp(file + i, "text 30", 7) == 0 || memcmp(file + i, "text 90", 7) == 0;
    g_assert_cmpuint(texts, ==, 2);
    g_free(file);
    g_unlink(path);
    g_free(path);
}

static GstPadProbeReturn count_seeks(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_SEEK)
        g_atomic_int_inc((gint *)data);
    return GST_PAD_PROBE_OK;
}

/* A seek of the pipeline comes from both of its sinks; upstream sees it once. */
static void test_seek(void)
{
    GError *error = NULL;
    gint seeks = 0;
    GstElement *pipeline = gst_parse_launch(
        "videotestsrc ! video/x-raw,format=GRAY8,width=64,height=16,framerate=25/1 ! dummytext "
        "name=d d.src ! queue ! fakesink name=s d.text ! queue ! fakesink async=false",
        &error);
    g_assert_no_error(error);
    GstElement *dummy = gst_bin_get_by_name(GST_BIN(pipeline), "d");
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
    ((Dummy *)dummy)->text_every = 5;
    GstPad *pad = gst_element_get_static_pad(dummy, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, count_seeks, &seeks, NULL);
    gst_object_unref(pad);
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    gst_element_get_state(pipeline, NULL, NULL, GUARD);
    for (gint i = 1; i <= 10; i++) {
        g_assert_true(gst_element_seek_simple(pipeline, GST_FORMAT_TIME,
                                              GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                                              i * GST_SECOND));
        g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                        GST_STATE_CHANGE_SUCCESS);
        g_assert_cmpint(g_atomic_int_get(&seeks), ==, i);
        GstSample *sample;
        g_object_get(sink, "last-sample", &sample, NULL);
        g_assert_cmpuint(GST_BUFFER_PTS(gst_sample_get_buffer(sample)), ==,
                         (GstClockTime)i * GST_SECOND);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(dummy);
    gst_object_unref(pipeline);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dummies_register();
    g_test_add_func("/text/start", test_start);
    g_test_add_func("/text/gaps", test_gaps);
    g_test_add_func("/text/settled", test_settled);
    g_test_add_func("/text/spoken", test_spoken);
    g_test_add_func("/text/arrival", test_arrival);
    g_test_add_func("/text/eos", test_eos);
    g_test_add_func("/text/flush", test_flush);
    g_test_add_func("/text/seek", test_seek);
    g_test_add_func("/text/unlinked", test_unlinked);
    g_test_add_func("/text/muxed", test_muxed);
    return g_test_run();
}
