#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// softmax(hook(scale q k^T + bias)) v with a running softmax, all sums in f32. A work group owns 16
// queries of one head and walks the keys 32 at a time; head sizes are taken in pieces of 64, so that
// any fits in the shared memory that every device has. Eight invocations share a query: each holds
// four of its scores and every eighth element of its result.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#include "fx.glsl"

layout(local_size_x = 128) in;

INPUT(0, query)
INPUT(1, keys)
INPUT(2, value)
INPUT(3, bias)
OUTPUT(4, result)
OPTION(0, SIZE_QK, 64u)
OPTION(1, SIZE_V, 64u)
OPTION(2, PIECES, 1u) // of SIZE_V
OPTION(3, HAS_BIAS, 0u)
OPTION(4, CAUSAL, 0u)
const uint SOFTMAX = 0u, RELU_N = 1u, SIGMOID = 2u, SOFTPLUS = 3u;
OPTION(5, WEIGHT, SOFTMAX)

const uint W_B = 0u, W_H = 1u, W_T = 2u, W_S = 3u, W_KV_HEADS = 4u, W_SCALE = 5u, W_SHIFT = 6u;
// each: offset and strides of its four axes
const uint W_Q = 7u, W_KEY = 12u, W_V = 17u, W_BIAS = 22u, W_OUT = 27u;

const uint QUERIES = 16u, KEYS = 32u, PIECE = 64u;
shared float tile_q[QUERIES][PIECE + 1u];
shared float tile_kv[KEYS][PIECE + 1u];
shared float weights[QUERIES][KEYS + 1u];
shared float part[128];

int head_of(uint w, uint b, uint h)
{
    return Pi(w) + int(b) * Pi(w + 1u) + int(h) * Pi(w + 2u);
}

// Four scores of this invocation's query: keys s0 + me % 8 + 8 j.
vec4 dots(int at_q, int at_k, uint t0, uint s0)
{
    uint me = gl_LocalInvocationIndex, row = me / 8u, col = me % 8u;
    vec4 sum = vec4(0.0);
    for (uint d0 = 0u; d0 < SIZE_QK; d0 += PIECE) {
        barrier(); // tiles of an earlier use
        uint n = min(PIECE, SIZE_QK - d0);
        for (uint e = me; e < QUERIES * PIECE; e += 128u) {
            uint t = t0 + e / PIECE, d = e % PIECE;
            float v = 0.0;
            if (t < P(W_T) && d < n)
                v = REAL(query, at_q + int(t) * Pi(W_Q + 3u) + int(d0 + d) * Pi(W_Q + 4u));
            tile_q[e / PIECE][d] = v;
        }
        for (uint e = me; e < KEYS * PIECE; e += 128u) {
            uint s = s0 + e / PIECE, d = e % PIECE;
            float v = 0.0;
            if (s < P(W_S) && d < n)
                v = REAL(keys, at_k + int(s) * Pi(W_KEY + 3u) + int(d0 + d) * Pi(W_KEY + 4u));
            tile_kv[e / PIECE][d] = v;
        }
        barrier();
        for (uint d = 0u; d < n; d++) {
            vec4 k = vec4(tile_kv[col][d], tile_kv[col + 8u][d], tile_kv[col + 16u][d],
                          tile_kv[col + 24u][d]);
            sum = fma(vec4(tile_q[row][d]), k, sum);
        }
    }
    return sum;
}

// Scale, bias, mask and hook. What is not seen is -inf.
float score(float dot_product, int at_bias, uint b, uint h, uint t, uint s)
{
    const float never = uintBitsToFloat(0xff800000u);
    if (t >= P(W_T) || s >= P(W_S) || (CAUSAL != 0u && int(s) > int(t) + Pi(W_SHIFT)))
        return never;
    float v = dot_product * Pf(W_SCALE);
    if (HAS_BIAS != 0u) {
        int at = at_bias + int(t) * Pi(W_BIAS + 3u) + int(s) * Pi(W_BIAS + 4u);
        if (bias_type == FV_BOOL)
            v = BITS(bias, at) != 0u ? v : never;
        else
            v += REAL(bias, at);
    }
    return uintBitsToFloat(fx(floatBitsToUint(v), 0u, 0u, 0u, 0u, 0u, 0u, 0u, b, h, t, s));
}

// The weight kinds that look at one score alone.
float weight_of(float score)
{
    if (WEIGHT == RELU_N)
        return max(score, 0.0) / float(P(W_S));
    if (WEIGHT == SIGMOID)
        return 1.0 / (1.0 + exp(-score));
    return log(1.0 + exp(-abs(score))) + max(score, 0.0);
}

// Maximum or sum over the eight invocations of a query.
float over_query(float mine, bool most)
{
    uint me = gl_LocalInvocationIndex, first = me & ~7u;
    barrier(); // of an earlier use
    part[me] = mine;
    barrier();
    float all = part[first];
    for (uint i = 1u; i < 8u; i++)
        all = most ? max(all, part[first + i]) : all + part[first + i];
    return all;
}

void main()
{
    uint me = gl_LocalInvocationIndex, row = me / 8u, col = me % 8u;
    uint blocks = (P(W_T) + QUERIES - 1u) / QUERIES, head = fv_group() / blocks;
    uint t0 = (fv_group() % blocks) * QUERIES, b = head / P(W_H), h = head % P(W_H);
    if (b >= P(W_B))
        return;
    uint kv_head = h * P(W_KV_HEADS) / P(W_H);
    int at_q = head_of(W_Q, b, h), at_k = head_of(W_KEY, b, kv_head);
    int at_v = head_of(W_V, b, kv_head), at_bias = head_of(W_BIAS, b, h);
    float most = uintBitsToFloat(0xff800000u), total = 0.0;
    float sum[PIECES * 8u];
    for (uint j = 0u; j < PIECES * 8u; j++)
        sum[j] = 0.0;
    uint s_end = P(W_S);
    if (CAUSAL != 0u)
        s_end = uint(clamp(int(t0 + QUERIES) + Pi(W_SHIFT), 0, Pi(W_S)));
    for (uint s0 = 0u; s0 < s_end; s0 += KEYS) {
        vec4 v = dots(at_q, at_k, t0, s0);
        for (uint j = 0u; j < 4u; j++)
            v[j] = score(v[j], at_bias, b, h, t0 + row, s0 + col + 8u * j);
        float fade = 1.0;
        if (WEIGHT == SOFTMAX) {
            float now = max(most, over_query(max(max(v.x, v.y), max(v.z, v.w)), true));
            float base = isinf(now) ? 0.0 : now;
            fade = exp(most - base);
            v = exp(v - base);
            total = total * fade + over_query(v.x + v.y + v.z + v.w, false);
            most = now;
        } else {
            for (uint j = 0u; j < 4u; j++)
                v[j] = weight_of(v[j]);
            total = 1.0;
        }
        for (uint j = 0u; j < 4u; j++)
            weights[row][col + 8u * j] = v[j];
        for (uint p = 0u; p < PIECES; p++) {
            barrier(); // the tile's earlier use
            for (uint e = me; e < KEYS * PIECE; e += 128u) {
                uint s = s0 + e / PIECE, d = p * PIECE + e % PIECE;
                float x = 0.0;
                if (s < P(W_S) && d < SIZE_V)
                    x = REAL(value, at_v + int(s) * Pi(W_V + 3u) + int(d) * Pi(W_V + 4u));
                tile_kv[e / PIECE][e % PIECE] = x;
            }
            barrier();
            for (uint j = 0u; j < 8u; j++)
                sum[p * 8u + j] *= fade;
            for (uint k = 0u; k < KEYS; k++) {
                float w = weights[row][k];
                for (uint j = 0u; j < 8u; j++)
                    sum[p * 8u + j] = fma(w, tile_kv[k][col + 8u * j], sum[p * 8u + j]);
            }
        }
    }
    if (t0 + row >= P(W_T))
        return;
    int at = head_of(W_OUT, b, h) + int(t0 + row) * Pi(W_OUT + 3u);
    float by = total > 0.0 ? 1.0 / total : 0.0;
    for (uint j = 0u; j < PIECES * 8u; j++) {
        uint d = col + 8u * j;
        if (d < SIZE_V)
            PUT_REAL(result, at + int(d) * Pi(W_OUT + 4u), sum[j] * by);
    }
}
