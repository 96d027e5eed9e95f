/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Floor Ceil Round
 * Math:   the next whole number below, above, or nearest (halves to the even one).
 * Shape:  that of the input.
 * Types:  floats.
 * Errors: SHAPE.
 * Source: ONNX opset 13, 22.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean expr_floor(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_FLOOR);
}

const FoveaOp fovea_op_Floor = {
    .name = "Floor", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_floor};

static gboolean expr_ceil(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_CEIL);
}

const FoveaOp fovea_op_Ceil = {
    .name = "Ceil", FOVEA_UNARY, .infer = fovea_infer_float, .expr = expr_ceil};

static gboolean expr_round(const FoveaNode *node, FoveaExpr *fx)
{
    return fovea_pw_unary(node, fx, FX_ROUND);
}

/* Halves of both signs, where rounding modes differ. */
static gboolean sample_round(FoveaSample *sample, guint index)
{
    if (index > 1)
        return FALSE;
    if (index == 0) {
        fovea_sample_f32(sample, 0, FOVEA_DIMS(5, 13), -4, 4);
        return TRUE;
    }
    fovea_sample_f32(sample, 0, FOVEA_DIMS(17), 0, 1);
    float *data = fovea_tensor_data_mut(sample->in[0]);
    for (guint i = 0; i < 17; i++)
        data[i] = (float)i / 2 - 4;
    return TRUE;
}

const FoveaOp fovea_op_Round = {.name = "Round",
                                FOVEA_UNARY,
                                .infer = fovea_infer_float,
                                .expr = expr_round,
                                .sample = sample_round};
