/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ConstantOfShape Range EyeLike OneHot
 * Math:   ConstantOfShape: `value` (default 0 in f32) everywhere. Range: start + i * step.
 *         EyeLike: 1 on the diagonal j = i + k. OneHot: values[1] where the position along `axis` is
 *         the index (negative: counted from the end), else values[0]; an index outside marks nothing.
 * Shape:  that of in[0]'s entries; max(0, ceil((limit - start) / step)); that of in[0];
 *         indices with an axis of size in[1].
 * Types:  of value; of start; attribute dtype or in[0]'s; of values.
 * Errors: SHAPE; NEED_VALUE (a shape that is computed from data).
 * Source: ONNX opset 9 to 27.
 */
#include <math.h>

#include "ops/sample.h"
#include "ops/structure.h"

/* ---- ConstantOfShape ---- */

static const FoveaTensor *fill_value(const FoveaNode *node)
{
    const FoveaAttr *attr = fovea_node_attr(node, "value");
    return attr != NULL && attr->type == FOVEA_ATTR_TENSOR && attr->tensor->n_elements >= 1
               ? attr->tensor
               : NULL;
}

static gboolean infer_constant_of_shape(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaTensor *value = fill_value(node);
    FoveaDim dims[FOVEA_MAX_RANK], content[FOVEA_MAX_CONTENT], count = fovea_dim(1);
    guint rank;
    if (!fovea_infer_ints(graph, node, 0, dims, FOVEA_MAX_RANK, &rank, error))
        return FALSE;
    for (guint i = 0; i < rank; i++) {
        if (fovea_dim_is_const(dims[i]) && dims[i].c < 0)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "a size is %" G_GINT64_FORMAT,
                                   dims[i].c);
        count = fovea_dim_mul(graph->syms, count, dims[i]);
    }
    fovea_infer_set(node->out[0], value != NULL ? value->dtype : FOVEA_DTYPE_F32, (gint)rank, dims);
    if (value == NULL || fovea_dtype_is_float(value->dtype) || !fovea_dim_is_const(count) ||
        count.c > FOVEA_MAX_CONTENT)
        return TRUE;
    for (gint64 i = 0; i < count.c; i++)
        content[i] = fovea_dim(fovea_load_i64(value->dtype, value->data, 0));
    fovea_value_set_content(node->out[0], content, (guint)count.c);
    return TRUE;
}

static gboolean ref_constant_of_shape(const FoveaNode *node, const FoveaView *const *in,
                                      const FoveaView *const *out, GError **error)
{
    static const gint64 zero = 0;
    const FoveaTensor *value = fill_value(node);
    FoveaView one = {.dtype = value != NULL ? value->dtype : FOVEA_DTYPE_I64,
                     .data = value != NULL ? value->data : (void *)&zero};
    FoveaView wide;
    fovea_view_broadcast(&one, out[0]->rank, out[0]->dims, &wide);
    fovea_view_copy(&wide, out[0]);
    return TRUE;
}

static gboolean sample_constant_of_shape(FoveaSample *sample, guint index)
{
    static const gint64 shape[] = {3, 17, 5};
    if (index > 2)
        return FALSE;
    fovea_sample_const_ints(sample, 0, shape, index == 2 ? 0 : 3);
    if (index == 1) {
        g_autoptr(FoveaTensor) value = fovea_tensor_new(FOVEA_DTYPE_F32, 1, (gint64[]){1}, NULL);
        *(float *)fovea_tensor_data_mut(value) = -2.5f;
        fovea_node_set_tensor(sample->node, "value", value);
    }
    return TRUE;
}

const FoveaOp fovea_op_ConstantOfShape = {.name = "ConstantOfShape",
                                          .min_in = 1,
                                          .max_in = 1,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .infer = infer_constant_of_shape,
                                          .ref = ref_constant_of_shape,
                                          .sample = sample_constant_of_shape};

/* ---- Range ---- */

/* Number of steps where all three are floats known as constants. */
static gboolean float_count(const FoveaNode *node, FoveaDim *count, GError **error)
{
    double at[3];
    for (guint k = 0; k < 3; k++) {
        const FoveaTensor *tensor = node->in[k]->constant;
        if (tensor == NULL || tensor->n_elements != 1)
            return fovea_infer_need(node, k, error);
        at[k] = fovea_load_f64(tensor->dtype, tensor->data, 0);
    }
    double steps = ceil((at[1] - at[0]) / at[2]);
    if (!(fabs(steps) < 1e15))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the range never ends");
    *count = fovea_dim((gint64)MAX(steps, 0));
    return TRUE;
}

static gboolean int_count(FoveaGraph *graph, const FoveaNode *node, FoveaDim *at, FoveaDim *count,
                          GError **error)
{
    FoveaSyms *syms = graph->syms;
    for (guint k = 0; k < 3; k++) {
        guint n;
        if (!fovea_infer_ints(graph, node, k, &at[k], 1, &n, error))
            return FALSE;
        if (n != 1)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "input %u is no scalar", k);
    }
    if (!fovea_dim_is_const(at[2]))
        return fovea_infer_need(node, 2, error);
    if (at[2].c == 0 || at[2].c == G_MININT64)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the range never ends");
    FoveaDim span = at[2].c > 0 ? fovea_dim_sub(syms, at[1], at[0])
                                : fovea_dim_sub(syms, at[0], at[1]);
    gint64 step = ABS(at[2].c);
    if (step > 1)
        span = fovea_dim_div(syms, fovea_dim_add(syms, span, fovea_dim(step - 1)), fovea_dim(step));
    *count = fovea_dim_max(syms, span, fovea_dim(0));
    return TRUE;
}

static gboolean infer_range(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    FoveaDim at[3], count, content[FOVEA_MAX_CONTENT];
    FoveaDtype dtype = node->in[0]->dtype;
    if (!fovea_check_same_type(node, 0, 1, error) || !fovea_check_same_type(node, 0, 2, error))
        return FALSE;
    if (fovea_dtype_is_float(dtype)) {
        if (!float_count(node, &count, error))
            return FALSE;
        return fovea_infer_set(node->out[0], dtype, 1, &count);
    }
    if (!int_count(graph, node, at, &count, error))
        return FALSE;
    fovea_infer_set(node->out[0], dtype, 1, &count);
    if (!fovea_dim_is_const(count) || count.c > FOVEA_MAX_CONTENT)
        return TRUE;
    for (gint64 i = 0; i < count.c; i++)
        content[i] = fovea_dim_add(graph->syms, at[0],
                                   fovea_dim_mul(graph->syms, at[2], fovea_dim(i)));
    fovea_value_set_content(node->out[0], content, (guint)count.c);
    return TRUE;
}

static gboolean ref_range(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    gboolean floats = fovea_dtype_is_float(in[0]->dtype);
    double start = fovea_load_f64(in[0]->dtype, in[0]->data, 0);
    double step = fovea_load_f64(in[2]->dtype, in[2]->data, 0);
    guint64 first = (guint64)fovea_load_i64(in[0]->dtype, in[0]->data, 0);
    guint64 delta = (guint64)fovea_load_i64(in[2]->dtype, in[2]->data, 0);
    for (gint64 i = 0; i < out[0]->dims[0]; i++) {
        gint64 at = i * out[0]->strides[0];
        if (floats)
            fovea_store_f64(out[0]->dtype, out[0]->data, at, start + (double)i * step);
        else
            fovea_store_i64(out[0]->dtype, out[0]->data, at, (gint64)(first + (guint64)i * delta));
    }
    return TRUE;
}

static gboolean sample_range(FoveaSample *sample, guint index)
{
    static const gint64 cases[][3] = {{0, 17, 1}, {5, -8, -3}, {4, 4, 1}};
    if (index > 3)
        return FALSE;
    for (guint k = 0; k < 3; k++) {
        if (index == 3) {
            double at = k == 0 ? 0.5 : k == 1 ? 9 : 0.75;
            fovea_sample_f32(sample, k, 0, NULL, at, at + 1e-9);
        } else {
            fovea_sample_int(sample, k, FOVEA_DTYPE_I64, 0, NULL, cases[index][k],
                             cases[index][k] + 1);
        }
        sample->constant[k] = TRUE;
    }
    return TRUE;
}

const FoveaOp fovea_op_Range = {.name = "Range",
                                .min_in = 3,
                                .max_in = 3,
                                .min_out = 1,
                                .max_out = 1,
                                .infer = infer_range,
                                .ref = ref_range,
                                .sample = sample_range};

/* ---- EyeLike ---- */

static gboolean infer_eye(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDtype dtype = (FoveaDtype)fovea_node_attr_int(node, "dtype", in->dtype);
    if (in->rank != 2 || fovea_dtype_size(dtype) == 0)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the input must be a matrix and the type one we have");
    return fovea_infer_set(node->out[0], dtype, 2, in->dims);
}

static gboolean ref_eye(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    gint64 k = fovea_node_attr_int(node, "k", 0);
    for (gint64 i = 0; i < out[0]->dims[0]; i++) {
        for (gint64 j = 0; j < out[0]->dims[1]; j++)
            fovea_store_f64(out[0]->dtype, out[0]->data,
                            i * out[0]->strides[0] + j * out[0]->strides[1], j - i == k);
    }
    return TRUE;
}

static gboolean sample_eye(FoveaSample *sample, guint index)
{
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(7, 9), -1, 1);
    fovea_node_set_int(sample->node, "k", (gint64)index * 2 - 2);
    if (index == 2)
        fovea_node_set_int(sample->node, "dtype", FOVEA_DTYPE_I64);
    return TRUE;
}

const FoveaOp fovea_op_EyeLike = {.name = "EyeLike",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .infer = infer_eye,
                                  .ref = ref_eye,
                                  .sample = sample_eye};

/* ---- OneHot ---- */

static gboolean infer_one_hot(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *indices = node->in[0], *depth = node->in[1];
    FoveaDim dims[FOVEA_MAX_RANK], n;
    guint axis, count;
    gint from = 0;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", -1), indices->rank, TRUE, &axis,
                       error) ||
        !fovea_check_rank(node, indices->rank + 1, error))
        return FALSE;
    if (depth->constant != NULL && depth->constant->n_elements == 1)
        n = fovea_dim(fovea_load_i64(depth->constant->dtype, depth->constant->data, 0));
    else if (fovea_dtype_is_float(depth->dtype))
        return fovea_infer_need(node, 1, error);
    else if (!fovea_infer_ints(graph, node, 1, &n, 1, &count, error))
        return FALSE;
    if (fovea_dim_is_const(n) && n.c < 0)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the depth is negative");
    for (gint i = 0; i <= indices->rank; i++)
        dims[i] = i == (gint)axis ? n : indices->dims[from++];
    return fovea_infer_set(node->out[0], node->in[2]->dtype, indices->rank + 1, dims);
}

static gboolean ref_one_hot(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error)
{
    const FoveaView *indices = in[0], *values = in[2];
    guint axis, k = 0;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", -1), (gint)indices->rank, TRUE,
                       &axis, error))
        return FALSE;
    if (values->rank != 1 || values->dims[0] != 2)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "two values are needed");
    gint64 depth = out[0]->dims[axis], spread[FOVEA_MAX_RANK] = {0};
    for (guint i = 0; i < out[0]->rank; i++)
        spread[i] = i == axis ? 0 : indices->strides[k++];
    const gint64 *strides[] = {spread, out[0]->strides};
    FoveaWalk walk;
    fovea_walk_init(&walk, out[0]->rank, out[0]->dims, 2, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 index = fovea_load_i64(indices->dtype, indices->data, walk.at[0]);
        gboolean on = walk.index[axis] == (index < 0 ? index + depth : index);
        fovea_move_element(values, on * values->strides[0], out[0], walk.at[1]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_one_hot(FoveaSample *sample, guint index)
{
    if (index > 2)
        return FALSE;
    fovea_sample_int(sample, 0, FOVEA_DTYPE_I64, FOVEA_DIMS(3, 5), -12, 12);
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, 0, NULL, 9, 10);
    sample->constant[1] = TRUE;
    fovea_sample_f32(sample, 2, FOVEA_DIMS(2), -1, 1);
    fovea_node_set_int(sample->node, "axis", (gint64)index - 1);
    return TRUE;
}

const FoveaOp fovea_op_OneHot = {.name = "OneHot",
                                 .min_in = 3,
                                 .max_in = 3,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .infer = infer_one_hot,
                                 .ref = ref_one_hot,
                                 .sample = sample_one_hot};
