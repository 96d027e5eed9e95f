/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Before anything is known of shapes: marks each MatMul that looks like the product of queries and
 * keys under a Softmax. The first self-attention of DETR's decoder has constant queries and keys;
 * folding would take it away before it is recognised.
 */
#include "graph/passes/attention.h"

#define MAX_STEPS 24

static gboolean is_computed(const FoveaValue *value)
{
    return value != NULL && value->constant == NULL && value->producer != NULL;
}

static gboolean passes_scores(const FoveaNode *node)
{
    static const char *const ops[] = {"Add",  "Mul",     "Div",      "Where",
                                      "Cast", "Reshape", "Identity", NULL};
    for (guint i = 0; ops[i] != NULL; i++) {
        if (fovea_is_op(node, ops[i]))
            return TRUE;
    }
    return FALSE;
}

/* A bounded search: the product is few nodes above. */
static FoveaNode *find_product(const FoveaValue *value, guint *steps)
{
    FoveaNode *node = value != NULL ? value->producer : NULL;
    if (node == NULL || (*steps)++ > MAX_STEPS)
        return NULL;
    if (fovea_is_op(node, "MatMul"))
        return is_computed(node->in[0]) && is_computed(node->in[1]) ? node : NULL;
    if (!passes_scores(node))
        return NULL;
    for (guint i = 0; i < node->n_in; i++) {
        FoveaNode *found = find_product(node->in[i], steps);
        if (found != NULL || fovea_is_op(node, "Reshape"))
            return found;
    }
    return NULL;
}

void fovea_attention_mark(FoveaGraph *graph)
{
    for (FoveaNode *node = graph->first; node != NULL; node = node->next) {
        guint steps = 0;
        if (!fovea_is_op(node, "Softmax"))
            continue;
        FoveaNode *product = find_product(fovea_node_in(node, 0), &steps);
        if (product != NULL)
            fovea_node_set_int(product, FOVEA_ATTENTION_MARK, 1);
    }
}
