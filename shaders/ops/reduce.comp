#version 450
// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reductions over any axes, ArgMax and ArgMin. A work group makes one result, or, where there is
// little to reduce, an invocation does (LANES 1).
#extension GL_GOOGLE_include_directive : require
#include "kernel.glsl"
#define WALK_VIEWS 2
#include "walk.glsl"

layout(local_size_x = 128) in;

INPUT(0, x)
OUTPUT(1, result)
const uint SUM = 0u, MEAN = 1u, MAX = 2u, MIN = 3u, PROD = 4u, L1 = 5u, L2 = 6u, SUM_SQUARE = 7u;
const uint LOG_SUM = 8u, LOG_SUM_EXP = 9u, ARG_MAX = 10u, ARG_MIN = 11u;
OPTION(0, KIND, SUM)
OPTION(1, LANES, 128u)
OPTION(2, LAST, 0u) // ArgMax and ArgMin: of equal elements the last one

const uint W_X = 0u, W_OUT = 1u, W_KEPT = 2u; // walk over the kept axes; one over the reduced

shared uint part[128];
shared uint part_at[128];

bool real()
{
    return fv_is_float(x_type);
}

bool picks()
{
    return KIND == MAX || KIND == MIN || KIND == ARG_MAX || KIND == ARG_MIN;
}

// 1 where b is to be preferred to a, 0 where they are equal. A NaN is preferred to all numbers.
int prefer(uint a, uint b)
{
    int order;
    if (real()) {
        float p = uintBitsToFloat(a), q = uintBitsToFloat(b);
        if (isnan(p) || isnan(q))
            return int(isnan(q)) - int(isnan(p));
        order = int(q > p) - int(q < p);
    } else {
        order = int(int(b) > int(a)) - int(int(b) < int(a));
    }
    return KIND == MIN || KIND == ARG_MIN ? -order : order;
}

// What has been reduced so far: a value and, where a value is picked, its index.
struct Partial {
    uint bits, at;
};
const uint NOWHERE = 0xffffffffu;

Partial join(Partial a, Partial b)
{
    if (picks()) {
        if (a.at == NOWHERE || b.at == NOWHERE)
            return a.at == NOWHERE ? b : a;
        int order = prefer(a.bits, b.bits);
        bool later = LAST != 0u ? b.at > a.at : b.at < a.at;
        return order > 0 || (order == 0 && later) ? b : a;
    }
    if (real()) {
        float p = uintBitsToFloat(a.bits), q = uintBitsToFloat(b.bits);
        return Partial(floatBitsToUint(KIND == PROD ? p * q : p + q), 0u);
    }
    return Partial(KIND == PROD ? a.bits * b.bits : a.bits + b.bits, 0u);
}

Partial nothing()
{
    uint one = real() ? floatBitsToUint(1.0) : 1u;
    return picks() ? Partial(0u, NOWHERE) : Partial(KIND == PROD ? one : 0u, 0u);
}

uint prepare(uint bits, float shift)
{
    float v = uintBitsToFloat(bits);
    if (KIND == L1)
        return real() ? floatBitsToUint(abs(v)) : uint(abs(int(bits)));
    if (KIND == L2 || KIND == SUM_SQUARE)
        return real() ? floatBitsToUint(v * v) : bits * bits;
    if (KIND == LOG_SUM_EXP)
        return floatBitsToUint(exp(v - shift));
    return bits;
}

void finish(int at, Partial p, uint count, float shift)
{
    float v = real() ? uintBitsToFloat(p.bits) : float(int(p.bits));
    if (KIND == MEAN && !real()) {
        PUT_BITS(result, at, uint(int(p.bits) / int(count)));
    } else if (KIND == ARG_MAX || KIND == ARG_MIN) {
        PUT_BITS(result, at, p.at);
    } else if (KIND == MEAN || KIND == L2 || KIND == LOG_SUM || KIND == LOG_SUM_EXP) {
        v = KIND == MEAN ? v / float(count) : KIND == L2 ? sqrt(v) : shift + log(v);
        PUT_REAL(result, at, v);
    } else if (picks() && p.at == NOWHERE) { // nothing to pick from
        float infinity = uintBitsToFloat(KIND == MAX ? 0xff800000u : 0x7f800000u);
        uint limit = KIND == MAX ? 0x80000000u : 0x7fffffffu;
        PUT_BITS(result, at, real() ? floatBitsToUint(infinity) : limit);
    } else {
        PUT_BITS(result, at, p.bits);
    }
}

Partial over_lanes(Partial mine)
{
    if (LANES == 1u)
        return mine;
    uint me = gl_LocalInvocationIndex;
    barrier(); // of an earlier use
    part[me] = mine.bits;
    part_at[me] = mine.at;
    barrier();
    for (uint n = 64u; n > 0u; n /= 2u) {
        if (me < n) {
            mine = join(mine, Partial(part[me + n], part_at[me + n]));
            part[me] = mine.bits;
            part_at[me] = mine.at;
        }
        barrier();
    }
    return Partial(part[0], part_at[0]);
}

// LogSumExp takes the row's maximum out first.
float row_shift(int at_x, uint reduced, uint lane)
{
    float most = uintBitsToFloat(0xff800000u);
    for (uint r = lane; r < P(reduced); r += LANES) {
        int at[2] = int[](at_x, 0);
        walk(reduced, r, at);
        most = max(most, REAL(x, at[0]));
    }
    if (LANES > 1u) {
        part[lane] = floatBitsToUint(most);
        barrier();
        for (uint i = 0u; i < LANES; i++)
            most = max(most, uintBitsToFloat(part[i]));
    }
    return isinf(most) ? 0.0 : most;
}

void main()
{
    uint me = gl_LocalInvocationIndex, lane = LANES == 1u ? 0u : me;
    uint row = LANES == 1u ? fv_group() * 128u + me : fv_group();
    if (row >= P(W_KEPT))
        return;
    int kept[2] = int[](Pi(W_X), Pi(W_OUT));
    walk(W_KEPT, row, kept);
    uint reduced = walk_end(W_KEPT);
    float shift = KIND == LOG_SUM_EXP ? row_shift(kept[0], reduced, lane) : 0.0;
    Partial mine = nothing();
    for (uint r = lane; r < P(reduced); r += LANES) {
        int at[2] = int[](kept[0], 0);
        walk(reduced, r, at);
        mine = join(mine, Partial(prepare(BITS(x, at[0]), shift), r));
    }
    mine = over_lanes(mine);
    if (lane == 0u)
        finish(kept[1], mine, P(reduced), shift);
}
