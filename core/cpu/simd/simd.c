/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inner loops. Compiled once per instruction set with FOVEA_SIMD_TABLE naming the table; see
 * cpu/simd.h.
 */
#include "cpu/simd.h"
#include "cpu/simd/tile-ops.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

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

static void mix(float *restrict r, guint taps, const float *const *a, const float *weight, gsize n)
{
    if (taps == 4) {
        const float *restrict p = a[0], *restrict q = a[1], *restrict s = a[2], *restrict t = a[3];
        float u = weight[0], v = weight[1], w = weight[2], x = weight[3];
        for (gsize i = 0; i < n; i++)
            r[i] += u * p[i] + v * q[i] + (w * s[i] + x * t[i]);
        return;
    }
    for (guint k = 0; k < taps; k++)
        axpy(r, weight[k], a[k], n);
}

static void maximum(float *restrict r, const float *restrict a, gsize n)
{
    for (gsize i = 0; i < n; i++)
        r[i] = a[i] > r[i] || a[i] != a[i] ? a[i] : r[i];
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

/* ---- products: up to six rows and two vectors of c stay in registers while k runs ---- */

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define VL (VECTOR_BYTES / 4) /* floats a vector */
#define MR 6

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* A vector type of `bytes`, the same in memory at any address, and a block of c in it. rows and
 * width (vectors) are constants where the block is inlined. */
#define BLOCK(name, bytes)                                                                         \
    typedef float name##_vector __attribute__((vector_size(bytes)));                               \
    typedef float name##_loose __attribute__((vector_size(bytes), aligned(4), may_alias));         \
    static inline __attribute__((always_inline)) void name(                                        \
        const int rows, const int width, gint64 k, const float *a, gint64 row_a, gint64 col_a,     \
        const float *b, gint64 ldb, float *c, gint64 ldc, gboolean add)                            \
    {                                                                                              \
        name##_vector sum[MR][2];                                                                  \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int j = 0; j < width; j++)               \
            sum[r][j] = (name##_vector){0};                                                        \
        for (gint64 p = 0; p < k; p++) {                                                           \
            name##_vector line[2];                                                                 \
            UNROLL for (int j = 0; j < width; j++)                                                 \
                line[j] = *(const name##_loose *)(b + p * ldb + j * (bytes / 4));                  \
            UNROLL for (int r = 0; r < rows; r++)                                                  \
            {                                                                                      \
                float factor = a[r * row_a + p * col_a];                                           \
                UNROLL for (int j = 0; j < width; j++) sum[r][j] += factor * line[j];              \
            }                                                                                      \
        }                                                                                          \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int j = 0; j < width; j++)               \
        {                                                                                          \
            name##_loose *to = (name##_loose *)(c + r * ldc + j * (bytes / 4));                    \
            name##_vector base = {0};                                                              \
            if (add)                                                                               \
                base = *to;                                                                        \
            *to = base + sum[r][j];                                                                \
        }                                                                                          \
    }                                                                                              \
    static void name##_columns(gint64 m, int width, gint64 k, const float *a, gint64 row_a,        \
                               gint64 col_a, const float *b, gint64 ldb, float *c, gint64 ldc,     \
                               gboolean add)                                                       \
    {                                                                                              \
        for (gint64 i = 0; i < m; i += MR) {                                                       \
            const float *x = a + i * row_a;                                                        \
            float *z = c + i * ldc;                                                                \
            switch (MIN(MR, m - i)) {                                                              \
                ROWS(name, 1)                                                                      \
                ROWS(name, 2)                                                                      \
                ROWS(name, 3)                                                                      \
                ROWS(name, 4)                                                                      \
                ROWS(name, 5)                                                                      \
                ROWS(name, 6)                                                                      \
            }                                                                                      \
        }                                                                                          \
    }

#define ROWS(name, n)                                                                              \
    case n:                                                                                        \
        if (width == 2)                                                                            \
            name(n, 2, k, x, row_a, col_a, b, ldb, z, ldc, add);                                   \
        else                                                                                       \
            name(n, 1, k, x, row_a, col_a, b, ldb, z, ldc, add);                                   \
        break;

BLOCK(block, VECTOR_BYTES)
#if VECTOR_BYTES > 32
BLOCK(block8, 32)
#endif
#if VECTOR_BYTES > 16
BLOCK(block4, 16)
#endif

/* Columns that do not fill the narrowest vector. */
static void block_part(gint64 rows, gint64 cols, gint64 k, const float *a, gint64 row_a,
                       gint64 col_a, const float *b, gint64 ldb, float *c, gint64 ldc, gboolean add)
{
    for (gint64 r = 0; r < rows; r++) {
        float sum[4] = {0};
        for (gint64 p = 0; p < k; p++) {
            float factor = a[r * row_a + p * col_a];
            for (gint64 j = 0; j < cols; j++)
                sum[j] += factor * b[p * ldb + j];
        }
        for (gint64 j = 0; j < cols; j++)
            c[r * ldc + j] = add ? c[r * ldc + j] + sum[j] : sum[j];
    }
}

static void gemm(gint64 m, gint64 n, gint64 k, const float *a, gint64 row_a, gint64 col_a,
                 const float *b, gint64 ldb, float *c, gint64 ldc, gboolean add)
{
    gint64 j = 0;
    for (; j + 2 * VL <= n; j += 2 * VL)
        block_columns(m, 2, k, a, row_a, col_a, b + j, ldb, c + j, ldc, add);
    for (; j + VL <= n; j += VL)
        block_columns(m, 1, k, a, row_a, col_a, b + j, ldb, c + j, ldc, add);
#if VECTOR_BYTES > 32
    for (; j + 8 <= n; j += 8)
        block8_columns(m, 1, k, a, row_a, col_a, b + j, ldb, c + j, ldc, add);
#endif
#if VECTOR_BYTES > 16
    for (; j + 4 <= n; j += 4)
        block4_columns(m, 1, k, a, row_a, col_a, b + j, ldb, c + j, ldc, add);
#endif
    if (j < n)
        block_part(m, n - j, k, a, row_a, col_a, b + j, ldb, c + j, ldc, add);
}

/* ---- one row by a panel of packed weights ---- */

#define SUMS (FOVEA_SIMD_PANEL / VL)
#define GEMV(name, type, load)                                                                     \
    static void name(float *r, const float *a, const type *b, gint64 k)                            \
    {                                                                                              \
        block_vector sum[SUMS] = {{0}};                                                            \
        for (gint64 p = 0; p < k; p++, b += FOVEA_SIMD_PANEL)                                      \
            for (int j = 0; j < SUMS; j++)                                                         \
                sum[j] += a[p] * load(b + j * VL);                                                 \
        for (int j = 0; j < SUMS; j++)                                                             \
            *(block_loose *)(r + j * VL) = sum[j];                                                 \
    }
#define LOAD(at) (*(const block_loose *)(at))
GEMV(panel_full, float, LOAD)
#if defined(__AVX512F__)
#define LOAD_HALF(at) ((block_vector)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(at))))
#elif defined(__F16C__)
#define LOAD_HALF(at) ((block_vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(at))))
#endif
#if defined(LOAD_HALF)
GEMV(panel_half, guint16, LOAD_HALF)
#else
#define panel_half NULL
#endif

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
    .mix = mix,
    .maximum = maximum,
    .moments = moments,
    .normalise = normalise,
    .gemm = gemm,
    .gemv = panel_full,
    .gemv_half = panel_half,
};
