#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// matmul.comp's work where the rows are few (one step of a decoder). 256 invocations share 64
// columns of one row, or 16 where what lies together in memory is the depth.
#extension GL_GOOGLE_include_directive : require
#include "matmul.glsl"

layout(local_size_x = 256) in;

shared float part[256];

void main()
{
    uint me = gl_LocalInvocationIndex;
    bool deep = P(W_B + 1u) == 1u;
    uint columns = deep ? 16u : 64u, slices = 256u / columns;
    uint column = deep ? me / slices : me % columns, slice = deep ? me % slices : me / columns;
    uint groups = (P(W_N) + columns - 1u) / columns, group = fv_group();
    uint n = (group % groups) * columns + column, row = group / groups;
    uint m = row % P(W_M), z = row / P(W_M);
    if (z >= P(W_BATCH))
        return;
    int at[4];
    batch(z, at);
    float sum = 0.0;
    if (n < P(W_N)) {
        for (uint k = slice; k < P(W_K); k += slices)
            sum = fma(REAL(a, element(W_A, at[0], m, k)), REAL(b, element(W_B, at[1], k, n)), sum);
    }
    part[me] = sum;
    barrier();
    if (slice != 0u || n >= P(W_N))
        return;
    for (uint s = 1u; s < slices; s++)
        sum += part[deep ? me + s : me + s * columns];
    put(at, z, m, n, sum);
}
