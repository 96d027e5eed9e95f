/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Transpose Expand
 * Math:   Transpose: axis i of the output is axis perm[i] of the input (default: reversed). Expand:
 *         the input broadcast against the shape in[1], both ways.
 * Shape:  as said; Expand: numpy broadcasting.
 * Types:  any.
 * Errors: SHAPE (perm is no permutation; the shapes do not broadcast); NEED_VALUE.
 * Source: ONNX opset 13 to 25.
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gboolean permutation(const FoveaNode *node, gint rank, guint *perm, GError **error)
{
    guint n, seen = 0;
    const gint64 *given = fovea_node_attr_ints(node, "perm", &n);
    for (gint i = 0; i < rank; i++)
        perm[i] = (guint)(rank - 1 - i);
    if (given == NULL)
        return TRUE;
    for (guint i = 0; i < n && n == (guint)rank; i++) {
        if (!fovea_axis(given[i], rank, FALSE, &perm[i]))
            break;
        seen |= 1u << perm[i];
    }
    return (n == (guint)rank && seen == (1u << rank) - 1) ||
           fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "perm is not a permutation of %d axes",
                           rank);
}

static gboolean infer_transpose(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK];
    guint perm[FOVEA_MAX_RANK];
    if (!permutation(node, in->rank, perm, error))
        return FALSE;
    for (gint i = 0; i < in->rank; i++)
        dims[i] = in->dims[perm[i]];
    fovea_infer_set(node->out[0], in->dtype, in->rank, dims);
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean ref_transpose(const FoveaNode *node, const FoveaView *const *in,
                              const FoveaView *const *out, GError **error)
{
    FoveaView turned = *in[0];
    guint perm[FOVEA_MAX_RANK];
    if (!permutation(node, (gint)in[0]->rank, perm, error))
        return FALSE;
    for (guint i = 0; i < in[0]->rank; i++) {
        turned.dims[i] = in[0]->dims[perm[i]];
        turned.strides[i] = in[0]->strides[perm[i]];
    }
    fovea_view_copy(&turned, out[0]);
    return TRUE;
}

static gboolean view_transpose(const FoveaNode *node, guint slot, const FoveaWindow *in,
                               FoveaWindow *out)
{
    guint perm[FOVEA_MAX_RANK];
    if (!permutation(node, in->rank, perm, NULL))
        return FALSE;
    *out = *in;
    for (gint i = 0; i < in->rank; i++) {
        out->dims[i] = in->dims[perm[i]];
        out->strides[i] = in->strides[perm[i]];
    }
    return TRUE;
}

static gboolean sample_transpose(FoveaSample *sample, guint index)
{
    static const gint64 perms[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {3, 0, 2, 1}, {0, 2, 1, 3}};
    if (index > 4)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 17, 5, 33), -1, 1);
    if (index > 0)
        fovea_node_set_ints(sample->node, "perm", perms[index - 1], 4);
    return TRUE;
}

const FoveaOp fovea_op_Transpose = {.name = "Transpose",
                                    .min_in = 1,
                                    .max_in = 1,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .is_view = TRUE,
                                    .infer = infer_transpose,
                                    .ref = ref_transpose,
                                    .view = view_transpose,
                                    .sample = sample_transpose};

static gboolean infer_expand(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK];
    guint n;
    gint rank;
    if (!fovea_infer_ints(graph, node, 1, dims, FOVEA_MAX_RANK, &n, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        if (fovea_dim_is_const(dims[i]) && dims[i].c < 0)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "a size is %" G_GINT64_FORMAT,
                                   dims[i].c);
    }
    FoveaValue asked = {.dtype = in->dtype, .rank = (gint)n, .uses = in->uses};
    memcpy(asked.dims, dims, sizeof asked.dims);
    FoveaValue *both[2] = {node->in[0], &asked};
    if (!fovea_infer_broadcast(graph, node, both, 2, &rank, dims, error))
        return FALSE;
    fovea_infer_set(node->out[0], in->dtype, rank, dims);
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean ref_expand(const FoveaNode *node, const FoveaView *const *in,
                           const FoveaView *const *out, GError **error)
{
    FoveaView wide;
    if (!fovea_view_broadcast(in[0], out[0]->rank, out[0]->dims, &wide))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the input does not broadcast to the asked shape");
    fovea_view_copy(&wide, out[0]);
    return TRUE;
}

static gboolean view_expand(const FoveaNode *node, guint slot, const FoveaWindow *in,
                            FoveaWindow *out)
{
    const FoveaValue *to = node->out[0];
    gint lead = to->rank - in->rank;
    *out = (FoveaWindow){.rank = to->rank, .offset = in->offset};
    for (gint i = 0; i < to->rank; i++) {
        out->dims[i] = to->dims[i];
        if (i >= lead && fovea_dim_equal(in->dims[i - lead], to->dims[i]))
            out->strides[i] = in->strides[i - lead];
    }
    return TRUE;
}

static gboolean sample_expand(FoveaSample *sample, guint index)
{
    static const gint64 to[][3] = {{2, 7, 33}, {1, 1, 1}, {7, 1, 0}};
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(7, 1), -1, 1);
    fovea_sample_const_ints(sample, 1, to[index], index == 2 ? 2 : 3);
    return TRUE;
}

const FoveaOp fovea_op_Expand = {.name = "Expand",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .is_view = TRUE,
                                 .infer = infer_expand,
                                 .ref = ref_expand,
                                 .view = view_expand,
                                 .sample = sample_expand};
