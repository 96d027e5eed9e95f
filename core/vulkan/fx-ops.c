/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/fx-ops.c: SPIR-V of each scalar operation.
 *
 * Where Vulkan's precision rules are too loose (sin, cos and atan may be wrong by 2^-11) or leave
 * cases open (NaN in min, division by zero, powers of negative numbers), the operation is built
 * from basic ones. The polynomials are least-maximum fits of our own. NaN and infinity are found
 * from the bits, which holds under any fast-math rule of a driver.
 */
#include <math.h>

#include "vulkan/fx-spirv.h"

enum {
    OP_EXT_INST = 12,
    OP_CONVERT_F_TO_S = 110,
    OP_CONVERT_S_TO_F = 111,
    OP_BITCAST = 124,
    OP_SNEGATE = 126,
    OP_FNEGATE = 127,
    OP_IADD = 128,
    OP_FADD = 129,
    OP_ISUB = 130,
    OP_FSUB = 131,
    OP_IMUL = 132,
    OP_FMUL = 133,
    OP_SDIV = 135,
    OP_FDIV = 136,
    OP_SREM = 138,
    OP_LOGICAL_EQUAL = 164,
    OP_LOGICAL_NOT_EQUAL = 165,
    OP_LOGICAL_OR = 166,
    OP_LOGICAL_AND = 167,
    OP_LOGICAL_NOT = 168,
    OP_SELECT = 169,
    OP_IEQUAL = 170,
    OP_INOT_EQUAL = 171,
    OP_UGREATER = 172,
    OP_SLESS = 177,
    OP_SLESS_EQUAL = 179,
    OP_FEQUAL = 180,
    OP_FNOT_EQUAL = 183, /* unordered: TRUE for NaN */
    OP_FLESS = 184,
    OP_FLESS_EQUAL = 188,
    OP_SHIFT_RIGHT = 194,
    OP_SHIFT_LEFT = 196,
    OP_BIT_OR = 197,
    OP_BIT_XOR = 198,
    OP_BIT_AND = 199,
    OP_NOT = 200,
    OP_BIT_FIELD_S_EXTRACT = 202,
};

/* GLSL.std.450 */
enum {
    GL_ROUND_EVEN = 2,
    GL_TRUNC = 3,
    GL_FABS = 4,
    GL_SABS = 5,
    GL_FSIGN = 6,
    GL_SSIGN = 7,
    GL_FLOOR = 8,
    GL_CEIL = 9,
    GL_EXP = 27,
    GL_LOG = 28,
    GL_EXP2 = 29,
    GL_LOG2 = 30,
    GL_SQRT = 31,
    GL_FMIN = 37,
    GL_SMIN = 39,
    GL_FMAX = 40,
    GL_SMAX = 42,
};

typedef guint32 Id;

static Id cf(FoveaVkFx *to, float value)
{
    guint32 bits;
    memcpy(&bits, &value, sizeof bits);
    return fovea_vk_fx_const(to, to->t_float, bits);
}

static Id ci(FoveaVkFx *to, gint32 value)
{
    return fovea_vk_fx_const(to, to->t_int, (guint32)value);
}

static Id op1(FoveaVkFx *to, guint16 op, guint32 type, Id a)
{
    return fovea_vk_fx_emit(to, op, type, 1, &a);
}

static Id op2(FoveaVkFx *to, guint16 op, guint32 type, Id a, Id b)
{
    return fovea_vk_fx_emit(to, op, type, 2, (Id[]){a, b});
}

static Id choose(FoveaVkFx *to, guint32 type, Id condition, Id yes, Id no)
{
    return fovea_vk_fx_emit(to, OP_SELECT, type, 3, (Id[]){condition, yes, no});
}

static Id ext1(FoveaVkFx *to, guint32 what, guint32 type, Id a)
{
    return fovea_vk_fx_emit(to, OP_EXT_INST, type, 3, (Id[]){to->ext, what, a});
}

static Id ext2(FoveaVkFx *to, guint32 what, guint32 type, Id a, Id b)
{
    return fovea_vk_fx_emit(to, OP_EXT_INST, type, 4, (Id[]){to->ext, what, a, b});
}

static Id add(FoveaVkFx *to, Id a, Id b)
{
    return op2(to, OP_FADD, to->t_float, a, b);
}

static Id sub(FoveaVkFx *to, Id a, Id b)
{
    return op2(to, OP_FSUB, to->t_float, a, b);
}

static Id mul(FoveaVkFx *to, Id a, Id b)
{
    return op2(to, OP_FMUL, to->t_float, a, b);
}

static Id divide(FoveaVkFx *to, Id a, Id b)
{
    return op2(to, OP_FDIV, to->t_float, a, b);
}

static Id less(FoveaVkFx *to, Id a, Id b)
{
    return op2(to, OP_FLESS, to->t_bool, a, b);
}

static Id fabs_of(FoveaVkFx *to, Id a)
{
    return ext1(to, GL_FABS, to->t_float, a);
}

static Id pick(FoveaVkFx *to, Id condition, Id yes, Id no)
{
    return choose(to, to->t_float, condition, yes, no);
}

/* c[0] + c[1] x + ... */
static Id poly(FoveaVkFx *to, Id x, guint n, const float *c)
{
    Id r = cf(to, c[n - 1]);
    for (guint k = n - 1; k-- > 0;)
        r = add(to, mul(to, r, x), cf(to, c[k]));
    return r;
}

/* The bits of a without its sign, as an unsigned number. */
static Id magnitude(FoveaVkFx *to, Id a)
{
    return op2(to, OP_BIT_AND, to->t_uint, op1(to, OP_BITCAST, to->t_uint, a),
               fovea_vk_fx_const(to, to->t_uint, 0x7fffffff));
}

static Id is_nan(FoveaVkFx *to, Id a)
{
    return op2(to, OP_UGREATER, to->t_bool, magnitude(to, a),
               fovea_vk_fx_const(to, to->t_uint, 0x7f800000));
}

static Id is_inf(FoveaVkFx *to, Id a)
{
    return op2(to, OP_IEQUAL, to->t_bool, magnitude(to, a),
               fovea_vk_fx_const(to, to->t_uint, 0x7f800000));
}

/* a with the sign of b (a is not negative). */
static Id with_sign(FoveaVkFx *to, Id a, Id b)
{
    Id sign = op2(to, OP_BIT_AND, to->t_uint, op1(to, OP_BITCAST, to->t_uint, b),
                  fovea_vk_fx_const(to, to->t_uint, 0x80000000));
    Id bits = op2(to, OP_BIT_OR, to->t_uint, op1(to, OP_BITCAST, to->t_uint, a), sign);
    return op1(to, OP_BITCAST, to->t_float, bits);
}

/* sin (quarter 0) or cos (quarter 1): reduced by multiples of pi/2 in three parts, which is exact
 * enough for |x| up to some 10,000. */
static Id sine(FoveaVkFx *to, Id x, gint quarter)
{
    static const float s[] = {-0.166666497f, 0.00833192425f, -0.000194887811f};
    static const float c[] = {0.0416666457f, -0.00138873064f, 2.4431241e-05f};
    Id k = ext1(to, GL_ROUND_EVEN, to->t_float, mul(to, x, cf(to, 0.636619772f)));
    Id r = sub(to, x, mul(to, k, cf(to, 1.5703125f)));
    r = sub(to, r, mul(to, k, cf(to, 0.000483751297f)));
    r = sub(to, r, mul(to, k, cf(to, 7.549789955e-08f)));
    Id z = mul(to, r, r);
    Id sin_r = add(to, r, mul(to, mul(to, r, z), poly(to, z, 3, s)));
    Id cos_r = add(to, sub(to, cf(to, 1), mul(to, z, cf(to, 0.5f))),
                   mul(to, mul(to, z, z), poly(to, z, 3, c)));
    Id n = op1(to, OP_CONVERT_F_TO_S, to->t_int, k);
    n = op2(to, OP_IADD, to->t_int, n, ci(to, quarter));
    Id odd = op2(to, OP_INOT_EQUAL, to->t_bool, op2(to, OP_BIT_AND, to->t_int, n, ci(to, 1)),
                 ci(to, 0));
    Id minus = op2(to, OP_INOT_EQUAL, to->t_bool, op2(to, OP_BIT_AND, to->t_int, n, ci(to, 2)),
                   ci(to, 0));
    Id value = pick(to, odd, cos_r, sin_r);
    return pick(to, minus, op1(to, OP_FNEGATE, to->t_float, value), value);
}

static Id arctan(FoveaVkFx *to, Id x)
{
    static const float c[] = {-0.333327136f, 0.199703571f, -0.138086099f, 0.0785220486f};
    Id a = fabs_of(to, x);
    Id large = less(to, cf(to, 2.41421356f), a), middle = less(to, cf(to, 0.414213562f), a);
    Id y = pick(to, middle, divide(to, sub(to, a, cf(to, 1)), add(to, a, cf(to, 1))), a);
    y = pick(to, large, divide(to, cf(to, -1), a), y);
    Id base = pick(to, middle, cf(to, 0.785398163f), cf(to, 0));
    base = pick(to, large, cf(to, 1.57079633f), base);
    Id z = mul(to, y, y);
    Id r = add(to, base, add(to, y, mul(to, mul(to, y, z), poly(to, z, 4, c))));
    return with_sign(to, r, x);
}

static Id arcsin(FoveaVkFx *to, Id x)
{
    Id one = cf(to, 1);
    Id w = mul(to, sub(to, one, x), add(to, one, x));
    return arctan(to, divide(to, x, ext1(to, GL_SQRT, to->t_float, w)));
}

static Id tanh_of(FoveaVkFx *to, Id x)
{
    static const float c[] = {-0.33332248f, 0.133080983f, -0.051994336f, 0.015319205f};
    Id a = fabs_of(to, x), z = mul(to, x, x);
    Id e = ext1(to, GL_EXP, to->t_float, mul(to, a, cf(to, -2)));
    Id wide = divide(to, sub(to, cf(to, 1), e), add(to, cf(to, 1), e));
    Id near = add(to, x, mul(to, mul(to, x, z), poly(to, z, 4, c)));
    return pick(to, less(to, a, cf(to, 0.6f)), near, with_sign(to, wide, x));
}

static Id erf_of(FoveaVkFx *to, Id x)
{
    static const float near_c[] = {1.12837894f,    -0.376119704f,  0.112782144f,
                                   -0.0266669097f, 0.00487358553f, -0.000547285235f};
    static const float wide_c[] = {0.00035371876f, 1.12704004f,    0.638225672f,    0.103037373f,
                                   -0.0218053206f, 0.00293960789f, -0.000185574071f};
    Id a = fabs_of(to, x), z = mul(to, x, x);
    Id near = mul(to, x, poly(to, z, 6, near_c));
    Id t = pick(to, less(to, cf(to, 4), a), cf(to, 4), a); /* NaN stays */
    Id e = ext1(to, GL_EXP, to->t_float, op1(to, OP_FNEGATE, to->t_float, poly(to, t, 7, wide_c)));
    Id wide = with_sign(to, sub(to, cf(to, 1), e), x);
    return pick(to, less(to, a, cf(to, 1)), near, wide);
}

/* exp(|x|) is taken as a square, so that it does not overflow before its half does. */
static Id hyperbolic(FoveaVkFx *to, Id x, gboolean is_sinh)
{
    static const float c[] = {0.166666667f, 0.00833333333f, 0.000198412698f};
    Id a = fabs_of(to, x);
    Id h = ext1(to, GL_EXP, to->t_float, mul(to, a, cf(to, 0.5f)));
    Id grow = mul(to, mul(to, cf(to, 0.5f), h), h);
    Id fall = divide(to, divide(to, cf(to, 0.5f), h), h);
    if (!is_sinh)
        return add(to, grow, fall);
    Id z = mul(to, x, x);
    Id near = add(to, x, mul(to, mul(to, x, z), poly(to, z, 3, c)));
    return pick(to, less(to, a, cf(to, 0.5f)), near, with_sign(to, sub(to, grow, fall), x));
}

static Id arc_hyperbolic(FoveaVkFx *to, FoveaFxOp op, Id x)
{
    static const float c[] = {-0.166666667f, 0.075f, -0.0446428571f, 0.0303819444f};
    Id one = cf(to, 1), a = fabs_of(to, x);
    if (op == FX_ATANH)
        return mul(to, cf(to, 0.5f),
                   ext1(to, GL_LOG, to->t_float, divide(to, add(to, one, x), sub(to, one, x))));
    Id plus = op == FX_ASINH ? add(to, mul(to, x, x), one)
                             : mul(to, sub(to, x, one), add(to, x, one));
    Id sum = add(to, a, ext1(to, GL_SQRT, to->t_float, plus));
    Id huge = add(to, ext1(to, GL_LOG, to->t_float, a), cf(to, 0.693147181f));
    Id r = pick(to, less(to, cf(to, 1e18f), a), huge, ext1(to, GL_LOG, to->t_float, sum));
    if (op == FX_ACOSH)
        return pick(to, less(to, x, one), cf(to, NAN), r);
    Id z = mul(to, x, x);
    Id near = add(to, x, mul(to, mul(to, x, z), poly(to, z, 4, c)));
    return pick(to, less(to, a, cf(to, 0.3f)), near, with_sign(to, r, x));
}

static Id real1(FoveaVkFx *to, FoveaFxOp op, Id a)
{
    Id one = cf(to, 1);
    switch (op) {
    case FX_NEG: return op1(to, OP_FNEGATE, to->t_float, a);
    case FX_ABS: return fabs_of(to, a);
    case FX_SIGN: return pick(to, is_nan(to, a), a, ext1(to, GL_FSIGN, to->t_float, a));
    case FX_FLOOR: return ext1(to, GL_FLOOR, to->t_float, a);
    case FX_CEIL: return ext1(to, GL_CEIL, to->t_float, a);
    case FX_ROUND: return ext1(to, GL_ROUND_EVEN, to->t_float, a);
    case FX_TRUNC: return ext1(to, GL_TRUNC, to->t_float, a);
    case FX_SQRT: return ext1(to, GL_SQRT, to->t_float, a);
    case FX_RECIP: return divide(to, one, a);
    case FX_EXP: return ext1(to, GL_EXP, to->t_float, a);
    case FX_LOG:
        return pick(to, less(to, a, cf(to, 0)), cf(to, NAN), ext1(to, GL_LOG, to->t_float, a));
    case FX_SIN: return sine(to, a, 0);
    case FX_COS: return sine(to, a, 1);
    case FX_TAN: return divide(to, sine(to, a, 0), sine(to, a, 1));
    case FX_ASIN: return arcsin(to, a);
    case FX_ACOS: return sub(to, cf(to, 1.57079633f), arcsin(to, a));
    case FX_ATAN: return arctan(to, a);
    case FX_SINH: return hyperbolic(to, a, TRUE);
    case FX_COSH: return hyperbolic(to, a, FALSE);
    case FX_ASINH:
    case FX_ACOSH:
    case FX_ATANH: return arc_hyperbolic(to, op, a);
    case FX_TANH: return tanh_of(to, a);
    case FX_ERF: return erf_of(to, a);
    case FX_SIGMOID:
        a = ext1(to, GL_EXP, to->t_float, op1(to, OP_FNEGATE, to->t_float, a));
        return divide(to, one, add(to, one, a));
    default: return a;
    }
}

static gboolean constant_real(const FoveaFxNode *node, double *value)
{
    *value = node->f;
    return node->op == FX_CONST && node->klass == FOVEA_FX_F;
}

/* exp2(y log2 |x|), with the cases that leaves open: x^0, 1^y, and negative x. */
static Id power(FoveaVkFx *to, const FoveaFxNode *exponent, Id x, Id y)
{
    double c;
    Id one = cf(to, 1), zero = cf(to, 0);
    if (constant_real(exponent, &c)) {
        if (c == 0)
            return one;
        if (c == 0.5)
            return ext1(to, GL_SQRT, to->t_float, x);
        if (c == 1 || c == 2 || c == 3 || c == 4) {
            Id square = c > 1 ? mul(to, x, x) : x;
            return c == 3 ? mul(to, square, x) : c == 4 ? mul(to, square, square) : square;
        }
        if (c == -1)
            return divide(to, one, x);
    }
    Id a = fabs_of(to, x);
    Id r = ext1(to, GL_EXP2, to->t_float, mul(to, y, ext1(to, GL_LOG2, to->t_float, a)));
    Id half = mul(to, y, cf(to, 0.5f));
    Id whole = op2(to, OP_FEQUAL, to->t_bool, ext1(to, GL_FLOOR, to->t_float, y), y);
    Id even = op2(to, OP_FEQUAL, to->t_bool, ext1(to, GL_FLOOR, to->t_float, half), half);
    Id negative = pick(to, even, r, op1(to, OP_FNEGATE, to->t_float, r));
    negative = pick(to, whole, negative, cf(to, NAN));
    r = pick(to, less(to, x, zero), negative, r);
    r = pick(to, op2(to, OP_FEQUAL, to->t_bool, x, one), one, r);
    return pick(to, op2(to, OP_FEQUAL, to->t_bool, y, zero), one, r);
}

/* The remainder with the sign of the dividend. The quotient may come out one too large or small
 * after rounding; one step back mends it. */
static Id remainder_of(FoveaVkFx *to, Id x, Id y)
{
    Id a = fabs_of(to, x), b = fabs_of(to, y), zero = cf(to, 0);
    Id q = ext1(to, GL_TRUNC, to->t_float, divide(to, a, b));
    Id r = sub(to, a, mul(to, q, b));
    r = pick(to, less(to, r, zero), add(to, r, b), r);
    r = pick(to, op2(to, OP_FLESS_EQUAL, to->t_bool, b, r), sub(to, r, b), r);
    r = pick(to, less(to, a, b), a, r); /* an infinite divisor too */
    return with_sign(to, r, x);
}

static Id modulo(FoveaVkFx *to, Id x, Id y)
{
    Id r = remainder_of(to, x, y), zero = cf(to, 0);
    Id differs = op2(to, OP_LOGICAL_NOT_EQUAL, to->t_bool, less(to, r, zero), less(to, y, zero));
    Id some = op2(to, OP_FNOT_EQUAL, to->t_bool, r, zero);
    return pick(to, op2(to, OP_LOGICAL_AND, to->t_bool, some, differs), add(to, r, y), r);
}

static Id extreme(FoveaVkFx *to, const FoveaFxNode *na, const FoveaFxNode *nb, gboolean is_max,
                  Id a, Id b)
{
    double c;
    if (constant_real(na, &c)) {
        Id swap = a;
        const FoveaFxNode *other = na;
        a = b, b = swap;
        na = nb, nb = other;
    }
    /* NaN in a: the comparison fails and a stays. */
    Id r = pick(to, is_max ? less(to, a, b) : less(to, b, a), b, a);
    if (constant_real(nb, &c) && !isnan(c))
        return r;
    return pick(to, is_nan(to, b), b, r);
}

static Id real2(FoveaVkFx *to, const FoveaExpr *fx, const FoveaFxNode *node, Id a, Id b)
{
    switch (node->op) {
    case FX_ADD: return add(to, a, b);
    case FX_SUB: return sub(to, a, b);
    case FX_MUL: return mul(to, a, b);
    case FX_DIV: return divide(to, a, b);
    case FX_MOD: return modulo(to, a, b);
    case FX_FMOD: return remainder_of(to, a, b);
    case FX_POW: return power(to, &fx->node[node->b], a, b);
    default: return extreme(to, &fx->node[node->a], &fx->node[node->b], node->op == FX_MAX, a, b);
    }
}

static Id int_equal(FoveaVkFx *to, Id a, gint32 b)
{
    return op2(to, OP_IEQUAL, to->t_bool, a, ci(to, b));
}

static Id int_pick(FoveaVkFx *to, Id condition, Id yes, Id no)
{
    return choose(to, to->t_int, condition, yes, no);
}

/* Division by 0 gives 0; by -1 it is a negation, because the smallest number would overflow. */
static Id int_divide(FoveaVkFx *to, FoveaFxOp op, Id a, Id b)
{
    Id zero = int_equal(to, b, 0), minus = int_equal(to, b, -1);
    Id unsafe = op2(to, OP_LOGICAL_OR, to->t_bool, zero, minus);
    Id safe = int_pick(to, unsafe, ci(to, 1), b);
    if (op == FX_DIV) {
        Id q = op2(to, OP_SDIV, to->t_int, a, safe);
        q = int_pick(to, minus, op1(to, OP_SNEGATE, to->t_int, a), q);
        return int_pick(to, zero, ci(to, 0), q);
    }
    /* a - (a / b) b: SRem may be anything where an operand is negative on some drivers. */
    Id q = op2(to, OP_SDIV, to->t_int, a, safe);
    Id r = op2(to, OP_ISUB, to->t_int, a, op2(to, OP_IMUL, to->t_int, q, safe));
    if (op == FX_FMOD)
        return r;
    Id differs = op2(to, OP_SLESS, to->t_bool, op2(to, OP_BIT_XOR, to->t_int, r, b), ci(to, 0));
    Id some = op2(to, OP_INOT_EQUAL, to->t_bool, r, ci(to, 0));
    return int_pick(to, op2(to, OP_LOGICAL_AND, to->t_bool, some, differs),
                    op2(to, OP_IADD, to->t_int, r, b), r);
}

/* Square and multiply over all 31 bits; negative exponents leave only 1, -1 and 0. */
static Id int_power(FoveaVkFx *to, Id x, Id n)
{
    Id r = ci(to, 1), factor = x;
    for (guint bit = 0; bit < 31; bit++) {
        Id set = op2(to, OP_BIT_AND, to->t_int, n, ci(to, 1 << bit));
        Id with = op2(to, OP_IMUL, to->t_int, r, factor);
        r = int_pick(to, int_equal(to, set, 0), r, with);
        if (bit < 30)
            factor = op2(to, OP_IMUL, to->t_int, factor, factor);
    }
    Id odd = op2(to, OP_BIT_AND, to->t_int, n, ci(to, 1));
    Id minus = int_pick(to, int_equal(to, odd, 0), ci(to, 1), ci(to, -1));
    Id negative = int_pick(to, int_equal(to, x, -1), minus, ci(to, 0));
    negative = int_pick(to, int_equal(to, x, 1), ci(to, 1), negative);
    return int_pick(to, op2(to, OP_SLESS, to->t_bool, n, ci(to, 0)), negative, r);
}

static Id int_shift(FoveaVkFx *to, guint16 op, Id a, Id b)
{
    Id inside = op2(to, OP_IEQUAL, to->t_bool, op2(to, OP_BIT_AND, to->t_int, b, ci(to, ~31)),
                    ci(to, 0));
    Id safe = op2(to, OP_BIT_AND, to->t_int, b, ci(to, 31));
    return int_pick(to, inside, op2(to, op, to->t_int, a, safe), ci(to, 0));
}

static Id integer(FoveaVkFx *to, FoveaFxOp op, Id a, Id b)
{
    switch (op) {
    case FX_ADD: return op2(to, OP_IADD, to->t_int, a, b);
    case FX_SUB: return op2(to, OP_ISUB, to->t_int, a, b);
    case FX_MUL: return op2(to, OP_IMUL, to->t_int, a, b);
    case FX_DIV:
    case FX_MOD:
    case FX_FMOD: return int_divide(to, op, a, b);
    case FX_POW: return int_power(to, a, b);
    case FX_MIN: return ext2(to, GL_SMIN, to->t_int, a, b);
    case FX_MAX: return ext2(to, GL_SMAX, to->t_int, a, b);
    case FX_NEG: return op1(to, OP_SNEGATE, to->t_int, a);
    case FX_ABS: return ext1(to, GL_SABS, to->t_int, a);
    case FX_SIGN: return ext1(to, GL_SSIGN, to->t_int, a);
    case FX_BITAND: return op2(to, OP_BIT_AND, to->t_int, a, b);
    case FX_BITOR: return op2(to, OP_BIT_OR, to->t_int, a, b);
    case FX_BITXOR: return op2(to, OP_BIT_XOR, to->t_int, a, b);
    case FX_BITNOT: return op1(to, OP_NOT, to->t_int, a);
    case FX_SHL: return int_shift(to, OP_SHIFT_LEFT, a, b);
    case FX_SHR: return int_shift(to, OP_SHIFT_RIGHT, a, b);
    default: return a;
    }
}

static Id logic(FoveaVkFx *to, FoveaFxOp op, FoveaFxClass klass, Id a, Id b)
{
    gboolean f = klass == FOVEA_FX_F;
    guint16 equal = f ? OP_FEQUAL : klass == FOVEA_FX_I ? OP_IEQUAL : OP_LOGICAL_EQUAL;
    Id no = fovea_vk_fx_const(to, to->t_bool, 0);
    switch (op) {
    case FX_EQ: return op2(to, equal, to->t_bool, a, b);
    case FX_LT: return op2(to, f ? OP_FLESS : OP_SLESS, to->t_bool, a, b);
    case FX_LE: return op2(to, f ? OP_FLESS_EQUAL : OP_SLESS_EQUAL, to->t_bool, a, b);
    case FX_ISNAN: return f ? is_nan(to, a) : no;
    case FX_ISINF: return f ? is_inf(to, a) : no;
    case FX_AND: return op2(to, OP_LOGICAL_AND, to->t_bool, a, b);
    case FX_OR: return op2(to, OP_LOGICAL_OR, to->t_bool, a, b);
    case FX_XOR: return op2(to, OP_LOGICAL_NOT_EQUAL, to->t_bool, a, b);
    default: return op1(to, OP_LOGICAL_NOT, to->t_bool, a);
    }
}

/* Real to integer saturates; NaN gives 0. */
static Id real_to_int(FoveaVkFx *to, FoveaDtype type, Id a)
{
    Id low = cf(to, -2147483648.0f), high = cf(to, 2147483520.0f);
    Id top = less(to, high, a), nan = is_nan(to, a);
    a = pick(to, less(to, a, low), low, pick(to, top, high, a));
    Id r = op1(to, OP_CONVERT_F_TO_S, to->t_int, pick(to, nan, cf(to, 0), a));
    r = int_pick(to, top, ci(to, G_MAXINT32), r);
    if (type == FOVEA_DTYPE_U8 || type == FOVEA_DTYPE_I8) {
        r = ext2(to, GL_SMAX, to->t_int, r, ci(to, type == FOVEA_DTYPE_U8 ? 0 : -128));
        r = ext2(to, GL_SMIN, to->t_int, r, ci(to, type == FOVEA_DTYPE_U8 ? 255 : 127));
    }
    return r;
}

static Id cast(FoveaVkFx *to, FoveaDtype type, FoveaFxClass from, Id a)
{
    FoveaFxClass klass = fovea_fx_class_of(type);
    if (klass == FOVEA_FX_B) {
        if (from == FOVEA_FX_B)
            return a;
        return from == FOVEA_FX_F ? op2(to, OP_FNOT_EQUAL, to->t_bool, a, cf(to, 0))
                                  : op2(to, OP_INOT_EQUAL, to->t_bool, a, ci(to, 0));
    }
    if (klass == FOVEA_FX_F) {
        if (from == FOVEA_FX_B)
            return pick(to, a, cf(to, 1), cf(to, 0));
        return from == FOVEA_FX_F ? a : op1(to, OP_CONVERT_S_TO_F, to->t_float, a);
    }
    if (from == FOVEA_FX_F)
        return real_to_int(to, type, a);
    if (from == FOVEA_FX_B)
        return int_pick(to, a, ci(to, 1), ci(to, 0));
    guint bits = 8 * fovea_dtype_size(type);
    if (bits >= 32)
        return a;
    if (type == FOVEA_DTYPE_U8 || type == FOVEA_DTYPE_U16)
        return op2(to, OP_BIT_AND, to->t_int, a, ci(to, (1 << bits) - 1));
    return fovea_vk_fx_emit(to, OP_BIT_FIELD_S_EXTRACT, to->t_int, 3,
                            (Id[]){a, ci(to, 0), ci(to, (gint32)bits)});
}

static Id leaf(FoveaVkFx *to, const FoveaFxNode *node)
{
    if (node->op == FX_INDEX)
        return op1(to, OP_BITCAST, to->t_int, fovea_vk_fx_operand(to, 8 + (guint)node->i));
    if (node->op == FX_ARG) {
        Id bits = fovea_vk_fx_operand(to, (guint)node->i);
        if (node->klass == FOVEA_FX_B)
            return op2(to, OP_INOT_EQUAL, to->t_bool, bits, fovea_vk_fx_const(to, to->t_uint, 0));
        return op1(to, OP_BITCAST, node->klass == FOVEA_FX_F ? to->t_float : to->t_int, bits);
    }
    if (node->klass == FOVEA_FX_F)
        return cf(to, (float)node->f);
    if (node->klass == FOVEA_FX_B)
        return fovea_vk_fx_const(to, to->t_bool, node->i != 0);
    return ci(to, (gint32)CLAMP(node->i, G_MININT32, G_MAXINT32));
}

guint32 fovea_vk_fx_node(FoveaVkFx *to, const FoveaExpr *fx, guint at, const guint32 *v)
{
    const FoveaFxNode *node = &fx->node[at];
    FoveaFxClass klass = fx->node[node->a].klass;
    guint arity = fovea_fx_arity(node->op);
    if (arity == 0)
        return leaf(to, node);
    if (node->op == FX_CAST)
        return cast(to, (FoveaDtype)node->i, klass, v[node->a]);
    if (node->op == FX_SELECT) {
        guint32 type = node->klass == FOVEA_FX_F   ? to->t_float
                       : node->klass == FOVEA_FX_I ? to->t_int
                                                   : to->t_bool;
        return choose(to, type, v[node->a], v[node->b], v[node->c]);
    }
    if (node->op >= FX_EQ && node->op <= FX_NOT)
        return logic(to, node->op, klass, v[node->a], arity > 1 ? v[node->b] : 0);
    if (node->klass == FOVEA_FX_I)
        return integer(to, node->op, v[node->a], arity > 1 ? v[node->b] : 0);
    return arity > 1 ? real2(to, fx, node, v[node->a], v[node->b])
                     : real1(to, node->op, v[node->a]);
}
