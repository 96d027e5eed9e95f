#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Pad: positions outside the input are a constant, or mirrored, repeated or wrapped into it.
// Negative pads crop.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
INPUT(1, value)
OUTPUT(2, result)
const uint CONSTANT = 0u, REFLECT = 1u, EDGE = 2u, WRAP = 3u;
OPTION(0, MODE, CONSTANT)
OPTION(1, HAS_VALUE, 0u)

const uint W_COUNT = 0u, W_RANK = 1u, W_X = 2u, W_VALUE = 3u, W_OUT = 4u;
// then for each axis: size of the result, size of the input, pad before, stride in x, in result
const uint W_AXES = 5u;

// Vulkan leaves % undefined for negative operands; division truncates everywhere.
int modulo(int a, int n)
{
    int r = a - a / n * n;
    return r < 0 ? r + n : r;
}

void main()
{
    uint i = fv_group() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= P(W_COUNT))
        return;
    int from = Pi(W_X), to = Pi(W_OUT);
    bool inside = true;
    for (uint d = P(W_RANK); d-- > 0u;) {
        uint w = W_AXES + 5u * d, q = i / P(w);
        int c = int(i - q * P(w)), size = Pi(w + 1u), s = c - Pi(w + 2u);
        i = q;
        if (s < 0 || s >= size) {
            if (MODE == CONSTANT) {
                inside = false;
            } else if (MODE == EDGE) {
                s = clamp(s, 0, size - 1);
            } else if (MODE == WRAP) {
                s = modulo(s, size);
            } else {
                s = modulo(s, max(2 * size - 2, 1));
                s = s < size ? s : 2 * size - 2 - s;
            }
        }
        from += s * Pi(w + 3u);
        to += c * Pi(w + 4u);
    }
    uint bits = 0u;
    if (inside)
        bits = BITS(x, from);
    else if (HAS_VALUE != 0u)
        bits = BITS(value, Pi(W_VALUE));
    PUT_BITS(result, to, bits);
}
