/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/order.c: nodes in an order in which they can run. Files are nearly always in order; then
 * that order is kept.
 */
#include "onnx/build.h"

typedef struct Edges {
    GHashTable *makers; /* name -> index of its node + 1 */
    GArray *from;       /* for each node, the nodes that it waits for, one after the other */
    guint *start;       /* n + 1 positions in from */
    gboolean in_order;
} Edges;

static void note(Edges *edges, guint node, const char *name)
{
    guint maker = GPOINTER_TO_UINT(g_hash_table_lookup(edges->makers, name));
    if (*name == '\0' || maker == 0)
        return;
    maker--;
    g_array_append_val(edges->from, maker);
    edges->in_order &= maker < node;
}

/* What a subgraph reads from outside: everything that it does not make itself. */
static void note_graph(Edges *edges, guint node, const OnnxGraph *graph)
{
    GHashTable *own = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < graph->n_inputs; i++)
        g_hash_table_add(own, (gpointer)graph->inputs[i].name);
    for (guint i = 0; i < graph->n_inits; i++)
        g_hash_table_add(own, (gpointer)graph->inits[i].name);
    for (guint i = 0; i < graph->n_nodes; i++) {
        for (guint k = 0; k < graph->nodes[i].n_out; k++)
            g_hash_table_add(own, (gpointer)graph->nodes[i].out[k]);
    }
    for (guint i = 0; i < graph->n_nodes; i++) {
        const OnnxNode *inner = &graph->nodes[i];
        for (guint k = 0; k < inner->n_in; k++) {
            if (!g_hash_table_contains(own, inner->in[k]))
                note(edges, node, inner->in[k]);
        }
        for (guint k = 0; k < inner->n_attrs; k++) {
            if (inner->attrs[k].g != NULL)
                note_graph(edges, node, inner->attrs[k].g);
        }
    }
    for (guint i = 0; i < graph->n_outputs; i++) {
        if (!g_hash_table_contains(own, graph->outputs[i].name))
            note(edges, node, graph->outputs[i].name);
    }
    g_hash_table_destroy(own);
}

static void find_edges(Edges *edges, const OnnxNode *nodes, guint n)
{
    edges->makers = g_hash_table_new(g_str_hash, g_str_equal);
    edges->from = g_array_new(FALSE, FALSE, sizeof(guint));
    edges->in_order = TRUE;
    for (guint i = 0; i < n; i++) {
        for (guint k = 0; k < nodes[i].n_out; k++) {
            if (*nodes[i].out[k] != '\0')
                g_hash_table_insert(edges->makers, (gpointer)nodes[i].out[k],
                                    GUINT_TO_POINTER(i + 1));
        }
    }
    for (guint i = 0; i < n; i++) {
        edges->start[i] = edges->from->len;
        for (guint k = 0; k < nodes[i].n_in; k++)
            note(edges, i, nodes[i].in[k]);
        for (guint k = 0; k < nodes[i].n_attrs; k++) {
            if (nodes[i].attrs[k].g != NULL)
                note_graph(edges, i, nodes[i].attrs[k].g);
        }
    }
    edges->start[n] = edges->from->len;
}

enum { WHITE, GREY, BLACK };

/* Depth first without recursion: the stack is a chain through `parent`, and `at` says which of a
 * node's edges comes next. Returns a node of a cycle, or n. */
static guint visit_all(const Edges *edges, guint n, guint *order, guint8 *colour, guint *parent,
                       guint *at)
{
    const guint *from = (const guint *)(void *)edges->from->data;
    guint done = 0;
    for (guint root = 0; root < n; root++) {
        guint node = root;
        if (colour[root] != WHITE)
            continue;
        colour[root] = GREY;
        parent[root] = n;
        while (node < n) {
            if (at[node] == edges->start[node + 1]) {
                colour[node] = BLACK;
                order[done++] = node;
                node = parent[node];
                continue;
            }
            guint next = from[at[node]++];
            if (colour[next] == GREY)
                return next;
            if (colour[next] == BLACK)
                continue;
            colour[next] = GREY;
            parent[next] = node;
            node = next;
        }
    }
    return n;
}

guint *fovea_onnx_order(const OnnxNode *nodes, guint n, GError **error)
{
    Edges edges = {.start = g_new(guint, (gsize)n + 1)};
    guint *order = g_new(guint, (gsize)n + 1), bad = n;
    find_edges(&edges, nodes, n);
    for (guint i = 0; i < n && edges.in_order; i++)
        order[i] = i;
    if (!edges.in_order) {
        guint8 *colour = g_new0(guint8, n);
        guint *parent = g_new(guint, n);
        guint *at = g_memdup2(edges.start, n * sizeof *at);
        bad = visit_all(&edges, n, order, colour, parent, at);
        g_free(colour);
        g_free(parent);
        g_free(at);
    }
    g_hash_table_destroy(edges.makers);
    g_array_free(edges.from, TRUE);
    g_free(edges.start);
    if (bad == n)
        return order;
    g_free(order);
    fovea_fail(error, FOVEA_ERROR_MODEL, "The graph has a cycle through %s '%s'",
               nodes[bad].op_type, nodes[bad].name);
    return NULL;
}
