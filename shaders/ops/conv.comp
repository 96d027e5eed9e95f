#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Convolution as a matrix product that is never written down: rows are output positions, columns
// output channels, depth is (kernel row, kernel column, input channel) with the channel running
// fastest, as channels-last maps lie. Tiles as in matmul.comp.
#extension GL_GOOGLE_include_directive : require
#include "conv.glsl"

layout(local_size_x = 256) in;

OPTION(1, COLUMNS, 4u) // of an invocation: 1, 2 or 4; a tile has 16 times as many

const uint TILE = 64u, DEEP = 16u;
const uint TILE_N = 16u * COLUMNS;
shared float tile_x[DEEP][TILE + 1u];
shared float tile_f[DEEP][TILE_N + 1u];

float pixel(ivec3 from, uint k)
{
    uint tap = k / P(W_IN_C);
    int c = int(k - tap * P(W_IN_C));
    int h = from.y + int((tap / P(W_KERNEL_W)) * P(W_DILATE_H));
    int w = from.z + int((tap % P(W_KERNEL_W)) * P(W_DILATE_W));
    if (h < 0 || w < 0 || h >= Pi(W_IN_H) || w >= Pi(W_IN_W))
        return 0.0;
    return REAL(x, from.x + c * Pi(W_X_C) + h * Pi(W_X_H) + w * Pi(W_X_W));
}

float filter_at(uint n, uint k)
{
    uint tap = k / P(W_IN_C);
    return REAL(weight, Pi(W_F) + int(n) * Pi(W_F_O) + int(k - tap * P(W_IN_C)) * Pi(W_F_C) +
                        int(tap / P(W_KERNEL_W)) * Pi(W_F_H) + int(tap % P(W_KERNEL_W)) * Pi(W_F_W));
}

// Output position m as image, row, column.
uvec3 position(uint m)
{
    uint r = m / P(W_W), n = r / P(W_H);
    return uvec3(n, r - n * P(W_H), m - r * P(W_W));
}

void load_tiles(ivec3 from[4], uint rows, uint m0, uint n0, uint k0)
{
    uint me = gl_LocalInvocationIndex, depth = P(W_IN_C) * P(W_KERNEL_H) * P(W_KERNEL_W);
    uint k = k0 + me % DEEP;
    for (uint i = 0u; i < 4u; i++) {
        uint row = me / DEEP + 16u * i;
        float v = 0.0;
        if (m0 + row < rows && k < depth)
            v = pixel(from[i], k);
        tile_x[me % DEEP][row] = v;
    }
    for (uint e = me; e < TILE_N * DEEP; e += 256u) {
        uint n = n0 + e % TILE_N, kk = k0 + e / TILE_N;
        float v = 0.0;
        if (n < P(W_C) && kk < depth)
            v = filter_at(n, kk);
        tile_f[e / TILE_N][e % TILE_N] = v;
    }
}

void main()
{
    uint rows = P(W_N) * P(W_H) * P(W_W), depth = P(W_IN_C) * P(W_KERNEL_H) * P(W_KERNEL_W);
    uint tiles_n = (P(W_C) + TILE_N - 1u) / TILE_N, group = fv_group();
    uint m0 = (group / tiles_n) * TILE, n0 = (group % tiles_n) * TILE_N;
    if (m0 >= rows)
        return;
    uint col = gl_LocalInvocationIndex % 16u, row = gl_LocalInvocationIndex / 16u;
    ivec3 from[4]; // first pixel of the four rows that this invocation loads
    vec4 sum[4];
    for (uint i = 0u; i < 4u; i++) {
        uvec3 p = position(m0 + row + 16u * i);
        from[i] = ivec3(Pi(W_X) + int(p.x) * Pi(W_X_N), int(p.y * P(W_STEP_H)) - Pi(W_PAD_H),
                        int(p.z * P(W_STEP_W)) - Pi(W_PAD_W));
        sum[i] = vec4(0.0);
    }
    for (uint k0 = 0u; k0 < depth; k0 += DEEP) {
        load_tiles(from, rows, m0, n0, k0);
        barrier();
        for (uint k = 0u; k < DEEP; k++) {
            vec4 y = vec4(0.0);
            for (uint j = 0u; j < COLUMNS; j++)
                y[j] = tile_f[k][col + 16u * j];
            for (uint i = 0u; i < 4u; i++)
                sum[i] = fma(vec4(tile_x[k][row + 16u * i]), y, sum[i]);
        }
        barrier();
    }
    for (uint i = 0u; i < 4u; i++) {
        uint m = m0 + row + 16u * i;
        uvec3 p = position(m);
        for (uint j = 0u; j < COLUMNS; j++) {
            uint n = n0 + col + 16u * j;
            if (m < rows && n < P(W_C))
                put(p.x, n, p.y, p.z, sum[i][j]);
        }
    }
}
