/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * restore-caps.c: sizes, formats and colorimetry that fovearestore agrees on with its neighbours.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "bus.h"
#include "dummies.h"
#include "restore-run.h"
#include "restore/sizes.h"

/* ---- the arithmetic ---- */

static void check_sizes(const char *from, GstPadDirection direction, gint scale,
                        const char *expected)
{
    GstCaps *caps = gst_caps_from_string(from);
    GstCaps *wanted = *expected ? gst_caps_from_string(expected) : gst_caps_new_empty();
    GstCaps *got = fovea_sizes_transform(caps, direction, scale, "{ NV12, RGB }");
    if (*expected)
        gst_caps_set_simple(wanted, "format", G_TYPE_STRING, "RGB", NULL);
    if (*expected && !gst_caps_is_equal(wanted, got)) {
        /* what follows repeats the sizes in other formats */
        GstCaps *first = gst_caps_copy_nth(got, 0);
        if (!gst_caps_is_equal(wanted, first))
            g_error("%s: %s instead of %s", from, gst_caps_to_string(first), expected);
        gst_caps_unref(first);
    }
    g_assert_cmpint(gst_caps_is_empty(got), ==, !*expected);
    gst_caps_unref(got);
    gst_caps_unref(wanted);
    gst_caps_unref(caps);
}

static void test_sizes(void)
{
#define RGB "video/x-raw,format=RGB,"
    check_sizes(RGB "width=10,height=7", GST_PAD_SINK, 4, "video/x-raw,width=40,height=28");
    check_sizes(RGB "width=40,height=28", GST_PAD_SRC, 4, "video/x-raw,width=10,height=7");
    check_sizes(RGB "width=41,height=28", GST_PAD_SRC, 4, "");
    check_sizes(RGB "width=[10,101],height=[3,4]", GST_PAD_SRC, 4,
                "video/x-raw,width=[3,25],height=1");
    check_sizes(RGB "width=[1,3],height=[3,4]", GST_PAD_SRC, 4, "");
    check_sizes(RGB "width={640,641,1280},height=2", GST_PAD_SRC, 2,
                "video/x-raw,width={320,640},height=1");
    check_sizes(RGB "width={641,643},height=2", GST_PAD_SRC, 2, "");
    check_sizes(RGB "width=[1,2147483647],height=5", GST_PAD_SINK, 1,
                "video/x-raw,width=[1,2147483647],height=5");
    check_sizes(RGB "width=2147483647,height=5", GST_PAD_SINK, 2, "");
    check_sizes(RGB "width=10,height=7,framerate=25/1", GST_PAD_SINK, 0,
                "video/x-raw,framerate=25/1");
#undef RGB
    /* A range that grows has multiples only. */
    GstCaps *any = gst_caps_from_string("video/x-raw,width=[1,2147483647],height=[1,2147483647]");
    GstCaps *up = fovea_sizes_transform(any, GST_PAD_SINK, 3, "{ RGB }");
    GstCaps *odd = gst_caps_from_string("video/x-raw,width=640,height=480");
    GstCaps *fits = gst_caps_from_string("video/x-raw,width=639,height=480");
    g_assert_false(gst_caps_can_intersect(up, odd));
    g_assert_true(gst_caps_can_intersect(up, fits));
    gst_caps_unref(fits);
    gst_caps_unref(odd);
    gst_caps_unref(up);
    gst_caps_unref(any);
}

/* ---- before anything runs ---- */

/* Size of what `pad` can have, by caps that are fixed there. */
static void check_query(GstElement *element, const char *pad_name, gint width, gint height)
{
    GstPad *pad = gst_element_get_static_pad(element, pad_name);
    GstCaps *caps = gst_pad_query_caps(pad, NULL);
    g_assert_cmpuint(gst_caps_get_size(caps), >, 0);
    for (guint i = 0; i < gst_caps_get_size(caps); i++) {
        gint w = 0, h = 0;
        const GstStructure *s = gst_caps_get_structure(caps, i);
        if (width == 0) {
            g_assert_false(gst_structure_get_int(s, "width", &w));
            continue;
        }
        g_assert_true(gst_structure_get_int(s, "width", &w));
        g_assert_true(gst_structure_get_int(s, "height", &h));
        g_assert_cmpint(w, ==, width);
        g_assert_cmpint(h, ==, height);
    }
    gst_caps_unref(caps);
    gst_object_unref(pad);
}

/* A stopped element answers by its model's json; without that, any size, and it gets exact once the
 * model is loaded. */
static void test_before(void)
{
    GstElement *pipeline = parse_pipeline("fovearestore name=r model=" MODEL
                                          " ! video/x-raw,width=640,height=360 ! fakesink");
    GstElement *restore = named(pipeline, "r");
    check_query(restore, "sink", 320, 180);
    gst_object_unref(restore);
    gst_object_unref(pipeline);

    char *folder = g_dir_make_tmp("fovea-restore-XXXXXX", NULL), *bytes;
    char *model = g_build_filename(folder, "m.onnx", NULL);
    char *json = g_build_filename(folder, "m.json", NULL);
    gsize length;
    g_assert_true(g_file_get_contents(MODEL, &bytes, &length, NULL));
    g_assert_true(g_file_set_contents(model, bytes, (gssize)length, NULL));
    g_assert_true(g_file_set_contents(json, "{\"input_range\": [0, 1]}", -1, NULL));
    char *launch = g_strdup_printf(
        "videotestsrc num-buffers=2 ! video/x-raw,width=32,height=24 ! fovearestore name=r "
        "model=%s ! fakesink",
        model);
    pipeline = parse_pipeline(launch);
    restore = named(pipeline, "r");
    check_query(restore, "src", 0, 0);
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                    GST_STATE_CHANGE_SUCCESS);
    check_query(restore, "src", 64, 48);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(restore);
    gst_object_unref(pipeline);
    g_unlink(model);
    g_unlink(json);
    g_rmdir(folder);
    g_free(launch);
    g_free(bytes);
    g_free(json);
    g_free(model);
    g_free(folder);
}

/* ---- running ---- */

/* The size that downstream asks for decides the size upstream. */
static void test_backwards(void)
{
    GstElement *pipeline = parse_pipeline(
        "videotestsrc num-buffers=2 ! fovearestore name=r model=" MODEL
        " ! video/x-raw,format=I420,width=62,height=34 ! fakesink");
    GstElement *restore = named(pipeline, "r");
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                    GST_STATE_CHANGE_SUCCESS);
    GstPad *pad = gst_element_get_static_pad(restore, "sink");
    GstCaps *caps = gst_pad_get_current_caps(pad);
    GstVideoInfo info;
    g_assert_true(gst_video_info_from_caps(&info, caps));
    g_assert_cmpint(info.width, ==, 31);
    g_assert_cmpint(info.height, ==, 17);
    gst_caps_unref(caps);
    gst_object_unref(pad);
    gst_object_unref(restore);
    g_assert_no_error(play(pipeline));
}

/* A size that no frame can grow to is refused. */
static void test_impossible(void)
{
    GstHarness *h = restore_harness("model=" MODEL, NULL);
    gst_harness_set_sink_caps_str(h, "video/x-raw,width=65,height=48");
    gst_harness_set_src_caps_str(h, "video/x-raw,format=RGB,width=32,height=24,framerate=25/1");
    GstVideoInfo info = video_info("video/x-raw,format=RGB,width=32,height=24,framerate=25/1");
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint i = 0; i < 6000 && flow == GST_FLOW_OK; i++) {
        flow = gst_harness_push(h, picture(&info, i));
        g_usleep(10000);
    }
    g_assert_cmpint(flow, ==, GST_FLOW_NOT_NEGOTIATED);
    gst_harness_teardown(h);
}

/* Caps that come out for caps that come in, where downstream wants `wanted` (or NULL). */
static GstCaps *through(const char *in, const char *wanted)
{
    GstHarness *h = restore_harness("model=" MODEL, NULL);
    GstVideoInfo info = video_info(in);
    if (wanted)
        gst_harness_set_sink_caps_str(h, wanted);
    gst_harness_set_src_caps_str(h, in);
    gst_buffer_unref(gst_harness_push_and_pull(h, picture(&info, 0)));
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    gst_harness_teardown(h);
    return caps;
}

static void check_through(const char *in, const char *wanted, const char *expected)
{
    GstCaps *got = through(in, wanted), *subset = gst_caps_from_string(expected);
    if (!gst_caps_is_subset(got, subset))
        g_error("%s: %s is not %s", in, gst_caps_to_string(got), expected);
    gst_caps_unref(subset);
    gst_caps_unref(got);
}

/* All but the size stays; the colorimetry of a small picture is written out for the large one. */
static void test_kept(void)
{
    check_through("video/x-raw,format=I420,width=32,height=24,framerate=24000/1001,"
                  "pixel-aspect-ratio=16/11,interlace-mode=progressive,colorimetry=bt709,"
                  "chroma-site=mpeg2,multiview-mode=mono",
                  NULL,
                  "video/x-raw,format=I420,width=64,height=48,framerate=24000/1001,"
                  "pixel-aspect-ratio=16/11,interlace-mode=progressive,colorimetry=bt709,"
                  "chroma-site=mpeg2,multiview-mode=mono");
    check_through("video/x-raw,format=NV12,width=640,height=360,framerate=25/1", NULL,
                  "video/x-raw,format=NV12,width=1280,height=720,colorimetry=bt601");
    check_through("video/x-raw,format=RGB,width=32,height=24,framerate=25/1", NULL,
                  "video/x-raw,format=RGB,width=64,height=48");
}

/* Another format or colorimetry only where downstream asks for it. */
static void test_asked(void)
{
    const char *in = "video/x-raw,format=NV12,width=32,height=24,framerate=25/1";
    check_through(in, "video/x-raw,format={I420,RGB,NV12}",
                  "video/x-raw,format=NV12,width=64,height=48,colorimetry=bt601");
    check_through(in, "video/x-raw,format={RGB,I420}",
                  "video/x-raw,format=I420,width=64,colorimetry=bt601");
    check_through(in, "video/x-raw,format=BGRx", "video/x-raw,format=BGRx,width=64");
    check_through(in, "video/x-raw,colorimetry=bt709",
                  "video/x-raw,format=NV12,width=64,colorimetry=bt709");
    check_through("video/x-raw,format=RGBA,width=32,height=24,framerate=25/1",
                  "video/x-raw,format=NV12", "video/x-raw,format=NV12,width=64");
}

/* The size and the format change in the middle of a stream, from above and from below. */
static void test_midstream(void)
{
    static const gint sizes[][2] = {{32, 24}, {40, 18}, {17, 9}, {17, 9}, {32, 24}};
    const FoveaRestoreParams params = {0};
    GstHarness *h = restore_harness("model=" MODEL, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        const char *format = i % 2 ? "RGB" : "I420", *wanted = i == 3 ? "NV12" : format;
        char *caps = g_strdup_printf("video/x-raw,format=%s,width=%d,height=%d,framerate=25/1",
                                     format, sizes[i][0], sizes[i][1]);
        char *below = g_strdup_printf("video/x-raw,format=%s", wanted);
        Reference reference;
        GstVideoInfo from = video_info(caps), to;
        gst_harness_set_sink_caps_str(h, below);
        gst_harness_set_src_caps_str(h, caps);
        for (guint k = 0; k < 2; k++) {
            GstBuffer *in = picture(&from, 2 * i + k);
            GstBuffer *out = gst_harness_push_and_pull(h, gst_buffer_ref(in));
            to = out_info(h);
            g_assert_cmpint(to.width, ==, 2 * sizes[i][0]);
            g_assert_cmpint(to.height, ==, 2 * sizes[i][1]);
            g_assert_cmpstr(gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&to)), ==, wanted);
            reference_init(&reference, sizes[i][0], sizes[i][1]);
            GstBuffer *expected = reference_run(&reference, &from, in, &to, &params);
            g_assert_cmpint(difference(&to, expected, out, NULL), ==, 0);
            reference_clear(&reference);
            gst_buffer_unref(expected);
            gst_buffer_unref(out);
            gst_buffer_unref(in);
        }
        g_free(below);
        g_free(caps);
    }
    gst_harness_teardown(h);
}

/* Only downstream changes its mind: the next frame has the other format. */
static void test_reconfigure(void)
{
    const char *caps = "video/x-raw,format=NV12,width=32,height=24,framerate=25/1";
    GstHarness *h = restore_harness("model=" MODEL, NULL);
    GstVideoInfo from = video_info(caps);
    gst_harness_set_sink_caps_str(h, "video/x-raw,format=NV12");
    gst_harness_set_src_caps_str(h, caps);
    gst_buffer_unref(gst_harness_push_and_pull(h, picture(&from, 0)));
    gst_harness_set_sink_caps_str(h, "video/x-raw,format=RGB");
    GstBuffer *out = gst_harness_push_and_pull(h, picture(&from, 1));
    GstVideoInfo to = out_info(h);
    g_assert_cmpint(GST_VIDEO_INFO_FORMAT(&to), ==, GST_VIDEO_FORMAT_RGB);
    g_assert_cmpuint(gst_buffer_get_size(out), ==, GST_VIDEO_INFO_SIZE(&to));
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    g_test_add_func("/restore-caps/sizes", test_sizes);
    g_test_add_func("/restore-caps/before", test_before);
    g_test_add_func("/restore-caps/backwards", test_backwards);
    g_test_add_func("/restore-caps/impossible", test_impossible);
    g_test_add_func("/restore-caps/kept", test_kept);
    g_test_add_func("/restore-caps/asked", test_asked);
    g_test_add_func("/restore-caps/midstream", test_midstream);
    g_test_add_func("/restore-caps/reconfigure", test_reconfigure);
    return g_test_run();
}
