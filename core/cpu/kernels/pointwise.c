/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pointwise operators and fused chains through the tile evaluator.
 */
#include "cpu/tile.h"

/* Integers of every width and class B go through the same evaluator, which has vectors for reals
 * only; doubles must not be narrowed. */
static gboolean pointwise_fits(const FoveaNode *node)
{
    FoveaExpr fx = {0};
    for (guint i = 0; i < node->n_in; i++) {
        if (node->in[i] != NULL && node->in[i]->dtype == FOVEA_DTYPE_F64)
            return FALSE;
    }
    return node->n_in <= FOVEA_FX_MAX_ARGS && node->out[0]->dtype != FOVEA_DTYPE_F64 &&
           node->out[0]->dtype != FOVEA_DTYPE_U64 && fovea_node_expr(node, &fx) && fx.n > 0;
}

static gboolean pointwise_compile(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    FoveaExpr fx = {0};
    FoveaTileProgram *program = g_new0(FoveaTileProgram, 1);
    fovea_node_expr(compile->node, &fx);
    fovea_tile_compile(&fx, program);
    *data = program;
    return TRUE;
}

static gboolean pointwise_run(const FoveaCpuRun *run, GError **error)
{
    fovea_tile_run(run->data, run->in, run->node->n_in, run->out[0]);
    return TRUE;
}

const FoveaCpuKernel fovea_cpu_kernel_pointwise = {
    .ops = NULL,
    .klass = "pointwise",
    .fits = pointwise_fits,
    .compile = pointwise_compile,
    .destroy = g_free,
    .run = pointwise_run,
};
