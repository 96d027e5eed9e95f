/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitShift
 * Math:   on two's complement bits. BitShift: direction LEFT or RIGHT (zeros come in).
 * Shape:  numpy broadcasting.
 * Types:  integers; BitShift: unsigned.
 * Errors: SHAPE; MODEL (a direction that is neither). A shift by the width or more gives 0.
 * Source: ONNX opset 11, 18.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean infer_int(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_typed(graph, node, PW_INT, error);
}

static gboolean expr_bitwise_and(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, FX_BITAND);
}

const FoveaOp fovea_op_BitwiseAnd = {
    .name = "BitwiseAnd", FOVEA_BINARY, .infer = infer_int, .expr = expr_bitwise_and};

static gboolean expr_bitwise_or(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, FX_BITOR);
}

const FoveaOp fovea_op_BitwiseOr = {
    .name = "BitwiseOr", FOVEA_BINARY, .infer = infer_int, .expr = expr_bitwise_or};

static gboolean expr_bitwise_xor(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_binary(node, fx, FX_BITXOR);
}

const FoveaOp fovea_op_BitwiseXor = {
    .name = "BitwiseXor", FOVEA_BINARY, .infer = infer_int, .expr = expr_bitwise_xor};

static gboolean expr_bitwise_not(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_BITNOT);
}

const FoveaOp fovea_op_BitwiseNot = {
    .name = "BitwiseNot", FOVEA_UNARY, .infer = infer_int, .expr = expr_bitwise_not};

static gboolean infer_shift(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const char *direction = fovea_node_attr_string(node, "direction", "");
    if (!g_str_equal(direction, "LEFT") && !g_str_equal(direction, "RIGHT"))
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL,
                               "direction is '%s', but must be LEFT or RIGHT", direction);
    return infer_int(graph, node, error);
}

static gboolean expr_shift(const FoveaNode *node, FoveaExpr *fx)
{
    gboolean left = g_str_equal(fovea_node_attr_string(node, "direction", ""), "LEFT");
    return fovea_pw_binary(node, fx, left ? FX_SHL : FX_SHR);
}

static gboolean sample_shift(FoveaSample *sample, guint index)
{
    static const FoveaDtype types[] = {FOVEA_DTYPE_U8, FOVEA_DTYPE_U16, FOVEA_DTYPE_U32};
    guint n = fovea_sample_n_shapes();
    fovea_node_set_string(sample->node, "direction", index % 2 ? "LEFT" : "RIGHT");
    return index / n < G_N_ELEMENTS(types) &&
           fovea_sample_broadcast(sample, index % n, types[index / n], 2, 0, 256, 0, 8);
}

const FoveaOp fovea_op_BitShift = {.name = "BitShift",
                                   FOVEA_BINARY,
                                   .infer = infer_shift,
                                   .expr = expr_shift,
                                   .sample = sample_shift};
