/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every operator that is a scalar expression, fused chains, and epilogues that a kernel does not
 * apply itself.
 */
#include "vulkan/fx-spirv.h"
#include "vulkan/kernels/elementwise.h"
#include "vulkan/vk.h"

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    FoveaExpr fx;
    if (!fovea_node_expr(node, &fx))
        return "its expression is too long";
    return fovea_vk_fx_why_not(&fx);
}

/* Operands that the expression reads. */
static void find_operands(const FoveaExpr *fx, guint first, const FoveaNode *node,
                          const FoveaValue **operands)
{
    for (guint i = 0; i < fx->n; i++) {
        guint k = (guint)fx->node[i].i;
        if (fx->node[i].op == FX_ARG && k >= first)
            operands[k] = fovea_node_in(node, first > 0 ? node->fx_base + k - first : k);
    }
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaValue *operands[FOVEA_FX_MAX_ARGS] = {NULL};
    FoveaExpr fx;
    if (!fovea_node_expr(node, &fx))
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED, "its expression is too long");
    find_operands(&fx, 0, node, operands);
    return fovea_vk_elementwise(builder, node, &fx, operands, fx.n_args, node->out[0],
                                fovea_vk_views_broadcast, 0, error);
}

/* Operand 0 is what the node has written, the others follow its own inputs. */
static gboolean epilogue_views(const FoveaVkFill *fill, const FoveaVkElementwise *what,
                               FoveaView *in, FoveaView *out, GError **error)
{
    *out = in[0] = *fovea_vk_out(fill, 0);
    for (guint k = 1; k < what->n; k++) {
        const FoveaView *view = fovea_vk_in(fill, fill->node->fx_base + k - 1);
        if (view != NULL && !fovea_view_broadcast(view, out->rank, out->dims, &in[k]))
            return fovea_node_fail(fill->node, error, FOVEA_ERROR_SHAPE,
                                   "operand %u does not broadcast to the result", k);
    }
    return TRUE;
}

gboolean fovea_vk_emit_epilogue(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaValue *operands[FOVEA_FX_MAX_ARGS] = {NULL};
    operands[0] = node->out[0];
    find_operands(node->fx, 1, node, operands);
    return fovea_vk_elementwise(builder, node, node->fx, operands, MAX(node->fx->n_args, 1),
                                node->out[0], epilogue_views, 0, error);
}

const FoveaVkKernel fovea_vk_kernel_pointwise = {
    .ops = (const char *const[]){"Pointwise", NULL},
    .klass = "pointwise",
    .why_not = why_not,
    .emit = emit,
};
