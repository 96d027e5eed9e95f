/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Gather GatherElements GatherND
 * Math:   Gather: out[.., i.., ..] = data[.., indices[i..], ..] along `axis`.
 *         GatherElements: out[i0..] = data[i0.., indices[i0..], ..], the index replacing that of
 *         `axis`. GatherND: the last axis of indices holds the first coordinates of data behind
 *         batch_dims common axes.
 * Shape:  data[:axis] + indices + data[axis+1:]; that of indices;
 *         indices[:-1] + data[batch_dims + last:].
 * Types:  data any; indices integer, negative ones count from the end.
 * Errors: SHAPE; RANGE (an index outside its axis).
 * Source: ONNX opset 13.
 */
#include "ops/sample.h"
#include "ops/structure.h"

/* ---- Gather ---- */

static gboolean infer_gather(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *data = node->in[0], *indices = node->in[1];
    FoveaDim dims[FOVEA_MAX_RANK];
    gint rank = data->rank - 1 + indices->rank, n = 0;
    guint axis;
    if (!fovea_check_ints(node, 1, error) ||
        !fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), data->rank, FALSE, &axis,
                       error) ||
        !fovea_check_rank(node, rank, error))
        return FALSE;
    for (gint i = 0; i < (gint)axis; i++)
        dims[n++] = data->dims[i];
    for (gint i = 0; i < indices->rank; i++)
        dims[n++] = indices->dims[i];
    for (gint i = (gint)axis + 1; i < data->rank; i++)
        dims[n++] = data->dims[i];
    fovea_infer_set(node->out[0], data->dtype, rank, dims);
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean ref_gather(const FoveaNode *node, const FoveaView *const *in,
                           const FoveaView *const *out, GError **error)
{
    const FoveaView *data = in[0], *indices = in[1];
    const gint64 *strides[] = {indices->strides};
    FoveaWalk walk;
    guint axis;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), (gint)data->rank, FALSE, &axis,
                       error))
        return FALSE;
    fovea_walk_init(&walk, indices->rank, indices->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    /* For each index: the hyperplane of data that it chooses, and where it goes. */
    FoveaView from = *data, to = *out[0];
    from.rank = to.rank = data->rank - 1;
    for (guint i = axis; i < from.rank; i++) {
        from.dims[i] = to.dims[i] = data->dims[i + 1];
        from.strides[i] = data->strides[i + 1];
        to.strides[i] = out[0]->strides[i + indices->rank];
    }
    do {
        gint64 index = fovea_load_i64(indices->dtype, indices->data, walk.at[0]), at = 0;
        if (!fovea_run_index(node, index, data->dims[axis], &index, error))
            return FALSE;
        for (guint i = 0; i < indices->rank; i++)
            at += walk.index[i] * out[0]->strides[axis + i];
        from.data = (char *)data->data +
                    index * data->strides[axis] * (gint64)fovea_dtype_size(data->dtype);
        to.data = (char *)out[0]->data + at * (gint64)fovea_dtype_size(to.dtype);
        fovea_view_copy(&from, &to);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_gather(FoveaSample *sample, guint index)
{
    if (index > 4)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(7, 5, 33), -1, 1);
    fovea_node_set_int(sample->node, "axis", index < 3 ? (gint64)index : -2);
    if (index == 3)
        fovea_sample_int(sample, 1, FOVEA_DTYPE_I32, FOVEA_DIMS(3, 2), -5, 5);
    else
        fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, index == 4 ? 0 : 1, (gint64[]){9}, 0, 5);
    return TRUE;
}

const FoveaOp fovea_op_Gather = {.name = "Gather",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .infer = infer_gather,
                                 .ref = ref_gather,
                                 .sample = sample_gather};

/* ---- GatherElements ---- */

static gboolean infer_gather_elements(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *data = node->in[0], *indices = node->in[1];
    guint axis;
    if (!fovea_check_ints(node, 1, error) ||
        !fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), data->rank, FALSE, &axis, error))
        return FALSE;
    if (indices->rank != data->rank)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "data of rank %d and indices of rank %d do not go together",
                               data->rank, indices->rank);
    fovea_infer_set(node->out[0], data->dtype, indices->rank, indices->dims);
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean ref_gather_elements(const FoveaNode *node, const FoveaView *const *in,
                                    const FoveaView *const *out, GError **error)
{
    const FoveaView *data = in[0], *indices = in[1];
    const gint64 *strides[] = {indices->strides, out[0]->strides, data->strides};
    FoveaWalk walk;
    guint axis;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), (gint)data->rank, FALSE, &axis,
                       error))
        return FALSE;
    for (guint i = 0; i < data->rank; i++) {
        if (i != axis && indices->dims[i] > data->dims[i])
            return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                                   "indices reach position %" G_GINT64_FORMAT
                                   " of an axis of size %" G_GINT64_FORMAT,
                                   indices->dims[i] - 1, data->dims[i]);
    }
    fovea_walk_init(&walk, indices->rank, indices->dims, 3, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 index = fovea_load_i64(indices->dtype, indices->data, walk.at[0]);
        if (!fovea_run_index(node, index, data->dims[axis], &index, error))
            return FALSE;
        gint64 at = walk.at[2] + (index - walk.index[axis]) * data->strides[axis];
        fovea_move_element(data, at, out[0], walk.at[1]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_gather_elements(FoveaSample *sample, guint index)
{
    if (index > 2)
        return FALSE;
    gint64 dims[] = {5, 5, 5};
    dims[index] = 9;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(7, 5, 17), -1, 1);
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, 3, dims, -5, 5);
    fovea_node_set_int(sample->node, "axis", (gint64)index - (index == 2 ? 3 : 0));
    return TRUE;
}

const FoveaOp fovea_op_GatherElements = {.name = "GatherElements",
                                         .min_in = 2,
                                         .max_in = 2,
                                         .min_out = 1,
                                         .max_out = 1,
                                         .infer = infer_gather_elements,
                                         .ref = ref_gather_elements,
                                         .sample = sample_gather_elements};

/* ---- GatherND ---- */

static gboolean infer_gather_nd(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *data = node->in[0], *indices = node->in[1];
    gint64 batch = fovea_node_attr_int(node, "batch_dims", 0);
    FoveaDim dims[FOVEA_MAX_RANK];
    gint n = 0;
    if (!fovea_check_ints(node, 1, error))
        return FALSE;
    if (indices->rank < 1 || !fovea_dim_is_const(indices->dims[indices->rank - 1]) || batch < 0 ||
        batch >= indices->rank || batch + indices->dims[indices->rank - 1].c > data->rank ||
        indices->dims[indices->rank - 1].c < 1)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the last axis of the indices does not address data of rank %d",
                               data->rank);
    gint last = (gint)indices->dims[indices->rank - 1].c;
    if (!fovea_check_rank(node, indices->rank - 1 + data->rank - (gint)batch - last, error))
        return FALSE;
    for (gint i = 0; i < batch; i++) {
        if (!fovea_dim_equal(indices->dims[i], data->dims[i]))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the batch axes differ");
    }
    for (gint i = 0; i < indices->rank - 1; i++)
        dims[n++] = indices->dims[i];
    for (gint i = (gint)batch + last; i < data->rank; i++)
        dims[n++] = data->dims[i];
    fovea_infer_set(node->out[0], data->dtype, n, dims);
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean ref_gather_nd(const FoveaNode *node, const FoveaView *const *in,
                              const FoveaView *const *out, GError **error)
{
    const FoveaView *data = in[0], *indices = in[1];
    guint batch = (guint)fovea_node_attr_int(node, "batch_dims", 0), lead = indices->rank - 1;
    guint last = (guint)indices->dims[lead];
    FoveaView from = {.dtype = data->dtype, .rank = data->rank - batch - last}, to = *out[0];
    const gint64 *strides[] = {indices->strides, out[0]->strides};
    FoveaWalk walk;
    to.rank = from.rank;
    for (guint i = 0; i < from.rank; i++) {
        from.dims[i] = to.dims[i] = data->dims[batch + last + i];
        from.strides[i] = data->strides[batch + last + i];
        to.strides[i] = out[0]->strides[lead + i];
    }
    fovea_walk_init(&walk, lead, indices->dims, 2, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 at = 0;
        for (guint i = 0; i < batch; i++)
            at += walk.index[i] * data->strides[i];
        for (guint i = 0; i < last; i++) {
            gint64 index = fovea_load_i64(indices->dtype, indices->data,
                                          walk.at[0] + i * indices->strides[lead]);
            if (!fovea_run_index(node, index, data->dims[batch + i], &index, error))
                return FALSE;
            at += index * data->strides[batch + i];
        }
        from.data = (char *)data->data + at * (gint64)fovea_dtype_size(data->dtype);
        to.data = (char *)out[0]->data + walk.at[1] * (gint64)fovea_dtype_size(to.dtype);
        fovea_view_copy(&from, &to);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_gather_nd(FoveaSample *sample, guint index)
{
    static const gint64 indices[][3] = {{4, 1, 2}, {9, 3, 0}, {3, 5, 1}};
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 5, 17), -1, 1);
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, index == 1 ? 2 : 3, indices[index], -3, 3);
    fovea_node_set_int(sample->node, "batch_dims", index == 2 ? 1 : 0);
    return TRUE;
}

const FoveaOp fovea_op_GatherND = {.name = "GatherND",
                                   .min_in = 2,
                                   .max_in = 2,
                                   .min_out = 1,
                                   .max_out = 1,
                                   .infer = infer_gather_nd,
                                   .ref = ref_gather_nd,
                                   .sample = sample_gather_nd};
