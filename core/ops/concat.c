/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Concat Append Tile
 * Math:   Concat: the inputs one after another along `axis`. Append (ours): the same for a cache
 *         in[0] and what is new in[1]; a backend may write only the new part, behind the old one in
 *         its memory. Tile: the input repeated in[1][i] times along axis i.
 * Shape:  sizes add up along the axis and are equal elsewhere; Tile: multiplied.
 * Types:  any, all inputs of one.
 * Errors: SHAPE; NEED_VALUE.
 * Source: ONNX opset 13.
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gboolean infer_concat(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *first = node->in[0];
    guint n = fovea_node_has_epilogue(node) ? node->fx_base : node->n_in, axis;
    FoveaDim dims[FOVEA_MAX_RANK];
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), first->rank, FALSE, &axis,
                       error))
        return FALSE;
    memcpy(dims, first->dims, sizeof dims);
    for (guint k = 1; k < n; k++) {
        const FoveaValue *in = node->in[k];
        gboolean fits = in->rank == first->rank;
        if (!fovea_check_same_type(node, 0, k, error))
            return FALSE;
        for (gint i = 0; fits && i < in->rank; i++)
            fits = i == (gint)axis || fovea_dim_equal(in->dims[i], dims[i]);
        if (!fits) {
            g_autofree char *a = fovea_value_type_string(first);
            g_autofree char *b = fovea_value_type_string(in);
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "%s and %s do not join along axis %u", a, b, axis);
        }
        dims[axis] = fovea_dim_add(graph->syms, dims[axis], in->dims[axis]);
    }
    fovea_infer_set(node->out[0], first->dtype, first->rank, dims);
    fovea_infer_moved_content(graph, node, G_MAXUINT32);
    return TRUE;
}

static gboolean ref_concat(const FoveaNode *node, const FoveaView *const *in,
                           const FoveaView *const *out, GError **error)
{
    guint n = fovea_node_has_epilogue(node) ? node->fx_base : node->n_in, axis;
    gint64 start = 0;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), (gint)out[0]->rank, FALSE, &axis,
                       error))
        return FALSE;
    for (guint k = 0; k < n; k++) {
        FoveaView window = *out[0];
        window.dims[axis] = in[k]->dims[axis];
        if (start + window.dims[axis] > out[0]->dims[axis])
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the inputs are longer than the result");
        window.data = (char *)window.data +
                      start * window.strides[axis] * (gint64)fovea_dtype_size(window.dtype);
        fovea_view_copy(in[k], &window);
        start += window.dims[axis];
    }
    return TRUE;
}

static gboolean sample_concat(FoveaSample *sample, guint index)
{
    static const gint64 sizes[] = {1, 7, 0, 16, 3};
    if (index > 5)
        return FALSE;
    guint axis = index % 3;
    for (guint k = 0; k < (index < 3 ? 2 : 5); k++) {
        gint64 dims[] = {3, 5, 9};
        dims[axis] = sizes[k];
        fovea_sample_f32(sample, k, 3, dims, -1, 1);
    }
    fovea_node_set_int(sample->node, "axis", index < 3 ? axis : (gint64)axis - 3);
    return TRUE;
}

const FoveaOp fovea_op_Concat = {.name = "Concat",
                                 .min_in = 1,
                                 .max_in = 255,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .infer = infer_concat,
                                 .ref = ref_concat,
                                 .sample = sample_concat};

static gboolean sample_append(FoveaSample *sample, guint index)
{
    return index < 3 && sample_concat(sample, index);
}

const FoveaOp fovea_op_Append = {.name = "Append",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .infer = infer_concat,
                                 .ref = ref_concat,
                                 .sample = sample_append};

static gboolean infer_tile(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim repeats[FOVEA_MAX_RANK], dims[FOVEA_MAX_RANK];
    guint n;
    if (!fovea_infer_ints(graph, node, 1, repeats, FOVEA_MAX_RANK, &n, error))
        return FALSE;
    if ((gint)n != in->rank)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "%u repeats are given for a tensor of rank %d", n, in->rank);
    for (guint i = 0; i < n; i++) {
        if (fovea_dim_is_const(repeats[i]) && repeats[i].c < 0)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "a repeat is negative");
        dims[i] = fovea_dim_mul(graph->syms, in->dims[i], repeats[i]);
    }
    fovea_infer_set(node->out[0], in->dtype, in->rank, dims);
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean ref_tile(const FoveaNode *node, const FoveaView *const *in,
                         const FoveaView *const *out, GError **error)
{
    const gint64 *strides[] = {out[0]->strides};
    FoveaWalk walk;
    fovea_walk_init(&walk, out[0]->rank, out[0]->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 at = 0;
        for (guint i = 0; i < out[0]->rank; i++)
            at += walk.index[i] % in[0]->dims[i] * in[0]->strides[i];
        fovea_move_element(in[0], at, out[0], walk.at[0]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_tile(FoveaSample *sample, guint index)
{
    static const gint64 repeats[][3] = {{1, 1, 1}, {2, 3, 1}, {1, 1, 5}, {3, 0, 2}};
    if (index >= G_N_ELEMENTS(repeats))
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 5, 7), -1, 1);
    fovea_sample_const_ints(sample, 1, repeats[index], 3);
    return TRUE;
}

const FoveaOp fovea_op_Tile = {.name = "Tile",
                               .min_in = 2,
                               .max_in = 2,
                               .min_out = 1,
                               .max_out = 1,
                               .infer = infer_tile,
                               .ref = ref_tile,
                               .sample = sample_tile};
