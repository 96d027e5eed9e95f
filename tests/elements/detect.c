/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * detect.c: foveadetect with a real model (DEIMv2 Atto) on pictures with a known truth.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <time.h>

#include "common/fovea-video.h"
#include "dummies.h"
#include "plugin.h"

static char *shared_path(const char *name)
{
    const char *root = g_getenv("FOVEA_SHARED");
    return root ? g_build_filename(root, name, NULL)
                : g_build_filename(FOVEA_SOURCE_ROOT, "..", "shared", name, NULL);
}

/* Where there is no shared folder at all these tests cannot run; a missing file is a failure. */
static gboolean no_shared(void)
{
    char *root = shared_path(".");
    gboolean missing = !g_file_test(root, G_FILE_TEST_IS_DIR);
    g_free(root);
    if (missing)
        g_test_skip("there is no shared folder (FOVEA_SHARED)");
    return missing;
}

static char *model_path(void)
{
    return shared_path("models/deimv2/deimv2_hgnetv2_atto_coco.onnx");
}

/* ---- running a pipeline and keeping what was found ---- */

typedef struct Found {
    char label[64];
    FoveaDetection d;
    GstClockTime pts;
    guint frame;
} Found;

typedef struct Run {
    GArray *found; /* of Found */
    guint frames, analysed;
    GstSample *last;
} Run;

static void run_clear(Run *run)
{
    g_array_unref(run->found);
    if (run->last)
        gst_sample_unref(run->last);
}

static void collect(Run *run, GstBuffer *buffer)
{
    GArray *detections = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    fovea_buffer_get_detections(buffer, detections);
    run->frames++;
    run->analysed += fovea_buffer_get_result(buffer, "detect") != NULL;
    for (guint i = 0; i < detections->len; i++) {
        Found f = {.d = g_array_index(detections, FoveaDetection, i),
                   .pts = GST_BUFFER_PTS(buffer),
                   .frame = run->frames - 1};
        g_strlcpy(f.label, f.d.label, sizeof f.label);
        g_array_append_val(run->found, f);
    }
    g_array_unref(detections);
}

static void on_handoff(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
    collect(data, buffer);
}

/* Runs to the end. The pipeline ends in a fakesink named "s". */
static Run run(const char *launch)
{
    Run result = {.found = g_array_new(FALSE, FALSE, sizeof(Found))};
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(launch, &error);
    g_assert_no_error(error);
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
    g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
    g_signal_connect(sink, "handoff", G_CALLBACK(on_handoff), &result);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 100 * GST_SECOND,
                                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, NULL);
        g_assert_no_error(error);
    }
    gst_message_unref(message);
    g_object_get(sink, "last-sample", &result.last, NULL);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return result;
}

static Run run_picture(const char *picture, const char *format, const char *properties)
{
    char *path = shared_path(picture), *model = model_path();
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    char *launch = g_strdup_printf("filesrc location=%s ! jpegdec ! videoconvert ! "
                                   "video/x-raw,format=%s ! foveadetect model=%s %s ! fakesink "
                                   "name=s",
                                   path, format, model, properties);
    Run result = run(launch);
    g_free(launch);
    g_free(path);
    g_free(model);
    return result;
}

/* ---- the truth ---- */

static float overlap(const FoveaDetection *a, const double box[4])
{
    double w = MIN(a->x1, box[2]) - MAX(a->x0, box[0]);
    double h = MIN(a->y1, box[3]) - MAX(a->y0, box[1]);
    if (w <= 0 || h <= 0)
        return 0;
    double area = (double)(a->x1 - a->x0) * (a->y1 - a->y0) + (box[2] - box[0]) * (box[3] - box[1]);
    return (float)(w * h / (area - w * h));
}

/* Each object of the truth is among what was found. Another JPEG decoder moves scores a little, so
 * those near the threshold may fall below. */
static guint check_truth(const Run *result, JsonArray *truth, gint width, gint height)
{
    guint checked = 0;
    for (guint i = 0; i < json_array_get_length(truth); i++) {
        JsonObject *t = json_array_get_object_element(truth, i);
        JsonArray *box = json_object_get_array_member(t, "box");
        double score = json_object_get_double_member(t, "score"), corners[4];
        gboolean hit = FALSE;
        for (guint k = 0; k < 4; k++) /* the truth is not clipped to the picture, our boxes are */
            corners[k] = CLAMP(json_array_get_double_element(box, k), 0, k % 2 ? height : width);
        for (guint j = 0; j < result->found->len && !hit; j++) {
            const Found *f = &g_array_index(result->found, Found, j);
            hit = f->d.label_id == json_object_get_int_member(t, "class") &&
                  strcmp(f->label, json_object_get_string_member(t, "label")) == 0 &&
                  overlap(&f->d, corners) > 0.9f && ABS(f->d.score - score) < 0.08;
        }
        if (!hit && score >= 0.55)
            g_error("missing: %s %.3f", json_object_get_string_member(t, "label"), score);
        checked += hit;
    }
    return checked;
}

/* What was found on photographs is what the reference finds, up to another JPEG decoder. */
static void check_photos(const char *device)
{
    GError *error = NULL;
    char *properties = g_strdup_printf("threshold=0.45 precision=f32 device=%s", device);
    char *path = shared_path("golden/deimv2__deimv2_hgnetv2_atto_coco/expected.json");
    JsonParser *parser = json_parser_new();
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonObject *root = json_node_get_object(json_parser_get_root(parser));
    JsonArray *images = json_object_get_array_member(root, "images");
    guint photos = 0, hits = 0;
    for (guint i = 0; i < json_array_get_length(images); i++) {
        JsonObject *image = json_array_get_object_element(images, i);
        const char *name = json_object_get_string_member(image, "image");
        JsonArray *size = json_object_get_array_member(image, "size");
        if (!g_str_has_suffix(name, ".jpg"))
            continue;
        Run result = run_picture(name, "RGB", properties);
        g_assert_cmpuint(result.analysed, ==, 1);
        hits += check_truth(&result, json_object_get_array_member(image, "detections"),
                            (gint)json_array_get_int_element(size, 0),
                            (gint)json_array_get_int_element(size, 1));
        run_clear(&result);
        photos++;
    }
    g_assert_cmpuint(photos, ==, 3);
    g_assert_cmpuint(hits, >=, 14);
    g_object_unref(parser);
    g_free(properties);
    g_free(path);
}

static void test_photos(void)
{
    if (!no_shared())
        check_photos("cpu");
}

static void test_vulkan(void)
{
    GError *error = NULL;
    if (no_shared())
        return;
    FoveaDevice *device = fovea_device_open("vulkan", &error);
    if (!device) {
        char *why = g_strdup_printf("no Vulkan device: %s", error->message);
        g_test_skip(why);
        g_free(why);
        g_error_free(error);
        return;
    }
    check_photos("vulkan");
    fovea_device_unref(device);
}

/* In whatever format a picture comes, the same objects are found. */
static void test_formats(void)
{
    static const char *const formats[] = {"NV12", "I420", "YUY2", "BGR",  "RGBA", "BGRA", "RGBx",
                                          "BGRx", "ARGB", "ABGR", "xRGB", "xBGR", "GRAY8"};
    if (no_shared())
        return;
    Run rgb = run_picture("media/photos/traffic_bus.jpg", "RGB", "threshold=0.6");
    g_assert_cmpuint(rgb.found->len, >=, 2);
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        Run other = run_picture("media/photos/traffic_bus.jpg", formats[i], "threshold=0.3");
        guint same = 0;
        for (guint a = 0; a < rgb.found->len; a++) {
            const Found *f = &g_array_index(rgb.found, Found, a);
            double box[4] = {f->d.x0, f->d.y0, f->d.x1, f->d.y1};
            for (guint b = 0; b < other.found->len; b++) {
                const Found *g = &g_array_index(other.found, Found, b);
                if (g->d.label_id == f->d.label_id && overlap(&g->d, box) > 0.85f) {
                    same++;
                    break;
                }
            }
        }
        /* without colour some are lost */
        guint lost = strcmp(formats[i], "GRAY8") == 0 ? rgb.found->len / 2 : 0;
        if (same + lost < rgb.found->len)
            g_error("%s: %u of %u", formats[i], same, rgb.found->len);
        run_clear(&other);
    }
    run_clear(&rgb);
}

/* The metadata says the same as the structure beside it, and boxes lie inside the frame. */
static void test_meta(void)
{
    if (no_shared())
        return;
    Run result = run_picture("media/photos/family_table.jpg", "I420", "threshold=0.1");
    GstBuffer *buffer = gst_sample_get_buffer(result.last);
    gpointer state = NULL;
    GstMeta *meta;
    guint n = 0;
    double last = 1;
    while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                    GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
        GstStructure *param = gst_video_region_of_interest_meta_get_param(roi, "detection");
        double x0, y0, x1, y1, score;
        gint label;
        g_assert_nonnull(param);
        g_assert_true(gst_structure_get(param, "x0", G_TYPE_DOUBLE, &x0, "y0", G_TYPE_DOUBLE, &y0,
                                        "x1", G_TYPE_DOUBLE, &x1, "y1", G_TYPE_DOUBLE, &y1, "score",
                                        G_TYPE_DOUBLE, &score, "label-id", G_TYPE_INT, &label,
                                        NULL));
        g_assert_cmpfloat(x0, >=, 0);
        g_assert_cmpfloat(y0, >=, 0);
        g_assert_cmpfloat(x1, <=, 640);
        g_assert_cmpfloat(y1, <=, 422);
        g_assert_cmpfloat(roi->x, <=, x0);
        g_assert_cmpfloat(roi->x + roi->w, >=, x1);
        g_assert_cmpuint(roi->x + roi->w, <=, 640);
        g_assert_cmpfloat(score, >=, 0.1f);
        g_assert_cmpfloat(score, <=, last); /* the best comes first */
        last = score;
        n++;
    }
    g_assert_cmpuint(n, >, 8);
    FoveaResultMeta *mark = fovea_buffer_get_result(buffer, "detect");
    g_assert_cmpint(mark->width, ==, 640);
    g_assert_cmpint(mark->height, ==, 422);
    run_clear(&result);
}

static void test_classes(void)
{
    if (no_shared())
        return;
    Run all = run_picture("media/photos/traffic_bus.jpg", "NV12", "threshold=0.2");
    Run some = run_picture("media/photos/traffic_bus.jpg", "NV12",
                           "threshold=0.2 classes=\"bus, 2\""); /* 2 is the car */
    guint expected = 0;
    for (guint i = 0; i < all.found->len; i++) {
        gint id = g_array_index(all.found, Found, i).d.label_id;
        expected += id == 5 || id == 2;
    }
    g_assert_cmpuint(expected, >, 0);
    g_assert_cmpuint(expected, <, all.found->len);
    g_assert_cmpuint(some.found->len, ==, expected);
    run_clear(&all);
    run_clear(&some);
}

/* ---- errors ---- */

/* The message of the first error of `foveadetect PROPERTIES`. */
static char *first_error(const char *properties)
{
    GError *error = NULL;
    char *debug = NULL;
    char *launch = g_strdup_printf("videotestsrc num-buffers=2 ! foveadetect %s ! fakesink",
                                   properties);
    GstElement *pipeline = gst_parse_launch(launch, &error);
    g_assert_no_error(error);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND,
                                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_ERROR);
    g_assert_true(g_str_has_prefix(GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), "foveadetect"));
    gst_message_parse_error(message, &error, &debug);
    char *text = g_strdup(error->message);
    g_assert_nonnull(debug);
    g_free(debug);
    g_error_free(error);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    g_free(launch);
    return text;
}

static void expect_error(const char *properties, const char *part)
{
    char *text = first_error(properties);
    if (!strstr(text, part))
        g_error("\"%s\" does not say \"%s\"", text, part);
    g_free(text);
}

/* Each mistake has its own sentence. */
static void test_errors(void)
{
    g_unsetenv("FOVEA_MODELS");
    expect_error("", "set the property model");
    expect_error("model=/no/such/model.onnx", "/no/such/model.onnx");
    g_setenv("FOVEA_MODELS", "/no/such/folder", TRUE);
    expect_error("", "/no/such/folder");
    g_unsetenv("FOVEA_MODELS");
    char *folder = g_dir_make_tmp("fovea-empty-XXXXXX", NULL);
    char *properties = g_strdup_printf("model=%s", folder);
    expect_error(properties, folder);
    g_free(properties);
    g_rmdir(folder);
    g_free(folder);
    if (no_shared())
        return;
    char *model = model_path();
    properties = g_strdup_printf("model=%s classes=person,unicorn", model);
    expect_error(properties, "unicorn");
    g_free(properties);
    properties = g_strdup_printf("model=%s labels=/no/labels.txt", model);
    expect_error(properties, "/no/labels.txt");
    g_free(properties);
    properties = g_strdup_printf("model=%s device=quantum", model);
    expect_error(properties, "quantum");
    g_free(properties);
    g_free(model);
}

/* A model that was cut short anywhere is an error, and nothing else happens. */
static void test_truncated(void)
{
    static const double parts[] = {0, 0.001, 0.3, 0.9, 0.9999};
    gsize length;
    char *bytes, *json;
    GError *error = NULL;
    if (no_shared())
        return;
    char *model = model_path();
    g_file_get_contents(model, &bytes, &length, &error);
    g_assert_no_error(error);
    char *side = shared_path("models/deimv2/deimv2_hgnetv2_atto_coco.json");
    g_file_get_contents(side, &json, NULL, &error);
    g_assert_no_error(error);
    char *folder = g_dir_make_tmp("fovea-cut-XXXXXX", NULL);
    char *cut = g_build_filename(folder, "cut.onnx", NULL);
    char *cut_json = g_build_filename(folder, "cut.json", NULL);
    char *properties = g_strdup_printf("model=%s", cut);
    g_assert_true(g_file_set_contents(cut_json, json, -1, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_assert_true(g_file_set_contents(cut, bytes, (gssize)((double)length * parts[i]), NULL));
        expect_error(properties, "cut.onnx");
    }
    g_unlink(cut);
    g_unlink(cut_json);
    g_rmdir(folder);
    g_free(properties);
    g_free(cut);
    g_free(cut_json);
    g_free(folder);
    g_free(bytes);
    g_free(json);
    g_free(side);
    g_free(model);
}

/* ---- streams ---- */

static char *video_launch(guint frames, const char *properties)
{
    char *path = shared_path("media/video/vtest.mp4"), *model = model_path();
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
    Run a = run(launch), b = run(launch);
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
    char *dog = shared_path("media/photos/dog_standing.jpg"), *model = model_path();
    char *video = video_launch(4, "");
    char *launch = g_strdup_printf("%s filesrc location=%s ! jpegdec ! videoconvert ! "
                                   "video/x-raw,format=RGB ! imagefreeze num-buffers=4 ! "
                                   "foveadetect name=e model=%s ! fakesink name=t "
                                   "signal-handoffs=true",
                                   video, dog, model);
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(launch, &error);
    g_assert_no_error(error);
    Run both[2] = {{.found = g_array_new(FALSE, FALSE, sizeof(Found))},
                   {.found = g_array_new(FALSE, FALSE, sizeof(Found))}};
    for (guint i = 0; i < 2; i++) {
        GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), i ? "t" : "s");
        g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
        g_signal_connect(sink, "handoff", G_CALLBACK(on_handoff), &both[i]);
        gst_object_unref(sink);
    }
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 300 * GST_SECOND,
                                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);

    Run video_alone = run(video);
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
    Run r = run(launch);
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

/* Of a raw 1080p frame the element's thread spends at most 0.5 ms outside preprocessing; the plan
 * runs on the executor's. The least of many frames: what a busy machine adds is not ours. */
static void test_cost(void)
{
    enum { SIZE = 1920 * 1080 * 3 / 2 };
    if (no_shared())
        return;
    char *model = model_path();
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
    g_assert_cmpfloat(thread - preprocess, <, 0.5);
    g_assert_cmpfloat(preprocess, <, 2);
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
    char *model = model_path();
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (guint f = 0; f < G_N_ELEMENTS(formats); f++) {
            char *launch = g_strdup_printf(
                "videotestsrc num-buffers=2 pattern=black ! video/x-raw,format=%s,width=%d,"
                "height=%d ! foveadetect model=%s ! fakesink name=s",
                formats[f], sizes[i][0], sizes[i][1], model);
            Run r = run(launch);
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
    GError *error = NULL;
    char *model = model_path();
    GstElement *keeper = gst_element_factory_make("foveadetect", NULL);
    gst_object_ref_sink(keeper);
    g_object_set(keeper, "model", model, NULL);
    gst_element_set_state(keeper, GST_STATE_READY);
    char *launch = g_strdup_printf("videotestsrc num-buffers=2 ! video/x-raw,format=NV12,width=64,"
                                   "height=64 ! foveadetect model=%s ! fakesink",
                                   model);
    GstElement *pipeline = gst_parse_launch(launch, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 100; i++) {
        gst_element_set_state(pipeline, i % 2 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
        if (i % 4 < 2)
            g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, 20 * GST_SECOND), ==,
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

/* Stopping while the model loads does not wait for it. */
static void test_cancel(void)
{
    if (no_shared())
        return;
    char *model = model_path();
    for (guint ms = 0; ms < 300; ms += 30) {
        GstElement *element = gst_element_factory_make("foveadetect", NULL);
        gst_object_ref_sink(element);
        g_object_set(element, "model", model, NULL);
        g_assert_cmpint(gst_element_set_state(element, GST_STATE_PAUSED), ==,
                        GST_STATE_CHANGE_SUCCESS);
        g_usleep(ms * 1000);
        gint64 start = g_get_monotonic_time();
        gst_element_set_state(element, GST_STATE_NULL);
        g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC);
        gst_object_unref(element);
    }
    g_free(model);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    g_assert_true(gst_plugin_register_static(GST_VERSION_MAJOR, GST_VERSION_MINOR, "fovea", "test",
                                             fovea_plugin_init, "0", "LGPL", "fovea", "fovea",
                                             "test"));
    g_test_add_func("/detect/errors", test_errors);
    g_test_add_func("/detect/photos", test_photos);
    g_test_add_func("/detect/vulkan", test_vulkan);
    g_test_add_func("/detect/formats", test_formats);
    g_test_add_func("/detect/meta", test_meta);
    g_test_add_func("/detect/classes", test_classes);
    g_test_add_func("/detect/truncated", test_truncated);
    g_test_add_func("/detect/repeat", test_repeat);
    g_test_add_func("/detect/two-streams", test_two_streams);
    g_test_add_func("/detect/interval", test_interval);
    g_test_add_func("/detect/cost", test_cost);
    g_test_add_func("/detect/sizes", test_sizes);
    g_test_add_func("/detect/cycles", test_cycles);
    g_test_add_func("/detect/cancel", test_cancel);
    return g_test_run();
}
