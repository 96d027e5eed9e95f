/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The CPU backend as a whole, on the models of shared/: a run allocates nothing, two runs give the
 * same bits, and so do one thread and several up to rounding.
 */
#include <math.h>

#include "base/base.h"
#include "fovea/session.h"
#include "tensor/tensor-internal.h"

typedef struct {
    const char *name, *path;
    FoveaInputShape shapes[2];
    guint n;
} Case;

static const Case cases[] = {
    {"deimv2-atto",
     "models/deimv2/deimv2_hgnetv2_atto_coco.onnx",
     {{"images", 4, {1, 3, 320, 320}}, {"orig_target_sizes", 2, {1, 2}}},
     2},
    {"vit_cls", "zoo/vit_cls/model.onnx", {{"image", 4, {1, 3, 72, 72}}}, 1},
    {"swin", "zoo/swin/model.onnx", {{"image", 4, {1, 3, 56, 56}}}, 1},
    {"rt_detr", "zoo/rt_detr/model.onnx", {{"pixel_values", 4, {1, 3, 128, 96}}}, 1},
    {"deformable_detr",
     "zoo/deformable_detr/model.onnx",
     {{"pixel_values", 4, {1, 3, 96, 128}}},
     1},
};

static FoveaSession *open_case(const Case *c, const char *root)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(root, c->path, NULL);
    FoveaModel *model = fovea_model_open(path, NULL, NULL, &error);
    g_assert_no_error(error);
    FoveaDevice *device = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    FoveaPlanParams params = {.shapes = c->shapes, .n_shapes = c->n};
    FoveaPlan *plan = fovea_plan_new(model, device, &params, &error);
    g_assert_no_error(error);
    FoveaSession *session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < fovea_plan_n_inputs(plan); i++) {
        const FoveaIo *io = fovea_plan_input(plan, i);
        g_autoptr(FoveaTensor)
            input = fovea_tensor_new(io->dtype, (guint)io->rank, io->dims, &error);
        g_assert_no_error(error);
        g_autoptr(GRand) rand = g_rand_new_with_seed(7);
        for (gsize k = 0; k < input->n_elements; k++)
            fovea_store_f64(input->dtype, input->data, (gint64)k,
                            io->dtype == FOVEA_DTYPE_F32 ? g_rand_double(rand) : 320);
        g_assert_true(fovea_session_set_input(session, i, input, &error));
    }
    fovea_plan_unref(plan);
    fovea_device_unref(device);
    fovea_model_unref(model);
    return session;
}

static GPtrArray *outputs(FoveaSession *session)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)fovea_tensor_unref);
    for (guint i = 0; i < fovea_plan_n_outputs(fovea_session_plan(session)); i++) {
        g_ptr_array_add(all, fovea_session_get_output(session, i, &error));
        g_assert_no_error(error);
    }
    return all;
}

static void run(FoveaSession *session)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(fovea_session_run(session, &error));
    g_assert_no_error(error);
}

static void steady(gconstpointer data)
{
    const Case *c = data;
    const char *root = g_getenv("FOVEA_SHARED");
    if (root == NULL || !g_file_test(root, G_FILE_TEST_IS_DIR)) {
        g_test_skip("FOVEA_SHARED names no folder");
        return;
    }
    fovea_cpu_set_threads(2);
    FoveaSession *session = open_case(c, root);
    run(session);
    g_autoptr(GPtrArray) first = outputs(session);
    guint64 before = fovea_alloc_count();
    run(session);
    run(session);
    g_assert_cmpuint(fovea_alloc_count() - before, ==, 0);
    g_autoptr(GPtrArray) again = outputs(session);
    fovea_session_free(session);
    fovea_cpu_set_threads(1);
    session = open_case(c, root);
    run(session);
    g_autoptr(GPtrArray) alone = outputs(session);
    fovea_session_free(session);
    for (guint i = 0; i < first->len; i++) {
        const FoveaTensor *a = first->pdata[i], *b = again->pdata[i], *s = alone->pdata[i];
        double range = 0, worst = 0;
        g_assert_cmpmem(a->data, fovea_tensor_n_bytes(a), b->data, fovea_tensor_n_bytes(b));
        for (gsize k = 0; k < a->n_elements; k++) {
            double x = fovea_load_f64(a->dtype, a->data, (gint64)k);
            range = MAX(range, fabs(x));
            worst = MAX(worst, fabs(x - fovea_load_f64(s->dtype, s->data, (gint64)k)));
        }
        g_assert_cmpfloat(range, >, 0);
        g_assert_cmpfloat(worst, <=, 1e-3 * range);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/cpu/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], steady);
    }
    return g_test_run();
}
