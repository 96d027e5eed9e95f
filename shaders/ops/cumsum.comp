#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// CumSum along one axis, a work group a row: blocks of 128 are summed in shared memory, the total so
// far is carried over.
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#define WALK_VIEWS 2
#include "walk.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
OUTPUT(1, result)
OPTION(0, EXCLUSIVE, 0u)
OPTION(1, REVERSE, 0u)

const uint W_X = 0u, W_X_STEP = 1u, W_OUT = 2u, W_OUT_STEP = 3u, W_LENGTH = 4u;
const uint W_ROWS = 5u; // walk over the rows

shared uint part[128];

uint add(uint a, uint b)
{
    return fv_is_float(x_type) ? floatBitsToUint(uintBitsToFloat(a) + uintBitsToFloat(b)) : a + b;
}

void main()
{
    if (fv_group() >= P(W_ROWS))
        return;
    uint me = gl_LocalInvocationIndex, length = P(W_LENGTH), carry = 0u;
    int at[2] = int[](Pi(W_X), Pi(W_OUT));
    walk(W_ROWS, fv_group(), at);
    for (uint base = 0u; base < length; base += 128u) {
        uint i = base + me, p = REVERSE != 0u ? length - 1u - i : i;
        part[me] = 0u;
        if (i < length)
            part[me] = BITS(x, at[0] + int(p) * Pi(W_X_STEP));
        barrier();
        for (uint n = 1u; n < 128u; n *= 2u) {
            uint before = 0u;
            if (me >= n)
                before = part[me - n];
            barrier();
            part[me] = add(part[me], before);
            barrier();
        }
        uint sum = carry;
        if (EXCLUSIVE == 0u)
            sum = add(carry, part[me]);
        else if (me > 0u)
            sum = add(carry, part[me - 1u]);
        if (i < length)
            PUT_BITS(result, at[1] + int(p) * Pi(W_OUT_STEP), sum);
        carry = add(carry, part[127]);
        barrier();
    }
}
