/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a restoration model's folder says, and what is refused with a sentence.
 */
#include "folder.h"
#include "fovea/task.h"
#include "task/restore-config.h"

static void load(const char *onnx, FoveaRestoreConfig *config)
{
    g_autoptr(GError) error = NULL;
    fovea_restore_config_load(config, onnx, &error);
    g_assert_no_error(error);
}

static void refuse(const Folder *f, FoveaError code, const char *words)
{
    g_autoptr(GError) error = NULL;
    FoveaRestoreConfig config;
    g_assert_false(fovea_restore_config_load(&config, f->onnx, &error));
    expect_refusal(error, code, words);
    fovea_restore_config_clear(&config);
}

static void test_own(void)
{
    Folder f = folder_new();
    FoveaRestoreConfig c;
    folder_put(&f, "model.json",
               "{\"task\":\"denoise\",\"scale\":1,\"input_range\":[0,1],\"output_range\":[-1,1],"
               "\"mean\":[0.5,0.25,0],\"std\":[0.5,1,2],\"colour\":\"bgr\",\"layout\":\"NCHW\","
               "\"pad_multiple\":16,\"pad_mode\":\"replicate\",\"max_tile\":96}");
    load(f.onnx, &c);
    g_assert_cmpstr(c.task, ==, "denoise");
    g_assert_cmpint(c.scale, ==, 1);
    g_assert_true(c.bgr);
    g_assert_cmpfloat_with_epsilon(c.in_scale[0], 2.0 / 255, 1e-7);
    g_assert_cmpfloat_with_epsilon(c.in_scale[2], 0.5 / 255, 1e-7);
    g_assert_cmpfloat_with_epsilon(c.in_shift[1], -0.25, 1e-7);
    g_assert_cmpfloat(c.out_scale, ==, 127.5f);
    g_assert_cmpfloat(c.out_shift, ==, 127.5f);
    g_assert_cmpint(c.pad_multiple, ==, 16);
    g_assert_false(c.pad_always);
    g_assert_cmpint(c.pad_mode, ==, FOVEA_PAD_EDGE);
    g_assert_cmpint(c.max_tile, ==, 96);
    g_assert_cmpint(fovea_restore_config_padded(&c, 32), ==, 32);
    g_assert_cmpint(fovea_restore_config_padded(&c, 33), ==, 48);
    g_assert_nonnull(strstr(c.source, "model.json"));
    fovea_restore_config_clear(&c);

    /* What is not said has its documented default, where there is one. */
    folder_put(&f, "model.json", "{\"input_range\":[0,255],\"mean\":null,\"pad_multiple\":null}");
    load(f.onnx, &c);
    g_assert_cmpstr(c.task, ==, "restore");
    g_assert_cmpint(c.scale, ==, 0);
    g_assert_false(c.bgr);
    g_assert_cmpfloat(c.in_scale[1], ==, 1);
    g_assert_cmpfloat(c.in_shift[1], ==, 0);
    g_assert_cmpfloat(c.out_scale, ==, 1);
    g_assert_cmpfloat(c.out_shift, ==, 0);
    g_assert_cmpint(c.pad_multiple, ==, 1);
    g_assert_cmpint(c.pad_mode, ==, FOVEA_PAD_REFLECT);
    g_assert_cmpint(c.max_tile, ==, 0);
    fovea_restore_config_clear(&c);
    folder_clear(&f);
}

/* As caidas/swin2SR-classical-sr-x2-64 has it on the hub. */
static void test_hub(void)
{
    Folder f = folder_new();
    FoveaRestoreConfig c;
    folder_put(
        &f, "config.json",
        "{\"model_type\":\"swin2sr\",\"upscale\":2,\"upsampler\":\"pixelshuffle\",\"img_range\":"
        "1}");
    folder_put(
        &f, "preprocessor_config.json",
        "{\"do_pad\":true,\"do_rescale\":true,\"image_processor_type\":\"Swin2SRImageProcessor\","
        "\"pad_size\":8,\"rescale_factor\":0.00392156862745098}");
    folder_put(&f, "model.onnx", "");
    load(f.onnx, &c);
    g_assert_cmpstr(c.task, ==, "super-resolution");
    g_assert_cmpint(c.scale, ==, 2);
    g_assert_cmpfloat_with_epsilon(c.in_scale[0], 1.0 / 255, 1e-9);
    g_assert_cmpfloat_with_epsilon(c.out_scale, 255, 1e-3);
    g_assert_cmpfloat(c.out_shift, ==, 0);
    g_assert_cmpint(c.pad_multiple, ==, 8);
    g_assert_cmpint(c.pad_mode, ==, FOVEA_PAD_SYMMETRIC);
    g_assert_cmpint(fovea_restore_config_padded(&c, 63), ==, 64);
    g_assert_cmpint(fovea_restore_config_padded(&c, 64), ==, 72);
    fovea_restore_config_clear(&c);
    g_assert_cmpint(fovea_restorer_peek_scale(f.path), ==, 2);

    folder_put(&f, "config.json", "{\"model_type\":\"swin2sr\",\"upscale\":1,\"upsampler\":\"\"}");
    folder_put(&f, "preprocessor_config.json",
               "{\"do_rescale\":false,\"size_divisor\":4,\"image_processor_type\":"
               "\"Swin2SRImageProcessorFast\"}");
    load(f.onnx, &c);
    g_assert_cmpstr(c.task, ==, "restore");
    g_assert_cmpint(c.scale, ==, 1);
    g_assert_cmpfloat(c.in_scale[0], ==, 1);
    g_assert_cmpfloat(c.out_scale, ==, 1);
    g_assert_cmpint(c.pad_multiple, ==, 4);
    fovea_restore_config_clear(&c);

    folder_put(&f, "preprocessor_config.json", "{\"do_pad\":false}");
    load(f.onnx, &c);
    g_assert_cmpint(fovea_restore_config_padded(&c, 61), ==, 61);
    fovea_restore_config_clear(&c);
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
        {"{\"task\":\"detect\",\"input_range\":[0,1]}", FOVEA_ERROR_UNSUPPORTED, "not restoration"},
        {"{\"task\":\"super-resolution\",\"scale\":2}", FOVEA_ERROR_UNSUPPORTED, "input_range"},
        {"{\"input_range\":[0,1],\"scale\":1.5}", FOVEA_ERROR_UNSUPPORTED, "scale"},
        {"{\"input_range\":[0,1],\"scale\":\"4\"}", FOVEA_ERROR_UNSUPPORTED, "scale"},
        {"{\"input_range\":[0,1],\"scale\":1e12}", FOVEA_ERROR_UNSUPPORTED, "scale"},
        {"{\"input_range\":[1,1]}", FOVEA_ERROR_UNSUPPORTED, "range"},
        {"{\"input_range\":[0,1],\"output_range\":[3,3]}", FOVEA_ERROR_UNSUPPORTED, "output_range"},
        {"{\"input_range\":[0,1],\"std\":[1,0,1]}", FOVEA_ERROR_UNSUPPORTED, "deviation"},
        {"{\"input_range\":[0,1],\"colour\":\"yuv\"}", FOVEA_ERROR_UNSUPPORTED, "colour"},
        {"{\"input_range\":[0,1],\"layout\":\"NHWC\"}", FOVEA_ERROR_UNSUPPORTED, "layout"},
        {"{\"input_range\":[0,1],\"pad_multiple\":0}", FOVEA_ERROR_UNSUPPORTED, "pad_multiple"},
        {"{\"input_range\":[0,1],\"pad_multiple\":-8}", FOVEA_ERROR_UNSUPPORTED, "pad_multiple"},
        {"{\"input_range\":[0,1],\"pad_mode\":\"wrap\"}", FOVEA_ERROR_UNSUPPORTED, "pad_mode"},
        {"{\"input_range\":[0,1],\"max_tile\":1e9}", FOVEA_ERROR_UNSUPPORTED, "max_tile"},
    };
    Folder f = folder_new();
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "Neither");
    for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
        folder_put(&f, "model.json", own[i].json);
        refuse(&f, own[i].code, own[i].words);
    }
    folder_take_away(&f, "model.json");
    folder_put(&f, "config.json", "{\"upscale\":2}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "no preprocessor_config.json");
    folder_put(&f, "preprocessor_config.json", "{\"do_pad\":true}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "pad_size");
    folder_put(&f, "preprocessor_config.json", "{\"do_pad\":true,\"pad_size\":{\"height\":8}}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "pad_size");
    folder_put(&f, "preprocessor_config.json", "{\"rescale_factor\":0}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "range");
    folder_put(&f, "config.json", "{\"upscale\":0}");
    refuse(&f, FOVEA_ERROR_UNSUPPORTED, "upscale");
    folder_clear(&f);
}

/* Rows as numpy.pad(arange(4), (9, 9), mode) gives them. */
static void test_pad_source(void)
{
    static const gint reflect[] = {3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1,
                                   2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0};
    static const gint symmetric[] = {0, 0, 1, 2, 3, 3, 2, 1, 0, 0, 1,
                                     2, 3, 3, 2, 1, 0, 0, 1, 2, 3, 3};
    for (gint i = 0; i < 22; i++) {
        g_assert_cmpint(fovea_pad_source(FOVEA_PAD_REFLECT, i - 9, 4), ==, reflect[i]);
        g_assert_cmpint(fovea_pad_source(FOVEA_PAD_SYMMETRIC, i - 9, 4), ==, symmetric[i]);
        g_assert_cmpint(fovea_pad_source(FOVEA_PAD_EDGE, i - 9, 4), ==, CLAMP(i - 9, 0, 3));
        g_assert_cmpint(fovea_pad_source(FOVEA_PAD_ZERO, i - 9, 4), ==,
                        i < 9 || i > 12 ? -1 : i - 9);
        g_assert_cmpint(fovea_pad_source(FOVEA_PAD_REFLECT, i - 9, 1), ==, 0);
        g_assert_cmpint(fovea_pad_source(FOVEA_PAD_SYMMETRIC, i - 9, 1), ==, 0);
    }
}

/* Every restoration model that lies in shared/. */
static void test_shared(void)
{
    static const struct {
        const char *file, *task;
        gint scale, multiple;
        float in_scale, in_shift, out_scale;
    } models[] = {
        {"ntire2024_esr/team38_span_ch28_slim.onnx", "super-resolution", 4, 1, 1 / 255.f, 0, 255},
        {"ntire2024_esr/team00_rlfn.onnx", "super-resolution", 4, 1, 1, 0, 1},
        {"ntire2024_esr/team34_craft.onnx", "super-resolution", 4, 16, 1 / 255.f, 0, 255},
        {"ntire2022_esr/team30_scet.onnx", "super-resolution", 4, 1, 1 / 255.f, 0, 255},
        {"ntire2022_esr/team20_mobilesr.onnx", "super-resolution", 4, 1, 1 / 255.f, 0, 255},
        {"camixersr/CAMixerSR_S_x4.onnx", "super-resolution", 4, 1, 1 / 255.f, 0, 255},
        {"iat/iat_lol_v1.onnx", "low-light", 1, 1, 1 / 255.f, 0, 255},
        {"iat/iat_lol_v2.onnx", "low-light", 1, 1, 2 / 255.f, -1, 255},
        {"iat/iat_exposure.onnx", "exposure", 1, 1, 1 / 255.f, 0, 255},
    };
    const char *shared = g_getenv("FOVEA_SHARED");
    g_autofree char *folder = shared ? g_build_filename(shared, "models", NULL)
                                     : g_build_filename(FOVEA_SOURCE_ROOT, "..", "shared", "models",
                                                        NULL);
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        g_test_skip("shared/models is not there");
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autofree char *path = g_build_filename(folder, models[i].file, NULL);
        FoveaRestoreConfig c;
        load(path, &c);
        g_assert_cmpstr(c.task, ==, models[i].task);
        g_assert_cmpint(c.scale, ==, models[i].scale);
        g_assert_cmpint(c.pad_multiple, ==, models[i].multiple);
        g_assert_cmpfloat_with_epsilon(c.in_scale[1], models[i].in_scale, 1e-7);
        g_assert_cmpfloat_with_epsilon(c.in_shift[1], models[i].in_shift, 1e-7);
        g_assert_cmpfloat_with_epsilon(c.out_scale, models[i].out_scale, 1e-4);
        g_assert_cmpint(fovea_restorer_peek_scale(path), ==, models[i].scale);
        fovea_restore_config_clear(&c);
    }
    /* Not restorers, and nothing at all. */
    g_autofree char *detector = g_build_filename(folder, "deimv2", "deimv2_hgnetv2_atto_coco.onnx",
                                                 NULL);
    g_assert_cmpint(fovea_restorer_peek_scale(detector), ==, 0);
    g_assert_cmpint(fovea_restorer_peek_scale("/nowhere/at/all.onnx"), ==, 0);
    g_assert_cmpint(fovea_restorer_peek_scale(NULL), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/restore/config/own", test_own);
    g_test_add_func("/restore/config/hub", test_hub);
    g_test_add_func("/restore/config/refusals", test_refusals);
    g_test_add_func("/restore/config/pad-source", test_pad_source);
    g_test_add_func("/restore/config/shared", test_shared);
    return g_test_run();
}
