#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Convolution as a matrix product that is never written down: rows are output positions, columns
// output channels, depth is (kernel row, kernel column, input channel) with the channel running
// fastest, as channels-last maps lie. Tiles as in matmul.comp.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "conv.glsl"

layout(local_size_x_id = 28) in; // SIDE * SIDE

OPTION(1, SIDE, 16u)   // invocations along each side of a tile
OPTION(2, ROWS, 4u)    // of an invocation
OPTION(3, COLUMNS, 4u) // of an invocation
OPTION(5, ROLLED, 0u)  // short code rather than sums in registers: software devices
OPTION(6, PACKED, 0u)  // weights lie as [depth][output channel]

const uint DEEP = 16u, TILE_M = SIDE * ROWS, TILE_N = SIDE * COLUMNS, LANES = SIDE * SIDE;
shared float tile_x[DEEP][TILE_M + 1u];
shared float tile_f[DEEP][TILE_N + 1u];

// What a place in the depth means: channel, and how far its tap is from the first.
ivec3 tap_of(uint k)
{
    uint tap = k / P(W_IN_C), row = tap / P(W_KERNEL_W);
    return ivec3(k - tap * P(W_IN_C), row * P(W_DILATE_H),
                 (tap - row * P(W_KERNEL_W)) * P(W_DILATE_W));
}

float pixel(ivec3 from, ivec3 tap)
{
    int h = from.y + tap.y, w = from.z + tap.z;
    if (h < 0 || w < 0 || h >= Pi(W_IN_H) || w >= Pi(W_IN_W))
        return 0.0;
    return REAL(x, from.x + tap.x * Pi(W_X_C) + h * Pi(W_X_H) + w * Pi(W_X_W));
}

float filter_at(uint n, uint k)
{
    if (PACKED != 0u)
        return REAL(weight, k * P(W_C) + n);
    uint tap = k / P(W_IN_C), row = tap / P(W_KERNEL_W);
    return REAL(weight, Pi(W_F) + int(n) * Pi(W_F_O) + int(k - tap * P(W_IN_C)) * Pi(W_F_C) +
                        int(row) * Pi(W_F_H) + int(tap - row * P(W_KERNEL_W)) * Pi(W_F_W));
}

// Output position m as image, row, column.
uvec3 position(uint m)
{
    uint r = m / P(W_W), n = r / P(W_H);
    return uvec3(n, r - n * P(W_H), m - r * P(W_W));
}

// First pixel of each row of the tile: image, row, column.
shared int first_x[TILE_M];
shared int first_h[TILE_M];
shared int first_w[TILE_M];

void find_rows(uint m0)
{
    for (uint i = gl_LocalInvocationIndex; i < TILE_M; i += LANES) {
        uvec3 p = position(m0 + i);
        first_x[i] = Pi(W_X) + int(p.x) * Pi(W_X_N);
        first_h[i] = int(p.y * P(W_STEP_H)) - Pi(W_PAD_H);
        first_w[i] = int(p.z * P(W_STEP_W)) - Pi(W_PAD_W);
    }
    barrier();
}

void load_tiles(uint rows, uint depth, uint m0, uint n0, uint k0)
{
    uint me = gl_LocalInvocationIndex, k = k0 + me % DEEP;
    ivec3 tap = tap_of(k);
    for (uint row = me / DEEP; row < TILE_M; row += LANES / DEEP) {
        float v = 0.0;
        if (m0 + row < rows && k < depth)
            v = pixel(ivec3(first_x[row], first_h[row], first_w[row]), tap);
        tile_x[me % DEEP][row] = v;
    }
    for (uint e = me; e < TILE_N * DEEP; e += LANES) {
        uint n = n0 + e % TILE_N, kk = k0 + e / TILE_N;
        float v = 0.0;
        if (n < P(W_C) && kk < depth)
            v = filter_at(n, kk);
        tile_f[e / TILE_N][e % TILE_N] = v;
    }
}

void put_sum(uint m, uint n, uint rows, float sum)
{
    if (m >= rows || n >= P(W_C))
        return;
    uvec3 p = position(m);
    put(p.x, n, p.y, p.z, sum);
}

void main()
{
    uint rows = P(W_N) * P(W_H) * P(W_W), depth = P(W_IN_C) * P(W_KERNEL_H) * P(W_KERNEL_W);
    uint tiles_n = (P(W_C) + TILE_N - 1u) / TILE_N, group = fv_group();
    uint m0 = (group / tiles_n) * TILE_M, n0 = (group % tiles_n) * TILE_N;
    if (m0 >= rows)
        return;
    uint me = gl_LocalInvocationIndex, col = me % SIDE, row = me / SIDE;
    find_rows(m0);
    float sum[ROWS * COLUMNS];
    [[unroll]] for (uint i = 0u; i < ROWS * COLUMNS; i++)
        sum[i] = 0.0;
    for (uint k0 = 0u; k0 < depth; k0 += DEEP) {
        load_tiles(rows, depth, m0, n0, k0);
        barrier();
        for (uint k = 0u; k < DEEP; k++) {
            float y[COLUMNS];
            [[unroll]] for (uint j = 0u; j < COLUMNS; j++)
                y[j] = tile_f[k][col + SIDE * j];
            [[unroll]] for (uint i = 0u; i < ROWS; i++) {
                float v = tile_x[k][row + SIDE * i];
                [[unroll]] for (uint j = 0u; j < COLUMNS; j++)
                    sum[i * COLUMNS + j] = fma(v, y[j], sum[i * COLUMNS + j]);
            }
        }
        barrier();
    }
    if (ROLLED != 0u) {
        for (uint i = 0u; i < ROWS * COLUMNS; i++)
            put_sum(m0 + row + SIDE * (i / COLUMNS), n0 + col + SIDE * (i % COLUMNS), rows, sum[i]);
        return;
    }
    [[unroll]] for (uint i = 0u; i < ROWS * COLUMNS; i++)
        put_sum(m0 + row + SIDE * (i / COLUMNS), n0 + col + SIDE * (i % COLUMNS), rows, sum[i]);
}
