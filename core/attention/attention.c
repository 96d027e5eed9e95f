/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention/attention.c: FoveaAttention, the one attention node. Its contract is in spec.h.
 *
 * Errors  SHAPE; UNSUPPORTED: a pattern that has no code yet
 * Source  Vaswani et al. 2017, Attention Is All You Need, eq. 1
 */
#include <math.h>

#include "attention/spec.h"
#include "ops/support.h"

const FoveaAttention *fovea_attention_spec(const FoveaNode *node)
{
    static const FoveaAttention plain = {.kind = "self", .scale = 1};
    return node->spec != NULL ? node->spec : &plain;
}

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaAttention *spec = fovea_attention_spec(node);
    for (guint i = 0; i < 3; i++) {
        if (!fovea_infer_rank(node, i, 4, 4, error))
            return FALSE;
    }
    const FoveaValue *q = node->in[0], *k = node->in[1], *v = node->in[2];
    const FoveaValue *bias = fovea_own_in(node, 3);
    FoveaDim dims[4] = {q->dims[0], q->dims[1], q->dims[2], v->dims[3]};
    FoveaDim scores[4] = {q->dims[0], q->dims[1], q->dims[2], k->dims[2]}, wide[FOVEA_MAX_RANK];
    gint rank = 4;
    gboolean fits = fovea_dim_equal(q->dims[3], k->dims[3]) &&
                    fovea_dim_equal(k->dims[2], v->dims[2]) &&
                    fovea_dim_equal(k->dims[1], v->dims[1]) &&
                    fovea_dim_equal(q->dims[0], k->dims[0]) &&
                    fovea_dim_equal(q->dims[0], v->dims[0]);
    if (fits && !fovea_dim_equal(q->dims[1], k->dims[1]))
        fits = fovea_dim_is_const(q->dims[1]) && fovea_dim_is_const(k->dims[1]) &&
               k->dims[1].c > 0 && q->dims[1].c % k->dims[1].c == 0;
    if (fits && bias != NULL)
        fits = fovea_dims_broadcast(4, scores, bias->rank, bias->dims, &rank, wide) && rank == 4;
    for (guint i = 0; fits && bias != NULL && i < 4; i++)
        fits = fovea_dim_equal(wide[i], scores[i]);
    if (!fits) {
        g_autofree char *a = fovea_value_type_string(q), *b = fovea_value_type_string(k);
        g_autofree char *c = fovea_value_type_string(v);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "q %s, k %s, v %s and the bias do not fit together", a, b, c);
    }
    if (spec->pattern > FOVEA_ATTN_WINDOW || spec->score != FOVEA_ATTN_SCALED_DOT)
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED,
                               "this attention pattern or score");
    return fovea_infer_set(node->out[0], q->dtype, 4, dims);
}

static double bias_at(const FoveaView *bias, const gint64 *index)
{
    gint64 at = 0;
    for (guint i = 0; i < 4; i++)
        at += index[i] * bias->strides[i];
    if (bias->dtype == FOVEA_DTYPE_BOOL)
        return fovea_load_i64(bias->dtype, bias->data, at) ? 0 : -INFINITY;
    return fovea_load_f64(bias->dtype, bias->data, at);
}

/* Scores to weights, in place. A row without a finite score gives zeros. */
static void weigh(FoveaAttnWeight kind, double *row, gint64 n)
{
    double top = -INFINITY, sum = 0;
    for (gint64 s = 0; s < n; s++)
        top = MAX(top, row[s]);
    for (gint64 s = 0; s < n; s++) {
        switch (kind) {
        case FOVEA_ATTN_SOFTMAX: row[s] = top == -INFINITY ? 0 : exp(row[s] - top); break;
        case FOVEA_ATTN_RELU_N: row[s] = MAX(row[s], 0) / (double)n; break;
        case FOVEA_ATTN_SIGMOID: row[s] = 1 / (1 + exp(-row[s])); break;
        case FOVEA_ATTN_SOFTPLUS: row[s] = log1p(exp(-fabs(row[s]))) + MAX(row[s], 0); break;
        }
        sum += row[s];
    }
    for (gint64 s = 0; kind == FOVEA_ATTN_SOFTMAX && sum > 0 && s < n; s++)
        row[s] /= sum;
}

/* The score of every key for the query at index[0..2]. */
static void score_row(const FoveaAttention *spec, const double *q, const double *k, gint64 depth,
                      gint64 keys, const FoveaView *bias, gint64 *index, double *row)
{
    for (gint64 s = 0; s < keys; s++) {
        double sum = 0;
        index[3] = s;
        for (gint64 d = 0; d < depth; d++)
            sum += q[d] * k[s * depth + d];
        row[s] = sum * (double)spec->scale + (bias != NULL ? bias_at(bias, index) : 0);
        if (spec->hook.n > 0) {
            FoveaFxValue value = {.f = row[s]};
            row[s] = fovea_expr_eval(&spec->hook, &value, index, NULL, NULL).f;
        }
        if (spec->pattern == FOVEA_ATTN_CAUSAL && s > index[2] + spec->causal_offset)
            row[s] = -INFINITY;
    }
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    const FoveaAttention *spec = fovea_attention_spec(node);
    const gint64 *dq = in[0]->dims, *dk = in[1]->dims;
    gint64 heads = dq[1], shared = MAX(heads / MAX(dk[1], 1), 1), queries = dq[2], depth = dq[3];
    gint64 keys = dk[2], width = in[2]->dims[3], index[4];
    const gint64 scores[4] = {dq[0], heads, queries, keys};
    const FoveaView *bias = fovea_own_view(node, in, 3);
    FoveaView wide;
    g_autoptr(FoveaDoubles) q = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) k = q != NULL ? fovea_ref_load(in[1], error) : NULL;
    g_autoptr(FoveaDoubles) v = k != NULL ? fovea_ref_load(in[2], error) : NULL;
    g_autoptr(FoveaDoubles) z = v != NULL ? fovea_ref_room(fovea_view_count(out[0]), error) : NULL;
    g_autoptr(FoveaDoubles) row = z != NULL ? fovea_ref_room(keys, error) : NULL;
    if (row == NULL)
        return FALSE;
    if (bias != NULL && !fovea_view_broadcast(bias, 4, scores, &wide))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the bias does not broadcast");
    double *to = z;
    for (index[0] = 0; index[0] < dq[0]; index[0]++)
        for (index[1] = 0; index[1] < heads; index[1]++) {
            gint64 kv = index[0] * dk[1] + index[1] / shared;
            for (index[2] = 0; index[2] < queries; index[2]++, to += width) {
                gint64 at = (index[0] * heads + index[1]) * queries + index[2];
                score_row(spec, q + at * depth, k + kv * keys * depth, depth, keys,
                          bias != NULL ? &wide : NULL, index, row);
                weigh(spec->weight, row, keys);
                for (gint64 s = 0; s < keys; s++)
                    for (gint64 d = 0; d < width && row[s] != 0; d++)
                        to[d] += row[s] * v[(kv * keys + s) * width + d];
            }
        }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

static void add_bias(FoveaSample *s, guint kind, const gint64 *scores)
{
    gint64 dims[4] = {kind == 1 ? scores[0] : 1, kind == 2 ? scores[1] : 1, scores[2], scores[3]};
    if (kind == 1 || kind == 2)
        fovea_sample_f32(s, 3, 4, dims, -2, 2);
    else if (kind == 3)
        fovea_sample_int(s, 3, FOVEA_DTYPE_BOOL, 2, dims + 2, 0, 2);
    else if (kind == 4) { /* some rows see nothing */
        fovea_sample_f32(s, 3, 2, dims + 2, -1, 1);
        float *data = fovea_tensor_data_mut(s->in[3]);
        for (gint64 i = 0; i < scores[2] * scores[3]; i++)
            data[i] = i / scores[3] % 3 == 1 || i % 5 == 2 ? -INFINITY : data[i];
    }
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        gint64 b, h, hk, t, s, d, dv;
        guint bias;
        gboolean causal;
        gint64 offset;
    } cases[] = {
        {1, 1, 1, 1, 1, 1, 1, 0, FALSE, 0},       {2, 4, 4, 17, 17, 12, 12, 0, FALSE, 0},
        {1, 3, 3, 33, 65, 32, 32, 0, FALSE, 0},   {1, 4, 2, 9, 15, 16, 24, 1, FALSE, 0},
        {2, 4, 4, 7, 31, 8, 8, 2, FALSE, 0},      {1, 2, 2, 16, 16, 64, 64, 3, FALSE, 0},
        {1, 2, 1, 10, 13, 20, 9, 4, FALSE, 0},    {1, 2, 2, 19, 19, 16, 16, 0, TRUE, 0},
        {1, 8, 8, 1, 63, 16, 16, 0, TRUE, 62},    {2, 2, 2, 5, 9, 7, 7, 2, TRUE, 4},
        {1, 8, 8, 300, 300, 16, 16, 0, FALSE, 0},
    };
    const guint n = G_N_ELEMENTS(cases);
    if (index > n)
        return FALSE;
    guint i = index == n ? 1 : index;
    gint64 scores[4] = {cases[i].b, cases[i].h, cases[i].t, cases[i].s};
    FoveaAttention *spec = g_new0(FoveaAttention, 1);
    fovea_sample_f32(s, 0, FOVEA_DIMS(cases[i].b, cases[i].h, cases[i].t, cases[i].d), -2, 2);
    fovea_sample_f32(s, 1, FOVEA_DIMS(cases[i].b, cases[i].hk, cases[i].s, cases[i].d), -2, 2);
    fovea_sample_f32(s, 2, FOVEA_DIMS(cases[i].b, cases[i].hk, cases[i].s, cases[i].dv), -1, 1);
    add_bias(s, cases[i].bias, scores);
    spec->kind = "self";
    spec->scale = 1 / sqrtf((float)cases[i].d);
    spec->pattern = cases[i].causal ? FOVEA_ATTN_CAUSAL : FOVEA_ATTN_DENSE;
    spec->causal_offset = cases[i].offset;
    if (index == n) { /* soft cap: 3 tanh(score / 3) */
        guint16 x = fovea_fx_arg(&spec->hook, 0, FOVEA_FX_F);
        guint16 three = fovea_fx_const(&spec->hook, 3);
        x = fovea_fx_op(&spec->hook, FX_TANH, fovea_fx_op(&spec->hook, FX_DIV, x, three, 0), 0, 0);
        fovea_fx_finish(&spec->hook, fovea_fx_op(&spec->hook, FX_MUL, x, three, 0));
    }
    s->node->spec = spec;
    return TRUE;
}

const FoveaOp fovea_op_FoveaAttention = {
    .name = "FoveaAttention",
    .min_in = 3,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
