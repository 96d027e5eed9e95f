/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * restore.c: what fovearestore makes of frames: their pixels, the compare view, metadata, overload.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "bus.h"
#include "dummies.h"
#include "restore-run.h"

#define NV12_CAPS "video/x-raw,format=NV12,width=32,height=24,framerate=25/1"

static const char *const formats[] = {"NV12", "I420", "YUY2", "RGB",  "BGR",  "RGBA", "BGRA",
                                      "RGBx", "BGRx", "ARGB", "ABGR", "xRGB", "xBGR", "GRAY8"};

/* What comes out is what the restorer makes of the same picture, in every format, at odd sizes. */
static void check_formats(const char *in, const char *out, gint width, gint height)
{
    char *caps = g_strdup_printf("video/x-raw,format=%s,width=%d,height=%d,framerate=25/1", in,
                                 width, height);
    char *wanted = g_strdup_printf("video/x-raw,format=%s", out);
    GstHarness *h = restore_harness("model=" MODEL, NULL);
    Reference reference;
    const FoveaRestoreParams params = {0};
    GstVideoInfo from = video_info(caps), to;
    gst_harness_set_sink_caps_str(h, wanted);
    gst_harness_set_src_caps_str(h, caps);
    GstBuffer *buffer = picture(&from, 1);
    GstBuffer *result = gst_harness_push_and_pull(h, gst_buffer_ref(buffer));
    to = out_info(h);
    g_assert_cmpint(to.width, ==, 2 * width);
    g_assert_cmpint(to.height, ==, 2 * height);
    g_assert_cmpstr(gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&to)), ==, out);
    reference_init(&reference, width, height);
    GstBuffer *expected = reference_run(&reference, &from, buffer, &to, &params);
    gint worst = difference(&to, result, expected, NULL);
    if (worst > 0)
        g_error("%s to %s at %dx%d: %d", in, out, width, height, worst);
    reference_clear(&reference);
    gst_buffer_unref(expected);
    gst_buffer_unref(result);
    gst_buffer_unref(buffer);
    gst_harness_teardown(h);
    g_free(wanted);
    g_free(caps);
}

static void test_formats(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        check_formats(formats[i], formats[i], 32, 24);
        check_formats(formats[i], "NV12", 31, 17);
        check_formats("I420", formats[i], 17, 5);
    }
    check_formats("RGB", "RGB", 1, 1);
    check_formats("NV12", "NV12", 1, 1);
}

/* ---- colours ---- */

/* R'G'B' in 0..255 of Y'CbCr (ITU-R BT.601-7 and BT.709-6, 3; full range as JPEG has it). */
static void to_rgb(const guint8 yuv[3], double kr, double kb, gboolean full, double rgb[3])
{
    double y = full ? yuv[0] / 255.0 : (yuv[0] - 16) / 219.0;
    double cb = (yuv[1] - 128) / (full ? 255.0 : 224.0),
           cr = (yuv[2] - 128) / (full ? 255.0 : 224.0);
    rgb[0] = 255 * (y + 2 * (1 - kr) * cr);
    rgb[2] = 255 * (y + 2 * (1 - kb) * cb);
    rgb[1] = (255 * y - kr * rgb[0] - kb * rgb[2]) / (1 - kr - kb);
}

static void to_yuv(const double rgb[3], double kr, double kb, gboolean full, double yuv[3])
{
    double y = (kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2]) / 255;
    double cb = (rgb[2] / 255 - y) / (2 * (1 - kb)), cr = (rgb[0] / 255 - y) / (2 * (1 - kr));
    yuv[0] = full ? 255 * y : 16 + 219 * y;
    yuv[1] = 128 + cb * (full ? 255 : 224);
    yuv[2] = 128 + cr * (full ? 255 : 224);
}

/* A plain colour becomes its negative, as the definition of its colorimetry says: to RGB, and to the
 * same colorimetry again. */
static void check_colour(const char *format, const char *colorimetry, double kr, double kb,
                         gboolean full, gboolean rgb_out)
{
    static const guint8 colour[3] = {110, 120, 140};
    double rgb[3], expected[3];
    char *caps =
        g_strdup_printf("video/x-raw,format=%s,width=16,height=16,framerate=25/1,colorimetry=%s",
                        format, colorimetry);
    GstHarness *h = restore_harness("model=" MODEL, NULL);
    GstVideoInfo from = video_info(caps), to;
    if (rgb_out)
        gst_harness_set_sink_caps_str(h, "video/x-raw,format=RGB");
    gst_harness_set_src_caps_str(h, caps);
    GstBuffer *result = gst_harness_push_and_pull(h, plain_picture(&from, colour));
    to = out_info(h);
    to_rgb(colour, kr, kb, full, rgb);
    for (guint c = 0; c < 3; c++)
        rgb[c] = 255 - rgb[c];
    if (rgb_out)
        memcpy(expected, rgb, sizeof rgb);
    else
        to_yuv(rgb, kr, kb, full, expected);
    for (guint c = 0; c < 3; c++)
        g_assert_cmpfloat_with_epsilon(sample_at(&to, result, c, 8, 8), expected[c], 1.01);
    if (!rgb_out) {
        char *kept = gst_video_colorimetry_to_string(&to.colorimetry);
        g_assert_cmpstr(kept, ==, colorimetry);
        g_free(kept);
    }
    gst_buffer_unref(result);
    gst_harness_teardown(h);
    g_free(caps);
}

static void test_colours(void)
{
    static const struct {
        const char *name;
        double kr, kb;
        gboolean full;
    } spaces[] = {
        {"bt601", 0.299, 0.114, FALSE},    {"bt709", 0.2126, 0.0722, FALSE},
        {"bt2020", 0.2627, 0.0593, FALSE}, {"1:4:0:0", 0.299, 0.114, TRUE},
        {"1:3:5:1", 0.2126, 0.0722, TRUE},
    };
    static const char *const yuv[] = {"NV12", "I420", "YUY2"};
    for (guint i = 0; i < G_N_ELEMENTS(spaces); i++)
        for (guint f = 0; f < G_N_ELEMENTS(yuv); f++)
            for (gint rgb = 0; rgb < 2; rgb++)
                check_colour(yuv[f], spaces[i].name, spaces[i].kr, spaces[i].kb, spaces[i].full,
                             rgb);
}

/* Alpha is scaled, not restored. */
static void test_alpha(void)
{
    const char *caps = "video/x-raw,format=RGBA,width=24,height=16,framerate=25/1";
    GstVideoInfo from = video_info(caps);
    GstHarness *h = restore_harness("model=" MODEL, caps);
    GstBuffer *buffer = picture(&from, 0);
    GstBuffer *result = gst_harness_push_and_pull(h, gst_buffer_ref(buffer));
    GstVideoInfo to = out_info(h);
    for (gint y = 4; y < 28; y++)
        for (gint x = 4; x < 44; x++) /* it rises steadily there */
            g_assert_cmpint(ABS(sample_at(&to, result, 3, x, y) - (60 + (x + y) / 2)), <=, 1);
    gst_buffer_unref(result);
    gst_buffer_unref(buffer);
    gst_harness_teardown(h);
}

/* ---- compare and strength ---- */

typedef struct Views {
    GstHarness *h;
    GstVideoInfo from, to;
    GstBuffer *in, *plain, *restored;
} Views;

static void views_init(Views *v, const char *format)
{
    char *caps = g_strdup_printf("video/x-raw,format=%s,width=32,height=24,framerate=25/1", format);
    char *large = g_strdup_printf("video/x-raw,format=%s,width=64,height=48,framerate=25/1",
                                  format);
    const FoveaRestoreParams params = {0};
    Reference reference;
    v->h = restore_harness("model=" MODEL, caps);
    v->from = video_info(caps);
    v->to = video_info(large);
    v->in = picture(&v->from, 3);
    reference_init(&reference, 32, 24);
    v->plain = reference_run(&reference, &v->from, v->in, &v->to, NULL);
    v->restored = reference_run(&reference, &v->from, v->in, &v->to, &params);
    reference_clear(&reference);
    g_free(large);
    g_free(caps);
}

static void views_clear(Views *v)
{
    gst_buffer_unref(v->in);
    gst_buffer_unref(v->plain);
    gst_buffer_unref(v->restored);
    gst_harness_teardown(v->h);
}

static GstBuffer *view(Views *v, const char *property, const char *value)
{
    gst_util_set_object_arg(G_OBJECT(v->h->element), property, value);
    return gst_harness_push_and_pull(v->h, gst_buffer_copy(v->in));
}

/* Each half is what it says, pixel for pixel, and a white line lies between; while playing. */
static void test_compare(void)
{
    const FoveaRect left = {0, 0, 32, 48}, right = {36, 0, 64, 48};
    const FoveaRect top = {0, 0, 64, 24}, bottom = {0, 28, 64, 48};
    Views v;
    views_init(&v, "NV12");
    g_assert_cmpint(difference(&v.to, v.plain, v.restored, NULL), >, 50);
    GstBuffer *out = view(&v, "compare", "none");
    g_assert_cmpint(difference(&v.to, out, v.restored, NULL), ==, 0);
    gst_buffer_unref(out);
    out = view(&v, "compare", "vertical");
    g_assert_cmpint(difference(&v.to, out, v.plain, &left), <=, 1);
    g_assert_cmpint(difference(&v.to, out, v.restored, &right), ==, 0);
    g_assert_cmpint(sample_at(&v.to, out, 0, 32, 7), ==, 235);
    g_assert_cmpint(sample_at(&v.to, out, 1, 16, 3), ==, 128);
    gst_buffer_unref(out);
    out = view(&v, "compare", "horizontal");
    g_assert_cmpint(difference(&v.to, out, v.plain, &top), <=, 1);
    g_assert_cmpint(difference(&v.to, out, v.restored, &bottom), ==, 0);
    g_assert_cmpint(sample_at(&v.to, out, 0, 7, 24), ==, 235);
    g_assert_cmpint(sample_at(&v.to, out, 0, 7, 26), !=, 235);
    gst_buffer_unref(out);
    views_clear(&v);
}

static void test_strength(void)
{
    Views v;
    views_init(&v, "RGB");
    GstBuffer *out = view(&v, "strength", "0");
    g_assert_cmpint(difference(&v.to, out, v.plain, NULL), ==, 0);
    gst_buffer_unref(out);
    out = view(&v, "strength", "0.25");
    for (gint y = 0; y < 48; y += 5)
        for (gint x = 0; x < 64; x += 3) {
            double plain = sample_at(&v.to, v.plain, 0, x, y);
            double restored = sample_at(&v.to, v.restored, 0, x, y);
            g_assert_cmpfloat_with_epsilon(sample_at(&v.to, out, 0, x, y),
                                           0.75 * plain + 0.25 * restored, 1.1);
        }
    gst_buffer_unref(out);
    out = view(&v, "strength", "1");
    g_assert_cmpint(difference(&v.to, out, v.restored, NULL), ==, 0);
    gst_buffer_unref(out);
    views_clear(&v);
}

/* ---- tiles ---- */

/* Cut into tiles, also when that changes while playing, a picture is the same. */
static void test_tiles(void)
{
    const char *caps = "video/x-raw,format=I420,width=150,height=90,framerate=25/1";
    GstVideoInfo from = video_info(caps), to;
    GstHarness *h = restore_harness("model=" MODEL, caps);
    GstBuffer *in = picture(&from, 2), *whole = NULL;
    static const struct {
        gint size, overlap;
    } cuts[] = {{0, 0}, {64, 0}, {33, 0}, {48, 8}, {0, 0}};
    for (guint i = 0; i < G_N_ELEMENTS(cuts); i++) {
        GstStructure *stats;
        guint tiles = 0;
        gint size = 0, overlap = -1;
        g_object_set(h->element, "tile-size", cuts[i].size, "tile-overlap", cuts[i].overlap, NULL);
        GstBuffer *out = gst_harness_push_and_pull(h, gst_buffer_copy(in));
        to = out_info(h);
        g_object_get(h->element, "stats", &stats, NULL);
        g_assert_true(gst_structure_get(stats, "tiles", G_TYPE_UINT, &tiles, "tile-size",
                                        G_TYPE_INT, &size, "tile-overlap", G_TYPE_INT, &overlap,
                                        NULL));
        gst_structure_free(stats);
        if (cuts[i].size) {
            g_assert_cmpuint(tiles, >=, 6);
            g_assert_cmpint(size, <=, cuts[i].size);
            g_assert_cmpint(overlap, >=, cuts[i].overlap);
        } else {
            g_assert_cmpuint(tiles, ==, 1);
        }
        if (whole)
            g_assert_cmpint(difference(&to, whole, out, NULL), <=, 1);
        else
            whole = gst_buffer_ref(out);
        gst_buffer_unref(out);
    }
    gst_buffer_unref(whole);
    gst_buffer_unref(in);
    gst_harness_teardown(h);
}

/* ---- streams ---- */

/* Times, flags and regions go along; regions grow. */
static void test_meta(void)
{
    GstVideoInfo from = video_info(NV12_CAPS);
    GstHarness *h = restore_harness("model=" MODEL, NV12_CAPS);
    GstBuffer *in = picture(&from, 5);
    GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_MARKER);
    GST_BUFFER_OFFSET(in) = 77;
    gst_buffer_add_video_region_of_interest_meta(in, "thing", 3, 4, 10, 8);
    GstBuffer *out = gst_harness_push_and_pull(h, in);
    g_assert_cmpuint(GST_BUFFER_PTS(out), ==, 5 * FRAME_TIME);
    g_assert_cmpuint(GST_BUFFER_DURATION(out), ==, FRAME_TIME);
    g_assert_true(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT));
    g_assert_true(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_MARKER));
    GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta(out);
    g_assert_nonnull(roi);
    g_assert_cmpuint(roi->x, ==, 6);
    g_assert_cmpuint(roi->y, ==, 8);
    g_assert_cmpuint(roi->w, ==, 20);
    g_assert_cmpuint(roi->h, ==, 16);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}

/* Not live: every frame is restored, and a second run gives the same. */
static void test_repeat(void)
{
    GstVideoInfo from = video_info(NV12_CAPS), to;
    GstBuffer *first[12];
    for (guint run = 0; run < 2; run++) {
        GstHarness *h = restore_harness("model=" MODEL, NV12_CAPS);
        for (guint i = 0; i < G_N_ELEMENTS(first); i++)
            g_assert_cmpint(gst_harness_push(h, picture(&from, i)), ==, GST_FLOW_OK);
        for (guint i = 0; i < G_N_ELEMENTS(first); i++) {
            GstBuffer *out = gst_harness_pull(h);
            to = out_info(h);
            g_assert_cmpuint(GST_BUFFER_PTS(out), ==, i * FRAME_TIME);
            if (run == 0) {
                first[i] = out;
                continue;
            }
            g_assert_cmpint(difference(&to, first[i], out, NULL), ==, 0);
            gst_buffer_unref(out);
            gst_buffer_unref(first[i]);
        }
        g_assert_cmpuint(stat_of(h->element, "inferred"), ==, G_N_ELEMENTS(first));
        g_assert_cmpuint(stat_of(h->element, "skipped"), ==, 0);
        gst_harness_teardown(h);
    }
}

/* Live and too slow: frames are scaled plainly, none is lost, and they are counted. */
static void test_overload(void)
{
    enum { N = 24 };
    const char *caps = "video/x-raw,format=NV12,width=160,height=120,framerate=25/1";
    const FoveaRestoreParams params = {0};
    GstVideoInfo from = video_info(caps), to;
    Reference reference;
    guint plain = 0;
    GstHarness *h = restore_harness("max-latency=0 model=" HEAVY, caps);
    gst_harness_set_live(h, TRUE);
    reference_init(&reference, 160, 120);
    for (guint i = 0; i < N; i++) {
        g_assert_cmpint(gst_harness_push(h, picture(&from, i)), ==, GST_FLOW_OK);
    }
    for (guint i = 0; i < N; i++) {
        GstBuffer *out = gst_harness_pull(h), *in = picture(&from, i);
        g_assert_nonnull(out);
        to = out_info(h);
        g_assert_cmpint(to.width, ==, 320);
        g_assert_cmpuint(GST_BUFFER_PTS(out), ==, i * FRAME_TIME);
        GstBuffer *scaled = reference_run(&reference, &from, in, &to, NULL);
        GstBuffer *restored = reference_run(&reference, &from, in, &to, &params);
        if (difference(&to, out, scaled, NULL) == 0)
            plain++;
        else
            g_assert_cmpint(difference(&to, out, restored, NULL), <=, 1);
        gst_buffer_unref(scaled);
        gst_buffer_unref(restored);
        gst_buffer_unref(out);
        gst_buffer_unref(in);
    }
    g_assert_cmpuint(plain, >, 0); /* else each has waited for the one before */
    g_assert_cmpuint(stat_of(h->element, "skipped"), ==, plain);
    g_assert_cmpuint(stat_of(h->element, "inferred"), ==, N - plain);
    g_assert_cmpuint(stat_of(h->element, "dropped"), ==, 0);
    reference_clear(&reference);
    gst_harness_teardown(h);
}

/* ---- mistakes ---- */

static void expect(const char *properties, const char *words)
{
    char *launch = g_strdup_printf("videotestsrc num-buffers=2 ! video/x-raw,width=32,height=24 ! "
                                   "fovearestore %s ! fakesink",
                                   properties);
    expect_error(launch, "fovearestore", words);
    g_free(launch);
}

static void test_errors(void)
{
    GError *error = NULL;
    char *bytes;
    gsize length;
    expect("model=/no/such.onnx", "There is no model at \"/no/such.onnx\"");
    expect("device=quantum model=" MODEL, "quantum");
    char *folder = g_dir_make_tmp("fovea-restore-XXXXXX", NULL);
    char *cut = g_build_filename(folder, "cut.onnx", NULL);
    char *json = g_build_filename(folder, "cut.json", NULL);
    char *properties = g_strdup_printf("model=%s", cut);
    g_file_get_contents(MODEL, &bytes, &length, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_set_contents(cut, bytes, (gssize)length, NULL));
    expect(properties, "cut"); /* nothing says how pictures are prepared */
    g_assert_true(g_file_set_contents(json, "{\"scale\": 2, \"input_range\": [0, 1]}", -1, NULL));
    g_assert_true(g_file_set_contents(cut, bytes, (gssize)length / 2, NULL));
    expect(properties, "cut.onnx");
    g_assert_true(g_file_set_contents(cut, bytes, (gssize)length, NULL));
    g_assert_true(g_file_set_contents(json, "{\"scale\": 2, ", -1, NULL));
    expect(properties, "cut.json");
    g_unlink(cut);
    g_unlink(json);
    g_rmdir(folder);
    g_free(bytes);
    g_free(properties);
    g_free(json);
    g_free(cut);
    g_free(folder);
}

/* Without a name the model is our own: twice as large, near to plain scaling, and not the same. */
static void test_default(void)
{
    GstVideoInfo from = video_info(NV12_CAPS), to;
    Reference reference;
    double sum = 0;
    g_setenv("FOVEA_MODELS", FOVEA_SOURCE_ROOT "/models", TRUE); /* wherever it was built */
    GstHarness *h = restore_harness("", NV12_CAPS);
    GstBuffer *in = picture(&from, 4);
    GstBuffer *out = gst_harness_push_and_pull(h, gst_buffer_ref(in));
    to = out_info(h);
    g_assert_cmpint(to.width, ==, 64);
    reference_init(&reference, 32, 24);
    GstBuffer *plain = reference_run(&reference, &from, in, &to, NULL);
    g_assert_cmpint(difference(&to, out, plain, NULL), >, 0);
    for (gint y = 0; y < 48; y++)
        for (gint x = 0; x < 64; x++)
            sum += ABS(sample_at(&to, out, 0, x, y) - sample_at(&to, plain, 0, x, y));
    g_assert_cmpfloat(sum / (64 * 48), <, 4);
    reference_clear(&reference);
    gst_buffer_unref(plain);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_harness_teardown(h);
}

/* A picture that does not fit and cannot be cut: said when its size is known. */
static void test_too_large(void)
{
    if (no_shared())
        return;
    char *model = shared_path("models/iat/iat_lol_v1.onnx");
    char *properties = g_strdup_printf("model=%s", model);
    GstHarness *h = restore_harness(properties, NULL);
    GstBus *bus = gst_bus_new();
    GError *error = NULL;
    gst_element_set_bus(h->element, bus);
    gst_harness_set_src_caps_str(h,
                                 "video/x-raw,format=RGB,width=20000,height=20000,framerate=25/1");
    GstMessage *message = gst_bus_timed_pop_filtered(bus, GUARD, GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    gst_message_parse_error(message, &error, NULL);
    g_assert_nonnull(strstr(error->message, "20000x20000"));
    g_assert_nonnull(strstr(error->message, "Softmax"));
    g_error_free(error);
    gst_message_unref(message);
    gst_element_set_bus(h->element, NULL);
    gst_object_unref(bus);
    gst_harness_teardown(h);
    g_free(properties);
    g_free(model);
}

/* Neither a stop nor a flush waits for the frame in work. */
static void test_stop(void)
{
    const char *caps = "video/x-raw,format=NV12,width=3840,height=2160,framerate=25/1";
    GstVideoInfo from = video_info(caps);
    GstHarness *h = restore_harness("tile-size=128 model=" HEAVY, caps);
    gst_harness_push(h, plain_picture(&from, (const guint8[]){100, 120, 140}));
    g_usleep(500000);
    gst_harness_push_event(h, gst_event_new_flush_start());
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h, gst_event_new_segment(&segment));
    gst_harness_push(h, plain_picture(&from, (const guint8[]){100, 120, 140}));
    gst_element_set_state(h->element, GST_STATE_NULL);
    g_assert_cmpuint(stat_of(h->element, "inferred"), ==, 0); /* none was finished first */
    g_assert_cmpuint(gst_harness_buffers_received(h), ==, 0);
    gst_harness_teardown(h);
}

/* A picture of 33 million pixels, in memory that has a bound. */
static void test_large(void)
{
    glong before = resident_kib();
    g_assert_no_error(play_launch(
        "videotestsrc num-buffers=1 pattern=black ! video/x-raw,format=NV12,width=7680,height=4320 "
        "! fovearestore model=" MODEL " ! fakesink"));
    g_assert_cmpint(peak_kib() - before, <, 1500 * 1024);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    g_test_add_func("/restore/formats", test_formats);
    g_test_add_func("/restore/colours", test_colours);
    g_test_add_func("/restore/alpha", test_alpha);
    g_test_add_func("/restore/compare", test_compare);
    g_test_add_func("/restore/strength", test_strength);
    g_test_add_func("/restore/tiles", test_tiles);
    g_test_add_func("/restore/meta", test_meta);
    g_test_add_func("/restore/repeat", test_repeat);
    g_test_add_func("/restore/overload", test_overload);
    g_test_add_func("/restore/errors", test_errors);
    g_test_add_func("/restore/default", test_default);
    g_test_add_func("/restore/too-large", test_too_large);
    g_test_add_func("/restore/stop", test_stop);
    g_test_add_func("/restore/large", test_large);
    return g_test_run();
}
