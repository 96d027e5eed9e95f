/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a detection model's folder says, and what is refused with a sentence.
 */
#include "folder.h"
#include "task/detect-config.h"

static void load(const Folder *f, FoveaDetectConfig *config)
{
    g_autoptr(GError) error = NULL;
    fovea_detect_config_load(config, f->onnx, &error);
    g_assert_no_error(error);
}

static void refuse(const Folder *f, FoveaError code, const char *words)
{
    g_autoptr(GError) error = NULL;
    FoveaDetectConfig config;
    g_assert_false(fovea_detect_config_load(&config, f->onnx, &error));
    expect_refusal(error, code, words);
    fovea_detect_config_clear(&config);
}

static void test_own(void)
{
    Folder f = folder_new();
    FoveaDetectConfig c;
    folder_put(&f, "labels.txt", "person\nbicycle\n\ntruck\r\n\n");
    folder_put(
        &f, "model.json",
        "{\"task\":\"detect\",\"input_range\":[0,1],\"mean\":[0.5,0.25,0],\"std\":[0.5,1,2],"
        "\"colour\":\"bgr\",\"layout\":\"NCHW\",\"size\":[640,480],\"resize\":\"letterbox\","
        "\"pad_value\":114,\"labels\":\"labels.txt\",\"activation\":\"sigmoid, as trained\"}");
    load(&f, &c);
    g_assert_cmpint(c.scores, ==, FOVEA_SCORES_SIGMOID);
    g_assert_cmpint(c.width, ==, 640);
    g_assert_cmpint(c.height, ==, 480);
    g_assert_cmpint(c.fit, ==, FOVEA_FIT_LETTERBOX);
    g_assert_false(c.pre.pillow);
    g_assert_true(c.pre.bgr);
    g_assert_cmpfloat_with_epsilon(c.pre.scale[0], 2.0 / 255, 1e-7);
    g_assert_cmpfloat_with_epsilon(c.pre.shift[1], -0.25, 1e-7);
    g_assert_cmpfloat_with_epsilon(c.pre.pad[2], 114 / 255.0 / 2, 1e-6);
    g_assert_cmpuint(c.labels->len, ==, 4);
    g_assert_cmpstr(c.labels->pdata[2], ==, "");
    g_assert_cmpstr(c.labels->pdata[3], ==, "truck");
    fovea_detect_config_clear(&c);
    folder_clear(&f);
}

static const char *hub_pixels =
    "{\"do_resize\":true,\"size\":{\"shortest_edge\":800,\"longest_edge\":1333},\"do_rescale\":"
    "true,"
    "\"rescale_factor\":0.00392156862745098,\"do_normalize\":true,\"resample\":2,"
    "\"image_mean\":[0.485,0.456,0.406],\"image_std\":[0.229,0.224,0.225],\"do_pad\":true}";

static void test_hub(void)
{
    Folder f = folder_new();
    FoveaDetectConfig c;
    folder_put(&f, "config.json",
               "{\"model_type\":\"detr\",\"id2label\":{\"0\":\"N/A\",\"10\":\"tree\","
               "\"x\":\"bad\",\"99999999999\":\"far\"}}");
    folder_put(&f, "preprocessor_config.json", hub_pixels);
    load(&f, &c);
    g_assert_cmpint(c.scores, ==, FOVEA_SCORES_SOFTMAX);
    g_assert_true(c.pre.pillow);
    g_assert_cmpint(c.pre.filter, ==, FOVEA_FILTER_BILINEAR);
    g_assert_cmpuint(c.labels->len, ==, 11);
    g_assert_cmpstr(c.labels->pdata[10], ==, "tree");
    g_assert_cmpfloat_with_epsilon(c.pre.scale[0], 1 / 255.0 / 0.229, 1e-7);
    g_assert_cmpfloat_with_epsilon(c.pre.shift[2], -0.406 / 0.225, 1e-6);
    g_assert_cmpfloat(c.pre.pad[0], ==, 0);

    /* Sizes as transformers' get_size_with_aspect_ratio((height, width), 800, 1333) gives them. */
    static const gint sizes[][4] = {{640, 480, 1066, 800},   {480, 640, 800, 1066},
                                    {1920, 1080, 1333, 750}, {800, 1000, 800, 1000},
                                    {3000, 100, 1333, 44},   {1, 1, 800, 800}};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        gint width, height;
        FoveaPlacement p;
        fovea_detect_geometry(&c, 0, 0, sizes[i][0], sizes[i][1], &width, &height, &p);
        g_assert_cmpint(width, ==, sizes[i][2]);
        g_assert_cmpint(height, ==, sizes[i][3]);
        g_assert_cmpint(p.width, ==, width);
        g_assert_cmpint(p.height, ==, height);
    }
    /* A network exported at a fixed size: the picture keeps its shape inside it. */
    gint width, height;
    FoveaPlacement p;
    fovea_detect_geometry(&c, 96, 96, 640, 480, &width, &height, &p);
    g_assert_cmpint(width, ==, 96);
    g_assert_cmpint(p.width, ==, 96);
    g_assert_cmpint(p.height, ==, 72);
    g_assert_cmpint(p.x + p.y, ==, 0);
    fovea_detect_config_clear(&c);
    folder_clear(&f);
}

static void test_hub_types(void)
{
    static const struct {
        const char *json;
        FoveaScores scores;
    } types[] = {
        {"{\"model_type\":\"rt_detr\"}", FOVEA_SCORES_SIGMOID},
        {"{\"model_type\":\"rt_detr\",\"use_focal_loss\":false}", FOVEA_SCORES_SOFTMAX},
        {"{\"model_type\":\"yolos\"}", FOVEA_SCORES_SOFTMAX},
        {"{\"model_type\":\"deformable_detr\"}", FOVEA_SCORES_SIGMOID},
        {"{\"model_type\":\"never_heard_of\"}", FOVEA_SCORES_UNKNOWN},
        {"{\"model_type\":7}", FOVEA_SCORES_UNKNOWN},
    };
    Folder f = folder_new();
    folder_put(&f, "preprocessor_config.json", "{\"size\":{\"height\":640,\"width\":320}}");
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        FoveaDetectConfig c;
        folder_put(&f, "config.json", types[i].json);
        load(&f, &c);
        g_assert_cmpint(c.scores, ==, types[i].scores);
        g_assert_cmpint(c.width, ==, 320);
        g_assert_cmpfloat_with_epsilon(c.pre.scale[0], 1 / 255.0, 1e-8);
        g_assert_false(c.pre.pillow);
        fovea_detect_config_clear(&c);
    }
    folder_clear(&f);
}

static void test_refusals(void)
{
    static const struct {
        const char *json;
        FoveaError code;
        const char *words;
    } own[] = {
        {"{", FOVEA_ERROR_MODEL, "not JSON"},
        {"[1]", FOVEA_ERROR_MODEL, "no JSON object"},
        {"{\"task\":\"restore\"}", FOVEA_ERROR_UNSUPPORTED, "not detection"},
        {"{\"task\":\"detect\"}", FOVEA_ERROR_UNSUPPORTED, "input_range"},
        {"{\"input_range\":[0,1],\"colour\":\"yuv\"}", FOVEA_ERROR_UNSUPPORTED, "colour"},
        {"{\"input_range\":[0,1],\"layout\":\"NHWC\"}", FOVEA_ERROR_UNSUPPORTED, "layout"},
        {"{\"input_range\":[0,1],\"std\":[1,0,1]}", FOVEA_ERROR_UNSUPPORTED, "deviation"},
        {"{\"input_range\":[0,1],\"size\":[0,3]}", FOVEA_ERROR_UNSUPPORTED, "size"},
        {"{\"input_range\":[0,1],\"size\":[1e9,3]}", FOVEA_ERROR_UNSUPPORTED, "size"},
        {"{\"input_range\":[0,1],\"resize\":\"fold\"}", FOVEA_ERROR_UNSUPPORTED, "resize"},
        {"{\"input_range\":[0,1],\"activation\":\"tanh\"}", FOVEA_ERROR_UNSUPPORTED, "activation"},
        {"{\"input_range\":[0,1],\"labels\":\"none.txt\"}", FOVEA_ERROR_IO, "labels"},
    };
    Folder f = folder_new();
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "Neither");
    for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
        folder_put(&f, "model.json", own[i].json);
        refuse(&f, own[i].code, own[i].words);
    }
    folder_take_away(&f, "model.json");
    folder_put(&f, "config.json", "{\"model_type\":\"detr\"}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "no preprocessor_config.json");
    folder_put(&f, "preprocessor_config.json", "{\"size\":{\"depth\":3}}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "size");
    folder_put(&f, "preprocessor_config.json", "{\"do_resize\":false,\"do_normalize\":true}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "image_mean");
    folder_put(&f, "preprocessor_config.json", "{\"do_resize\":false,\"resample\":9}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "resample");
    folder_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/detect/config/own", test_own);
    g_test_add_func("/detect/config/hub", test_hub);
    g_test_add_func("/detect/config/hub-types", test_hub_types);
    g_test_add_func("/detect/config/refusals", test_refusals);
    return g_test_run();
}
