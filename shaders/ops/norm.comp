#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// result = (x - mean) / sqrt(variance + epsilon) * scale + bias over rows: LayerNormalization,
// RMSNormalization (no mean), InstanceNormalization and GroupNormalization differ in what a row is
// and along which axes scale and bias run. Statistics are f32, in two passes over the row. A work
// group takes a row, or, where rows are short, an invocation does (LANES 1).
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#define WALK_VIEWS 4
#include "walk.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
INPUT(1, scale)
INPUT(2, bias)
OUTPUT(3, result)
OPTION(0, CENTRED, 1u)
OPTION(1, LANES, 128u)
OPTION(2, HAS_SCALE, 1u)
OPTION(3, HAS_BIAS, 1u)

const uint W_EPSILON = 0u, W_X = 1u, W_SCALE = 2u, W_BIAS = 3u, W_OUT = 4u;
const uint W_ROWS = 5u; // walk over the rows, then one inside a row

shared float part[128];

float over_lanes(float mine)
{
    if (LANES == 1u)
        return mine;
    uint me = gl_LocalInvocationIndex;
    barrier(); // of an earlier use
    part[me] = mine;
    barrier();
    for (uint n = 64u; n > 0u; n /= 2u) {
        if (me < n)
            part[me] += part[me + n];
        barrier();
    }
    return part[0];
}

void main()
{
    uint me = gl_LocalInvocationIndex, lane = LANES == 1u ? 0u : me;
    uint row = LANES == 1u ? fv_group() * 128u + me : fv_group();
    if (row >= P(W_ROWS))
        return;
    int first[4] = int[](Pi(W_X), Pi(W_SCALE), Pi(W_BIAS), Pi(W_OUT));
    walk(W_ROWS, row, first);
    uint inside = walk_end(W_ROWS), length = P(inside);
    float mean = 0.0, square = 0.0;
    if (CENTRED != 0u) {
        for (uint i = lane; i < length; i += LANES) {
            int at[4] = first;
            walk(inside, i, at);
            mean += REAL(x, at[0]);
        }
        mean = over_lanes(mean) / float(length);
    }
    for (uint i = lane; i < length; i += LANES) {
        int at[4] = first;
        walk(inside, i, at);
        float d = REAL(x, at[0]) - mean;
        square = fma(d, d, square);
    }
    square = over_lanes(square) / float(length);
    float by = 1.0 / sqrt(square + Pf(W_EPSILON));
    for (uint i = lane; i < length; i += LANES) {
        int at[4] = first;
        walk(inside, i, at);
        float v = (REAL(x, at[0]) - mean) * by;
        if (HAS_SCALE != 0u)
            v *= REAL(scale, at[1]);
        if (HAS_BIAS != 0u)
            v += REAL(bias, at[2]);
        PUT_REAL(result, at[3], v);
    }
}
