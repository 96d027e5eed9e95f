/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FoveaAttention, dense and causal: a block of queries goes over the keys a chunk at a time with a
 * running maximum and sum, so that scores never leave the cache.
 * Source: Milakov and Gimelshein 2018, Online normalizer calculation for softmax, algorithm 3.
 */
#include <math.h>

#include "attention/spec.h"
#include "cpu/kernel.h"
#include "ops/support.h"

#define ROWS 24   /* queries of a block */
#define KEYS 64   /* keys of a chunk */
#define DEPTH 256 /* widest head */

typedef struct Work {
    const FoveaView *q, *k, *v, *out;
    FoveaView bias; /* broadcast to [B,H,T,S]; data NULL: none */
    float scale;
    gboolean causal;
    gint64 offset, shared, blocks;
} Work;

static gboolean fits(const FoveaNode *node)
{
    const FoveaAttention *spec = fovea_attention_spec(node);
    for (guint i = 0; i < 3; i++) {
        if (!fovea_cpu_is_f32(node->in[i]) || !fovea_dim_is_const(node->in[i]->dims[3]) ||
            node->in[i]->dims[3].c > DEPTH || node->in[i]->dims[3].c < 1)
            return FALSE;
    }
    const FoveaValue *bias = fovea_own_in(node, 3);
    return spec->weight == FOVEA_ATTN_SOFTMAX && spec->hook.n == 0 &&
           (bias == NULL || fovea_cpu_is_f32(bias) || bias->dtype == FOVEA_DTYPE_BOOL);
}

typedef struct Block {
    const FoveaSimd *simd;
    gint64 b, h, t, rows; /* which queries */
    float score[ROWS][KEYS], sum[ROWS][DEPTH];
    float top[ROWS], total[ROWS];
    float keys[DEPTH][KEYS];   /* of the chunk, turned */
    float values[KEYS][DEPTH]; /* of the chunk, where they do not lie together */
} Block;

static const float *at(const FoveaView *view, gint64 b, gint64 h, gint64 t)
{
    return (const float *)view->data + b * view->strides[0] + h * view->strides[1] +
           t * view->strides[2];
}

static void scores(const Work *w, Block *block, gint64 s, gint64 n)
{
    gint64 depth = w->q->dims[3], step = w->k->strides[3], next = w->k->strides[2];
    const float *q = at(w->q, block->b, block->h, block->t);
    const float *k = at(w->k, block->b, block->h / w->shared, s);
    if (block->rows < 4 && step == 1 && w->q->strides[3] == 1) {
        for (gint64 r = 0; r < block->rows; r++)
            for (gint64 j = 0; j < n; j++)
                block->score[r][j] = block->simd->dot(q + r * w->q->strides[2], k + j * next,
                                                      (gsize)depth);
        return;
    }
    const float *turned = k;
    gint64 row = step;
    if (next != 1) {
        for (gint64 j = 0; j < n; j++)
            for (gint64 d = 0; d < depth; d++)
                block->keys[d][j] = k[j * next + d * step];
        turned = &block->keys[0][0];
        row = KEYS;
    }
    block->simd->gemm(block->rows, n, depth, q, w->q->strides[2], w->q->strides[3], turned, row,
                      &block->score[0][0], KEYS, FALSE);
}

static void add_bias(const Work *w, Block *block, gint64 s, gint64 n)
{
    const FoveaView *bias = &w->bias;
    for (gint64 r = 0; r < block->rows; r++) {
        float *row = block->score[r];
        gint64 t = block->t + r, step = bias->strides[3];
        gint64 from = block->b * bias->strides[0] + block->h * bias->strides[1] +
                      t * bias->strides[2] + s * step;
        if (w->scale != 1)
            block->simd->scale(row, w->scale, (gsize)n);
        if (bias->data != NULL && bias->dtype == FOVEA_DTYPE_F32) {
            const float *x = (const float *)bias->data + from;
            for (gint64 j = 0; j < n; j++)
                row[j] += x[j * step];
        } else if (bias->data != NULL) {
            const guint8 *x = (const guint8 *)bias->data + from;
            for (gint64 j = 0; j < n; j++)
                row[j] = x[j * step] ? row[j] : -INFINITY;
        }
        for (gint64 j = MAX(t + w->offset + 1 - s, 0); w->causal && j < n; j++)
            row[j] = -INFINITY;
    }
}

/* Scores to weights against the running maximum; what was summed before shrinks with it. */
static void weigh(const Work *w, Block *block, gint64 n)
{
    gint64 width = w->v->dims[3];
    for (gint64 r = 0; r < block->rows; r++) {
        float *row = block->score[r], top = block->simd->max(row, (gsize)n);
        if (top > block->top[r]) {
            float shrink = block->top[r] == -INFINITY ? 0 : expf(block->top[r] - top);
            block->simd->scale(block->sum[r], shrink, (gsize)width);
            block->total[r] *= shrink;
            block->top[r] = top;
        }
        if (block->top[r] == -INFINITY)
            memset(row, 0, (gsize)n * sizeof *row);
        else
            block->total[r] += block->simd->exp_sum(row, row, block->top[r], (gsize)n);
    }
}

static void add_values(const Work *w, Block *block, gint64 s, gint64 n)
{
    gint64 width = w->v->dims[3], next = w->v->strides[2], step = w->v->strides[3];
    const float *v = at(w->v, block->b, block->h / w->shared, s);
    if (step != 1) {
        for (gint64 j = 0; j < n; j++)
            for (gint64 d = 0; d < width; d++)
                block->values[j][d] = v[j * next + d * step];
        v = &block->values[0][0];
        next = DEPTH;
    }
    block->simd->gemm(block->rows, width, n, &block->score[0][0], KEYS, 1, v, next,
                      &block->sum[0][0], DEPTH, TRUE);
}

static void run_block(const Work *w, Block *block)
{
    gint64 keys = w->k->dims[2], width = w->v->dims[3];
    for (gint64 r = 0; r < block->rows; r++) {
        block->top[r] = -INFINITY;
        block->total[r] = 0;
        memset(block->sum[r], 0, (gsize)width * sizeof(float));
    }
    if (w->causal)
        keys = CLAMP(block->t + block->rows + w->offset, 0, keys);
    for (gint64 s = 0; s < keys; s += KEYS) {
        gint64 n = MIN(KEYS, keys - s);
        scores(w, block, s, n);
        add_bias(w, block, s, n);
        weigh(w, block, n);
        add_values(w, block, s, n);
    }
    for (gint64 r = 0; r < block->rows; r++) {
        float *to = (float *)at(w->out, block->b, block->h, block->t + r);
        float factor = block->total[r] > 0 ? 1 / block->total[r] : 0;
        for (gint64 d = 0; d < width; d++)
            to[d * w->out->strides[3]] = block->sum[r][d] * factor;
    }
}

static void run_blocks(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    Block block;
    block.simd = fovea_simd();
    for (gint64 unit = first; unit < last; unit++) {
        block.t = unit % w->blocks * ROWS;
        block.h = unit / w->blocks % w->q->dims[1];
        block.b = unit / w->blocks / w->q->dims[1];
        block.rows = MIN(ROWS, w->q->dims[2] - block.t);
        run_block(w, &block);
    }
}

static gboolean run_attention(const FoveaCpuRun *run, GError **error)
{
    const FoveaAttention *spec = fovea_attention_spec(run->node);
    const FoveaView *bias = fovea_own_view(run->node, run->in, 3);
    Work w = {.q = run->in[0], .k = run->in[1], .v = run->in[2], .out = run->out[0]};
    const gint64 dims[4] = {w.q->dims[0], w.q->dims[1], w.q->dims[2], w.k->dims[2]};
    w.scale = spec->scale;
    w.causal = spec->pattern == FOVEA_ATTN_CAUSAL;
    w.offset = spec->causal_offset;
    w.shared = MAX(w.q->dims[1] / MAX(w.k->dims[1], 1), 1);
    w.blocks = (w.q->dims[2] + ROWS - 1) / ROWS;
    if (bias != NULL && !fovea_view_broadcast(bias, 4, dims, &w.bias))
        return run->node->op->ref(run->node, run->in, run->out, error);
    gint64 work = MIN(ROWS, w.q->dims[2]) * dims[3] * (w.q->dims[3] + w.v->dims[3] + 8);
    fovea_cpu_for(dims[0] * dims[1] * w.blocks, MAX(100000 / MAX(work, 1), 1), run_blocks, &w);
    return TRUE;
}

static const char *const ops[] = {"FoveaAttention", NULL};

const FoveaCpuKernel fovea_cpu_kernel_attention = {
    .ops = ops,
    .klass = "attention",
    .fits = fits,
    .run = run_attention,
};
