/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention/onnx-attention.c: Attention, the ONNX operator.
 *
 * Math    p = softmax(softcap(scale q k') + mask), out = p v. Keys and values are past and new ones
 *         joined. A query t sees key s when: the mask allows it; is_causal: s <= t + offset; window:
 *         t + offset - left <= s <= t + offset + right; nonpad_kv_seqlen: s < its entry. offset is
 *         the length of the past, or nonpad_kv_seqlen - T, else 0. A query that sees nothing gives 0
 * Shape   q [B,H,T,D] or [B,T,H*D] (q_num_heads), k, v likewise with kv_num_heads and S, mask
 *         broadcast to [B,H,T,S] (short ones are padded with "hidden"), past [B,Hk,P,D]
 *         out as q with v's head size; present_key, present_value [B,Hk,P+S,D]; qk [B,H,T,P+S]:
 *         by qk_matmul_output_mode raw (0), after softcap (1), after the mask (2), weights (3)
 * Types   floats; mask float or bool; scores and softmax in f32 or better
 * Errors  SHAPE
 * Source  ONNX Attention-24
 */
#include <math.h>

#include "ops/support.h"

enum { Q, K, V, MASK, PAST_K, PAST_V, LENGTHS };

/* Sizes of a [B,H,T,D] tensor, or of a [B,T,H*D] one with `heads` heads. */
static gboolean head_dims(const FoveaNode *node, const FoveaValue *x, gint64 heads, FoveaDim *dims,
                          GError **error)
{
    if (x->rank == 4) {
        memcpy(dims, x->dims, 4 * sizeof *dims);
        return TRUE;
    }
    if (heads < 1 || !fovea_dim_is_const(x->dims[2]) || x->dims[2].c % heads != 0)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "q_num_heads or kv_num_heads does not fit the input");
    dims[0] = x->dims[0];
    dims[1] = fovea_dim(heads);
    dims[2] = x->dims[1];
    dims[3] = fovea_dim(x->dims[2].c / heads);
    return TRUE;
}

static gboolean set(const FoveaNode *node, guint slot, FoveaDtype dtype, gint rank,
                    const FoveaDim *dims)
{
    FoveaValue *value = fovea_node_out(node, slot);
    return value == NULL || fovea_infer_set(value, dtype, rank, dims);
}

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 heads = fovea_node_attr_int(node, "q_num_heads", 0);
    gint64 kv_heads = fovea_node_attr_int(node, "kv_num_heads", heads);
    const FoveaValue *past = fovea_own_in(node, PAST_K);
    FoveaDim q[4], k[4], v[4];
    for (guint i = 0; i < 3; i++) {
        gint rank = i == 0 ? 0 : node->in[0]->rank;
        if (!fovea_infer_rank(node, i, rank ? rank : 3, rank ? rank : 4, error))
            return FALSE;
    }
    if (!head_dims(node, node->in[Q], heads, q, error) ||
        !head_dims(node, node->in[K], kv_heads, k, error) ||
        !head_dims(node, node->in[V], kv_heads, v, error))
        return FALSE;
    if (!fovea_dim_equal(q[3], k[3]) || !fovea_dim_equal(k[2], v[2]) || !fovea_dim_is_const(q[1]) ||
        !fovea_dim_is_const(k[1]) || k[1].c < 1 || q[1].c % k[1].c != 0 ||
        !fovea_dim_equal(k[1], v[1]))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "q, k and v do not fit together");
    if ((past == NULL) != (fovea_own_in(node, PAST_V) == NULL) || (past != NULL && past->rank != 4))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "past_key and past_value must come together, of rank 4");
    if (past != NULL)
        k[2] = v[2] = fovea_dim_add(graph->syms, past->dims[2], k[2]);
    FoveaDtype dtype = node->in[Q]->dtype;
    const FoveaDim scores[4] = {q[0], q[1], q[2], k[2]};
    const FoveaDim wide[4] = {q[0], q[1], q[2], v[3]};
    const FoveaDim flat[3] = {q[0], q[2], fovea_dim_mul(graph->syms, q[1], v[3])};
    return set(node, 0, dtype, node->in[Q]->rank, node->in[Q]->rank == 4 ? wide : flat) &&
           set(node, 1, node->in[K]->dtype, 4, k) && set(node, 2, node->in[V]->dtype, 4, v) &&
           set(node, 3, dtype, 4, scores);
}

/* [B,T,H*D] seen as [B,H,T,D]. */
static FoveaView by_heads(const FoveaView *view, gint64 heads)
{
    FoveaView out = *view;
    if (view->rank == 4)
        return out;
    gint64 depth = view->dims[2] / heads;
    out.rank = 4;
    out.dims[1] = heads;
    out.dims[2] = view->dims[1];
    out.dims[3] = depth;
    out.strides[1] = depth * view->strides[2];
    out.strides[2] = view->strides[1];
    out.strides[3] = view->strides[2];
    return out;
}

/* past and fresh joined along the third axis, in C order. */
static double *join(const FoveaView *past, const FoveaView *fresh, FoveaView *joined,
                    GError **error)
{
    gint64 dims[4] = {fresh->dims[0], fresh->dims[1],
                      fresh->dims[2] + (past != NULL ? past->dims[2] : 0), fresh->dims[3]};
    double *data = fovea_ref_room(dims[0] * dims[1] * dims[2] * dims[3], error);
    if (data == NULL)
        return NULL;
    *joined = fovea_view_make(FOVEA_DTYPE_F64, 4, dims, data);
    FoveaView part = *joined;
    if (past != NULL) {
        part.dims[2] = past->dims[2];
        fovea_view_copy(past, &part);
        part.data = data + past->dims[2] * dims[3];
    }
    part.dims[2] = fresh->dims[2];
    fovea_view_copy(fresh, &part);
    return data;
}

typedef struct Mask {
    const FoveaView *view; /* NULL: none */
    const FoveaView *lengths;
    gboolean causal;
    gint64 left, right, past, queries;
} Mask;

/* What is added to the score at b, h, t, s. */
static double mask_at(const Mask *m, const gint64 *index)
{
    gint64 s = index[3], t = index[2], length = G_MAXINT64 / 2, offset = m->past;
    double bias = 0;
    if (m->lengths != NULL) {
        length = fovea_load_i64(m->lengths->dtype, m->lengths->data,
                                index[0] * m->lengths->strides[0]);
        offset = m->past > 0 ? m->past : length - m->queries;
    }
    if (s >= length || (m->causal && s > t + offset) ||
        (m->left >= 0 && s < t + offset - m->left) || (m->right >= 0 && s > t + offset + m->right))
        return -INFINITY;
    if (m->view == NULL)
        return 0;
    guint rank = m->view->rank;
    gint64 at = 0;
    for (guint i = 0; i < rank; i++) {
        gint64 place = index[4 - rank + i];
        if (i + 1 == rank && place >= m->view->dims[i])
            return -INFINITY;
        at += m->view->dims[i] == 1 ? 0 : place * m->view->strides[i];
    }
    if (m->view->dtype == FOVEA_DTYPE_BOOL)
        bias = fovea_load_i64(m->view->dtype, m->view->data, at) ? 0 : -INFINITY;
    else
        bias = fovea_load_f64(m->view->dtype, m->view->data, at);
    return bias;
}

typedef struct Work {
    double scale, softcap;
    gint64 mode, keys, depth;
    Mask mask;
} Work;

/* Weights of one query in row; what qk_matmul_output shows in shown. */
static void weigh(const Work *w, const double *q, const double *k, gint64 *index, double *row,
                  double *shown)
{
    double top = -INFINITY, sum = 0;
    gboolean seen = FALSE;
    for (gint64 s = 0; s < w->keys; s++) {
        double score = 0;
        index[3] = s;
        for (gint64 d = 0; d < w->depth; d++)
            score += q[d] * k[s * w->depth + d];
        score *= w->scale;
        if (w->mode == 0)
            shown[s] = score;
        if (w->softcap > 0)
            score = w->softcap * tanh(score / w->softcap);
        if (w->mode == 1)
            shown[s] = score;
        double bias = mask_at(&w->mask, index);
        seen |= bias != -INFINITY;
        row[s] = bias == -INFINITY ? bias : score + bias;
        if (w->mode == 2)
            shown[s] = row[s];
        top = MAX(top, row[s]);
    }
    for (gint64 s = 0; s < w->keys; s++) {
        row[s] = seen && top != -INFINITY ? exp(row[s] - top) : 0;
        sum += row[s];
    }
    for (gint64 s = 0; s < w->keys; s++) {
        row[s] = sum > 0 ? row[s] / sum : 0;
        if (w->mode == 3)
            shown[s] = row[s];
    }
}

static void fill_work(const FoveaNode *node, const FoveaView *const *in, const FoveaView *q,
                      gint64 keys, Work *w)
{
    const FoveaView *past = fovea_own_view(node, in, PAST_K);
    w->keys = keys;
    w->depth = q->dims[3];
    w->scale = fovea_node_attr_float(node, "scale", 1 / sqrt((double)MAX(w->depth, 1)));
    w->softcap = fovea_node_attr_float(node, "softcap", 0);
    w->mode = fovea_node_attr_int(node, "qk_matmul_output_mode", 0);
    w->mask.view = fovea_own_view(node, in, MASK);
    w->mask.lengths = fovea_own_view(node, in, LENGTHS);
    w->mask.causal = fovea_node_attr_int(node, "is_causal", 0) != 0;
    w->mask.left = fovea_node_attr_int(node, "left_window_size", -1);
    w->mask.right = fovea_node_attr_int(node, "right_window_size", -1);
    w->mask.past = past != NULL ? past->dims[2] : 0;
    w->mask.queries = q->dims[2];
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    gint64 heads = fovea_node_attr_int(node, "q_num_heads", 0), index[4];
    gint64 kv_heads = fovea_node_attr_int(node, "kv_num_heads", heads);
    FoveaView vq = by_heads(in[Q], heads), vk = by_heads(in[K], kv_heads);
    FoveaView vv = by_heads(in[V], kv_heads), keys, values, joined;
    Work w;
    g_autoptr(FoveaDoubles) q = join(NULL, &vq, &joined, error);
    g_autoptr(FoveaDoubles)
        k = q != NULL ? join(fovea_own_view(node, in, PAST_K), &vk, &keys, error) : NULL;
    g_autoptr(FoveaDoubles)
        v = k != NULL ? join(fovea_own_view(node, in, PAST_V), &vv, &values, error) : NULL;
    if (v == NULL)
        return FALSE;
    fill_work(node, in, &vq, keys.dims[2], &w);
    gint64 dims[4] = {vq.dims[0], vq.dims[1], vq.dims[2], values.dims[3]};
    gint64 rows = dims[0] * dims[1] * dims[2], shared = vq.dims[1] / MAX(vk.dims[1], 1);
    g_autoptr(FoveaDoubles) z = fovea_ref_room(rows * dims[3], error);
    g_autoptr(FoveaDoubles) row = z != NULL ? fovea_ref_room(w.keys, error) : NULL;
    g_autoptr(FoveaDoubles) shown = row != NULL ? fovea_ref_room(rows * w.keys, error) : NULL;
    if (shown == NULL)
        return FALSE;
    for (gint64 r = 0; r < rows; r++) {
        index[0] = r / dims[2] / dims[1];
        index[1] = r / dims[2] % dims[1];
        index[2] = r % dims[2];
        gint64 kv = index[0] * vk.dims[1] + index[1] / shared;
        weigh(&w, q + r * w.depth, k + kv * w.keys * w.depth, index, row, shown + r * w.keys);
        for (gint64 s = 0; s < w.keys; s++)
            for (gint64 d = 0; d < dims[3]; d++)
                z[r * dims[3] + d] += row[s] * v[(kv * w.keys + s) * dims[3] + d];
    }
    if (out[0] != NULL) {
        FoveaView from = fovea_view_make(FOVEA_DTYPE_F64, 4, dims, z);
        FoveaView to = by_heads(out[0], dims[1]);
        fovea_view_copy(&from, &to);
    }
    if (node->n_out > 1 && out[1] != NULL)
        fovea_view_copy(&keys, out[1]);
    if (node->n_out > 2 && out[2] != NULL)
        fovea_view_copy(&values, out[2]);
    if (node->n_out > 3 && out[3] != NULL)
        fovea_ref_store(shown, out[3]);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    if (index >= 9)
        return FALSE;
    gboolean flat = index % 3 == 1;
    for (guint i = 0; i < 3; i++) {
        gint64 heads = i == 0 ? 4 : 2, tokens = i == 0 ? 5 : 7;
        if (flat)
            fovea_sample_f32(s, i, FOVEA_DIMS(2, tokens, heads * 8), -1, 1);
        else
            fovea_sample_f32(s, i, FOVEA_DIMS(2, heads, tokens, 8), -1, 1);
    }
    if (flat) {
        fovea_node_set_int(s->node, "q_num_heads", 4);
        fovea_node_set_int(s->node, "kv_num_heads", 2);
    }
    gint64 past = index >= 6 ? 3 : 0;
    if (past > 0) {
        fovea_sample_f32(s, PAST_K, FOVEA_DIMS(2, 2, past, 8), -1, 1);
        fovea_sample_f32(s, PAST_V, FOVEA_DIMS(2, 2, past, 8), -1, 1);
    }
    if (index == 2 || index == 7)
        fovea_sample_f32(s, MASK, FOVEA_DIMS(5, 7 + past), -1, 1);
    if (index == 3)
        fovea_sample_int(s, MASK, FOVEA_DTYPE_BOOL, FOVEA_DIMS(2, 1, 5, 7), 0, 2);
    if (index == 4)
        fovea_node_set_float(s->node, "softcap", 0.7f);
    if (index == 5)
        fovea_sample_int(s, LENGTHS, FOVEA_DTYPE_I64, FOVEA_DIMS(2), 1, 8);
    fovea_node_set_int(s->node, "is_causal", index >= 4 && index != 7);
    s->n_out = past > 0 ? 4 : 1;
    fovea_node_set_int(s->node, "qk_matmul_output_mode", index % 2 ? 3 : 1);
    return TRUE;
}

const FoveaOp fovea_op_Attention = {
    .name = "Attention",
    .min_in = 3,
    .max_in = 7,
    .min_out = 1,
    .max_out = 4,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
