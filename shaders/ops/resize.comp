#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Resize along up to three axes by tables of taps, which are made with the plan (ops/resize.h): for
// each output place of an axis, indices, then weights. The other axes are walked over.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#define WALK_VIEWS 2
#include "walk.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
INPUT(1, table)
OUTPUT(2, result)
OPTION(0, NEAREST, 0u) // one tap of weight 1 an axis

const uint W_X = 0u, W_OUT = 1u, W_BEYOND = 2u; // value where the table says that x has none
const uint W_REST_FAST = 3u;                    // the other axes run faster, as channels-last maps lie
// For each of three axes: size of the result, taps, place in the table, strides in x and result
const uint W_AXES = 4u, W_AXIS = 5u;
const uint W_REST = 19u; // walk over the other axes

// Position along one resized axis: its first entry in the table, and how many.
struct Taps {
    uint first, n, weights;
};

void main()
{
    uint size = P(W_AXES) * P(W_AXES + W_AXIS) * P(W_AXES + 2u * W_AXIS);
    uint i = fv_group() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= size * P(W_REST))
        return;
    int at[2] = int[](Pi(W_X), Pi(W_OUT));
    bool rest_fast = P(W_REST_FAST) != 0u, beyond = false;
    uint spot = rest_fast ? i / P(W_REST) : i % size;
    walk(W_REST, rest_fast ? i % P(W_REST) : i / size, at);
    Taps t[3];
    for (int d = 2; d >= 0; d--) {
        uint w = W_AXES + uint(d) * W_AXIS, q = spot / P(w), c = spot - q * P(w);
        spot = q;
        at[1] += int(c) * Pi(w + 4u);
        t[d] = Taps(P(w + 2u) + c * P(w + 1u), P(w + 1u), P(w) * P(w + 1u));
        beyond = beyond || int(BITS(table, t[d].first)) < 0;
    }
    if (beyond) {
        PUT_REAL(result, at[1], Pf(W_BEYOND));
        return;
    }
    float sum = 0.0;
    for (uint a = 0u; a < t[0].n; a++) {
        float wa = uintBitsToFloat(BITS(table, t[0].first + a + t[0].weights));
        int pa = at[0] + WHOLE(table, t[0].first + a) * Pi(W_AXES + 3u);
        for (uint b = 0u; b < t[1].n; b++) {
            float wb = wa * uintBitsToFloat(BITS(table, t[1].first + b + t[1].weights));
            int pb = pa + WHOLE(table, t[1].first + b) * Pi(W_AXES + W_AXIS + 3u);
            for (uint c = 0u; c < t[2].n; c++) {
                int pc = pb + WHOLE(table, t[2].first + c) * Pi(W_AXES + 2u * W_AXIS + 3u);
                if (NEAREST != 0u) {
                    PUT_BITS(result, at[1], BITS(x, pc));
                    return;
                }
                float wc = uintBitsToFloat(BITS(table, t[2].first + c + t[2].weights));
                sum = fma(wb * wc, REAL(x, pc), sum);
            }
        }
    }
    PUT_REAL(result, at[1], sum);
}
