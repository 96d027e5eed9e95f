/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Smooth activations.
 *
 * Elu       x < 0 ? alpha (exp(x) - 1) : x                              alpha 1
 * Selu      gamma (x < 0 ? alpha (exp(x) - 1) : x)                      the constants of the paper
 * Celu      max(0, x) + min(0, alpha (exp(x / alpha) - 1))              alpha 1
 * Softplus  log(1 + exp(x)), computed as max(x, 0) + log(1 + exp(-|x|)) so that nothing overflows
 * Softsign  x / (1 + |x|)
 * Mish      x tanh(softplus(x))
 * Swish     x sigmoid(alpha x)                                          alpha 1
 * SwiGLU    Swish(x) in[1]; both of one shape                            alpha 1
 * Gelu      x/2 (1 + erf(x / sqrt 2)); approximate=tanh:
 *           x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
 * Shape:  that of x.
 * Types:  floats.
 * Errors: SHAPE; UNSUPPORTED (another approximation of Gelu).
 * Source: ONNX opset 6 to 24; Clevert 2015, Klambauer 2017 (eq. 2), Barron 2017, Misra 2019,
 *         Ramachandran 2017, Hendrycks and Gimpel 2016.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static guint16 constant(FoveaExpr *fx, double value)
{
    return fovea_fx_const(fx, value);
}

static guint16 op(FoveaExpr *fx, FoveaFxOp code, guint16 a, guint16 b)
{
    return fovea_fx_op(fx, code, a, b, 0);
}

static double param(const FoveaNode *node, const char *name, double fallback)
{
    return fovea_node_attr_float(node, name, fallback);
}

/* alpha (exp(x) - 1) */
static guint16 scaled_expm1(FoveaExpr *fx, guint16 x, double alpha)
{
    guint16 e = op(fx, FX_SUB, op(fx, FX_EXP, x, 0), constant(fx, 1));
    return op(fx, FX_MUL, constant(fx, alpha), e);
}

static guint16 elu(FoveaExpr *fx, guint16 x, double alpha)
{
    guint16 zero = constant(fx, 0);
    /* exp sees no positive x, so that the branch not taken stays finite. */
    guint16 below = scaled_expm1(fx, op(fx, FX_MIN, x, zero), alpha);
    return fovea_fx_op(fx, FX_SELECT, op(fx, FX_LT, x, zero), below, x);
}

static gboolean expr_elu(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    return fovea_pw_end(fx, elu(fx, x, param(node, "alpha", 1)), node->in[0]->dtype);
}

static gboolean sample_alpha(FoveaSample *sample, guint index)
{
    if (index % 2)
        fovea_node_set_float(sample->node, "alpha", 1.3f);
    return fovea_sample_domain(sample, index, -6, 6);
}

const FoveaOp fovea_op_Elu = {.name = "Elu",
                              FOVEA_UNARY,
                              .infer = fovea_infer_float,
                              .expr = expr_elu,
                              .sample = sample_alpha};

static gboolean expr_selu(const FoveaNode *node, FoveaExpr *fx)
{
    double alpha = param(node, "alpha", 1.67326319217681884765625);
    double gamma = param(node, "gamma", 1.05070102214813232421875);
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 y = op(fx, FX_MUL, constant(fx, gamma), elu(fx, x, alpha));
    return fovea_pw_end(fx, y, node->in[0]->dtype);
}

const FoveaOp fovea_op_Selu = {.name = "Selu",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_selu,
                               .sample = sample_alpha};

static gboolean expr_celu(const FoveaNode *node, FoveaExpr *fx)
{
    double alpha = param(node, "alpha", 1);
    guint16 x = fovea_pw_arg(node, fx, 0), zero = constant(fx, 0);
    guint16 low = op(fx, FX_MIN, x, zero);
    guint16 below = scaled_expm1(fx, op(fx, FX_DIV, low, constant(fx, alpha)), alpha);
    return fovea_pw_end(fx, op(fx, FX_ADD, op(fx, FX_MAX, x, zero), below), node->in[0]->dtype);
}

const FoveaOp fovea_op_Celu = {.name = "Celu",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_celu,
                               .sample = sample_alpha};

static guint16 softplus(FoveaExpr *fx, guint16 x)
{
    guint16 e = op(fx, FX_EXP, op(fx, FX_NEG, op(fx, FX_ABS, x, 0), 0), 0);
    guint16 log1p = op(fx, FX_LOG, op(fx, FX_ADD, constant(fx, 1), e), 0);
    return op(fx, FX_ADD, op(fx, FX_MAX, x, constant(fx, 0)), log1p);
}

static gboolean expr_softplus(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    return fovea_pw_end(fx, softplus(fx, x), node->in[0]->dtype);
}

const FoveaOp fovea_op_Softplus = {.name = "Softplus",
                                   FOVEA_UNARY,
                                   .infer = fovea_infer_float,
                                   .expr = expr_softplus,
                                   .sample = sample_alpha};

static gboolean expr_softsign(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 below = op(fx, FX_ADD, constant(fx, 1), op(fx, FX_ABS, x, 0));
    return fovea_pw_end(fx, op(fx, FX_DIV, x, below), node->in[0]->dtype);
}

const FoveaOp fovea_op_Softsign = {.name = "Softsign",
                                   FOVEA_UNARY,
                                   .infer = fovea_infer_float,
                                   .expr = expr_softsign,
                                   .sample = sample_alpha};

static gboolean expr_mish(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 gate = op(fx, FX_TANH, softplus(fx, x), 0);
    return fovea_pw_end(fx, op(fx, FX_MUL, x, gate), node->in[0]->dtype);
}

const FoveaOp fovea_op_Mish = {.name = "Mish",
                               FOVEA_UNARY,
                               .infer = fovea_infer_float,
                               .expr = expr_mish,
                               .sample = sample_alpha};

static gboolean expr_swish(const FoveaNode *node, FoveaExpr *fx)
{
    double alpha = param(node, "alpha", 1);
    guint16 x = fovea_pw_arg(node, fx, 0);
    guint16 scaled = alpha == 1 ? x : op(fx, FX_MUL, x, constant(fx, alpha));
    return fovea_pw_end(fx, op(fx, FX_MUL, x, op(fx, FX_SIGMOID, scaled, 0)), node->in[0]->dtype);
}

const FoveaOp fovea_op_Swish = {.name = "Swish",
                                FOVEA_UNARY,
                                .infer = fovea_infer_float,
                                .expr = expr_swish,
                                .sample = sample_alpha};

static gboolean infer_swiglu(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_value_same_shape(node->in[0], node->in[1]))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "gate and value must have one shape");
    return fovea_infer_float(graph, node, error);
}

static gboolean expr_swiglu(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 x = fovea_pw_arg(node, fx, 0), y = fovea_pw_arg(node, fx, 1);
    guint16 scaled = op(fx, FX_MUL, x, constant(fx, param(node, "alpha", 1)));
    guint16 gate = op(fx, FX_MUL, x, op(fx, FX_SIGMOID, scaled, 0));
    return fovea_pw_end(fx, op(fx, FX_MUL, gate, y), node->in[0]->dtype);
}

static gboolean sample_swiglu(FoveaSample *sample, guint index)
{
    if (index > 1)
        return FALSE;
    if (index == 1)
        fovea_node_set_float(sample->node, "alpha", 1.7f);
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 17, 33), -4, 4);
    fovea_sample_f32(sample, 1, FOVEA_DIMS(3, 17, 33), -2, 2);
    return TRUE;
}

const FoveaOp fovea_op_SwiGLU = {.name = "SwiGLU",
                                 FOVEA_BINARY,
                                 .infer = infer_swiglu,
                                 .expr = expr_swiglu,
                                 .sample = sample_swiglu};

static gboolean infer_gelu(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const char *how = fovea_node_attr_string(node, "approximate", "none");
    if (!g_str_equal(how, "none") && !g_str_equal(how, "tanh"))
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED,
                               "the approximation '%s' is not supported (none, tanh)", how);
    return fovea_infer_float(graph, node, error);
}

static gboolean expr_gelu(const FoveaNode *node, FoveaExpr *fx)
{
    gboolean tanh_form = g_str_equal(fovea_node_attr_string(node, "approximate", "none"), "tanh");
    guint16 x = fovea_pw_arg(node, fx, 0), inner;
    if (tanh_form) {
        guint16 square = op(fx, FX_MUL, x, x);
        guint16 cubic = op(fx, FX_MUL, op(fx, FX_MUL, constant(fx, 0.044715), square), x);
        inner = op(fx, FX_MUL, constant(fx, 0.79788456080286535588), op(fx, FX_ADD, x, cubic));
        inner = op(fx, FX_TANH, inner, 0);
    } else {
        inner = op(fx, FX_ERF, op(fx, FX_MUL, x, constant(fx, 0.70710678118654752440)), 0);
    }
    guint16 half = op(fx, FX_MUL, constant(fx, 0.5), x);
    inner = op(fx, FX_ADD, constant(fx, 1), inner);
    return fovea_pw_end(fx, op(fx, FX_MUL, half, inner), node->in[0]->dtype);
}

static gboolean sample_gelu(FoveaSample *sample, guint index)
{
    if (index % 2)
        fovea_node_set_string(sample->node, "approximate", "tanh");
    return fovea_sample_domain(sample, index, -4, 4);
}

const FoveaOp fovea_op_Gelu = {
    .name = "Gelu", FOVEA_UNARY, .infer = infer_gelu, .expr = expr_gelu, .sample = sample_gelu};
