/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * detect.c: foveadetect with a real model on pictures with a known truth; its mistakes.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "bus.h"
#include "common/fovea-video.h"
#include "detect-run.h"

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

/* `foveadetect PROPERTIES` fails, and says so with these words. */
static void expect(const char *properties, const char *words)
{
    char *launch = g_strdup_printf("videotestsrc num-buffers=2 ! foveadetect %s ! fakesink",
                                   properties);
    expect_error(launch, "foveadetect", words);
    g_free(launch);
}

/* Each mistake has its own sentence. */
static void test_errors(void)
{
    expect("model=/no/such/model.onnx", "/no/such/model.onnx");
    char *folder = g_dir_make_tmp("fovea-empty-XXXXXX", NULL);
    char *properties = g_strdup_printf("model=%s", folder);
    expect(properties, folder);
    g_free(properties);
    g_rmdir(folder);
    g_free(folder);
    if (no_shared())
        return;
    char *model = detect_model();
    properties = g_strdup_printf("model=%s classes=person,unicorn", model);
    expect(properties, "unicorn");
    g_free(properties);
    properties = g_strdup_printf("model=%s labels=/no/labels.txt", model);
    expect(properties, "/no/labels.txt");
    g_free(properties);
    properties = g_strdup_printf("model=%s device=quantum", model);
    expect(properties, "quantum");
    g_free(properties);
    g_free(model);
}

/* Without a name the default is taken: here the only one, in the first folder that has one. */
static void test_default(void)
{
    if (no_shared())
        return;
    char *models = shared_path("models"), *list = g_strconcat("/no/such/folder:", models, NULL);
    g_setenv("FOVEA_MODELS", list, TRUE);
    Run result = run_launch("videotestsrc num-buffers=1 ! foveadetect ! fakesink name=s");
    g_assert_cmpuint(result.analysed, ==, 1);
    run_clear(&result);
    g_unsetenv("FOVEA_MODELS");
    g_free(list);
    g_free(models);
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
    char *model = detect_model();
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
        expect(properties, "cut.onnx");
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

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    g_test_add_func("/detect/errors", test_errors);
    g_test_add_func("/detect/default", test_default);
    g_test_add_func("/detect/photos", test_photos);
    g_test_add_func("/detect/vulkan", test_vulkan);
    g_test_add_func("/detect/formats", test_formats);
    g_test_add_func("/detect/meta", test_meta);
    g_test_add_func("/detect/classes", test_classes);
    g_test_add_func("/detect/truncated", test_truncated);
    return g_test_run();
}
