/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Specialise: one walk in order that infers every shape, evaluates what is constant, inlines an If
 * whose condition is known, and replaces integers that are known as expressions of bounded
 * dimensions by Scalars nodes. Afterwards every value has a type and a shape.
 */
#include "graph/plan-internal.h"

/* Folding must not blow a graph up: results above this stay nodes unless they are no larger than
 * their inputs together. */
#define FOLD_LIMIT (1 << 20)

/* ---- If ---- */

static GHashTable *name_table(FoveaGraph *graph)
{
    GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < graph->values->len; i++) {
        FoveaValue *value = g_ptr_array_index(graph->values, i);
        g_hash_table_insert(names, (gpointer)value->name, value);
    }
    return names;
}

static FoveaValue *map_value(FoveaGraph *graph, GHashTable *names, const FoveaValue *inner)
{
    if (inner->constant != NULL)
        return fovea_graph_add_constant(graph, inner->name, inner->constant);
    if (inner->producer != NULL)
        return fovea_graph_add_value(graph, inner->name);
    return g_hash_table_lookup(names, inner->name);
}

static gboolean copy_node(FoveaGraph *graph, const FoveaNode *from, FoveaValue *const *map,
                          FoveaNode *before)
{
    g_autofree FoveaValue **in = g_new0(FoveaValue *, from->n_in + 1);
    g_autofree FoveaValue **out = g_new0(FoveaValue *, from->n_out + 1);
    for (guint i = 0; i < from->n_in; i++) {
        in[i] = from->in[i] != NULL ? map[from->in[i]->id] : NULL;
        if (from->in[i] != NULL && in[i] == NULL)
            return FALSE;
    }
    for (guint i = 0; i < from->n_out; i++)
        out[i] = from->out[i] != NULL ? map[from->out[i]->id] : NULL;
    FoveaNode *node = fovea_graph_add_node(graph, from->op, from->name, in, from->n_in, out,
                                           from->n_out, before);
    fovea_node_copy_attrs(node, from);
    return TRUE;
}

/* Output `slot` of `node` comes from `inner` from now on. It keeps its name, by which branches of
 * later nodes may ask for it. */
static void forward(FoveaGraph *graph, FoveaNode *node, guint slot, FoveaValue *inner)
{
    FoveaValue *out = node->out[slot];
    node->out[slot] = NULL;
    out->producer = NULL;
    fovea_graph_add_node(graph, fovea_op_find("Identity"), "", &inner, 1, &out, 1, node);
}

/* Copies the branch before `node` and lets its outputs stand for the node's. */
static gboolean inline_branch(FoveaGraph *graph, FoveaNode *node, const FoveaGraph *branch,
                              GError **error)
{
    g_autoptr(GHashTable) names = name_table(graph);
    g_autofree FoveaValue **map = g_new0(FoveaValue *, branch->values->len + 1);
    gboolean ok = branch->outputs->len == node->n_out;
    for (guint i = 0; i < branch->values->len; i++) {
        const FoveaValue *inner = g_ptr_array_index(branch->values, i);
        map[i] = inner != NULL ? map_value(graph, names, inner) : NULL;
    }
    for (const FoveaNode *from = branch->first; ok && from != NULL; from = from->next)
        ok = copy_node(graph, from, map, node);
    for (guint i = 0; ok && i < node->n_out; i++) {
        FoveaValue *inner = map[((FoveaValue *)g_ptr_array_index(branch->outputs, i))->id];
        ok = inner != NULL;
        if (ok && node->out[i] != NULL)
            forward(graph, node, i, inner);
    }
    return ok || fovea_node_fail(node, error, FOVEA_ERROR_MODEL,
                                 "has a branch that does not fit its outputs");
}

static gboolean inline_if(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    FoveaValue *condition = fovea_node_in(node, 0);
    if (condition == NULL)
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "lacks its condition");
    if (condition->constant == NULL)
        return fovea_infer_need(node, 0, error);
    if (condition->constant->n_elements != 1)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "has a condition that is no scalar");
    gboolean yes = fovea_load_i64(condition->dtype, condition->constant->data, 0) != 0;
    const FoveaAttr *attr = fovea_node_attr(node, yes ? "then_branch" : "else_branch");
    if (attr == NULL || attr->type != FOVEA_ATTR_GRAPH)
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "lacks a branch");
    return inline_branch(graph, node, attr->graph, error);
}

/* ---- constants ---- */

/* Sizes of a value whose shape is fixed. */
static void fixed_dims(const FoveaValue *value, gint64 *dims)
{
    for (gint k = 0; k < value->rank; k++)
        dims[k] = value->dims[k].c;
}

static gboolean is_foldable(const FoveaNode *node)
{
    gsize in_bytes = 0, out_bytes = 0;
    if ((node->op->ref == NULL && node->op->expr == NULL) ||
        fovea_node_attr(node, "attention") != NULL)
        return FALSE;
    for (guint i = 0; i < node->n_in; i++) {
        if (node->in[i] == NULL)
            continue;
        if (node->in[i]->constant == NULL)
            return FALSE;
        in_bytes += fovea_tensor_n_bytes(node->in[i]->constant);
    }
    for (guint i = 0; i < node->n_out; i++) {
        gint64 dims[FOVEA_MAX_RANK], count;
        if (node->out[i] == NULL)
            continue;
        if (!fovea_value_is_fixed(node->out[i]))
            return FALSE;
        fixed_dims(node->out[i], dims);
        if (!fovea_shape_count((guint)node->out[i]->rank, dims, &count))
            return FALSE;
        out_bytes += (gsize)count * fovea_dtype_size(node->out[i]->dtype);
    }
    /* Weights kept in f16 and widened at the start of the graph are constants all the same. */
    return out_bytes <= FOLD_LIMIT || out_bytes <= in_bytes || g_str_equal(node->op->name, "Cast");
}

static gboolean fold(FoveaNode *node, GError **error)
{
    g_autofree FoveaView *views = g_new0(FoveaView, node->n_in + node->n_out + 1);
    g_autofree const FoveaView **in = g_new0(const FoveaView *, node->n_in + 1);
    g_autofree const FoveaView **out = g_new0(const FoveaView *, node->n_out + 1);
    g_autofree FoveaTensor **made = g_new0(FoveaTensor *, node->n_out + 1);
    gboolean ok = TRUE;
    for (guint i = 0; i < node->n_in; i++) {
        if (node->in[i] == NULL)
            continue;
        views[i] = fovea_view_of_tensor(node->in[i]->constant);
        in[i] = &views[i];
    }
    for (guint i = 0; ok && i < node->n_out; i++) {
        const FoveaValue *value = node->out[i];
        gint64 dims[FOVEA_MAX_RANK] = {0};
        if (value == NULL)
            continue;
        fixed_dims(value, dims);
        made[i] = fovea_tensor_new(value->dtype, (guint)value->rank, dims, error);
        ok = made[i] != NULL;
        if (ok) {
            views[node->n_in + i] = fovea_view_of_tensor(made[i]);
            out[i] = &views[node->n_in + i];
        }
    }
    ok = ok && fovea_node_run_ref(node, in, out, error);
    for (guint i = 0; i < node->n_out; i++) {
        if (ok && made[i] != NULL)
            fovea_value_set_constant(node->out[i], made[i]);
        fovea_tensor_unref(made[i]);
    }
    return ok;
}

/* A value whose every element is known to be a number becomes a constant. */
static gboolean content_to_constant(FoveaValue *value, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK] = {0};
    for (guint i = 0; i < value->n_content; i++) {
        if (!fovea_dim_is_const(value->content[i]))
            return TRUE;
    }
    fixed_dims(value, dims);
    FoveaTensor *tensor = fovea_tensor_new(value->dtype, (guint)value->rank, dims, error);
    if (tensor == NULL)
        return FALSE;
    for (guint i = 0; i < value->n_content && i < tensor->n_elements; i++)
        fovea_store_i64(value->dtype, tensor->data, i, value->content[i].c);
    fovea_value_set_constant(value, tensor);
    fovea_tensor_unref(tensor);
    return TRUE;
}

static gboolean all_outputs_constant(const FoveaNode *node)
{
    for (guint i = 0; i < node->n_out; i++) {
        if (node->out[i] != NULL && node->out[i]->constant == NULL)
            return FALSE;
    }
    return TRUE;
}

/* ---- contents that are expressions ---- */

static void make_scalars(FoveaGraph *graph, FoveaNode *node)
{
    const FoveaOp *op = fovea_op_find("Scalars");
    if (op == NULL || node->op == op || node->n_out != 1 || node->out[0] == NULL)
        return;
    FoveaValue *value = node->out[0];
    if (value->content == NULL || value->constant != NULL || !fovea_value_is_fixed(value))
        return;
    FoveaNode *next = node->next;
    const char *name = node->name; /* in the graph's chunk: outlives the node */
    fovea_graph_remove_node(graph, node);
    fovea_graph_add_node(graph, op, name, NULL, 0, &value, 1, next);
}

static gboolean fold_node(FoveaNode *node, GError **error)
{
    GError *cause = NULL;
    if (is_foldable(node) && !fold(node, &cause)) {
        if (g_error_matches(cause, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY)) {
            g_propagate_error(error, cause);
            return FALSE;
        }
        /* What cannot be computed now (an index out of range) is an error of the run, not ours. */
        g_clear_error(&cause);
    }
    for (guint i = 0; i < node->n_out; i++) {
        FoveaValue *value = node->out[i];
        if (value != NULL && value->content != NULL && value->constant == NULL &&
            fovea_value_is_fixed(value) && !content_to_constant(value, error))
            return FALSE;
    }
    return TRUE;
}

/* Nodes that change nothing at all: their readers read the input. */
static gboolean is_transparent(const FoveaNode *node)
{
    const char *name = node->op->name;
    gboolean one = node->n_in == 1 && node->n_out == 1 && node->out[0] != NULL;
    return one && node->out[0]->output < 0 && node->in[0]->dtype == node->out[0]->dtype &&
           (g_str_equal(name, "Identity") || g_str_equal(name, "Concat") ||
            g_str_equal(name, "Cast"));
}

/* CastLike reads nothing of its second input but the type, which is known: a Cast, so that nobody
 * waits for that input or takes it for an operand. */
static void drop_example(FoveaNode *node)
{
    const FoveaValue *like = fovea_node_in(node, 1);
    if (!g_str_equal(node->op->name, "CastLike") || like == NULL || like->dtype == FOVEA_DTYPE_NONE)
        return;
    fovea_node_set_int(node, "to", like->dtype);
    fovea_node_set_input(node, 1, NULL);
    node->n_in = 1;
    node->op = fovea_op_find("Cast");
}

static gboolean specialise_node(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (g_str_equal(node->op->name, "If")) {
        if (!inline_if(graph, node, error))
            return FALSE;
        fovea_graph_remove_node(graph, node);
        return TRUE;
    }
    if (node->op->infer == NULL)
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED, "is not supported here");
    drop_example(node);
    if (!fovea_node_infer(graph, node, error) || !fold_node(node, error))
        return FALSE;
    if (all_outputs_constant(node))
        fovea_graph_remove_node(graph, node);
    return TRUE;
}

/* What folding left behind would keep its memory for as long as the plan lives. */
static void drop_unused_constants(FoveaGraph *graph)
{
    for (guint i = 0; i < graph->values->len; i++) {
        FoveaValue *value = g_ptr_array_index(graph->values, i);
        if (value != NULL && value->uses->len == 0 && value->input < 0 && value->output < 0)
            g_clear_pointer(&value->constant, fovea_tensor_unref);
    }
}

gboolean fovea_pass_specialise(FoveaGraph *graph, FoveaValue **needed, GError **error)
{
    *needed = NULL;
    fovea_attention_mark(graph);
    for (FoveaNode *node = graph->first, *next; node != NULL; node = next) {
        FoveaNode *before = node->prev;
        gboolean branch = g_str_equal(node->op->name, "If");
        next = node->next;
        graph->needed = NULL;
        if (!specialise_node(graph, node, error)) {
            *needed = graph->needed;
            return FALSE;
        }
        if (branch) /* go on with what was put in its place */
            next = before != NULL ? before->next : graph->first;
    }
    for (FoveaNode *node = graph->first, *next; node != NULL; node = next) {
        next = node->next;
        /* Only now: branches that were not inlined yet could have asked for the output by name. */
        if (is_transparent(node)) {
            fovea_graph_replace(graph, node->out[0], node->in[0]);
            fovea_graph_remove_node(graph, node);
        } else {
            make_scalars(graph, node);
        }
    }
    fovea_graph_sweep(graph);
    drop_unused_constants(graph);
    return TRUE;
}
