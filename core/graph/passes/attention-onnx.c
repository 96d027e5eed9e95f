/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ONNX' Attention (opset 23) as FoveaAttention, where it has neither a cache nor lengths, windows or
 * extra outputs; those run as the ONNX operator. And attention whose heads are mixed.
 */
#include <math.h>

#include "graph/passes/attention.h"

enum { Q, K, V, MASK, PAST_K };

static gboolean is_plain(const FoveaNode *node)
{
    static const char *const extras[] = {"left_window_size", "right_window_size", "window_size",
                                         "softcap", NULL};
    for (guint i = PAST_K; i < node->n_in; i++) {
        if (node->in[i] != NULL)
            return FALSE;
    }
    for (guint i = 1; i < node->n_out; i++) {
        if (node->out[i] != NULL && fovea_value_n_uses(node->out[i]) > 0)
            return FALSE;
    }
    for (guint i = 0; i < node->n_attrs; i++) {
        for (guint k = 0; extras[k] != NULL; k++) {
            if (g_str_equal(node->attrs[i].name, extras[k]) &&
                !(node->attrs[i].type == FOVEA_ATTR_FLOAT && node->attrs[i].f == 0))
                return FALSE;
        }
    }
    return node->fx == NULL;
}

/* [B,T,H*D] as [B,H,T,D]. */
static FoveaValue *split_heads(FoveaGraph *graph, FoveaNode *before, FoveaValue *x, gint64 heads)
{
    static const guint8 perm[4] = {0, 2, 1, 3};
    if (x->rank == 4)
        return x;
    if (x->rank != 3 || !fovea_value_is_fixed(x) || heads < 1 || x->dims[2].c % heads != 0)
        return NULL;
    const gint64 dims[4] = {x->dims[0].c, x->dims[1].c, heads, x->dims[2].c / heads};
    FoveaValue *cut = fovea_make_reshape(graph, before, x, 4, dims);
    return cut != NULL ? fovea_make_transpose(graph, before, cut, perm) : NULL;
}

static FoveaValue *join_heads(FoveaGraph *graph, FoveaNode *before, FoveaValue *x,
                              const FoveaValue *like)
{
    static const guint8 perm[4] = {0, 2, 1, 3};
    if (like->rank == 4)
        return x;
    const gint64 dims[3] = {like->dims[0].c, like->dims[1].c, like->dims[2].c};
    FoveaValue *back = fovea_make_transpose(graph, before, x, perm);
    return back != NULL ? fovea_make_reshape(graph, before, back, 3, dims) : NULL;
}

/* k' for classification only; it is swept away. */
static FoveaScores scores_of(FoveaPass *pass, FoveaNode *node, FoveaValue *q, FoveaValue *k)
{
    static const guint8 perm[4] = {0, 1, 3, 2};
    FoveaScores s = {.graph = pass->graph, .softmax = node, .result = node, .q = q, .scale = 1};
    s.kt = fovea_make_transpose(pass->graph, node, k, perm);
    FoveaValue *product = s.kt != NULL ? fovea_make_binary(pass->graph, node, "MatMul", q, s.kt)
                                       : NULL;
    s.product = product != NULL ? product->producer : NULL;
    return s;
}

void fovea_lower_onnx_attention(FoveaPass *pass, FoveaNode *node)
{
    gint64 heads = fovea_node_attr_int(node, "q_num_heads", 0);
    gint64 kv_heads = fovea_node_attr_int(node, "kv_num_heads", heads);
    FoveaAttention spec = {.kind = "self"};
    if (!is_plain(node))
        return;
    FoveaValue *q = split_heads(pass->graph, node, node->in[Q], heads);
    FoveaValue *k = split_heads(pass->graph, node, node->in[K], kv_heads);
    FoveaValue *v = split_heads(pass->graph, node, node->in[V], kv_heads);
    FoveaValue *mask = fovea_node_in(node, MASK);
    if (q == NULL || k == NULL || v == NULL || !fovea_dim_is_const(q->dims[3]) ||
        (mask != NULL && (mask->rank < 1 || mask->rank > 4 ||
                          !fovea_dim_equal(mask->dims[mask->rank - 1], k->dims[2]))))
        return;
    if (fovea_dim_equal(q->dims[1], k->dims[1])) {
        FoveaScores s = scores_of(pass, node, q, k);
        s.bias = mask;
        if (s.product == NULL)
            return;
        fovea_attention_classify(&s, &spec);
    }
    gboolean was_causal = spec.pattern == FOVEA_ATTN_CAUSAL;
    spec.scale = (float)fovea_node_attr_float(node, "scale", 1 / sqrt((double)q->dims[3].c));
    if (fovea_node_attr_int(node, "is_causal", 0) != 0) {
        spec.pattern = FOVEA_ATTN_CAUSAL;
        spec.causal_offset = 0;
        spec.kind = g_str_equal(spec.kind, "self") ? "self-causal" : spec.kind;
    } else if (was_causal) {
        mask = NULL; /* it says no more than the pattern */
    }
    FoveaValue *in[4] = {q, k, v, mask};
    FoveaNode *made = fovea_make_node(pass->graph, node, "FoveaAttention", node->name, in,
                                      mask != NULL ? 4 : 3);
    if (made == NULL)
        return;
    made->spec = g_memdup2(&spec, sizeof spec);
    FoveaValue *out = fovea_finish_node(made);
    if (out == NULL || (out = join_heads(pass->graph, node, out, node->out[0])) == NULL ||
        !fovea_value_same_shape(out, node->out[0]))
        return;
    fovea_graph_replace(pass->graph, node->out[0], out);
    g_autofree char *note = g_strdup_printf("%s attention", spec.kind);
    fovea_pass_note(pass, note);
}

/* ---- talking heads ---- */

static gboolean same_count(const FoveaValue *a, const FoveaValue *b)
{
    return fovea_value_is_fixed(a) && fovea_value_is_fixed(b) &&
           fovea_dim_equal(fovea_value_count(a), fovea_value_count(b));
}

/* The one computed input, where there is one. */
static FoveaValue *only_computed(const FoveaNode *node)
{
    FoveaValue *found = NULL;
    for (guint i = 0; i < node->n_in; i++) {
        if (node->in[i] == NULL || node->in[i]->constant != NULL)
            continue;
        if (found != NULL)
            return NULL;
        found = node->in[i];
    }
    return found;
}

void fovea_recognise_mixed_heads(FoveaPass *pass, FoveaNode *softmax)
{
    FoveaScores s = {.graph = pass->graph, .softmax = softmax, .scale = 1};
    const FoveaValue *up = softmax->in[0], *down = softmax->out[0];
    for (guint i = 0; i < 12 && up != NULL && up->producer != NULL; i++) {
        if (fovea_is_score_product(up->producer)) {
            s.product = up->producer;
            break;
        }
        up = only_computed(up->producer);
        if (up == NULL || !same_count(up, softmax->in[0]))
            return;
    }
    if (s.product == NULL || softmax->spec != NULL)
        return;
    for (guint i = 0; i < 12 && s.result == NULL; i++) {
        FoveaNode *user = fovea_value_only_user(down);
        if (user == NULL || user->out[0] == NULL)
            return;
        if (fovea_is_score_product(user))
            s.result = user;
        else if (!same_count(user->out[0], down))
            return;
        down = user->out[0];
    }
    if (s.result == NULL)
        return;
    s.q = s.product->in[0];
    s.kt = s.product->in[1];
    FoveaAttention spec = {.scale = 1};
    fovea_attention_classify(&s, &spec);
    softmax->spec = g_memdup2(&spec, sizeof spec);
    g_autofree char *note = g_strdup_printf("%s attention with mixed heads (not fused)", spec.kind);
    fovea_pass_note(pass, note);
}
