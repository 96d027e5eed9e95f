// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where a grid in -1..1 points to in a map, step by step as core/ops/gridsample.c does it: what
// GridSample and DeformableAttention share. The shader declares OPTIONs PADDING and CORNERS before.
#ifndef FV_SAMPLING_GLSL
#define FV_SAMPLING_GLSL

const uint LINEAR = 0u, NEAREST = 1u, CUBIC = 2u;
const uint ZEROS = 0u, BORDER = 1u, REFLECTION = 2u;

// Mirrored into low..high.
float mirrored(float p, float low, float high)
{
    float range = high - low;
    if (range <= 0.0)
        return low;
    float from = mod(abs(p - low), 2.0 * range);
    return low + (from > range ? 2.0 * range - from : from);
}

// Element places along an axis of n elements. A NaN counts as far outside.
float grid_place(float coordinate, int n, uint padding, uint corners, bool nearest)
{
    float low = corners != 0u ? 0.0 : -0.5, size = float(n);
    float p = corners != 0u ? (coordinate + 1.0) * 0.5 * (size - 1.0)
                            : ((coordinate + 1.0) * size - 1.0) * 0.5;
    p = abs(p) < 1e9 ? p : p > 0.0 ? 1e9 : -1e9;
    if (nearest)
        p = roundEven(p);
    if (padding == ZEROS || (p >= low && p <= size - 1.0 - low))
        return p;
    return padding == BORDER ? clamp(p, 0.0, size - 1.0) : mirrored(p, low, size - 1.0 - low);
}

// A whole place by the padding mode: 0..n-1, or -1 for one that reads as zero.
int grid_fold(int at, int n, uint padding, uint corners)
{
    if (at >= 0 && at < n)
        return at;
    if (padding == ZEROS || n < 1)
        return -1;
    float low = corners != 0u ? 0.0 : -0.5;
    if (padding == REFLECTION)
        at = int(mirrored(float(at), low, float(n) - 1.0 - low));
    return clamp(at, 0, n - 1);
}

#endif
