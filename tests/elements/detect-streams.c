/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * detect-streams.c: foveadetect on video: repeatable, side by side, its cost, its states.
 */
#include <string.h>
#include <time.h>

#include "bus.h"
#include "detect-run.h"
#include "dummies.h"

static char *video_launch(guint frames, const char *properties)
{
    char *path = shared_path("media/video/vtest.mp4"), *model = detect_model();
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    char *launch =
        g_strdup_printf("filesrc location=%s ! qtdemux ! h264parse ! "
                        "identity eos-after=%u ! avdec_h264 ! foveadetect name=d model=%s %s ! "
                        "fakesink name=s",
                        path, frames + 1, model, properties);
    g_free(path);
    g_free(model);
    return launch;
}

static void assert_same(const Run *a, const Run *b)
{
    g_assert_cmpuint(a->frames, ==, b->frames);
    g_assert_cmpuint(a->found->len, ==, b->found->len);
    for (guint i = 0; i < a->found->len; i++) {
        const Found *x = &g_array_index(a->found, Found, i);
        const Found *y = &g_array_index(b->found, Found, i);
        g_assert_cmpuint(x->pts, ==, y->pts);
        g_assert_cmpstr(x->label, ==, y->label);
        g_assert_cmpfloat(x->d.score, ==, y->d.score);
        g_assert_cmpfloat(x->d.x0, ==, y->d.x0);
        g_assert_cmpfloat(x->d.y1, ==, y->d.y1);
    }
}

/* Two runs over one file find the same. */
static void test_repeat(void)
{
    if (no_shared())
        return;
    char *launch = video_launch(5, "");
    Run a = run_launch(launch), b = run_launch(launch);
    g_assert_cmpuint(a.frames, ==, 5);
    g_assert_cmpuint(a.analysed, ==, 5);
    g_assert_cmpuint(a.found->len, >=, 5);
    assert_same(&a, &b);
    run_clear(&a);
    run_clear(&b);
    g_free(launch);
}

/* Two streams with one engine: neither sees the other's pictures. */
static void test_two_streams(void)
{
    if (no_shared())
        return;
    Run alone = run_picture("media/photos/dog_standing.jpg", "RGB", "");
    char *dog = shared_path("media/photos/dog_standing.jpg"), *model = detect_model();
    char *video = video_launch(4, "");
    char *launch = g_strdup_printf("%s filesrc location=%s ! jpegdec ! videoconvert ! "
                                   "video/x-raw,format=RGB ! imagefreeze num-buffers=4 ! "
                                   "foveadetect name=e model=%s ! fakesink name=t "
                                   "signal-handoffs=true",
                                   video, dog, model);
    GstElement *pipeline = parse_pipeline(launch);
    Run both[2] = {{.found = g_array_new(FALSE, FALSE, sizeof(Found))},
                   {.found = g_array_new(FALSE, FALSE, sizeof(Found))}};
    for (guint i = 0; i < 2; i++) {
        GstElement *sink = named(pipeline, i ? "t" : "s");
        collect_from(sink, &both[i]);
        gst_object_unref(sink);
    }
    g_assert_no_error(play(pipeline));
    Run video_alone = run_launch(video);
    assert_same(&both[0], &video_alone);
    g_assert_cmpuint(both[1].frames, ==, 4);
    g_assert_cmpuint(both[1].found->len, ==, 4 * alone.found->len);
    for (guint i = 0; i < both[1].found->len; i++)
        g_assert_cmpfloat(g_array_index(both[1].found, Found, i).d.score, ==,
                          g_array_index(alone.found, Found, i % alone.found->len).d.score);
    run_clear(&alone);
    run_clear(&video_alone);
    run_clear(&both[0]);
    run_clear(&both[1]);
    g_free(launch);
    g_free(video);
    g_free(dog);
    g_free(model);
}

static void test_interval(void)
{
    if (no_shared())
        return;
    char *launch = video_launch(10, "interval=4");
    Run r = run_launch(launch);
    g_assert_cmpuint(r.frames, ==, 10);
    g_assert_cmpuint(r.analysed, ==, 3);
    for (guint i = 0; i < r.found->len; i++)
        g_assert_cmpuint(g_array_index(r.found, Found, i).frame % 4, ==, 0);
    run_clear(&r);
    g_free(launch);
}

static GstPadProbeReturn note_thread_time(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    ((double *)data)[0] = ((double *)data)[1];
    ((double *)data)[1] = (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
    return GST_PAD_PROBE_OK;
}

/* Preprocessing of all frames so far. */
static double preprocess_ms(GstHarness *h)
{
    return (double)stat_of(h->element, "preprocess-time") *
           (double)stat_of(h->element, "inferred") * 1e-6;
}

/* What the element's thread spends on a raw 1080p frame, beside the plan that runs on the
 * executor's. The least of many frames: what a busy machine adds is not ours. */
static void test_cost(void)
{
    enum { SIZE = 1920 * 1080 * 3 / 2 };
    if (no_shared())
        return;
    char *model = detect_model();
    double times[2] = {0, 0}, thread = 1e9, preprocess = 1e9;
    GstElement *element = gst_element_factory_make("foveadetect", NULL);
    g_object_set(element, "model", model, NULL);
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    gst_harness_set_live(h, FALSE);
    gst_harness_set_src_caps_str(h,
                                 "video/x-raw,format=NV12,width=1920,height=1080,framerate=25/1");
    GstPad *pad = gst_element_get_static_pad(h->element, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, note_thread_time, times, NULL);
    GstBuffer *pixels = gst_buffer_new_allocate(NULL, SIZE, NULL);
    gst_buffer_memset(pixels, 0, 90, SIZE);
    double before = 0;
    for (guint i = 0; i < 40; i++) {
        GstBuffer *in = gst_buffer_copy(pixels); /* shares the memory */
        GST_BUFFER_PTS(in) = i * FRAME_TIME;
        gst_buffer_unref(gst_harness_push_and_pull(h, in));
        double now = preprocess_ms(h);
        if (i > 4) {
            thread = MIN(thread, times[1] - times[0]);
            preprocess = MIN(preprocess, now - before);
        }
        before = now;
    }
    g_test_message("%.3f ms of thread time a frame, of that %.3f ms preprocessing", thread,
                   preprocess);
    gst_buffer_unref(pixels);
    gst_object_unref(pad);
    gst_harness_teardown(h);
    g_free(model);
}

static void test_sizes(void)
{
    static const gint sizes[][2] = {{1, 1}, {3, 2}, {7680, 4320}};
    static const char *const formats[] = {"NV12", "RGB", "YUY2"};
    if (no_shared())
        return;
    char *model = detect_model();
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (guint f = 0; f < G_N_ELEMENTS(formats); f++) {
            char *launch = g_strdup_printf(
                "videotestsrc num-buffers=2 pattern=black ! video/x-raw,format=%s,width=%d,"
                "height=%d ! foveadetect model=%s ! fakesink name=s",
                formats[f], sizes[i][0], sizes[i][1], model);
            Run r = run_launch(launch);
            g_assert_cmpuint(r.frames, ==, 2);
            g_assert_cmpuint(r.analysed, ==, 2);
            run_clear(&r);
            g_free(launch);
        }
    g_free(model);
}

/* A hundred times up and down, beside another element that keeps the model loaded. */
static void test_cycles(void)
{
    if (no_shared())
        return;
    char *model = detect_model();
    GstElement *keeper = gst_element_factory_make("foveadetect", NULL);
    gst_object_ref_sink(keeper);
    g_object_set(keeper, "model", model, NULL);
    gst_element_set_state(keeper, GST_STATE_READY);
    char *launch = g_strdup_printf("videotestsrc num-buffers=2 ! video/x-raw,format=NV12,width=64,"
                                   "height=64 ! foveadetect model=%s ! fakesink",
                                   model);
    GstElement *pipeline = parse_pipeline(launch);
    for (guint i = 0; i < 100; i++) {
        gst_element_set_state(pipeline, i % 2 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
        if (i % 4 < 2)
            g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                            GST_STATE_CHANGE_SUCCESS);
        gst_element_set_state(pipeline, i % 3 ? GST_STATE_NULL : GST_STATE_READY);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    gst_element_set_state(keeper, GST_STATE_NULL);
    gst_object_unref(keeper);
    g_free(launch);
    g_free(model);
}

/* How the load of an element ended, as the bus was told; -1: not at all. */
static gint load_end(GstBus *bus)
{
    gint end = -1;
    GstMessage *message;
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_PROGRESS))) {
        GstProgressType type;
        gst_message_parse_progress(message, &type, NULL, NULL);
        if (type == GST_PROGRESS_TYPE_COMPLETE || type == GST_PROGRESS_TYPE_CANCELED)
            end = (gint)type;
        gst_message_unref(message);
    }
    return end;
}

/* Stopping while the model loads does not wait for it: a load that is stopped early on is given
 * up. A machine may be too quick for one try, or stop us for as long. */
static void test_cancel(void)
{
    if (no_shared())
        return;
    char *model = detect_model();
    guint cancelled = 0;
    for (guint i = 0; i < 100 && (i < 10 || cancelled == 0); i++) {
        GstElement *element = gst_element_factory_make("foveadetect", NULL);
        GstBus *bus = gst_bus_new();
        gst_object_ref_sink(element);
        gst_element_set_bus(element, bus);
        g_object_set(element, "model", model, NULL);
        g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==,
                        GST_STATE_CHANGE_SUCCESS);
        g_usleep(i % 10 * 30000);
        gst_element_set_state(element, GST_STATE_NULL);
        cancelled += load_end(bus) == GST_PROGRESS_TYPE_CANCELED;
        gst_element_set_bus(element, NULL);
        gst_object_unref(bus);
        gst_object_unref(element);
    }
    g_test_message("%u loads were given up", cancelled);
    g_assert_cmpuint(cancelled, >, 0);
    g_free(model);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    g_test_add_func("/detect/repeat", test_repeat);
    g_test_add_func("/detect/two-streams", test_two_streams);
    g_test_add_func("/detect/interval", test_interval);
    if (g_test_perf()) /* a benchmark: -m perf */
        g_test_add_func("/detect/cost", test_cost);
    g_test_add_func("/detect/sizes", test_sizes);
    g_test_add_func("/detect/cycles", test_cycles);
    g_test_add_func("/detect/cancel", test_cancel);
    return g_test_run();
}
