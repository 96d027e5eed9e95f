// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// A scalar expression over up to eight broadcast operands of any stored type: every pointwise
// operator, fused chains, copies and casts.
//
// Linear mode (RANK 0): each operand lies in memory exactly as the output does, or is one number.
// Otherwise RANK dimensions with a stride each; the last one is the fastest.
//
// Words: number of elements, output offset, N operand offsets; then for RANK > 0 the sizes, the
// output's strides and each operand's strides.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.glsl"
#include "any.glsl"
#include "fx.glsl"

layout(local_size_x = 64) in;

layout(constant_id = 8) const uint N = 1;
layout(constant_id = 9) const uint RANK = 0;
layout(constant_id = 10) const uint NUMBERS = 0; // linear mode: bit k, operand k is one number
layout(constant_id = 11) const uint OUT = 1;
layout(constant_id = 12) const uint T0 = 1;
layout(constant_id = 13) const uint T1 = 1;
layout(constant_id = 14) const uint T2 = 1;
layout(constant_id = 15) const uint T3 = 1;
layout(constant_id = 16) const uint T4 = 1;
layout(constant_id = 17) const uint T5 = 1;
layout(constant_id = 18) const uint T6 = 1;
layout(constant_id = 19) const uint T7 = 1;
layout(constant_id = 20) const uint FROM_WORDS = 0; // the numbers themselves are words, N is 0

FV_OUT(0, dst)
FV_IN(1, src0)
FV_IN(2, src1)
FV_IN(3, src2)
FV_IN(4, src3)
FV_IN(5, src4)
FV_IN(6, src5)
FV_IN(7, src6)
FV_IN(8, src7)

const uint PER_THREAD = 4u;

uint i[8];

uint at(uint k, uint linear)
{
    uint offset = P(2u + k);
    if (RANK == 0u)
        return (NUMBERS >> k & 1u) != 0u ? offset : offset + linear;
    for (uint d = 0u; d < RANK; d++)
        offset += i[d] * P(2u + N + RANK * (2u + k) + d);
    return offset;
}

uint operand(uint k, uint linear)
{
    if (FROM_WORDS != 0u && k == 0u)
        return P(2u + linear);
    if (k >= N)
        return 0u;
    uint index = at(k, linear);
    switch (k) {
    case 0: return FV_LOAD(src0, T0, index);
    case 1: return FV_LOAD(src1, T1, index);
    case 2: return FV_LOAD(src2, T2, index);
    case 3: return FV_LOAD(src3, T3, index);
    case 4: return FV_LOAD(src4, T4, index);
    case 5: return FV_LOAD(src5, T5, index);
    case 6: return FV_LOAD(src6, T6, index);
    default: return FV_LOAD(src7, T7, index);
    }
}

void element(uint linear)
{
    uint target = P(1);
    if (RANK == 0u) {
        target += linear;
        i[0] = linear;
    } else {
        uint rest = linear;
        for (uint d = RANK; d-- > 0u;) {
            uint size = P(2u + N + d);
            i[d] = rest % size;
            rest /= size;
            target += i[d] * P(2u + N + RANK + d);
        }
    }
    uint bits = fx(operand(0u, linear), operand(1u, linear), operand(2u, linear),
                   operand(3u, linear), operand(4u, linear), operand(5u, linear),
                   operand(6u, linear), operand(7u, linear), i[0], i[1], i[2], i[3]);
    FV_STORE(dst, OUT, target, bits)
}

void main()
{
    for (uint d = 0u; d < 8u; d++)
        i[d] = 0u;
    uint first = fv_group() * (gl_WorkGroupSize.x * PER_THREAD) + gl_LocalInvocationID.x;
    for (uint k = 0u; k < PER_THREAD; k++) {
        uint linear = first + k * gl_WorkGroupSize.x;
        if (linear < P(0))
            element(linear);
    }
}
