#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// DeformableAttention: result[n,d,t] = sum over levels l and points p of
// weight[n,t,l*P+p] * bilinear(value_l[n,d], grid_l[n,t,p]). An invocation makes one element;
// neighbours share t and take neighbouring d, so they read the same points and one line of memory.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#include "sampling.glsl"

layout(local_size_x = 128) in;

INPUT(0, weight)
INPUT(1, value0)
INPUT(2, grid0)
INPUT(3, value1)
INPUT(4, grid1)
INPUT(5, value2)
INPUT(6, grid2)
INPUT(7, value3)
INPUT(8, grid3)
INPUT(9, value4)
INPUT(10, grid4)
INPUT(11, value5)
INPUT(12, grid5)
OUTPUT(13, result)
OPTION(0, LEVELS, 1u)
OPTION(1, PADDING, ZEROS)
OPTION(2, CORNERS, 0u)
OPTION(3, MODE, LINEAR)

const uint W_N = 0u, W_D = 1u, W_T = 2u;
const uint W_WEIGHT = 3u, W_WEIGHT_N = 4u, W_WEIGHT_T = 5u, W_WEIGHT_P = 6u;
const uint W_OUT = 7u, W_OUT_N = 8u, W_OUT_D = 9u, W_OUT_T = 10u;
// For each level: points, height, width; value: offset and strides n, d, h, w; grid: offset and
// strides n, t, p, xy
const uint W_LEVELS = 11u, W_LEVEL = 13u;

float value_at(uint level, int at)
{
    switch (level) {
    case 0u: return REAL(value0, at);
    case 1u: return REAL(value1, at);
    case 2u: return REAL(value2, at);
    case 3u: return REAL(value3, at);
    case 4u: return REAL(value4, at);
    default: return REAL(value5, at);
    }
}

float grid_at(uint level, int at)
{
    switch (level) {
    case 0u: return REAL(grid0, at);
    case 1u: return REAL(grid1, at);
    case 2u: return REAL(grid2, at);
    case 3u: return REAL(grid3, at);
    case 4u: return REAL(grid4, at);
    default: return REAL(grid5, at);
    }
}

float pixel(uint level, uint w, int at, int row, int column)
{
    row = grid_fold(row, Pi(w + 1u), PADDING, CORNERS);
    column = grid_fold(column, Pi(w + 2u), PADDING, CORNERS);
    if (row < 0 || column < 0)
        return 0.0;
    return value_at(level, at + row * Pi(w + 6u) + column * Pi(w + 7u));
}

float sampled(uint level, uint w, int at, vec2 p)
{
    ivec2 q = ivec2(floor(p));
    vec2 f = p - floor(p);
    if (MODE == NEAREST)
        return pixel(level, w, at, q.y, q.x);
    return mix(mix(pixel(level, w, at, q.y, q.x), pixel(level, w, at, q.y, q.x + 1), f.x),
               mix(pixel(level, w, at, q.y + 1, q.x), pixel(level, w, at, q.y + 1, q.x + 1), f.x),
               f.y);
}

void main()
{
    uint i = fv_group() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= P(W_N) * P(W_D) * P(W_T))
        return;
    uint r = i / P(W_D), d = i - r * P(W_D), n = r / P(W_T), t = r - n * P(W_T);
    int at_weight = Pi(W_WEIGHT) + int(n) * Pi(W_WEIGHT_N) + int(t) * Pi(W_WEIGHT_T);
    float sum = 0.0;
    for (uint level = 0u; level < LEVELS; level++) {
        uint w = W_LEVELS + level * W_LEVEL;
        int at_value = Pi(w + 3u) + int(n) * Pi(w + 4u) + int(d) * Pi(w + 5u);
        int at_grid = Pi(w + 8u) + int(n) * Pi(w + 9u) + int(t) * Pi(w + 10u);
        for (uint p = 0u; p < P(w); p++) {
            vec2 xy = vec2(grid_at(level, at_grid), grid_at(level, at_grid + Pi(w + 12u)));
            vec2 from = vec2(grid_place(xy.x, Pi(w + 2u), PADDING, CORNERS, MODE == NEAREST),
                             grid_place(xy.y, Pi(w + 1u), PADDING, CORNERS, MODE == NEAREST));
            sum = fma(REAL(weight, at_weight), sampled(level, w, at_value, from), sum);
            at_grid += Pi(w + 11u);
            at_weight += Pi(W_WEIGHT_P);
        }
    }
    PUT_REAL(result, Pi(W_OUT) + int(n) * Pi(W_OUT_N) + int(d) * Pi(W_OUT_D) + int(t) * Pi(W_OUT_T),
             sum);
}
