/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * foveaoverlay: what people see on the picture, when, and at what cost.
 */
#include <math.h>
#include <string.h>

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "bus.h"
#include "common/fovea-meta.h"
#include "overlay/boxes.h"

#define INTERVAL (100 * GST_MSECOND)

static GstHarness *harness_new(const char *format, gint width, gint height, const char *extra)
{
    GstHarness *h = gst_harness_new("foveaoverlay");
    char *caps = g_strdup_printf("video/x-raw, format=%s, width=%d, height=%d, framerate=25/1%s",
                                 format, width, height, extra ? extra : "");
    gst_harness_set_src_caps_str(h, caps);
    g_free(caps);
    return h;
}

static void stream_info(GstHarness *h, GstVideoInfo *info)
{
    GstCaps *caps = gst_pad_get_current_caps(h->srcpad);
    g_assert_nonnull(caps);
    g_assert_true(gst_video_info_from_caps(info, caps));
    gst_caps_unref(caps);
}

/* A frame of mid gray: R = G = B = 128 whatever the format. */
static GstBuffer *gray_frame(const GstVideoInfo *info, GstClockTime pts)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, info->size, NULL);
    GstVideoFrame frame;
    guint8 value[GST_VIDEO_MAX_COMPONENTS];
    overlay_colour_convert(info, (OverlayColour){128, 128, 128}, value);
    value[GST_VIDEO_COMP_A] = 255;
    gst_buffer_memset(buffer, 0, 0, info->size);
    g_assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_WRITE));
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); c++)
        for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++) {
            guint8 *row = (guint8 *)GST_VIDEO_FRAME_COMP_DATA(&frame, c) +
                          y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c);
            for (gint x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                row[x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)] = value[c];
        }
    gst_video_frame_unmap(&frame);
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
    return buffer;
}

static void add_box(GstBuffer *buffer, gint label_id, const char *label, float score, float x0,
                    float y0, float x1, float y1)
{
    FoveaDetection d = {label_id, label, score, x0, y0, x1, y1};
    fovea_buffer_add_detection(buffer, &d);
}

static void mark(GstBuffer *buffer, const GstVideoInfo *info, GstClockTime hold)
{
    fovea_buffer_add_result(buffer, "detect", 0, info->width, info->height, hold);
}

/* GStreamer's own conversion to RGBA: an independent judge of our colours. */
static guint8 *to_rgba(GstBuffer *buffer, const GstVideoInfo *info)
{
    GstVideoInfo rgba;
    GstVideoFrame in, out;
    gst_video_info_set_format(&rgba, GST_VIDEO_FORMAT_RGBA, info->width, info->height);
    rgba.fps_n = info->fps_n;
    rgba.fps_d = info->fps_d;
    GstBuffer *target = gst_buffer_new_allocate(NULL, rgba.size, NULL);
    GstVideoConverter *converter = gst_video_converter_new(
        info, &rgba,
        gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_CHROMA_RESAMPLER_METHOD,
                          GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_NEAREST,
                          NULL));
    g_assert_true(gst_video_frame_map(&in, info, buffer, GST_MAP_READ));
    g_assert_true(gst_video_frame_map(&out, &rgba, target, GST_MAP_WRITE));
    gst_video_converter_frame(converter, &in, &out);
    gst_video_frame_unmap(&in);
    gst_video_frame_unmap(&out);
    gst_video_converter_free(converter);
    guint8 *pixels = g_malloc(rgba.size);
    gst_buffer_extract(target, 0, pixels, rgba.size);
    gst_buffer_unref(target);
    return pixels;
}

static gboolean near_colour(const guint8 *pixel, OverlayColour c, gint tolerance)
{
    return ABS(pixel[0] - c.r) <= tolerance && ABS(pixel[1] - c.g) <= tolerance &&
           ABS(pixel[2] - c.b) <= tolerance;
}

static gboolean is_gray(const guint8 *pixel)
{
    return near_colour(pixel, (OverlayColour){128, 128, 128}, 4);
}

static guint64 checksum(GstBuffer *buffer)
{
    GstMapInfo map;
    guint64 sum = 1469598103934665603u;
    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
    for (gsize i = 0; i < map.size; i++)
        sum = (sum ^ map.data[i]) * 1099511628211u;
    gst_buffer_unmap(buffer, &map);
    return sum;
}

/* ---- colours, in every format ---- */

static void check_format(const char *format, const char *extra)
{
    GstHarness *h = harness_new(format, 320, 240, extra);
    g_object_set(h->element, "line-width", 8, "show-label", FALSE, "show-score", FALSE, NULL);
    GstVideoInfo info;
    stream_info(h, &info);
    GstBuffer *in = gray_frame(&info, 0);
    mark(in, &info, INTERVAL);
    add_box(in, 7, "seven", 0.5, 100, 60, 200, 160);
    GstBuffer *out = gst_harness_push_and_pull(h, in);
    g_assert_nonnull(out);
    guint8 *rgba = to_rgba(out, &info);
    OverlayColour expected = overlay_label_colour(7, "seven");
    if (GST_VIDEO_INFO_IS_GRAY(&info)) {
        guint8 luma = (guint8)lround(0.299 * expected.r + 0.587 * expected.g + 0.114 * expected.b);
        expected = (OverlayColour){luma, luma, luma};
    }
    static const gint on[][2] = {{150, 64}, {104, 110}, {196, 110}, {150, 156}};
    static const gint off[][2] = {{150, 110}, {50, 110}, {250, 110}, {150, 40}, {150, 200}};
    for (guint i = 0; i < G_N_ELEMENTS(on); i++) {
        const guint8 *pixel = rgba + (on[i][1] * 320 + on[i][0]) * 4;
        if (!near_colour(pixel, expected, 6))
            g_error("%s%s at %d,%d: %d %d %d, expected %d %d %d", format, extra ? extra : "",
                    on[i][0], on[i][1], pixel[0], pixel[1], pixel[2], expected.r, expected.g,
                    expected.b);
    }
    for (guint i = 0; i < G_N_ELEMENTS(off); i++)
        g_assert_true(is_gray(rgba + (off[i][1] * 320 + off[i][0]) * 4));
    g_free(rgba);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

static void test_formats(void)
{
    GstElement *element = gst_element_factory_make("foveaoverlay", NULL);
    GstPadTemplate *template = gst_element_get_pad_template(element, "sink");
    GstCaps *caps = gst_pad_template_get_caps(template);
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");
    g_assert_cmpuint(gst_value_list_get_size(list), >=, 12);
    for (guint i = 0; i < gst_value_list_get_size(list); i++)
        check_format(g_value_get_string(gst_value_list_get_value(list, i)), NULL);
    gst_caps_unref(caps);
    gst_object_unref(element);
}

static void test_colorimetry(void)
{
    static const char *colorimetry[] = {"bt601", "bt709", "bt2020", "1:4:5:1", "1:3:5:1"};
    static const char *formats[] = {"NV12", "I420", "YUY2"};
    for (guint i = 0; i < G_N_ELEMENTS(colorimetry); i++)
        for (guint k = 0; k < G_N_ELEMENTS(formats); k++) {
            char *extra = g_strdup_printf(", colorimetry=%s", colorimetry[i]);
            check_format(formats[k], extra);
            g_free(extra);
        }
}

static void test_label_colours(void)
{
    /* Of 80 classes no two look alike, and neighbours are far apart. */
    for (gint a = 0; a < 80; a++)
        for (gint b = 0; b < a; b++) {
            OverlayColour ca = overlay_label_colour(a, ""), cb = overlay_label_colour(b, "");
            gint distance = ABS(ca.r - cb.r) + ABS(ca.g - cb.g) + ABS(ca.b - cb.b);
            g_assert_cmpint(distance, >, a - b < 4 ? 100 : 4);
        }
    g_assert_cmpint(overlay_text_colour((OverlayColour){255, 255, 0}).r, ==, 0);
    g_assert_cmpint(overlay_text_colour((OverlayColour){0, 0, 160}).r, ==, 255);
}

/* ---- sizes and places ---- */

/* Number of pixels of a run that are the colour. */
static gint count_run(const guint8 *rgba, gint width, gint x, gint y, gint step_y, gint n,
                      OverlayColour colour)
{
    gint count = 0;
    for (gint i = 0; i < n; i++)
        count += near_colour(rgba + ((y + i * step_y) * width + x + i * (1 - step_y)) * 4, colour,
                             12);
    return count;
}

static void check_size(gint width, gint height, gint min_line, gint max_line, gint min_text,
                       gint max_text)
{
    GstHarness *h = harness_new("RGB", width, height, NULL);
    GstVideoInfo info;
    stream_info(h, &info);
    GstBuffer *in = gray_frame(&info, 0);
    mark(in, &info, INTERVAL);
    gint x0 = width / 4, y0 = height / 2;
    add_box(in, 3, "person", 0.87f, x0, y0, width * 3 / 4, height - height / 8);
    GstBuffer *out = gst_harness_push_and_pull(h, in);
    guint8 *rgba = to_rgba(out, &info);
    OverlayColour colour = overlay_label_colour(3, "person");
    gint line = count_run(rgba, width, x0 - 20, height * 3 / 4, 0, 60, colour);
    g_assert_cmpint(line, >=, min_line);
    g_assert_cmpint(line, <=, max_line);
    /* The bar's left padding is one column of plain colour above the box. */
    gint bar = count_run(rgba, width, x0, y0 - 150 * height / 2160 - 20, 1,
                         150 * height / 2160 + 20, colour);
    g_assert_cmpint(bar, >=, min_text);
    g_assert_cmpint(bar, <=, max_text);
    /* There are letters on it, in the colour of best contrast. */
    OverlayColour text = overlay_text_colour(colour);
    gint letters = 0;
    for (gint y = y0 - bar; y < y0; y++)
        letters += count_run(rgba, width, x0, y, 0, bar * 6, text);
    g_assert_cmpint(letters, >, bar * bar / 4);
    g_free(rgba);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

static void test_sizes(void)
{
    check_size(320, 240, 2, 2, 11, 20);
    check_size(1920, 1080, 4, 4, 27, 45);
    check_size(3840, 2160, 6, 6, 54, 90);
}

/* The label's bar is whole, wherever the box lies. */
static void check_inside(float x0, float y0, float x1, float y1)
{
    const gint width = 320, height = 240;
    GstHarness *h = harness_new("RGB", width, height, NULL);
    GstVideoInfo info;
    stream_info(h, &info);
    GstBuffer *in = gray_frame(&info, 0);
    mark(in, &info, INTERVAL);
    add_box(in, 3, "traffic light", 0.5f, x0, y0, x1, y1);
    GstBuffer *out = gst_harness_push_and_pull(h, in);
    guint8 *rgba = to_rgba(out, &info);
    OverlayColour colour = overlay_label_colour(3, ""), text = overlay_text_colour(colour);
    gint left = width, right = -1, top = height, bottom = -1;
    for (gint y = 0; y < height; y++)
        for (gint x = 0; x < width; x++)
            if (near_colour(rgba + (y * width + x) * 4, text, 40)) {
                left = MIN(left, x);
                right = MAX(right, x);
                top = MIN(top, y);
                bottom = MAX(bottom, y);
            }
    /* "traffic light 50%" in a font of 11 pixels. */
    g_assert_cmpint(right - left, >=, 60);
    g_assert_cmpint(bottom - top, >=, 6);
    g_assert_cmpint(left, >=, 1);
    g_assert_cmpint(right, <=, width - 2);
    g_assert_cmpint(top, >=, 1);
    g_assert_cmpint(bottom, <=, height - 2);
    g_free(rgba);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

static void test_inside(void)
{
    check_inside(100, 100, 200, 200);
    check_inside(0, 0, 320, 240);
    check_inside(300, 0, 320, 20);
    check_inside(300, 220, 320, 240);
    check_inside(0, 230, 10, 240);
}

static void push_odd(const char *format, gint width, gint height)
{
    GstHarness *h = harness_new(format, width, height, NULL);
    GstVideoInfo info;
    stream_info(h, &info);
    GstBuffer *in = gray_frame(&info, 0);
    mark(in, &info, INTERVAL);
    add_box(in, 1, "a", 0.5f, 0, 0, width, height);
    add_box(in, -1, "\xff\xfe not utf-8 <b>&", 1, width / 2, 0, width / 2 + 0.2f, 1e9f);
    add_box(in, 2147483647, "", NAN, NAN, -INFINITY, INFINITY, 3);
    add_box(in, 5, "backwards", 2, width, height, 0, 0);
    char *long_label = g_strnfill(100000, 'm');
    add_box(in, 6, long_label, 1, 0, 0, 1, 1);
    g_free(long_label);
    GstBuffer *out = gst_harness_push_and_pull(h, in);
    g_assert_nonnull(out);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

static void test_odd_sizes(void)
{
    static const char *formats[] = {"NV12", "I420", "YUY2", "RGB", "RGBA", "GRAY8"};
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        push_odd(formats[i], 1, 1);
        push_odd(formats[i], 33, 17);
        push_odd(formats[i], 7, 301);
    }
    push_odd("NV12", 7680, 4320);
}

/* ---- time ---- */

typedef struct Stream {
    GstHarness *h;
    GstVideoInfo info;
    guint64 blank;
} Stream;

static void stream_begin(Stream *s, gint hold)
{
    s->h = harness_new("I420", 320, 240, NULL);
    g_object_set(s->h->element, "hold", hold, NULL);
    stream_info(s->h, &s->info);
    GstBuffer *blank = gray_frame(&s->info, 0);
    s->blank = checksum(blank);
    gst_buffer_unref(blank);
}

typedef enum What { NOTHING, EMPTY, BOX } What;

static gboolean push_drawn(Stream *s, What what, gint ms)
{
    GstBuffer *in = gray_frame(&s->info, ms * GST_MSECOND);
    if (what != NOTHING)
        mark(in, &s->info, INTERVAL);
    if (what == BOX)
        add_box(in, 0, "person", 0.9f, 20, 20, 100, 200);
    GstBuffer *out = gst_harness_push_and_pull(s->h, in);
    gboolean drawn = checksum(out) != s->blank;
    g_assert_cmpuint(GST_BUFFER_PTS(out), ==, ms * GST_MSECOND);
    gst_buffer_unref(out);
    return drawn;
}

static void test_hold(void)
{
    Stream s;
    stream_begin(&s, -1); /* one interval: 100 ms */
    g_assert_false(push_drawn(&s, NOTHING, 0));
    g_assert_true(push_drawn(&s, BOX, 40));
    g_assert_true(push_drawn(&s, NOTHING, 80));
    g_assert_true(push_drawn(&s, NOTHING, 120));
    g_assert_false(push_drawn(&s, NOTHING, 160));
    g_assert_true(push_drawn(&s, BOX, 200));
    g_assert_false(push_drawn(&s, EMPTY, 240)); /* analysed, nothing there */
    g_assert_false(push_drawn(&s, NOTHING, 280));
    gst_harness_teardown(s.h);

    stream_begin(&s, 0);
    g_assert_true(push_drawn(&s, BOX, 0));
    g_assert_false(push_drawn(&s, NOTHING, 40));
    gst_harness_teardown(s.h);

    stream_begin(&s, 1000);
    g_assert_true(push_drawn(&s, BOX, 0));
    g_assert_true(push_drawn(&s, NOTHING, 960));
    g_assert_false(push_drawn(&s, NOTHING, 1000));
    g_assert_false(push_drawn(&s, NOTHING, 500)); /* forgotten for good */
    gst_harness_teardown(s.h);
}

static void test_forget(void)
{
    Stream s;
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    stream_begin(&s, 1000);
    g_assert_true(push_drawn(&s, BOX, 0));
    gst_harness_push_event(s.h, gst_event_new_segment(&segment));
    g_assert_false(push_drawn(&s, NOTHING, 40));

    g_assert_true(push_drawn(&s, BOX, 80));
    gst_harness_push_event(s.h, gst_event_new_flush_start());
    gst_harness_push_event(s.h, gst_event_new_flush_stop(TRUE));
    gst_harness_push_event(s.h, gst_event_new_segment(&segment));
    g_assert_false(push_drawn(&s, NOTHING, 120));

    /* Other caps: boxes of the old size are not drawn on the new one. */
    g_assert_true(push_drawn(&s, BOX, 160));
    gst_harness_set_src_caps_str(s.h, "video/x-raw, format=I420, width=160, height=120");
    stream_info(s.h, &s.info);
    GstBuffer *blank = gray_frame(&s.info, 0);
    s.blank = checksum(blank);
    gst_buffer_unref(blank);
    g_assert_false(push_drawn(&s, NOTHING, 200));
    gst_harness_teardown(s.h);
}

/* ---- cost ---- */

static void test_copies(void)
{
    Stream s;
    stream_begin(&s, -1);
    /* Nothing to draw: the very same buffer, although somebody else holds it. */
    GstBuffer *in = gst_buffer_ref(gray_frame(&s.info, 0));
    GstBuffer *out = gst_harness_push_and_pull(s.h, in);
    g_assert_true(out == in);
    gst_buffer_unref(in);
    gst_buffer_unref(out);

    /* Something to draw, and somebody else holds the frame: theirs stays as it was. */
    in = gray_frame(&s.info, 40 * GST_MSECOND);
    mark(in, &s.info, INTERVAL);
    add_box(in, 0, "person", 0.9f, 20, 20, 100, 200);
    gst_buffer_ref(in);
    out = gst_harness_push_and_pull(s.h, in);
    g_assert_true(out != in);
    g_assert_cmpuint(checksum(in), ==, s.blank);
    g_assert_cmpuint(checksum(out), !=, s.blank);
    g_assert_nonnull(fovea_buffer_get_result(out, "detect"));
    g_assert_nonnull(gst_buffer_get_video_region_of_interest_meta_id(out, 0));
    gst_buffer_unref(in);
    gst_buffer_unref(out);

    /* Nobody else: drawn in place. */
    in = gray_frame(&s.info, 80 * GST_MSECOND);
    mark(in, &s.info, INTERVAL);
    add_box(in, 0, "person", 0.9f, 20, 20, 100, 200);
    out = gst_harness_push_and_pull(s.h, in);
    g_assert_true(out == in);
    gst_buffer_unref(out);

    GstStructure *stats = NULL;
    guint64 frames, drawn;
    g_object_get(s.h->element, "stats", &stats, NULL);
    g_assert_true(gst_structure_get_uint64(stats, "frames", &frames));
    g_assert_true(gst_structure_get_uint64(stats, "drawn", &drawn));
    g_assert_cmpuint(frames, ==, 3);
    g_assert_cmpuint(drawn, ==, 2);
    gst_structure_free(stats);
    g_assert_cmpuint(gst_harness_query_latency(s.h), ==, 0);
    gst_harness_teardown(s.h);
}

/* Planes where a buffer pool put them, not where the caps would. */
static void test_strides(void)
{
    const gint width = 64, height = 48;
    GstHarness *h = harness_new("NV12", width, height, NULL);
    g_object_set(h->element, "line-width", 4, "show-label", FALSE, "show-score", FALSE, NULL);
    gsize offset[4] = {100, 100 + 80 * 50};
    gint stride[4] = {80, 96};
    gsize size = offset[1] + 96 * 24;
    GstBuffer *in = gst_buffer_new_allocate(NULL, size, NULL);
    gst_buffer_memset(in, 0, 128, size);
    gst_buffer_add_video_meta_full(in, 0, GST_VIDEO_FORMAT_NV12, width, height, 2, offset, stride);
    GstVideoInfo info;
    stream_info(h, &info);
    mark(in, &info, INTERVAL);
    add_box(in, 2, "x", 0.9f, 8, 8, 40, 40);
    GstBuffer *out = gst_harness_push_and_pull(h, in);
    guint8 *rgba = to_rgba(out, &info);
    g_assert_true(near_colour(rgba + (10 * width + 20) * 4, overlay_label_colour(2, "x"), 8));
    g_free(rgba);
    GstMapInfo map;
    g_assert_true(gst_buffer_map(out, &map, GST_MAP_READ));
    for (gint y = 0; y < height; y++) /* the padding is not ours */
        for (gint x = width; x < stride[0]; x++)
            g_assert_cmpint(map.data[offset[0] + y * stride[0] + x], ==, 128);
    gst_buffer_unmap(out, &map);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

static void test_states(void)
{
    GstElement *pipeline = gst_parse_launch(
        "videotestsrc num-buffers=3 ! video/x-raw,format=NV12 ! foveaoverlay ! fakesink", NULL);
    for (gint i = 0; i < 100; i++) {
        gst_element_set_state(pipeline, i % 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
        gst_element_set_state(pipeline, GST_STATE_NULL);
    }
    g_assert_no_error(play(pipeline));
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    g_test_add_func("/overlay/formats", test_formats);
    g_test_add_func("/overlay/colorimetry", test_colorimetry);
    g_test_add_func("/overlay/label-colours", test_label_colours);
    g_test_add_func("/overlay/sizes", test_sizes);
    g_test_add_func("/overlay/inside", test_inside);
    g_test_add_func("/overlay/odd-sizes", test_odd_sizes);
    g_test_add_func("/overlay/hold", test_hold);
    g_test_add_func("/overlay/forget", test_forget);
    g_test_add_func("/overlay/copies", test_copies);
    g_test_add_func("/overlay/strides", test_strides);
    g_test_add_func("/overlay/states", test_states);
    return g_test_run();
}
