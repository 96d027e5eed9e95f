/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/fill.c: what kernels call to compute parameter words.
 */
#include "vulkan/vk.h"

const FoveaView *fovea_vk_in(const FoveaVkFill *fill, guint slot)
{
    const FoveaValue *value = fovea_node_in(fill->node, slot);
    return value != NULL ? &fill->views[value->id] : NULL;
}

const FoveaView *fovea_vk_out(const FoveaVkFill *fill, guint slot)
{
    const FoveaValue *value = fovea_node_out(fill->node, slot);
    return value != NULL ? &fill->views[value->id] : NULL;
}

gboolean fovea_vk_ints(const FoveaVkFill *fill, guint slot, gint64 *ints, guint max, guint *n)
{
    const FoveaValue *value = fovea_node_in(fill->node, slot);
    *n = 0;
    if (value == NULL)
        return TRUE;
    if (value->constant != NULL) {
        gsize count = fovea_tensor_n_elements(value->constant);
        if (count > max || fovea_dtype_is_float(value->constant->dtype))
            return FALSE;
        for (; *n < count; (*n)++)
            ints[*n] = fovea_load_i64(value->constant->dtype, value->constant->data, *n);
        return TRUE;
    }
    if (value->content == NULL || value->n_content > max)
        return FALSE;
    for (; *n < value->n_content; (*n)++)
        ints[*n] = fovea_dim_eval(fill->program->graph->syms, value->content[*n], fill->scalars);
    return TRUE;
}

void fovea_vk_word(FoveaVkFill *fill, gint64 value)
{
    if (fill->n_words == FOVEA_VK_MAX_WORDS || value < G_MININT32 || value > G_MAXUINT32) {
        fill->overflow = TRUE;
        return;
    }
    fill->words[fill->n_words++] = (guint32)value;
}

void fovea_vk_word_float(FoveaVkFill *fill, float value)
{
    guint32 bits;
    memcpy(&bits, &value, sizeof bits);
    fovea_vk_word(fill, bits);
}

void fovea_vk_word_view(FoveaVkFill *fill, const FoveaView *view, guint rank)
{
    fovea_vk_word(fill, view != NULL ? view->offset : 0);
    for (guint i = 0; i < rank; i++) {
        gint at = view != NULL ? (gint)(view->rank + i) - (gint)rank : -1;
        fovea_vk_word(fill, at < 0 || view->dims[at] == 1 ? 0 : view->strides[at]);
    }
}

void fovea_vk_groups_3d(FoveaVkFill *fill, gint64 x, gint64 y, gint64 z)
{
    fill->overflow |= x > 65535 || y > 65535 || z > 65535;
    fill->groups[0] = (guint32)x;
    fill->groups[1] = (guint32)y;
    fill->groups[2] = (guint32)z;
}

void fovea_vk_groups(FoveaVkFill *fill, gint64 count, gint64 per_group)
{
    gint64 groups = count / per_group + (count % per_group != 0);
    gint64 y = groups / 32768 + (groups % 32768 != 0);
    fovea_vk_groups_3d(fill, y > 1 ? groups / y + (groups % y != 0) : groups, MAX(y, 1), 1);
}

/* ---- epilogues ---- */

static const FoveaView *operand_view(const FoveaVkFill *fill, guint k)
{
    return fovea_vk_in(fill, fill->node->fx_base + k);
}

/* One stride for the axes of a group, walked as one. FALSE where there is none. */
static gboolean group_stride(const FoveaView *view, guint first, guint n, gint64 *stride)
{
    gint64 size = 1;
    *stride = 0;
    for (guint i = first + n; i-- > first;) {
        if (view->dims[i] == 1)
            continue;
        if (size == 1)
            *stride = view->strides[i];
        else if (view->strides[i] != *stride * size)
            return FALSE;
        size *= view->dims[i];
    }
    return TRUE;
}

gboolean fovea_vk_word_epilogue(FoveaVkFill *fill, const FoveaVkGroups *groups, GError **error)
{
    const FoveaNode *node = fill->node;
    const FoveaView *out = fovea_vk_out(fill, 0);
    guint n = fill->epilogue ? node->fx->n_args : 0;
    for (guint k = 0; k + 1 < n; k++) {
        const FoveaView *view = operand_view(fill, k);
        FoveaView wide;
        if (view == NULL || !fovea_view_broadcast(view, out->rank, out->dims, &wide))
            return fovea_fail(error, FOVEA_ERROR_SHAPE,
                              "%s '%s': an operand does not broadcast to the result.",
                              node->op->name, node->name);
        fovea_vk_word(fill, wide.offset);
        for (guint g = 0; g < 4; g++) {
            gint64 stride;
            if (!group_stride(&wide, groups->g[g].first, groups->g[g].n, &stride))
                return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                                  "%s '%s': an operand's memory has no common stride.",
                                  node->op->name, node->name);
            fovea_vk_word(fill, stride);
        }
    }
    return TRUE;
}

/* Where a group has several axes, an operand either has all of them or is 1 along all of them, and
 * lies in C order, which only an operand that is no window is sure to do. */
static gboolean operand_fits(const FoveaValue *value, const FoveaValue *out,
                             const FoveaVkGroups *groups)
{
    gint lead = out->rank - value->rank;
    if (lead < 0)
        return FALSE;
    for (guint g = 0; g < 4; g++) {
        guint same = 0, one = 0, n = groups->g[g].n;
        for (guint i = groups->g[g].first; i < (guint)groups->g[g].first + n; i++) {
            gboolean is_one = (gint)i < lead || fovea_dim_is(value->dims[(gint)i - lead], 1);
            one += is_one || fovea_dim_is(out->dims[i], 1);
            same += !is_one || fovea_dim_is(out->dims[i], 1);
        }
        if (n > 1 && one < n &&
            (same < n || (value->producer != NULL && value->producer->op->is_view)))
            return FALSE;
    }
    return TRUE;
}

gboolean fovea_vk_epilogue_fits(const FoveaNode *node, const FoveaVkGroups *groups)
{
    if (!fovea_node_has_epilogue(node))
        return TRUE;
    const FoveaExpr *fx = node->fx;
    if (fx->n_args > 1 + FOVEA_VK_EPILOGUE_MAX)
        return FALSE;
    for (guint i = 0; i < fx->n; i++) {
        guint axis = (guint)fx->node[i].i;
        if (fx->node[i].op == FX_INDEX &&
            (axis > 3 || groups->g[axis].n != 1 || groups->g[axis].first != axis))
            return FALSE;
    }
    for (guint k = 0; k + 1 < fx->n_args; k++) {
        const FoveaValue *value = fovea_node_in(node, node->fx_base + k);
        if (value == NULL || !operand_fits(value, node->out[0], groups))
            return FALSE;
    }
    return TRUE;
}
