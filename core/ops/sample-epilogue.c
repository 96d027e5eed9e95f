/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Epilogues for the cases of products and convolutions: what passes make, and what the kernels'
 * ways of saying it get wrong most easily.
 */
#include "ops/support.h"

static guint16 number(FoveaExpr *fx, FoveaFxOp op, guint16 x, double k)
{
    return fovea_fx_op(fx, op, x, fovea_fx_const(fx, k), 0);
}

static guint16 relu(FoveaExpr *fx, guint16 x)
{
    return number(fx, FX_MAX, x, 0);
}

/* Operand `k` of the given shape (axes in `keep` are full, the others 1) at the next free slot. */
static guint16 operand(FoveaSample *s, FoveaExpr *fx, guint slot, guint rank, const gint64 *dims,
                       guint32 keep)
{
    gint64 shape[FOVEA_MAX_RANK];
    for (guint i = 0; i < rank; i++)
        shape[i] = keep & (1u << i) ? dims[i] : 1;
    fovea_sample_f32(s, slot, rank, shape, -1, 1);
    return fovea_fx_arg(fx, slot - s->node->fx_base + 1, FOVEA_FX_F);
}

gboolean fovea_sample_epilogue(FoveaSample *s, guint kind, guint n_own, guint rank,
                               const gint64 *dims, guint channel)
{
    FoveaExpr *fx = g_new0(FoveaExpr, 1);
    guint32 all = (1u << rank) - 1;
    guint16 x, y, z;
    s->node->fx = fx;
    s->node->fx_base = n_own;
    x = fovea_fx_arg(fx, 0, FOVEA_FX_F);
    switch (kind) {
    case 0: x = number(fx, FX_ADD, number(fx, FX_MUL, relu(fx, x), 0.7), -0.3); break;
    case 1: x = fovea_fx_op(fx, FX_MUL, x, fovea_fx_op(fx, FX_SIGMOID, x, 0, 0), 0); break;
    case 2: /* residual, then an activation */
        y = operand(s, fx, n_own, rank, dims, all);
        x = relu(fx, fovea_fx_op(fx, FX_ADD, x, y, 0));
        break;
    case 3: /* a scale and a shift for each channel */
        y = operand(s, fx, n_own, rank, dims, 1u << channel);
        z = operand(s, fx, n_own + 1, rank, dims, 1u << channel);
        x = fovea_fx_op(fx, FX_ADD, fovea_fx_op(fx, FX_MUL, x, y, 0), z, 0);
        break;
    case 4: /* a gate for each place */
        y = operand(s, fx, n_own, rank, dims, all & ~(1u << channel));
        x = fovea_fx_op(fx, FX_MUL, x, y, 0);
        break;
    case 5: /* two lines around an activation */
        x = relu(fx, number(fx, FX_ADD, number(fx, FX_MUL, x, 1.5), 0.2));
        x = number(fx, FX_SUB, number(fx, FX_DIV, x, 0.8), 0.4);
        break;
    case 6: /* GELU */
        y = fovea_fx_op(fx, FX_ERF, number(fx, FX_DIV, x, 1.4142135623730951), 0, 0);
        x = number(fx, FX_MUL, fovea_fx_op(fx, FX_MUL, x, number(fx, FX_ADD, y, 1), 0), 0.5);
        break;
    case 7: /* along another axis than the channels */
        y = operand(s, fx, n_own, rank, dims, 1u << (channel == rank - 1 ? 0 : rank - 1));
        x = fovea_fx_op(fx, FX_ADD, x, y, 0);
        break;
    case 8: /* hard swish */
        y = number(fx, FX_MIN, relu(fx, number(fx, FX_ADD, x, 3)), 6);
        x = number(fx, FX_DIV, fovea_fx_op(fx, FX_MUL, x, y, 0), 6);
        break;
    case 9: /* a constant minus the result, twice clipped */
        x = fovea_fx_op(fx, FX_SUB, fovea_fx_const(fx, 0.5), x, 0);
        x = number(fx, FX_MIN, number(fx, FX_MAX, x, -0.6), 0.9);
        break;
    case 10: /* two axes of an operand move, channels and the last */
        y = operand(s, fx, n_own, rank, dims, 1u << channel | 1u << (rank - 1));
        x = fovea_fx_op(fx, FX_ADD, x, y, 0);
        break;
    default: g_clear_pointer(&s->node->fx, g_free); return FALSE;
    }
    fovea_fx_finish(fx, x);
    return TRUE;
}
