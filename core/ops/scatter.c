/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ScatterElements ScatterND
 * Math:   a copy of data in which elements (ScatterElements: along `axis`) or hyperplanes
 *         (ScatterND: the last axis of indices holds coordinates) are replaced by updates, or
 *         combined with them: reduction none, add, mul, min or max. Without a reduction the last of
 *         equal indices counts here; other devices may keep another.
 * Shape:  that of data.
 * Types:  data and updates one type; indices integer, negative ones count from the end.
 * Errors: SHAPE; MODEL (an unknown reduction); RANGE (an index outside its axis).
 * Source: ONNX opset 18.
 */
#include <math.h>

#include "ops/sample.h"
#include "ops/structure.h"

typedef enum { PUT, ADD, MUL, LEAST, MOST } Reduction;

static gboolean reduction_of(const FoveaNode *node, Reduction *out, GError **error)
{
    static const char *const names[] = {"none", "add", "mul", "min", "max"};
    const char *name = fovea_node_attr_string(node, "reduction", "none");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        *out = (Reduction)i;
        if (g_str_equal(name, names[i]))
            return TRUE;
    }
    return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "the reduction '%s' is not known", name);
}

static double combine_f(Reduction how, double old, double x)
{
    switch (how) {
    case ADD: return old + x;
    case MUL: return old * x;
    case LEAST: return isnan(old) || x >= old ? old : x;
    case MOST: return isnan(old) || x <= old ? old : x;
    case PUT: break;
    }
    return x;
}

static gint64 combine_i(Reduction how, gint64 old, gint64 x)
{
    switch (how) {
    case ADD: return (gint64)((guint64)old + (guint64)x);
    case MUL: return (gint64)((guint64)old * (guint64)x);
    case LEAST: return MIN(old, x);
    case MOST: return MAX(old, x);
    case PUT: break;
    }
    return x;
}

static void put(Reduction how, const FoveaView *from, gint64 from_at, const FoveaView *to,
                gint64 to_at)
{
    if (fovea_dtype_is_float(to->dtype)) {
        double old = fovea_load_f64(to->dtype, to->data, to_at);
        double x = fovea_load_f64(from->dtype, from->data, from_at);
        fovea_store_f64(to->dtype, to->data, to_at, combine_f(how, old, x));
    } else {
        gint64 old = fovea_load_i64(to->dtype, to->data, to_at);
        gint64 x = fovea_load_i64(from->dtype, from->data, from_at);
        fovea_store_i64(to->dtype, to->data, to_at, combine_i(how, old, x));
    }
}

static gboolean infer_common(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    Reduction how;
    if (!fovea_check_ints(node, 1, error) || !fovea_check_same_type(node, 0, 2, error) ||
        !reduction_of(node, &how, error))
        return FALSE;
    fovea_infer_like(node->out[0], node->in[0]);
    if (how == PUT)
        fovea_infer_moved_content(graph, node, 1u << 0 | 1u << 2);
    return TRUE;
}

/* ---- ScatterElements ---- */

static gboolean infer_scatter_elements(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *data = node->in[0];
    guint axis;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), data->rank, FALSE, &axis, error))
        return FALSE;
    if (node->in[1]->rank != data->rank || !fovea_value_same_shape(node->in[1], node->in[2]))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "indices and updates must have one shape, of data's rank");
    return infer_common(graph, node, error);
}

static gboolean ref_scatter_elements(const FoveaNode *node, const FoveaView *const *in,
                                     const FoveaView *const *out, GError **error)
{
    const FoveaView *indices = in[1], *to = out[0];
    const gint64 *strides[] = {indices->strides, in[2]->strides, to->strides};
    FoveaWalk walk;
    Reduction how;
    guint axis;
    if (!reduction_of(node, &how, error) ||
        !fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), (gint)to->rank, FALSE, &axis,
                       error))
        return FALSE;
    for (guint i = 0; i < to->rank; i++) {
        if (i != axis && indices->dims[i] > to->dims[i])
            return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                                   "indices reach position %" G_GINT64_FORMAT
                                   " of an axis of size %" G_GINT64_FORMAT,
                                   indices->dims[i] - 1, to->dims[i]);
    }
    fovea_view_copy(in[0], to);
    fovea_walk_init(&walk, indices->rank, indices->dims, 3, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 index = fovea_load_i64(indices->dtype, indices->data, walk.at[0]);
        if (!fovea_run_index(node, index, to->dims[axis], &index, error))
            return FALSE;
        put(how, in[2], walk.at[1], to,
            walk.at[2] + (index - walk.index[axis]) * to->strides[axis]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

/* Without a reduction the indices are distinct: which of equal ones wins is not defined. */
static gboolean sample_scatter_elements(FoveaSample *sample, guint index)
{
    static const char *const how[] = {"none", "add", "mul", "min", "max"};
    if (index >= 2 * G_N_ELEMENTS(how))
        return FALSE;
    guint axis = index % 2;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(7, 9), 0.5, 2);
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, FOVEA_DIMS(5, 6), -7, 7);
    fovea_sample_f32(sample, 2, FOVEA_DIMS(5, 6), 0.5, 2);
    fovea_node_set_int(sample->node, "axis", axis);
    fovea_node_set_string(sample->node, "reduction", how[index / 2]);
    gint64 *indices = fovea_tensor_data_mut(sample->in[1]);
    for (gint64 i = 0; index < 2 && i < 30; i++)
        indices[i] = (i / 6 + i % 6) % (axis == 0 ? 7 : 9); /* no place is written twice */
    return TRUE;
}

const FoveaOp fovea_op_ScatterElements = {.name = "ScatterElements",
                                          .min_in = 3,
                                          .max_in = 3,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .infer = infer_scatter_elements,
                                          .ref = ref_scatter_elements,
                                          .sample = sample_scatter_elements};

/* ---- ScatterND ---- */

static gboolean infer_scatter_nd(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *data = node->in[0], *indices = node->in[1], *updates = node->in[2];
    gboolean fits = indices->rank >= 1 && fovea_dim_is_const(indices->dims[indices->rank - 1]);
    gint64 last = fits ? indices->dims[indices->rank - 1].c : 0;
    fits = fits && last >= 1 && last <= data->rank &&
           updates->rank == indices->rank - 1 + data->rank - last;
    for (gint i = 0; fits && i < updates->rank; i++)
        fits = fovea_dim_equal(updates->dims[i], i < indices->rank - 1
                                                     ? indices->dims[i]
                                                     : data->dims[i - indices->rank + 1 + last]);
    if (!fits)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the shapes of data, indices and updates do not go together");
    return infer_common(graph, node, error);
}

/* Hyperplane of data chosen by one row of coordinates: its offset in *at. */
static gboolean row_offset(const FoveaNode *node, const FoveaView *indices, gint64 row,
                           const FoveaView *to, gint64 *at, GError **error)
{
    guint lead = indices->rank - 1;
    *at = 0;
    for (guint i = 0; i < (guint)indices->dims[lead]; i++) {
        gint64 index = fovea_load_i64(indices->dtype, indices->data,
                                      row + i * indices->strides[lead]);
        if (!fovea_run_index(node, index, to->dims[i], &index, error))
            return FALSE;
        *at += index * to->strides[i];
    }
    return TRUE;
}

static gboolean ref_scatter_nd(const FoveaNode *node, const FoveaView *const *in,
                               const FoveaView *const *out, GError **error)
{
    const FoveaView *indices = in[1], *updates = in[2], *to = out[0];
    guint lead = indices->rank - 1, last = (guint)indices->dims[lead], rest = to->rank - last;
    const gint64 *row_strides[] = {indices->strides, updates->strides};
    const gint64 *strides[] = {updates->strides + lead, to->strides + last};
    FoveaWalk rows, plane;
    Reduction how;
    if (!reduction_of(node, &how, error))
        return FALSE;
    fovea_view_copy(in[0], to);
    fovea_walk_init(&rows, lead, indices->dims, 2, row_strides);
    fovea_walk_init(&plane, rest, to->dims + last, 2, strides);
    if (rows.empty || plane.empty)
        return TRUE;
    do {
        gint64 at;
        if (!row_offset(node, indices, rows.at[0], to, &at, error))
            return FALSE;
        fovea_walk_init(&plane, rest, to->dims + last, 2, strides);
        do {
            put(how, updates, rows.at[1] + plane.at[0], to, at + plane.at[1]);
        } while (fovea_walk_next(&plane));
    } while (fovea_walk_next(&rows));
    return TRUE;
}

static gboolean sample_scatter_nd(FoveaSample *sample, guint index)
{
    static const char *const how[] = {"none", "add", "mul", "min", "max", "none"};
    if (index >= G_N_ELEMENTS(how))
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(7, 5, 9), 0.5, 2);
    fovea_node_set_string(sample->node, "reduction", how[index]);
    if (index == 5) { /* single elements */
        fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, FOVEA_DIMS(5, 3), 0, 1);
        fovea_sample_f32(sample, 2, FOVEA_DIMS(5), 0.5, 2);
        gint64 *indices = fovea_tensor_data_mut(sample->in[1]);
        for (gint64 i = 0; i < 5; i++)
            indices[3 * i] = i - 3;
        return TRUE;
    }
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, FOVEA_DIMS(4, 1), -7, 7);
    fovea_sample_f32(sample, 2, FOVEA_DIMS(4, 5, 9), 0.5, 2);
    gint64 *indices = fovea_tensor_data_mut(sample->in[1]);
    for (gint64 i = 0; index == 0 && i < 4; i++)
        indices[i] = i - 2;
    return TRUE;
}

const FoveaOp fovea_op_ScatterND = {.name = "ScatterND",
                                    .min_in = 3,
                                    .max_in = 3,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .infer = infer_scatter_nd,
                                    .ref = ref_scatter_nd,
                                    .sample = sample_scatter_nd};
