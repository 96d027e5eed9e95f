/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/pool.c: MaxPool, AveragePool and LpPool of one and two dimensions.
 */
#include "ops/window.h"
#include "vulkan/kernels/common.h"

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    guint n = x->rank - 2, listed = 0;
    const gint64 *kernel = fovea_node_attr_ints(f->node, "kernel_shape", &listed);
    FoveaSlide s;
    if (kernel == NULL || listed != n)
        return fovea_node_fail(f->node, error, FOVEA_ERROR_SHAPE,
                               "kernel_shape needs one entry a spatial axis");
    fovea_slide_init(f->node, n, x->dims + 2, out->dims + 2, kernel, &s);
    const gint64 sizes[] = {out->dims[0],
                            out->dims[1],
                            s.out[1],
                            s.out[2],
                            s.in[1],
                            s.in[2],
                            s.kernel[1],
                            s.kernel[2],
                            s.stride[1],
                            s.stride[2],
                            s.before[1],
                            s.before[2],
                            s.in[1] + s.after[1],
                            s.in[2] + s.after[2],
                            s.dilation[1],
                            s.dilation[2]};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        fovea_vk_word(f, sizes[i]);
    const FoveaView *views[2] = {x, out};
    for (guint v = 0; v < 2; v++) {
        fovea_vk_word(f, views[v]->offset);
        fovea_vk_word(f, views[v]->strides[0]);
        fovea_vk_word(f, views[v]->strides[1]);
        fovea_vk_word(f, n == 2 ? views[v]->strides[2] : 0);
        fovea_vk_word(f, views[v]->strides[n + 1]);
    }
    fovea_vk_groups(f, fovea_view_count(out), 128);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    static const char *const kinds[] = {"MaxPool", "AveragePool", "LpPool"};
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_pool, fill, NULL);
    (void)error;
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_output(builder, d, 1, node->out[0]);
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
        if (g_str_equal(node->op->name, kinds[k]))
            fovea_vk_option(d, 0, k);
    }
    fovea_vk_option(d, 1, fovea_node_attr_int(node, "count_include_pad", 0) != 0);
    fovea_vk_option(d, 2, (guint32)fovea_node_attr_int(node, "p", 2));
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    FoveaDtype store = fovea_vk_store_type(device, node->in[0], precision);
    if (fovea_node_out(node, 1) != NULL)
        return "the places of the maxima";
    if (node->out[0] == NULL || node->in[0]->rank > 4)
        return "three spatial axes";
    /* Values go through f32. */
    return store == FOVEA_DTYPE_I32 ? "wide integers" : NULL;
}

static gboolean channels_last(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    return fovea_dim_is_const(node->out[0]->dims[1]) && node->out[0]->dims[1].c >= 4;
}

static const char *const ops[] = {"AveragePool", "LpPool", "MaxPool", NULL};
const FoveaVkKernel fovea_vk_kernel_pool = {
    .ops = ops,
    .klass = "pool",
    .why_not = why_not,
    .channels_last = channels_last,
    .emit = emit,
};
