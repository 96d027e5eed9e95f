/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Equal Greater GreaterOrEqual Less LessOrEqual IsNaN IsInf
 * Math:   comparisons; any with NaN is false. IsInf: detect_positive and detect_negative (both 1)
 *         choose the infinities that count.
 * Shape:  numpy broadcasting.
 * Types:  numbers (Equal: bool too; IsNaN, IsInf: floats); the result is bool. u64 above 2^63
 *         compares as negative.
 * Errors: SHAPE.
 * Source: ONNX opset 13 to 20.
 */
#include <math.h>

#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean infer_equal(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_compare_of(graph, node, PW_NUMBER | PW_BOOL, error);
}

static gboolean infer_order(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_compare_of(graph, node, PW_NUMBER, error);
}

static gboolean expr_equal(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_EQ, 0, 1);
}

/* Whole numbers, so that equal pairs occur. */
static gboolean sample_equal(FoveaSample *sample, guint index)
{
    static const FoveaDtype types[] = {FOVEA_DTYPE_F32, FOVEA_DTYPE_I32, FOVEA_DTYPE_I64,
                                       FOVEA_DTYPE_BOOL};
    guint n = fovea_sample_n_shapes();
    if (index / n >= G_N_ELEMENTS(types) ||
        !fovea_sample_broadcast(sample, index % n, types[index / n], 2, -2, 3, -2, 3))
        return FALSE;
    for (guint k = 0; types[index / n] == FOVEA_DTYPE_F32 && k < 2; k++) {
        float *data = fovea_tensor_data_mut(sample->in[k]);
        for (gsize i = 0; i < sample->in[k]->n_elements; i++)
            data[i] = floorf(data[i]);
    }
    return TRUE;
}

const FoveaOp fovea_op_Equal = {.name = "Equal",
                                FOVEA_BINARY,
                                .infer = infer_equal,
                                .expr = expr_equal,
                                .sample = sample_equal};

static gboolean expr_greater(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_LT, 1, 0);
}

const FoveaOp fovea_op_Greater = {
    .name = "Greater", FOVEA_BINARY, .infer = infer_order, .expr = expr_greater};

static gboolean expr_greater_or_equal(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_LE, 1, 0);
}

const FoveaOp fovea_op_GreaterOrEqual = {
    .name = "GreaterOrEqual", FOVEA_BINARY, .infer = infer_order, .expr = expr_greater_or_equal};

static gboolean expr_less(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_LT, 0, 1);
}

const FoveaOp fovea_op_Less = {
    .name = "Less", FOVEA_BINARY, .infer = infer_order, .expr = expr_less};

static gboolean expr_less_or_equal(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_LE, 0, 1);
}

const FoveaOp fovea_op_LessOrEqual = {
    .name = "LessOrEqual", FOVEA_BINARY, .infer = infer_order, .expr = expr_less_or_equal};

static gboolean infer_float_test(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_compare_of(graph, node, PW_FLOAT, error);
}

static gboolean expr_is_nan(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_ISNAN, 0, 0);
}

static gboolean expr_is_inf(const FoveaNode *node, FoveaExpr *fx)
{
    gboolean plus = fovea_node_attr_int(node, "detect_positive", 1) != 0;
    gboolean minus = fovea_node_attr_int(node, "detect_negative", 1) != 0;
    guint16 x = fovea_pw_arg(node, fx, 0), zero = fovea_fx_const(fx, 0);
    guint16 result = fovea_fx_op(fx, FX_ISINF, x, 0, 0);
    if (!plus && !minus)
        result = fovea_fx_const_i(fx, FOVEA_FX_B, 0);
    else if (!minus)
        result = fovea_fx_op(fx, FX_AND, result, fovea_fx_op(fx, FX_LT, zero, x, 0), 0);
    else if (!plus)
        result = fovea_fx_op(fx, FX_AND, result, fovea_fx_op(fx, FX_LT, x, zero, 0), 0);
    return fovea_pw_end(fx, result, FOVEA_DTYPE_BOOL);
}

static gboolean sample_special(FoveaSample *sample, guint index)
{
    static const float special[] = {NAN, INFINITY, -INFINITY, 0, 1};
    if (index > 3)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 17), -2, 2);
    float *data = fovea_tensor_data_mut(sample->in[0]);
    for (guint i = 0; i < 3 * 17; i += 2)
        data[i] = special[i / 2 % G_N_ELEMENTS(special)];
    fovea_node_set_int(sample->node, "detect_positive", index & 1);
    fovea_node_set_int(sample->node, "detect_negative", index >> 1);
    return TRUE;
}

const FoveaOp fovea_op_IsNaN = {.name = "IsNaN",
                                FOVEA_UNARY,
                                .infer = infer_float_test,
                                .expr = expr_is_nan,
                                .sample = sample_special};
const FoveaOp fovea_op_IsInf = {.name = "IsInf",
                                FOVEA_UNARY,
                                .infer = infer_float_test,
                                .expr = expr_is_inf,
                                .sample = sample_special};
