/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * If
 * Math:   the outputs of then_branch where the condition in[0] is true, else of else_branch.
 * Shape:  that of the branch.
 * Types:  condition bool.
 * Errors: NEED_VALUE: the condition must be known when the plan is made. Specialising then puts the
 *         branch in the node's place, so that no backend ever sees an If.
 * Source: ONNX opset 25.
 */
#include "ops/op.h"

static gboolean infer_if(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_need(node, 0, error);
}

const FoveaOp fovea_op_If = {
    .name = "If", .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 255, .infer = infer_if};
