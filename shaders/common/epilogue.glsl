// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// A node's epilogue: its expression over what the kernel computed, with up to four operands that
// are broadcast to the output. Define FV_EPILOGUE_BINDING before; params.glsl comes first.
//
//   result = fv_epilogue(bits, i0, i1, i2, i3, base)
//
// bits: raw bits of the accumulator (f32 for real results); i0..i3: position along the four groups
// of axes that the C side named; base: first parameter word of the epilogue (5 an operand: offset
// and four strides). The result has the class of the output's stored type.
#ifndef FV_EPILOGUE_GLSL
#define FV_EPILOGUE_GLSL

#include "any.glsl"
#include "fx.glsl"

layout(constant_id = 32) const uint FV_EPILOGUE_N = 0;
layout(constant_id = 33) const uint FV_EPILOGUE_TYPE0 = 1;
layout(constant_id = 34) const uint FV_EPILOGUE_TYPE1 = 1;
layout(constant_id = 35) const uint FV_EPILOGUE_TYPE2 = 1;
layout(constant_id = 36) const uint FV_EPILOGUE_TYPE3 = 1;

FV_IN(FV_EPILOGUE_BINDING + 0, fv_epi0)
FV_IN(FV_EPILOGUE_BINDING + 1, fv_epi1)
FV_IN(FV_EPILOGUE_BINDING + 2, fv_epi2)
FV_IN(FV_EPILOGUE_BINDING + 3, fv_epi3)

uint fv_epilogue_at(uint i0, uint i1, uint i2, uint i3, uint word)
{
    return P(word) + i0 * P(word + 1u) + i1 * P(word + 2u) + i2 * P(word + 3u) +
           i3 * P(word + 4u);
}

uint fv_epilogue(uint bits, uint i0, uint i1, uint i2, uint i3, uint base)
{
    uint a = 0u, b = 0u, c = 0u, d = 0u;
    if (FV_EPILOGUE_N > 0u)
        a = FV_LOAD(fv_epi0, FV_EPILOGUE_TYPE0, fv_epilogue_at(i0, i1, i2, i3, base));
    if (FV_EPILOGUE_N > 1u)
        b = FV_LOAD(fv_epi1, FV_EPILOGUE_TYPE1, fv_epilogue_at(i0, i1, i2, i3, base + 5u));
    if (FV_EPILOGUE_N > 2u)
        c = FV_LOAD(fv_epi2, FV_EPILOGUE_TYPE2, fv_epilogue_at(i0, i1, i2, i3, base + 10u));
    if (FV_EPILOGUE_N > 3u)
        d = FV_LOAD(fv_epi3, FV_EPILOGUE_TYPE3, fv_epilogue_at(i0, i1, i2, i3, base + 15u));
    return fx(bits, a, b, c, d, 0u, 0u, 0u, i0, i1, i2, i3);
}

#endif
