/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/pointwise.h: small helpers shared by the pointwise families. Internal to ops/.
 */
#pragma once

#include "ops/op.h"

/* Type classes an operator takes. */
enum { PW_FLOAT = 1, PW_INT = 2, PW_BOOL = 4, PW_NUMBER = PW_FLOAT | PW_INT };

/* All inputs have one element type of the given classes; broadcasting; the result is of that type
 * (fovea_infer_compare_of: bool). Integer results known from the inputs' content are set. */
gboolean fovea_infer_typed(FoveaGraph *graph, FoveaNode *node, guint types, GError **error);
gboolean fovea_infer_compare_of(FoveaGraph *graph, FoveaNode *node, guint types, GError **error);
/* Checks the class of the given input only. */
gboolean fovea_check_type(const FoveaNode *node, guint slot, guint types, GError **error);
/* Sets content of output 0 where the inputs' content decides it through the node's expression. */
void fovea_infer_expr_content(FoveaGraph *graph, FoveaNode *node);

gboolean fovea_infer_float(FoveaGraph *graph, FoveaNode *node, GError **error);
gboolean fovea_infer_number(FoveaGraph *graph, FoveaNode *node, GError **error);

/* Operand k with the class of its element type. */
static inline guint16 fovea_pw_arg(const FoveaNode *node, FoveaExpr *fx, guint k)
{
    const FoveaValue *value = fovea_node_in(node, k);
    return value != NULL ? fovea_fx_arg(fx, k, fovea_fx_class_of(value->dtype)) : FOVEA_FX_FULL;
}
/* Ends an expression. An integer result narrower than 64 bits is wrapped to `dtype`, so that fused
 * chains compute what the single nodes do. FALSE where the expression was full. */
gboolean fovea_pw_end(FoveaExpr *fx, guint16 result, FoveaDtype dtype);
/* Whole expressions of one operation on in[0], or in[0] and in[1]; result of in[0]'s type. */
gboolean fovea_pw_unary(const FoveaNode *node, FoveaExpr *fx, FoveaFxOp op);
gboolean fovea_pw_binary(const FoveaNode *node, FoveaExpr *fx, FoveaFxOp op);
/* The same for comparisons and logic: no wrapping. */
gboolean fovea_pw_test(const FoveaNode *node, FoveaExpr *fx, FoveaFxOp op, guint first,
                       guint second);

#define FOVEA_UNARY .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 1
#define FOVEA_BINARY .min_in = 2, .max_in = 2, .min_out = 1, .max_out = 1
