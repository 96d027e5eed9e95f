/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How far a network looks, as the graph says it, held against the truth: one pixel of a random
 * picture is changed, and what changes of the output is looked at, on the CPU in f32.
 */
#include "base/base.h"
#include "case.h"
#include "graph/reach.h"

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

/* A plan for one size, and its answer to a random picture. */
typedef struct Truth {
    gint width, height, scale_x, scale_y;
    FoveaPlan *plan;
    FoveaSession *session;
    FoveaTensor *picture, *base;
} Truth;

static FoveaTensor *answer(Truth *t)
{
    g_autoptr(GError) error = NULL;
    fovea_session_set_input(t->session, 0, t->picture, &error);
    g_assert_no_error(error);
    fovea_session_run(t->session, &error);
    g_assert_no_error(error);
    FoveaTensor *out = fovea_session_get_output(t->session, 0, &error);
    g_assert_no_error(error);
    return out;
}

static void truth_make(Truth *t, const Network *n, gint width, gint height)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    const gint64 dims[] = {1, 3, height, width};
    FoveaInputShape shape = {.name = n->input, .rank = 4, .dims = {1, 3, height, width}};
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .shapes = &shape, .n_shapes = 1};
    GRand *random = g_rand_new_with_seed(5);
    g_assert_no_error(error);
    *t = (Truth){.width = width, .height = height};
    t->scale_x = n->reach.scale_x;
    t->scale_y = n->reach.scale_y;
    t->plan = fovea_plan_new(n->model, device, &params, &error);
    g_assert_no_error(error);
    t->session = fovea_session_new(t->plan, &error);
    g_assert_no_error(error);
    t->picture = fovea_tensor_new(FOVEA_DTYPE_F32, 4, dims, &error);
    g_assert_no_error(error);
    float *values = fovea_tensor_data_mut(t->picture);
    for (gsize i = 0; i < fovea_tensor_n_elements(t->picture); i++)
        values[i] = (float)g_rand_double(random);
    g_rand_free(random);
    t->base = answer(t);
}

static void truth_clear(Truth *t)
{
    fovea_tensor_unref(t->base);
    fovea_tensor_unref(t->picture);
    fovea_session_free(t->session);
    fovea_plan_unref(t->plan);
}

/* Input positions of the output pixels that change when pixel (x, y) does. */
static FoveaRect changed_by(Truth *t, gint x, gint y)
{
    float *values = fovea_tensor_data_mut(t->picture), kept[3];
    gsize plane = (gsize)t->width * t->height, at = (gsize)y * t->width + x;
    for (guint c = 0; c < 3; c++) {
        kept[c] = values[c * plane + at];
        values[c * plane + at] += c == 1 ? -8 : 8;
    }
    g_autoptr(FoveaTensor) out = answer(t);
    for (guint c = 0; c < 3; c++)
        values[c * plane + at] = kept[c];
    const float *a = fovea_tensor_data(t->base), *b = fovea_tensor_data(out);
    gint width = t->width * t->scale_x, height = t->height * t->scale_y;
    FoveaRect rect = {t->width, t->height, 0, 0};
    for (guint c = 0; c < 3; c++) {
        for (gint v = 0; v < height; v++) {
            for (gint u = 0; u < width; u++, a++, b++) {
                gint px = u / t->scale_x, py = v / t->scale_y;
                if (*a == *b)
                    continue;
                rect.x0 = MIN(rect.x0, px);
                rect.y0 = MIN(rect.y0, py);
                rect.x1 = MAX(rect.x1, px + 1);
                rect.y1 = MAX(rect.y1, py + 1);
            }
        }
    }
    return rect;
}

/* How far changes travelled at most, for pixels in the middle at every phase of the alignment:
 * towards larger positions (what looks left and up saw them), and towards smaller ones. */
static FoveaReach travelled(Truth *t, const FoveaReach *reach)
{
    FoveaReach far = {0};
    for (gint k = 0; k < MAX(reach->align_x, reach->align_y); k++) {
        gint x = t->width / 2 + k, y = t->height / 2 + k;
        FoveaRect rect = changed_by(t, x, y);
        g_assert_cmpint(rect.x0, <=, x);
        g_assert_cmpint(rect.y1, >, y);
        far.left = MAX(far.left, rect.x1 - 1 - x);
        far.top = MAX(far.top, rect.y1 - 1 - y);
        far.right = MAX(far.right, x - rect.x0);
        far.bottom = MAX(far.bottom, y - rect.y0);
    }
    return far;
}

static gboolean is_enough(const FoveaReach *said, const FoveaReach *far)
{
    return far->left <= said->left && far->top <= said->top && far->right <= said->right &&
           far->bottom <= said->bottom;
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
    truth_make(&t, &n, room, room - 4);
    FoveaReach far = travelled(&t, &n.reach), less = n.reach;
    g_test_message("said %d %d %d %d, seen %d %d %d %d, windows of %d x %d", n.reach.left,
                   n.reach.top, n.reach.right, n.reach.bottom, far.left, far.top, far.right,
                   far.bottom, n.reach.align_x, n.reach.align_y);
    g_assert_true(is_enough(&n.reach, &far));
    less.left--;
    g_assert_false(is_enough(&less, &far));
    less = n.reach;
    less.bottom--;
    g_assert_false(is_enough(&less, &far));
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
    truth_make(&t, &n, 136, 64);
    FoveaRect rect = changed_by(&t, 4, 32);
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
