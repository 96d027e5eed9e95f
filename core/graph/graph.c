/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/graph.h"
#include "ops/op.h"

FoveaGraph *fovea_graph_new(void)
{
    FoveaGraph *graph = g_new0(FoveaGraph, 1);
    graph->syms = fovea_syms_new();
    graph->values = g_ptr_array_new();
    graph->inputs = g_ptr_array_new();
    graph->outputs = g_ptr_array_new();
    graph->names = g_string_chunk_new(1024);
    return graph;
}

const char *fovea_graph_intern(FoveaGraph *graph, const char *text)
{
    return text != NULL ? g_string_chunk_insert_const(graph->names, text) : NULL;
}

static void value_free(FoveaValue *value)
{
    if (value == NULL)
        return;
    g_clear_pointer(&value->constant, fovea_tensor_unref);
    g_free(value->content);
    g_ptr_array_free(value->uses, TRUE);
    g_free(value);
}

static void node_free(FoveaNode *node)
{
    for (guint i = 0; i < node->n_attrs; i++)
        fovea_attr_clear(&node->attrs[i]);
    g_free(node->attrs);
    g_free(node->in);
    g_free(node->out);
    g_free(node->fx);
    g_free(node->spec);
    g_free(node);
}

void fovea_graph_free(FoveaGraph *graph)
{
    if (graph == NULL)
        return;
    for (FoveaNode *node = graph->first, *next; node != NULL; node = next) {
        next = node->next;
        node_free(node);
    }
    for (guint i = 0; i < graph->values->len; i++)
        value_free(g_ptr_array_index(graph->values, i));
    g_ptr_array_free(graph->values, TRUE);
    g_ptr_array_free(graph->inputs, TRUE);
    g_ptr_array_free(graph->outputs, TRUE);
    g_string_chunk_free(graph->names);
    fovea_syms_unref(graph->syms);
    g_free(graph);
}

FoveaValue *fovea_graph_add_value(FoveaGraph *graph, const char *name)
{
    FoveaValue *value = g_new0(FoveaValue, 1);
    char unnamed[24];
    value->id = graph->values->len;
    if (name == NULL) {
        g_snprintf(unnamed, sizeof unnamed, "%%%u", value->id);
        name = unnamed;
    }
    value->name = fovea_graph_intern(graph, name);
    value->rank = -1;
    value->input = value->output = -1;
    value->uses = g_ptr_array_new();
    g_ptr_array_add(graph->values, value);
    return value;
}

FoveaValue *fovea_graph_add_constant(FoveaGraph *graph, const char *name, FoveaTensor *tensor)
{
    FoveaValue *value = fovea_graph_add_value(graph, name);
    fovea_value_set_constant(value, tensor);
    return value;
}

void fovea_value_set_constant(FoveaValue *value, FoveaTensor *tensor)
{
    fovea_tensor_ref(tensor);
    g_clear_pointer(&value->constant, fovea_tensor_unref);
    value->constant = tensor;
    value->dtype = tensor->dtype;
    value->rank = (gint)tensor->rank;
    for (guint i = 0; i < tensor->rank; i++)
        value->dims[i] = fovea_dim(tensor->dims[i]);
    g_clear_pointer(&value->content, g_free);
    value->n_content = 0;
}

void fovea_value_set_content(FoveaValue *value, const FoveaDim *content, guint n)
{
    FoveaDim *copy = n <= FOVEA_MAX_CONTENT ? g_memdup2(content, n * sizeof *content) : NULL;
    g_free(value->content);
    /* An empty list is known content too. */
    value->content = n == 0 ? g_new0(FoveaDim, 1) : copy;
    value->n_content = value->content != NULL ? n : 0;
}

FoveaValue *fovea_graph_find(const FoveaGraph *graph, const char *name)
{
    for (guint i = 0; i < graph->values->len; i++) {
        FoveaValue *value = g_ptr_array_index(graph->values, i);
        if (value != NULL && g_str_equal(value->name, name))
            return value;
    }
    return NULL;
}

void fovea_graph_add_input(FoveaGraph *graph, FoveaValue *value)
{
    value->input = (gint)graph->inputs->len;
    g_ptr_array_add(graph->inputs, value);
}

void fovea_graph_add_output(FoveaGraph *graph, FoveaValue *value)
{
    value->output = (gint)graph->outputs->len;
    g_ptr_array_add(graph->outputs, value);
}

static void link_node(FoveaGraph *graph, FoveaNode *node, FoveaNode *before)
{
    node->next = before;
    node->prev = before != NULL ? before->prev : graph->last;
    if (node->prev != NULL)
        node->prev->next = node;
    else
        graph->first = node;
    if (before != NULL)
        before->prev = node;
    else
        graph->last = node;
}

static void unlink_node(FoveaGraph *graph, FoveaNode *node)
{
    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        graph->first = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    else
        graph->last = node->prev;
    node->prev = node->next = NULL;
}

FoveaNode *fovea_graph_add_node(FoveaGraph *graph, const FoveaOp *op, const char *name,
                                FoveaValue *const *in, guint n_in, FoveaValue *const *out,
                                guint n_out, FoveaNode *before)
{
    FoveaNode *node = g_new0(FoveaNode, 1);
    node->id = graph->next_node_id++;
    node->op = op;
    node->graph = graph;
    node->name = fovea_graph_intern(graph, name != NULL ? name : "");
    node->n_in = n_in;
    node->in = g_new0(FoveaValue *, n_in);
    for (guint i = 0; i < n_in; i++) {
        node->in[i] = in[i];
        if (in[i] != NULL)
            g_ptr_array_add(in[i]->uses, node);
    }
    node->n_out = n_out;
    node->out = g_new0(FoveaValue *, n_out);
    for (guint i = 0; i < n_out; i++) {
        node->out[i] = out[i];
        if (out[i] == NULL)
            continue;
        out[i]->producer = node;
        out[i]->slot = i;
    }
    link_node(graph, node, before);
    graph->n_nodes++;
    return node;
}

void fovea_node_set_input(FoveaNode *node, guint slot, FoveaValue *value)
{
    if (node->in[slot] == value)
        return;
    if (node->in[slot] != NULL)
        g_ptr_array_remove(node->in[slot]->uses, node);
    node->in[slot] = value;
    if (value != NULL)
        g_ptr_array_add(value->uses, node);
}

guint fovea_node_append_input(FoveaNode *node, FoveaValue *value)
{
    guint slot = node->n_in++;
    node->in = g_renew(FoveaValue *, node->in, node->n_in);
    node->in[slot] = NULL;
    fovea_node_set_input(node, slot, value);
    return slot;
}

void fovea_graph_replace(FoveaGraph *graph, FoveaValue *from, FoveaValue *to)
{
    if (from == to)
        return;
    while (from->uses->len > 0) {
        FoveaNode *user = g_ptr_array_index(from->uses, from->uses->len - 1);
        for (guint i = 0; i < user->n_in; i++) {
            if (user->in[i] == from)
                fovea_node_set_input(user, i, to);
        }
    }
    if (from->output < 0)
        return;
    if (to->output >= 0 || to->input >= 0 || to->constant != NULL) {
        /* One value cannot stand for two outputs, nor for an input: keep a node between. */
        FoveaNode *maker = from->producer;
        FoveaValue *in[1] = {to}, *out[1] = {from};
        if (maker != NULL) {
            maker->out[from->slot] = NULL;
            from->producer = NULL;
        }
        fovea_graph_add_node(graph, fovea_op_find("Identity"), "", in, 1, out, 1,
                             maker != NULL ? maker->next : NULL);
        return;
    }
    const char *name = to->name;
    to->output = from->output;
    g_ptr_array_index(graph->outputs, to->output) = to;
    from->output = -1;
    to->name = from->name;
    from->name = name;
}

void fovea_graph_remove_node(FoveaGraph *graph, FoveaNode *node)
{
    for (guint i = 0; i < node->n_in; i++)
        fovea_node_set_input(node, i, NULL);
    for (guint i = 0; i < node->n_out; i++) {
        if (node->out[i] != NULL && node->out[i]->producer == node)
            node->out[i]->producer = NULL;
    }
    unlink_node(graph, node);
    graph->n_nodes--;
    node_free(node);
}

void fovea_graph_move_before(FoveaGraph *graph, FoveaNode *node, FoveaNode *before)
{
    if (node == before || node->next == before)
        return;
    unlink_node(graph, node);
    link_node(graph, node, before);
}

/* Names that subgraphs of the graph's nodes take from outside. */
static void add_captured(const FoveaGraph *graph, GHashTable *names)
{
    for (const FoveaNode *node = graph->first; node != NULL; node = node->next) {
        for (guint i = 0; i < node->n_attrs; i++) {
            if (node->attrs[i].type != FOVEA_ATTR_GRAPH)
                continue;
            const FoveaGraph *inner = node->attrs[i].graph;
            for (guint k = 0; k < inner->values->len; k++) {
                const FoveaValue *value = g_ptr_array_index(inner->values, k);
                if (value != NULL && value->producer == NULL && value->constant == NULL &&
                    value->input < 0)
                    g_hash_table_add(names, (gpointer)value->name);
            }
            add_captured(inner, names);
        }
    }
}

guint fovea_graph_sweep(FoveaGraph *graph)
{
    g_autoptr(GHashTable) captured = g_hash_table_new(g_str_hash, g_str_equal);
    guint gone = 0;
    add_captured(graph, captured);
    for (FoveaNode *node = graph->last, *prev; node != NULL; node = prev) {
        gboolean used = FALSE;
        prev = node->prev;
        for (guint i = 0; i < node->n_out; i++)
            used |= node->out[i] != NULL && (fovea_value_n_uses(node->out[i]) > 0 ||
                                             g_hash_table_contains(captured, node->out[i]->name));
        if (used)
            continue;
        fovea_graph_remove_node(graph, node);
        gone++;
    }
    return gone;
}

gboolean fovea_value_same_shape(const FoveaValue *a, const FoveaValue *b)
{
    if (a->rank != b->rank || a->rank < 0)
        return FALSE;
    for (gint i = 0; i < a->rank; i++) {
        if (!fovea_dim_equal(a->dims[i], b->dims[i]))
            return FALSE;
    }
    return TRUE;
}

/* Values carry no pointer to their graph; dims that are not constant print as "?" without syms. */
char *fovea_value_type_string(const FoveaValue *value)
{
    GString *text = g_string_new(fovea_dtype_name(value->dtype));
    FoveaNode *near = value->producer != NULL ? value->producer
                      : value->uses->len > 0  ? g_ptr_array_index(value->uses, 0)
                                              : NULL;
    if (value->rank < 0) {
        g_string_append(text, "[?]");
        return g_string_free(text, FALSE);
    }
    g_string_append_c(text, '[');
    for (gint i = 0; i < value->rank; i++) {
        g_string_append(text, i ? "," : "");
        if (fovea_dim_is_const(value->dims[i])) {
            g_string_append_printf(text, "%" G_GINT64_FORMAT, value->dims[i].c);
        } else if (near != NULL) {
            g_autofree char *dim = fovea_dim_to_string(near->graph->syms, value->dims[i]);
            g_string_append(text, dim);
        } else {
            g_string_append_c(text, '?');
        }
    }
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

FoveaDim fovea_value_count(const FoveaValue *value)
{
    FoveaDim count = fovea_dim(1);
    FoveaNode *near = value->producer != NULL ? value->producer
                      : value->uses->len > 0  ? g_ptr_array_index(value->uses, 0)
                                              : NULL;
    for (gint i = 0; i < value->rank; i++) {
        gint64 product;
        if (fovea_dim_is_const(count) && fovea_dim_is_const(value->dims[i]))
            count = fovea_dim(fovea_mul_i64(count.c, value->dims[i].c, &product) ? product
                                                                                 : G_MAXINT64 / 2);
        else if (near != NULL)
            count = fovea_dim_mul(near->graph->syms, count, value->dims[i]);
    }
    return count;
}

gboolean fovea_axis(gint64 axis, gint rank, gboolean inclusive, guint *out)
{
    gint64 limit = rank + (inclusive ? 1 : 0);
    if (axis < -limit || axis >= limit)
        return FALSE;
    *out = (guint)(axis < 0 ? axis + limit : axis);
    return TRUE;
}
