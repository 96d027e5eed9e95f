/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Raw detector outputs to detections: against transformers' own post_process_object_detection
 * (data/postprocess.json, made by make_postprocess.py), and what it does not do: clipping, empty
 * boxes, values that are not numbers, chosen classes, letterboxes.
 */
#include <json-glib/json-glib.h>
#include <math.h>

#include "folder.h"
#include "task/postprocess.h"

static float next(guint32 *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1 << 24);
}

/* The config of a hub folder that names only its model type. */
static void config_of_type(const char *type, FoveaDetectConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("{\"model_type\": \"%s\"}", type);
    Folder folder = folder_new();
    folder_put(&folder, "config.json", text);
    folder_put(&folder, "preprocessor_config.json", "{\"do_resize\": false}");
    fovea_detect_config_load(config, folder.onnx, &error);
    g_assert_no_error(error);
    folder_clear(&folder);
}

static GArray *run(FoveaScores kind, gint top_k, const GPtrArray *labels,
                   const FoveaRawDetections *raw, const FoveaBoxMap *map,
                   const FoveaDetectParams *params)
{
    gsize room = fovea_postprocess_room(raw->queries, raw->classes, top_k);
    g_autofree FoveaCandidate *scratch = g_new(FoveaCandidate, room);
    FoveaPostprocess post = {kind, top_k, labels, scratch};
    GArray *found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    fovea_postprocess_run(&post, raw, map, params, found);
    return found;
}

/* Transformers' boxes are not clipped; ours are compared after clipping theirs. */
static void compare_case(JsonObject *o, GArray *found)
{
    JsonArray *scores = json_object_get_array_member(o, "scores");
    JsonArray *labels = json_object_get_array_member(o, "labels");
    JsonArray *boxes = json_object_get_array_member(o, "boxes");
    double size[2] = {json_object_get_int_member(o, "width"),
                      json_object_get_int_member(o, "height")};
    g_assert_cmpuint(found->len, ==, json_array_get_length(scores));
    for (guint i = 0; i < found->len; i++) {
        const FoveaDetection *d = &g_array_index(found, FoveaDetection, i);
        const float box[4] = {d->x0, d->y0, d->x1, d->y1};
        g_assert_cmpfloat_with_epsilon(d->score, json_array_get_double_element(scores, i), 1e-6);
        g_assert_cmpint(d->label_id, ==, json_array_get_int_element(labels, i));
        for (guint k = 0; k < 4; k++) {
            double want = json_array_get_double_element(json_array_get_array_element(boxes, i), k);
            g_assert_cmpfloat_with_epsilon(box[k], CLAMP(want, 0, size[k % 2]), 2e-3);
        }
    }
}

static void check_case(JsonObject *o)
{
    guint32 state = json_object_get_int_member(o, "seed");
    FoveaRawDetections raw = {.queries = json_object_get_int_member(o, "queries"),
                              .classes = json_object_get_int_member(o, "classes")};
    gsize n = (gsize)raw.queries * raw.classes;
    g_autofree float *logits = g_new(float, n), *boxes = g_new(float, raw.queries * 4);
    for (gsize i = 0; i < n; i++)
        logits[i] = next(&state) * 10.0f - 7.0f;
    for (guint i = 0; i < raw.queries * 4; i++)
        boxes[i] = next(&state) * (i % 4 >= 2 ? 0.6f : 1.0f);
    raw.logits = logits;
    raw.boxes = boxes;
    gint width = json_object_get_int_member(o, "width");
    gint height = json_object_get_int_member(o, "height");
    FoveaBoxMap map = {0, 0, width, height, 0, 0, width, height};
    FoveaDetectParams params = {.threshold = json_object_get_double_member(o, "threshold")};
    FoveaDetectConfig config;
    config_of_type(json_object_get_string_member(o, "model_type"), &config);
    g_autoptr(GArray) found = run(config.scores, config.top_k, NULL, &raw, &map, &params);
    compare_case(o, found);
    fovea_detect_config_clear(&config);
}

static void test_transformers(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "postprocess.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonArray *cases = json_node_get_array(json_parser_get_root(parser));
    g_assert_cmpuint(json_array_get_length(cases), ==, 40);
    for (guint i = 0; i < json_array_get_length(cases); i++)
        check_case(json_array_get_object_element(cases, i));
}

static const FoveaBoxMap whole = {0, 0, 1, 1, 0, 0, 100, 80};

static void test_clip_and_drop(void)
{
    static const float boxes[][4] = {{-5, -5, 10, 10},    {90, 70, 130, 90}, {20, 20, 20, 30},
                                     {30, 30, 20, 40},    {-9, 0, -1, 5},    {NAN, 0, 5, 5},
                                     {0, 0, INFINITY, 5}, {1, 2, 3, 4},      {5, 5, 6, 6}};
    static const float scores[] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.9f, 0.9f, NAN, 0.1f};
    static const gint64 labels[] = {0, 1, 0, 0, 0, 0, 0, 0, 9};
    FoveaRawDetections raw = {.queries = 9, .boxes = boxes[0], .scores = scores, .labels = labels};
    FoveaDetectParams params = {0};
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_ptr_array_add(names, (char *)"cat");
    g_ptr_array_add(names, (char *)"dog");
    g_autoptr(GArray) found = run(FOVEA_SCORES_GIVEN, 0, names, &raw, &whole, &params);
    const FoveaDetection *d = (FoveaDetection *)found->data;
    g_assert_cmpuint(found->len, ==, 3);
    g_assert_cmpstr(d[0].label, ==, "cat");
    g_assert_cmpfloat(d[0].x0, ==, 0);
    g_assert_cmpfloat(d[0].y1, ==, 10);
    g_assert_cmpstr(d[1].label, ==, "dog");
    g_assert_cmpfloat(d[1].x1, ==, 100);
    g_assert_cmpfloat(d[1].y1, ==, 80);
    g_assert_cmpint(d[2].label_id, ==, 9); /* a class without a name is still an object */
    g_assert_cmpstr(d[2].label, ==, "");

    const gboolean dogs[] = {FALSE, TRUE};
    params.classes = dogs;
    g_autoptr(GArray) chosen = run(FOVEA_SCORES_GIVEN, 0, names, &raw, &whole, &params);
    g_assert_cmpuint(chosen->len, ==, 1);
    g_assert_cmpint(g_array_index(chosen, FoveaDetection, 0).label_id, ==, 1);
}

static void test_not_numbers(void)
{
    static const float boxes[3][4] = {{50, 40, 20, 20}, {50, 40, 20, 20}, {50, 40, 20, 20}};
    static const float logits[3][3] = {{NAN, 1, 0}, {2, NAN, 0}, {3, 1, -2}};
    FoveaRawDetections raw = {.queries = 3, .classes = 3, .boxes = boxes[0], .logits = logits[0]};
    FoveaDetectParams params = {0};
    g_autoptr(GArray) soft = run(FOVEA_SCORES_SOFTMAX, 0, NULL, &raw, &whole, &params);
    g_assert_cmpuint(soft->len, ==, 1);
    g_assert_cmpint(g_array_index(soft, FoveaDetection, 0).label_id, ==, 0);
    g_autoptr(GArray) pairs = run(FOVEA_SCORES_SIGMOID, 100, NULL, &raw, &whole, &params);
    g_assert_cmpuint(pairs->len, ==, 7);
    for (guint i = 0; i < pairs->len; i++)
        g_assert_false(isnan(g_array_index(pairs, FoveaDetection, i).score));
}

/* A letterbox of 40 x 20 in 16 x 16 has its picture in rows 4..11. */
static void test_letterbox(void)
{
    static const float box[4] = {4, 6, 12, 10}, score = 0.5f;
    static const gint64 label = 0;
    FoveaRawDetections raw = {.queries = 1, .boxes = box, .scores = &score, .labels = &label};
    FoveaBoxMap map = {0, 4, 40.0 / 16, 20.0 / 8, 100, 200, 1000, 1000};
    FoveaDetectParams params = {0};
    g_autoptr(GArray) found = run(FOVEA_SCORES_GIVEN, 0, NULL, &raw, &map, &params);
    const FoveaDetection *d = (FoveaDetection *)found->data;
    g_assert_cmpuint(found->len, ==, 1);
    g_assert_cmpfloat(d->x0, ==, 110);
    g_assert_cmpfloat(d->y0, ==, 205);
    g_assert_cmpfloat(d->x1, ==, 130);
    g_assert_cmpfloat(d->y1, ==, 215);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/detect/postprocess/transformers", test_transformers);
    g_test_add_func("/detect/postprocess/clip-and-drop", test_clip_and_drop);
    g_test_add_func("/detect/postprocess/not-numbers", test_not_numbers);
    g_test_add_func("/detect/postprocess/letterbox", test_letterbox);
    return g_test_run();
}
