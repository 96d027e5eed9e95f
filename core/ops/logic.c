/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * And Or Xor Not Where
 * Math:   And, Or, Xor, Not of bools. Where: condition ? x : y.
 * Shape:  numpy broadcasting.
 * Types:  bool. Where: condition bool; x and y of one type, any.
 * Errors: SHAPE.
 * Source: ONNX opset 7, 16.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean infer_bool(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_typed(graph, node, PW_BOOL, error);
}

static gboolean expr_and(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_AND, 0, 1);
}

const FoveaOp fovea_op_And = {.name = "And", FOVEA_BINARY, .infer = infer_bool, .expr = expr_and};

static gboolean expr_or(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_OR, 0, 1);
}

const FoveaOp fovea_op_Or = {.name = "Or", FOVEA_BINARY, .infer = infer_bool, .expr = expr_or};

static gboolean expr_xor(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_XOR, 0, 1);
}

const FoveaOp fovea_op_Xor = {.name = "Xor", FOVEA_BINARY, .infer = infer_bool, .expr = expr_xor};

static gboolean expr_not(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_test(node, fx, FX_NOT, 0, 0);
}

const FoveaOp fovea_op_Not = {.name = "Not", FOVEA_UNARY, .infer = infer_bool, .expr = expr_not};

static gboolean infer_where(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    FoveaDim dims[FOVEA_MAX_RANK];
    gint rank;
    if (!fovea_check_type(node, 0, PW_BOOL, error))
        return FALSE;
    if (node->in[1]->dtype != node->in[2]->dtype)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "its two choices are %s and %s, but must be of one type",
                               fovea_dtype_name(node->in[1]->dtype),
                               fovea_dtype_name(node->in[2]->dtype));
    if (!fovea_infer_broadcast(graph, node, node->in, 3, &rank, dims, error))
        return FALSE;
    fovea_infer_set(node->out[0], node->in[1]->dtype, rank, dims);
    fovea_infer_expr_content(graph, node);
    return TRUE;
}

static gboolean expr_where(const FoveaNode *node, FoveaExpr *fx)
{
    guint16 c = fovea_pw_arg(node, fx, 0), x = fovea_pw_arg(node, fx, 1);
    guint16 y = fovea_pw_arg(node, fx, 2);
    return fovea_pw_end(fx, fovea_fx_op(fx, FX_SELECT, c, x, y), node->in[1]->dtype);
}

static gboolean sample_where(FoveaSample *sample, guint index)
{
    static const FoveaDtype types[] = {FOVEA_DTYPE_F32, FOVEA_DTYPE_I64, FOVEA_DTYPE_BOOL};
    guint n = fovea_sample_n_shapes();
    if (index / n >= G_N_ELEMENTS(types) ||
        !fovea_sample_broadcast(sample, index % n, types[index / n], 3, -2, 2, -9, 9))
        return FALSE;
    guint rank = sample->in[0]->rank;
    gint64 dims[FOVEA_MAX_RANK];
    memcpy(dims, sample->in[0]->dims, sizeof dims);
    fovea_sample_int(sample, 0, FOVEA_DTYPE_BOOL, rank, dims, 0, 2);
    return TRUE;
}

const FoveaOp fovea_op_Where = {.name = "Where",
                                .min_in = 3,
                                .max_in = 3,
                                .min_out = 1,
                                .max_out = 1,
                                .infer = infer_where,
                                .expr = expr_where,
                                .sample = sample_where};
