/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pointwise: chains and small webs of element-by-element nodes become one Pointwise node with one
 * expression. A node takes in the nodes that make its operands where nobody else reads them and they
 * have its shape, so that nothing is computed twice; scalar constants become part of the expression.
 */
#include "graph/passes/passes.h"

/* An expression being put together, with the values of its operands. */
typedef struct Fusion {
    FoveaExpr fx;
    FoveaValue *args[FOVEA_FX_MAX_ARGS];
    guint n_args;
} Fusion;

static guint16 leaf(Fusion *f, FoveaValue *value, gint out_rank)
{
    double scalar;
    FoveaFxClass klass = fovea_fx_class_of(value->dtype);
    if (fovea_scalar_of(value, &scalar) && value->rank <= out_rank) {
        if (klass == FOVEA_FX_F)
            return fovea_fx_const(&f->fx, scalar);
        return fovea_fx_const_i(&f->fx, klass,
                                fovea_load_i64(value->dtype, value->constant->data, 0));
    }
    guint k = 0;
    while (k < f->n_args && f->args[k] != value)
        k++;
    if (k == FOVEA_FX_MAX_ARGS)
        return FOVEA_FX_FULL;
    if (k == f->n_args)
        f->args[f->n_args++] = value;
    return fovea_fx_arg(&f->fx, k, klass);
}

static gboolean has_load(const FoveaExpr *fx)
{
    for (guint i = 0; i < fx->n; i++) {
        if (fx->node[i].op == FX_LOAD)
            return TRUE;
    }
    return FALSE;
}

/* CastLike has an operand of which only the type counts: it is none of the expression's. */
static gboolean reads_operand(const FoveaExpr *fx, guint k)
{
    for (guint i = 0; i < fx->n; i++) {
        if (fx->node[i].op == FX_ARG && fx->node[i].i == k)
            return TRUE;
    }
    return FALSE;
}

/* The node's expression over f's operands; `taken` is replaced by its own expression. */
static guint16 inline_node(Fusion *f, const FoveaNode *node, const FoveaNode *taken, gint out_rank)
{
    guint16 args[FOVEA_FX_MAX_ARGS];
    FoveaExpr own;
    if (!fovea_node_expr(node, &own) || has_load(&own) || node->n_in > FOVEA_FX_MAX_ARGS)
        return FOVEA_FX_FULL;
    for (guint i = 0; i < node->n_in; i++) {
        FoveaValue *in = node->in[i];
        if (in == NULL || !reads_operand(&own, i))
            args[i] = 0;
        else if (taken != NULL && in->producer == taken)
            args[i] = inline_node(f, taken, NULL, out_rank);
        else
            args[i] = leaf(f, in, out_rank);
        if (args[i] == FOVEA_FX_FULL)
            return FOVEA_FX_FULL;
    }
    return fovea_fx_inline(&f->fx, &own, args, 0);
}

static gboolean read_only_by(const FoveaValue *value, const FoveaNode *node)
{
    for (guint i = 0; i < value->uses->len; i++) {
        if (g_ptr_array_index(value->uses, i) != node)
            return FALSE;
    }
    return value->output < 0;
}

/* An operand whose producer can go into the node. */
static FoveaNode *next_to_take(const FoveaNode *node, guint from)
{
    for (guint i = from; i < node->n_in; i++) {
        const FoveaValue *in = node->in[i];
        FoveaNode *maker = in != NULL ? in->producer : NULL;
        if (maker != NULL && fovea_node_is_pointwise(maker) && maker->n_out == 1 &&
            read_only_by(in, node) && fovea_value_same_shape(in, node->out[0]))
            return maker;
    }
    return NULL;
}

/* Puts the fused node in the place of `node` and removes both. NULL: it does not fit. */
static FoveaNode *take(FoveaPass *pass, FoveaNode *node, FoveaNode *maker)
{
    Fusion f = {.n_args = 0};
    FoveaValue *out = node->out[0];
    guint16 result = inline_node(&f, node, maker, out->rank);
    if (result == FOVEA_FX_FULL || f.n_args == 0 ||
        (result + 1u != f.fx.n && f.fx.n == FOVEA_FX_MAX_NODES))
        return NULL;
    fovea_fx_finish(&f.fx, result);
    FoveaNode *before = node->next;
    const char *name = node->name;
    fovea_graph_remove_node(pass->graph, node);
    fovea_graph_remove_node(pass->graph, maker);
    FoveaNode *fused = fovea_graph_add_node(pass->graph, fovea_op_find("Pointwise"), name, f.args,
                                            f.n_args, &out, 1, before);
    fused->fx = g_memdup2(&f.fx, sizeof f.fx);
    fovea_pass_note(pass, "nodes fused");
    return fused;
}

/* All inputs broadcast to one of the output's shape, so the shape still follows from the operands. */
static gboolean keeps_shape(const FoveaNode *node, const FoveaNode *maker)
{
    for (guint pass = 0; pass < 2; pass++) {
        const FoveaNode *of = pass == 0 ? maker : node;
        FoveaExpr fx;
        if (!fovea_node_expr(of, &fx))
            return FALSE;
        for (guint i = 0; i < of->n_in; i++) {
            if (of->in[i] != NULL && of->in[i]->producer != maker && reads_operand(&fx, i) &&
                (of->in[i]->constant == NULL || of->in[i]->constant->n_elements != 1) &&
                fovea_value_same_shape(of->in[i], node->out[0]))
                return TRUE;
        }
    }
    return FALSE;
}

gboolean fovea_pass_pointwise(FoveaPass *pass, GError **error)
{
    for (FoveaNode *node = pass->graph->first, *next; node != NULL; node = next) {
        next = node->next;
        if (!fovea_node_is_pointwise(node) || node->n_out != 1 || node->out[0]->rank < 0)
            continue;
        for (guint i = 0; i < node->n_in;) {
            FoveaNode *maker = next_to_take(node, i);
            FoveaNode *fused = maker != NULL && keeps_shape(node, maker) ? take(pass, node, maker)
                                                                         : NULL;
            if (maker == NULL)
                break;
            if (fused != NULL) {
                node = fused;
                i = 0;
            } else {
                i++;
            }
        }
    }
    return TRUE;
}
