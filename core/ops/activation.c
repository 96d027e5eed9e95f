/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Activations without parameters from other tensors, apart from PRelu and Clip.
 *
 * Sigmoid       1 / (1 + exp(-x))
 * Relu          max(x, 0)
 * LeakyRelu     x >= 0 ? x : alpha x                                   alpha 0.01
 * ThresholdedRelu  x > alpha ? x : 0                                   alpha 1
 * PRelu         x >= 0 ? x : in[1] x
 * HardSigmoid   max(0, min(1, alpha x + beta))                         alpha 0.2, beta 0.5
 * HardSwish     x max(0, min(1, x / 6 + 1/2))
 * Shrink        x < -lambd ? x + bias : x > lambd ? x - bias : 0       lambd 0.5, bias 0
 * Clip          min(max(x, in[1]), in[2]); either limit may be absent; NaN stays NaN
 * Shape:  that of x; the slope of PRelu and the limits of Clip broadcast to it.
 * Types:  floats; Relu, PRelu, Clip: numbers.
 * Errors: SHAPE.
 * Source: ONNX opset 6 to 22; PRelu: He et al. 2015, eq. 1; HardSwish: Howard et al. 2019, eq. 1.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static double param(const FoveaNode *node, const char *name, double fallback)
{
    return fovea_node_attr_float(node, name, fallback);
}

static gboolean expr_sigmoid(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_SIGMOID);
}

const FoveaOp fovea_op_Sigmoid = {
    .name = "Sigmoid", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_sigmoid};

static guint16 zero_like(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_dtype_is_float(node->in[0]->dtype) ? fovea_fx_const(fx, 0)
                                                    : fovea_fx_const_i(fx, FOVEA_FX_I, 0);
}

static gboolean expr_relu(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    return fovea_pw_end(fx, fovea_fx_op(fx, FX_MAX, x, zero_like(node, fx), 0), node->in[0]->dtype);
}

const FoveaOp fovea_op_Relu = {
    .name = "Relu", FOVEA_UNARY, .infer = fovea_infer_number, .expr = expr_relu};

/* x < 0 ? below : x */
static gboolean end_below_zero(const FoveaNode *node, FoveaExpr *fx, guint16 x, guint16 below)
{
    guint16 negative = fovea_fx_op(fx, FX_LT, x, zero_like(node, fx), 0);
    return fovea_pw_end(fx, fovea_fx_op(fx, FX_SELECT, negative, below, x), node->in[0]->dtype);
}

static gboolean expr_leaky_relu(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 alpha = fovea_fx_const(fx, param(node, "alpha", 0.01f));
    return end_below_zero(node, fx, x, fovea_fx_op(fx, FX_MUL, alpha, x, 0));
}

/* Half of the cases with attributes of their own. */
static gboolean sample_attributes(FoveaSample *sample, guint index)
{
    if (index % 2) {
        fovea_node_set_float(sample->node, "alpha", 0.3f);
        fovea_node_set_float(sample->node, "beta", 0.4f);
        fovea_node_set_float(sample->node, "lambd", 0.75f);
        fovea_node_set_float(sample->node, "bias", 0.25f);
    }
    return fovea_sample_domain(sample, index, -5, 5);
}

const FoveaOp fovea_op_LeakyRelu = {.name = "LeakyRelu",
                                    FOVEA_UNARY,
                                    .infer = fovea_infer_float,
                                    .expr = expr_leaky_relu,
                                    .sample = sample_attributes};

static gboolean expr_thresholded_relu(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 alpha = fovea_fx_const(fx, param(node, "alpha", 1));
    guint16 above = fovea_fx_op(fx, FX_LT, alpha, x, 0);
    guint16 result = fovea_fx_op(fx, FX_SELECT, above, x, fovea_fx_const(fx, 0));
    return fovea_pw_end(fx, result, node->in[0]->dtype);
}

const FoveaOp fovea_op_ThresholdedRelu = {.name = "ThresholdedRelu",
                                          FOVEA_UNARY,
                                          .infer = fovea_infer_float,
                                          .expr = expr_thresholded_relu,
                                          .sample = sample_attributes};

/* The slope may not widen x. */
static gboolean infer_prelu(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_number(graph, node, error))
        return FALSE;
    if (fovea_value_same_shape(node->out[0], node->in[0]))
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                           "the slope does not broadcast to the input's shape");
}

static gboolean expr_prelu(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0), slope = fovea_pw_arg(node, fx, 1);
    return end_below_zero(node, fx, x, fovea_fx_op(fx, FX_MUL, slope, x, 0));
}

static gboolean sample_prelu(FoveaSample *sample, guint index)
{
    static const gint64 slope[][3] = {{17, 1, 1}, {1, 1, 1}, {17, 5, 7}};
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 17, 5, 7), -2, 2);
    fovea_sample_f32(sample, 1, 3, slope[index], -1, 1);
    return TRUE;
}

const FoveaOp fovea_op_PRelu = {.name = "PRelu",
                                FOVEA_BINARY,
                                .infer = infer_prelu,
                                .expr = expr_prelu,
                                .sample = sample_prelu};

/* max(0, min(1, x)) */
static guint16 unit(FoveaExpr *fx, guint16 x)
{
    guint16 top = fovea_fx_op(fx, FX_MIN, x, fovea_fx_const(fx, 1), 0);
    return fovea_fx_op(fx, FX_MAX, top, fovea_fx_const(fx, 0), 0);
}

static guint16 line(FoveaExpr *fx, guint16 x, double slope, double offset)
{
    guint16 scaled = fovea_fx_op(fx, FX_MUL, x, fovea_fx_const(fx, slope), 0);
    return fovea_fx_op(fx, FX_ADD, scaled, fovea_fx_const(fx, offset), 0);
}

static gboolean expr_hard_sigmoid(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 y = line(fx, x, param(node, "alpha", 0.2f), param(node, "beta", 0.5));
    return fovea_pw_end(fx, unit(fx, y), node->in[0]->dtype);
}

const FoveaOp fovea_op_HardSigmoid = {.name = "HardSigmoid",
                                      FOVEA_UNARY,
                                      .infer = fovea_infer_float,
                                      .expr = expr_hard_sigmoid,
                                      .sample = sample_attributes};

static gboolean expr_hard_swish(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 gate = unit(fx, line(fx, x, 1.0 / 6, 0.5));
    return fovea_pw_end(fx, fovea_fx_op(fx, FX_MUL, x, gate, 0), node->in[0]->dtype);
}

const FoveaOp fovea_op_HardSwish = {.name = "HardSwish",
                                    FOVEA_UNARY,
                                    .infer = fovea_infer_float,
                                    .expr = expr_hard_swish,
                                    .sample = sample_attributes};

static gboolean expr_shrink(const FoveaNode *node, FoveaExpr *fx)
{
    double lambd = param(node, "lambd", 0.5), bias = param(node, "bias", 0);
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 below = fovea_fx_op(fx, FX_LT, x, fovea_fx_const(fx, -lambd), 0);
    guint16 above = fovea_fx_op(fx, FX_LT, fovea_fx_const(fx, lambd), x, 0);
    guint16 up = fovea_fx_op(fx, FX_ADD, x, fovea_fx_const(fx, bias), 0);
    guint16 down = fovea_fx_op(fx, FX_SUB, x, fovea_fx_const(fx, bias), 0);
    guint16 rest = fovea_fx_op(fx, FX_SELECT, above, down, fovea_fx_const(fx, 0));
    return fovea_pw_end(fx, fovea_fx_op(fx, FX_SELECT, below, up, rest), node->in[0]->dtype);
}

const FoveaOp fovea_op_Shrink = {.name = "Shrink",
                                 FOVEA_UNARY,
                                 .infer = fovea_infer_float,
                                 .expr = expr_shrink,
                                 .sample = sample_attributes};

static gboolean infer_clip(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_number(graph, node, error))
        return FALSE;
    if (fovea_value_same_shape(node->out[0], node->in[0]))
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the limits must be scalars");
}

static gboolean expr_clip(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 result = fovea_pw_arg(node, fx, 0);
    if (fovea_node_in(node, 1) != NULL)
        result = fovea_fx_op(fx, FX_MAX, result, fovea_pw_arg(node, fx, 1), 0);
    if (fovea_node_in(node, 2) != NULL)
        result = fovea_fx_op(fx, FX_MIN, result, fovea_pw_arg(node, fx, 2), 0);
    return fovea_pw_end(fx, result, node->in[0]->dtype);
}

/* Constant and run-time limits; one of them absent; integers. */
static gboolean sample_clip(FoveaSample *sample, guint index)
{
    FoveaDtype dtype = index < 6 ? FOVEA_DTYPE_F32 : FOVEA_DTYPE_I64;
    if (index > 7)
        return FALSE;
    fovea_sample_broadcast(sample, index % 5, dtype, 1, -9, 9, 0, 0);
    for (guint k = 1; k < 3; k++) {
        if (index % 3 == k)
            continue;
        if (dtype == FOVEA_DTYPE_F32)
            fovea_sample_f32(sample, k, 0, NULL, k == 1 ? -5 : 1, k == 1 ? -1 : 5);
        else
            fovea_sample_int(sample, k, dtype, 0, NULL, k == 1 ? -5 : 1, k == 1 ? -1 : 5);
        sample->constant[k] = index < 3;
    }
    return TRUE;
}

const FoveaOp fovea_op_Clip = {.name = "Clip",
                               .min_in = 1,
                               .max_in = 3,
                               .min_out = 1,
                               .max_out = 1,
                               .infer = infer_clip,
                               .expr = expr_clip,
                               .sample = sample_clip};
