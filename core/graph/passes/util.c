/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What passes are made of.
 */
#include "graph/passes/passes.h"

gboolean fovea_is_op(const FoveaNode *node, const char *op)
{
    return node != NULL && g_str_equal(node->op->name, op);
}

FoveaNode *fovea_made_by(const FoveaValue *value, const char *op)
{
    return value != NULL && fovea_is_op(value->producer, op) ? value->producer : NULL;
}

FoveaNode *fovea_made_by_alone(const FoveaValue *value, const char *op)
{
    return value != NULL && fovea_value_n_uses(value) == 1 ? fovea_made_by(value, op) : NULL;
}

gboolean fovea_scalar_of(const FoveaValue *value, double *scalar)
{
    if (value == NULL || value->constant == NULL || value->constant->n_elements != 1)
        return FALSE;
    *scalar = fovea_load_f64(value->dtype, value->constant->data, 0);
    return TRUE;
}

gboolean fovea_scalar_operand(const FoveaNode *node, double *scalar, FoveaValue **other)
{
    for (guint i = 0; node->n_in == 2 && i < 2; i++) {
        if (fovea_scalar_of(node->in[i], scalar) && node->in[i]->rank <= node->out[0]->rank) {
            *other = node->in[1 - i];
            return *other != NULL && fovea_value_same_shape(*other, node->out[0]);
        }
    }
    return FALSE;
}

gboolean fovea_all_equal(const FoveaValue *value, double x)
{
    if (value == NULL || value->constant == NULL)
        return FALSE;
    for (gsize i = 0; i < value->constant->n_elements; i++) {
        if (fovea_load_f64(value->dtype, value->constant->data, (gint64)i) != x)
            return FALSE;
    }
    return value->constant->n_elements > 0;
}

gboolean fovea_reduce_axes(const FoveaNode *node, guint32 *axes)
{
    gint rank = node->in[0]->rank;
    const FoveaValue *list = fovea_node_in(node, 1);
    *axes = 0;
    if (list == NULL || (list->constant != NULL && list->constant->n_elements == 0)) {
        *axes = fovea_node_attr_int(node, "noop_with_empty_axes", 0) ? 0 : (1u << rank) - 1;
        return TRUE;
    }
    if (list->constant == NULL)
        return FALSE;
    for (gsize i = 0; i < list->constant->n_elements; i++) {
        guint axis;
        if (!fovea_axis(fovea_load_i64(list->dtype, list->constant->data, (gint64)i), rank, FALSE,
                        &axis))
            return FALSE;
        *axes |= 1u << axis;
    }
    return TRUE;
}

gboolean fovea_perm_of(const FoveaNode *node, guint8 *perm)
{
    guint n, rank = (guint)node->in[0]->rank;
    const gint64 *given = fovea_node_attr_ints(node, "perm", &n);
    for (guint i = 0; i < rank; i++) {
        if (given != NULL && (n != rank || given[i] < 0 || given[i] >= rank))
            return FALSE;
        perm[i] = (guint8)(given != NULL ? (guint)given[i] : rank - 1 - i);
    }
    return TRUE;
}

gboolean fovea_is_reshape(const FoveaNode *node)
{
    return fovea_is_op(node, "Reshape") || fovea_is_op(node, "Flatten") ||
           fovea_is_op(node, "Squeeze") || fovea_is_op(node, "Unsqueeze");
}

/* ---- making ---- */

FoveaNode *fovea_make_node(FoveaGraph *graph, FoveaNode *before, const char *name, const char *from,
                           FoveaValue *const *in, guint n_in)
{
    const FoveaOp *op = fovea_op_find(name);
    if (op == NULL)
        return NULL;
    FoveaValue *out = fovea_graph_add_value(graph, NULL);
    return fovea_graph_add_node(graph, op, from, in, n_in, &out, 1, before);
}

/* Evaluates a node all of whose inputs are constants, into output 0. */
static gboolean fold(FoveaNode *node)
{
    FoveaView views[8], result;
    const FoveaView *in[8] = {NULL}, *out[1] = {&result};
    FoveaValue *value = node->out[0];
    gint64 dims[FOVEA_MAX_RANK] = {0};
    if (node->n_in > 8 || node->spec != NULL || !fovea_value_is_fixed(value))
        return FALSE;
    for (guint i = 0; i < node->n_in; i++) {
        if (node->in[i] == NULL)
            continue;
        if (node->in[i]->constant == NULL)
            return FALSE;
        views[i] = fovea_view_of_tensor(node->in[i]->constant);
        in[i] = &views[i];
    }
    for (gint i = 0; i < value->rank; i++)
        dims[i] = value->dims[i].c;
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(value->dtype, (guint)value->rank, dims, NULL);
    if (tensor == NULL)
        return FALSE;
    result = fovea_view_of_tensor(tensor);
    if (!fovea_node_run_ref(node, in, out, NULL))
        return FALSE;
    fovea_value_set_constant(value, tensor);
    return TRUE;
}

FoveaValue *fovea_finish_node(FoveaNode *node)
{
    FoveaValue *out = node->out[0];
    gboolean good = fovea_node_infer(node->graph, node, NULL);
    if (!good || fold(node))
        fovea_graph_remove_node(node->graph, node);
    return good ? out : NULL;
}

FoveaValue *fovea_make_ints(FoveaGraph *graph, const gint64 *values, guint n)
{
    gint64 dims[1] = {n};
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 1, dims, NULL);
    if (tensor == NULL)
        return NULL;
    if (n > 0)
        memcpy(tensor->data, values, n * sizeof *values);
    return fovea_graph_add_constant(graph, NULL, tensor);
}

FoveaValue *fovea_make_reshape(FoveaGraph *graph, FoveaNode *before, FoveaValue *value, guint rank,
                               const gint64 *dims)
{
    FoveaValue *in[2] = {value, fovea_make_ints(graph, dims, rank)};
    gboolean same = (guint)value->rank == rank;
    for (guint i = 0; i < rank && same; i++)
        same = fovea_dim_is(value->dims[i], dims[i]);
    if (same)
        return value;
    FoveaNode *node = in[1] != NULL ? fovea_make_node(graph, before, "Reshape", "", in, 2) : NULL;
    if (node == NULL)
        return NULL;
    fovea_node_set_int(node, "allowzero", 1);
    return fovea_finish_node(node);
}

FoveaValue *fovea_make_transpose(FoveaGraph *graph, FoveaNode *before, FoveaValue *value,
                                 const guint8 *perm)
{
    gint64 wide[FOVEA_MAX_RANK];
    gboolean moves = FALSE;
    for (gint i = 0; i < value->rank; i++) {
        wide[i] = perm[i];
        moves |= perm[i] != i;
    }
    if (!moves)
        return value;
    FoveaNode *node = fovea_make_node(graph, before, "Transpose", "", &value, 1);
    if (node == NULL)
        return NULL;
    fovea_node_set_ints(node, "perm", wide, (guint)value->rank);
    return fovea_finish_node(node);
}

FoveaValue *fovea_make_unsqueeze(FoveaGraph *graph, FoveaNode *before, FoveaValue *value,
                                 const gint64 *axes, guint n)
{
    FoveaValue *in[2] = {value, fovea_make_ints(graph, axes, n)};
    if (n == 0)
        return value;
    FoveaNode *node = in[1] != NULL ? fovea_make_node(graph, before, "Unsqueeze", "", in, 2) : NULL;
    return node != NULL ? fovea_finish_node(node) : NULL;
}

FoveaValue *fovea_make_binary(FoveaGraph *graph, FoveaNode *before, const char *op, FoveaValue *a,
                              FoveaValue *b)
{
    FoveaValue *in[2] = {a, b};
    FoveaNode *node = a != NULL && b != NULL ? fovea_make_node(graph, before, op, "", in, 2) : NULL;
    return node != NULL ? fovea_finish_node(node) : NULL;
}

void fovea_replace_node(FoveaGraph *graph, FoveaNode *node, FoveaValue *value)
{
    fovea_graph_replace(graph, node->out[0], value);
    for (guint i = 0; i < node->n_out; i++) {
        if (node->out[i] != NULL && fovea_value_n_uses(node->out[i]) > 0 &&
            node->out[i]->producer == node)
            return; /* another output is still read */
    }
    fovea_graph_remove_node(graph, node);
}
