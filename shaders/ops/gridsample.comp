#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// GridSample of 2-D maps: result[n,c,h,w] = x[n,c] at grid[n,h,w], which is (x, y) in -1..1.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#include "map.glsl"
#include "sampling.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
INPUT(1, grid)
OUTPUT(2, result)
OPTION(0, MODE, LINEAR)
OPTION(1, PADDING, ZEROS)
OPTION(2, CORNERS, 0u)

const uint W_N = 0u, W_C = 1u, W_H = 2u, W_W = 3u, W_IN_H = 4u, W_IN_W = 5u;
const uint W_X = 6u, W_X_N = 7u, W_X_C = 8u, W_X_H = 9u, W_X_W = 10u;
const uint W_GRID = 11u, W_GRID_N = 12u, W_GRID_H = 13u, W_GRID_W = 14u, W_GRID_XY = 15u;
const uint W_OUT = 16u, W_OUT_N = 17u, W_OUT_C = 18u, W_OUT_H = 19u, W_OUT_W = 20u;

float pixel(int at, int h, int w)
{
    h = grid_fold(h, Pi(W_IN_H), PADDING, CORNERS);
    w = grid_fold(w, Pi(W_IN_W), PADDING, CORNERS);
    if (h < 0 || w < 0)
        return 0.0;
    return REAL(x, at + h * Pi(W_X_H) + w * Pi(W_X_W));
}

// Weights of the four taps of a cubic at fraction t, with a = -0.75.
vec4 cubic(float t)
{
    const float a = -0.75;
    vec4 d = vec4(1.0 + t, t, 1.0 - t, 2.0 - t);
    vec2 near = ((a + 2.0) * d.yz - (a + 3.0)) * d.yz * d.yz + 1.0;
    vec2 far = ((a * d.xw - 5.0 * a) * d.xw + 8.0 * a) * d.xw - 4.0 * a;
    return vec4(far.x, near, far.y);
}

float sampled(int at, vec2 p)
{
    ivec2 q = ivec2(floor(p));
    if (MODE == NEAREST)
        return pixel(at, q.y, q.x);
    vec2 t = p - floor(p);
    float sum = 0.0;
    if (MODE == CUBIC) {
        vec4 wx = cubic(t.x), wy = cubic(t.y);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                sum += wy[i] * wx[j] * pixel(at, q.y - 1 + i, q.x - 1 + j);
        return sum;
    }
    return mix(mix(pixel(at, q.y, q.x), pixel(at, q.y, q.x + 1), t.x),
               mix(pixel(at, q.y + 1, q.x), pixel(at, q.y + 1, q.x + 1), t.x), t.y);
}

void main()
{
    uint i = fv_group() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= P(W_N) * P(W_C) * P(W_H) * P(W_W))
        return;
    uvec4 o = map_position(i, uvec4(P(W_N), P(W_C), P(W_H), P(W_W)), Pi(W_OUT_C) == 1);
    int g = Pi(W_GRID) + int(o.x) * Pi(W_GRID_N) + int(o.z) * Pi(W_GRID_H) + int(o.w) * Pi(W_GRID_W);
    vec2 p = vec2(grid_place(REAL(grid, g), Pi(W_IN_W), PADDING, CORNERS, MODE == NEAREST),
                  grid_place(REAL(grid, g + Pi(W_GRID_XY)), Pi(W_IN_H), PADDING, CORNERS,
                             MODE == NEAREST));
    float v = sampled(Pi(W_X) + int(o.x) * Pi(W_X_N) + int(o.y) * Pi(W_X_C), p);
    PUT_REAL(result, Pi(W_OUT) + int(o.x) * Pi(W_OUT_N) + int(o.y) * Pi(W_OUT_C) +
                     int(o.z) * Pi(W_OUT_H) + int(o.w) * Pi(W_OUT_W), v);
}
