#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// TopK, a work group a row. Every element becomes a 64-bit rank, unique in its row: the value in an
// order-keeping unsigned form, then the index, lower first. Rows that fit are sorted in shared
// memory; in longer ones the k-th rank is found byte by byte with a histogram (SELECT), and what lies
// above it is collected and sorted.
#extension GL_GOOGLE_include_directive : require
#include "topk.glsl"

layout(local_size_x = 256) in;

OPTION(3, SIZE, 1024u) // what is sorted: a power of two
OPTION(4, SELECT, 0u)

shared uint key[SIZE];   // larger is better
shared uint place[SIZE]; // index, inverted
shared uint histogram[256];
shared uint chosen, wanted, taken;

bool above(uint a, uint b)
{
    return key[a] > key[b] || (key[a] == key[b] && place[a] > place[b]);
}

void swap(uint a, uint b)
{
    uint t = key[a];
    key[a] = key[b];
    key[b] = t;
    t = place[a];
    place[a] = place[b];
    place[b] = t;
}

// Bitonic, best first.
void sort_shared()
{
    for (uint block = 2u; block <= SIZE; block *= 2u) {
        for (uint gap = block / 2u; gap > 0u; gap /= 2u) {
            barrier();
            for (uint e = gl_LocalInvocationIndex; e < SIZE / 2u; e += 256u) {
                uint a = 2u * e - (e & (gap - 1u)), b = a + gap;
                bool falling = (a & block) == 0u;
                if (falling ? above(b, a) : above(a, b))
                    swap(a, b);
            }
        }
    }
    barrier();
}

// The k-th rank of the row, one byte a pass from the top: four of the key, four of the index.
uvec2 kth_rank(int at, uint length, uint k)
{
    uint me = gl_LocalInvocationIndex;
    uvec2 rank = uvec2(0u), mask = uvec2(0u);
    uint left = k;
    for (uint pass = 0u; pass < 8u; pass++) {
        uint half_at = pass / 4u, shift = 24u - 8u * (pass % 4u);
        histogram[me] = 0u;
        barrier();
        for (uint i = me; i < length; i += 256u) {
            uvec2 r = uvec2(key_of(at + int(i) * Pi(W_X_STEP)), ~i);
            if (all(equal(r & mask, rank)))
                atomicAdd(histogram[(r[half_at] >> shift) & 255u], 1u);
        }
        barrier();
        if (me == 0u) {
            uint bin = 255u, need = left;
            while (bin > 0u && histogram[bin] < need)
                need -= histogram[bin--];
            chosen = bin;
            wanted = need;
        }
        barrier();
        rank[half_at] |= chosen << shift;
        mask[half_at] |= 255u << shift;
        left = wanted;
        barrier();
    }
    return rank;
}

void collect(int at, uint length, uint k)
{
    uint me = gl_LocalInvocationIndex;
    for (uint e = me; e < SIZE; e += 256u) {
        key[e] = 0u;
        place[e] = 0u;
        if (SELECT == 0u && e < length) {
            key[e] = key_of(at + int(e) * Pi(W_X_STEP));
            place[e] = ~e;
        }
    }
    if (SELECT == 0u)
        return;
    uvec2 last = kth_rank(at, length, k);
    if (me == 0u)
        taken = 0u;
    barrier();
    for (uint i = me; i < length; i += 256u) {
        uint v = key_of(at + int(i) * Pi(W_X_STEP));
        if (v > last.x || (v == last.x && ~i >= last.y)) {
            uint slot = atomicAdd(taken, 1u);
            if (slot < SIZE) {
                key[slot] = v;
                place[slot] = ~i;
            }
        }
    }
}

void main()
{
    if (fv_group() >= P(W_ROWS))
        return;
    int at[3] = int[](Pi(W_X), Pi(W_VALUES), Pi(W_INDICES));
    walk(W_ROWS, fv_group(), at);
    collect(at[0], P(W_LENGTH), P(W_K));
    sort_shared();
    for (uint e = gl_LocalInvocationIndex; e < P(W_K); e += 256u)
        put(at, e, ~place[e]);
}
