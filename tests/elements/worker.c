/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * worker.c: sound passes at once, however long its windows take; text follows on a pad of its own.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "dummies.h"

#define RATE 8000
#define STEP (RATE / 10)
#define STEP_TIME (GST_SECOND / 10)
#define CAPS "audio/x-raw,format=S16LE,layout=interleaved,rate=8000,channels=1"

typedef struct Both {
    GstHarness *media, *text;
    Dummy *dummy;
    GstBus *bus;
} Both;

/* Windows of 0.1 s. */
static Both both_new(gboolean live, guint delay_us)
{
    Both b;
    GstElement *element = gst_element_factory_make("dummyspeech", NULL);
    b.dummy = (Dummy *)element;
    b.dummy->window = b.dummy->hop = STEP;
    b.dummy->delay_us = delay_us;
    b.bus = gst_bus_new();
    gst_element_set_bus(element, b.bus);
    b.text = gst_harness_new_with_element(element, NULL, "text");
    b.media = gst_harness_new_with_element(element, "sink", "src");
    gst_harness_set_live(b.media, live);
    gst_object_unref(element);
    gst_harness_set_src_caps_str(b.media, CAPS);
    return b;
}

static void both_free(Both *b)
{
    gst_element_set_bus(GST_ELEMENT(b->dummy), NULL);
    gst_harness_teardown(b->text);
    gst_harness_teardown(b->media);
    gst_object_unref(b->bus);
}

static GstBuffer *step(guint i)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, STEP * 2, NULL);
    gst_buffer_memset(buffer, 0, 0, STEP * 2);
    GST_BUFFER_PTS(buffer) = i * STEP_TIME;
    GST_BUFFER_DURATION(buffer) = STEP_TIME;
    return buffer;
}

static void expect_step(GstBuffer *out, guint i)
{
    g_assert_nonnull(out);
    g_assert_cmpuint(GST_BUFFER_PTS(out), ==, i * STEP_TIME);
    g_assert_cmpuint(gst_buffer_get_size(out), ==, STEP * 2);
    gst_buffer_unref(out);
}

static guint wait_eos(GstHarness *h)
{
    guint events = 0;
    for (gboolean eos = FALSE; !eos; events++) {
        GstEvent *event = gst_harness_pull_event(h);
        g_assert_nonnull(event);
        eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
    }
    return events;
}

static guint count_messages(GstBus *bus, GstMessageType type, GstStructure **last)
{
    GstMessage *message;
    guint n = 0;
    while ((message = gst_bus_pop_filtered(bus, type))) {
        if (type != GST_MESSAGE_ELEMENT) {
            n++;
        } else if (gst_message_has_name(message, "fovea-overload")) {
            n++;
            g_clear_pointer(last, gst_structure_free);
            *last = gst_structure_copy(gst_message_get_structure(message));
        }
        gst_message_unref(message);
    }
    return n;
}

/* A window takes for ever; no sound waits for it. What could not be heard is told. */
static void test_live(void)
{
    Both b = both_new(TRUE, 0);
    Dummy *dummy = gst_object_ref(b.dummy);
    dummy->hold = 1;
    gst_harness_push(b.media, step(0));
    expect_step(gst_harness_pull(b.media), 0);
    dummy_wait_busy(dummy);
    gint64 start = g_get_monotonic_time();
    for (guint i = 1; i < 120; i++) {
        gst_harness_push(b.media, step(i));
        expect_step(gst_harness_pull(b.media), i);
        if (i == 60)
            g_usleep(1100000); /* the second message is due after a second */
    }
    guint seconds = (guint)((g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    g_assert_cmpint(dummy->windows->len, ==, 0); /* still the first */
    GstStructure *last = NULL;
    guint64 skipped = 0, time = 0;
    guint told = count_messages(b.bus, GST_MESSAGE_ELEMENT, &last);
    g_assert_cmpuint(told, >=, 2);
    g_assert_cmpuint(told, <=, 1 + seconds);
    g_assert_true(gst_structure_get_uint64(last, "skipped", &skipped));
    g_assert_true(gst_structure_get_uint64(last, "skipped-time", &time));
    g_assert_cmpuint(skipped, >=, 50);
    g_assert_cmpuint(time, ==, skipped * STEP_TIME);
    gst_structure_free(last);
    guint64 all = stat_of(b.media->element, "skipped");
    g_assert_cmpuint(all, >=, 105);
    g_assert_cmpuint(all, <=, 115);
    g_assert_cmpuint(stat_of(b.media->element, "skipped-time"), ==, all * STEP_TIME);
    g_assert_cmpuint(stat_of(b.media->element, "dropped"), ==, 0);
    both_free(&b); /* does not wait for the window either */
    g_assert_cmpint(dummy->cancelled, ==, 1);
    gst_object_unref(dummy);
}

typedef struct Pusher {
    GstHarness *h;
    guint n;
    gint pushed;
} Pusher;

static gpointer push_all(gpointer data)
{
    Pusher *p = data;
    for (guint i = 0; i < p->n; i++) {
        gst_harness_push(p->h, step(i));
        g_atomic_int_set(&p->pushed, (gint)i + 1);
    }
    gst_harness_push_event(p->h, gst_event_new_eos());
    return NULL;
}

/* Not live: the sound is at most a second before its text, and every window is looked at. */
static void test_bounded(void)
{
    Both b = both_new(FALSE, 10000);
    Pusher pusher = {.h = b.media, .n = 100};
    b.dummy->text_every = 1;
    GThread *thread = g_thread_new("push", push_all, &pusher);
    for (guint i = 0; i < 100; i++) {
        expect_step(gst_harness_pull(b.media), i);
        gint done = g_atomic_int_get(&b.dummy->processed);
        g_assert_cmpint((gint)i - done, <=, 11); /* ten wait, one is in work */
        g_assert_cmpint(g_atomic_int_get(&pusher.pushed) - done, <=, 11 + 17);
    }
    g_thread_join(thread);
    wait_eos(b.media);
    g_assert_cmpint(b.dummy->processed, ==, 100);
    g_assert_cmpuint(stat_of(b.media->element, "skipped"), ==, 0);
    for (guint i = 0; i < 100; i++) {
        char expected[32];
        GstBuffer *text = gst_harness_pull(b.text);
        g_snprintf(expected, sizeof expected, "text %u", i);
        g_assert_cmpuint(GST_BUFFER_PTS(text), ==, i * STEP_TIME);
        g_assert_cmpint(gst_buffer_memcmp(text, 0, expected, strlen(expected)), ==, 0);
        gst_buffer_unref(text);
    }
    both_free(&b);
}

/* The end waits for the last text, live or not. */
static void test_end(void)
{
    for (gint live = 0; live < 2; live++) {
        Both b = both_new(live, 30000);
        gst_util_set_object_arg(G_OBJECT(b.dummy), "text-timing", "spoken");
        b.dummy->text_every = 5;
        for (guint i = 0; i < 5; i++)
            gst_harness_push(b.media, step(i));
        gst_harness_push_event(b.media, gst_event_new_eos());
        wait_eos(b.media);
        g_assert_cmpint(b.dummy->processed, ==, 5);
        g_assert_cmpint(b.dummy->drains, >=, 1);
        wait_eos(b.text);
        g_assert_cmpuint(gst_harness_buffers_received(b.text), ==, 2);
        gst_buffer_unref(gst_harness_pull(b.text));
        GstBuffer *last = gst_harness_pull(b.text);
        g_assert_cmpint(gst_buffer_memcmp(last, 0, "the end", 7), ==, 0);
        g_assert_cmpuint(GST_BUFFER_PTS(last), ==, 5 * STEP_TIME);
        gst_buffer_unref(last);
        both_free(&b);
    }
}

/* A flush stops a window that would take for ever; what follows has its own times. */
static void test_flush(void)
{
    Both b = both_new(FALSE, 0);
    GstSegment segment;
    b.dummy->hold = 1;
    b.dummy->text_every = 1;
    for (guint round = 1; round <= 20; round++) {
        gint cancelled = g_atomic_int_get(&b.dummy->cancelled);
        gst_harness_push(b.media, step(0));
        gst_harness_push(b.media, step(1));
        dummy_wait_busy(b.dummy);
        gst_harness_push_event(b.media, gst_event_new_flush_start());
        while (g_atomic_int_get(&b.dummy->cancelled) == cancelled)
            g_usleep(100);
        gst_harness_push_event(b.media, gst_event_new_flush_stop(TRUE));
        gst_segment_init(&segment, GST_FORMAT_TIME);
        segment.start = segment.time = round * GST_SECOND;
        gst_harness_push_event(b.media, gst_event_new_segment(&segment));
    }
    g_assert_cmpint(b.dummy->processed, ==, 0);
    dummy_release(&b.dummy->hold);
    gst_harness_push(b.media, step(205));
    gst_harness_push_event(b.media, gst_event_new_eos());
    wait_eos(b.media);
    g_assert_cmpint(b.dummy->processed, ==, 1);
    const FoveaWindow *w = &g_array_index(b.dummy->windows, FoveaWindow, 0);
    g_assert_cmpuint(w->pts, ==, 205 * STEP_TIME);
    g_assert_cmpuint(w->running_time, ==, STEP_TIME * 5);
    g_assert_true(w->discont);
    GstBuffer *text = gst_harness_pull(b.text);
    g_assert_cmpuint(GST_BUFFER_PTS(text), ==, 205 * STEP_TIME);
    gst_buffer_unref(text);
    both_free(&b);
}

/* Live, by arrival: silence is promised up to now, while the window still works. */
static void test_arrival(void)
{
    Both b = both_new(TRUE, 0);
    GstClockTime position = 0;
    GstTestClock *clock;
    b.dummy->hold = 1;
    gst_harness_use_testclock(b.media);
    clock = gst_harness_get_testclock(b.media);
    gst_harness_push(b.media, step(0));
    gst_harness_push(b.media, step(1));
    for (guint i = 1; i <= 20; i++) {
        GstClockTime now = i * 250 * GST_MSECOND;
        gst_test_clock_set_time(clock, now);
        for (guint tries = 0; position < now && tries < 60000; tries++) {
            GstEvent *event = gst_harness_try_pull_event(b.text);
            GstClockTime pts, duration;
            if (!event) {
                g_usleep(1000);
                continue;
            }
            if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
                gst_event_parse_gap(event, &pts, &duration);
                g_assert_cmpuint(pts, ==, position);
                position = pts + duration;
            }
            gst_event_unref(event);
        }
        g_assert_cmpuint(position, >=, now);
        g_assert_cmpuint(position, <=, now + 200 * GST_MSECOND);
    }
    gst_object_unref(clock);
    both_free(&b);
}

/* Texts that are ready at one moment follow each other. */
static void test_arrival_order(void)
{
    Both b = both_new(TRUE, 0);
    GstTestClock *clock;
    GstClockTime end = 0;
    gst_harness_use_testclock(b.media);
    clock = gst_harness_get_testclock(b.media);
    gst_test_clock_set_time(clock, 30 * GST_SECOND);
    b.dummy->text_every = 1;
    for (guint i = 0; i < 6; i++)
        gst_harness_push(b.media, step(i));
    for (guint i = 0; i < 6; i++) {
        GstBuffer *text = gst_harness_pull(b.text);
        g_assert_nonnull(text);
        g_assert_cmpuint(GST_BUFFER_PTS(text), >=, MAX(end, 30 * GST_SECOND));
        g_assert_cmpuint(GST_BUFFER_PTS(text), <=, 31 * GST_SECOND);
        end = GST_BUFFER_PTS(text) + GST_BUFFER_DURATION(text);
        gst_buffer_unref(text);
    }
    gst_object_unref(clock);
    both_free(&b);
}

static GstClockTime declared(GstHarness *h, gboolean *live)
{
    GstQuery *query = gst_query_new_latency();
    GstClockTime min;
    g_assert_true(gst_pad_peer_query(h->sinkpad, query));
    gst_query_parse_latency(query, live, &min, NULL);
    gst_query_unref(query);
    return min;
}

/* The sound is not held back and declares nothing; its text declares max-latency. */
static void test_latency(void)
{
    Both b = both_new(TRUE, 0);
    gboolean live;
    g_object_set(b.dummy, "max-latency", 5000, NULL);
    g_assert_cmpuint(declared(b.media, &live), ==, 0);
    g_assert_true(live);
    g_assert_cmpuint(declared(b.text, &live), ==, 5 * GST_SECOND);
    gst_util_set_object_arg(G_OBJECT(b.dummy), "text-timing", "arrival");
    g_assert_cmpuint(declared(b.text, &live), ==, 0);
    both_free(&b);
}

static GstPadProbeReturn hold(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    return GST_PAD_PROBE_OK;
}

/* Nobody takes the text; sound and windows go on. */
static void test_text_held(void)
{
    Both b = both_new(FALSE, 0);
    GstPad *pad = gst_element_get_static_pad(GST_ELEMENT(b.dummy), "text");
    b.dummy->text_every = 1;
    gulong probe = gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER,
                                     hold, NULL, NULL);
    for (guint i = 0; i < 50; i++) {
        gst_harness_push(b.media, step(i));
        expect_step(gst_harness_pull(b.media), i);
    }
    gst_harness_push_event(b.media, gst_event_new_eos());
    wait_eos(b.media);
    g_assert_cmpint(b.dummy->processed, ==, 50);
    gst_pad_remove_probe(pad, probe);
    wait_eos(b.text);
    g_assert_cmpuint(gst_harness_buffers_received(b.text), ==, 51);
    gst_object_unref(pad);
    both_free(&b);
}

/* What is silent for long is told as GAPs; the text is settled with it, whatever the lag. */
static void test_silent(void)
{
    Both b = both_new(FALSE, 0);
    GstClockTime position = 0;
    GstEvent *event;
    b.dummy->settle_lag = 3 * GST_SECOND;
    gst_harness_push(b.media, step(0));
    gst_harness_push_event(b.media, gst_event_new_gap(STEP_TIME, 5 * GST_SECOND));
    while (position < STEP_TIME + 5 * GST_SECOND && (event = gst_harness_pull_event(b.text))) {
        GstClockTime pts, duration;
        if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
            gst_event_parse_gap(event, &pts, &duration);
            position = pts + duration;
        }
        gst_event_unref(event);
    }
    g_assert_cmpuint(position, ==, STEP_TIME + 5 * GST_SECOND);
    both_free(&b);
}

/* A sink of text prerolls though nothing is settled, and the file is played to its end. */
static void test_preroll(void)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(
        "audiotestsrc num-buffers=50 samplesperbuffer=800 ! "
        "audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved ! dummyspeech name=d "
        "d.src ! fakesink d.text ! fakesink",
        &error);
    g_assert_no_error(error);
    Dummy *dummy = (Dummy *)gst_bin_get_by_name(GST_BIN(pipeline), "d");
    dummy->window = dummy->hop = STEP;
    dummy->settle_lag = 3 * GST_SECOND;
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, GUARD,
                                                     GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    g_assert_nonnull(message);
    g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(dummy);
    gst_object_unref(pipeline);
}

/* A muxer waits for text that is three seconds late, and a plain queue holds one: the queue is
 * named, and with a longer one the file is finished. */
static void test_stall(void)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(
        "audiotestsrc num-buffers=400 samplesperbuffer=800 ! "
        "audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved ! dummyspeech name=d "
        "d.src ! queue name=short ! matroskamux name=m ! fakesink sync=false d.text ! queue ! m.",
        &error);
    g_assert_no_error(error);
    Dummy *dummy = (Dummy *)gst_bin_get_by_name(GST_BIN(pipeline), "d");
    GstElement *queue = gst_bin_get_by_name(GST_BIN(pipeline), "short");
    dummy->window = dummy->hop = STEP;
    dummy->settle_lag = 3 * GST_SECOND;
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus, GUARD, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    g_assert_nonnull(message);
    g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_WARNING);
    g_assert_true(GST_MESSAGE_SRC(message) == GST_OBJECT(dummy));
    gst_message_parse_warning(message, &error, NULL);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, "\"short\""));
    g_assert_nonnull(strstr(error->message, "max-size-time"));
    g_clear_error(&error);
    gst_message_unref(message);
    g_object_set(queue, "max-size-time", 60 * GST_SECOND, "max-size-buffers", 0, NULL);
    message = gst_bus_timed_pop_filtered(bus, GUARD,
                                         GST_MESSAGE_WARNING | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    g_assert_nonnull(message);
    g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(queue);
    gst_object_unref(dummy);
    gst_object_unref(pipeline);
}

/* A pipeline that is paused rests without a word. */
static void test_paused(void)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(
        "audiotestsrc ! audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved ! "
        "dummyspeech name=d d.src ! queue ! fakesink d.text ! fakesink async=false",
        &error);
    g_assert_no_error(error);
    Dummy *dummy = (Dummy *)gst_bin_get_by_name(GST_BIN(pipeline), "d");
    dummy->settle_lag = 3 * GST_SECOND;
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                    GST_STATE_CHANGE_SUCCESS);
    g_usleep(3500000);
    g_assert_null(gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR));
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(dummy);
    gst_object_unref(pipeline);
}

/* While the model loads live sound passes; what waited for it is heard. */
static void test_loading(void)
{
    GstElement *element = gst_element_factory_make("dummyspeech", NULL);
    Dummy *dummy = (Dummy *)element;
    dummy->hold_load = 1;
    dummy->window = dummy->hop = STEP;
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    gst_harness_set_live(h, TRUE);
    gst_harness_set_src_caps_str(h, CAPS);
    for (guint i = 0; i < 5; i++) {
        gst_harness_push(h, step(i));
        expect_step(gst_harness_pull(h), i);
    }
    dummy_release(&dummy->hold_load);
    gst_harness_push_event(h, gst_event_new_eos());
    wait_eos(h);
    g_assert_cmpint(dummy->processed, ==, 5);
    gst_harness_teardown(h);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dummies_register();
    g_test_add_func("/worker/live", test_live);
    g_test_add_func("/worker/bounded", test_bounded);
    g_test_add_func("/worker/end", test_end);
    g_test_add_func("/worker/flush", test_flush);
    g_test_add_func("/worker/arrival", test_arrival);
    g_test_add_func("/worker/arrival-order", test_arrival_order);
    g_test_add_func("/worker/latency", test_latency);
    g_test_add_func("/worker/text-held", test_text_held);
    g_test_add_func("/worker/silent", test_silent);
    g_test_add_func("/worker/preroll", test_preroll);
    g_test_add_func("/worker/stall", test_stall);
    g_test_add_func("/worker/paused", test_paused);
    g_test_add_func("/worker/loading", test_loading);
    return g_test_run();
}
