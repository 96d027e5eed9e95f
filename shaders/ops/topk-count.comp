#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// TopK where k is too large to sort in shared memory: an element's place is the number of elements
// of its row that come before it. Quadratic, but for any length.
#extension GL_GOOGLE_include_directive : require
#include "topk.glsl"

layout(local_size_x = 256) in;

shared uint block[256];

void main()
{
    uint me = gl_LocalInvocationIndex, length = P(W_LENGTH), blocks = (length + 255u) / 256u;
    uint row = fv_group() / blocks, i = (fv_group() % blocks) * 256u + me;
    if (row >= P(W_ROWS))
        return;
    int at[3] = int[](Pi(W_X), Pi(W_VALUES), Pi(W_INDICES));
    walk(W_ROWS, row, at);
    uint mine = 0u, rank = 0u;
    if (i < length)
        mine = key_of(at[0] + int(i) * Pi(W_X_STEP));
    for (uint base = 0u; base < length; base += 256u) {
        if (base + me < length)
            block[me] = key_of(at[0] + int(base + me) * Pi(W_X_STEP));
        barrier();
        for (uint j = 0u; j < min(256u, length - base); j++)
            rank += uint(block[j] > mine || (block[j] == mine && base + j < i));
        barrier();
    }
    if (i < length && rank < P(W_K))
        put(at, rank, i);
}
