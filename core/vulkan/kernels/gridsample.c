/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/gridsample.c: GridSample of 2-D maps.
 */
#include "ops/gridsample.h"
#include "vulkan/kernels/common.h"

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *grid = fovea_vk_in(f, 1), *out = fovea_vk_out(f, 0);
    const FoveaView *views[3] = {x, grid, out};
    (void)error;
    for (guint i = 0; i < 4; i++)
        fovea_vk_word(f, out->dims[i]);
    fovea_vk_word(f, x->dims[2]);
    fovea_vk_word(f, x->dims[3]);
    for (guint v = 0; v < 3; v++) {
        fovea_vk_word(f, views[v]->offset);
        for (guint i = 0; i < 4; i++)
            fovea_vk_word(f, views[v]->strides[i]);
    }
    fovea_vk_groups(f, fovea_view_count(out), 128);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_gridsample, fill, NULL);
    FoveaGrid grid;
    (void)error;
    fovea_grid_init(node, &grid);
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_input(builder, d, 1, node->in[1]);
    fovea_vk_output(builder, d, 2, node->out[0]);
    fovea_vk_option(d, 0, grid.mode);
    fovea_vk_option(d, 1, grid.pad);
    fovea_vk_option(d, 2, grid.align);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    return node->in[0]->rank != 4 ? "maps that are not 2-D" : fovea_vk_reals_only(node);
}

static const char *const ops[] = {"GridSample", NULL};
const FoveaVkKernel fovea_vk_kernel_gridsample = {
    .ops = ops,
    .klass = "sample",
    .why_not = why_not,
    .emit = emit,
};
