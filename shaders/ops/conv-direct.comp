#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Depthwise, grouped and transposed convolution, one output element an invocation; neighbours are
// neighbours in the output's memory.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"
#include "map.glsl"

layout(local_size_x = 128) in;

OPTION(1, TRANSPOSED, 0u)

// Input position that tap t reaches from output position o, or -1.
int source(uint o, uint t, int step, int dilate, int pad, int size)
{
    int at = TRANSPOSED != 0u ? int(o) + pad - int(t) * dilate : int(o) * step - pad + int(t) * dilate;
    if (at < 0)
        return -1;
    if (TRANSPOSED != 0u) {
        if (at - at / step * step != 0) // % is undefined for negative numbers
            return -1;
        at /= step;
    }
    return at < size ? at : -1;
}

float element(uint n, uint c, uint oh, uint ow)
{
    uint in_group = P(W_C) / P(W_GROUPS), group = c / in_group, first = group * P(W_IN_C);
    int at_x = Pi(W_X) + int(n) * Pi(W_X_N) + int(first) * Pi(W_X_C);
    int at_f = Pi(W_F) + int(TRANSPOSED != 0u ? c - group * in_group : c) * Pi(W_F_O) +
               int(TRANSPOSED != 0u ? first : 0u) * Pi(W_F_C);
    float sum = 0.0;
    for (uint i = 0u; i < P(W_KERNEL_H); i++) {
        int h = source(oh, i, Pi(W_STEP_H), Pi(W_DILATE_H), Pi(W_PAD_H), Pi(W_IN_H));
        if (h < 0)
            continue;
        for (uint j = 0u; j < P(W_KERNEL_W); j++) {
            int w = source(ow, j, Pi(W_STEP_W), Pi(W_DILATE_W), Pi(W_PAD_W), Pi(W_IN_W));
            if (w < 0)
                continue;
            int p = at_x + h * Pi(W_X_H) + w * Pi(W_X_W);
            int q = at_f + int(i) * Pi(W_F_H) + int(j) * Pi(W_F_W);
            for (uint k = 0u; k < P(W_IN_C); k++)
                sum = fma(REAL(x, p + int(k) * Pi(W_X_C)), REAL(weight, q + int(k) * Pi(W_F_C)), sum);
        }
    }
    return sum;
}

void main()
{
    uint i = fv_group() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= P(W_N) * P(W_C) * P(W_H) * P(W_W))
        return;
    uvec4 p = map_position(i, uvec4(P(W_N), P(W_C), P(W_H), P(W_W)), Pi(W_OUT_C) == 1);
    put(p.x, p.y, p.z, p.w, element(p.x, p.y, p.z, p.w));
}
