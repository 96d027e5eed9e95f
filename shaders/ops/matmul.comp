#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// out[z] = alpha a[z] b[z] + beta c[z], any strides. A work group makes one tile of 64x64 from
// slices of 16 that lie in shared memory; each invocation holds 4x4 sums.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "matmul.glsl"

layout(local_size_x_id = 28) in; // SIDE * SIDE

OPTION(1, SIDE, 16u)   // invocations along each side of a tile
OPTION(2, ROWS, 4u)    // of an invocation
OPTION(3, COLUMNS, 4u) // of an invocation
OPTION(5, ROLLED, 0u)  // short code rather than sums in registers: software devices

const uint DEEP = 16u, TILE_M = SIDE * ROWS, TILE_N = SIDE * COLUMNS, LANES = SIDE * SIDE;
shared float tile_a[DEEP][TILE_M + 1u];
shared float tile_b[DEEP][TILE_N + 1u];

// Neighbouring invocations read neighbouring memory, whichever way an operand lies.
void load_tiles(int at_a, int at_b, uint m0, uint n0, uint k0)
{
    uint m_end = P(W_M), n_end = P(W_N), k_end = P(W_K), me = gl_LocalInvocationIndex;
    bool a_deep = P(W_A + 2u) == 1u, b_deep = P(W_B + 1u) == 1u;
    for (uint e = me; e < TILE_M * DEEP; e += LANES) {
        uint i = a_deep ? e / DEEP : e % TILE_M, k = a_deep ? e % DEEP : e / TILE_M;
        float v = 0.0;
        if (m0 + i < m_end && k0 + k < k_end)
            v = REAL(a, element(W_A, at_a, m0 + i, k0 + k));
        tile_a[k][i] = v;
    }
    for (uint e = me; e < TILE_N * DEEP; e += LANES) {
        uint i = b_deep ? e / DEEP : e % TILE_N, k = b_deep ? e % DEEP : e / TILE_N;
        float v = 0.0;
        if (n0 + i < n_end && k0 + k < k_end)
            v = REAL(b, element(W_B, at_b, k0 + k, n0 + i));
        tile_b[k][i] = v;
    }
}

void put_sum(int at[4], uint z, uint m, uint n, float sum)
{
    if (m < P(W_M) && n < P(W_N))
        put(at, z, m, n, sum);
}

void main()
{
    uint tiles_n = (P(W_N) + TILE_N - 1u) / TILE_N, tiles_m = (P(W_M) + TILE_M - 1u) / TILE_M;
    uint group = fv_group(), z = group / (tiles_m * tiles_n);
    if (z >= P(W_BATCH))
        return;
    uint in_z = group - z * tiles_m * tiles_n;
    uint m0 = (in_z / tiles_n) * TILE_M, n0 = (in_z % tiles_n) * TILE_N;
    int at[4];
    batch(z, at);
    uint col = gl_LocalInvocationIndex % SIDE, row = gl_LocalInvocationIndex / SIDE;
    float sum[ROWS * COLUMNS];
    [[unroll]] for (uint i = 0u; i < ROWS * COLUMNS; i++)
        sum[i] = 0.0;
    for (uint k0 = 0u; k0 < P(W_K); k0 += DEEP) {
        load_tiles(at[0], at[1], m0, n0, k0);
        barrier();
        for (uint k = 0u; k < DEEP; k++) {
            float y[COLUMNS];
            [[unroll]] for (uint j = 0u; j < COLUMNS; j++)
                y[j] = tile_b[k][col + SIDE * j];
            [[unroll]] for (uint i = 0u; i < ROWS; i++) {
                float v = tile_a[k][row + SIDE * i];
                [[unroll]] for (uint j = 0u; j < COLUMNS; j++)
                    sum[i * COLUMNS + j] = fma(v, y[j], sum[i * COLUMNS + j]);
            }
        }
        barrier();
    }
    if (ROLLED != 0u) {
        for (uint i = 0u; i < ROWS * COLUMNS; i++)
            put_sum(at, z, m0 + row + SIDE * (i / COLUMNS), n0 + col + SIDE * (i % COLUMNS), sum[i]);
        return;
    }
    [[unroll]] for (uint i = 0u; i < ROWS * COLUMNS; i++)
        put_sum(at, z, m0 + row + SIDE * (i / COLUMNS), n0 + col + SIDE * (i % COLUMNS), sum[i]);
}
