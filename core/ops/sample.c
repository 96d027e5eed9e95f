/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Making test cases: random inputs, the graph of one node, and the default cases of pointwise
 * operators.
 */
#include "ops/sample.h"

static FoveaTensor *put(FoveaSample *sample, guint slot, FoveaDtype dtype, guint rank,
                        const gint64 *dims)
{
    g_assert(slot < FOVEA_SAMPLE_MAX_IN); /* a mistake in a sample function, not data */
    g_clear_pointer(&sample->in[slot], fovea_tensor_unref);
    sample->in[slot] = fovea_tensor_new(dtype, rank, dims, NULL);
    g_assert(sample->in[slot] != NULL);
    sample->n_in = MAX(sample->n_in, slot + 1);
    return sample->in[slot];
}

void fovea_sample_f32(FoveaSample *sample, guint slot, guint rank, const gint64 *dims, double low,
                      double high)
{
    FoveaTensor *tensor = put(sample, slot, FOVEA_DTYPE_F32, rank, dims);
    float *data = fovea_tensor_data_mut(tensor);
    for (gsize i = 0; i < tensor->n_elements; i++)
        data[i] = (float)g_rand_double_range(sample->rand, low, high);
}

void fovea_sample_int(FoveaSample *sample, guint slot, FoveaDtype dtype, guint rank,
                      const gint64 *dims, gint64 low, gint64 high)
{
    FoveaTensor *tensor = put(sample, slot, dtype, rank, dims);
    void *data = fovea_tensor_data_mut(tensor);
    for (gsize i = 0; i < tensor->n_elements; i++) {
        double at = g_rand_double(sample->rand) * (double)(high - low);
        fovea_store_i64(dtype, data, (gint64)i, low + MIN((gint64)at, high - low - 1));
    }
}

void fovea_sample_const_ints(FoveaSample *sample, guint slot, const gint64 *values, guint n)
{
    gint64 dims[] = {n};
    FoveaTensor *tensor = put(sample, slot, FOVEA_DTYPE_I64, 1, dims);
    if (n > 0)
        memcpy(fovea_tensor_data_mut(tensor), values, n * sizeof(gint64));
    sample->constant[slot] = TRUE;
}

/* ---- broadcast shapes ---- */

typedef struct {
    guint rank;
    gint64 dims[4];
} Shape;

/* Shapes of inputs 0, 1 and 2 and further; they broadcast together. */
static const Shape shapes[][3] = {
    {{3, {3, 17, 33}}, {3, {3, 17, 33}}, {3, {3, 17, 33}}},
    {{1, {1}}, {1, {1}}, {1, {1}}},
    {{0, {0}}, {0, {0}}, {0, {0}}},
    {{2, {7, 65}}, {1, {65}}, {2, {7, 1}}},
    {{4, {2, 5, 3, 16}}, {3, {5, 1, 1}}, {0, {0}}},
    {{3, {1, 31, 1}}, {3, {4, 1, 15}}, {2, {31, 15}}},
    {{2, {0, 9}}, {2, {0, 9}}, {1, {9}}},
};

guint fovea_sample_n_shapes(void)
{
    return G_N_ELEMENTS(shapes);
}

gboolean fovea_sample_broadcast(FoveaSample *sample, guint shape, FoveaDtype dtype, guint n_in,
                                double low, double high, double low1, double high1)
{
    if (shape >= G_N_ELEMENTS(shapes))
        return FALSE;
    for (guint k = 0; k < n_in; k++) {
        const Shape *use = &shapes[shape][MIN(k, 2)];
        double l = k == 0 ? low : low1, h = k == 0 ? high : high1;
        if (fovea_dtype_is_float(dtype))
            fovea_sample_f32(sample, k, use->rank, use->dims, l, h);
        else if (dtype == FOVEA_DTYPE_BOOL)
            fovea_sample_int(sample, k, dtype, use->rank, use->dims, 0, 2);
        else
            fovea_sample_int(sample, k, dtype, use->rank, use->dims, (gint64)l, (gint64)h);
    }
    return TRUE;
}

gboolean fovea_sample_domain(FoveaSample *sample, guint index, double low, double high)
{
    return fovea_sample_broadcast(sample, index, FOVEA_DTYPE_F32, 1, low, high, low, high);
}

/* ---- the default cases ---- */

static const FoveaDtype tried[] = {FOVEA_DTYPE_F32, FOVEA_DTYPE_I32, FOVEA_DTYPE_I64,
                                   FOVEA_DTYPE_U8, FOVEA_DTYPE_BOOL};

/* The index-th case of all types: shape sets, then (variadic operators) 3 and 9 inputs. */
static gboolean default_case(FoveaSample *sample, const FoveaOp *op, FoveaDtype dtype, guint index)
{
    guint n_in = op->max_in == 255 ? 2 : MAX(op->min_in, 1);
    double low = dtype == FOVEA_DTYPE_U8 ? 0 : -9;
    if (dtype == FOVEA_DTYPE_F32)
        low = -2;
    if (op->max_in == 255 && index >= G_N_ELEMENTS(shapes)) {
        guint more = index - G_N_ELEMENTS(shapes);
        n_in = more == 0 ? 9 : 3;
        index = more == 0 ? 0 : more == 1 ? 3 : G_N_ELEMENTS(shapes);
    }
    return fovea_sample_broadcast(sample, index, dtype, n_in, low, dtype == FOVEA_DTYPE_F32 ? 2 : 9,
                                  low, dtype == FOVEA_DTYPE_F32 ? 2 : 9);
}

static void clear_inputs(FoveaSample *sample)
{
    for (guint k = 0; k < FOVEA_SAMPLE_MAX_IN; k++)
        g_clear_pointer(&sample->in[k], fovea_tensor_unref);
    memset(sample->constant, 0, sizeof sample->constant);
    sample->n_in = 0;
}

/* Replaces sample->node by one that has the inputs and outputs; infers. */
static gboolean link_node(FoveaSample *sample, GError **error)
{
    FoveaValue *in[FOVEA_SAMPLE_MAX_IN] = {NULL}, *out[FOVEA_SAMPLE_MAX_IN] = {NULL};
    FoveaNode *bare = sample->node;
    for (guint k = 0; k < sample->n_in; k++) {
        FoveaTensor *tensor = sample->in[k];
        g_autofree char *name = g_strdup_printf("in%u", k);
        FoveaDim dims[FOVEA_MAX_RANK];
        if (tensor == NULL)
            continue;
        if (sample->constant[k]) {
            in[k] = fovea_graph_add_constant(sample->graph, name, tensor);
            continue;
        }
        for (guint i = 0; i < tensor->rank; i++)
            dims[i] = fovea_dim(tensor->dims[i]);
        in[k] = fovea_graph_add_value(sample->graph, name);
        fovea_infer_set(in[k], tensor->dtype, (gint)tensor->rank, dims);
        fovea_graph_add_input(sample->graph, in[k]);
    }
    for (guint k = 0; k < sample->n_out; k++) {
        g_autofree char *name = g_strdup_printf("out%u", k);
        out[k] = fovea_graph_add_value(sample->graph, name);
    }
    FoveaNode *node = fovea_graph_add_node(sample->graph, bare->op, "sample", in, sample->n_in, out,
                                           sample->n_out, NULL);
    fovea_node_copy_attrs(node, bare);
    node->fx = g_steal_pointer(&bare->fx);
    node->fx_base = bare->fx_base;
    node->spec = g_steal_pointer(&bare->spec);
    fovea_graph_remove_node(sample->graph, bare);
    sample->node = node;
    for (guint k = 0; k < sample->n_out; k++)
        fovea_graph_add_output(sample->graph, out[k]);
    return fovea_node_infer(sample->graph, node, error);
}

static void start(FoveaSample *sample, const FoveaOp *op, guint index)
{
    memset(sample, 0, sizeof *sample);
    sample->rand = g_rand_new_with_seed(g_str_hash(op->name) + index * 2654435761u);
    sample->graph = fovea_graph_new();
    sample->n_out = 1;
    sample->node = fovea_graph_add_node(sample->graph, op, "sample", NULL, 0, NULL, 0, NULL);
}

/* Counts through the types that the operator takes until case `index`. */
static gboolean open_default(FoveaSample *sample, const FoveaOp *op, guint index, GError **error)
{
    guint left = index;
    for (guint t = 0; t < G_N_ELEMENTS(tried); t++) {
        gboolean taken = FALSE;
        for (guint i = 0;; i++) {
            start(sample, op, index);
            if (!default_case(sample, op, tried[t], i)) {
                fovea_sample_close(sample);
                break;
            }
            g_autoptr(GError) refused = NULL;
            gboolean ok = link_node(sample, &refused);
            if (!ok && taken) {
                g_propagate_error(error, g_steal_pointer(&refused));
                fovea_sample_close(sample);
                return FALSE;
            }
            taken |= ok;
            if (ok && left-- == 0)
                return TRUE;
            fovea_sample_close(sample);
            if (!ok)
                break; /* not a type of this operator */
        }
    }
    return FALSE;
}

gboolean fovea_sample_open(FoveaSample *sample, const FoveaOp *op, guint index, GError **error)
{
    if (op->sample == NULL)
        return op->expr != NULL && open_default(sample, op, index, error);
    start(sample, op, index);
    if (op->sample(sample, index) && link_node(sample, error))
        return TRUE;
    fovea_sample_close(sample);
    return FALSE;
}

void fovea_sample_close(FoveaSample *sample)
{
    clear_inputs(sample);
    g_clear_pointer(&sample->rand, g_rand_free);
    g_clear_pointer(&sample->graph, fovea_graph_free);
    sample->node = NULL;
}

static FoveaTensor *new_result(const FoveaValue *value, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    for (gint i = 0; i < value->rank; i++)
        dims[i] = value->dims[i].c;
    if (!fovea_value_is_fixed(value)) {
        fovea_fail(error, FOVEA_ERROR_SHAPE, "A sample's output has no fixed shape");
        return NULL;
    }
    return fovea_tensor_new(fovea_dtype_is_float(value->dtype) ? FOVEA_DTYPE_F64 : value->dtype,
                            (guint)value->rank, dims, error);
}

gboolean fovea_sample_reference(const FoveaSample *sample, FoveaTensor **out, GError **error)
{
    FoveaTensor *wide[FOVEA_SAMPLE_MAX_IN] = {NULL};
    FoveaView views[2 * FOVEA_SAMPLE_MAX_IN];
    const FoveaView *in_view[FOVEA_SAMPLE_MAX_IN] = {NULL}, *out_view[FOVEA_SAMPLE_MAX_IN] = {NULL};
    const FoveaNode *node = sample->node;
    gboolean ok = TRUE;
    memset(out, 0, sizeof *out * node->n_out);
    for (guint k = 0; ok && k < node->n_in; k++) {
        FoveaTensor *tensor = sample->in[k];
        if (tensor == NULL)
            continue;
        wide[k] = fovea_dtype_is_float(tensor->dtype)
                      ? fovea_tensor_convert(tensor, FOVEA_DTYPE_F64, error)
                      : fovea_tensor_ref(tensor);
        ok = wide[k] != NULL;
        if (ok)
            views[k] = fovea_view_of_tensor(wide[k]);
        in_view[k] = &views[k];
    }
    for (guint k = 0; ok && k < node->n_out; k++) {
        if (node->out[k] == NULL)
            continue;
        out[k] = new_result(node->out[k], error);
        ok = out[k] != NULL;
        if (ok)
            views[FOVEA_SAMPLE_MAX_IN + k] = fovea_view_of_tensor(out[k]);
        out_view[k] = &views[FOVEA_SAMPLE_MAX_IN + k];
    }
    ok = ok && fovea_node_run_ref(node, in_view, out_view, error);
    for (guint k = 0; k < FOVEA_SAMPLE_MAX_IN; k++)
        g_clear_pointer(&wide[k], fovea_tensor_unref);
    for (guint k = 0; !ok && k < node->n_out; k++)
        g_clear_pointer(&out[k], fovea_tensor_unref);
    return ok;
}
