/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * frames.c: the life of a frame through FoveaElement, where upstream is not live.
 */
#include <time.h>

#include "dummies.h"

static GstHarness *number_harness(void)
{
    return dummy_harness("dummynumber", FALSE, NUMBER_CAPS);
}

static gpointer push_hundred(gpointer data)
{
    GstHarness *h = data;
    for (guint i = 0; i < 100; i++)
        g_assert_cmpint(gst_harness_push(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT)), ==,
                        GST_FLOW_OK);
    return NULL;
}

/* Order and times are kept, every frame is processed, and a result is never on another frame. */
static void test_order(void)
{
    GstHarness *h = number_harness();
    ((Dummy *)h->element)->delay_us = 1000;
    GThread *upstream = g_thread_new("upstream", push_hundred, h);
    for (guint i = 0; i < 100; i++) {
        GstBuffer *buffer = gst_harness_pull(h);
        g_assert_nonnull(buffer);
        g_assert_cmpuint(GST_BUFFER_PTS(buffer), ==, i * FRAME_TIME);
        g_assert_cmpuint(GST_BUFFER_DURATION(buffer), ==, FRAME_TIME);
        g_assert_cmpint(number_attached(buffer), ==, (gint)i);
        FoveaResultMeta *result = fovea_buffer_get_result(buffer, "dummy");
        g_assert_nonnull(result);
        g_assert_cmpuint(result->frame, ==, i);
        g_assert_cmpint(result->width, ==, NUMBER_WIDTH);
        g_assert_cmpuint(result->hold, ==, FRAME_TIME);
        gst_buffer_unref(buffer);
    }
    g_thread_join(upstream);
    g_assert_cmpuint(stat_of(h->element, "frames"), ==, 100);
    g_assert_cmpuint(stat_of(h->element, "inferred"), ==, 100);
    g_assert_cmpuint(stat_of(h->element, "dropped"), ==, 0);
    g_assert_cmpuint(stat_of(h->element, "skipped"), ==, 0);
    g_assert_cmpuint(stat_of(h->element, "plan-time"), ==, 2000);
    g_assert_cmpuint(stat_of(h->element, "latency-p50"), >=, 1000000);
    gst_harness_teardown(h);
}

/* Results never land on the buffer that somebody else holds, and its pixels are not copied. */
static void test_shared_buffer(void)
{
    GstHarness *h = number_harness();
    GstBuffer *mine = number_frame(7, NUMBER_WIDTH, NUMBER_HEIGHT);
    GstMemory *memory = gst_buffer_peek_memory(mine, 0);
    GstBuffer *out = gst_harness_push_and_pull(h, gst_buffer_ref(mine));
    g_assert_true(out != mine);
    g_assert_true(gst_buffer_peek_memory(out, 0) == memory);
    g_assert_cmpint(number_attached(out), ==, 7);
    g_assert_cmpint(number_attached(mine), ==, -1);
    gst_buffer_unref(out);
    gst_buffer_unref(mine);
    gst_harness_teardown(h);
}

static void test_interval(void)
{
    GstHarness *h = number_harness();
    g_object_set(h->element, "interval", 3, NULL);
    for (guint i = 0; i < 10; i++) {
        GstBuffer *out = gst_harness_push_and_pull(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
        g_assert_cmpint(number_attached(out), ==, i % 3 == 0 ? (gint)i : -1);
        FoveaResultMeta *result = fovea_buffer_get_result(out, NULL);
        g_assert_true((result != NULL) == (i % 3 == 0));
        if (result)
            g_assert_cmpuint(result->hold, ==, 3 * FRAME_TIME);
        gst_buffer_unref(out);
    }
    g_assert_cmpuint(stat_of(h->element, "inferred"), ==, 4);
    g_assert_cmpuint(stat_of(h->element, "skipped"), ==, 0);
    gst_harness_teardown(h);
}

/* A frame that cannot be processed passes without a result; the bus hears of it, not each time. */
static void test_bad_frame(void)
{
    GstHarness *h = number_harness();
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(h->element, bus);
    ((Dummy *)h->element)->fail_every = 2;
    for (guint i = 0; i < 10; i++) {
        GstBuffer *out = gst_harness_push_and_pull(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
        g_assert_cmpint(number_attached(out), ==, i % 2 == 0 ? (gint)i : -1);
        g_assert_true((fovea_buffer_get_result(out, NULL) != NULL) == (i % 2 == 0));
        gst_buffer_unref(out);
    }
    g_assert_cmpuint(stat_of(h->element, "errors"), ==, 5);
    guint warnings = 0;
    GstMessage *message;
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR))) {
        g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_WARNING);
        warnings++;
        gst_message_unref(message);
    }
    g_assert_cmpuint(warnings, ==, 1);
    gst_element_set_bus(h->element, NULL);
    gst_object_unref(bus);
    gst_harness_teardown(h);
}

/* New caps take effect exactly between the frames where they came. */
static void test_caps_change(void)
{
    GstHarness *h = number_harness();
    Dummy *dummy = (Dummy *)h->element;
    dummy->delay_us = 2000;
    for (guint i = 0; i < 3; i++)
        gst_harness_push(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
    gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=128,height=32,framerate=25/1");
    for (guint i = 3; i < 6; i++)
        gst_harness_push(h, number_frame(i, 128, 32));
    for (guint i = 0; i < 6; i++) {
        GstBuffer *out = gst_harness_pull(h);
        g_assert_cmpint(number_attached(out), ==, (gint)i);
        g_assert_cmpint(fovea_buffer_get_result(out, NULL)->width, ==, i < 3 ? 64 : 128);
        gst_buffer_unref(out);
    }
    g_assert_cmpint(dummy->caps_changes, ==, 2);
    gst_harness_teardown(h);
}

/* EOS comes after the last frame; frames before it are all there. */
static void test_eos(void)
{
    GstHarness *h = number_harness();
    ((Dummy *)h->element)->delay_us = 5000;
    gst_harness_push(h, number_frame(0, NUMBER_WIDTH, NUMBER_HEIGHT));
    gst_harness_push(h, number_frame(1, NUMBER_WIDTH, NUMBER_HEIGHT));
    g_assert_true(gst_harness_push_event(h, gst_event_new_eos()));
    GstEvent *event;
    do {
        event = gst_harness_pull_event(h);
        g_assert_nonnull(event);
        gboolean eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
        if (eos)
            break;
    } while (TRUE);
    g_assert_cmpuint(gst_harness_buffers_in_queue(h), ==, 2);
    g_assert_cmpint(((Dummy *)h->element)->drains, ==, 1 + 1); /* the segment's, and the end's */
    gst_harness_teardown(h);
}

static void push_segment(GstHarness *h)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    g_assert_true(gst_harness_push_event(h, gst_event_new_segment(&segment)));
}

/* After a flush nothing of before comes out, not even what was in work; then all goes on. */
static void test_flush(void)
{
    GstHarness *h = number_harness();
    Dummy *dummy = (Dummy *)h->element;
    dummy->hold = 1;
    for (guint i = 0; i < 3; i++)
        gst_harness_push(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
    dummy_wait_busy(dummy);
    gst_harness_push_event(h, gst_event_new_flush_start());
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    dummy_release(&dummy->hold); /* so the flush did not wait for the work */
    push_segment(h);
    for (guint i = 100; i < 105; i++) {
        GstBuffer *out = gst_harness_push_and_pull(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
        g_assert_cmpint(number_attached(out), ==, (gint)i);
        gst_buffer_unref(out);
    }
    g_assert_cmpint(dummy->resets, ==, 1);
    gst_harness_teardown(h);
}

static gpointer push_until_stopped(gpointer data)
{
    GstHarness *h = data;
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint i = 0; flow == GST_FLOW_OK; i++)
        flow = gst_harness_push(h, number_frame(i % 1000, NUMBER_WIDTH, NUMBER_HEIGHT));
    return GINT_TO_POINTER(flow);
}

/* Flushing wakes an upstream that waits for room. */
static void test_flush_blocked(void)
{
    GstHarness *h = number_harness();
    Dummy *dummy = (Dummy *)h->element;
    dummy->hold = 1;
    GThread *upstream = g_thread_new("upstream", push_until_stopped, h);
    while (stat_of(h->element, "frames") < 3)
        g_usleep(1000);
    g_usleep(20000); /* one in work, two wait, the next is refused */
    g_assert_cmpuint(stat_of(h->element, "frames"), ==, 3);
    gst_harness_push_event(h, gst_event_new_flush_start());
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(upstream)), ==, GST_FLOW_FLUSHING);
    dummy_release(&dummy->hold); /* the frame was in work until now */
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    gst_harness_teardown(h);
}

/* A flush right after the stream has begun: its caps were not handled yet, and must not be lost. */
static void test_flush_early(void)
{
    GstElement *element = gst_element_factory_make("dummynumber", NULL);
    ((Dummy *)element)->load_ms = 50;
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    gst_harness_set_live(h, FALSE);
    gst_harness_set_src_caps_str(h, NUMBER_CAPS);
    gst_harness_push_event(h, gst_event_new_flush_start());
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    push_segment(h);
    GstBuffer *out = gst_harness_push_and_pull(h, number_frame(9, NUMBER_WIDTH, NUMBER_HEIGHT));
    g_assert_cmpint(number_attached(out), ==, 9);
    gst_buffer_unref(out);

    /* and the same for new caps that wait behind a frame in work */
    Dummy *dummy = (Dummy *)h->element;
    dummy->hold = 1;
    gst_harness_push(h, number_frame(10, NUMBER_WIDTH, NUMBER_HEIGHT));
    dummy_wait_busy(dummy);
    gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=160,height=32,framerate=25/1");
    gst_harness_push_event(h, gst_event_new_flush_start());
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    push_segment(h);
    dummy_release(&dummy->hold);
    out = gst_harness_push_and_pull(h, number_frame(11, 160, 32));
    g_assert_cmpint(number_attached(out), ==, 11);
    g_assert_cmpint(fovea_buffer_get_result(out, NULL)->width, ==, 160);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

/* appsrc's default is a segment of bytes: no running time, but frames are processed. */
static void test_bytes_segment(void)
{
    static const char *const kinds[] = {"dummynumber", "dummytext", "dummytwice"};
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
        GstHarness *h = dummy_harness(kinds[k], k == 1, NUMBER_CAPS);
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_BYTES);
        ((Dummy *)h->element)->text_every = 1;
        g_assert_true(gst_harness_push_event(h, gst_event_new_segment(&segment)));
        GstBuffer *in = number_frame(3, NUMBER_WIDTH, NUMBER_HEIGHT);
        GST_BUFFER_PTS(in) = GST_BUFFER_DURATION(in) = k ? 0 : GST_CLOCK_TIME_NONE;
        GstBuffer *out = gst_harness_push_and_pull(h, in);
        g_assert_cmpint(((Dummy *)h->element)->processed, ==, 1);
        gst_buffer_unref(out);
        gst_harness_teardown(h);
    }
}

/* Bookkeeping of a raw 1080p frame costs at most 0.5 ms of processor time, all threads together; and
 * memory stays flat. */
static void test_cost(void)
{
    enum { N = 10000, SIZE = 1920 * 1080 * 3 / 2 };
    GstHarness *h = dummy_harness("dummynumber", FALSE,
                                  "video/x-raw,format=NV12,width=1920,height=1080,framerate=25/1");
    GstBuffer *pixels = gst_buffer_new_allocate(NULL, SIZE, NULL);
    gst_buffer_memset(pixels, 0, 16, SIZE);
    clock_t start = clock();
    glong before = 0;
    for (guint i = 0; i < N; i++) {
        if (i == N / 10) /* by then every pool has its size */
            before = resident_kib();
        GstBuffer *in = gst_buffer_copy(pixels); /* shares the memory */
        GST_BUFFER_PTS(in) = i * FRAME_TIME;
        GstBuffer *out = gst_harness_push_and_pull(h, in);
        g_assert_true(gst_buffer_peek_memory(out, 0) == gst_buffer_peek_memory(pixels, 0));
        gst_buffer_unref(out);
    }
    double ms = (double)(clock() - start) * 1000 / CLOCKS_PER_SEC / N;
    g_test_message("%.4f ms of processor time a frame", ms);
    g_assert_cmpfloat(ms, <, 0.5);
    glong grown = resident_kib() - before;
    g_test_message("memory grew by %ld KiB", grown);
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory for a while */
    g_assert_cmpint(grown, <, 1024);
#endif
    gst_buffer_unref(pixels);
    gst_harness_teardown(h);
}

static GstFlowReturn refuse(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    gst_buffer_unref(buffer);
    return GPOINTER_TO_INT(g_object_get_data(G_OBJECT(pad), "flow"));
}

/* What downstream answers reaches upstream, at the latest a few frames later. */
static void test_flow_return(void)
{
    static const GstFlowReturn answers[] = {GST_FLOW_EOS, GST_FLOW_NOT_LINKED, GST_FLOW_ERROR,
                                            GST_FLOW_CUSTOM_ERROR};
    for (guint a = 0; a < G_N_ELEMENTS(answers); a++) {
        GstHarness *h = number_harness();
        g_object_set_data(G_OBJECT(h->sinkpad), "flow", GINT_TO_POINTER(answers[a]));
        gst_pad_set_chain_function(h->sinkpad, refuse);
        GstFlowReturn flow = GST_FLOW_OK;
        for (guint i = 0; i < 10 && flow == GST_FLOW_OK; i++)
            flow = gst_harness_push(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
        g_assert_cmpint(flow, ==, answers[a]);
        gst_harness_teardown(h);
    }
}

/* After EOS from downstream the EOS event still passes. */
static void test_eos_after_flow_eos(void)
{
    GstHarness *h = number_harness();
    g_object_set_data(G_OBJECT(h->sinkpad), "flow", GINT_TO_POINTER(GST_FLOW_EOS));
    gst_pad_set_chain_function(h->sinkpad, refuse);
    while (gst_harness_push(h, number_frame(0, NUMBER_WIDTH, NUMBER_HEIGHT)) == GST_FLOW_OK)
        ;
    gst_harness_push_event(h, gst_event_new_eos());
    gboolean eos = FALSE;
    while (!eos) {
        GstEvent *event = gst_harness_pull_event(h);
        g_assert_nonnull(event);
        eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
    }
    gst_harness_teardown(h);
}

/* A drain query returns when everything before it is out; allocation is asked downstream. */
static void test_queries(void)
{
    GstHarness *h = number_harness();
    ((Dummy *)h->element)->delay_us = 5000;
    gst_harness_push(h, number_frame(0, NUMBER_WIDTH, NUMBER_HEIGHT));
    gst_harness_push(h, number_frame(1, NUMBER_WIDTH, NUMBER_HEIGHT));
    GstQuery *drain = gst_query_new_drain();
    gst_pad_peer_query(h->srcpad, drain);
    gst_query_unref(drain);
    g_assert_cmpuint(gst_harness_buffers_in_queue(h), ==, 2);

    gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
    GstCaps *caps = gst_caps_from_string(NUMBER_CAPS);
    GstQuery *allocation = gst_query_new_allocation(caps, TRUE);
    g_assert_true(gst_pad_peer_query(h->srcpad, allocation));
    g_assert_true(gst_query_find_allocation_meta(allocation, GST_VIDEO_META_API_TYPE, NULL));
    gst_query_unref(allocation);
    gst_caps_unref(caps);
    gst_harness_teardown(h);
}

/* The declared delay is what LATENCY says, and changing it tells the pipeline once. */
static void test_latency(void)
{
    GstHarness *h = number_harness();
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(h->element, bus);
    gst_harness_set_upstream_latency(h, 10 * GST_MSECOND);
    g_assert_cmpuint(gst_harness_query_latency(h), ==, 10 * GST_MSECOND);
    g_object_set(h->element, "max-latency", 200, NULL);
    g_object_set(h->element, "max-latency", 200, NULL);
    g_assert_cmpuint(gst_harness_query_latency(h), ==, 210 * GST_MSECOND);
    guint told = 0;
    GstMessage *message;
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_LATENCY))) {
        told++;
        gst_message_unref(message);
    }
    g_assert_cmpuint(told, ==, 1);
    gst_element_set_bus(h->element, NULL);
    gst_object_unref(bus);
    gst_harness_teardown(h);
}

/* The smallest frame, and one that is larger than anything usual. */
static void test_sizes(void)
{
    static const gint sizes[][2] = {{1, 1}, {1, 64}, {7680, 4320}};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        gint width = sizes[i][0], height = sizes[i][1];
        char *caps = g_strdup_printf("video/x-raw,format=GRAY8,width=%d,height=%d,framerate=25/1",
                                     width, height);
        GstHarness *h = dummy_harness("dummynumber", FALSE, caps);
        GstBuffer *out = gst_harness_push_and_pull(h, number_frame(0, width, height));
        g_assert_cmpint(fovea_buffer_get_result(out, NULL)->height, ==, height);
        gst_buffer_unref(out);
        gst_harness_teardown(h);
        g_free(caps);
    }
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dummies_register();
    g_test_add_func("/frames/order", test_order);
    g_test_add_func("/frames/shared-buffer", test_shared_buffer);
    g_test_add_func("/frames/interval", test_interval);
    g_test_add_func("/frames/bad-frame", test_bad_frame);
    g_test_add_func("/frames/caps-change", test_caps_change);
    g_test_add_func("/frames/eos", test_eos);
    g_test_add_func("/frames/flush", test_flush);
    g_test_add_func("/frames/flush-blocked", test_flush_blocked);
    g_test_add_func("/frames/flush-early", test_flush_early);
    g_test_add_func("/frames/bytes-segment", test_bytes_segment);
    g_test_add_func("/frames/cost", test_cost);
    g_test_add_func("/frames/flow-return", test_flow_return);
    g_test_add_func("/frames/eos-after-flow-eos", test_eos_after_flow_eos);
    g_test_add_func("/frames/queries", test_queries);
    g_test_add_func("/frames/latency", test_latency);
    g_test_add_func("/frames/sizes", test_sizes);
    return g_test_run();
}
