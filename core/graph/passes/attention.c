/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention: the nodes that exporters write for softmax(scale q k' + bias) v become one
 * FoveaAttention. Found from each Softmax over the last axis:
 *   upwards    scale (Mul, Div; also on q, on k, or half on each), bias (Add, in any order, also in
 *              5-D for window masks), Where with a large negative constant, casts, down to
 *              MatMul(q, k');
 *   downwards  casts, the NaN guard of torch.export, to MatMul(p, v).
 * What it is (self, cross, window, ...) is found in attention-kind.c. A Softmax without a product
 * of two computed values above it is no attention and stays.
 */
#include <math.h>

#include "graph/passes/attention.h"

/* A mask constant below this hides its key whatever the score is. */
#define HIDDEN (-1e4)
#define MAX_STEPS 24

static gboolean float_cast(const FoveaNode *node)
{
    return fovea_is_op(node, "Cast") && fovea_dtype_is_float(node->in[0]->dtype) &&
           fovea_dtype_is_float(node->out[0]->dtype);
}

static FoveaValue *scaled(FoveaGraph *graph, FoveaNode *before, FoveaValue *value, double by)
{
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(value->dtype, 0, NULL, NULL);
    if (tensor == NULL)
        return NULL;
    fovea_store_f64(value->dtype, tensor->data, 0, by);
    return fovea_make_binary(graph, before, "Mul", value,
                             fovea_graph_add_constant(graph, NULL, tensor));
}

/* Scale by a scalar constant: Mul or Div. */
static FoveaValue *peel_scale(const FoveaNode *node, double *scale)
{
    double c;
    FoveaValue *other;
    if (fovea_is_op(node, "Mul") && fovea_scalar_operand(node, &c, &other)) {
        *scale *= c;
        return other;
    }
    if (fovea_is_op(node, "Div") && fovea_scalar_of(node->in[1], &c) && c != 0 &&
        fovea_value_same_shape(node->in[0], node->out[0])) {
        *scale /= c;
        return node->in[0];
    }
    return NULL;
}

/* Scales on q and k themselves go into the score's. */
static FoveaValue *peel_operand(FoveaValue *value, double *scale)
{
    FoveaValue *inner = value;
    for (guint i = 0; inner != NULL && i < 4; i++) {
        value = inner;
        inner = value->producer != NULL ? peel_scale(value->producer, scale) : NULL;
    }
    return value;
}

/* ---- bias ---- */

/* The bias, which broadcasts to `wide` (the shape where it was added), as one that broadcasts to the
 * shape of the product. They differ where windows were split off: [B*n,H,T,S] and [B,n,H,T,S]. */
static FoveaValue *bias_in_space(FoveaScores *s, FoveaValue *bias, const FoveaValue *wide)
{
    const FoveaValue *product = s->product->out[0];
    gint64 dims[FOVEA_MAX_RANK], full[FOVEA_MAX_RANK];
    if (fovea_value_same_shape(wide, product))
        return bias;
    gint split = wide->rank - 3;
    if (product->rank < 3 || wide->rank < product->rank || !fovea_value_is_fixed(wide) ||
        !fovea_value_is_fixed(product) || !fovea_value_is_fixed(bias) || bias->rank > wide->rank)
        return NULL;
    for (gint i = 1; i <= 3; i++) {
        if (!fovea_dim_equal(wide->dims[wide->rank - i], product->dims[product->rank - i]))
            return NULL;
    }
    gboolean varies = FALSE, whole = TRUE;
    for (gint i = 0; i < wide->rank; i++) {
        gint at = i - (wide->rank - bias->rank);
        dims[i] = at >= 0 ? bias->dims[at].c : 1;
        full[i] = i < split ? wide->dims[i].c : dims[i];
        varies |= i < split && dims[i] != 1;
        whole &= i >= split || dims[i] == wide->dims[i].c;
    }
    FoveaValue *value = bias;
    if (varies && !whole) { /* say it for every batch */
        FoveaValue *in[2] = {bias, fovea_make_ints(s->graph, full, (guint)wide->rank)};
        FoveaNode *node = in[1] != NULL ? fovea_make_node(s->graph, s->softmax, "Expand", "", in, 2)
                                        : NULL;
        value = node != NULL ? fovea_finish_node(node) : NULL;
        memcpy(dims, full, sizeof dims);
    }
    gint64 merged[4] = {1, dims[split], dims[split + 1], dims[split + 2]};
    for (gint i = 0; i < split; i++)
        merged[0] *= dims[i];
    return value != NULL ? fovea_make_reshape(s->graph, s->softmax, value, 4, merged) : NULL;
}

static gboolean add_bias(FoveaScores *s, FoveaValue *bias, const FoveaValue *wide)
{
    bias = bias_in_space(s, bias, wide);
    if (bias == NULL)
        return FALSE;
    s->bias = s->bias == NULL ? bias
                              : fovea_make_binary(s->graph, s->softmax, "Add", s->bias, bias);
    return s->bias != NULL;
}

/* Where(mask, score, low): a bias of 0 where the score counts and low elsewhere. */
static gboolean add_where(FoveaScores *s, FoveaNode *node, guint kept)
{
    double low;
    if (!fovea_scalar_of(node->in[3 - kept], &low) || !(low <= HIDDEN))
        return FALSE;
    g_autoptr(FoveaTensor) zero = fovea_tensor_new(node->out[0]->dtype, 0, NULL, NULL);
    if (zero == NULL)
        return FALSE;
    FoveaValue *in[3] = {node->in[0]};
    in[kept] = fovea_graph_add_constant(s->graph, NULL, zero);
    in[3 - kept] = node->in[3 - kept];
    FoveaNode *made = fovea_make_node(s->graph, s->softmax, "Where", node->name, in, 3);
    FoveaValue *bias = made != NULL ? fovea_finish_node(made) : NULL;
    return bias != NULL && add_bias(s, bias, node->out[0]);
}

/* ---- upwards ---- */

gboolean fovea_is_score_product(const FoveaNode *node)
{
    if (!fovea_is_op(node, "MatMul") || node->fx != NULL ||
        node->in[0]->rank != node->in[1]->rank || node->in[0]->rank < 2)
        return FALSE;
    return (node->in[0]->constant == NULL && node->in[1]->constant == NULL) ||
           fovea_node_attr(node, FOVEA_ATTENTION_MARK) != NULL;
}

static gboolean find_scores(FoveaScores *s, const FoveaValue *value, guint depth);

static gboolean scaled_scores(FoveaScores *s, FoveaNode *node, guint depth)
{
    double scale = 1;
    FoveaValue *inner = peel_scale(node, &scale);
    if (inner != NULL) {
        if (!find_scores(s, inner, depth + 1))
            return FALSE;
        s->scale *= scale;
        if (s->bias != NULL)
            s->bias = scaled(s->graph, s->softmax, s->bias, scale);
        return s->bias != NULL || !s->had_bias;
    }
    /* One factor a head (cosine attention's temperature): it goes to q. */
    for (guint i = 0; fovea_is_op(node, "Mul") && i < 2; i++) {
        FoveaValue *c = node->in[1 - i];
        if (c->constant == NULL || c->rank > node->out[0]->rank)
            continue;
        for (gint k = MAX(c->rank - 2, 0); k < c->rank; k++) {
            if (!fovea_dim_is(c->dims[k], 1))
                return FALSE;
        }
        if (!find_scores(s, node->in[i], depth + 1) || s->bias != NULL ||
            !fovea_value_same_shape(node->in[i], s->product->out[0]))
            return FALSE;
        s->head_scale = c;
        return TRUE;
    }
    return FALSE;
}

/* value = scale * q k' + bias; fills s. Values in between must have no other readers. */
static gboolean find_scores(FoveaScores *s, const FoveaValue *value, guint depth)
{
    FoveaNode *node = value->producer;
    if (node == NULL || depth > MAX_STEPS || fovea_value_n_uses(value) != 1)
        return FALSE;
    if (fovea_is_score_product(node)) {
        s->product = node;
        s->q = node->in[0];
        s->kt = node->in[1];
        return TRUE;
    }
    if (float_cast(node) || fovea_is_op(node, "Identity"))
        return find_scores(s, node->in[0], depth + 1);
    if (fovea_is_reshape(node))
        return fovea_value_is_fixed(value) && find_scores(s, node->in[0], depth + 1);
    if (fovea_is_op(node, "Mul") || fovea_is_op(node, "Div"))
        return scaled_scores(s, node, depth);
    const FoveaScores before = *s;
    for (guint i = 0; i < 2 && fovea_is_op(node, "Add"); i++) {
        *s = before; /* what a failed try has found does not count */
        if (!fovea_value_same_shape(node->in[i], value) || !find_scores(s, node->in[i], depth + 1))
            continue;
        s->had_bias = TRUE;
        return add_bias(s, node->in[1 - i], value);
    }
    for (guint i = 1; i < 3 && fovea_is_op(node, "Where"); i++) {
        *s = before;
        if (!fovea_value_same_shape(node->in[i], value) || !find_scores(s, node->in[i], depth + 1))
            continue;
        s->had_bias = TRUE;
        return add_where(s, node, i);
    }
    return FALSE;
}

/* ---- downwards ---- */

/* Where(IsNaN(p), 0, p): our softmax gives zeros for such rows by itself. */
static FoveaNode *nan_guard(const FoveaValue *p)
{
    double zero;
    for (guint i = 0; p->uses->len == 2 && i < 2; i++) {
        FoveaNode *test = g_ptr_array_index(p->uses, i), *pick = g_ptr_array_index(p->uses, 1 - i);
        if (fovea_is_op(test, "IsNaN") && fovea_is_op(pick, "Where") &&
            pick->in[0] == test->out[0] && fovea_scalar_of(pick->in[1], &zero) && zero == 0 &&
            pick->in[2] == p && test->out[0]->uses->len == 1)
            return pick;
    }
    return NULL;
}

/* The MatMul(p, v) that reads the weights. */
static FoveaNode *find_result(FoveaScores *s)
{
    const FoveaValue *p = s->softmax->out[0];
    for (guint i = 0; i < 6; i++) {
        FoveaNode *user = fovea_value_only_user(p);
        if (user == NULL)
            user = p->output < 0 ? nan_guard(p) : NULL;
        if (user == NULL)
            return NULL;
        if (fovea_is_op(user, "MatMul") && user->fx == NULL)
            return user->in[0] == p && user->in[1] != p && user->in[1]->rank == user->in[0]->rank &&
                           p->rank == s->product->out[0]->rank
                       ? user
                       : NULL;
        if (!float_cast(user) && !fovea_is_op(user, "Identity") && !fovea_is_op(user, "Where"))
            return NULL;
        if (fovea_is_op(user, "Where") && nan_guard(p) != user)
            return NULL;
        p = user->out[0];
    }
    return NULL;
}

/* ---- the node ---- */

/* k [.., S, D] of k' [.., D, S]; a Transpose above is taken along. */
static FoveaValue *untransposed(FoveaScores *s, FoveaValue *kt)
{
    guint8 perm[FOVEA_MAX_RANK], last;
    guint rank = (guint)kt->rank;
    FoveaValue *from = kt;
    FoveaNode *node = fovea_made_by(kt, "Transpose");
    if (node != NULL && fovea_perm_of(node, perm)) {
        from = node->in[0];
    } else {
        for (guint i = 0; i < rank; i++)
            perm[i] = (guint8)i;
    }
    last = perm[rank - 1];
    perm[rank - 1] = perm[rank - 2];
    perm[rank - 2] = last;
    return fovea_make_transpose(s->graph, s->result, from, perm);
}

/* Any operand as [B,H,x,y]: missing axes are put in, further leading ones merged. */
static FoveaValue *as_rank4(FoveaScores *s, FoveaValue *value)
{
    static const gint64 axes[2] = {0, 1};
    if (value == NULL || value->rank == 4)
        return value;
    if (value->rank == 3)
        return fovea_make_unsqueeze(s->graph, s->result, value, &axes[1], 1);
    if (value->rank == 2)
        return fovea_make_unsqueeze(s->graph, s->result, value, axes, 2);
    if (!fovea_value_is_fixed(value))
        return NULL;
    gint64 dims[4] = {1};
    for (gint i = 0; i < value->rank; i++) {
        if (i < value->rank - 3)
            dims[0] *= value->dims[i].c;
        else
            dims[i - (value->rank - 4)] = value->dims[i].c;
    }
    return fovea_make_reshape(s->graph, s->result, value, 4, dims);
}

/* The bias for [B,H,T,S] scores. Of a rank-3 product [N,T,S] it is [N,T,S] or less. */
static FoveaValue *bias_rank4(FoveaScores *s)
{
    static const gint64 one[1] = {1};
    gint rank = s->product->out[0]->rank;
    if (s->bias == NULL || rank == 4 || s->bias->rank <= 2)
        return s->bias;
    if (rank == 3 && s->bias->rank == 3)
        return fovea_make_unsqueeze(s->graph, s->result, s->bias, one, 1);
    if (rank > 4)
        return NULL;
    return s->bias->rank == 4 ? s->bias : NULL;
}

static gboolean batches_fit(const FoveaValue *q, const FoveaValue *k, const FoveaValue *v)
{
    for (guint i = 0; i < 2; i++) {
        if (!fovea_dim_equal(q->dims[i], k->dims[i]) || !fovea_dim_equal(q->dims[i], v->dims[i]))
            return FALSE;
    }
    return TRUE;
}

/* Back to the rank of the MatMul that it replaces. */
static FoveaValue *back_to(FoveaScores *s, FoveaValue *out, const FoveaValue *like)
{
    gint64 dims[FOVEA_MAX_RANK];
    static const gint64 axes[2] = {1, 0};
    if (like->rank == 4)
        return out;
    if (like->rank < 4) {
        FoveaValue *in[2] = {
            out, fovea_make_ints(s->graph, like->rank == 3 ? axes : axes, like->rank == 3 ? 1 : 2)};
        FoveaNode *node = in[1] != NULL ? fovea_make_node(s->graph, s->result, "Squeeze", "", in, 2)
                                        : NULL;
        return node != NULL ? fovea_finish_node(node) : NULL;
    }
    for (gint i = 0; i < like->rank; i++)
        dims[i] = like->dims[i].c;
    return fovea_make_reshape(s->graph, s->result, out, (guint)like->rank, dims);
}

/* Where the features of v are the pixels of a picture (cross-covariance), a row of v and of the
 * result does not fit what an attention kernel holds of them, and the scores are few: the two
 * products do the work as well. */
#define WIDEST_HEAD 512

static gboolean too_wide(FoveaPass *pass, FoveaScores *s, const FoveaAttention *spec)
{
    FoveaDim wide = s->v->dims[s->v->rank - 1];
    if (!fovea_dim_is_const(wide) || wide.c <= WIDEST_HEAD)
        return FALSE;
    s->softmax->spec = g_memdup2(spec, sizeof *spec);
    g_autofree char *note = g_strdup_printf("%s attention (not fused)", spec->kind);
    fovea_pass_note(pass, note);
    return TRUE;
}

static gboolean build(FoveaPass *pass, FoveaScores *s)
{
    FoveaAttention spec = {.scale = (float)s->scale};
    fovea_attention_classify(s, &spec);
    if (too_wide(pass, s, &spec))
        return TRUE;
    FoveaValue *q = s->q;
    if (s->head_scale != NULL)
        q = fovea_make_binary(s->graph, s->result, "Mul", q, s->head_scale);
    FoveaValue *bias = bias_rank4(s);
    if (q == NULL || (s->bias != NULL && bias == NULL))
        return FALSE;
    FoveaValue *kt = untransposed(s, s->kt);
    FoveaValue *in[4] = {as_rank4(s, q), as_rank4(s, kt), as_rank4(s, s->v),
                         spec.pattern == FOVEA_ATTN_CAUSAL ? NULL : bias};
    for (guint i = 0; i < 3; i++) {
        if (in[i] == NULL || in[i]->rank != 4)
            return FALSE;
    }
    if (!batches_fit(in[0], in[1], in[2]))
        return FALSE;
    FoveaNode *node = fovea_make_node(s->graph, s->result, "FoveaAttention", s->softmax->name, in,
                                      in[3] != NULL ? 4 : 3);
    if (node == NULL)
        return FALSE;
    node->spec = g_memdup2(&spec, sizeof spec);
    FoveaValue *out = fovea_finish_node(node);
    if (out == NULL || (out = back_to(s, out, s->result->out[0])) == NULL ||
        !fovea_value_same_shape(out, s->result->out[0]))
        return FALSE;
    fovea_graph_replace(s->graph, s->result->out[0], out);
    g_autofree char *note = g_strdup_printf("%s attention", spec.kind);
    fovea_pass_note(pass, note);
    return TRUE;
}

static gboolean recognise(FoveaPass *pass, FoveaNode *softmax)
{
    FoveaScores s = {.graph = pass->graph, .softmax = softmax, .scale = 1};
    guint axis;
    const FoveaValue *in = softmax->in[0];
    if (!fovea_axis(fovea_node_attr_int(softmax, "axis", -1), in->rank, FALSE, &axis) ||
        axis != (guint)in->rank - 1 || !find_scores(&s, in, 0))
        return FALSE;
    s.result = find_result(&s);
    if (s.result == NULL)
        return FALSE;
    s.v = s.result->in[1];
    s.q = peel_operand(s.q, &s.scale);
    s.kt = peel_operand(s.kt, &s.scale);
    return build(pass, &s);
}

gboolean fovea_pass_attention(FoveaPass *pass, GError **error)
{
    for (FoveaNode *node = pass->graph->first, *next; node != NULL; node = next) {
        next = node->next;
        if (fovea_is_op(node, "Softmax") && node->fx == NULL) {
            if (!recognise(pass, node))
                fovea_recognise_mixed_heads(pass, node);
        } else if (fovea_is_op(node, "Attention")) {
            fovea_lower_onnx_attention(pass, node);
        }
    }
    return TRUE;
}
