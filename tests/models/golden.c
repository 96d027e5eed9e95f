/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Goldens and zoo entries on every device and precision: one test each, and a table at the end.
 *
 * usage: golden [--device=SPEC]... [--precision=P]... [--all] [GTest options]
 * Without these: cpu f32, vulkan f32, vulkan f16. --all also lists the entries that are not yet in
 * scope; they are told in the table, and do not fail.
 */
#include <math.h>
#include <stdio.h>

#include "case.h"
#include "graph/plan-internal.h"
#include "vulkan/debug.h"

static const struct {
    const char *kind, *name;
} in_scope[] = {
    {"golden", "deimv2__deimv2_hgnetv2_atto_coco"},
    {"golden", "deimv2__deimv2_hgnetv2_femto_coco"},
    {"golden", "camixersr__CAMixerSR_S_x4"},
    {"golden", "camixersr__CAMixerSR_S_x4_37x29"},
    {"golden", "iat__iat_exposure"},
    {"golden", "iat__iat_exposure_97x61"},
    {"golden", "iat__iat_lol_v1"},
    {"golden", "iat__iat_lol_v1_97x61"},
    {"golden", "ntire2022_esr__team20_mobilesr"},
    {"golden", "ntire2022_esr__team20_mobilesr_97x61"},
    {"golden", "ntire2022_esr__team30_scet"},
    {"golden", "ntire2022_esr__team30_scet_37x29"},
    {"golden", "ntire2024_esr__team38_span_ch28_slim"},
    {"golden", "whisper-tiny.en__decoder_prefill"},
    {"golden", "whisper-tiny.en__encoder"},
    {"zoo", "deformable_detr"},
    {"zoo", "detr"},
    {"zoo", "rt_detr"},
    {"zoo", "swin"},
    {"zoo", "vit_cls"},
    {"zoo", "whisper_decoder_past"},
};

typedef struct Run {
    char *kind, *name, *device;
    FoveaPrecision precision;
} Run;

static gboolean is_in_scope(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(in_scope); i++)
        if (g_str_equal(in_scope[i].name, name))
            return TRUE;
    return FALSE;
}

static GString *table;
static const char *precision_names[] = {"auto", "f32", "f16", "bf16"};

static void add_row(const Run *run, const char *what, const Comparison *c, const char *why_not)
{
    g_string_append_printf(table, "# | %-34s | %-8s | %-4s | ", what, run->device,
                           precision_names[run->precision]);
    if (why_not)
        g_string_append_printf(table, "%s |\n", why_not);
    else if (c->failure)
        g_string_append_printf(table, "FAILS: %s |\n", c->failure);
    else
        g_string_append_printf(table, "%.2e |\n", c->worst);
}

/* The plan of a case run once; outputs NULL: the model's. */
static FoveaSession *run_once(const Case *c, const Run *run, FoveaModel *model, FoveaDevice *device,
                              const char *const *outputs, guint n_outputs, GError **error)
{
    FoveaPlanParams params = {
        .precision = run->precision, .outputs = outputs, .n_outputs = n_outputs};
    case_params(c, &params);
    g_autoptr(FoveaPlan) plan = fovea_plan_new(model, device, &params, error);
    g_free((gpointer)params.shapes);
    g_free((gpointer)params.values);
    if (plan == NULL)
        return NULL;
    if (fovea_plan_stats(plan)->fallback_nodes > 0 && is_in_scope(run->name)) {
        g_autofree char *told = fovea_plan_describe(plan);
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_FAILED, "%u nodes without a kernel: %s",
                    fovea_plan_stats(plan)->fallback_nodes, told);
        return NULL;
    }
    g_autoptr(FoveaSession) session = fovea_session_new(plan, error);
    if (session == NULL || !case_set_inputs(c, session, error) ||
        !fovea_session_run(session, error))
        return NULL;
    return g_steal_pointer(&session);
}

static FoveaTensor *read_output(FoveaSession *session, const char *name, GError **error)
{
    gint index = fovea_plan_find_output(fovea_session_plan(session), name);
    if (index >= 0)
        return fovea_session_get_output(session, index, error);
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_FAILED, "there is no output %s", name);
    return NULL;
}

static gboolean compare_rows(Comparison *c, const Case *golden, const Run *run,
                             FoveaSession *session, GError **error)
{
    gboolean exact = run->precision == FOVEA_PRECISION_F32;
    DetectionRows want = {case_output(golden, "labels"), case_output(golden, "boxes"),
                          case_output(golden, "scores")};
    g_autoptr(FoveaTensor) labels = read_output(session, "labels", error);
    g_autoptr(FoveaTensor) boxes = labels ? read_output(session, "boxes", error) : NULL;
    g_autoptr(FoveaTensor) scores = boxes ? read_output(session, "scores", error) : NULL;
    if (scores == NULL)
        return FALSE;
    DetectionRows got = {labels, boxes, scores};
    compare_finite(c, "boxes", boxes);
    compare_finite(c, "scores", scores);
    compare_detections(c, &want, &got, exact ? 0.05 : 0.3, exact ? 2e-3 : 0.02);
    return TRUE;
}

static gboolean compare_outputs(Comparison *c, const Case *golden, const Run *run,
                                FoveaSession *session, gboolean finite_only, GError **error)
{
    for (guint i = 0; i < golden->outputs->len; i++) {
        const NamedTensor *want = &g_array_index(golden->outputs, NamedTensor, i);
        g_autoptr(FoveaTensor) got = read_output(session, want->name, error);
        Tolerance tolerance;
        if (got == NULL)
            return FALSE;
        case_tolerance(golden, want->name, run->precision, &tolerance);
        if (finite_only)
            compare_finite(c, want->name, got);
        else
            compare_tensors(c, want->name, want->tensor, got, &tolerance);
    }
    return TRUE;
}

/* ---- what feeds a TopK, at half precision ---- */

static GPtrArray *topk_inputs(const FoveaModel *model)
{
    GPtrArray *names = g_ptr_array_new();
    for (FoveaNode *node = fovea_model_graph(model)->first; node; node = node->next)
        if (g_str_equal(node->op->name, "TopK"))
            g_ptr_array_add(names, (gpointer)node->in[0]->name);
    return names;
}

/* ONNX Runtime's values of a cut (data/topk.json, made by make_topk.py). */
static FoveaTensor *topk_reference(const char *entry, const char *name, GError **error)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "topk.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    if (!json_parser_load_from_file(parser, path, error))
        return NULL;
    JsonObject *all = json_node_get_object(json_parser_get_root(parser));
    JsonObject *cuts = json_object_has_member(all, entry)
                           ? json_object_get_object_member(all, entry)
                           : NULL;
    if (cuts == NULL || !json_object_has_member(cuts, name)) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_FAILED,
                    "data/topk.json lacks %s of %s: run make_topk.py", name, entry);
        return NULL;
    }
    JsonObject *cut = json_object_get_object_member(cuts, name);
    JsonArray *shape = json_object_get_array_member(cut, "shape");
    JsonArray *values = json_object_get_array_member(cut, "values");
    gint64 dims[FOVEA_MAX_RANK];
    for (guint i = 0; i < json_array_get_length(shape); i++)
        dims[i] = json_array_get_int_element(shape, i);
    FoveaTensor *tensor = fovea_tensor_new(FOVEA_DTYPE_F32, json_array_get_length(shape), dims,
                                           error);
    for (guint i = 0; tensor && i < json_array_get_length(values); i++)
        ((float *)fovea_tensor_data_mut(tensor))[i] = json_array_get_double_element(values, i);
    return tensor;
}

static gboolean compare_topk(Comparison *c, const Case *golden, const Run *run, FoveaModel *model,
                             FoveaDevice *device, GError **error)
{
    g_autoptr(GPtrArray) names = topk_inputs(model);
    if (names->len == 0) {
        c->failure = g_strdup("meta.json says topk_rows, but the graph has no TopK");
        return TRUE;
    }
    g_autoptr(FoveaSession) session =
        run_once(golden, run, model, device, (const char *const *)names->pdata, names->len, error);
    Tolerance tolerance = {.of_range = tolerance_of_range(run->precision)};
    for (guint i = 0; session && i < names->len; i++) {
        g_autoptr(FoveaTensor) got = read_output(session, names->pdata[i], error);
        g_autoptr(FoveaTensor) want = got ? topk_reference(run->name, names->pdata[i], error)
                                          : NULL;
        if (want == NULL)
            return FALSE;
        compare_tensors(c, names->pdata[i], want, got, &tolerance);
    }
    return session != NULL;
}

/* ---- one case ---- */

static gboolean run_case(const Case *golden, const Run *run, FoveaDevice *device, Comparison *c,
                         GError **error)
{
    g_autoptr(FoveaModel) model = fovea_model_open(golden->model, NULL, NULL, error);
    gboolean half = run->precision != FOVEA_PRECISION_F32;
    if (model == NULL)
        return FALSE;
    if (golden->topk_rows && half && !compare_topk(c, golden, run, model, device, error))
        return FALSE;
    g_autoptr(FoveaSession) session = run_once(golden, run, model, device, NULL, 0, error);
    if (session == NULL)
        return FALSE;
    if (case_output(golden, "labels") && case_output(golden, "scores"))
        return compare_rows(c, golden, run, session, error);
    return compare_outputs(c, golden, run, session, golden->topk_rows && half, error);
}

/* Both runs of an entry. Returns NULL, or why it failed (g_free). */
static char *check_entry(const Run *run, FoveaDevice *device)
{
    for (gboolean second = FALSE; second <= TRUE; second++) {
        Case golden;
        Comparison c = {0};
        GError *error = NULL;
        g_autofree char *what = g_strdup_printf("%s%s", run->name, second ? " (second run)" : "");
        gboolean ok = case_load(&golden, run->kind, run->name, second, &error) &&
                      run_case(&golden, run, device, &c, &error);
        gboolean more = ok && case_has_second(&golden);
        case_clear(&golden);
        if (!ok && c.failure == NULL)
            c.failure = g_strdup(error ? error->message : "no reason given");
        g_clear_error(&error);
        add_row(run, what, &c, NULL);
        if (c.failure)
            return g_strdup_printf("%s: %s", what, c.failure);
        if (!more)
            break;
    }
    return NULL;
}

static FoveaDevice *open_device(const Run *run, char **why_not)
{
    GError *error = NULL;
    FoveaDevice *device = fovea_device_open(run->device, &error);
    if (device == NULL) {
        *why_not = g_strdup_printf("skipped: %s", error->message);
        g_error_free(error);
        return NULL;
    }
    const FoveaDeviceInfo *info = fovea_device_info(device);
    if ((run->precision == FOVEA_PRECISION_F16 && !info->f16) ||
        (run->precision == FOVEA_PRECISION_BF16 && !info->bf16)) {
        *why_not = g_strdup_printf("skipped: %s has no %s", info->name,
                                   precision_names[run->precision]);
        fovea_device_unref(device);
        return NULL;
    }
    return device;
}

/* Messages of Vulkan's validation layer so far, where FOVEA_VULKAN_VALIDATE switched it on. */
static guint validation_messages(void)
{
#ifdef FOVEA_HAVE_VULKAN
    return fovea_vulkan_messages();
#else
    return 0;
#endif
}

static void test_entry(gconstpointer data)
{
    const Run *run = data;
    g_autofree char *why_not = NULL;
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
        return;
    }
    g_autoptr(FoveaDevice) device = open_device(run, &why_not);
    if (device == NULL) {
        add_row(run, run->name, NULL, why_not);
        if (g_getenv("FOVEA_NEED_DEVICE")) /* where the device is what the test is for */
            g_test_fail_printf("%s", why_not);
        else
            g_test_skip(why_not);
        return;
    }
    guint messages = validation_messages();
    g_autofree char *failure = check_entry(run, device);
    if (failure)
        g_test_fail_printf("%s", failure);
    if (validation_messages() != messages)
        g_test_fail_printf("%u validation messages", validation_messages() - messages);
}

/* ---- the comparison compared ---- */

static FoveaTensor *tensor_of(FoveaDtype dtype, guint n, guint last, const double *values)
{
    gint64 dims[2] = {n / last, last};
    FoveaTensor *t = fovea_tensor_new(dtype, last > 1 ? 2 : 1, dims, NULL);
    for (guint i = 0; i < n; i++)
        fovea_store_f64(dtype, t->data, i, values[i]);
    return t;
}

static gboolean tensors_pass(const double *want, const double *got, guint n, Tolerance tolerance)
{
    Comparison c = {0};
    g_autoptr(FoveaTensor) a = tensor_of(FOVEA_DTYPE_F32, n, 1, want);
    g_autoptr(FoveaTensor) b = tensor_of(FOVEA_DTYPE_F32, n, 1, got);
    compare_tensors(&c, "x", a, b, &tolerance);
    gboolean ok = c.failure == NULL;
    g_free(c.failure);
    return ok;
}

static void test_spoiled_tensors(void)
{
    static const double want[4] = {-1, 0, 1, 3};
    Tolerance ranged = {.of_range = 2e-3}, given = {.atol = 1e-3, .rtol = 1e-2};
    g_assert_true(tensors_pass(want, want, 4, ranged));
    g_assert_true(tensors_pass(want, (double[]){-1, 0.007, 1, 3}, 4, ranged));
    g_assert_false(tensors_pass(want, (double[]){-1, 0.009, 1, 3}, 4, ranged));
    g_assert_true(tensors_pass(want, (double[]){-1, 0, 1, 3.03}, 4, given));
    g_assert_false(tensors_pass(want, (double[]){-1, 0.002, 1, 3}, 4, given));
    g_assert_false(tensors_pass(want, (double[]){-1, NAN, 1, 3}, 4, ranged));
    g_assert_false(tensors_pass(want, (double[]){-1, 0, 1, INFINITY}, 4, ranged));
    g_assert_true(tensors_pass((double[]){NAN, 1}, (double[]){NAN, 1}, 2, ranged));
    g_assert_false(tensors_pass((double[]){NAN, 1}, (double[]){0, 1}, 2, ranged));

    Comparison c = {0};
    g_autoptr(FoveaTensor) a = tensor_of(FOVEA_DTYPE_I64, 4, 1, want);
    g_autoptr(FoveaTensor) b = tensor_of(FOVEA_DTYPE_I64, 4, 1, (double[]){-1, 0, 2, 3});
    compare_tensors(&c, "x", a, b, &ranged);
    g_assert_nonnull(c.failure);
    g_clear_pointer(&c.failure, g_free);
    g_autoptr(FoveaTensor) flat = tensor_of(FOVEA_DTYPE_F32, 4, 2, want);
    g_autoptr(FoveaTensor) line = tensor_of(FOVEA_DTYPE_F32, 4, 1, want);
    compare_tensors(&c, "x", line, flat, &ranged);
    g_assert_nonnull(c.failure);
    g_clear_pointer(&c.failure, g_free);
}

static gboolean rows_pass(const double *labels, const double *boxes, const double *scores)
{
    static const double l[3] = {1, 1, 2}, s[3] = {0.9, 0.5, 0.04};
    static const double b[12] = {0, 0, 100, 100, 50, 50, 150, 250, 3, 3, 4, 4};
    Comparison c = {0};
    DetectionRows want = {tensor_of(FOVEA_DTYPE_I64, 3, 1, l), tensor_of(FOVEA_DTYPE_F32, 12, 4, b),
                          tensor_of(FOVEA_DTYPE_F32, 3, 1, s)};
    DetectionRows got = {tensor_of(FOVEA_DTYPE_I64, 3, 1, labels ? labels : l),
                         tensor_of(FOVEA_DTYPE_F32, 12, 4, boxes ? boxes : b),
                         tensor_of(FOVEA_DTYPE_F32, 3, 1, scores ? scores : s)};
    compare_detections(&c, &want, &got, 0.05, 2e-3);
    gboolean ok = c.failure == NULL;
    g_free(c.failure);
    const FoveaTensor *all[] = {want.labels, want.boxes, want.scores,
                                got.labels,  got.boxes,  got.scores};
    for (guint i = 0; i < 6; i++)
        fovea_tensor_unref((FoveaTensor *)all[i]);
    return ok;
}

static void test_spoiled_rows(void)
{
    g_assert_true(rows_pass(NULL, NULL, NULL));
    /* The order does not count, and a row below the threshold may be anything. */
    g_assert_true(rows_pass((double[]){1, 1, 7},
                            (double[]){50, 50, 150, 250, 0, 0, 100, 100, 9, 9, 10, 10},
                            (double[]){0.5, 0.9, 0.01}));
    g_assert_false(rows_pass((double[]){1, 2, 2}, NULL, NULL));
    g_assert_false(rows_pass(NULL, (double[]){0, 0, 100, 97, 50, 50, 150, 250, 3, 3, 4, 4}, NULL));
    g_assert_false(rows_pass(NULL, NULL, (double[]){0.9, 0.497, 0.04}));
    /* Invented: the third row gains score. */
    g_assert_false(rows_pass(NULL, NULL, (double[]){0.9, 0.5, 0.06}));
    /* One row cannot stand for two. */
    g_assert_false(rows_pass(NULL, (double[]){0, 0, 100, 100, 0, 0, 100, 100, 3, 3, 4, 4},
                             (double[]){0.9, 0.9, 0.04}));
    g_assert_false(rows_pass(NULL, NULL, (double[]){NAN, 0.5, 0.04}));
}

/* A model's own output, spoiled in one element by twice the tolerance, is caught. */
static void test_spoiled_output(void)
{
    Case c;
    GError *error = NULL;
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
        return;
    }
    case_load(&c, "zoo", "vit_cls", FALSE, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(c.outputs->len, ==, 2);
    for (guint i = 0; i < c.outputs->len; i++) {
        const NamedTensor *named = &g_array_index(c.outputs, NamedTensor, i);
        g_autoptr(FoveaTensor) got = fovea_tensor_convert(named->tensor, FOVEA_DTYPE_F32, NULL);
        Comparison good = {0}, bad = {0};
        Tolerance t;
        case_tolerance(&c, named->name, FOVEA_PRECISION_F32, &t);
        compare_tensors(&good, named->name, named->tensor, got, &t);
        g_assert_null(good.failure);
        float *data = fovea_tensor_data_mut(got), low = data[0], high = data[0];
        for (gsize k = 0; k < fovea_tensor_n_elements(got); k++) {
            low = MIN(low, data[k]);
            high = MAX(high, data[k]);
        }
        data[fovea_tensor_n_elements(got) / 2] += 4e-3f * (high - low);
        compare_tensors(&bad, named->name, named->tensor, got, &t);
        g_assert_nonnull(bad.failure);
        g_free(bad.failure);
    }
    case_clear(&c);
}

/* ---- which tests there are ---- */

static GPtrArray *devices;
static GArray *precisions;

/* Takes our own options out of argv. */
static gboolean parse_options(int *argc, char **argv)
{
    gboolean all = FALSE;
    int kept = 1;
    devices = g_ptr_array_new();
    precisions = g_array_new(FALSE, FALSE, sizeof(FoveaPrecision));
    for (int i = 1; i < *argc; i++) {
        FoveaPrecision precision;
        if (g_str_has_prefix(argv[i], "--device="))
            g_ptr_array_add(devices, argv[i] + 9);
        else if (g_str_has_prefix(argv[i], "--precision=") &&
                 fovea_precision_parse(argv[i] + 12, &precision, NULL))
            g_array_append_val(precisions, precision);
        else if (g_str_equal(argv[i], "--all"))
            all = TRUE;
        else
            argv[kept++] = argv[i];
    }
    *argc = kept;
    return all;
}

/* Its 1,700 nodes take minutes on lavapipe: with FOVEA_TEST_FULL, or where a GPU is what the test is
 * for. */
static gboolean is_left_out(const char *name, const char *device)
{
    return g_str_equal(name, "camixersr__CAMixerSR_S_x4") && !g_str_equal(device, "cpu") &&
           g_getenv("FOVEA_TEST_FULL") == NULL && g_getenv("FOVEA_NEED_DEVICE") == NULL;
}

static void add_tests(const char *device, FoveaPrecision precision)
{
    for (guint i = 0; i < G_N_ELEMENTS(in_scope); i++) {
        if (is_left_out(in_scope[i].name, device))
            continue;
        Run *run = g_new0(Run, 1);
        *run = (Run){(char *)in_scope[i].kind, (char *)in_scope[i].name, (char *)device, precision};
        g_autofree char *path = g_strdup_printf("/golden/%s/%s/%s", run->name, device,
                                                precision_names[precision]);
        g_test_add_data_func_full(path, run, test_entry, g_free);
    }
}

static void add_all_tests(void)
{
    for (guint i = 0; i < devices->len; i++)
        for (guint k = 0; k < precisions->len; k++)
            add_tests(devices->pdata[i], g_array_index(precisions, FoveaPrecision, k));
    if (devices->len > 0)
        return;
    add_tests("cpu", FOVEA_PRECISION_F32);
    add_tests("vulkan", FOVEA_PRECISION_F32);
    add_tests("vulkan", FOVEA_PRECISION_F16);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Entries that are not yet promised: listed, not tested. */
static void list_the_rest(const char *kind, const char *device)
{
    g_autofree char *path = g_build_filename(shared_folder(), kind, NULL);
    GDir *dir = g_dir_open(path, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; dir && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *meta = g_build_filename(path, name, "meta.json", NULL);
        if (!is_in_scope(name) && g_file_test(meta, G_FILE_TEST_EXISTS))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_clear_pointer(&dir, g_dir_close);
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len; i++) {
        Run run = {(char *)kind, names->pdata[i], (char *)device, FOVEA_PRECISION_F32};
        g_autofree char *why_not = NULL;
        g_autoptr(FoveaDevice) opened = open_device(&run, &why_not);
        if (opened)
            g_free(check_entry(&run, opened));
    }
}

int main(int argc, char **argv)
{
    gboolean all = parse_options(&argc, argv);
    if (devices->len > 0 && precisions->len == 0) {
        FoveaPrecision both[] = {FOVEA_PRECISION_F32, FOVEA_PRECISION_F16};
        g_array_append_vals(precisions, both, 2);
    }
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    table = g_string_new("# | model | device | precision | worst error of the range |\n");
    g_test_add_func("/golden/self/tensors", test_spoiled_tensors);
    g_test_add_func("/golden/self/rows", test_spoiled_rows);
    g_test_add_func("/golden/self/output", test_spoiled_output);
    add_all_tests();
    int status = g_test_run();
    if (all && shared_folder()) {
        list_the_rest("zoo", devices->len ? devices->pdata[0] : "cpu");
        list_the_rest("golden", devices->len ? devices->pdata[0] : "cpu");
    }
    fputs(table->str, stdout);
    return status;
}
