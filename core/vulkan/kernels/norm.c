/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/norm.c: LayerNormalization, RMSNormalization, InstanceNormalization and
 * GroupNormalization: rows are normalised, then scaled and shifted along other axes or the same.
 */
#include "vulkan/kernels/common.h"

typedef struct NormData {
    guint lanes;
} NormData;

static gboolean by_rows(const FoveaNode *node)
{
    return g_str_equal(node->op->name, "LayerNormalization") ||
           g_str_equal(node->op->name, "RMSNormalization");
}

/* A view of one entry a channel as a view like x. */
static void along_channels(const FoveaView *entries, const FoveaView *x, FoveaView *out)
{
    *out = *x;
    memset(out->strides, 0, sizeof out->strides);
    out->strides[1] = entries->strides[0];
    out->offset = entries->offset;
}

/* Axis 1 becomes two: groups, and channels of a group. */
static void split_channels(FoveaView *view, gint64 groups)
{
    for (guint i = view->rank; i > 2; i--) {
        view->dims[i] = view->dims[i - 1];
        view->strides[i] = view->strides[i - 1];
    }
    view->dims[2] = view->dims[1] / groups;
    view->strides[2] = view->strides[1];
    view->dims[1] = groups;
    view->strides[1] *= view->dims[2];
    view->rank++;
}

/* x, scale, bias, out as views of one shape. Returns the first axis of a row, or -1. */
static gint views_of(const FoveaNode *node, const FoveaView *x, const FoveaView *scale,
                     const FoveaView *bias, const FoveaView *out, FoveaView v[4])
{
    const FoveaView *entries[2] = {scale, bias};
    v[0] = *x;
    v[3] = *out;
    for (guint k = 0; k < 2; k++) {
        v[1 + k] = *x;
        memset(v[1 + k].strides, 0, sizeof v[1 + k].strides);
        v[1 + k].offset = 0;
        if (entries[k] == NULL)
            continue;
        if (!by_rows(node))
            along_channels(entries[k], x, &v[1 + k]);
        else if (!fovea_view_broadcast(entries[k], x->rank, x->dims, &v[1 + k]))
            return -1;
    }
    if (by_rows(node))
        return (gint)fovea_node_axis(node, -1, x->rank);
    if (g_str_equal(node->op->name, "GroupNormalization")) {
        for (guint k = 0; k < 4; k++)
            split_channels(&v[k], fovea_node_attr_int(node, "num_groups", 1));
    }
    return 2;
}

static void walks_of(const FoveaView v[4], guint first, FoveaVkWalk *rows, FoveaVkWalk *inside)
{
    fovea_vk_walk_init(rows, 4);
    fovea_vk_walk_init(inside, 4);
    for (guint i = 0; i < v[0].rank; i++) {
        const gint64 strides[4] = {v[0].strides[i], v[1].strides[i], v[2].strides[i],
                                   v[3].strides[i]};
        fovea_vk_walk_axis(i < first ? rows : inside, v[0].dims[i], strides);
    }
    fovea_vk_walk_sort(rows, 0);
    fovea_vk_walk_sort(inside, 0);
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    FoveaView v[4];
    FoveaVkWalk rows, inside;
    const NormData *data = f->data;
    gint first = views_of(f->node, fovea_vk_in(f, 0), fovea_vk_own(f, 1), fovea_vk_own(f, 2),
                          fovea_vk_out(f, 0), v);
    if (first < 0)
        return fovea_node_fail(f->node, error, FOVEA_ERROR_SHAPE,
                               "scale or bias does not broadcast to the input");
    walks_of(v, (guint)first, &rows, &inside);
    fovea_vk_word_float(f, (float)fovea_node_attr_float(f->node, "epsilon", 1e-5));
    for (guint k = 0; k < 4; k++)
        fovea_vk_word(f, v[k].offset);
    gint64 count = fovea_vk_walk_count(&inside) > 0 ? fovea_vk_walk_count(&rows) : 0;
    fovea_vk_walk_words(f, &rows);
    fovea_vk_walk_words(f, &inside);
    fovea_vk_row_groups(f, count, data->lanes);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_norm, fill, NULL);
    NormData *data = fovea_vk_data(d, sizeof *data);
    const FoveaValue *scale = fovea_own_in(node, 1), *bias = fovea_own_in(node, 2);
    FoveaView x, out, v[4];
    FoveaVkWalk rows, inside;
    (void)error;
    fovea_vk_view(builder, node->in[0], &x);
    fovea_vk_view(builder, node->out[0], &out);
    gint first = views_of(node, &x, NULL, NULL, &out, v);
    walks_of(v, (guint)first, &rows, &inside);
    data->lanes = fovea_vk_lanes(fovea_vk_walk_count(&rows), fovea_vk_walk_count(&inside));
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_input(builder, d, 1, scale);
    fovea_vk_input(builder, d, 2, bias);
    fovea_vk_output(builder, d, 3, node->out[0]);
    fovea_vk_option(d, 0, !g_str_equal(node->op->name, "RMSNormalization"));
    fovea_vk_option(d, 1, data->lanes);
    fovea_vk_option(d, 2, scale != NULL);
    fovea_vk_option(d, 3, bias != NULL);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    if (fovea_node_out(node, 0) == NULL || fovea_node_out(node, 1) != NULL ||
        fovea_node_out(node, 2) != NULL)
        return "mean and deviation as outputs";
    if (!by_rows(node) && node->in[0]->rank >= FOVEA_MAX_RANK)
        return "rank too high";
    return fovea_vk_reals_only(node);
}

static gboolean channels_last(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    return !by_rows(node);
}

static const char *const ops[] = {"GroupNormalization", "InstanceNormalization",
                                  "LayerNormalization", "RMSNormalization", NULL};
const FoveaVkKernel fovea_vk_kernel_norm = {
    .ops = ops,
    .klass = "norm",
    .why_not = why_not,
    .channels_last = channels_last,
    .emit = emit,
};
