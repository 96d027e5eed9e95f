// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// What conv.comp and conv-direct.comp share. Maps of one dimension have a height of 1.
#extension GL_GOOGLE_include_directive : require
#define FV_EPILOGUE_BINDING 4
#include "kernel.glsl"
#include "epilogue.glsl"

INPUT(0, x)
INPUT(1, weight)
INPUT(2, bias)
OUTPUT(3, result)
OPTION(0, HAS_BIAS, 0u)

const uint W_N = 0u, W_C = 1u, W_H = 2u, W_W = 3u;            // of the result
const uint W_IN_C = 4u, W_IN_H = 5u, W_IN_W = 6u;             // channels of one group
const uint W_KERNEL_H = 7u, W_KERNEL_W = 8u;
const uint W_STEP_H = 9u, W_STEP_W = 10u, W_PAD_H = 11u, W_PAD_W = 12u;
const uint W_DILATE_H = 13u, W_DILATE_W = 14u, W_GROUPS = 15u;
const uint W_X = 16u, W_X_N = 17u, W_X_C = 18u, W_X_H = 19u, W_X_W = 20u;
const uint W_F = 21u, W_F_O = 22u, W_F_C = 23u, W_F_H = 24u, W_F_W = 25u; // weight
const uint W_BIAS = 26u, W_BIAS_C = 27u;
const uint W_OUT = 28u, W_OUT_N = 29u, W_OUT_C = 30u, W_OUT_H = 31u, W_OUT_W = 32u;
const uint W_EPILOGUE = 33u;

void put(uint n, uint c, uint h, uint w, float sum)
{
    if (HAS_BIAS != 0u)
        sum += REAL(bias, Pi(W_BIAS) + int(c) * Pi(W_BIAS_C));
    uint bits = fv_epilogue(floatBitsToUint(sum), n, c, h, w, W_EPILOGUE);
    PUT_BITS(result, Pi(W_OUT) + int(n) * Pi(W_OUT_N) + int(c) * Pi(W_OUT_C) +
                     int(h) * Pi(W_OUT_H) + int(w) * Pi(W_OUT_W), bits);
}
