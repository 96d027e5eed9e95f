#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Gather, GatherElements and GatherND: result[i] = data[i with some positions replaced by indices].
// An element needs `TUPLE` indices that lie one after the other; each counts along one axis of data.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#include "error.glsl"
#define WALK_VIEWS 3
#include "walk.glsl"

layout(local_size_x = 128) in;

INPUT(0, data)
INPUT(1, indices)
OUTPUT(2, result)
OPTION(0, SCATTER, 0u) // the other way: result at the indices is set to data

const uint W_DATA = 0u, W_INDICES = 1u, W_OUT = 2u, W_NODE = 3u, W_TUPLE = 4u, W_TUPLE_STEP = 5u;
const uint W_WALK = 6u; // over the elements; then for each index of a tuple: size and stride

void main()
{
    uint i = fv_group() * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= P(W_WALK))
        return;
    int at[3] = int[](Pi(W_DATA), Pi(W_INDICES), Pi(W_OUT));
    walk(W_WALK, i, at);
    uint axes = walk_end(W_WALK);
    bool inside = true;
    int moved = 0;
    for (uint k = 0u; k < P(W_TUPLE); k++) {
        int size = Pi(axes + 2u * k), index = WHOLE(indices, at[1] + int(k) * Pi(W_TUPLE_STEP));
        index += index < 0 ? size : 0;
        inside = inside && index >= 0 && index < size;
        moved += index * Pi(axes + 2u * k + 1u);
    }
    if (!inside)
        fv_error(P(W_NODE));
    if (SCATTER != 0u) {
        if (inside)
            PUT_BITS(result, at[2] + moved, BITS(data, at[0]));
        return;
    }
    uint bits = 0u;
    if (inside)
        bits = BITS(data, at[0] + moved);
    PUT_BITS(result, at[2], bits);
}
