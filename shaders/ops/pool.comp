#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// MaxPool, AveragePool and LpPool over two dimensions (maps of one have a height of 1), one output
// element an invocation.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#include "map.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
OUTPUT(1, result)
const uint MAX = 0u, AVERAGE = 1u, NORM = 2u;
OPTION(0, KIND, MAX)
OPTION(1, COUNT_PAD, 0u) // the average counts padding
OPTION(2, POWER, 2u)

const uint W_N = 0u, W_C = 1u, W_H = 2u, W_W = 3u, W_IN_H = 4u, W_IN_W = 5u;
const uint W_KERNEL_H = 6u, W_KERNEL_W = 7u, W_STEP_H = 8u, W_STEP_W = 9u;
const uint W_PAD_H = 10u, W_PAD_W = 11u, W_END_H = 12u, W_END_W = 13u; // begin; input + both pads
const uint W_DILATE_H = 14u, W_DILATE_W = 15u;
const uint W_X = 16u, W_X_N = 17u, W_X_C = 18u, W_X_H = 19u, W_X_W = 20u;
const uint W_OUT = 21u, W_OUT_N = 22u, W_OUT_C = 23u, W_OUT_H = 24u, W_OUT_W = 25u;

float window(int at, int h0, int w0)
{
    float best = uintBitsToFloat(0xff800000u), sum = 0.0;
    uint count = 0u;
    for (uint i = 0u; i < P(W_KERNEL_H); i++) {
        int h = h0 + int(i) * Pi(W_DILATE_H);
        for (uint j = 0u; j < P(W_KERNEL_W); j++) {
            int w = w0 + int(j) * Pi(W_DILATE_W);
            bool inside = h >= 0 && w >= 0 && h < Pi(W_IN_H) && w < Pi(W_IN_W);
            // Windows that ceil_mode lets hang over the padded map do not count what hangs over.
            if (inside || (COUNT_PAD != 0u && h < Pi(W_END_H) && w < Pi(W_END_W)))
                count++;
            if (!inside)
                continue;
            float v = REAL(x, at + h * Pi(W_X_H) + w * Pi(W_X_W));
            if (KIND == MAX)
                best = v > best || isnan(v) ? v : best;
            else if (KIND == AVERAGE)
                sum += v;
            else
                sum += POWER == 1u ? abs(v) : POWER == 2u ? v * v : pow(abs(v), float(POWER));
        }
    }
    if (KIND == MAX)
        return best;
    if (KIND == AVERAGE)
        return sum / float(count);
    return POWER == 1u ? sum : POWER == 2u ? sqrt(sum) : pow(sum, 1.0 / float(POWER));
}

void main()
{
    uint i = fv_group() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= P(W_N) * P(W_C) * P(W_H) * P(W_W))
        return;
    uvec4 p = map_position(i, uvec4(P(W_N), P(W_C), P(W_H), P(W_W)), Pi(W_OUT_C) == 1);
    float v = window(Pi(W_X) + int(p.x) * Pi(W_X_N) + int(p.y) * Pi(W_X_C),
                     int(p.z) * Pi(W_STEP_H) - Pi(W_PAD_H), int(p.w) * Pi(W_STEP_W) - Pi(W_PAD_W));
    PUT_REAL(result, Pi(W_OUT) + int(p.x) * Pi(W_OUT_N) + int(p.y) * Pi(W_OUT_C) +
                     int(p.z) * Pi(W_OUT_H) + int(p.w) * Pi(W_OUT_W), v);
}
