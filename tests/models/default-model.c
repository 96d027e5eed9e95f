/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The restorer in models/: it is as small and as cheap as it has to be, every device computes what
 * ONNX Runtime does (data/default-model-*, made by make_default_model.py), and pictures that
 * it was not trained on come out better than by bicubic interpolation.
 */
#include <glib/gstdio.h>
#include <math.h>

#include "../../pipelines/fovea/picture.h"
#include "case.h"
#include "graph/passes/passes.h"
#include "graph/reach.h"
#include "media/scaler.h"

#define MODEL FOVEA_SOURCE_ROOT "/models/fovea-restore-x2/fovea-restore-x2.onnx"
#define MAX_BYTES (4 * 1000 * 1000)
#define MAX_MACS 20000 /* a pixel of the input */
#define MAX_REACH 32
#define BORDER 4
#define LEAST_GAIN 1.5 /* dB */

static FoveaModel *open_model(void)
{
    GError *error = NULL;
    FoveaModel *model = fovea_model_open(MODEL, NULL, NULL, &error);
    g_assert_no_error(error);
    return model;
}

static FoveaSession *open_session(FoveaModel *model, FoveaDevice *device, gint height, gint width)
{
    GError *error = NULL;
    FoveaInputShape shape = {"input", 4, {1, 3, height, width}};
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .shapes = &shape, .n_shapes = 1};
    g_autoptr(FoveaPlan) plan = fovea_plan_new(model, device, &params, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fovea_plan_stats(plan)->fallback_nodes, ==, 0);
    FoveaSession *session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    return session;
}

static FoveaTensor *run(FoveaSession *session, const FoveaTensor *input)
{
    GError *error = NULL;
    g_assert_true(fovea_session_set_input(session, 0, input, &error));
    g_assert_true(fovea_session_run(session, &error));
    FoveaTensor *output = fovea_session_get_output(session, 0, &error);
    g_assert_no_error(error);
    return output;
}

/* Multiply-adds of all convolutions for a picture; the rest is additions and copies. */
static gint64 count_macs(const FoveaModel *model, gint64 height, gint64 width)
{
    GError *error = NULL;
    FoveaValue *needed = NULL;
    gint64 macs = 0;
    g_autoptr(FoveaGraph) graph = fovea_graph_clone(fovea_model_graph(model));
    FoveaValue *input = g_ptr_array_index(graph->inputs, 0);
    gint64 dims[] = {1, 3, height, width};
    input->rank = 4;
    for (guint i = 0; i < 4; i++)
        input->dims[i] = fovea_dim(dims[i]);
    fovea_pass_specialise(graph, &needed, &error);
    g_assert_no_error(error);
    for (const FoveaNode *node = graph->first; node; node = node->next) {
        g_assert_false(fovea_is_op(node, "MatMul") || fovea_is_op(node, "Gemm") ||
                       fovea_is_op(node, "ConvTranspose"));
        if (!fovea_is_op(node, "Conv"))
            continue;
        const FoveaValue *out = fovea_node_out(node, 0);
        const FoveaTensor *kernel = fovea_node_in(node, 1)->constant;
        g_assert_true(fovea_value_is_fixed(out));
        macs += (gint64)fovea_tensor_n_elements(kernel) *
                fovea_dim_eval(graph->syms, out->dims[2], NULL) *
                fovea_dim_eval(graph->syms, out->dims[3], NULL);
    }
    return macs;
}

static void test_size(void)
{
    GStatBuf file;
    g_autoptr(FoveaModel) model = open_model();
    g_assert_cmpint(g_stat(MODEL, &file), ==, 0);
    g_assert_cmpint(file.st_size, <=, MAX_BYTES);
    gint64 macs = count_macs(model, 64, 96) / (64 * 96);
    g_test_message("%" G_GINT64_FORMAT " multiply-adds a pixel, %" G_GUINT64_FORMAT " parameters",
                   macs, fovea_model_n_parameters(model));
    g_assert_cmpint(macs, >, 0);
    g_assert_cmpint(macs, <=, MAX_MACS);
}

/* Local, so that it runs in tiles, and in small ones. */
static void test_reach(void)
{
    GError *error = NULL;
    FoveaReach reach;
    g_autoptr(FoveaModel) model = open_model();
    g_assert_true(fovea_reach_find(model, "input", "output", &reach, &error));
    g_assert_no_error(error);
    g_test_message("reach %d %d %d %d, aligned to %d x %d", reach.left, reach.top, reach.right,
                   reach.bottom, reach.align_x, reach.align_y);
    g_assert_false(reach.whole);
    g_assert_cmpint(MAX(reach.left, reach.right), <=, MAX_REACH);
    g_assert_cmpint(MAX(reach.top, reach.bottom), <=, MAX_REACH);
    g_assert_cmpint(reach.align_x, ==, 2);
    g_assert_cmpint(reach.align_y, ==, 2);
    g_assert_cmpint(reach.scale_x, ==, 2);
    g_assert_cmpint(reach.scale_y, ==, 2);
    fovea_reach_clear(&reach);
}

static FoveaTensor *read_data(const char *name)
{
    GError *error = NULL;
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", name, NULL);
    FoveaTensor *tensor = fovea_tensor_read_npy(path, &error);
    g_assert_no_error(error);
    return tensor;
}

static void test_numbers(gconstpointer data)
{
    const char *spec = data;
    g_autoptr(FoveaDevice) device = open_or_skip(spec);
    if (device == NULL)
        return;
    g_autoptr(FoveaTensor) input = read_data("default-model-input.npy");
    g_autoptr(FoveaTensor) want = read_data("default-model-output.npy");
    const gint64 *dims = fovea_tensor_dims(input);
    g_autoptr(FoveaModel) model = open_model();
    g_autoptr(FoveaSession) session = open_session(model, device, dims[2], dims[3]);
    g_autoptr(FoveaTensor) got = run(session, input);
    Comparison comparison = {0};
    Tolerance tolerance = {.of_range = tolerance_of_range(FOVEA_PRECISION_F32)};
    compare_tensors(&comparison, "output", want, got, &tolerance);
    g_test_message("worst %g of the range", comparison.worst);
    g_assert_cmpstr(comparison.failure, ==, NULL);
}

static void scale(const FoveaImage *from, const FoveaImage *to)
{
    GError *error = NULL;
    g_autoptr(FoveaScaler)
        scaler = fovea_scaler_new(from->width, from->height, to->width, to->height, &error);
    g_assert_no_error(error);
    g_assert_true(fovea_scaler_run(scaler, from, to, NULL, &error));
    g_assert_no_error(error);
}

static void make_picture(Picture *picture, gint width, gint height)
{
    GError *error = NULL;
    memset(picture, 0, sizeof *picture);
    picture_alloc(picture, "a picture of the test", width, height, 3, &error);
    g_assert_no_error(error);
}

static void restore(const FoveaImage *small, const FoveaImage *large)
{
    GError *error = NULL;
    gsize n = (gsize)small->width * small->height, big = 4 * n;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    g_autoptr(FoveaModel) model = open_model();
    g_autoptr(FoveaSession) session = open_session(model, device, small->height, small->width);
    g_autoptr(FoveaTensor) input =
        fovea_tensor_new(FOVEA_DTYPE_F32, 4, (gint64[]){1, 3, small->height, small->width}, &error);
    float *planes = fovea_tensor_data_mut(input);
    for (gsize i = 0; i < n; i++)
        for (guint c = 0; c < 3; c++)
            planes[c * n + i] =
                small->plane[0][i / small->width * small->stride[0] + i % small->width * 3 + c] /
                255.0f;
    g_autoptr(FoveaTensor) output = run(session, input);
    const float *made = fovea_tensor_data(output);
    for (gsize i = 0; i < big; i++)
        for (guint c = 0; c < 3; c++)
            large->plane[0][i / large->width * large->stride[0] + i % large->width * 3 + c] =
                roundf(CLAMP(made[c * big + i], 0, 1) * 255);
}

static double luma(const FoveaImage *image, gint x, gint y)
{
    const guint8 *pixel = image->plane[0] + (gsize)y * image->stride[0] + (gsize)x * 3;
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

static double psnr(const FoveaImage *a, const FoveaImage *b)
{
    double sum = 0;
    for (gint y = BORDER; y < a->height - BORDER; y++)
        for (gint x = BORDER; x < a->width - BORDER; x++)
            sum += pow(luma(a, x, y) - luma(b, x, y), 2);
    double n = (double)(a->width - 2 * BORDER) * (a->height - 2 * BORDER);
    return 10 * log10(255 * 255 * n / sum);
}

static void test_gain(gconstpointer data)
{
    GError *error = NULL;
    Picture sharp, small, plain, restored;
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
        return;
    }
    g_autofree char *path = g_build_filename(shared_folder(), "train", "restore", "val",
                                             (const char *)data, NULL);
    picture_read(path, &sharp, &error);
    g_assert_no_error(error);
    g_assert_cmpint(sharp.image.format, ==, FOVEA_PIXEL_RGB);
    g_assert_cmpint((sharp.image.width | sharp.image.height) % 4, ==, 0);
    make_picture(&small, sharp.image.width / 2, sharp.image.height / 2);
    make_picture(&plain, sharp.image.width, sharp.image.height);
    make_picture(&restored, sharp.image.width, sharp.image.height);
    scale(&sharp.image, &small.image);
    scale(&small.image, &plain.image);
    restore(&small.image, &restored.image);
    double before = psnr(&plain.image, &sharp.image), after = psnr(&restored.image, &sharp.image);
    g_test_message("bicubic %.2f dB, restored %.2f dB", before, after);
    g_assert_cmpfloat(after - before, >=, LEAST_GAIN);
    picture_clear(&sharp);
    picture_clear(&small);
    picture_clear(&plain);
    picture_clear(&restored);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/default-model/size", test_size);
    g_test_add_func("/default-model/reach", test_reach);
    g_test_add_data_func("/default-model/numbers/cpu", "cpu", test_numbers);
    g_test_add_data_func("/default-model/numbers/vulkan", "vulkan", test_numbers);
    g_test_add_data_func("/default-model/gain/kodim12", "kodim12.png", test_gain);
    g_test_add_data_func("/default-model/gain/kodim20", "kodim20.png", test_gain);
    g_test_add_data_func("/default-model/gain/gb82_grass", "gb82_grass.png", test_gain);
    return g_test_run();
}
