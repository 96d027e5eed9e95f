/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/convert.c: copies between host tensors and stored memory, fast for what models feed.
 */
#include "vulkan/vk.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* n elements with strides in elements. FALSE where an integer does not fit. */
typedef gboolean (*RowFunc)(const void *from, gint64 from_step, void *to, gint64 to_step, gint64 n);

#define COPY_ROW(type)                                                                             \
    static gboolean copy_##type(const void *from, gint64 fs, void *to, gint64 ts, gint64 n)        \
    {                                                                                              \
        const type *a = from;                                                                      \
        type *b = to;                                                                              \
        if (fs == 1 && ts == 1)                                                                    \
            memcpy(to, from, (gsize)n * sizeof(type));                                             \
        else                                                                                       \
            for (gint64 i = 0; i < n; i++)                                                         \
                b[i * ts] = a[i * fs];                                                             \
        return TRUE;                                                                               \
    }
COPY_ROW(guint8)
COPY_ROW(guint16)
COPY_ROW(guint32)
COPY_ROW(guint64)

static gboolean narrow_i64(const void *from, gint64 fs, void *to, gint64 ts, gint64 n)
{
    const gint64 *a = from;
    gint32 *b = to;
    gboolean fits = TRUE;
    for (gint64 i = 0; i < n; i++) {
        b[i * ts] = (gint32)a[i * fs];
        fits &= b[i * ts] == a[i * fs];
    }
    return fits;
}

static gboolean widen_i32(const void *from, gint64 fs, void *to, gint64 ts, gint64 n)
{
    const gint32 *a = from;
    gint64 *b = to;
    for (gint64 i = 0; i < n; i++)
        b[i * ts] = a[i * fs];
    return TRUE;
}

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) static gint64 halve_8(const float *a, guint16 *b, gint64 n)
{
    gint64 i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(gpointer)(b + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(a + i), _MM_FROUND_TO_NEAREST_INT));
    return i;
}

__attribute__((target("avx,f16c"))) static gint64 double_8(const guint16 *a, float *b, gint64 n)
{
    gint64 i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(b + i,
                         _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(gconstpointer)(a + i))));
    return i;
}

static gboolean has_f16c(void)
{
    /* clang 14 has no name for F16C; "avx" also asks whether the system keeps the registers. */
    guint a, b, c = 0, d;
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}
#else
static gint64 halve_8(const float *a, guint16 *b, gint64 n)
{
    return 0;
}

static gint64 double_8(const guint16 *a, float *b, gint64 n)
{
    return 0;
}

static gboolean has_f16c(void)
{
    return FALSE;
}
#endif

static gboolean f32_to_f16(const void *from, gint64 fs, void *to, gint64 ts, gint64 n)
{
    const float *a = from;
    guint16 *b = to;
    gint64 i = fs == 1 && ts == 1 && has_f16c() ? halve_8(a, b, n) : 0;
    for (; i < n; i++)
        b[i * ts] = fovea_f16_from_f32(a[i * fs]);
    return TRUE;
}

static gboolean f16_to_f32(const void *from, gint64 fs, void *to, gint64 ts, gint64 n)
{
    const guint16 *a = from;
    float *b = to;
    gint64 i = fs == 1 && ts == 1 && has_f16c() ? double_8(a, b, n) : 0;
    for (; i < n; i++)
        b[i * ts] = fovea_f16_to_f32(a[i * fs]);
    return TRUE;
}

static RowFunc row_for(FoveaDtype from, FoveaDtype to)
{
    if (from == to) {
        switch (fovea_dtype_size(from)) {
        case 1: return copy_guint8;
        case 2: return copy_guint16;
        case 4: return copy_guint32;
        default: return copy_guint64;
        }
    }
    if (from == FOVEA_DTYPE_I64 && to == FOVEA_DTYPE_I32)
        return narrow_i64;
    if (from == FOVEA_DTYPE_I32 && to == FOVEA_DTYPE_I64)
        return widen_i32;
    if (from == FOVEA_DTYPE_F32 && to == FOVEA_DTYPE_F16)
        return f32_to_f16;
    if (from == FOVEA_DTYPE_F16 && to == FOVEA_DTYPE_F32)
        return f16_to_f32;
    return NULL;
}

/* Drops axes of size 1 and joins neighbours that lie one after the other in both. */
static guint collapse(const FoveaView *a, const FoveaView *b, gint64 *dims, gint64 *sa, gint64 *sb)
{
    guint n = 0;
    for (guint i = 0; i < a->rank; i++) {
        if (a->dims[i] == 1)
            continue;
        if (n > 0 && sa[n - 1] == a->strides[i] * a->dims[i] &&
            sb[n - 1] == b->strides[i] * a->dims[i]) {
            dims[n - 1] *= a->dims[i];
            sa[n - 1] = a->strides[i];
            sb[n - 1] = b->strides[i];
            continue;
        }
        dims[n] = a->dims[i];
        sa[n] = a->strides[i];
        sb[n++] = b->strides[i];
    }
    if (n == 0) {
        dims[0] = 1;
        sa[0] = sb[0] = 1;
        n = 1;
    }
    return n;
}

gboolean fovea_vk_convert(const FoveaView *from, const FoveaView *to)
{
    RowFunc row = row_for(from->dtype, to->dtype);
    gint64 dims[FOVEA_MAX_RANK], sa[FOVEA_MAX_RANK], sb[FOVEA_MAX_RANK];
    gboolean fits = TRUE;
    FoveaWalk walk;
    if (fovea_view_count(from) == 0)
        return TRUE;
    if (row == NULL) {
        fovea_view_copy(from, to);
        return TRUE;
    }
    guint n = collapse(from, to, dims, sa, sb) - 1;
    gint64 size_a = (gint64)fovea_dtype_size(from->dtype);
    gint64 size_b = (gint64)fovea_dtype_size(to->dtype);
    fovea_walk_init(&walk, n, dims, 2, (const gint64 *[]){sa, sb});
    do {
        fits &= row((const guint8 *)from->data + walk.at[0] * size_a, sa[n],
                    (guint8 *)to->data + walk.at[1] * size_b, sb[n], dims[n]);
    } while (fovea_walk_next(&walk));
    return fits;
}
