/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shape Size
 * Math:   Shape: the sizes of in[0] from axis `start` up to `end` (clamped). Size: their product.
 * Shape:  [number of axes]; [].
 * Types:  any; the result is i64.
 * Errors: none.
 * Source: ONNX opset 13 to 25.
 *
 * The results are known while the plan is made, as expressions of named scalars.
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gint64 clamp_axis(gint64 axis, gint rank)
{
    return CLAMP(axis < 0 ? axis + rank : axis, 0, rank);
}

static void axes_of(const FoveaNode *node, gint rank, gint64 *start, gint64 *end)
{
    *start = clamp_axis(fovea_node_attr_int(node, "start", 0), rank);
    *end = clamp_axis(fovea_node_attr_int(node, "end", rank), rank);
    *end = MAX(*end, *start);
}

static gboolean infer_shape(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    gint64 start, end;
    axes_of(node, in->rank, &start, &end);
    FoveaDim n = fovea_dim(end - start);
    fovea_infer_set(node->out[0], FOVEA_DTYPE_I64, 1, &n);
    fovea_value_set_content(node->out[0], in->dims + start, (guint)(end - start));
    return TRUE;
}

static gboolean ref_shape(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    gint64 start, end;
    axes_of(node, (gint)in[0]->rank, &start, &end);
    for (gint64 i = start; i < end; i++)
        fovea_store_i64(out[0]->dtype, out[0]->data, (i - start) * out[0]->strides[0],
                        in[0]->dims[i]);
    return TRUE;
}

static gboolean sample_shape(FoveaSample *sample, guint index)
{
    if (index > 3)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 3, 1, 5), -1, 1);
    if (index & 1)
        fovea_node_set_int(sample->node, "start", -3);
    if (index & 2)
        fovea_node_set_int(sample->node, "end", -1);
    return TRUE;
}

const FoveaOp fovea_op_Shape = {.name = "Shape",
                                .min_in = 1,
                                .max_in = 1,
                                .min_out = 1,
                                .max_out = 1,
                                .infer = infer_shape,
                                .ref = ref_shape,
                                .sample = sample_shape};

static gboolean infer_size(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    FoveaDim count = fovea_dim(1);
    for (gint i = 0; i < node->in[0]->rank; i++)
        count = fovea_dim_mul(graph->syms, count, node->in[0]->dims[i]);
    fovea_infer_set(node->out[0], FOVEA_DTYPE_I64, 0, NULL);
    fovea_value_set_content(node->out[0], &count, 1);
    return TRUE;
}

static gboolean ref_size(const FoveaNode *node, const FoveaView *const *in,
                         const FoveaView *const *out, GError **error)
{
    fovea_store_i64(out[0]->dtype, out[0]->data, 0, fovea_view_count(in[0]));
    return TRUE;
}

static gboolean sample_size(FoveaSample *sample, guint index)
{
    if (index > 0)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 3, 5), -1, 1);
    return TRUE;
}

const FoveaOp fovea_op_Size = {.name = "Size",
                               .min_in = 1,
                               .max_in = 1,
                               .min_out = 1,
                               .max_out = 1,
                               .infer = infer_size,
                               .ref = ref_size,
                               .sample = sample_size};
