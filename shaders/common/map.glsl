// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Element i of a feature map with these sizes (n, c, h, w) as a position, in the order in which the
// map lies: neighbouring invocations take neighbouring memory.
#ifndef FV_MAP_GLSL
#define FV_MAP_GLSL

uvec4 map_position(uint i, uvec4 size, bool channels_last)
{
    uint r, q;
    if (channels_last) {
        r = i / size.y;
        q = r / size.w;
        uint n = q / size.z;
        return uvec4(n, i - r * size.y, q - n * size.z, r - q * size.w);
    }
    r = i / size.w;
    q = r / size.z;
    uint n = q / size.y;
    return uvec4(n, q - n * size.y, r - q * size.z, i - r * size.w);
}

#endif
