/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/topk.c: TopK.
 *
 * Math    the k largest (largest = 1, the default) or smallest elements along `axis` and their
 *         places, in order; among equals the lower place comes first. NaN counts as largest
 * Shape   x any; k (input 1) one integer; values and places have k along the axis
 * Types   any numbers; places i64. sorted = 0 is sorted too
 * Errors  SHAPE: axis outside, k larger than the axis; NEED_VALUE: k is not known when planning
 * Source  ONNX TopK-24
 */
#include <math.h>
#include <stdlib.h>

#include "ops/support.h"

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    guint axis, n;
    FoveaDim k;
    gint64 low, high;
    const FoveaValue *x = node->in[0];
    if (!fovea_infer_rank(node, 0, 1, FOVEA_MAX_RANK, error) ||
        !fovea_infer_axis(node, -1, &axis, error) ||
        !fovea_infer_ints(graph, node, 1, &k, 1, &n, error))
        return FALSE;
    if (n != 1)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "k must be one integer");
    fovea_dim_bounds(graph->syms, fovea_dim_sub(graph->syms, x->dims[axis], k), &low, &high);
    if (low < 0 || (fovea_dim_is_const(k) && k.c < 0)) {
        g_autofree char *t = fovea_value_type_string(x), *d = fovea_dim_to_string(graph->syms, k);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "k = %s is more than axis %u of %s holds", d, axis, t);
    }
    FoveaDim dims[FOVEA_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[axis] = k;
    if (node->n_out > 1 && node->out[1] != NULL &&
        !fovea_infer_set(node->out[1], FOVEA_DTYPE_I64, x->rank, dims))
        return FALSE;
    return node->out[0] == NULL || fovea_infer_set(node->out[0], x->dtype, x->rank, dims);
}

typedef struct Entry {
    double value; /* negated for the smallest */
    gint64 place;
} Entry;

static int compare(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    gboolean nx = isnan(x->value), ny = isnan(y->value);
    if (nx != ny)
        return nx ? -1 : 1;
    if (!nx && x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    const FoveaView *shape = out[0] != NULL ? out[0] : out[1];
    const FoveaView *places = node->n_out > 1 ? out[1] : NULL;
    guint axis = fovea_node_axis(node, -1, in[0]->rank);
    gboolean largest = fovea_node_attr_int(node, "largest", 1) != 0;
    FoveaAxisSpan span = fovea_axis_span(in[0], axis, 1);
    gint64 k = shape->dims[axis];
    if (k > span.n)
        return fovea_node_fail(node, error, FOVEA_ERROR_RANGE, "k is more than the axis holds");
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) z = x != NULL ? fovea_ref_room(fovea_view_count(shape), error) : NULL;
    g_autoptr(FoveaInts) where =
        z != NULL ? fovea_try_alloc((gsize)fovea_view_count(shape), sizeof *where, error) : NULL;
    Entry *row = where != NULL ? fovea_try_alloc((gsize)span.n, sizeof *row, error) : NULL;
    if (row == NULL)
        return FALSE;
    for (gint64 o = 0; o < span.outer; o++)
        for (gint64 i = 0; i < span.inner; i++) {
            for (gint64 n = 0; n < span.n; n++) {
                double at = x[(o * span.n + n) * span.inner + i];
                row[n] = (Entry){largest ? at : -at, n};
            }
            qsort(row, (size_t)span.n, sizeof *row, compare);
            for (gint64 n = 0; n < k; n++) {
                gint64 at = (o * k + n) * span.inner + i;
                z[at] = largest ? row[n].value : -row[n].value;
                where[at] = row[n].place;
            }
        }
    fovea_free(row);
    if (out[0] != NULL)
        fovea_ref_store(z, out[0]);
    if (places != NULL)
        fovea_ref_store_ints(where, places);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        guint rank;
        gint64 dims[3], axis, k;
        gboolean smallest, ties;
    } cases[] = {
        {1, {1}, 0, 1, FALSE, FALSE},          {2, {3, 17}, -1, 5, FALSE, FALSE},
        {2, {3, 17}, 0, 2, TRUE, FALSE},       {3, {2, 33, 5}, 1, 33, FALSE, FALSE},
        {2, {2, 2100}, -1, 300, FALSE, FALSE}, {2, {3, 65}, 1, 9, FALSE, TRUE},
        {2, {3, 65}, 1, 9, TRUE, TRUE},        {2, {2, 5}, 1, 0, FALSE, FALSE},
    };
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    s->f32_only = TRUE;
    s->n_out = 2;
    if (cases[index].ties)
        fovea_sample_int(s, 0, FOVEA_DTYPE_I32, cases[index].rank, cases[index].dims, 0, 6);
    else
        fovea_sample_f32(s, 0, cases[index].rank, cases[index].dims, -1, 1);
    fovea_sample_const_ints(s, 1, &cases[index].k, 1);
    fovea_node_set_int(s->node, "axis", cases[index].axis);
    fovea_node_set_int(s->node, "largest", !cases[index].smallest);
    return TRUE;
}

const FoveaOp fovea_op_TopK = {
    .name = "TopK",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 2,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
