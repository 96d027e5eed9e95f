/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sound.c: audio in windows. The test's samples count 0, 1, 2, ..., so that the first sample of a
 * window tells where it was cut.
 */
#include <string.h>

#include "dummies.h"

#define RATE 8000
#define CAPS "audio/x-raw,format=S16LE,layout=interleaved,rate=8000,channels=1"

static GstClockTime time_of(guint64 sample)
{
    return gst_util_uint64_scale_int(sample, GST_SECOND, RATE);
}

static GstBuffer *samples(guint from, guint n)
{
    gint16 *data = g_new(gint16, n);
    for (guint i = 0; i < n; i++)
        data[i] = (gint16)(from + i);
    GstBuffer *buffer = gst_buffer_new_wrapped(data, n * sizeof *data);
    GST_BUFFER_PTS(buffer) = time_of(from);
    GST_BUFFER_DURATION(buffer) = time_of(from + n) - time_of(from);
    return buffer;
}

static GstHarness *window_harness(guint window, guint hop)
{
    GstHarness *h = dummy_harness("dummywindow", FALSE, NULL);
    ((Dummy *)h->element)->window = window;
    ((Dummy *)h->element)->hop = hop;
    gst_harness_set_src_caps_str(h, CAPS);
    return h;
}

/* The sound passes at once; a query that waits for all before it tells when its windows are done. */
static void settle(GstHarness *h)
{
    GstQuery *drain = gst_query_new_drain();
    gst_pad_peer_query(h->srcpad, drain);
    gst_query_unref(drain);
}

/* Pushes, checks what comes out, and waits for the windows. */
static void push(GstHarness *h, guint from, guint n)
{
    GstBuffer *in = samples(from, n);
    GstMemory *memory = gst_buffer_peek_memory(in, 0);
    GstBuffer *out = gst_harness_push_and_pull(h, in);
    g_assert_true(gst_buffer_peek_memory(out, 0) == memory); /* the sound passes untouched */
    g_assert_cmpuint(GST_BUFFER_PTS(out), ==, time_of(from));
    gst_buffer_unref(out);
    settle(h);
}

static void end(GstHarness *h)
{
    gst_harness_push_event(h, gst_event_new_eos());
    for (gboolean eos = FALSE; !eos;) {
        GstEvent *event = gst_harness_pull_event(h);
        g_assert_nonnull(event);
        eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
    }
}

static void expect(GstHarness *h, guint index, guint first, guint n, guint fresh, gboolean discont,
                   gboolean last)
{
    Dummy *dummy = (Dummy *)h->element;
    g_assert_cmpuint(index, <, dummy->windows->len);
    const FoveaWindow *w = &g_array_index(dummy->windows, FoveaWindow, index);
    g_assert_cmpint(g_array_index(dummy->first, gint16, index), ==, (gint16)first);
    g_assert_cmpuint(w->samples, ==, n);
    g_assert_cmpuint(w->fresh, ==, fresh);
    g_assert_cmpuint(w->pts, ==, time_of(first));
    g_assert_cmpuint(w->running_time, ==, time_of(first));
    g_assert_cmpint(w->discont, ==, discont);
    g_assert_cmpint(w->last, ==, last);
}

static guint count(GstHarness *h)
{
    return ((Dummy *)h->element)->windows->len;
}

/* Windows side by side, from buffers of an awkward size; the rest comes at the end. */
static void test_windows(void)
{
    GstHarness *h = window_harness(400, 400);
    for (guint i = 0; i < 10; i++)
        push(h, i * 111, 111);
    g_assert_cmpuint(count(h), ==, 2);
    end(h);
    g_assert_cmpuint(count(h), ==, 3);
    expect(h, 0, 0, 400, 400, TRUE, FALSE);
    expect(h, 1, 400, 400, 400, FALSE, FALSE);
    expect(h, 2, 800, 310, 310, FALSE, TRUE);
    gst_harness_teardown(h);
}

static void test_overlap(void)
{
    GstHarness *h = window_harness(400, 150);
    push(h, 0, 1000);
    end(h);
    g_assert_cmpuint(count(h), ==, 5 + 0);
    for (guint i = 0; i < 5; i++)
        expect(h, i, i * 150, 400, i == 0 ? 400 : 150, i == 0, FALSE);
    gst_harness_teardown(h);

    h = window_harness(400, 150);
    push(h, 0, 1020); /* 20 samples that no window has had */
    end(h);
    g_assert_cmpuint(count(h), ==, 6);
    expect(h, 5, 750, 270, 20, FALSE, TRUE);
    gst_harness_teardown(h);
}

/* hop > window: what lies between is left out. */
static void test_sparse(void)
{
    GstHarness *h = window_harness(100, 250);
    for (guint i = 0; i < 10; i++)
        push(h, i * 70, 70);
    g_assert_cmpuint(count(h), ==, 3);
    expect(h, 1, 250, 100, 100, FALSE, FALSE);
    expect(h, 2, 500, 100, 100, FALSE, FALSE);
    gst_harness_teardown(h);
}

/* A hole ends the window before it; the next starts at the right time. */
static void test_hole(void)
{
    GstHarness *h = window_harness(400, 400);
    push(h, 0, 500);
    push(h, 2000, 500);
    end(h);
    g_assert_cmpuint(count(h), ==, 4);
    expect(h, 1, 400, 100, 100, FALSE, TRUE);
    expect(h, 2, 2000, 400, 400, TRUE, FALSE);
    expect(h, 3, 2400, 100, 100, FALSE, TRUE);
    gst_harness_teardown(h);
}

static void test_gap_event(void)
{
    GstHarness *h = window_harness(400, 400);
    push(h, 0, 300);
    gst_harness_push_event(h, gst_event_new_gap(time_of(300), time_of(100)));
    settle(h);
    push(h, 400, 400);
    g_assert_cmpuint(count(h), ==, 2);
    expect(h, 0, 0, 300, 300, TRUE, TRUE);
    expect(h, 1, 400, 400, 400, TRUE, FALSE);
    gst_harness_teardown(h);
}

/* Timestamps that stray a little (RTP, rounded muxers) do not cut the sound. */
static void test_jitter(void)
{
    GstHarness *h = window_harness(400, 400);
    for (guint i = 0; i < 10; i++) {
        GstBuffer *in = samples(i * 80, 80);
        GST_BUFFER_PTS(in) += (i % 3) * 10 * GST_MSECOND;
        gst_buffer_unref(gst_harness_push_and_pull(h, in));
    }
    settle(h);
    g_assert_cmpuint(count(h), ==, 2);
    expect(h, 1, 400, 400, 400, FALSE, FALSE);
    gst_harness_teardown(h);
}

static void test_flush(void)
{
    GstHarness *h = window_harness(400, 400);
    push(h, 0, 300);
    gst_harness_push_event(h, gst_event_new_flush_start());
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h, gst_event_new_segment(&segment));
    push(h, 300, 400);
    g_assert_cmpuint(count(h), ==, 1);
    expect(h, 0, 300, 400, 400, TRUE, FALSE);
    gst_harness_teardown(h);
}

/* New caps end the sound of the old ones, which is told at its own rate. */
static void test_caps(void)
{
    GstHarness *h = window_harness(400, 400);
    push(h, 0, 300);
    gst_harness_set_src_caps_str(
        h, "audio/x-raw,format=S16LE,layout=interleaved,rate=16000,channels=2");
    GstBuffer *in = gst_buffer_new_allocate(NULL, 400 * 4, NULL);
    gst_buffer_memset(in, 0, 0, 400 * 4);
    GST_BUFFER_PTS(in) = time_of(300);
    gst_buffer_unref(gst_harness_push_and_pull(h, in));
    settle(h);
    Dummy *dummy = (Dummy *)h->element;
    g_assert_cmpuint(count(h), ==, 2);
    expect(h, 0, 0, 300, 300, TRUE, TRUE);
    const FoveaWindow *w = &g_array_index(dummy->windows, FoveaWindow, 1);
    g_assert_cmpuint(w->duration, ==, 25 * GST_MSECOND);
    g_assert_true(w->discont);
    gst_harness_teardown(h);
}

/* Live and too slow: the older half of what waits is left out, all of it passes, times stay right. */
static void test_overload(void)
{
    GstHarness *h = dummy_harness("dummywindow", TRUE, NULL);
    Dummy *dummy = (Dummy *)h->element;
    dummy->window = dummy->hop = RATE / 10;
    dummy->hold = 1;
    gst_harness_set_src_caps_str(h, CAPS);
    gst_harness_push(h, samples(0, RATE / 10));
    dummy_wait_busy(dummy);
    for (guint i = 1; i < 40; i++) { /* 4 s at once, of which a second may wait */
        GstBuffer *out;
        gst_harness_push(h, samples(i * RATE / 10, RATE / 10));
        out = gst_harness_pull(h);
        g_assert_cmpuint(GST_BUFFER_PTS(out), ==, time_of((i - 1) * RATE / 10));
        gst_buffer_unref(out);
    }
    dummy_release(&dummy->hold);
    end(h);
    g_assert_cmpuint(stat_of(h->element, "skipped"), ==, 30);
    g_assert_cmpuint(stat_of(h->element, "skipped-time"), ==, 3 * GST_SECOND);
    g_assert_cmpuint(count(h), ==, 10); /* the one in work, and the last */
    for (guint i = 1; i < 10; i++)
        expect(h, i, (30 + i) * RATE / 10, RATE / 10, RATE / 10, i == 1, FALSE);
    gst_harness_teardown(h);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dummies_register();
    g_test_add_func("/sound/windows", test_windows);
    g_test_add_func("/sound/overlap", test_overlap);
    g_test_add_func("/sound/sparse", test_sparse);
    g_test_add_func("/sound/hole", test_hole);
    g_test_add_func("/sound/gap-event", test_gap_event);
    g_test_add_func("/sound/jitter", test_jitter);
    g_test_add_func("/sound/flush", test_flush);
    g_test_add_func("/sound/caps", test_caps);
    g_test_add_func("/sound/overload", test_overload);
    return g_test_run();
}
