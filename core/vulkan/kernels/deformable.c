/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/deformable.c: DeformableAttention (attention/spec.h), all levels in one dispatch.
 */
#include "ops/gridsample.h"
#include "vulkan/kernels/common.h"

#define LEVELS 6 /* bindings of deformable.comp */
#define RESULT 13

static guint levels_of(const FoveaNode *node)
{
    return (fovea_node_n_own(node) - 1) / 2;
}

static void view_words(FoveaVkFill *f, const FoveaView *view)
{
    fovea_vk_word(f, view->offset);
    for (guint i = 0; i < view->rank; i++)
        fovea_vk_word(f, view->strides[i]);
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *weight = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    (void)error;
    for (guint i = 0; i < 3; i++)
        fovea_vk_word(f, out->dims[i]);
    fovea_vk_word(f, weight->offset);
    fovea_vk_word(f, weight->strides[0]);
    fovea_vk_word(f, weight->strides[weight->rank - 2]);
    fovea_vk_word(f, weight->strides[weight->rank - 1]);
    view_words(f, out);
    for (guint l = 0; l < levels_of(f->node); l++) {
        const FoveaView *value = fovea_vk_in(f, 1 + 2 * l), *grid = fovea_vk_in(f, 2 + 2 * l);
        fovea_vk_word(f, grid->dims[2]);
        fovea_vk_word(f, value->dims[2]);
        fovea_vk_word(f, value->dims[3]);
        view_words(f, value);
        view_words(f, grid);
    }
    fovea_vk_groups(f, fovea_view_count(out), 128);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_deformable, fill, NULL);
    FoveaGrid grid;
    FoveaView out, weight;
    (void)error;
    fovea_grid_init(node, &grid);
    for (guint i = 0; i < 1 + 2 * levels_of(node); i++)
        fovea_vk_input(builder, d, i, node->in[i]);
    fovea_vk_output(builder, d, RESULT, node->out[0]);
    fovea_vk_option(d, 0, levels_of(node));
    fovea_vk_option(d, 1, grid.pad);
    fovea_vk_option(d, 2, grid.align);
    fovea_vk_option(d, 3, grid.mode);
    fovea_vk_view(builder, node->out[0], &out);
    fovea_vk_view(builder, node->in[0], &weight);
    fovea_vk_cost(d,
                  (double)fovea_view_count(&out) * 8 * (double)weight.dims[weight.rank - 1] / 1e6);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    FoveaGrid grid;
    (void)device;
    (void)precision;
    fovea_grid_init(node, &grid);
    if (levels_of(node) > LEVELS)
        return "more than six levels";
    return grid.mode == FOVEA_GRID_CUBIC ? "cubic sampling" : fovea_vk_reals_only(node);
}

static const char *const ops[] = {"DeformableAttention", NULL};
const FoveaVkKernel fovea_vk_kernel_deformable = {
    .ops = ops,
    .klass = "deformable",
    .why_not = why_not,
    .emit = emit,
};
