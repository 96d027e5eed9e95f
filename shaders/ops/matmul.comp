#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// out[z] = alpha a[z] b[z] + beta c[z], any strides. A work group makes one tile of 64x64 from
// slices of 16 that lie in shared memory; each invocation holds 4x4 sums.
#extension GL_GOOGLE_include_directive : require
#include "matmul.glsl"

layout(local_size_x = 256) in;

OPTION(1, COLUMNS, 4u) // of an invocation: 1, 2 or 4; a tile has 16 times as many

const uint TILE = 64u, DEEP = 16u;
const uint TILE_N = 16u * COLUMNS;
shared float tile_a[DEEP][TILE + 1u];
shared float tile_b[DEEP][TILE_N + 1u];

// Neighbouring invocations read neighbouring memory, whichever way an operand lies.
void load_tiles(int at_a, int at_b, uint m0, uint n0, uint k0)
{
    uint m_end = P(W_M), n_end = P(W_N), k_end = P(W_K), me = gl_LocalInvocationIndex;
    bool a_deep = P(W_A + 2u) == 1u, b_deep = P(W_B + 1u) == 1u;
    for (uint e = me; e < TILE * DEEP; e += 256u) {
        uint i = a_deep ? e / DEEP : e % TILE, k = a_deep ? e % DEEP : e / TILE;
        float v = 0.0;
        if (m0 + i < m_end && k0 + k < k_end)
            v = REAL(a, element(W_A, at_a, m0 + i, k0 + k));
        tile_a[k][i] = v;
    }
    for (uint e = me; e < TILE_N * DEEP; e += 256u) {
        uint i = b_deep ? e / DEEP : e % TILE_N, k = b_deep ? e % DEEP : e / TILE_N;
        float v = 0.0;
        if (n0 + i < n_end && k0 + k < k_end)
            v = REAL(b, element(W_B, at_b, k0 + k, n0 + i));
        tile_b[k][i] = v;
    }
}

void main()
{
    uint tiles_n = (P(W_N) + TILE_N - 1u) / TILE_N, tiles_m = (P(W_M) + TILE - 1u) / TILE;
    uint group = fv_group(), z = group / (tiles_m * tiles_n);
    if (z >= P(W_BATCH))
        return;
    uint in_z = group - z * tiles_m * tiles_n;
    uint m0 = (in_z / tiles_n) * TILE, n0 = (in_z % tiles_n) * TILE_N;
    int at[4];
    batch(z, at);
    uint col = gl_LocalInvocationIndex % 16u, row = gl_LocalInvocationIndex / 16u;
    vec4 sum[4] = vec4[](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
    for (uint k0 = 0u; k0 < P(W_K); k0 += DEEP) {
        load_tiles(at[0], at[1], m0, n0, k0);
        barrier();
        for (uint k = 0u; k < DEEP; k++) {
            vec4 y = vec4(0.0);
            for (uint j = 0u; j < COLUMNS; j++)
                y[j] = tile_b[k][col + 16u * j];
            for (uint i = 0u; i < 4u; i++)
                sum[i] = fma(vec4(tile_a[k][row + 16u * i]), y, sum[i]);
        }
        barrier();
    }
    for (uint i = 0u; i < 4u; i++) {
        for (uint j = 0u; j < COLUMNS; j++) {
            uint m = m0 + row + 16u * i, n = n0 + col + 16u * j;
            if (m < P(W_M) && n < P(W_N))
                put(at, z, m, n, sum[i][j]);
        }
    }
}
