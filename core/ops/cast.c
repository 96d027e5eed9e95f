/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cast CastLike
 * Math:   the same number in another element type: attribute `to`, or the type of input 1. Float to
 *         integer truncates and saturates (NaN gives 0), integer to narrower integer wraps, anything
 *         to bool is != 0. Float to narrower float rounds to nearest even when it is stored.
 * Shape:  that of input 0.
 * Types:  all that Fovea has.
 * Errors: UNSUPPORTED (an element type we do not have).
 * Source: ONNX opset 13 to 25.
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static gboolean infer_to(FoveaGraph *graph, FoveaNode *node, FoveaDtype to, GError **error)
{
    if (fovea_dtype_size(to) == 0)
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED,
                               "element type %d is not supported", (int)to);
    fovea_infer_set(node->out[0], to, node->in[0]->rank, node->in[0]->dims);
    fovea_infer_expr_content(graph, node);
    return TRUE;
}

static gboolean infer_cast(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return infer_to(graph, node, (FoveaDtype)fovea_node_attr_int(node, "to", 0), error);
}

static gboolean infer_cast_like(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return infer_to(graph, node, node->in[1]->dtype, error);
}

static gboolean cast_expr(const FoveaNode *node, FoveaExpr *fx, FoveaDtype to)
{
    guint16 result = fovea_fx_cast(fx, fovea_pw_arg(node, fx, 0), to);
    fovea_fx_finish(fx, result);
    return result != FOVEA_FX_FULL;
}

static gboolean expr_cast(const FoveaNode *node, FoveaExpr *fx)
{
    return cast_expr(node, fx, (FoveaDtype)fovea_node_attr_int(node, "to", 0));
}

static gboolean expr_cast_like(const FoveaNode *node, FoveaExpr *fx)
{
    return cast_expr(node, fx, node->in[1]->dtype);
}

static const FoveaDtype sampled[] = {FOVEA_DTYPE_F32, FOVEA_DTYPE_I32, FOVEA_DTYPE_I64,
                                     FOVEA_DTYPE_U8, FOVEA_DTYPE_BOOL};

/* Every pair of the usual types. */
static gboolean sample_pair(FoveaSample *sample, guint index, FoveaDtype *to)
{
    guint n = G_N_ELEMENTS(sampled);
    if (index >= n * n)
        return FALSE;
    *to = sampled[index % n];
    double low = *to == FOVEA_DTYPE_U8 || sampled[index / n] == FOVEA_DTYPE_U8 ? 0 : -99;
    return fovea_sample_broadcast(sample, index % 5, sampled[index / n], 1, low, 99, low, 99);
}

static gboolean sample_cast(FoveaSample *sample, guint index)
{
    FoveaDtype to;
    if (!sample_pair(sample, index, &to))
        return FALSE;
    fovea_node_set_int(sample->node, "to", to);
    return TRUE;
}

static gboolean sample_cast_like(FoveaSample *sample, guint index)
{
    FoveaDtype to;
    if (!sample_pair(sample, index, &to))
        return FALSE;
    if (to == FOVEA_DTYPE_F32)
        fovea_sample_f32(sample, 1, FOVEA_DIMS(1), 0, 1);
    else
        fovea_sample_int(sample, 1, to, FOVEA_DIMS(1), 0, 2);
    return TRUE;
}

const FoveaOp fovea_op_Cast = {
    .name = "Cast", FOVEA_UNARY, .infer = infer_cast, .expr = expr_cast, .sample = sample_cast};
const FoveaOp fovea_op_CastLike = {.name = "CastLike",
                                   FOVEA_BINARY,
                                   .infer = infer_cast_like,
                                   .expr = expr_cast_like,
                                   .sample = sample_cast_like};
