// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// A linear index as positions in WALK_VIEWS strided views. The words of a walk (made by
// fovea_vk_walk_words): number of elements, rank, dims, then for each view its strides.
#ifndef FV_WALK_GLSL
#define FV_WALK_GLSL

void walk(uint word, uint i, inout int at[WALK_VIEWS])
{
    uint rank = P(word + 1u);
    for (uint d = rank; d-- > 0u;) {
        uint n = P(word + 2u + d), q = d > 0u ? i / n : 0u;
        int c = int(i - q * n);
        i = q;
        for (uint v = 0u; v < uint(WALK_VIEWS); v++)
            at[v] += c * Pi(word + 2u + rank * (1u + v) + d);
    }
}

// First word after the walk.
uint walk_end(uint word)
{
    return word + 2u + P(word + 1u) * uint(1 + WALK_VIEWS);
}

#endif
