/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inner loops. Compiled once per instruction set with FOVEA_SIMD_TABLE naming the table; see
 * cpu/simd.h.
 */
#include "cpu/simd.h"
#include "cpu/simd/tile-ops.h"

#define UNARY(name, expression)                                                                    \
    static void f_##name(gpointer r, gconstpointer pa, gconstpointer pb, gconstpointer pc,         \
                         guint n)                                                                  \
    {                                                                                              \
        const float *a = pa;                                                                       \
        float *out = r;                                                                            \
        for (guint i = 0; i < n; i++) {                                                            \
            float x = a[i];                                                                        \
            out[i] = (expression);                                                                 \
        }                                                                                          \
    }

#define BINARY(name, expression)                                                                   \
    static void f_##name(gpointer r, gconstpointer pa, gconstpointer pb, gconstpointer pc,         \
                         guint n)                                                                  \
    {                                                                                              \
        const float *a = pa, *b = pb;                                                              \
        float *out = r;                                                                            \
        for (guint i = 0; i < n; i++) {                                                            \
            float x = a[i], y = b[i];                                                              \
            out[i] = (expression);                                                                 \
        }                                                                                          \
    }

/* Results of class B are gint64 0 or 1. */
#define COMPARE(name, expression)                                                                  \
    static void f_##name(gpointer r, gconstpointer pa, gconstpointer pb, gconstpointer pc,         \
                         guint n)                                                                  \
    {                                                                                              \
        const float *a = pa, *b = pb;                                                              \
        gint64 *out = r;                                                                           \
        for (guint i = 0; i < n; i++) {                                                            \
            float x = a[i], y = b != NULL ? b[i] : 0.0f;                                           \
            out[i] = (expression);                                                                 \
        }                                                                                          \
    }

UNARY(neg, -x)
UNARY(abs, fabsf(x))
UNARY(sign, x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x)
UNARY(floor, floorf(x))
UNARY(ceil, ceilf(x))
UNARY(round, rintf(x))
UNARY(trunc, truncf(x))
UNARY(sqrt, sqrtf(x))
UNARY(recip, 1.0f / x)
UNARY(exp, fast_exp(x))
UNARY(log, fast_log(x))
UNARY(sin, sinf(x))
UNARY(cos, cosf(x))
UNARY(tanh, fast_tanh(x))
UNARY(erf, fast_erf(x))
UNARY(sigmoid, fast_sigmoid(x))
BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x *y)
BINARY(div, x / y)
BINARY(min, x != x ? x : y < x ? y : y != y ? y : x)
BINARY(max, x != x ? x : y > x ? y : y != y ? y : x)
COMPARE(eq, x == y)
COMPARE(lt, x < y)
COMPARE(le, x <= y)
COMPARE(isnan, ((void)y, x != x))

static void f_select(gpointer r, gconstpointer pa, gconstpointer pb, gconstpointer pc, guint n)
{
    const gint64 *a = pa;
    const float *b = pb, *c = pc;
    float *out = r;
    for (guint i = 0; i < n; i++)
        out[i] = a[i] ? b[i] : c[i];
}

/* Small whole powers are products; the rest is left to libm. */
static void f_pow(gpointer r, gconstpointer pa, gconstpointer pb, gconstpointer pc, guint n)
{
    const float *a = pa, *b = pb;
    float *out = r;
    float y = n > 0 ? b[0] : 0.0f;
    gboolean same = TRUE;
    for (guint i = 1; i < n; i++)
        same &= b[i] == y;
    if (same && y == 2.0f) {
        for (guint i = 0; i < n; i++)
            out[i] = a[i] * a[i];
    } else if (same && y == 3.0f) {
        for (guint i = 0; i < n; i++)
            out[i] = a[i] * a[i] * a[i];
    } else {
        for (guint i = 0; i < n; i++)
            out[i] = powf(a[i], b[i]);
    }
}

static float exp_sum(float *r, const float *a, float shift, gsize n)
{
    float sum[16] = {0};
    gsize i = 0;
    for (; i + 16 <= n; i += 16) {
        for (gsize k = 0; k < 16; k++) {
            r[i + k] = fast_exp(a[i + k] - shift);
            sum[k] += r[i + k];
        }
    }
    for (; i < n; i++) {
        r[i] = fast_exp(a[i] - shift);
        sum[i & 15] += r[i];
    }
    float total = 0;
    for (gsize k = 0; k < 16; k++)
        total += sum[k];
    return total;
}

static float max_of(const float *a, gsize n)
{
    float best[16], top = -INFINITY;
    gsize i = 0;
    for (gsize k = 0; k < 16; k++)
        best[k] = -INFINITY;
    for (; i + 16 <= n; i += 16) {
        for (gsize k = 0; k < 16; k++)
            best[k] = a[i + k] > best[k] ? a[i + k] : best[k];
    }
    for (; i < n; i++)
        best[i & 15] = a[i] > best[i & 15] ? a[i] : best[i & 15];
    for (gsize k = 0; k < 16; k++)
        top = best[k] > top ? best[k] : top;
    return top;
}

static void scale(float *r, float factor, gsize n)
{
    for (gsize i = 0; i < n; i++)
        r[i] *= factor;
}

static float dot(const float *a, const float *b, gsize n)
{
    float sum[16] = {0}, total = 0;
    gsize i = 0;
    for (; i + 16 <= n; i += 16) {
        for (gsize k = 0; k < 16; k++)
            sum[k] += a[i + k] * b[i + k];
    }
    for (; i < n; i++)
        sum[i & 15] += a[i] * b[i];
    for (gsize k = 0; k < 16; k++)
        total += sum[k];
    return total;
}

static void axpy(float *restrict r, float factor, const float *restrict a, gsize n)
{
    for (gsize i = 0; i < n; i++)
        r[i] += factor * a[i];
}

static float sum_of(const float *a, gsize n)
{
    float sum[16] = {0}, total = 0;
    gsize i = 0;
    for (; i + 16 <= n; i += 16) {
        for (gsize k = 0; k < 16; k++)
            sum[k] += a[i + k];
    }
    for (; i < n; i++)
        sum[i & 15] += a[i];
    for (gsize k = 0; k < 16; k++)
        total += sum[k];
    return total;
}

static void moments(const float *a, gsize n, double epsilon, float *mean, float *inverse)
{
    float m = n > 0 ? sum_of(a, n) / (float)n : 0.0f, sum[16] = {0};
    double total = 0;
    gsize i = 0;
    for (; i + 16 <= n; i += 16) {
        for (gsize k = 0; k < 16; k++) {
            float d = a[i + k] - m;
            sum[k] += d * d;
        }
    }
    for (; i < n; i++)
        sum[i & 15] += (a[i] - m) * (a[i] - m);
    for (gsize k = 0; k < 16; k++)
        total += (double)sum[k];
    *mean = m;
    *inverse = (float)(1.0 / sqrt((n > 0 ? total / (double)n : 0.0) + epsilon));
}

static void normalise(float *r, const float *a, float mean, float inverse, const float *gain,
                      const float *bias, gsize n)
{
    if (gain != NULL && bias != NULL) {
        for (gsize i = 0; i < n; i++)
            r[i] = (a[i] - mean) * inverse * gain[i] + bias[i];
        return;
    }
    for (gsize i = 0; i < n; i++) {
        float x = (a[i] - mean) * inverse;
        x = gain != NULL ? x * gain[i] : x;
        r[i] = bias != NULL ? x + bias[i] : x;
    }
}

#define COLUMNS 32

/* Four rows by 32 columns in registers. */
static void gemm_block(gsize k, const float *a, gsize lda, const float *b, gsize ldb, float *c,
                       gsize ldc, gboolean accumulate)
{
    float acc[4][COLUMNS] = {{0}};
    for (gsize p = 0; p < k; p++) {
        const float *row = b + p * ldb;
        for (gsize i = 0; i < 4; i++) {
            float x = a[i * lda + p];
            for (gsize j = 0; j < COLUMNS; j++)
                acc[i][j] += x * row[j];
        }
    }
    for (gsize i = 0; i < 4; i++) {
        for (gsize j = 0; j < COLUMNS; j++)
            c[i * ldc + j] = accumulate ? c[i * ldc + j] + acc[i][j] : acc[i][j];
    }
}

static void gemm(gsize m, gsize n, gsize k, const float *a, gsize lda, const float *b, gsize ldb,
                 float *c, gsize ldc, gboolean accumulate)
{
    gsize whole = n / COLUMNS * COLUMNS, i = 0;
    for (; i + 4 <= m; i += 4) {
        for (gsize j = 0; j < whole; j += COLUMNS)
            gemm_block(k, a + i * lda, lda, b + j, ldb, c + i * ldc + j, ldc, accumulate);
    }
    for (gsize row = 0; row < m; row++) {
        gsize from = row < i ? whole : 0;
        float *out = c + row * ldc;
        for (gsize j = from; !accumulate && j < n; j++)
            out[j] = 0;
        for (gsize p = 0; from < n && p < k; p++)
            axpy(out + from, a[row * lda + p], b + p * ldb + from, n - from);
    }
}

static void gemm_nt(gsize m, gsize n, gsize k, const float *a, gsize lda, const float *b, gsize ldb,
                    float *c, gsize ldc)
{
    for (gsize i = 0; i < m; i++) {
        for (gsize j = 0; j < n; j++)
            c[i * ldc + j] = dot(a + i * lda, b + j * ldb, k);
    }
}

extern const FoveaSimd FOVEA_SIMD_TABLE;
const FoveaSimd FOVEA_SIMD_TABLE = {
    .name = FOVEA_SIMD_NAME,
    .tile_f =
        {
            [FX_ADD] = f_add,       [FX_SUB] = f_sub,         [FX_MUL] = f_mul,
            [FX_DIV] = f_div,       [FX_POW] = f_pow,         [FX_MIN] = f_min,
            [FX_MAX] = f_max,       [FX_NEG] = f_neg,         [FX_ABS] = f_abs,
            [FX_SIGN] = f_sign,     [FX_FLOOR] = f_floor,     [FX_CEIL] = f_ceil,
            [FX_ROUND] = f_round,   [FX_TRUNC] = f_trunc,     [FX_SQRT] = f_sqrt,
            [FX_RECIP] = f_recip,   [FX_EXP] = f_exp,         [FX_LOG] = f_log,
            [FX_SIN] = f_sin,       [FX_COS] = f_cos,         [FX_TANH] = f_tanh,
            [FX_ERF] = f_erf,       [FX_SIGMOID] = f_sigmoid, [FX_EQ] = f_eq,
            [FX_LT] = f_lt,         [FX_LE] = f_le,           [FX_ISNAN] = f_isnan,
            [FX_SELECT] = f_select,
        },
    .exp_sum = exp_sum,
    .max = max_of,
    .scale = scale,
    .dot = dot,
    .axpy = axpy,
    .moments = moments,
    .normalise = normalise,
    .gemm = gemm,
    .gemm_nt = gemm_nt,
};
