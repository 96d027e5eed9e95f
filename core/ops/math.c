/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sqrt Reciprocal Exp Log Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Tanh Erf
 * Math:   the function of each element; outside its domain NaN, at poles an infinity.
 * Shape:  that of the input.
 * Types:  floats (Erf: any number in ONNX; floats here).
 * Units:  angles in radians.
 * Errors: SHAPE.
 * Source: ONNX opset 7 to 22.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean expr_sqrt(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_SQRT);
}

static gboolean sample_sqrt(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, 0.01, 9);
}

const FoveaOp fovea_op_Sqrt = {.name = "Sqrt",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_sqrt,
                               .sample = sample_sqrt};

static gboolean expr_reciprocal(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_RECIP);
}

static gboolean sample_reciprocal(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, 0.3, 4);
}

const FoveaOp fovea_op_Reciprocal = {.name = "Reciprocal",
                                     FOVEA_UNARY,
                                     .infer = fovea_infer_float,
                                     .expr = expr_reciprocal,
                                     .sample = sample_reciprocal};

static gboolean expr_exp(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_EXP);
}

static gboolean sample_exp(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -4, 4);
}

const FoveaOp fovea_op_Exp = {
    .name = "Exp", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_exp, .sample = sample_exp};

static gboolean expr_log(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_LOG);
}

static gboolean sample_log(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, 0.05, 20);
}

const FoveaOp fovea_op_Log = {
    .name = "Log", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_log, .sample = sample_log};

static gboolean expr_sin(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_SIN);
}

static gboolean sample_sin(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -6, 6);
}

const FoveaOp fovea_op_Sin = {
    .name = "Sin", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_sin, .sample = sample_sin};

static gboolean expr_cos(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_COS);
}

static gboolean sample_cos(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -6, 6);
}

const FoveaOp fovea_op_Cos = {
    .name = "Cos", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_cos, .sample = sample_cos};

static gboolean expr_tan(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_TAN);
}

static gboolean sample_tan(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -1.3, 1.3);
}

const FoveaOp fovea_op_Tan = {
    .name = "Tan", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_tan, .sample = sample_tan};

static gboolean expr_asin(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ASIN);
}

static gboolean sample_asin(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -0.99, 0.99);
}

const FoveaOp fovea_op_Asin = {.name = "Asin",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_asin,
                               .sample = sample_asin};

static gboolean expr_acos(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ACOS);
}

static gboolean sample_acos(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -0.99, 0.99);
}

const FoveaOp fovea_op_Acos = {.name = "Acos",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_acos,
                               .sample = sample_acos};

static gboolean expr_atan(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ATAN);
}

static gboolean sample_atan(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -6, 6);
}

const FoveaOp fovea_op_Atan = {.name = "Atan",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_atan,
                               .sample = sample_atan};

static gboolean expr_sinh(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_SINH);
}

static gboolean sample_sinh(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -4, 4);
}

const FoveaOp fovea_op_Sinh = {.name = "Sinh",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_sinh,
                               .sample = sample_sinh};

static gboolean expr_cosh(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_COSH);
}

static gboolean sample_cosh(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -4, 4);
}

const FoveaOp fovea_op_Cosh = {.name = "Cosh",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_cosh,
                               .sample = sample_cosh};

static gboolean expr_asinh(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ASINH);
}

static gboolean sample_asinh(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -6, 6);
}

const FoveaOp fovea_op_Asinh = {.name = "Asinh",
                                FOVEA_UNARY,
                                .infer = fovea_infer_float,
                                .expr = expr_asinh,
                                .sample = sample_asinh};

static gboolean expr_acosh(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ACOSH);
}

static gboolean sample_acosh(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, 1.05, 9);
}

const FoveaOp fovea_op_Acosh = {.name = "Acosh",
                                FOVEA_UNARY,
                                .infer = fovea_infer_float,
                                .expr = expr_acosh,
                                .sample = sample_acosh};

static gboolean expr_atanh(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ATANH);
}

static gboolean sample_atanh(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -0.95, 0.95);
}

const FoveaOp fovea_op_Atanh = {.name = "Atanh",
                                FOVEA_UNARY,
                                .infer = fovea_infer_float,
                                .expr = expr_atanh,
                                .sample = sample_atanh};

static gboolean expr_tanh(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_TANH);
}

static gboolean sample_tanh(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -4, 4);
}

const FoveaOp fovea_op_Tanh = {.name = "Tanh",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_tanh,
                               .sample = sample_tanh};

static gboolean expr_erf(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ERF);
}

static gboolean sample_erf(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -3, 3);
}

const FoveaOp fovea_op_Erf = {
    .name = "Erf", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_erf, .sample = sample_erf};
