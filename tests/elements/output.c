/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * output.c: regions of interest as input, and frames of another size as output.
 */
#include "dummies.h"

static GstBuffer *with_regions(guint number, const FoveaRect *rects, guint n)
{
    GstBuffer *buffer = number_frame(number, NUMBER_WIDTH, NUMBER_HEIGHT);
    for (guint i = 0; i < n; i++)
        gst_buffer_add_video_region_of_interest_meta(
            buffer, "thing", (guint)rects[i].x0, (guint)rects[i].y0,
            (guint)(rects[i].x1 - rects[i].x0), (guint)(rects[i].y1 - rects[i].y0));
    return buffer;
}

/* None, one, several as one batch; what leaves the frame is cut, what lies outside is left out. */
static void test_regions(void)
{
    static const FoveaRect rects[] = {
        {0, 0, 8, 8}, {60, 10, 100, 100}, {64, 0, 70, 4}, {5, 5, 5, 9}, {3, 2, 7, 16}};
    GstHarness *h = dummy_harness("dummyregions", FALSE, NUMBER_CAPS);
    Dummy *dummy = (Dummy *)h->element;

    GstBuffer *out = gst_harness_push_and_pull(h, with_regions(0, rects, 0));
    g_assert_cmpint(dummy->regions, ==, 0);
    g_assert_nonnull(fovea_buffer_get_result(out, "dummy")); /* looked at, and nothing there */
    gst_buffer_unref(out);

    out = gst_harness_push_and_pull(h, with_regions(1, rects, G_N_ELEMENTS(rects)));
    g_assert_cmpint(dummy->processed, ==, 2); /* one call for all regions */
    g_assert_cmpint(dummy->regions, ==, 3);
    g_assert_cmpint(dummy->rects[1].x0, ==, 60);
    g_assert_cmpint(dummy->rects[1].x1, ==, NUMBER_WIDTH);
    g_assert_cmpint(dummy->rects[1].y1, ==, NUMBER_HEIGHT);
    g_assert_cmpint(dummy->rects[2].x0, ==, 3);

    gpointer state = NULL;
    GstMeta *meta;
    guint marked = 0;
    while ((meta = gst_buffer_iterate_meta_filtered(out, &state,
                                                    GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
        if (gst_video_region_of_interest_meta_get_param((GstVideoRegionOfInterestMeta *)meta,
                                                        "classification"))
            marked++;
    g_assert_cmpuint(marked, ==, 3);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

static void check_size(GstHarness *h, gint width, gint height)
{
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    GstVideoInfo info;
    g_assert_true(gst_video_info_from_caps(&info, caps));
    g_assert_cmpint(info.width, ==, width);
    g_assert_cmpint(info.height, ==, height);
    gst_caps_unref(caps);
}

static gint read_out(GstHarness *h, GstBuffer *buffer)
{
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    GstVideoInfo info;
    g_assert_true(gst_video_info_from_caps(&info, caps));
    gst_caps_unref(caps);
    return number_read(buffer, &info);
}

/* New frames of twice the size: right picture, right time, regions scaled along. */
static void test_twice(void)
{
    static const FoveaRect rect = {4, 2, 10, 8};
    GstHarness *h = dummy_harness("dummytwice", FALSE, NUMBER_CAPS);
    for (guint i = 0; i < 5; i++) {
        GstBuffer *out = gst_harness_push_and_pull(h, with_regions(i, &rect, 1));
        check_size(h, 2 * NUMBER_WIDTH, 2 * NUMBER_HEIGHT);
        g_assert_cmpint(read_out(h, out), ==, (gint)i);
        g_assert_cmpuint(GST_BUFFER_PTS(out), ==, i * FRAME_TIME);
        g_assert_cmpuint(GST_BUFFER_DURATION(out), ==, FRAME_TIME);
        GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta(out);
        g_assert_nonnull(roi);
        g_assert_cmpuint(roi->x, ==, 8);
        g_assert_cmpuint(roi->h, ==, 12);
        gst_buffer_unref(out);
    }
    gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=100,height=30,framerate=25/1");
    GstBuffer *out = gst_harness_push_and_pull(h, number_frame(77, 100, 30));
    check_size(h, 200, 60);
    g_assert_cmpint(read_out(h, out), ==, 77);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

/* Frames that the model does not see, and those it fails on, come out plainly scaled. */
static void test_plain(void)
{
    GstHarness *h = dummy_harness("dummytwice", FALSE, NUMBER_CAPS);
    Dummy *dummy = (Dummy *)h->element;
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(h->element, bus);
    g_object_set(dummy, "interval", 2, NULL);
    dummy->fail_every = 2;
    for (guint i = 0; i < 8; i++) {
        GstBuffer *out = gst_harness_push_and_pull(h, number_frame(i, NUMBER_WIDTH, NUMBER_HEIGHT));
        g_assert_cmpint(read_out(h, out), ==, (gint)i);
        gst_buffer_unref(out);
    }
    g_assert_cmpint(dummy->processed, ==, 4);
    g_assert_cmpint(dummy->passed, ==, 6);
    gst_element_set_bus(h->element, NULL);
    gst_object_unref(bus);
    gst_harness_teardown(h);
}

/* Both neighbours are heard before a size is chosen. */
static void test_negotiation(void)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(
        "videotestsrc num-buffers=3 ! dummytwice name=d ! video/x-raw,width=640,height=480 ! "
        "fakesink name=s",
        &error);
    g_assert_no_error(error);
    GstElement *dummy = gst_bin_get_by_name(GST_BIN(pipeline), "d");
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                    GST_STATE_CHANGE_SUCCESS);
    GstPad *pad = gst_element_get_static_pad(dummy, "sink");
    GstCaps *caps = gst_pad_get_current_caps(pad);
    GstVideoInfo info;
    g_assert_true(gst_video_info_from_caps(&info, caps));
    g_assert_cmpint(info.width, ==, 320);
    g_assert_cmpint(info.height, ==, 240);
    gst_caps_unref(caps);
    gst_object_unref(pad);
    gst_object_unref(dummy);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dummies_register();
    g_test_add_func("/output/regions", test_regions);
    g_test_add_func("/output/twice", test_twice);
    g_test_add_func("/output/plain", test_plain);
    g_test_add_func("/output/negotiation", test_negotiation);
    return g_test_run();
}
