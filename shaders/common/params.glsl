// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Parameter words of a dispatch. Steps with fixed shapes carry them as push constants; the others,
// and those with more than 32 words, read them from a small buffer of the session. P(i) is word i.
#ifndef FV_PARAMS_GLSL
#define FV_PARAMS_GLSL

layout(constant_id = 0) const uint FV_WORDS_IN_BUFFER = 0;

layout(push_constant) uniform FvPush {
    uint w[32];
} fv_push;

layout(set = 1, binding = 0) readonly buffer FvWords {
    uint w[];
} fv_words;

uint P(uint i)
{
    if (FV_WORDS_IN_BUFFER != 0u)
        return fv_words.w[fv_push.w[0] + i];
    return fv_push.w[i & 31u];
}

int Pi(uint i)
{
    return int(P(i));
}

float Pf(uint i)
{
    return uintBitsToFloat(P(i));
}

// Number of this work group among those that fovea_vk_groups() asked for; may be past the last one.
uint fv_group()
{
    return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
}

#endif
