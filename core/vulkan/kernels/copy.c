/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators that only move numbers or make them from nothing: copies into windows, tiles, fills and
 * ranges.
 */
#include "vulkan/kernels/elementwise.h"

static gboolean is_op(const FoveaNode *node, const char *name)
{
    return g_str_equal(node->op->name, name);
}

/* ---- views ---- */

static gboolean axis_of(const FoveaVkFill *fill, const FoveaView *out, guint *axis, GError **error)
{
    if (fovea_axis(fovea_node_attr_int(fill->node, "axis", 0), (gint)out->rank, FALSE, axis))
        return TRUE;
    return fovea_node_fail(fill->node, error, FOVEA_ERROR_SHAPE, "its axis is outside its shape");
}

/* Input `slot` of a Concat, into its part of the output. */
static gboolean concat_views(const FoveaVkFill *fill, const FoveaVkElementwise *what, FoveaView *in,
                             FoveaView *out, GError **error)
{
    guint axis;
    in[0] = *fovea_vk_in(fill, what->slot);
    *out = *fovea_vk_out(fill, 0);
    if (!axis_of(fill, out, &axis, error))
        return FALSE;
    for (guint k = 0; k < what->slot; k++)
        out->offset += fovea_vk_in(fill, k)->dims[axis] * out->strides[axis];
    out->dims[axis] = in[0].dims[axis];
    return TRUE;
}

/* One input of the output's shape. */
static gboolean plain_views(const FoveaVkFill *fill, const FoveaVkElementwise *what, FoveaView *in,
                            FoveaView *out, GError **error)
{
    *out = *fovea_vk_out(fill, 0);
    if (what->n > 0 && !fovea_view_broadcast(fovea_vk_in(fill, 0), out->rank, out->dims, &in[0]))
        return fovea_node_fail(fill->node, error, FOVEA_ERROR_SHAPE,
                               "its input does not have the shape of its result");
    return TRUE;
}

/* An axis of d elements that is repeated becomes two: how often (stride 0 in the input), and d. */
static gboolean tile_views(const FoveaVkFill *fill, const FoveaVkElementwise *what, FoveaView *in,
                           FoveaView *out, GError **error)
{
    const FoveaView *from = fovea_vk_in(fill, 0), *to = fovea_vk_out(fill, 0);
    guint n = 0;
    *out = *to;
    in[0] = *from;
    for (guint i = 0; i < to->rank; i++) {
        gint64 size = from->dims[i], times = size > 0 ? to->dims[i] / size : 0;
        gboolean split = size > 1 && times > 1;
        if (n + split >= FOVEA_MAX_RANK)
            return fovea_node_fail(fill->node, error, FOVEA_ERROR_UNSUPPORTED,
                                   "it repeats too many axes");
        if (split) {
            out->dims[n] = in[0].dims[n] = times;
            out->strides[n] = to->strides[i] * size;
            in[0].strides[n++] = 0;
        }
        out->dims[n] = in[0].dims[n] = split ? size : to->dims[i];
        out->strides[n] = to->strides[i];
        in[0].strides[n++] = size > 1 ? from->strides[i] : 0;
    }
    out->rank = in[0].rank = n;
    return TRUE;
}

/* Operands of a Range are single numbers; they are read at every position. */
static gboolean range_views(const FoveaVkFill *fill, const FoveaVkElementwise *what, FoveaView *in,
                            FoveaView *out, GError **error)
{
    *out = *fovea_vk_out(fill, 0);
    for (guint k = 0; k < 3; k += 2) {
        const FoveaView *view = fovea_vk_in(fill, k);
        in[k] = *out;
        in[k].offset = view->offset;
        memset(in[k].strides, 0, sizeof in[k].strides);
    }
    return TRUE;
}

/* ---- nodes ---- */

static gboolean emit_concat(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    guint first = is_op(node, "Append") ? 1 : 0; /* what was there before lies in place */
    for (guint k = first; k < node->n_in; k++) {
        const FoveaValue *from = node->in[k];
        if (!fovea_vk_elementwise(builder, node, NULL, &from, 1, node->out[0], concat_views, k,
                                  error))
            return FALSE;
    }
    return TRUE;
}

static gboolean emit_fill(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaAttr *value = fovea_node_attr(node, "value");
    const FoveaTensor *tensor = value != NULL && value->type == FOVEA_ATTR_TENSOR ? value->tensor
                                                                                  : NULL;
    FoveaFxClass klass = fovea_fx_class_of(node->out[0]->dtype);
    FoveaExpr fx = {0};
    gboolean given = tensor != NULL && fovea_tensor_n_elements(tensor) > 0;
    if (klass == FOVEA_FX_F)
        fovea_fx_const(&fx, given ? fovea_load_f64(tensor->dtype, tensor->data, 0) : 0);
    else
        fovea_fx_const_i(&fx, klass, given ? fovea_load_i64(tensor->dtype, tensor->data, 0) : 0);
    return fovea_vk_elementwise(builder, node, &fx, NULL, 0, node->out[0], plain_views, 0, error);
}

/* start + position * delta; the limit has decided the shape. */
static gboolean emit_range(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaFxClass klass = fovea_fx_class_of(node->out[0]->dtype);
    FoveaExpr fx = {0};
    guint16 at = fovea_fx_index(&fx, 0);
    if (klass == FOVEA_FX_F)
        at = fovea_fx_cast(&fx, at, FOVEA_DTYPE_F32);
    guint16 step = fovea_fx_op(&fx, FX_MUL, at, fovea_fx_arg(&fx, 2, klass), 0);
    fovea_fx_finish(&fx, fovea_fx_op(&fx, FX_ADD, fovea_fx_arg(&fx, 0, klass), step, 0));
    const FoveaValue *operands[3] = {node->in[0], NULL, node->in[2]};
    return fovea_vk_elementwise(builder, node, &fx, operands, 3, node->out[0], range_views, 0,
                                error);
}

static gboolean fill_scalars(FoveaVkFill *fill, GError **error)
{
    const FoveaValue *value = fill->node->out[0];
    fovea_vk_word(fill, value->n_content);
    fovea_vk_word(fill, fovea_vk_out(fill, 0)->offset);
    for (guint i = 0; i < value->n_content; i++)
        fovea_vk_word(fill,
                      fovea_dim_eval(fill->program->graph->syms, value->content[i], fill->scalars));
    fovea_vk_groups(fill, value->n_content, 64 * 4);
    return TRUE;
}

/* Numbers that the host computes before each run. */
static gboolean emit_scalars(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_pointwise, fill_scalars,
                                           NULL);
    fovea_vk_bind(d, 0, node->out[0], FOVEA_VK_WRITE);
    fovea_vk_spec(d, 0, 0);
    fovea_vk_spec(d, 1, 0);
    fovea_vk_spec(d, 3, fovea_vk_store(builder, node->out[0]));
    fovea_vk_spec(d, FOVEA_VK_POINTWISE_FROM_WORDS, 1);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaValue *from = fovea_node_in(node, 0);
    if (is_op(node, "Concat") || is_op(node, "Append"))
        return emit_concat(builder, node, error);
    if (is_op(node, "ConstantOfShape"))
        return emit_fill(builder, node, error);
    if (is_op(node, "Range"))
        return emit_range(builder, node, error);
    if (is_op(node, "Scalars"))
        return emit_scalars(builder, node, error);
    return fovea_vk_elementwise(builder, node, NULL, &from, 1, node->out[0],
                                is_op(node, "Tile") ? tile_views : plain_views, 0, error);
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    const FoveaValue *in = fovea_node_in(node, 0), *out = node->out[0];
    if (is_op(node, "Scalars") && out->n_content + 2 > FOVEA_VK_MAX_WORDS)
        return "that many run-time integers are not supported";
    if (is_op(node, "Tile") && in != NULL) {
        guint axes = 0;
        for (gint i = 0; i < out->rank; i++)
            axes += fovea_dim_equal(in->dims[i], out->dims[i]) || fovea_dim_is(in->dims[i], 1) ? 1
                                                                                               : 2;
        if (axes > FOVEA_MAX_RANK)
            return "repeating that many axes is not supported";
    }
    return NULL;
}

const FoveaVkKernel fovea_vk_kernel_copy = {
    .ops = (const char *const[]){"Append", "Concat", "ConstantOfShape", "Copy", "Expand",
                                 "Identity", "Range", "Scalars", "Tile", NULL},
    .klass = "copy",
    .why_not = why_not,
    .emit = emit,
};
