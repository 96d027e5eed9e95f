/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The ONNX project's node tests (onnx-node in $FOVEA_SHARED) on one device:
 *     node-tests --device=ref|cpu|vulkan[:N] [-p /node/DEVICE/test_add]
 * `ref` runs the operators' references node by node, without the engine.
 *
 * Every input is offered as a value, so that those that decide a shape, an axis or a branch are
 * bound. A case that needs something Fovea says it does not have (error UNSUPPORTED) counts as
 * skipped; the table at the end says why. Whatever else goes wrong fails. So that no operator is lost
 * without a word, the number of cases that pass must not fall below a floor.
 */
#include <math.h>
#include <stdlib.h>

#include "fovea/fovea.h"
#include "graph/plan-internal.h"
#include "onnx/model-internal.h"
#include "onnx/proto.h"

#define MAX_IO 32

typedef struct {
    char *folder, *name;
    double rtol, atol;
} Case;

static const char *device_spec = "cpu";
static FoveaDevice *device; /* NULL: ref */
static GHashTable *reasons; /* why cases were not run -> how many */
static guint n_passed, n_failed;
static guint n_stepped, n_fallback; /* plans that had something to run; nodes left to the CPU */

static void not_run(const char *why)
{
    const char *after_path = strstr(why, ".onnx: ");
    if (after_path != NULL)
        why = after_path + strlen(".onnx: ");
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(reasons, why));
    g_hash_table_insert(reasons, g_strdup(why), GUINT_TO_POINTER(n + 1));
    g_test_skip(why);
}

/* ---- data sets ---- */

typedef struct {
    FoveaTensor *in[MAX_IO], *out[MAX_IO];
    guint n_in, n_out;
} DataSet;

static FoveaTensor *read_tensor(const char *folder, const char *set, const char *kind, guint index,
                                GError **error)
{
    g_autofree char *file = g_strdup_printf("%s_%u.pb", kind, index);
    g_autofree char *path = g_build_filename(folder, set, file, NULL);
    g_autofree char *data = NULL;
    gsize size;
    if (!g_file_get_contents(path, &data, &size, error))
        return NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_steal_pointer(&data), size);
    return fovea_onnx_read_tensor(bytes, error);
}

static gboolean read_set(const char *folder, const char *set, const FoveaModel *model,
                         DataSet *data, GError **error)
{
    memset(data, 0, sizeof *data);
    data->n_in = MIN(fovea_model_n_inputs(model), MAX_IO);
    data->n_out = MIN(fovea_model_n_outputs(model), MAX_IO);
    for (guint i = 0; i < data->n_in; i++) {
        data->in[i] = read_tensor(folder, set, "input", i, error);
        if (data->in[i] == NULL)
            return FALSE;
    }
    for (guint i = 0; i < data->n_out; i++) {
        data->out[i] = read_tensor(folder, set, "output", i, error);
        if (data->out[i] == NULL)
            return FALSE;
    }
    return TRUE;
}

static void clear_set(DataSet *data)
{
    for (guint i = 0; i < MAX_IO; i++) {
        g_clear_pointer(&data->in[i], fovea_tensor_unref);
        g_clear_pointer(&data->out[i], fovea_tensor_unref);
    }
}

/* ---- comparing ---- */

static double range_of(const FoveaTensor *tensor)
{
    double most = 0;
    for (gsize i = 0; i < tensor->n_elements; i++) {
        double x = fabs(fovea_load_f64(tensor->dtype, tensor->data, (gint64)i));
        most = isfinite(x) ? MAX(most, x) : most;
    }
    return most;
}

/* The case's own tolerances; where the result is stored in few bits, what these can hold: the
 * expected values were rounded at each step of the reference. */
static void tolerances(const Case *test, const FoveaTensor *want, double *rtol, double *atol)
{
    *rtol = test->rtol;
    *atol = test->atol;
    if (want->dtype == FOVEA_DTYPE_F16) {
        *rtol = MAX(*rtol, 5e-3);
        *atol = MAX(*atol, 2e-3 * range_of(want));
    } else if (want->dtype == FOVEA_DTYPE_BF16) {
        *rtol = MAX(*rtol, 2e-2);
        *atol = MAX(*atol, 1e-2 * range_of(want));
    } else if (want->dtype == FOVEA_DTYPE_F32 && device != NULL) {
        /* Sums in another order: the last bits of the largest term. */
        *atol = MAX(*atol, 2e-6 * range_of(want));
    }
}

static gboolean compare(const Case *test, guint output, const FoveaTensor *got,
                        const FoveaTensor *want)
{
    g_autofree char *a = fovea_shape_to_string(got->rank, got->dims);
    g_autofree char *b = fovea_shape_to_string(want->rank, want->dims);
    double rtol, atol;
    if (got->dtype != want->dtype || !g_str_equal(a, b)) {
        g_test_fail_printf("output %u is %s%s, expected is %s%s", output,
                           fovea_dtype_name(got->dtype), a, fovea_dtype_name(want->dtype), b);
        return FALSE;
    }
    tolerances(test, want, &rtol, &atol);
    for (gsize i = 0; i < want->n_elements; i++) {
        double x = fovea_load_f64(got->dtype, got->data, (gint64)i);
        double y = fovea_load_f64(want->dtype, want->data, (gint64)i);
        gboolean ok = x == y || (isnan(x) && isnan(y));
        if (!ok && fovea_dtype_is_float(want->dtype))
            ok = fabs(x - y) <= atol + rtol * fabs(y);
        if (!ok) {
            g_test_fail_printf("output %u: element %" G_GSIZE_FORMAT " is %.9g, expected is %.9g",
                               output, i, x, y);
            return FALSE;
        }
    }
    return TRUE;
}

/* ---- running ---- */

/* Runs what specialising left: nodes whose reference failed while folding, for its error. */
static gboolean run_rest(FoveaGraph *graph, GError **error)
{
    for (FoveaNode *node = graph->first; node != NULL; node = node->next) {
        FoveaView views[2 * MAX_IO] = {0};
        const FoveaView *in[MAX_IO] = {NULL}, *out[MAX_IO] = {NULL};
        for (guint i = 0; i < MIN(node->n_in, MAX_IO); i++) {
            if (node->in[i] == NULL)
                continue;
            if (node->in[i]->constant == NULL)
                return fovea_node_fail(node, error, FOVEA_ERROR_FAILED, "'%s' was not computed",
                                       node->in[i]->name);
            views[i] = fovea_view_of_tensor(node->in[i]->constant);
            in[i] = &views[i];
        }
        for (guint i = 0; i < MIN(node->n_out, MAX_IO); i++) {
            FoveaValue *value = node->out[i];
            gint64 dims[FOVEA_MAX_RANK];
            if (value == NULL)
                continue;
            for (gint k = 0; k < value->rank; k++)
                dims[k] = value->dims[k].c;
            g_autoptr(FoveaTensor)
                made = fovea_tensor_new(value->dtype, (guint)value->rank, dims, error);
            if (made == NULL)
                return FALSE;
            fovea_value_set_constant(value, made);
            views[MAX_IO + i] = fovea_view_of_tensor(made);
            out[i] = &views[MAX_IO + i];
        }
        if (!fovea_node_run_ref(node, in, out, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean run_ref(const FoveaModel *model, const DataSet *data, FoveaTensor **got,
                        GError **error)
{
    g_autoptr(FoveaGraph) graph = fovea_graph_clone(model->graph);
    FoveaValue *needed;
    for (guint i = 0; i < data->n_in; i++)
        fovea_value_set_constant(g_ptr_array_index(graph->inputs, i), data->in[i]);
    if (!fovea_pass_specialise(graph, &needed, error) || !run_rest(graph, error))
        return FALSE;
    for (guint i = 0; i < data->n_out; i++) {
        FoveaValue *value = g_ptr_array_index(graph->outputs, i);
        if (value->constant == NULL)
            return fovea_fail(error, FOVEA_ERROR_FAILED, "Output %u was not computed", i);
        got[i] = fovea_tensor_ref(value->constant);
    }
    return TRUE;
}

static gboolean run_session(FoveaPlan *plan, const FoveaModel *model, const DataSet *data,
                            FoveaTensor **got, GError **error)
{
    g_autoptr(FoveaSession) session = fovea_session_new(plan, error);
    if (session == NULL)
        return FALSE;
    for (guint i = 0; i < data->n_in; i++) {
        gint index = fovea_plan_find_input(plan, fovea_model_input(model, i)->name);
        if (index >= 0 && !fovea_session_set_input(session, (guint)index, data->in[i], error))
            return FALSE;
    }
    if (!fovea_session_run(session, error))
        return FALSE;
    for (guint i = 0; i < data->n_out; i++) {
        gint index = fovea_plan_find_output(plan, fovea_model_output(model, i)->name);
        if (index < 0)
            return fovea_fail(error, FOVEA_ERROR_FAILED, "The plan lost output %u", i);
        got[i] = fovea_session_get_output(session, (guint)index, error);
        if (got[i] == NULL)
            return FALSE;
    }
    return TRUE;
}

static gboolean run_device(FoveaModel *model, const DataSet *data, FoveaTensor **got,
                           GError **error)
{
    FoveaInputValue values[MAX_IO] = {{0}};
    FoveaPlanParams params = {
        .precision = FOVEA_PRECISION_F32, .values = values, .n_values = data->n_in};
    for (guint i = 0; i < data->n_in; i++) {
        values[i].name = fovea_model_input(model, i)->name;
        values[i].value = data->in[i];
    }
    g_autoptr(FoveaPlan) plan = fovea_plan_new(model, device, &params, error);
    if (plan == NULL)
        return FALSE;
    n_stepped += fovea_plan_stats(plan)->steps > 0;
    n_fallback += fovea_plan_stats(plan)->fallback_nodes;
    return run_session(plan, model, data, got, error);
}

/* One data set. FALSE: failed or not run; the test is marked. */
static gboolean run_set(const Case *test, FoveaModel *model, const char *set)
{
    g_autoptr(GError) error = NULL;
    FoveaTensor *got[MAX_IO] = {NULL};
    DataSet data;
    gboolean ok = read_set(test->folder, set, model, &data, &error);
    if (!ok)
        g_test_fail_printf("%s: %s", set, error->message);
    if (ok && !(device == NULL ? run_ref(model, &data, got, &error)
                               : run_device(model, &data, got, &error))) {
        ok = FALSE;
        if (g_error_matches(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED))
            not_run(error->message);
        else
            g_test_fail_printf("%s: %s", set, error->message);
    }
    for (guint i = 0; ok && i < data.n_out; i++)
        ok = compare(test, i, got[i], data.out[i]);
    for (guint i = 0; i < MAX_IO; i++)
        g_clear_pointer(&got[i], fovea_tensor_unref);
    clear_set(&data);
    return ok;
}

static void run_case(gconstpointer user_data)
{
    const Case *test = user_data;
    g_autofree char *path = g_build_filename(test->folder, "model.onnx", NULL);
    g_autoptr(GError) error = NULL;
    guint sets = 0;
    gboolean ok = TRUE;
    g_autoptr(FoveaModel) model = fovea_model_open(path, NULL, NULL, &error);
    if (model == NULL && g_error_matches(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED)) {
        not_run(error->message);
        return;
    }
    if (model == NULL)
        g_test_fail_printf("%s", error->message);
    g_autoptr(GDir) folder = model != NULL ? g_dir_open(test->folder, 0, NULL) : NULL;
    for (const char *entry; ok && folder != NULL && (entry = g_dir_read_name(folder)) != NULL;) {
        if (!g_str_has_prefix(entry, "test_data_set_"))
            continue;
        ok = run_set(test, model, entry);
        sets++;
    }
    if (model != NULL && sets == 0)
        g_test_fail_printf("the case has no data set");
    if (g_test_failed())
        n_failed++;
    else
        n_passed += ok;
}

/* ---- the list ---- */

static void add_case(const char *root, char **columns)
{
    Case *test = g_new0(Case, 1); /* lives as long as the program */
    test->name = g_strdup(columns[0]);
    test->folder = g_build_filename(root, columns[0], NULL);
    test->rtol = g_ascii_strtod(columns[6], NULL);
    test->atol = g_ascii_strtod(columns[7], NULL);
    g_autofree char *path = g_strdup_printf("/node/%s/%s", device_spec, test->name);
    g_test_add_data_func(path, test, run_case);
}

static guint add_cases(const char *root)
{
    g_autofree char *path = g_build_filename(root, "INDEX.tsv", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    guint n = 0;
    if (!g_file_get_contents(path, &text, NULL, &error))
        g_error("%s", error->message);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 1; lines[i] != NULL; i++) {
        g_auto(GStrv) columns = g_strsplit(lines[i], "\t", -1);
        if (g_strv_length(columns) < 9)
            continue;
        add_case(root, columns);
        n++;
    }
    return n;
}

static void no_folder(void)
{
    g_test_skip("FOVEA_SHARED has no folder: the ONNX node tests are not here");
}

static void print_table(guint n_cases)
{
    g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(reasons), (GCompareFunc)strcmp);
    g_print("# %s: %u of %u passed, %u failed; %u plans had steps, %u nodes ran on the CPU for "
            "want of a kernel; not run:\n",
            device_spec, n_passed, n_cases, n_failed, n_stepped, n_fallback);
    for (GList *at = keys; at != NULL; at = at->next)
        g_print("# %4u  %s\n", GPOINTER_TO_UINT(g_hash_table_lookup(reasons, at->data)),
                (const char *)at->data);
}

/* A case that fails must not end the others: GLib wants to be told so in the arguments. */
static void keep_going(int *argc, char ***argv)
{
    char **more = g_new0(char *, *argc + 2); /* GLib keeps pointers into it */
    memcpy(more, *argv, sizeof *more * (gsize)*argc);
    more[(*argc)++] = (char *)"-k";
    *argv = more;
}

int main(int argc, char **argv)
{
    const char *shared = g_getenv("FOVEA_SHARED");
    g_autoptr(GError) error = NULL;
    guint floor = 0;
    gboolean all = TRUE;
    for (int i = 1; i < argc; i++)
        all &= !g_str_equal(argv[i], "-p");
    keep_going(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    for (int i = 1; i < argc; i++) {
        if (g_str_has_prefix(argv[i], "--device="))
            device_spec = argv[i] + strlen("--device=");
        else if (g_str_has_prefix(argv[i], "--floor="))
            floor = (guint)atoi(argv[i] + strlen("--floor="));
    }
    reasons = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (shared == NULL)
        shared = "../shared";
    if (!g_file_test(shared, G_FILE_TEST_IS_DIR)) {
        g_test_add_func("/node/none", no_folder);
        return g_test_run();
    }
    if (!g_str_equal(device_spec, "ref")) {
        device = fovea_device_open(device_spec, &error);
        if (device == NULL)
            g_error("%s", error->message);
    }
    g_autofree char *root = g_build_filename(shared, "onnx-node", NULL);
    guint n = add_cases(root);
    int result = g_test_run();
    print_table(n);
    g_clear_pointer(&device, fovea_device_unref);
    if (all && n_passed < floor) {
        g_printerr("Only %u cases passed; %u did before\n", n_passed, floor);
        return 1;
    }
    return result;
}
