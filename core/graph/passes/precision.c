/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Precision: which values stay f32 though the plan computes in f16.
 *
 * Rule. These are kept: what places are read at (grids of GridSample and DeformableAttention, and
 * the latter's weights), what TopK and ArgMax rank, running sums, statistics (results of reductions
 * and the squares under them), and outputs whose name says box. From each of them the rule walks
 * back through nodes that only move values or compute element by element, and stops at products,
 * convolutions, norms and attention, whose own sums are f32 anyway: their result is kept, what goes
 * into them is not. What a kernel keeps inside (softmax, norm statistics) needs no mark.
 */
#include "graph/passes/passes.h"

static gboolean is_any(const FoveaNode *node, const char *const *names)
{
    for (guint i = 0; names[i] != NULL; i++) {
        if (g_str_equal(node->op->name, names[i]))
            return TRUE;
    }
    return FALSE;
}

static gboolean passes_through(const FoveaNode *node)
{
    static const char *const movers[] = {
        "Concat", "Split",    "Slice",     "Gather", "GatherElements", "Expand",  "Tile",
        "Pad",    "GatherND", "Transpose", "Append", "Resize",         "Softmax", NULL};
    return node->op->expr != NULL || fovea_is_reshape(node) || is_any(node, movers) ||
           g_str_has_prefix(node->op->name, "Reduce");
}

static void keep(FoveaPass *pass, GPtrArray *stack, FoveaValue *value)
{
    if (value == NULL || value->keep_f32 || !fovea_dtype_is_float(value->dtype))
        return;
    value->keep_f32 = TRUE;
    fovea_pass_note(pass, "values kept f32");
    g_ptr_array_add(stack, value);
}

static void walk_back(FoveaPass *pass, GPtrArray *stack)
{
    while (stack->len > 0) {
        const FoveaValue *value = g_ptr_array_steal_index_fast(stack, stack->len - 1);
        const FoveaNode *node = value->producer;
        if (node == NULL || !passes_through(node))
            continue;
        for (guint i = 0; i < node->n_in; i++)
            keep(pass, stack, node->in[i]);
    }
}

static void roots_of(FoveaPass *pass, GPtrArray *stack, const FoveaNode *node)
{
    static const char *const ranked[] = {"TopK", "ArgMax", "ArgMin", "CumSum", "CumProd", NULL};
    if (fovea_is_op(node, "GridSample")) {
        keep(pass, stack, node->in[1]);
    } else if (fovea_is_op(node, "DeformableAttention")) {
        keep(pass, stack, node->in[0]);
        for (guint i = 2; i < node->n_in; i += 2)
            keep(pass, stack, node->in[i]);
    } else if (is_any(node, ranked)) {
        keep(pass, stack, node->in[0]);
        if (node->n_out > 0)
            keep(pass, stack, node->out[0]);
    }
}

/* Means and sums of squares lose their small differences in f16; only what is near is marked. */
static void keep_statistics(FoveaPass *pass, const FoveaNode *node)
{
    if (!g_str_has_prefix(node->op->name, "Reduce") || node->out[0] == NULL ||
        !fovea_dtype_is_float(node->out[0]->dtype))
        return;
    const FoveaNode *square = node->in[0]->producer;
    node->out[0]->keep_f32 = TRUE;
    if (square != NULL && (fovea_is_op(square, "Pow") || fovea_is_op(square, "Mul")))
        node->in[0]->keep_f32 = TRUE;
}

gboolean fovea_pass_precision(FoveaPass *pass, GError **error)
{
    GPtrArray *stack = g_ptr_array_new();
    for (const FoveaNode *node = pass->graph->first; node != NULL; node = node->next) {
        keep_statistics(pass, node);
        roots_of(pass, stack, node);
        walk_back(pass, stack);
    }
    for (guint i = 0; i < pass->graph->outputs->len; i++) {
        FoveaValue *output = g_ptr_array_index(pass->graph->outputs, i);
        g_autofree char *name = g_ascii_strdown(output->name, -1);
        if (strstr(name, "box") != NULL)
            keep(pass, stack, output);
        walk_back(pass, stack);
    }
    g_ptr_array_free(stack, TRUE);
    return TRUE;
}
