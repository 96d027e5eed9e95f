/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How far a network looks, as the graph says it, held against the truth: one pixel of a random
 * picture is changed, and what changes of the output is looked at, on the CPU in f32.
 */
#include "base/base.h"
#include "case.h"
#include "truth.h"

typedef struct Network {
    FoveaModel *model;
    const char *input, *output;
    FoveaReach reach;
} Network;

static gboolean network_open(Network *n, const char *folder, const char *file)
{
    g_autoptr(GError) error = NULL;
    const char *shared = shared_folder();
    memset(n, 0, sizeof *n);
    if (shared == NULL) {
        g_test_skip("there is no shared folder");
        return FALSE;
    }
    g_autofree char *path = g_build_filename(shared, "models", folder, file, NULL);
    n->model = fovea_model_open(path, NULL, NULL, &error);
    g_assert_no_error(error);
    n->input = fovea_model_input(n->model, 0)->name;
    n->output = fovea_model_output(n->model, 0)->name;
    gint64 start = g_get_monotonic_time();
    gboolean found = fovea_reach_find(n->model, n->input, n->output, &n->reach, &error);
    g_assert_no_error(error);
    g_assert_true(found);
    g_test_message("%s: %.0f ms", file, (double)(g_get_monotonic_time() - start) / 1000);
    return TRUE;
}

static void network_close(Network *n)
{
    fovea_reach_clear(&n->reach);
    fovea_model_unref(n->model);
}

static FoveaPlan *plan_for(const Network *n, gint width, gint height)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    FoveaInputShape shape = {.name = n->input, .rank = 4, .dims = {1, 3, height, width}};
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .shapes = &shape, .n_shapes = 1};
    g_assert_no_error(error);
    FoveaPlan *plan = fovea_plan_new(n->model, device, &params, &error);
    g_assert_no_error(error);
    return plan;
}

static void local(gconstpointer data)
{
    const char *const *file = data;
    Network n;
    Truth t;
    if (!network_open(&n, file[0], file[1]))
        return;
    g_assert_false(n.reach.whole);
    g_assert_null(n.reach.why);
    gint room = 2 * MAX(n.reach.left, n.reach.right) + 2 * n.reach.align_x + 7;
    truth_make(&t, plan_for(&n, room, room - 4), &n.reach);
    FoveaReach far = truth_travelled(&t, &n.reach), less = n.reach;
    g_test_message("said %d %d %d %d, seen %d %d %d %d, windows of %d x %d", n.reach.left,
                   n.reach.top, n.reach.right, n.reach.bottom, far.left, far.top, far.right,
                   far.bottom, n.reach.align_x, n.reach.align_y);
    g_assert_true(truth_is_enough(&n.reach, &far));
    less.left--;
    g_assert_false(truth_is_enough(&less, &far));
    less = n.reach;
    less.bottom--;
    g_assert_false(truth_is_enough(&less, &far));
    truth_clear(&t);
    network_close(&n);
}

/* A pixel at the left edge changes what lies more than 100 pixels to the right. */
static void whole(gconstpointer data)
{
    const char *const *file = data;
    Network n;
    Truth t;
    if (!network_open(&n, file[0], file[1]))
        return;
    g_assert_true(n.reach.whole);
    g_assert_cmpint(n.reach.left, ==, 0);
    g_assert_nonnull(n.reach.why);
    g_test_message("%s", n.reach.why);
    if (!g_str_has_prefix(n.reach.why, file[2]))
        g_error("\"%s\" does not begin with \"%s\"", n.reach.why, file[2]);
    truth_make(&t, plan_for(&n, 136, 64), &n.reach);
    FoveaRect rect = truth_changed_by(&t, 4, 32);
    g_assert_cmpint(rect.x1, >, 4 + 100);
    truth_clear(&t);
    network_close(&n);
}

/* The search says so when memory is short, wherever it is. */
static void no_memory(void)
{
    g_autoptr(GError) error = NULL;
    FoveaReach reach;
    Network n;
    if (!network_open(&n, "ntire2024_esr", "team38_span_ch28_slim.onnx"))
        return;
    fovea_alloc_fail_after(-1);
    g_assert_true(fovea_reach_find(n.model, n.input, n.output, &reach, &error));
    fovea_reach_clear(&reach);
    guint calls = fovea_alloc_fail_after(-1);
    g_assert_cmpuint(calls, >, 50);
    for (guint i = 0; i < calls; i += 1 + calls / 40) {
        fovea_alloc_fail_after((gint)i);
        g_assert_false(fovea_reach_find(n.model, n.input, n.output, &reach, &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
        g_clear_error(&error);
    }
    fovea_alloc_fail_after(-1);
    network_close(&n);
}

/* Inputs and outputs that are no pictures. */
static void refused(void)
{
    g_autoptr(GError) error = NULL;
    FoveaReach reach;
    Network n;
    if (!network_open(&n, "ntire2024_esr", "team38_span_ch28_slim.onnx"))
        return;
    g_assert_false(fovea_reach_find(n.model, "no such input", n.output, &reach, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    g_autofree char *path = g_build_filename(shared_folder(), "models", "cct_xs_plate_ocr",
                                             "cct_xs_v1_global.onnx", NULL);
    g_autoptr(FoveaModel) model = fovea_model_open(path, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_false(fovea_reach_find(model, fovea_model_input(model, 0)->name,
                                    fovea_model_output(model, 0)->name, &reach, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED);
    network_close(&n);
}

int main(int argc, char **argv)
{
    static const char *const locals[][2] = {{"ntire2024_esr", "team38_span_ch28_slim.onnx"},
                                            {"ntire2024_esr", "team39_spantiny_ch26_slim.onnx"},
                                            {"ntire2022_esr", "team03_fmen.onnx"},
                                            {"ntire2022_esr", "team20_mobilesr.onnx"}};
    static const char *const wholes[][3] = {
        {"ntire2022_esr", "team30_scet.onnx", "ReduceL2 '"},
        {"camixersr", "CAMixerSR_S_x4.onnx", "GlobalAveragePool '"},
        {"iat", "iat_lol_v1.onnx", "Softmax '"},
        {"iat", "iat_exposure.onnx", "Softmax '"},
        {"ntire2024_esr", "team24_smfan.onnx", "Reduce"}};
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(locals); i++) {
        g_autofree char *path = g_strdup_printf("/reach/local/%s", locals[i][1]);
        g_test_add_data_func(path, locals[i], local);
    }
    for (guint i = 0; i < G_N_ELEMENTS(wholes); i++) {
        g_autofree char *path = g_strdup_printf("/reach/whole/%s", wholes[i][1]);
        g_test_add_data_func(path, wholes[i], whole);
    }
    g_test_add_func("/reach/no-memory", no_memory);
    g_test_add_func("/reach/refused", refused);
    return g_test_run();
}
