/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/structure.h"

gboolean fovea_op_axis(const FoveaNode *node, gint64 axis, gint rank, gboolean inclusive,
                       guint *out, GError **error)
{
    if (fovea_axis(axis, rank, inclusive, out))
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                           "axis %" G_GINT64_FORMAT " is outside a tensor of rank %d", axis, rank);
}

gboolean fovea_check_same_type(const FoveaNode *node, guint a, guint b, GError **error)
{
    const FoveaValue *x = fovea_node_in(node, a), *y = fovea_node_in(node, b);
    if (x == NULL || y == NULL || x->dtype == y->dtype)
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                           "inputs of types %s and %s do not go together",
                           fovea_dtype_name(x->dtype), fovea_dtype_name(y->dtype));
}

gboolean fovea_check_ints(const FoveaNode *node, guint slot, GError **error)
{
    const FoveaValue *value = fovea_node_in(node, slot);
    if (value == NULL || fovea_fx_class_of(value->dtype) == FOVEA_FX_I)
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "input %u is %s, but must be integer",
                           slot, fovea_dtype_name(value->dtype));
}

gboolean fovea_check_rank(const FoveaNode *node, gint rank, GError **error)
{
    if (rank >= 0 && rank <= FOVEA_MAX_RANK)
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                           "a result of rank %d is not supported (at most %d)", rank,
                           FOVEA_MAX_RANK);
}

gboolean fovea_run_ints(const FoveaNode *node, const FoveaView *view, gint64 *ints, guint max,
                        guint *n, GError **error)
{
    FoveaWalk walk;
    *n = 0;
    if (view == NULL)
        return TRUE;
    const gint64 *strides[] = {view->strides};
    if (fovea_view_count(view) > max)
        return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                               "%" G_GINT64_FORMAT " integers are given; at most %u make sense",
                               fovea_view_count(view), max);
    fovea_walk_init(&walk, view->rank, view->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        ints[(*n)++] = fovea_load_i64(view->dtype, view->data, walk.at[0]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

void fovea_move_element(const FoveaView *from, gint64 from_at, const FoveaView *to, gint64 to_at)
{
    if (fovea_dtype_is_float(from->dtype) || fovea_dtype_is_float(to->dtype))
        fovea_store_f64(to->dtype, to->data, to_at,
                        fovea_load_f64(from->dtype, from->data, from_at));
    else
        fovea_store_i64(to->dtype, to->data, to_at,
                        fovea_load_i64(from->dtype, from->data, from_at));
}

gboolean fovea_copy_flat(const FoveaNode *node, const FoveaView *from, const FoveaView *to,
                         GError **error)
{
    gint64 n = fovea_view_count(to);
    FoveaWalk a, b;
    if (fovea_view_count(from) != n)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "%" G_GINT64_FORMAT
                               " elements do not fill a shape of %" G_GINT64_FORMAT,
                               fovea_view_count(from), n);
    if (n == 0)
        return TRUE;
    if (fovea_view_is_contiguous(from) && fovea_view_is_contiguous(to)) {
        FoveaView flat[2] = {fovea_view_make(from->dtype, 1, &n, from->data),
                             fovea_view_make(to->dtype, 1, &n, to->data)};
        fovea_view_copy(&flat[0], &flat[1]);
        return TRUE;
    }
    const gint64 *from_strides[] = {from->strides}, *to_strides[] = {to->strides};
    fovea_walk_init(&a, from->rank, from->dims, 1, from_strides);
    fovea_walk_init(&b, to->rank, to->dims, 1, to_strides);
    do {
        fovea_move_element(from, a.at[0], to, b.at[0]);
        fovea_walk_next(&a);
    } while (fovea_walk_next(&b));
    return TRUE;
}

gboolean fovea_run_index(const FoveaNode *node, gint64 index, gint64 limit, gint64 *out,
                         GError **error)
{
    if (index < -limit || index >= limit)
        return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                               "index %" G_GINT64_FORMAT
                               " is outside an axis of size %" G_GINT64_FORMAT,
                               index, limit);
    *out = index < 0 ? index + limit : index;
    return TRUE;
}

/* ---- content of moved elements ---- */

#define MOVED_MAX 16

typedef struct {
    FoveaView view[MOVED_MAX];
    gint64 numbers[MOVED_MAX][FOVEA_MAX_CONTENT];
    const FoveaView *at[MOVED_MAX];
} Numbered;

static gboolean fixed_view(const FoveaValue *value, gint64 *numbers, FoveaView *view)
{
    gint64 dims[FOVEA_MAX_RANK], count;
    if (!fovea_value_is_fixed(value))
        return FALSE;
    for (gint i = 0; i < value->rank; i++)
        dims[i] = value->dims[i].c;
    if (!fovea_shape_count((guint)value->rank, dims, &count) || count > FOVEA_MAX_CONTENT)
        return FALSE;
    *view = fovea_view_make(FOVEA_DTYPE_I64, (guint)value->rank, dims, numbers);
    return TRUE;
}

/* Moved inputs get the numbers of their elements in pool, from *n_pool on; others their values. */
static gboolean number_inputs(FoveaGraph *graph, const FoveaNode *node, guint32 data, Numbered *in,
                              FoveaDim *pool, guint *n_pool)
{
    for (guint k = 0; k < node->n_in; k++) {
        FoveaDim content[FOVEA_MAX_CONTENT];
        guint n;
        if (node->in[k] == NULL)
            continue;
        if (!fovea_infer_content(graph, node->in[k], content, &n) ||
            !fixed_view(node->in[k], in->numbers[k], &in->view[k]) ||
            fovea_view_count(&in->view[k]) != n)
            return FALSE;
        for (guint i = 0; i < n; i++) {
            if (data & 1u << k) {
                in->numbers[k][i] = *n_pool;
                pool[(*n_pool)++] = content[i];
            } else if (fovea_dim_is_const(content[i])) {
                in->numbers[k][i] = content[i].c;
            } else {
                return FALSE;
            }
        }
        in->at[k] = &in->view[k];
    }
    return TRUE;
}

void fovea_infer_moved_content(FoveaGraph *graph, FoveaNode *node, guint32 data)
{
    if (node->n_in > MOVED_MAX || node->n_out > MOVED_MAX || node->op->ref == NULL)
        return;
    for (guint k = 0; k < node->n_out; k++) {
        if (node->out[k] != NULL && fovea_dtype_is_float(node->out[k]->dtype))
            return;
    }
    g_autofree Numbered *in = g_new0(Numbered, 1), *out = g_new0(Numbered, 1);
    FoveaDim pool[MOVED_MAX * FOVEA_MAX_CONTENT + 1] = {{0, 0}}; /* number 0 is zero: fillings */
    guint n_pool = 1;
    if (!number_inputs(graph, node, data, in, pool, &n_pool))
        return;
    for (guint k = 0; k < node->n_out; k++) {
        if (node->out[k] == NULL)
            continue;
        if (!fixed_view(node->out[k], out->numbers[k], &out->view[k]))
            return;
        out->at[k] = &out->view[k];
    }
    if (!fovea_node_run_ref(node, in->at, out->at, NULL))
        return;
    for (guint k = 0; k < node->n_out; k++) {
        FoveaDim content[FOVEA_MAX_CONTENT];
        guint n = out->at[k] != NULL ? (guint)fovea_view_count(out->at[k]) : 0;
        for (guint i = 0; i < n; i++)
            content[i] = pool[out->numbers[k][i]];
        if (out->at[k] != NULL)
            fovea_value_set_content(node->out[k], content, n);
    }
}
