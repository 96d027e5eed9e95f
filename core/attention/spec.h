/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention/spec.h: attention is one operator; a published variant is a value of this spec. Internal.
 *
 * The node `FoveaAttention` (fovea domain; plain `Attention` is the ONNX operator of opset 23, which
 * has caches and modes and an operator of its own):
 *   Math    out[b,h,t,:] = sum_s w(score[b,h,t,s]) v[b,hk,s,:],  hk = h * kv_heads / heads,
 *           score = hook(scale * q[b,h,t,:] . k[b,hk,s,:]  + bias[b,h,t,s] ...),  w = softmax over s
 *   Shape   in[0] q [B,H,T,D], in[1] k [B,Hk,S,D], in[2] v [B,Hk,S,Dv],
 *           in[3] optional additive bias or mask, broadcastable to [B,H,T,S] (float; bool: TRUE keeps),
 *           out [B,H,T,Dv]
 *   Types   floats; scores, softmax and sums in f32 (double in the reference)
 *   A row whose every score is -inf gives zeros.
 *
 * The node `DeformableAttention` (fovea domain), as exporters write it with GridSample:
 *   Math    out[n,:,t] = sum_{l,p} weight[n,0,t,l*P+p] * bilinear(value_l[n,:,:,:], grid_l[n,t,p,:])
 *   Shape   in[0] weight [N,1 or none,T,L*P] as [N,1,T,L*P] or [N,T,L*P]; then for each level l:
 *           value_l [N,D,Hl,Wl], grid_l [N,T,P,2] (x, y in -1..1); out [N,D,T]
 *   Attrs   levels, mode/padding_mode/align_corners as GridSample's
 *   Types   grid and weights always f32; values f32 or f16
 */
#pragma once

#include "graph/expr.h"
#include "graph/graph.h"

typedef enum FoveaAttnPattern {
    FOVEA_ATTN_DENSE = 0,
    FOVEA_ATTN_CAUSAL, /* key s is seen by query t when s <= t + offset */
    FOVEA_ATTN_WINDOW, /* dense inside windows that the graph cut out; kind only */
    FOVEA_ATTN_NEIGHBORHOOD,
    FOVEA_ATTN_BLOCKS,
    FOVEA_ATTN_GATHER,
    FOVEA_ATTN_DEFORMABLE,
} FoveaAttnPattern;

typedef enum FoveaAttnScore {
    FOVEA_ATTN_SCALED_DOT = 0,
    FOVEA_ATTN_COSINE,
    FOVEA_ATTN_ADDITIVE,
    FOVEA_ATTN_MLP,
    FOVEA_ATTN_DISTANCE,
} FoveaAttnScore;

typedef enum FoveaAttnWeight {
    FOVEA_ATTN_SOFTMAX = 0,
    FOVEA_ATTN_RELU_N,
    FOVEA_ATTN_SIGMOID,
    FOVEA_ATTN_SOFTPLUS,
} FoveaAttnWeight;

typedef enum FoveaAttnState {
    FOVEA_ATTN_NO_STATE = 0,
    FOVEA_ATTN_KV_CACHE,
    FOVEA_ATTN_RUNNING_SOFTMAX,
    FOVEA_ATTN_LINEAR_STATE,
} FoveaAttnState;

/* What recognition found, for `inspect` and for choosing kernels. Owned by the node (g_free). */
typedef struct FoveaAttention {
    FoveaAttnPattern pattern;
    FoveaAttnScore score;
    FoveaAttnWeight weight;
    FoveaAttnState state;
    const char *kind; /* "self", "self-causal", "cross", "window", "deformable", ...: meta.json's */
    float scale;      /* of the score; 1 where the graph scales q or k itself */
    gint64 causal_offset;
    /* Score hook: operand 0 the scaled, biased score; FX_INDEX 0..3 = b, h, t, s. n == 0: none. */
    FoveaExpr hook;
} FoveaAttention;

/* The spec of a FoveaAttention node; one with dense softmax and scale 1 where it has none. */
const FoveaAttention *fovea_attention_spec(const FoveaNode *node);
