/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Fold conv: BatchNormalization, and products and sums with one constant a channel, that follow a
 * Conv with constant weights go into its weights and bias.
 */
#include <math.h>

#include "graph/passes/passes.h"

/* y = scale[c] * x + shift[c] */
typedef struct Affine {
    gint64 channels;
    double *scale, *shift; /* one allocation */
    guint n;               /* nodes taken */
} Affine;

/* A constant that is one number, or one a channel (axis 1) of `like`. */
static gboolean per_channel(const FoveaValue *value, const FoveaValue *like, gint64 channels)
{
    if (value == NULL || value->constant == NULL || value->rank > like->rank)
        return FALSE;
    for (gint i = 0; i < value->rank; i++) {
        gint axis = like->rank - value->rank + i;
        if (!fovea_dim_is(value->dims[i], axis == 1 ? channels : 1) &&
            !fovea_dim_is(value->dims[i], 1))
            return FALSE;
    }
    return value->constant->n_elements == 1 || (gint64)value->constant->n_elements == channels;
}

static double at(const FoveaValue *value, gint64 c)
{
    return fovea_load_f64(value->dtype, value->constant->data,
                          value->constant->n_elements == 1 ? 0 : c);
}

static gboolean take_batch_norm(Affine *a, const FoveaNode *node)
{
    double epsilon = fovea_node_attr_float(node, "epsilon", 1e-5);
    for (guint i = 1; i < 5; i++) {
        const FoveaValue *p = fovea_node_in(node, i);
        if (p == NULL || p->constant == NULL || (gint64)p->constant->n_elements != a->channels)
            return FALSE;
    }
    for (gint64 c = 0; c < a->channels; c++) {
        double s = at(node->in[1], c) / sqrt(at(node->in[4], c) + epsilon);
        a->scale[c] *= s;
        a->shift[c] = (a->shift[c] - at(node->in[3], c)) * s + at(node->in[2], c);
    }
    return TRUE;
}

static gboolean take_binary(Affine *a, const FoveaNode *node, const FoveaValue *x)
{
    gboolean mul = fovea_is_op(node, "Mul"), div = fovea_is_op(node, "Div");
    gboolean add = fovea_is_op(node, "Add"), sub = fovea_is_op(node, "Sub");
    guint other = node->n_in == 2 && node->in[0] == x ? 1 : 0;
    if ((!mul && !div && !add && !sub) || node->n_in != 2 || node->in[1 - other] != x ||
        ((div || sub) && other == 0) || !per_channel(node->in[other], x, a->channels) ||
        !fovea_value_same_shape(node->out[0], x))
        return FALSE;
    for (gint64 c = 0; c < a->channels; c++) {
        double v = at(node->in[other], c);
        if (mul || div) {
            a->scale[c] *= mul ? v : 1 / v;
            a->shift[c] *= mul ? v : 1 / v;
        } else {
            a->shift[c] += add ? v : -v;
        }
    }
    return TRUE;
}

static gboolean all_finite(const Affine *a)
{
    for (gint64 c = 0; c < a->channels; c++) {
        if (!isfinite(a->scale[c]) || !isfinite(a->shift[c]))
            return FALSE;
    }
    return TRUE;
}

/* Walks the nodes after the Conv as far as they are affine; the last value reached. */
static FoveaValue *gather(Affine *a, FoveaNode *conv)
{
    FoveaValue *value = conv->out[0];
    for (;;) {
        FoveaNode *user = fovea_value_only_user(value);
        if (user == NULL || user->fx != NULL || user->out[0] == NULL)
            return value;
        gboolean taken = fovea_is_op(user, "BatchNormalization") && user->in[0] == value
                             ? take_batch_norm(a, user)
                             : take_binary(a, user, value);
        if (!taken)
            return value;
        value = user->out[0];
        a->n++;
    }
}

static gboolean apply(FoveaPass *pass, FoveaNode *conv, const Affine *a, GError **error)
{
    const FoveaTensor *w = conv->in[1]->constant;
    const FoveaValue *old = fovea_node_in(conv, 2);
    gint64 dims[1] = {a->channels};
    g_autoptr(FoveaTensor) weights = fovea_tensor_new(w->dtype, w->rank, w->dims, error);
    g_autoptr(FoveaTensor) bias = fovea_tensor_new(w->dtype, 1, dims, error);
    if (weights == NULL || bias == NULL)
        return FALSE;
    gint64 each = (gint64)w->n_elements / a->channels;
    for (gint64 i = 0; i < (gint64)w->n_elements; i++)
        fovea_store_f64(w->dtype, weights->data, i,
                        fovea_load_f64(w->dtype, w->data, i) * a->scale[i / each]);
    for (gint64 c = 0; c < a->channels; c++)
        fovea_store_f64(w->dtype, bias->data, c,
                        (old != NULL ? at(old, c) * a->scale[c] : 0) + a->shift[c]);
    fovea_node_set_input(conv, 1, fovea_graph_add_constant(pass->graph, NULL, weights));
    FoveaValue *added = fovea_graph_add_constant(pass->graph, NULL, bias);
    if (conv->n_in < 3)
        fovea_node_append_input(conv, added);
    else
        fovea_node_set_input(conv, 2, added);
    return TRUE;
}

static gboolean fold_conv(FoveaPass *pass, FoveaNode *conv, GError **error)
{
    const FoveaValue *w = fovea_node_in(conv, 1), *b = fovea_node_in(conv, 2);
    if (w == NULL || w->constant == NULL || (b != NULL && b->constant == NULL) || w->rank < 3 ||
        w->constant->n_elements == 0 || !fovea_dtype_is_float(w->dtype) || conv->fx != NULL)
        return TRUE;
    Affine a = {.channels = w->dims[0].c};
    if (!fovea_dim_is(conv->out[0]->dims[1], a.channels))
        return TRUE;
    a.scale = fovea_try_alloc((gsize)a.channels * 2, sizeof(double), error);
    if (a.scale == NULL)
        return FALSE;
    a.shift = a.scale + a.channels;
    for (gint64 c = 0; c < a.channels; c++)
        a.scale[c] = 1;
    FoveaValue *last = gather(&a, conv);
    gboolean done = TRUE;
    if (a.n > 0 && all_finite(&a) && (done = apply(pass, conv, &a, error))) {
        fovea_graph_replace(pass->graph, last, conv->out[0]);
        for (guint i = 0; i < a.n; i++)
            fovea_pass_note(pass, "folded into a Conv");
    }
    fovea_free(a.scale);
    return done;
}

gboolean fovea_pass_fold_conv(FoveaPass *pass, GError **error)
{
    for (FoveaNode *node = pass->graph->first, *next; node != NULL; node = next) {
        next = node->next;
        if (fovea_is_op(node, "Conv") && !fold_conv(pass, node, error))
            return FALSE;
    }
    return TRUE;
}
