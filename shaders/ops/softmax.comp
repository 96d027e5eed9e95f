#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Softmax and LogSoftmax along one axis, in f32. A work group takes a row, or, where rows are short
// or lie across the memory, an invocation does (LANES 1).
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#define WALK_VIEWS 2
#include "walk.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
OUTPUT(1, result)
OPTION(0, LOGARITHM, 0u)
OPTION(1, LANES, 128u)

const uint W_X = 0u, W_X_STEP = 1u, W_OUT = 2u, W_OUT_STEP = 3u, W_LENGTH = 4u;
const uint W_ROWS = 5u; // walk over the rows

shared float part[128];

float over_lanes(float mine, bool most)
{
    if (LANES == 1u)
        return mine;
    uint me = gl_LocalInvocationIndex;
    barrier(); // of an earlier use
    part[me] = mine;
    barrier();
    for (uint n = 64u; n > 0u; n /= 2u) {
        if (me < n)
            part[me] = most ? max(part[me], part[me + n]) : part[me] + part[me + n];
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
    int at[2] = int[](Pi(W_X), Pi(W_OUT));
    walk(W_ROWS, row, at);
    uint length = P(W_LENGTH);
    float most = uintBitsToFloat(0xff800000u);
    for (uint i = lane; i < length; i += LANES)
        most = max(most, REAL(x, at[0] + int(i) * Pi(W_X_STEP)));
    most = over_lanes(most, true);
    float sum = 0.0;
    for (uint i = lane; i < length; i += LANES)
        sum += exp(REAL(x, at[0] + int(i) * Pi(W_X_STEP)) - most);
    sum = over_lanes(sum, false);
    float scale = LOGARITHM != 0u ? log(sum) : 1.0 / sum;
    for (uint i = lane; i < length; i += LANES) {
        float v = REAL(x, at[0] + int(i) * Pi(W_X_STEP)) - most;
        v = LOGARITHM != 0u ? v - scale : exp(v) * scale;
        PUT_REAL(result, at[1] + int(i) * Pi(W_OUT_STEP), v);
    }
}
