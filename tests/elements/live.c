/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * live.c: a source that does not wait. The delay stays bounded, memory stays flat, and what was
 * given up is counted.
 */
#include "dummies.h"

/* Pushes n frames into an element while its model is busy with the first. */
static GstHarness *overload(const char *policy, guint n)
{
    GstHarness *h = dummy_harness("dummynumber", TRUE, NUMBER_CAPS);
    Dummy *dummy = (Dummy *)h->element;
    dummy->hold = 1;
    gst_util_set_object_arg(G_OBJECT(dummy), "overload", policy);
    gst_harness_push(h, number_frame(0, NUMBER_WIDTH, NUMBER_HEIGHT));
    dummy_wait_busy(dummy);
    for (guint i = 1; i < n; i++)
        g_assert_cmpint(gst_harness_push(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT)), ==,
                        GST_FLOW_OK);
    dummy_release(&dummy->hold); /* so nobody waited for it */
    return h;
}

/* Skip: all frames pass in order, the newest is looked at. */
static void test_skip(void)
{
    GstHarness *h = overload("auto", 20);
    for (guint i = 0; i < 20; i++) {
        GstBuffer *out = gst_harness_pull(h);
        g_assert_cmpuint(GST_BUFFER_PTS(out), ==, i * FRAME_TIME);
        g_assert_cmpint(number_attached(out), ==, i == 0 || i == 19 ? (gint)i : -1);
        gst_buffer_unref(out);
    }
    g_assert_cmpuint(stat_of(h->element, "inferred"), ==, 2);
    g_assert_cmpuint(stat_of(h->element, "skipped"), ==, 18);
    g_assert_cmpuint(stat_of(h->element, "dropped"), ==, 0);
    gst_harness_teardown(h);
}

/* Drop: the frames between are gone, and the next says so. */
static void test_drop(void)
{
    GstHarness *h = overload("drop", 20);
    GstBuffer *first = gst_harness_pull(h), *second = gst_harness_pull(h);
    g_assert_cmpint(number_attached(first), ==, 0);
    g_assert_cmpint(number_attached(second), ==, 19);
    g_assert_true(GST_BUFFER_IS_DISCONT(second));
    gst_buffer_unref(first);
    gst_buffer_unref(second);
    g_assert_cmpuint(stat_of(h->element, "inferred"), ==, 2);
    g_assert_cmpuint(stat_of(h->element, "dropped"), ==, 18);
    gst_harness_teardown(h);
}

/* However many come, few are kept; each frame is accounted for. */
static void test_flood(void)
{
    GstHarness *h = overload("skip", 500);
    guint seen = 0;
    GstBuffer *out;
    GstClockTime last = 0;
    gst_harness_push_event(h, gst_event_new_eos());
    for (gboolean eos = FALSE; !eos;) {
        GstEvent *event = gst_harness_pull_event(h);
        g_assert_nonnull(event);
        eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
    }
    while ((out = gst_harness_try_pull(h))) {
        g_assert_cmpuint(GST_BUFFER_PTS(out), >=, last);
        last = GST_BUFFER_PTS(out);
        seen++;
        gst_buffer_unref(out);
    }
    g_assert_cmpuint(last, ==, 499 * FRAME_TIME);
    g_assert_cmpuint(seen, <=, 40);
    g_assert_cmpuint(seen + stat_of(h->element, "dropped"), ==, 500);
    gst_harness_teardown(h);
}

/* Within a declared delay nothing needs to be given up. */
static void test_budget(void)
{
    GstHarness *h = dummy_harness("dummynumber", TRUE, NUMBER_CAPS);
    Dummy *dummy = (Dummy *)h->element;
    g_object_set(dummy, "max-latency", 10000, NULL); /* enough for any machine */
    gst_buffer_unref(gst_harness_push_and_pull(h, number_frame(0, NUMBER_WIDTH, NUMBER_HEIGHT)));
    dummy->hold = 1;
    for (guint i = 1; i < 8; i++) /* a burst */
        gst_harness_push(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
    dummy_release(&dummy->hold);
    for (guint i = 1; i < 8; i++) {
        GstBuffer *out = gst_harness_pull(h);
        g_assert_cmpint(number_attached(out), ==, (gint)i);
        gst_buffer_unref(out);
    }
    g_assert_cmpuint(stat_of(h->element, "skipped"), ==, 0);
    gst_harness_teardown(h);
}

/* Frames that the sink reports as late are not worth the work, where the stream is live. */
static void test_qos(void)
{
    for (gint live = 0; live < 2; live++) {
        GstHarness *h = dummy_harness("dummynumber", live, NUMBER_CAPS);
        gst_harness_push_upstream_event(
            h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 0.5, 40 * GST_MSECOND, FRAME_TIME));
        for (guint i = 0; i < 10; i++) {
            GstBuffer *out =
                gst_harness_push_and_pull(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
            /* late up to 40 + 2 * 40 ms */
            g_assert_cmpint(number_attached(out), ==, live && i <= 3 ? -1 : (gint)i);
            gst_buffer_unref(out);
        }
        g_assert_cmpuint(stat_of(h->element, "skipped"), ==, live ? 4 : 0);
        gst_harness_teardown(h);
    }
}

/* While the model loads a live source goes on: little is kept, and the stream then starts. */
static void test_loading(void)
{
    GstElement *element = gst_element_factory_make("dummynumber", NULL);
    ((Dummy *)element)->hold_load = 1;
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    gst_harness_set_src_caps_str(h, NUMBER_CAPS);
    for (guint i = 0; i < 200; i++)
        g_assert_cmpint(gst_harness_push(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT)), ==,
                        GST_FLOW_OK);
    dummy_release(&((Dummy *)h->element)->hold_load);
    GstBuffer *out = NULL;
    for (guint n = 0; n < 32; n++) { /* those that were kept */
        gst_clear_buffer(&out);
        out = gst_harness_pull(h);
        g_assert_nonnull(out);
    }
    g_assert_cmpuint(GST_BUFFER_PTS(out), ==, 199 * FRAME_TIME);
    g_assert_cmpint(number_attached(out), ==, 199);
    gst_buffer_unref(out);
    g_assert_cmpuint(stat_of(h->element, "dropped"), ==, 168);
    gst_harness_teardown(h);
}

#define KEPT 34 /* frames at most: 32 that wait, one in work, one that comes */

/* Frames that came in and went out of an element. */
typedef struct Flow {
    gint in, out, most;
} Flow;

static GstPadProbeReturn note_in(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    g_atomic_int_inc(&((Flow *)data)->in);
    return GST_PAD_PROBE_OK;
}

/* How many frames came after this one, before it went out. */
static GstPadProbeReturn note_out(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Flow *flow = data;
    gint number = (gint)GST_BUFFER_OFFSET(GST_PAD_PROBE_INFO_BUFFER(info));
    flow->most = MAX(flow->most, g_atomic_int_get(&flow->in) - number);
    g_atomic_int_inc(&flow->out);
    return GST_PAD_PROBE_OK;
}

static void probe(Dummy *dummy, const char *name, GstPadProbeCallback callback, Flow *flow)
{
    GstPad *pad = gst_element_get_static_pad(GST_ELEMENT(dummy), name);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, callback, flow, NULL);
    gst_object_unref(pad);
}

/* Until the stream has come so far; the guard is only against a hang. */
static void wait_for(Dummy *dummy, const char *stat, guint64 least)
{
    gint64 end = g_get_monotonic_time() + (gint64)(GUARD / 1000);
    while (stat_of(GST_ELEMENT(dummy), stat) < least) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(5000);
    }
}

/* A live 1080p source at 50 frames/s, a model that manages 20: what is kept is bounded. */
static void test_source(void)
{
    GstElement *pipeline = parse_pipeline(
        "videotestsrc is-live=true pattern=black ! video/x-raw,format=GRAY8,width=1920,height=1080,"
        "framerate=50/1 ! dummynumber name=d ! fakesink name=s sync=true");
    Dummy *dummy = (Dummy *)named(pipeline, "d");
    Flow flow = {0};
    dummy->delay_us = 50000;
    probe(dummy, "sink", note_in, &flow);
    probe(dummy, "src", note_out, &flow);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    wait_for(dummy, "frames", KEPT);
    glong before = resident_kib();
    wait_for(dummy, "frames", KEPT + 100); /* of 2 MiB each */
    wait_for(dummy, "inferred", 15);
    wait_for(dummy, "skipped", 20);
    glong after = resident_kib();
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    g_test_message("at most %d frames behind, %ld KiB more", flow.most, after - before);
    g_assert_cmpint(flow.most, <=, KEPT);
    g_assert_cmpint(after - before, <, (KEPT + 10) * 2 * 1024);
    g_assert_cmpint(flow.in - flow.out - (gint)stat_of(GST_ELEMENT(dummy), "dropped"), <=, KEPT);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(dummy);
    gst_object_unref(pipeline);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dummies_register();
    g_test_add_func("/live/skip", test_skip);
    g_test_add_func("/live/drop", test_drop);
    g_test_add_func("/live/flood", test_flood);
    g_test_add_func("/live/budget", test_budget);
    g_test_add_func("/live/qos", test_qos);
    g_test_add_func("/live/loading", test_loading);
    g_test_add_func("/live/source", test_source);
    return g_test_run();
}
