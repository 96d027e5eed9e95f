/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linear attention: recognised for `inspect`, and left as the products that it is:
 *   q (k' v), normalised by a column of ones in v:  Div(Slice(m), Slice(m) + eps), m = q (k' v)
 *     (Cai et al. 2023, EfficientViT);
 *   sum(softmax(c) * k) * v, one context vector for all  (Mehta and Rastegari 2022, MobileViTv2).
 */
#include "attention/spec.h"
#include "graph/passes/passes.h"

static void mark(FoveaPass *pass, FoveaNode *node)
{
    FoveaAttention spec = {.kind = "linear", .scale = 1, .state = FOVEA_ATTN_LINEAR_STATE};
    if (node->spec != NULL)
        return;
    node->spec = g_memdup2(&spec, sizeof spec);
    fovea_pass_note(pass, "linear attention (not fused)");
}

/* The product of three computed values that a Slice, perhaps with eps added, is cut from. */
static FoveaNode *sliced_product(const FoveaValue *value)
{
    double epsilon;
    FoveaValue *inner = NULL;
    FoveaNode *add = fovea_made_by(value, "Add");
    if (add != NULL && fovea_scalar_operand(add, &epsilon, &inner))
        value = inner;
    FoveaNode *slice = fovea_made_by(value, "Slice");
    if (slice == NULL)
        slice = fovea_made_by(value, "Split");
    FoveaNode *outer = slice != NULL ? fovea_made_by(slice->in[0], "MatMul") : NULL;
    for (guint i = 0; outer != NULL && i < 2; i++) {
        FoveaNode *part = fovea_made_by(outer->in[i], "MatMul");
        if (part != NULL && part->in[0]->constant == NULL && part->in[1]->constant == NULL &&
            outer->in[1 - i]->constant == NULL)
            return outer;
    }
    return NULL;
}

static void normalised_product(FoveaPass *pass, const FoveaNode *div)
{
    FoveaNode *above = sliced_product(div->in[0]), *below = sliced_product(div->in[1]);
    if (above != NULL && above == below)
        mark(pass, above);
}

/* ReduceSum(k * softmax(c)) over the softmax' axis, then times something computed. */
static void context_vector(FoveaPass *pass, FoveaNode *sum)
{
    FoveaNode *product = fovea_made_by_alone(sum->in[0], "Mul");
    guint32 axes;
    guint axis;
    for (guint i = 0; product != NULL && i < 2; i++) {
        FoveaNode *soft = fovea_made_by_alone(product->in[i], "Softmax");
        const FoveaValue *k = product->in[1 - i];
        if (soft == NULL || k->constant != NULL || soft->out[0]->rank != k->rank ||
            !fovea_reduce_axes(sum, &axes) ||
            !fovea_axis(fovea_node_attr_int(soft, "axis", -1), k->rank, FALSE, &axis) ||
            axes != 1u << axis || fovea_value_same_shape(soft->out[0], k) ||
            fovea_node_attr_int(sum, "keepdims", 1) == 0)
            continue;
        const FoveaNode *user = fovea_value_only_user(sum->out[0]);
        if (fovea_is_op(user, "Expand"))
            user = fovea_value_only_user(user->out[0]);
        if (fovea_is_op(user, "Mul") && user->in[0]->constant == NULL &&
            user->in[1]->constant == NULL)
            mark(pass, soft);
    }
}

gboolean fovea_pass_linear_attention(FoveaPass *pass, GError **error)
{
    for (FoveaNode *node = pass->graph->first; node != NULL; node = node->next) {
        if (fovea_is_op(node, "Div"))
            normalised_product(pass, node);
        else if (fovea_is_op(node, "ReduceSum"))
            context_vector(pass, node);
    }
    return TRUE;
}
