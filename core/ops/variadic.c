/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Min Max Sum Mean
 * Math:   of all inputs, element by element. A NaN in any input of Min and Max gives NaN.
 * Shape:  numpy broadcasting.
 * Types:  Min, Max: numbers; Sum, Mean: floats; all inputs of one type.
 * Errors: SHAPE.
 * Source: ONNX opset 13.
 *
 * One expression says up to FOVEA_FX_MAX_ARGS inputs. With more, expr refuses and the reference
 * below folds them one by one.
 */
#include <math.h>

#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean fold_expr(const FoveaNode *node, FoveaExpr *fx, FoveaFxOp op, gboolean mean)
{
    guint16 result = fovea_pw_arg(node, fx, 0);
    for (guint k = 1; k < node->n_in; k++)
        result = fovea_fx_op(fx, op, result, fovea_pw_arg(node, fx, k), 0);
    if (mean) {
        guint16 n = fovea_fx_const(fx, node->n_in);
        result = fovea_fx_op(fx, FX_DIV, result, n, 0);
    }
    return fovea_pw_end(fx, result, node->in[0]->dtype);
}

static double fold_f64(FoveaFxOp op, double a, double b)
{
    if (op == FX_ADD)
        return a + b;
    if (isnan(a) || isnan(b))
        return NAN;
    return op == FX_MIN ? MIN(a, b) : MAX(a, b);
}

/* One element of the result from all inputs. */
static void fold_one(const FoveaView *wide, guint n, const gint64 *index, FoveaFxOp op,
                     gboolean mean, const FoveaView *out, gint64 to)
{
    double f = 0;
    gint64 i = 0;
    for (guint k = 0; k < n; k++) {
        gint64 at = 0;
        for (guint d = 0; d < out->rank; d++)
            at += index[d] * wide[k].strides[d];
        double x = fovea_load_f64(wide[k].dtype, wide[k].data, at);
        gint64 y = fovea_load_i64(wide[k].dtype, wide[k].data, at);
        f = k == 0 ? x : fold_f64(op, f, x);
        i = k == 0 ? y : op == FX_MIN ? MIN(i, y) : MAX(i, y);
    }
    if (fovea_dtype_is_float(out->dtype))
        fovea_store_f64(out->dtype, out->data, to, mean ? f / n : f);
    else
        fovea_store_i64(out->dtype, out->data, to, i);
}

static gboolean fold_ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *out,
                         FoveaFxOp op, gboolean mean, GError **error)
{
    g_autofree FoveaView *wide = g_new0(FoveaView, node->n_in);
    const gint64 *strides[] = {out->strides};
    FoveaWalk walk;
    for (guint k = 0; k < node->n_in; k++) {
        if (in[k] == NULL || !fovea_view_broadcast(in[k], out->rank, out->dims, &wide[k]))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "input %u does not broadcast to the result", k);
    }
    fovea_walk_init(&walk, out->rank, out->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        fold_one(wide, node->n_in, walk.index, op, mean, out, walk.at[0]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean expr_min(const FoveaNode *node, FoveaExpr *fx)
{
    return fold_expr(node, fx, FX_MIN, FALSE);
}

static gboolean ref_min(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    return fold_ref(node, in, out[0], FX_MIN, FALSE, error);
}

static gboolean expr_max(const FoveaNode *node, FoveaExpr *fx)
{
    return fold_expr(node, fx, FX_MAX, FALSE);
}

static gboolean ref_max(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    return fold_ref(node, in, out[0], FX_MAX, FALSE, error);
}

static gboolean expr_sum(const FoveaNode *node, FoveaExpr *fx)
{
    return fold_expr(node, fx, FX_ADD, FALSE);
}

static gboolean ref_sum(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    return fold_ref(node, in, out[0], FX_ADD, FALSE, error);
}

static gboolean expr_mean(const FoveaNode *node, FoveaExpr *fx)
{
    return fold_expr(node, fx, FX_ADD, TRUE);
}

static gboolean ref_mean(const FoveaNode *node, const FoveaView *const *in,
                         const FoveaView *const *out, GError **error)
{
    return fold_ref(node, in, out[0], FX_ADD, TRUE, error);
}

#define VARIADIC .min_in = 1, .max_in = 255, .min_out = 1, .max_out = 1

const FoveaOp fovea_op_Min = {
    .name = "Min", VARIADIC, .infer = fovea_infer_number, .expr = expr_min, .ref = ref_min};
const FoveaOp fovea_op_Max = {
    .name = "Max", VARIADIC, .infer = fovea_infer_number, .expr = expr_max, .ref = ref_max};
const FoveaOp fovea_op_Sum = {
    .name = "Sum", VARIADIC, .infer = fovea_infer_float, .expr = expr_sum, .ref = ref_sum};
const FoveaOp fovea_op_Mean = {
    .name = "Mean", VARIADIC, .infer = fovea_infer_float, .expr = expr_mean, .ref = ref_mean};
