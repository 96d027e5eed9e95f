/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Epilogue: what is done element by element to the result of a matrix product or a convolution, and
 * read by nobody else before (bias, activation, residual, scale), becomes the node's own epilogue:
 * operand 0 of the expression is the sum, the others are appended inputs.
 */
#include "graph/passes/passes.h"

static gboolean takes_epilogue(const FoveaNode *node)
{
    return (fovea_is_op(node, "MatMul") || fovea_is_op(node, "Gemm") ||
            fovea_is_op(node, "Conv")) &&
           node->n_out == 1 && fovea_dtype_is_float(node->out[0]->dtype);
}

static gboolean has_only_args(const FoveaExpr *fx)
{
    for (guint i = 0; i < fx->n; i++) {
        if (fx->node[i].op == FX_LOAD || fx->node[i].op == FX_INDEX)
            return FALSE;
    }
    return TRUE;
}

static gboolean reads_operand(const FoveaExpr *fx, guint k)
{
    for (guint i = 0; i < fx->n; i++) {
        if (fx->node[i].op == FX_ARG && fx->node[i].i == k)
            return TRUE;
    }
    return FALSE;
}

/* The expression of `after` with the product as operand 0. */
static gboolean say(const FoveaNode *node, const FoveaNode *after, FoveaExpr *fx,
                    FoveaValue **operands, guint *n)
{
    guint16 args[FOVEA_FX_MAX_ARGS];
    FoveaExpr own;
    double scalar;
    memset(fx, 0, sizeof *fx);
    *n = 0;
    if (!fovea_node_expr(after, &own) || !has_only_args(&own) || after->n_in > FOVEA_FX_MAX_ARGS)
        return FALSE;
    guint16 sum = fovea_fx_arg(fx, 0, FOVEA_FX_F);
    for (guint i = 0; i < after->n_in; i++) {
        FoveaValue *in = after->in[i];
        FoveaFxClass klass = in != NULL ? fovea_fx_class_of(in->dtype) : FOVEA_FX_F;
        if (in == NULL || !reads_operand(&own, i)) {
            args[i] = 0;
        } else if (in == node->out[0]) {
            args[i] = sum;
        } else if (fovea_scalar_of(in, &scalar) && klass == FOVEA_FX_F) {
            args[i] = fovea_fx_const(fx, scalar);
        } else {
            if (*n + 1 >= FOVEA_FX_MAX_ARGS || in->rank > after->out[0]->rank)
                return FALSE;
            operands[*n] = in;
            args[i] = fovea_fx_arg(fx, 1 + (*n)++, klass);
        }
        if (args[i] == FOVEA_FX_FULL)
            return FALSE;
    }
    guint16 result = fovea_fx_inline(fx, &own, args, 0);
    if (result == FOVEA_FX_FULL || (result + 1u != fx->n && fx->n == FOVEA_FX_MAX_NODES))
        return FALSE;
    fovea_fx_finish(fx, result);
    return fx->node[fx->n - 1].klass == FOVEA_FX_F;
}

static gboolean only_reader(const FoveaNode *node, const FoveaNode **reader)
{
    const FoveaValue *out = node->out[0];
    if (out->output >= 0 || out->uses->len == 0)
        return FALSE;
    *reader = g_ptr_array_index(out->uses, 0);
    for (guint i = 1; i < out->uses->len; i++) {
        if (g_ptr_array_index(out->uses, i) != *reader)
            return FALSE;
    }
    return TRUE;
}

static void fuse(FoveaPass *pass, FoveaNode *node)
{
    const FoveaNode *after;
    FoveaValue *operands[FOVEA_FX_MAX_ARGS], *out;
    FoveaExpr fx;
    guint n;
    if (node->fx != NULL || !only_reader(node, &after) || !fovea_node_is_pointwise(after) ||
        after->n_out != 1 || !fovea_value_same_shape(after->out[0], node->out[0]) ||
        !fovea_dtype_is_float(after->out[0]->dtype) || !say(node, after, &fx, operands, &n))
        return;
    g_autofree FoveaValue **in = g_new(FoveaValue *, node->n_in + n);
    guint own = node->n_in;
    memcpy(in, node->in, own * sizeof *in);
    memcpy(in + own, operands, n * sizeof *in);
    out = after->out[0];
    FoveaNode *gone = (FoveaNode *)after, *before = gone->next;
    fovea_graph_remove_node(pass->graph, gone);
    FoveaNode *made = fovea_graph_add_node(pass->graph, node->op, node->name, in, own + n, &out, 1,
                                           before);
    fovea_node_copy_attrs(made, node);
    made->fx = g_memdup2(&fx, sizeof fx);
    made->fx_base = own;
    made->spec = g_steal_pointer(&node->spec);
    fovea_graph_remove_node(pass->graph, node);
    g_autofree char *note = g_strdup_printf("epilogues of %s", made->op->name);
    fovea_pass_note(pass, note);
}

gboolean fovea_pass_epilogue(FoveaPass *pass, GError **error)
{
    /* Backwards: the node that is made stands later in the list, and the one before stays valid. */
    for (FoveaNode *node = pass->graph->last, *prev; node != NULL; node = prev) {
        prev = node->prev;
        if (takes_epilogue(node))
            fuse(pass, node);
    }
    return TRUE;
}
