/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/cumsum.c: CumSum along an axis that is known when the plan is made.
 */
#include "vulkan/kernels/common.h"

static gboolean axis_of(const FoveaNode *node, guint *axis)
{
    FoveaDim content[FOVEA_MAX_CONTENT];
    guint n = 0;
    return fovea_infer_content(node->graph, node->in[1], content, &n) && n == 1 &&
           fovea_dim_is_const(content[0]) &&
           fovea_axis(content[0].c, node->in[0]->rank, FALSE, axis);
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    const guint axis = *(const guint *)f->data;
    FoveaVkWalk rows;
    (void)error;
    fovea_vk_walk_init(&rows, 2);
    for (guint i = 0; i < x->rank; i++) {
        const gint64 strides[2] = {x->strides[i], out->strides[i]};
        if (i != axis)
            fovea_vk_walk_axis(&rows, x->dims[i], strides);
    }
    fovea_vk_word(f, x->offset);
    fovea_vk_word(f, x->strides[axis]);
    fovea_vk_word(f, out->offset);
    fovea_vk_word(f, out->strides[axis]);
    fovea_vk_word(f, x->dims[axis]);
    gint64 count = fovea_vk_walk_count(&rows);
    fovea_vk_walk_words(f, &rows);
    fovea_vk_groups(f, count, 1);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_cumsum, fill, NULL);
    guint *axis = fovea_vk_data(d, sizeof *axis);
    if (!axis_of(node, axis))
        return fovea_node_fail(node, error, FOVEA_ERROR_NEED_VALUE, "the axis is not known");
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_output(builder, d, 1, node->out[0]);
    fovea_vk_option(d, 0, fovea_node_attr_int(node, "exclusive", 0) != 0);
    fovea_vk_option(d, 1, fovea_node_attr_int(node, "reverse", 0) != 0);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    guint axis;
    (void)device;
    (void)precision;
    return axis_of(node, &axis) ? NULL : "an axis that is computed at run time";
}

static const char *const ops[] = {"CumSum", NULL};
const FoveaVkKernel fovea_vk_kernel_cumsum = {
    .ops = ops,
    .klass = "scan",
    .why_not = why_not,
    .emit = emit,
};
