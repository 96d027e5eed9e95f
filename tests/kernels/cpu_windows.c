/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every operator's cases on the CPU with inputs that are turned windows: maps that lie
 * channels-last, matrices that lie column by column. Kernels must read them as they read C order.
 */
#include <math.h>

#include "attention/spec.h"
#include "fovea/session.h"
#include "graph/plan-internal.h"
#include "ops/sample.h"

/* How the memory of input k is turned: rank-4 maps channels-last, others with the last two axes
 * exchanged. FALSE: not turned. */
static gboolean turn_of(const FoveaSample *s, guint k, gint64 *perm)
{
    const FoveaTensor *x = s->in[k];
    if (x == NULL || s->constant[k] || x->rank < 2)
        return FALSE;
    for (guint i = 0; i < x->rank; i++)
        perm[i] = i;
    if (x->rank == 4) { /* memory [N,H,W,C]; the value is its axes 0 3 1 2 */
        perm[1] = 3;
        perm[2] = 1;
        perm[3] = 2;
    } else {
        perm[x->rank - 2] = x->rank - 1;
        perm[x->rank - 1] = x->rank - 2;
    }
    return TRUE;
}

/* The tensor whose axes perm gives x. */
static FoveaTensor *turned(const FoveaTensor *x, const gint64 *perm)
{
    g_autoptr(GError) error = NULL;
    gint64 dims[FOVEA_MAX_RANK];
    for (guint i = 0; i < x->rank; i++)
        dims[perm[i]] = x->dims[i];
    FoveaTensor *to = fovea_tensor_new(x->dtype, x->rank, dims, &error);
    g_assert_no_error(error);
    FoveaView from = fovea_view_of_tensor(x), memory = fovea_view_of_tensor(to), view = memory;
    for (guint i = 0; i < x->rank; i++) {
        view.dims[i] = x->dims[i];
        view.strides[i] = memory.strides[perm[i]];
    }
    fovea_view_copy(&from, &view);
    return to;
}

static void set_type(FoveaValue *value, const FoveaTensor *tensor)
{
    FoveaDim dims[FOVEA_MAX_RANK];
    for (guint i = 0; i < tensor->rank; i++)
        dims[i] = fovea_dim(tensor->dims[i]);
    fovea_infer_set(value, tensor->dtype, (gint)tensor->rank, dims);
}

/* The sample's node in a graph whose inputs are the turned tensors. */
static FoveaGraph *turned_graph(const FoveaSample *s, FoveaTensor **memory)
{
    FoveaGraph *graph = fovea_graph_new();
    FoveaValue *in[FOVEA_SAMPLE_MAX_IN] = {NULL}, *out[FOVEA_SAMPLE_MAX_IN] = {NULL};
    for (guint k = 0; k < s->n_in; k++) {
        gint64 perm[FOVEA_MAX_RANK];
        g_autofree char *name = g_strdup_printf("in%u", k);
        if (s->in[k] == NULL)
            continue;
        if (s->constant[k]) {
            in[k] = fovea_graph_add_constant(graph, name, s->in[k]);
            continue;
        }
        gboolean turns = turn_of(s, k, perm);
        memory[k] = turns ? turned(s->in[k], perm) : fovea_tensor_ref(s->in[k]);
        FoveaValue *input = in[k] = fovea_graph_add_value(graph, name);
        set_type(input, memory[k]);
        fovea_graph_add_input(graph, input);
        if (!turns)
            continue;
        in[k] = fovea_graph_add_value(graph, NULL);
        FoveaNode *turn = fovea_graph_add_node(graph, fovea_op_find("Transpose"), "turn", &input, 1,
                                               &in[k], 1, NULL);
        fovea_node_set_ints(turn, "perm", perm, s->in[k]->rank);
    }
    for (guint k = 0; k < s->node->n_out; k++) {
        g_autofree char *name = g_strdup_printf("out%u", k);
        out[k] = fovea_graph_add_value(graph, name);
    }
    FoveaNode *node = fovea_graph_add_node(graph, s->node->op, "sample", in, s->node->n_in, out,
                                           s->node->n_out, NULL);
    fovea_node_copy_attrs(node, s->node);
    if (s->node->fx != NULL)
        node->fx = g_memdup2(s->node->fx, sizeof *node->fx);
    node->fx_base = s->node->fx_base;
    if (s->node->spec != NULL)
        node->spec = g_memdup2(s->node->spec, sizeof(FoveaAttention));
    for (guint k = 0; k < s->node->n_out; k++)
        fovea_graph_add_output(graph, out[k]);
    return graph;
}

static double off_by(const FoveaTensor *have, const FoveaTensor *want)
{
    double low = INFINITY, high = -INFINITY, worst = 0;
    for (gsize i = 0; i < want->n_elements; i++) {
        double a = fovea_load_f64(want->dtype, want->data, (gint64)i);
        double b = fovea_load_f64(have->dtype, have->data, (gint64)i);
        if (isfinite(a)) {
            low = MIN(low, a);
            high = MAX(high, a);
        }
        if (a == b || (isnan(a) && isnan(b)))
            continue;
        worst = MAX(worst, isfinite(a - b) ? fabs(a - b) : INFINITY);
    }
    double range = MAX(MAX(high - low, fabs(high)), 1e-3);
    return worst == 0 ? 0 : worst / range;
}

static void check_case(FoveaSample *s, FoveaDevice *device, guint index)
{
    g_autoptr(GError) error = NULL;
    FoveaTensor *want[FOVEA_SAMPLE_MAX_IN] = {NULL}, *memory[FOVEA_SAMPLE_MAX_IN] = {NULL};
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .no_passes = TRUE};
    g_assert_true(fovea_sample_reference(s, want, &error));
    FoveaPlan *plan = fovea_plan_new_from_graph(turned_graph(s, memory), device, &params, &error);
    g_assert_no_error(error);
    FoveaSession *session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    for (guint k = 0; k < s->n_in; k++) {
        g_autofree char *name = g_strdup_printf("in%u", k);
        gint input = memory[k] != NULL ? fovea_plan_find_input(plan, name) : -1;
        if (input >= 0)
            g_assert_true(fovea_session_set_input(session, (guint)input, memory[k], &error));
        g_clear_pointer(&memory[k], fovea_tensor_unref);
    }
    if (!fovea_session_run(session, &error))
        g_test_message("case %u", index);
    g_assert_no_error(error);
    for (guint k = 0; k < s->node->n_out; k++) {
        g_autofree char *name = g_strdup_printf("out%u", k);
        gint output = fovea_plan_find_output(plan, name);
        g_autoptr(FoveaTensor) have = fovea_session_get_output(session, (guint)output, &error);
        g_assert_no_error(error);
        double off = off_by(have, want[k]), most = s->tolerance > 0 ? s->tolerance : 2e-5;
        most = fovea_dtype_is_float(want[k]->dtype) ? most : 0;
        if (!(off <= most))
            g_test_message("case %u, output %u: off by %g of the range", index, k, off);
        g_assert_true(off <= most);
        fovea_tensor_unref(want[k]);
    }
    fovea_session_free(session);
    fovea_plan_unref(plan);
}

static void run_operator(gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    FoveaDevice *device = fovea_device_open("cpu", &error);
    FoveaSample sample;
    guint index = 0;
    for (; fovea_sample_open(&sample, data, index, &error); index++) {
        check_case(&sample, device, index);
        fovea_sample_close(&sample);
    }
    g_assert_no_error(error);
    g_assert_cmpuint(index, >, 0);
    fovea_device_unref(device);
}

int main(int argc, char **argv)
{
    static const char *const others[] = {"Scalars", "If", "Loop",
                                         "Scan"}; /* no cases of their own */
    guint n;
    const FoveaOp *const *ops = fovea_ops(&n);
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < n; i++) {
        gboolean skip = FALSE;
        for (guint k = 0; k < G_N_ELEMENTS(others); k++)
            skip |= g_str_equal(ops[i]->name, others[k]);
        g_autofree char *path = g_strdup_printf("/windows/%s", ops[i]->name);
        if (!skip)
            g_test_add_data_func(path, ops[i], run_operator);
    }
    return g_test_run();
}
