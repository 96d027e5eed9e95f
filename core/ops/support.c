/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/support.h"

double *fovea_ref_room(gint64 n, GError **error)
{
    return fovea_try_alloc((gsize)MAX(n, 0), sizeof(double), error);
}

double *fovea_ref_load(const FoveaView *view, GError **error)
{
    double *data = fovea_ref_room(fovea_view_count(view), error);
    if (data == NULL)
        return NULL;
    FoveaView to = fovea_view_make(FOVEA_DTYPE_F64, view->rank, view->dims, data);
    fovea_view_copy(view, &to);
    return data;
}

gint64 *fovea_ref_load_ints(const FoveaView *view, GError **error)
{
    gint64 *data = fovea_try_alloc((gsize)fovea_view_count(view), sizeof(gint64), error);
    if (data == NULL)
        return NULL;
    FoveaView to = fovea_view_make(FOVEA_DTYPE_I64, view->rank, view->dims, data);
    fovea_view_copy(view, &to);
    return data;
}

void fovea_ref_store(const double *from, const FoveaView *to)
{
    FoveaView view = fovea_view_make(FOVEA_DTYPE_F64, to->rank, to->dims, (double *)from);
    fovea_view_copy(&view, to);
}

void fovea_ref_store_ints(const gint64 *from, const FoveaView *to)
{
    FoveaView view = fovea_view_make(FOVEA_DTYPE_I64, to->rank, to->dims, (gint64 *)from);
    fovea_view_copy(&view, to);
}

FoveaAxisSpan fovea_axis_span(const FoveaView *view, guint first, guint n_axes)
{
    FoveaAxisSpan span = {1, 1, 1};
    for (guint i = 0; i < view->rank; i++) {
        gint64 *part = i < first ? &span.outer : i < first + n_axes ? &span.n : &span.inner;
        *part *= view->dims[i];
    }
    return span;
}

gboolean fovea_dims_broadcast(gint rank_a, const FoveaDim *a, gint rank_b, const FoveaDim *b,
                              gint *rank, FoveaDim *out)
{
    gint r = MAX(rank_a, rank_b);
    for (gint i = 0; i < r; i++) {
        gint ia = i - (r - rank_a), ib = i - (r - rank_b);
        FoveaDim x = ia >= 0 ? a[ia] : fovea_dim(1), y = ib >= 0 ? b[ib] : fovea_dim(1);
        if (fovea_dim_is(x, 1))
            out[i] = y;
        else if (fovea_dim_is(y, 1) || fovea_dim_equal(x, y))
            out[i] = x;
        else
            return FALSE;
    }
    *rank = r;
    return TRUE;
}

gboolean fovea_infer_rank(const FoveaNode *node, guint slot, gint low, gint high, GError **error)
{
    const FoveaValue *value = fovea_own_in(node, slot);
    if (value == NULL)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "input %u is missing", slot);
    if (value->rank < low || value->rank > high)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "input %u has rank %d, needed is %d to %d", slot, value->rank, low,
                               high);
    return TRUE;
}

gboolean fovea_infer_axis(const FoveaNode *node, gint64 fallback, guint *axis, GError **error)
{
    gint64 asked = fovea_node_attr_int(node, "axis", fallback);
    if (fovea_axis(asked, node->in[0]->rank, FALSE, axis))
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                           "axis %" G_GINT64_FORMAT " is outside rank %d", asked,
                           node->in[0]->rank);
}

guint fovea_node_axis(const FoveaNode *node, gint64 fallback, guint rank)
{
    guint axis = 0;
    fovea_axis(fovea_node_attr_int(node, "axis", fallback), (gint)rank, FALSE, &axis);
    return axis;
}

gboolean fovea_infer_first(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_like(node->out[0], node->in[0]);
}
