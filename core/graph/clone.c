/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A deep copy of a graph: plans rewrite their own, the model's stays as it was read.
 */
#include "attention/spec.h"
#include "graph/graph.h"

static FoveaValue *clone_value(FoveaGraph *to, const FoveaValue *from)
{
    FoveaValue *value = fovea_graph_add_value(to, from->name);
    value->dtype = from->dtype;
    value->rank = from->rank;
    memcpy(value->dims, from->dims, sizeof value->dims);
    for (guint i = 0; i < FOVEA_MAX_RANK; i++)
        value->dim_names[i] = fovea_graph_intern(to, from->dim_names[i]);
    if (from->constant != NULL)
        value->constant = fovea_tensor_ref(from->constant);
    if (from->content != NULL)
        fovea_value_set_content(value, from->content, from->n_content);
    value->keep_f32 = from->keep_f32;
    return value;
}

static void clone_node(FoveaGraph *to, const FoveaNode *from, FoveaValue *const *map)
{
    g_autofree FoveaValue **in = g_new0(FoveaValue *, from->n_in + 1);
    g_autofree FoveaValue **out = g_new0(FoveaValue *, from->n_out + 1);
    for (guint i = 0; i < from->n_in; i++)
        in[i] = from->in[i] != NULL ? map[from->in[i]->id] : NULL;
    for (guint i = 0; i < from->n_out; i++)
        out[i] = from->out[i] != NULL ? map[from->out[i]->id] : NULL;
    FoveaNode *node = fovea_graph_add_node(to, from->op, from->name, in, from->n_in, out,
                                           from->n_out, NULL);
    fovea_node_copy_attrs(node, from);
    if (from->fx != NULL)
        node->fx = g_memdup2(from->fx, sizeof *from->fx);
    node->fx_base = from->fx_base;
    if (from->spec != NULL)
        node->spec = g_memdup2(from->spec, sizeof(FoveaAttention));
}

FoveaGraph *fovea_graph_clone(const FoveaGraph *from)
{
    FoveaGraph *to = fovea_graph_new();
    g_autofree FoveaValue **map = g_new0(FoveaValue *, from->values->len + 1);
    fovea_syms_unref(to->syms);
    /* Expressions are interned and only ever added, but plans add their own scalars. */
    to->syms = fovea_syms_copy(from->syms);
    to->opset = from->opset;
    for (guint i = 0; i < from->values->len; i++) {
        const FoveaValue *value = g_ptr_array_index(from->values, i);
        if (value != NULL)
            map[i] = clone_value(to, value);
    }
    for (const FoveaNode *node = from->first; node != NULL; node = node->next)
        clone_node(to, node, map);
    for (guint i = 0; i < from->inputs->len; i++)
        fovea_graph_add_input(to, map[((FoveaValue *)g_ptr_array_index(from->inputs, i))->id]);
    for (guint i = 0; i < from->outputs->len; i++)
        fovea_graph_add_output(to, map[((FoveaValue *)g_ptr_array_index(from->outputs, i))->id]);
    return to;
}
