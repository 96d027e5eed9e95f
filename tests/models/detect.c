/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The zoo's raw detectors as folders of the Hugging Face hub, from a JPEG file to boxes: against
 * Pillow, transformers and ONNX Runtime (data/detect.json, made by make_detect.py). And what a
 * FoveaDetector promises beside: regions, sizes that change, threads, refusals.
 */
#include <math.h>
#include <unistd.h>

#include "base/base.h"
#include "case.h"
#include "folder.h"
#include "../../pipelines/fovea/picture.h"

/* A hub folder around one of the zoo's networks. */
static Folder zoo_folder(const char *entry, const char *config, const char *preprocessor)
{
    Folder f = folder_new();
    g_autofree char *from = g_build_filename(shared_folder(), "zoo", entry, "model.onnx", NULL);
    g_assert_cmpint(symlink(from, f.onnx), ==, 0);
    if (config)
        folder_put(&f, "config.json", config);
    if (preprocessor)
        folder_put(&f, "preprocessor_config.json", preprocessor);
    return f;
}

static FoveaDetector *detector_new(const char *model)
{
    GError *error = NULL;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    FoveaDetectorParams params = {.model = model};
    FoveaDetector *detector = fovea_detector_new(device, &params, &error);
    g_assert_no_error(error);
    return detector;
}

static void read_photo(const char *name, Picture *picture)
{
    GError *error = NULL;
    g_autofree char *path = g_build_filename(shared_folder(), "media", name, NULL);
    picture_read(path, picture, &error);
    g_assert_no_error(error);
}

static GArray *run(FoveaDetectorStream *stream, const FoveaImage *image,
                   const FoveaDetectParams *params)
{
    GError *error = NULL;
    GArray *found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    fovea_detector_stream_run(stream, image, params, found, &error);
    g_assert_no_error(error);
    return found;
}

static double overlap(const double a[4], const FoveaDetection *d)
{
    double w = fmin(a[2], d->x1) - fmax(a[0], d->x0), h = fmin(a[3], d->y1) - fmax(a[1], d->y0);
    double both = fmax(w, 0) * fmax(h, 0);
    return both /
           ((a[2] - a[0]) * (a[3] - a[1]) + (double)(d->x1 - d->x0) * (d->y1 - d->y0) - both);
}

/* Each of transformers' best detections is there, and nothing better than the last of them is ours
 * alone. */
static void compare_best(JsonObject *o, const FoveaImage *image, const GArray *found)
{
    JsonArray *scores = json_object_get_array_member(o, "scores");
    JsonArray *labels = json_object_get_array_member(o, "labels");
    JsonArray *boxes = json_object_get_array_member(o, "boxes");
    guint n = json_array_get_length(scores), ours = 0, wanted = 0;
    for (guint i = 0; i < n; i++) {
        double box[4], score = json_array_get_double_element(scores, i);
        gboolean there = FALSE;
        for (guint k = 0; k < 4; k++)
            box[k] = CLAMP(json_array_get_double_element(json_array_get_array_element(boxes, i), k),
                           0, k % 2 ? image->height : image->width);
        if (box[0] >= box[2] || box[1] >= box[3])
            continue; /* nothing of it is inside the picture */
        wanted++;
        for (guint j = 0; j < found->len && !there; j++) {
            const FoveaDetection *d = &g_array_index(found, FoveaDetection, j);
            there = d->label_id == json_array_get_int_element(labels, i) &&
                    fabs(d->score - score) <= 2e-3 && overlap(box, d) >= 0.98;
        }
        if (!there)
            g_error("%s of %s: detection %u (label %d, score %.4f) is missing",
                    json_object_get_string_member(o, "entry"),
                    json_object_get_string_member(o, "picture"), i,
                    (int)json_array_get_int_element(labels, i), score);
    }
    double last = json_array_get_double_element(scores, n - 1);
    for (guint j = 0; j < found->len; j++)
        ours += g_array_index(found, FoveaDetection, j).score > last + 4e-3;
    g_assert_cmpuint(ours, <=, wanted);
}

static void check_case(JsonObject *o)
{
    g_autofree char *config =
        g_strdup_printf("{\"model_type\": \"%s\", \"id2label\": {\"0\": \"a\"}}",
                        json_object_get_string_member(o, "model_type"));
    g_autofree char *pre = json_to_string(json_object_get_member(o, "preprocessor"), FALSE);
    Folder f = zoo_folder(json_object_get_string_member(o, "entry"), config, pre);
    g_autoptr(FoveaDetector) detector = detector_new(f.path);
    g_autoptr(FoveaDetectorStream) stream = fovea_detector_stream_new(detector, NULL);
    FoveaDetectParams params = {0};
    Picture picture;
    read_photo(json_object_get_string_member(o, "picture"), &picture);
    g_autoptr(GArray) found = run(stream, &picture.image, &params);
    compare_best(o, &picture.image, found);
    picture_clear(&picture);
    folder_clear(&f);
}

static void test_transformers(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "detect.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    GError *error = NULL;
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonArray *cases = json_node_get_array(json_parser_get_root(parser));
    g_assert_cmpuint(json_array_get_length(cases), ==, 12);
    for (guint i = 0; i < json_array_get_length(cases); i++)
        check_case(json_array_get_object_element(cases, i));
}

static void same(const GArray *a, const GArray *b, float dx, float dy)
{
    g_assert_cmpuint(a->len, ==, b->len);
    g_assert_cmpuint(a->len, >, 0);
    for (guint i = 0; i < a->len; i++) {
        const FoveaDetection *p = &g_array_index(a, FoveaDetection, i);
        const FoveaDetection *q = &g_array_index(b, FoveaDetection, i);
        g_assert_cmpint(p->label_id, ==, q->label_id);
        g_assert_cmpfloat(p->score, ==, q->score);
        g_assert_cmpfloat_with_epsilon(p->x0 + dx, q->x0, 1e-3);
        g_assert_cmpfloat_with_epsilon(p->y1 + dy, q->y1, 1e-3);
    }
}

static FoveaDetector *deimv2(void)
{
    g_autofree char *path = g_build_filename(shared_folder(), "models", "deimv2",
                                             "deimv2_hgnetv2_atto_coco.onnx", NULL);
    return detector_new(path);
}

/* A region gives what the same pixels give as a picture of their own, moved; and the class filter
 * and the threshold do what they say. */
static void test_region(void)
{
    g_autoptr(FoveaDetector) detector = deimv2();
    g_autoptr(FoveaDetectorStream) stream = fovea_detector_stream_new(detector, NULL);
    const FoveaRect region = {120, 100, 460, 410};
    FoveaDetectParams params = {.threshold = 0.4f};
    Picture picture;
    read_photo("photos/traffic_bus.jpg", &picture);
    FoveaImage part = picture.image;
    part.width = 340;
    part.height = 310;
    part.plane[0] += 100 * part.stride[0] + 120 * 3;
    g_autoptr(GArray) alone = run(stream, &part, &params);
    params.region = &region;
    g_autoptr(GArray) inside = run(stream, &picture.image, &params);
    same(alone, inside, 120, 100);

    params.region = NULL;
    g_autofree gboolean *classes = g_new0(gboolean, fovea_detector_n_labels(detector));
    classes[fovea_detector_find_label(detector, "bus")] = TRUE;
    params.classes = classes;
    g_autoptr(GArray) buses = run(stream, &picture.image, &params);
    g_assert_cmpuint(buses->len, >, 0);
    for (guint i = 0; i < buses->len; i++) {
        g_assert_cmpstr(g_array_index(buses, FoveaDetection, i).label, ==, "bus");
        g_assert_cmpfloat(g_array_index(buses, FoveaDetection, i).score, >=, 0.4);
    }
    picture_clear(&picture);
}

typedef struct Worker {
    FoveaDetector *detector;
    const FoveaImage *image;
    GArray *found;
} Worker;

static gpointer work(gpointer data)
{
    Worker *w = data;
    g_autoptr(FoveaDetectorStream) stream = fovea_detector_stream_new(w->detector, NULL);
    FoveaDetectParams params = {.threshold = 0.3f};
    for (guint i = 0; i < 3; i++) {
        g_clear_pointer(&w->found, g_array_unref);
        w->found = run(stream, w->image, &params);
    }
    return NULL;
}

/* Streams of one detector in threads of their own do not disturb each other. */
static void test_threads(void)
{
    static const char *photos[] = {"photos/traffic_bus.jpg", "photos/dog_standing.jpg"};
    g_autoptr(FoveaDetector) detector = deimv2();
    Picture pictures[2];
    Worker workers[2], alone[2];
    GThread *threads[2];
    for (guint i = 0; i < 2; i++) {
        read_photo(photos[i], &pictures[i]);
        workers[i] = alone[i] = (Worker){detector, &pictures[i].image, NULL};
        work(&alone[i]);
    }
    for (guint i = 0; i < 2; i++)
        threads[i] = g_thread_new("worker", work, &workers[i]);
    for (guint i = 0; i < 2; i++) {
        g_thread_join(threads[i]);
        same(alone[i].found, workers[i].found, 0, 0);
        g_array_unref(alone[i].found);
        g_array_unref(workers[i].found);
        picture_clear(&pictures[i]);
    }
}

/* After the first frame of a size a frame allocates nothing, and times are told. */
static void test_steady(void)
{
    g_autoptr(FoveaDetector) detector = deimv2();
    g_autoptr(FoveaDetectorStream) stream = fovea_detector_stream_new(detector, NULL);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    FoveaDetectParams params = {.threshold = 0.3f};
    Picture picture;
    gint64 pre, plan, post;
    read_photo("photos/traffic_bus.jpg", &picture);
    guint64 before = 0;
    for (guint i = 0; i < 4; i++) {
        g_assert_true(fovea_detector_stream_run(stream, &picture.image, &params, found, NULL));
        if (i == 0)
            before = fovea_alloc_count();
    }
    fovea_detector_stream_times(stream, &pre, &plan, &post);
    g_test_message("pre %.3f ms, plan %.3f ms, post %.3f ms", pre / 1e6, plan / 1e6, post / 1e6);
    g_assert_true(pre > 0 && plan > 0 && post > 0);
    picture_clear(&picture);
    g_assert_cmpuint(fovea_alloc_count(), ==, before);
}

static void refuse(const Folder *f, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", NULL);
    FoveaDetectorParams params = {.model = f->path};
    g_assert_null(fovea_detector_new(device, &params, &error));
    expect_refusal(error, FOVEA_ERROR_UNSUPPORTED, words);
}

static void test_refusals(void)
{
    static const char *size = "{\"size\": {\"height\": 128, \"width\": 96}}";
    Folder f = zoo_folder("rt_detr", "{\"model_type\": \"never_heard_of\"}", size);
    refuse(&f, "does not say how logits become scores");
    folder_clear(&f);
    f = zoo_folder("rt_detr", "{\"model_type\": \"rt_detr\"}", NULL);
    refuse(&f, "no preprocessor_config.json");
    folder_clear(&f);
    f = zoo_folder("rt_detr", NULL, NULL);
    refuse(&f, "says how pictures are prepared");
    folder_clear(&f);
    f = zoo_folder("vit_cls", "{\"model_type\": \"vit\"}", size);
    refuse(&f, "no detector's");
    folder_clear(&f);
    f = zoo_folder("whisper_decoder_past", "{\"model_type\": \"whisper\"}", size);
    refuse(&f, "no detector we know has");
    folder_clear(&f);
}

static void test_bad_picture(void)
{
    g_autoptr(FoveaDetector) detector = deimv2();
    g_autoptr(FoveaDetectorStream) stream = fovea_detector_stream_new(detector, NULL);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    g_autoptr(GError) error = NULL;
    guint8 pixel[3] = {9, 9, 9};
    FoveaImage image = {
        .format = FOVEA_PIXEL_RGB, .width = 1, .height = 1, .plane = {pixel}, .stride = {3}};
    g_assert_true(fovea_detector_stream_run(stream, &image, NULL, found, &error));
    for (guint i = 0; i < found->len; i++)
        g_assert_cmpfloat(g_array_index(found, FoveaDetection, i).x1, <=, 1);
    image.format = FOVEA_PIXEL_NONE;
    g_assert_false(fovea_detector_stream_run(stream, &image, NULL, found, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_assert_cmpuint(found->len, ==, 0);
}

static void add(const char *path, GTestFunc func)
{
    if (shared_folder() != NULL)
        g_test_add_func(path, func);
}

static void test_no_shared(void)
{
    g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (shared_folder() == NULL)
        g_test_add_func("/detect/all", test_no_shared);
    add("/detect/transformers", test_transformers);
    add("/detect/region", test_region);
    add("/detect/threads", test_threads);
    add("/detect/refusals", test_refusals);
    add("/detect/bad-picture", test_bad_picture);
    add("/detect/steady", test_steady);
    return g_test_run();
}
