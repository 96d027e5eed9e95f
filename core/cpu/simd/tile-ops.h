/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/simd/tile-ops.h: vector-friendly functions of one f32. Errors are against the double result.
 */
#pragma once

#include <math.h>
#include <string.h>

static inline float bits_float(int bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline int float_bits(float f)
{
    int bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* exp(x), below 2 ulp; 0 and inf beyond the range of f32. Cody-Waite reduction by ln 2, then the
 * Taylor polynomial of degree 7 on |r| <= ln2/2. 2^n is applied in two halves, for subnormals. */
static inline float fast_exp(float x)
{
    float c = x < -104.0f ? -104.0f : x;
    c = c > 89.0f ? 89.0f : c;
    float n = (c * 1.44269504f + 12582912.0f) - 12582912.0f;
    float r = c - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    float p = 1.98412698e-4f;
    p = p * r + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    /* NaN stays NaN through p; the conversion below must not see it. */
    int whole = (int)(n == n ? n : 0.0f), half = whole >> 1;
    return p * bits_float((half + 127) << 23) * bits_float((whole - half + 127) << 23);
}

/* 1 / (1 + exp(-x)) */
static inline float fast_sigmoid(float x)
{
    return 1.0f / (1.0f + fast_exp(-x));
}

/* tanh(x): an odd polynomial near 0 (where 1 - 2/(e^2x + 1) cancels), below 3e-7 absolute. */
static inline float fast_tanh(float x)
{
    float a = fabsf(x), x2 = x * x;
    float near = x * (1.0f + x2 * (-0.333333333f + x2 * (0.133333333f + x2 * -0.0539682540f)));
    float t = 1.0f - 2.0f / (fast_exp(2.0f * a) + 1.0f);
    float far = x < 0.0f ? -t : t;
    float r = a < 0.15f ? near : far;
    return x != x ? x : r;
}

/* erf(x), below 1.5e-7 absolute. Source: Abramowitz and Stegun, 7.1.26; near 0 the Maclaurin
 * series, for the relative error. */
static inline float fast_erf(float x)
{
    float a = fabsf(x), x2 = x * x;
    float t = 1.0f / (1.0f + 0.3275911f * a);
    float p = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t +
               0.254829592f) *
              t;
    float far = 1.0f - p * fast_exp(-x2);
    far = x < 0.0f ? -far : far;
    float near = x * (1.128379167f +
                      x2 * (-0.376126389f +
                            x2 * (0.112837917f + x2 * (-0.0268661706f + x2 * 0.00522397762f))));
    float r = a < 0.4f ? near : far;
    return x != x ? x : r;
}

/* log(x), below 2 ulp for normal x; -inf for 0, NaN below. The mantissa is brought to
 * sqrt(1/2)..sqrt(2), then log(m) = 2 atanh((m - 1) / (m + 1)) as a series. */
static inline float fast_log(float x)
{
    int tiny = x < 1.17549435e-38f;
    float y = tiny ? x * 8388608.0f : x;
    unsigned bits = (unsigned)float_bits(y), shifted = bits - 0x3f3504f3u;
    int exponent = (int)shifted >> 23;
    float m = bits_float((int)(bits - ((unsigned)exponent << 23)));
    float e = (float)exponent - (tiny ? 23.0f : 0.0f);
    float s = (m - 1.0f) / (m + 1.0f), s2 = s * s;
    float p = 2.0f * s *
              (1.0f + s2 * (0.333333333f + s2 * (0.2f + s2 * (0.142857143f + s2 * 0.111111111f))));
    float r = e * 0.693147181f + p;
    r = x == 0.0f ? -INFINITY : r;
    r = x < 0.0f ? NAN : r;
    r = x == INFINITY ? INFINITY : r;
    return x != x ? x : r;
}
