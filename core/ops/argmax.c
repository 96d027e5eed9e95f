/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/argmax.c: ArgMax, ArgMin.
 *
 * Math    place of the largest (smallest) element along `axis` (default 0); among equals the
 *         first, or the last with select_last_index
 * Shape   the axis becomes 1, or goes with keepdims = 0
 * Types   any numbers; out i64
 * Errors  SHAPE: axis outside
 * Source  ONNX ArgMax-13, ArgMin-13
 */
#include "ops/support.h"

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    guint axis;
    if (!fovea_infer_rank(node, 0, 1, FOVEA_MAX_RANK, error) ||
        !fovea_infer_axis(node, 0, &axis, error))
        return FALSE;
    FoveaDim dims[FOVEA_MAX_RANK];
    gint rank = 0;
    for (guint i = 0; i < (guint)node->in[0]->rank; i++) {
        if (i != axis)
            dims[rank++] = node->in[0]->dims[i];
        else if (fovea_node_attr_int(node, "keepdims", 1))
            dims[rank++] = fovea_dim(1);
    }
    return fovea_infer_set(node->out[0], FOVEA_DTYPE_I64, rank, dims);
}

static gboolean find(gboolean largest, const FoveaNode *node, const FoveaView *const *in,
                     const FoveaView *const *out, GError **error)
{
    gboolean last = fovea_node_attr_int(node, "select_last_index", 0) != 0;
    FoveaAxisSpan span = fovea_axis_span(in[0], fovea_node_axis(node, 0, in[0]->rank), 1);
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaInts)
        z = x != NULL ? fovea_try_alloc((gsize)(span.outer * span.inner), sizeof *z, error) : NULL;
    if (z == NULL)
        return FALSE;
    for (gint64 o = 0; o < span.outer; o++) {
        for (gint64 i = 0; i < span.inner; i++) {
            const double *from = x + o * span.n * span.inner + i;
            gint64 best = 0;
            for (gint64 k = 1; k < span.n; k++) {
                double a = from[k * span.inner], b = from[best * span.inner];
                if (largest ? a > b || (last && a == b) : a < b || (last && a == b))
                    best = k;
            }
            z[o * span.inner + i] = best;
        }
    }
    fovea_ref_store_ints(z, out[0]);
    return TRUE;
}

static gboolean ref_max(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    return find(TRUE, node, in, out, error);
}

static gboolean ref_min(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    return find(FALSE, node, in, out, error);
}

static gboolean sample(FoveaSample *s, guint index)
{
    if (index >= 6)
        return FALSE;
    if (index < 3)
        fovea_sample_f32(s, 0, FOVEA_DIMS(3, 17, 5), -1, 1);
    else /* many equals */
        fovea_sample_int(s, 0, FOVEA_DTYPE_I32, FOVEA_DIMS(9, 33), 0, 4);
    fovea_node_set_int(s->node, "axis", index < 3 ? (gint64)index - 1 : 1);
    fovea_node_set_int(s->node, "keepdims", index % 2);
    fovea_node_set_int(s->node, "select_last_index", index >= 4);
    return TRUE;
}

#define ARG(Name, Ref)                                                                             \
    const FoveaOp fovea_op_##Name = {                                                              \
        .name = #Name,                                                                             \
        .min_in = 1,                                                                               \
        .max_in = 1,                                                                               \
        .min_out = 1,                                                                              \
        .max_out = 1,                                                                              \
        .infer = infer,                                                                            \
        .ref = Ref,                                                                                \
        .sample = sample,                                                                          \
    }

ARG(ArgMax, ref_max);
ARG(ArgMin, ref_min);
