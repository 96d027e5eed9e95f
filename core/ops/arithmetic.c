/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Add Sub Mul Div Mod Pow Neg Abs Sign
 * Math:   element by element. Integer Div truncates towards zero. Mod has the sign of the divisor,
 *         with fmod=1 that of the dividend. Pow: base ^ exponent in the base's type; a float
 *         exponent of an integer base is computed as a real and truncated. Sign: -1, 0 or 1.
 * Shape:  numpy broadcasting.
 * Types:  all numeric types; both inputs of one type (Pow: any two). Integers wrap. u64 is computed
 *         as 64 bits with a sign: Div, Mod and Pow of values above 2^63 are not those of u64.
 * Errors: SHAPE. An integer divided by zero gives 0.
 * Source: ONNX opset 13 to 15.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean expr_add(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, FX_ADD);
}

const FoveaOp fovea_op_Add = {
    .name = "Add", FOVEA_BINARY, .infer = fovea_infer_number, .expr = expr_add};

static gboolean expr_sub(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, FX_SUB);
}

const FoveaOp fovea_op_Sub = {
    .name = "Sub", FOVEA_BINARY, .infer = fovea_infer_number, .expr = expr_sub};

static gboolean expr_mul(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, FX_MUL);
}

const FoveaOp fovea_op_Mul = {
    .name = "Mul", FOVEA_BINARY, .infer = fovea_infer_number, .expr = expr_mul};

static gboolean expr_div(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, FX_DIV);
}

/* Float divisors keep away from zero, where no two devices agree. */
static gboolean sample_division(FoveaSample *sample, guint index)
{
    guint n = fovea_sample_n_shapes();
    if (index < n)
        return fovea_sample_broadcast(sample, index, FOVEA_DTYPE_F32, 2, -2, 2, 0.5, 2);
    if (index < 2 * n)
        return fovea_sample_broadcast(sample, index - n, FOVEA_DTYPE_I32, 2, -99, 99, -9, 9);
    return fovea_sample_broadcast(sample, index - 2 * n, FOVEA_DTYPE_I64, 2, -99, 99, -9, 9);
}

const FoveaOp fovea_op_Div = {.name = "Div",
                              FOVEA_BINARY,
                              .infer = fovea_infer_number,
                              .expr = expr_div,
                              .sample = sample_division};

static gboolean expr_mod(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, fovea_node_attr_int(node, "fmod", 0) ? FX_FMOD : FX_MOD);
}

static gboolean sample_mod(FoveaSample *sample, guint index)
{
    guint n = fovea_sample_n_shapes();
    fovea_node_set_int(sample->node, "fmod", index < n || index % 2);
    if (index < n) /* quotients that are nearly whole are told apart by no device alike */
        return fovea_sample_broadcast(sample, index, FOVEA_DTYPE_F32, 2, 0.1, 0.9, 1, 2);
    return sample_division(sample, index);
}

const FoveaOp fovea_op_Mod = {.name = "Mod",
                              FOVEA_BINARY,
                              .infer = fovea_infer_number,
                              .expr = expr_mod,
                              .sample = sample_mod};

static gboolean infer_pow(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_check_type(node, 0, PW_NUMBER, error) &&
           fovea_check_type(node, 1, PW_NUMBER, error) && fovea_infer_pointwise(graph, node, error);
}

static gboolean expr_pow(const FoveaNode *node, FoveaExpr *fx)
{
    FoveaDtype dtype = node->in[0]->dtype;
    guint16 base = fovea_pw_arg(node, fx, 0), exponent = fovea_pw_arg(node, fx, 1);
    gboolean base_f = fovea_dtype_is_float(dtype);
    gboolean exponent_f = fovea_dtype_is_float(node->in[1]->dtype);
    if (base_f && !exponent_f)
        exponent = fovea_fx_cast(fx, exponent, FOVEA_DTYPE_F32);
    if (!base_f && exponent_f)
        base = fovea_fx_cast(fx, base, FOVEA_DTYPE_F32);
    guint16 power = fovea_fx_op(fx, FX_POW, base, exponent, 0);
    if (!base_f && exponent_f)
        power = fovea_fx_cast(fx, power, dtype);
    return fovea_pw_end(fx, power, dtype);
}

static gboolean sample_pow(FoveaSample *sample, guint index)
{
    guint n = fovea_sample_n_shapes();
    if (index < n)
        return fovea_sample_broadcast(sample, index, FOVEA_DTYPE_F32, 2, 0.1, 3, -2, 2);
    if (index < 2 * n)
        return fovea_sample_broadcast(sample, index - n, FOVEA_DTYPE_I32, 2, -5, 6, 0, 5);
    if (index > 2 * n + 1)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 17), -3, 3);
    gint64 power = index == 2 * n ? 2 : 3; /* how exporters write squares and cubes */
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, 0, NULL, power, power + 1);
    sample->constant[1] = TRUE;
    return TRUE;
}

const FoveaOp fovea_op_Pow = {
    .name = "Pow", FOVEA_BINARY, .infer = infer_pow, .expr = expr_pow, .sample = sample_pow};

static gboolean expr_neg(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_NEG);
}

const FoveaOp fovea_op_Neg = {
    .name = "Neg", FOVEA_UNARY, .infer = fovea_infer_number, .expr = expr_neg};

static gboolean expr_abs(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ABS);
}

const FoveaOp fovea_op_Abs = {
    .name = "Abs", FOVEA_UNARY, .infer = fovea_infer_number, .expr = expr_abs};

static gboolean expr_sign(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_SIGN);
}

const FoveaOp fovea_op_Sign = {
    .name = "Sign", FOVEA_UNARY, .infer = fovea_infer_number, .expr = expr_sign};
