/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CenterCropPad TensorScatter
 * Math:   CenterCropPad: the middle of the input, or the input in the middle of zeros, for each axis
 *         (axes; default all) of the sizes in[1]; an odd rest goes to the end. TensorScatter: a copy
 *         of the cache in[0] with the update in[1] written along `axis` (default -2) from position
 *         in[2][b] on (default 0); mode circular goes on at the start.
 * Shape:  in[1] at the axes; that of in[0].
 * Types:  any; cache and update of one.
 * Errors: SHAPE; NEED_VALUE (the sizes); MODEL (an unknown mode); RANGE (a write past the end).
 * Source: ONNX opset 18, 24.
 */
#include "ops/sample.h"
#include "ops/structure.h"

/* ---- CenterCropPad ---- */

static gboolean infer_center(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim sizes[FOVEA_MAX_RANK], dims[FOVEA_MAX_RANK];
    guint n, n_axes, axis;
    const gint64 *axes = fovea_node_attr_ints(node, "axes", &n_axes);
    if (!fovea_infer_ints(graph, node, 1, sizes, FOVEA_MAX_RANK, &n, error))
        return FALSE;
    if (n != (axes != NULL ? n_axes : (guint)in->rank))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "one size an axis is needed");
    memcpy(dims, in->dims, sizeof dims);
    for (guint k = 0; k < n; k++) {
        if (!fovea_op_axis(node, axes != NULL ? axes[k] : k, in->rank, FALSE, &axis, error))
            return FALSE;
        if (fovea_dim_is_const(sizes[k]) && sizes[k].c < 0)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "a size is negative");
        dims[axis] = sizes[k];
    }
    return fovea_infer_set(node->out[0], in->dtype, in->rank, dims);
}

static gboolean ref_center(const FoveaNode *node, const FoveaView *const *in,
                           const FoveaView *const *out, GError **error)
{
    const gint64 *strides[] = {out[0]->strides};
    FoveaWalk walk;
    fovea_walk_init(&walk, out[0]->rank, out[0]->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 at = 0;
        gboolean inside = TRUE;
        for (guint i = 0; i < out[0]->rank; i++) {
            gint64 have = in[0]->dims[i], want = out[0]->dims[i];
            gint64 from = walk.index[i] + (want < have ? (have - want) / 2 : -((want - have) / 2));
            inside = inside && from >= 0 && from < have;
            at += from * in[0]->strides[i];
        }
        if (inside)
            fovea_move_element(in[0], at, out[0], walk.at[0]);
        else
            fovea_store_i64(out[0]->dtype, out[0]->data, walk.at[0], 0);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_center(FoveaSample *sample, guint index)
{
    static const gint64 sizes[] = {8, 4, 17}, axes[] = {-1, 0};
    if (index > 1)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(5, 7, 17), -1, 1);
    fovea_sample_const_ints(sample, 1, sizes, index == 0 ? 3 : 2);
    if (index == 1)
        fovea_node_set_ints(sample->node, "axes", axes, 2);
    return TRUE;
}

const FoveaOp fovea_op_CenterCropPad = {.name = "CenterCropPad",
                                        .min_in = 2,
                                        .max_in = 2,
                                        .min_out = 1,
                                        .max_out = 1,
                                        .infer = infer_center,
                                        .ref = ref_center,
                                        .sample = sample_center};

/* ---- TensorScatter ---- */

static gboolean cache_axis(const FoveaNode *node, gint rank, guint *axis, gboolean *circular,
                           GError **error)
{
    const char *mode = fovea_node_attr_string(node, "mode", "linear");
    *circular = g_str_equal(mode, "circular");
    if (!*circular && !g_str_equal(mode, "linear"))
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "the mode '%s' is not known", mode);
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", -2), rank, FALSE, axis, error))
        return FALSE;
    return *axis > 0 || fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                        "the first axis is the batch; it cannot be written along");
}

static gboolean infer_tensor_scatter(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *cache = node->in[0], *update = node->in[1], *from = fovea_node_in(node, 2);
    gboolean circular, ok = update->rank == cache->rank;
    guint axis;
    if (!cache_axis(node, cache->rank, &axis, &circular, error) ||
        !fovea_check_same_type(node, 0, 1, error) || !fovea_check_ints(node, 2, error))
        return FALSE;
    for (gint i = 0; ok && i < cache->rank; i++)
        ok = i == (gint)axis || fovea_dim_equal(cache->dims[i], update->dims[i]);
    if (ok && from != NULL)
        ok = from->rank == 1 && fovea_dim_equal(from->dims[0], cache->dims[0]);
    if (!ok)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "cache, update and positions do not go together");
    return fovea_infer_like(node->out[0], cache);
}

static gboolean ref_tensor_scatter(const FoveaNode *node, const FoveaView *const *in,
                                   const FoveaView *const *out, GError **error)
{
    const FoveaView *update = in[1], *from = in[2], *to = out[0];
    const gint64 *strides[] = {update->strides, to->strides};
    gboolean circular;
    FoveaWalk walk;
    guint axis;
    if (!cache_axis(node, (gint)to->rank, &axis, &circular, error))
        return FALSE;
    fovea_view_copy(in[0], to);
    fovea_walk_init(&walk, update->rank, update->dims, 2, strides);
    if (walk.empty)
        return TRUE;
    gint64 size = to->dims[axis];
    do {
        gint64 start = 0, step = walk.index[axis], at;
        if (from != NULL)
            start = fovea_load_i64(from->dtype, from->data, walk.index[0] * from->strides[0]);
        if (start < 0 || start > G_MAXINT64 - step || size == 0 ||
            (!circular && start + step >= size))
            return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                                   "a write of %" G_GINT64_FORMAT " entries at %" G_GINT64_FORMAT
                                   " leaves a cache of %" G_GINT64_FORMAT,
                                   update->dims[axis], start, size);
        at = (start + step) % size;
        fovea_move_element(update, walk.at[0], to, walk.at[1] + (at - step) * to->strides[axis]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_tensor_scatter(FoveaSample *sample, guint index)
{
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 3, 9, 5), -1, 1);
    fovea_sample_f32(sample, 1, FOVEA_DIMS(2, 3, 4, 5), -1, 1);
    if (index > 0)
        fovea_sample_int(sample, 2, FOVEA_DTYPE_I64, FOVEA_DIMS(2), index == 2 ? 6 : 0,
                         index == 2 ? 9 : 6);
    fovea_node_set_string(sample->node, "mode", index == 2 ? "circular" : "linear");
    return TRUE;
}

const FoveaOp fovea_op_TensorScatter = {.name = "TensorScatter",
                                        .min_in = 2,
                                        .max_in = 3,
                                        .min_out = 1,
                                        .max_out = 1,
                                        .infer = infer_tensor_scatter,
                                        .ref = ref_tensor_scatter,
                                        .sample = sample_tensor_scatter};
