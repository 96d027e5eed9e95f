/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Norms: the chains that exporters write for LayerNormalization and RMSNormalization over trailing
 * axes become the node:
 *   d = x - ReduceMean(x);  y = d / Sqrt(ReduceMean(d^2) + eps)  [* scale [+ bias]]
 *   y = x / Sqrt(ReduceMean(x^2) + eps)  [* scale]
 * with d^2 as Pow(d, 2) or Mul(d, d), and the division as Div, or Mul with Reciprocal.
 */
#include "graph/passes/passes.h"

/* value == of * of */
static gboolean is_square_of(const FoveaValue *value, const FoveaValue *of)
{
    double two;
    FoveaNode *node = fovea_made_by(value, "Pow");
    if (node != NULL)
        return node->in[0] == of && fovea_scalar_of(node->in[1], &two) && two == 2;
    node = fovea_made_by(value, "Mul");
    return node != NULL && node->in[0] == of && node->in[1] == of;
}

/* ReduceMean over the last axes, kept: their first. */
static FoveaNode *trailing_mean(const FoveaValue *value, guint *first)
{
    FoveaNode *node = fovea_made_by(value, "ReduceMean");
    guint32 axes;
    if (node == NULL || fovea_node_attr_int(node, "keepdims", 1) == 0 ||
        !fovea_reduce_axes(node, &axes) || axes == 0)
        return NULL;
    guint rank = (guint)node->in[0]->rank;
    *first = (guint)__builtin_ctz(axes);
    return axes >> *first == (1u << (rank - *first)) - 1 ? node : NULL;
}

/* value == sqrt(mean(of^2) + eps), or its reciprocal where `inverse`. */
static gboolean is_deviation(const FoveaValue *value, const FoveaValue *of, gboolean inverse,
                             guint *first, double *epsilon)
{
    FoveaValue *inner;
    if (inverse) {
        FoveaNode *reciprocal = fovea_made_by(value, "Reciprocal");
        FoveaNode *one = fovea_made_by(value, "Div");
        double x;
        if (reciprocal != NULL)
            value = reciprocal->in[0];
        else if (one != NULL && fovea_scalar_of(one->in[0], &x) && x == 1)
            value = one->in[1];
        else
            return FALSE;
    }
    FoveaNode *root = fovea_made_by(value, "Sqrt");
    FoveaNode *add = root != NULL ? fovea_made_by(root->in[0], "Add") : NULL;
    if (add == NULL || !fovea_scalar_operand(add, epsilon, &inner))
        return FALSE;
    FoveaNode *mean = trailing_mean(inner, first);
    return mean != NULL && is_square_of(mean->in[0], of);
}

/* y = d / deviation(d): d, where node is such. */
static FoveaValue *normalised(const FoveaNode *node, guint *first, double *epsilon)
{
    if (fovea_is_op(node, "Div"))
        return is_deviation(node->in[1], node->in[0], FALSE, first, epsilon) ? node->in[0] : NULL;
    if (!fovea_is_op(node, "Mul"))
        return NULL;
    for (guint i = 0; i < 2; i++) {
        if (is_deviation(node->in[1 - i], node->in[i], TRUE, first, epsilon))
            return node->in[i];
    }
    return NULL;
}

/* d = x - mean(x) over the same axes: x, or NULL. */
static FoveaValue *centred(const FoveaValue *d, guint first)
{
    guint axis;
    FoveaNode *sub = fovea_made_by(d, "Sub");
    FoveaNode *mean = sub != NULL ? trailing_mean(sub->in[1], &axis) : NULL;
    return mean != NULL && axis == first && mean->in[0] == sub->in[0] ? sub->in[0] : NULL;
}

/* A constant whose shape is that of the normalised axes (leading ones allowed): reshaped to it. */
static FoveaValue *affine_operand(FoveaGraph *graph, FoveaNode *before, const FoveaNode *node,
                                  const FoveaValue *y, guint first)
{
    for (guint i = 0; node->n_in == 2 && i < 2; i++) {
        FoveaValue *c = node->in[1 - i];
        guint n = (guint)y->rank - first;
        gint64 dims[FOVEA_MAX_RANK];
        if (node->in[i] != y || c->constant == NULL || (guint)c->rank < n || c->rank > y->rank ||
            c->dtype != y->dtype)
            continue;
        gboolean fits = TRUE;
        for (guint k = 0; k < (guint)c->rank; k++) {
            guint from_end = (guint)c->rank - k;
            fits = fits &&
                   (from_end > n ? fovea_dim_is(c->dims[k], 1)
                                 : fovea_dim_equal(c->dims[k], y->dims[y->rank - from_end]));
            if (from_end <= n)
                dims[n - from_end] = c->dims[k].c;
        }
        if (fits)
            return fovea_make_reshape(graph, before, c, n, dims);
    }
    return NULL;
}

static FoveaValue *ones(FoveaGraph *graph, const FoveaValue *y, guint first)
{
    gint64 dims[FOVEA_MAX_RANK];
    guint n = (guint)y->rank - first;
    for (guint i = 0; i < n; i++) {
        if (!fovea_dim_is_const(y->dims[first + i]))
            return NULL;
        dims[i] = y->dims[first + i].c;
    }
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(y->dtype, n, dims, NULL);
    for (gsize i = 0; tensor != NULL && i < tensor->n_elements; i++)
        fovea_store_f64(y->dtype, tensor->data, (gint64)i, 1);
    return tensor != NULL ? fovea_graph_add_constant(graph, NULL, tensor) : NULL;
}

static void recognise(FoveaPass *pass, FoveaNode *node)
{
    guint first = 0;
    double epsilon = 0;
    FoveaGraph *graph = pass->graph;
    FoveaValue *d = normalised(node, &first, &epsilon);
    if (d == NULL)
        return;
    FoveaValue *x = centred(d, first);
    const char *op = x != NULL ? "LayerNormalization" : "RMSNormalization";
    FoveaValue *in[3] = {x != NULL ? x : d, NULL, NULL};
    FoveaNode *last = node, *user = fovea_value_only_user(node->out[0]);
    if (fovea_is_op(user, "Mul"))
        in[1] = affine_operand(graph, user, user, node->out[0], first);
    if (in[1] != NULL) {
        last = user;
        user = fovea_value_only_user(last->out[0]);
        if (x != NULL && fovea_is_op(user, "Add"))
            in[2] = affine_operand(graph, user, user, last->out[0], first);
        if (in[2] != NULL)
            last = user;
    } else {
        in[1] = ones(graph, node->out[0], first);
    }
    if (in[1] == NULL)
        return;
    FoveaNode *made = fovea_make_node(graph, last, op, last->name, in, in[2] != NULL ? 3 : 2);
    fovea_node_set_int(made, "axis", (gint64)first - node->out[0]->rank);
    fovea_node_set_float(made, "epsilon", (float)epsilon);
    FoveaValue *out = fovea_finish_node(made);
    if (out == NULL || !fovea_value_same_shape(out, last->out[0]))
        return;
    fovea_graph_replace(graph, last->out[0], out);
    fovea_pass_note(pass, op);
}

gboolean fovea_pass_norms(FoveaPass *pass, GError **error)
{
    for (FoveaNode *node = pass->graph->first; node != NULL; node = node->next) {
        if (node->n_out > 0 && node->out[0] != NULL)
            recognise(pass, node);
    }
    return TRUE;
}
