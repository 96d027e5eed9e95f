/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/topk.c: TopK. Short rows are sorted in shared memory; of long ones the k best are
 * found first; where even those are too many to sort there, places are counted.
 */
#include "vulkan/kernels/common.h"

#define SORTED 2048 /* 16 KiB of shared memory */

typedef struct TopkData {
    gboolean count;
} TopkData;

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *places = fovea_vk_out(f, 1), *out = fovea_vk_out(f, 0);
    const TopkData *data = f->data;
    const FoveaView *any = out != NULL ? out : places;
    guint axis = fovea_node_axis(f->node, -1, x->rank);
    const FoveaView *views[3] = {x, out, places};
    gint64 k = any->dims[axis];
    FoveaVkWalk rows;
    if (k > x->dims[axis])
        return fovea_node_fail(f->node, error, FOVEA_ERROR_RANGE, "k is more than the axis holds");
    fovea_vk_walk_init(&rows, 3);
    for (guint i = 0; i < x->rank; i++) {
        const gint64 strides[3] = {x->strides[i], out != NULL ? out->strides[i] : 0,
                                   places != NULL ? places->strides[i] : 0};
        if (i != axis)
            fovea_vk_walk_axis(&rows, x->dims[i], strides);
    }
    for (guint v = 0; v < 3; v++) {
        fovea_vk_word(f, views[v] != NULL ? views[v]->offset : 0);
        fovea_vk_word(f, views[v] != NULL ? views[v]->strides[axis] : 0);
    }
    fovea_vk_word(f, x->dims[axis]);
    fovea_vk_word(f, k);
    gint64 count = k > 0 ? fovea_vk_walk_count(&rows) : 0;
    fovea_vk_walk_words(f, &rows);
    fovea_vk_groups(f, data->count ? count * ((x->dims[axis] + 255) / 256) : count, 1);
    return TRUE;
}

static guint32 power_of_two(gint64 n)
{
    guint32 p = 2;
    while (p < n)
        p *= 2;
    return p;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaValue *out = fovea_node_out(node, 0), *places = fovea_node_out(node, 1);
    FoveaView x, shape;
    (void)error;
    fovea_vk_view(builder, node->in[0], &x);
    fovea_vk_view(builder, out != NULL ? out : places, &shape);
    guint axis = fovea_node_axis(node, -1, x.rank);
    gint64 length = x.dims[axis], k = shape.dims[axis];
    gboolean count = length > SORTED && k > SORTED;
    FoveaVkDispatch *d = fovea_vk_dispatch(
        builder, node, count ? FOVEA_VK_SHADER_topk_count : FOVEA_VK_SHADER_topk, fill, NULL);
    TopkData *data = fovea_vk_data(d, sizeof *data);
    data->count = count;
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_output(builder, d, 1, out);
    fovea_vk_output(builder, d, 2, places);
    fovea_vk_option(d, 0, fovea_node_attr_int(node, "largest", 1) == 0);
    fovea_vk_option(d, 1, out != NULL);
    fovea_vk_option(d, 2, places != NULL);
    if (!count) {
        fovea_vk_option(d, 3, power_of_two(length > SORTED ? k : length));
        fovea_vk_option(d, 4, length > SORTED);
    }
    double elements = (double)fovea_view_count(&x);
    fovea_vk_cost(d, elements * (count ? (double)length : 32) / 1e6);
    return TRUE;
}

static const char *const ops[] = {"TopK", NULL};
const FoveaVkKernel fovea_vk_kernel_topk = {
    .ops = ops,
    .klass = "topk",
    .emit = emit,
};
