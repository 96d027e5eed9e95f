// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// What matmul.comp and gemv.comp share: bindings, words, and how a result is put.
#extension GL_GOOGLE_include_directive : require
#define FV_EPILOGUE_BINDING 4
#include "kernel.glsl"
#include "epilogue.glsl"
#define WALK_VIEWS 4
#include "walk.glsl"

INPUT(0, a)
INPUT(1, b)
INPUT(2, c)
OUTPUT(3, result)
OPTION(0, HAS_C, 0u)

const uint W_M = 0u, W_N = 1u, W_K = 2u, W_ALPHA = 3u, W_BETA = 4u;
// each: offset, stride along rows, along columns
const uint W_A = 5u, W_B = 8u, W_C = 11u, W_OUT = 14u;
// What the epilogue sees: rows of one batch entry, size of the last batch axis
const uint W_ROWS = 17u, W_INNER = 18u;
const uint W_BATCH = 19u; // walk over the batch; views a, b, c, result

int element(uint word, int at, uint row, uint column)
{
    return at + int(row) * Pi(word + 1u) + int(column) * Pi(word + 2u);
}

// Where batch entry z begins in the four buffers.
void batch(uint z, out int at[4])
{
    at = int[](Pi(W_A), Pi(W_B), Pi(W_C), Pi(W_OUT));
    walk(W_BATCH, z, at);
}

void put(int at[4], uint z, uint m, uint n, float sum)
{
    sum *= Pf(W_ALPHA);
    if (HAS_C != 0u)
        sum += Pf(W_BETA) * REAL(c, element(W_C, at[2], m, n));
    uint rows = P(W_ROWS), entry = z * (P(W_M) / rows) + m / rows, inner = P(W_INNER);
    uint bits = fv_epilogue(floatBitsToUint(sum), entry / inner, entry % inner, m % rows, n,
                            walk_end(W_BATCH));
    PUT_BITS(result, element(W_OUT, at[3], m, n), bits);
}
