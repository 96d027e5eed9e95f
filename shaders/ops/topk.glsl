// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// What topk.comp and topk-count.comp share: bindings, words, the order of elements.
#include "kernel.glsl"
#define WALK_VIEWS 3
#include "walk.glsl"


INPUT(0, x)
OUTPUT(1, values)
OUTPUT(2, indices)
OPTION(0, SMALLEST, 0u)
OPTION(1, HAS_VALUES, 1u)
OPTION(2, HAS_INDICES, 1u)

const uint W_X = 0u, W_X_STEP = 1u, W_VALUES = 2u, W_VALUES_STEP = 3u, W_INDICES = 4u;
const uint W_INDICES_STEP = 5u, W_LENGTH = 6u, W_K = 7u;
const uint W_ROWS = 8u; // walk over the rows

uint key_of(int at)
{
    uint bits = BITS(x, at);
    if (fv_is_float(x_type)) {
        bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        if (bits == 0x80000000u)
            bits = 0u; // -0 ties with 0
        bits = nan ? 0xffffffffu : (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
    } else if (x_type == FV_I32 || x_type == FV_I8) {
        bits ^= 0x80000000u;
    }
    return SMALLEST != 0u ? ~bits : bits;
}

// Element i of the row is number `rank` of the result.
void put(int at[3], uint rank, uint i)
{
    if (HAS_VALUES != 0u)
        PUT_BITS(values, at[1] + int(rank) * Pi(W_VALUES_STEP),
                 BITS(x, at[0] + int(i) * Pi(W_X_STEP)));
    if (HAS_INDICES != 0u)
        PUT_BITS(indices, at[2] + int(rank) * Pi(W_INDICES_STEP), i);
}
