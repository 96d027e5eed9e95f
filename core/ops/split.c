/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Split
 * Math:   out[k] = the next sizes[k] elements of the input along `axis`.
 * Shape:  sizes from in[1]; without it n equal parts (num_outputs, else the number of outputs), of
 *         which the last may be shorter.
 * Types:  any.
 * Errors: SHAPE (the sizes do not add up); NEED_VALUE.
 * Source: ONNX opset 18.
 */
#include "ops/sample.h"
#include "ops/structure.h"

static guint parts(const FoveaNode *node)
{
    return (guint)CLAMP(fovea_node_attr_int(node, "num_outputs", node->n_out), 1, G_MAXINT16);
}

/* Size and start of part `slot`. */
static gboolean part_of(FoveaGraph *graph, const FoveaNode *node, FoveaDim size, guint slot,
                        FoveaDim *start, FoveaDim *length, GError **error)
{
    FoveaDim sizes[FOVEA_MAX_CONTENT];
    FoveaSyms *syms = graph->syms;
    guint n;
    if (fovea_node_in(node, 1) == NULL) {
        gint64 many = parts(node);
        FoveaDim top = fovea_dim_add(syms, size, fovea_dim(many - 1));
        FoveaDim part = fovea_dim_div(syms, top, fovea_dim(many));
        *start = fovea_dim_min(syms, fovea_dim_mul(syms, part, fovea_dim(slot)), size);
        FoveaDim end = fovea_dim_mul(syms, part, fovea_dim((gint64)slot + 1));
        *length = fovea_dim_sub(syms, fovea_dim_min(syms, end, size), *start);
        return TRUE;
    }
    if (!fovea_infer_ints(graph, node, 1, sizes, FOVEA_MAX_CONTENT, &n, error))
        return FALSE;
    if (slot >= n)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "%u sizes are given for %u outputs",
                               n, node->n_out);
    *start = fovea_dim(0);
    for (guint k = 0; k < slot; k++)
        *start = fovea_dim_add(syms, *start, sizes[k]);
    *length = sizes[slot];
    return TRUE;
}

static gboolean infer_split(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK], start, length, sum = fovea_dim(0);
    guint axis;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), in->rank, FALSE, &axis, error))
        return FALSE;
    memcpy(dims, in->dims, sizeof dims);
    for (guint k = 0; k < node->n_out; k++) {
        gint64 low, high;
        if (!part_of(graph, node, in->dims[axis], k, &start, &length, error))
            return FALSE;
        fovea_dim_bounds(graph->syms, length, &low, &high);
        if (high < 0 || (fovea_dim_is_const(length) && length.c < 0))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "a part has a negative size");
        dims[axis] = length;
        sum = fovea_dim_add(graph->syms, sum, length);
        fovea_infer_set(node->out[k], in->dtype, in->rank, dims);
    }
    if (!fovea_dim_equal(sum, in->dims[axis]) &&
        (fovea_node_in(node, 1) != NULL || fovea_dim_is_const(sum))) {
        g_autofree char *a = fovea_dim_to_string(graph->syms, sum);
        g_autofree char *b = fovea_dim_to_string(graph->syms, in->dims[axis]);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the parts add up to %s, but the axis has size %s", a, b);
    }
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean view_split(const FoveaNode *node, guint slot, const FoveaWindow *in,
                           FoveaWindow *out)
{
    FoveaSyms *syms = node->graph->syms;
    FoveaDim start, length;
    guint axis;
    if (!fovea_axis(fovea_node_attr_int(node, "axis", 0), in->rank, FALSE, &axis) ||
        !part_of(node->graph, node, in->dims[axis], slot, &start, &length, NULL))
        return FALSE;
    *out = *in;
    out->dims[axis] = length;
    out->offset = fovea_dim_add(syms, in->offset, fovea_dim_mul(syms, start, in->strides[axis]));
    return TRUE;
}

static gboolean ref_split(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    gint64 sizes[FOVEA_MAX_CONTENT], many = parts(node), start = 0;
    guint axis, n;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 0), (gint)in[0]->rank, FALSE, &axis,
                       error) ||
        !fovea_run_ints(node, in[1], sizes, FOVEA_MAX_CONTENT, &n, error))
        return FALSE;
    gint64 size = in[0]->dims[axis], part = (size + many - 1) / many;
    for (guint k = 0; k < node->n_out; k++) {
        gint64 length = in[1] == NULL ? MIN(part, size - start) : k < n ? sizes[k] : -1;
        if (length < 0 || start + length > size || (out[k] != NULL && out[k]->dims[axis] != length))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "part %u does not fit the axis",
                                   k);
        if (out[k] != NULL) {
            FoveaView window = *in[0];
            window.dims[axis] = length;
            window.data = (char *)window.data +
                          start * window.strides[axis] * (gint64)fovea_dtype_size(window.dtype);
            fovea_view_copy(&window, out[k]);
        }
        start += length;
    }
    return TRUE;
}

static gboolean sample_split(FoveaSample *sample, guint index)
{
    static const gint64 sizes[] = {2, 0, 7};
    if (index > 3)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(9, 3, 9), -1, 1);
    fovea_node_set_int(sample->node, "axis", index % 2 ? -1 : 0);
    sample->n_out = 3;
    if (index < 2) {
        fovea_sample_const_ints(sample, 1, sizes, 3);
    } else {
        fovea_node_set_int(sample->node, "num_outputs", index == 2 ? 3 : 2);
        sample->n_out = index == 2 ? 3 : 2; /* 9 = 5 + 4 */
    }
    return TRUE;
}

const FoveaOp fovea_op_Split = {.name = "Split",
                                .min_in = 1,
                                .max_in = 2,
                                .min_out = 1,
                                .max_out = 255,
                                .is_view = TRUE,
                                .infer = infer_split,
                                .ref = ref_split,
                                .view = view_split,
                                .sample = sample_split};
