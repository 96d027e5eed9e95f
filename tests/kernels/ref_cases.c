/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every operator of ops.list: it has cases, its shape rule gives a shape that its reference can
 * fill on each of them, and pointwise expressions agree with arithmetic done by hand.
 */
#include <math.h>

#include "ops/sample.h"
#include "tensor/tensor-internal.h"

/* Operators whose work is not a reference: who does it is told here. */
static const char *const without_ref[] = {
    "Scalars", /* the session writes the values of expressions */
    "If",
    "Loop",
    "Scan",
};

static gboolean has_no_ref(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(without_ref); i++) {
        if (g_str_equal(without_ref[i], name))
            return TRUE;
    }
    return FALSE;
}

static void run_all_cases(gconstpointer data)
{
    const FoveaOp *op = data;
    guint index = 0;
    for (;; index++) {
        g_autoptr(GError) error = NULL;
        FoveaTensor *out[FOVEA_SAMPLE_MAX_IN] = {NULL};
        FoveaSample sample;
        if (!fovea_sample_open(&sample, op, index, &error)) {
            if (error != NULL)
                g_test_message("case %u", index);
            g_assert_no_error(error);
            break;
        }
        if (!fovea_sample_reference(&sample, out, &error))
            g_test_message("case %u", index);
        g_assert_no_error(error);
        for (guint k = 0; k < sample.node->n_out; k++)
            g_clear_pointer(&out[k], fovea_tensor_unref);
        fovea_sample_close(&sample);
    }
    if (index == 0)
        g_test_message("the operator has no test case");
    g_assert_cmpuint(index, >, 0);
}

/* Mean and Max of nine inputs do not fit one expression: the fold must give what eight inputs and
 * arithmetic say. */
static void nine_inputs(void)
{
    g_autoptr(GError) error = NULL;
    guint found = 0;
    const FoveaOp *op = fovea_op_find("Mean");
    for (guint index = 0;; index++) {
        FoveaSample sample;
        FoveaTensor *out[1] = {NULL};
        FoveaExpr fx;
        if (!fovea_sample_open(&sample, op, index, &error))
            break;
        if (sample.node->n_in == 9 && sample.in[0]->n_elements == sample.in[8]->n_elements) {
            g_assert_false(fovea_node_expr(sample.node, &fx));
            g_assert_true(fovea_sample_reference(&sample, out, &error));
            const double *y = fovea_tensor_data(out[0]);
            for (gsize i = 0; i < out[0]->n_elements; i++) {
                double sum = 0;
                for (guint k = 0; k < 9; k++)
                    sum += ((const float *)sample.in[k]->data)[i];
                g_assert_cmpfloat_with_epsilon(y[i], sum / 9, 1e-12);
            }
            fovea_tensor_unref(out[0]);
            found++;
        }
        fovea_sample_close(&sample);
    }
    g_assert_no_error(error);
    g_assert_cmpuint(found, >, 0);
}

/* relu(MatMul-like result) + bias: operand 0 is what the operator computed. */
static void epilogue(void)
{
    g_autoptr(GError) error = NULL;
    FoveaGraph *graph = fovea_graph_new();
    const FoveaDim dims[] = {fovea_dim(2), fovea_dim(3)};
    FoveaValue *in[3], *out = fovea_graph_add_value(graph, "y");
    for (guint k = 0; k < 3; k++) {
        in[k] = fovea_graph_add_value(graph, NULL);
        fovea_infer_set(in[k], FOVEA_DTYPE_F32, k == 2 ? 1 : 2, k == 2 ? dims + 1 : dims);
    }
    FoveaNode *node = fovea_graph_add_node(graph, fovea_op_find("Concat"), "c", in, 3, &out, 1,
                                           NULL);
    node->fx = g_new0(FoveaExpr, 1);
    node->fx_base = 2;
    fovea_node_set_int(node, "axis", 0);
    guint16 x = fovea_fx_arg(node->fx, 0, FOVEA_FX_F), b = fovea_fx_arg(node->fx, 1, FOVEA_FX_F);
    guint16 relu = fovea_fx_op(node->fx, FX_MAX, x, fovea_fx_const(node->fx, 0), 0);
    fovea_fx_finish(node->fx, fovea_fx_op(node->fx, FX_ADD, relu, b, 0));
    float first[6] = {1, -1, 2, -2, 3, -3}, second[6] = {4, -4, 5, -5, 6, -6};
    float bias[3] = {10, 20, 30}, got[12];
    const float want[12] = {11, 20, 32, 10, 23, 30, 14, 20, 35, 10, 26, 30};
    const FoveaView views[4] = {
        fovea_view_make(FOVEA_DTYPE_F32, 2, (gint64[]){2, 3}, first),
        fovea_view_make(FOVEA_DTYPE_F32, 2, (gint64[]){2, 3}, second),
        fovea_view_make(FOVEA_DTYPE_F32, 1, (gint64[]){3}, bias),
        fovea_view_make(FOVEA_DTYPE_F32, 2, (gint64[]){4, 3}, got),
    };
    const FoveaView *ins[3] = {&views[0], &views[1], &views[2]}, *outs[1] = {&views[3]};
    g_assert_true(fovea_node_run_ref(node, ins, outs, &error));
    for (guint i = 0; i < 12; i++)
        g_assert_cmpfloat(got[i], ==, want[i]);
    fovea_graph_free(graph);
}

/* An index outside its axis is refused with a sentence that names it and the limit; input 1
 * holds the indices. */
static void bad_index(gconstpointer data)
{
    static const gint64 bad[] = {1000, -1000, G_MAXINT64, G_MININT64};
    const FoveaOp *op = fovea_op_find(data);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        FoveaTensor *out[1] = {NULL};
        FoveaSample sample;
        g_autofree char *value = g_strdup_printf("%" G_GINT64_FORMAT, bad[i]);
        g_assert_true(fovea_sample_open(&sample, op, 0, &error));
        fovea_store_i64(sample.in[1]->dtype, sample.in[1]->data, 0, bad[i]);
        g_assert_false(fovea_sample_reference(&sample, out, &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_RANGE);
        g_assert_nonnull(strstr(error->message, value));
        fovea_sample_close(&sample);
    }
}

int main(int argc, char **argv)
{
    guint n;
    const FoveaOp *const *ops = fovea_ops(&n);
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < n; i++) {
        if (has_no_ref(ops[i]->name))
            continue;
        g_autofree char *path = g_strdup_printf("/ref/%s", ops[i]->name);
        g_test_add_data_func(path, ops[i], run_all_cases);
    }
    static const char *const indexed[] = {"Gather",          "GatherElements", "GatherND",
                                          "ScatterElements", "ScatterND",      "ReverseSequence"};
    for (guint i = 0; i < G_N_ELEMENTS(indexed); i++) {
        g_autofree char *path = g_strdup_printf("/ref/bad-index/%s", indexed[i]);
        g_test_add_data_func(path, indexed[i], bad_index);
    }
    g_test_add_func("/ref/nine-inputs", nine_inputs);
    g_test_add_func("/ref/epilogue", epilogue);
    return g_test_run();
}
