/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/softmax.c: Softmax and LogSoftmax.
 */
#include "vulkan/kernels/common.h"

static void rows_of(const FoveaView *x, const FoveaView *out, guint axis, FoveaVkWalk *rows)
{
    fovea_vk_walk_init(rows, 2);
    for (guint i = 0; i < x->rank; i++) {
        const gint64 strides[2] = {x->strides[i], out->strides[i]};
        if (i != axis)
            fovea_vk_walk_axis(rows, x->dims[i], strides);
    }
    fovea_vk_walk_sort(rows, 1);
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    guint axis = fovea_node_axis(f->node, -1, x->rank);
    const guint *lanes = f->data;
    FoveaVkWalk rows;
    (void)error;
    rows_of(x, out, axis, &rows);
    fovea_vk_word(f, x->offset);
    fovea_vk_word(f, x->strides[axis]);
    fovea_vk_word(f, out->offset);
    fovea_vk_word(f, out->strides[axis]);
    fovea_vk_word(f, x->dims[axis]);
    gint64 count = x->dims[axis] > 0 ? fovea_vk_walk_count(&rows) : 0;
    fovea_vk_walk_words(f, &rows);
    fovea_vk_row_groups(f, count, *lanes);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_softmax, fill, NULL);
    guint *lanes = fovea_vk_data(d, sizeof *lanes);
    FoveaView x;
    (void)error;
    fovea_vk_view(builder, node->in[0], &x);
    guint axis = fovea_node_axis(node, -1, x.rank);
    gint64 length = MAX(x.dims[axis], 1), rows = fovea_view_count(&x) / length;
    /* Rows across the memory: neighbouring rows are neighbours there. */
    gboolean across = x.strides[axis] != 1 && x.dims[axis] > 1;
    *lanes = across && rows >= 256 ? 1 : fovea_vk_lanes(rows, length);
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_output(builder, d, 1, node->out[0]);
    fovea_vk_option(d, 0, g_str_equal(node->op->name, "LogSoftmax"));
    fovea_vk_option(d, 1, *lanes);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    return fovea_vk_reals_only(node);
}

static const char *const ops[] = {"LogSoftmax", "Softmax", NULL};
const FoveaVkKernel fovea_vk_kernel_softmax = {
    .ops = ops,
    .klass = "softmax",
    .why_not = why_not,
    .emit = emit,
};
