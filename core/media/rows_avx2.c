/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The row kernels for processors with AVX2, eight results at a time. A gather reads four bytes,
 * which may be more than the pixels asked for: it stops where these would leave the row.
 */
#include "media/rows.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

typedef __m256i V;

static inline AVX2 V gather(const guint8 *row, V offsets)
{
    return _mm256_i32gather_epi32((const int *)(const void *)row, offsets, 1);
}

static inline AVX2 V byte_at(V words, int bits)
{
    return _mm256_and_si256(_mm256_srl_epi32(words, _mm_cvtsi32_si128(bits)),
                            _mm256_set1_epi32(255));
}

static inline AVX2 void store_mix(float *to, V a, V b, __m256 w)
{
    __m256 step = _mm256_cvtepi32_ps(_mm256_sub_epi32(b, a));
    _mm256_storeu_ps(to, _mm256_add_ps(_mm256_cvtepi32_ps(a), _mm256_mul_ps(w, step)));
}

/* Leading results, in eights, whose lo lies at or below last. lo never falls. */
static gint reach(const FoveaAxis *axis, gint64 last)
{
    gint low = 0, high = axis->n;
    while (low < high) {
        gint middle = low + (high - low) / 2;
        if (axis->lo[middle] <= last)
            low = middle + 1;
        else
            high = middle;
    }
    return low & ~7;
}

static AVX2 gint luma(const guint8 *row, gint width, const FoveaAxis *axis, float *out)
{
    gint n = reach(axis, (gint64)width - 4);
    for (gint i = 0; i < n; i += 8) {
        V g = gather(row, _mm256_loadu_si256((const V *)(axis->lo + i)));
        store_mix(out + i, byte_at(g, 0), byte_at(g, 8), _mm256_loadu_ps(axis->w + i));
    }
    return n;
}

static inline AVX2 V odd_mask(V lo)
{
    return _mm256_cmpeq_epi32(_mm256_and_si256(lo, _mm256_set1_epi32(1)), _mm256_set1_epi32(1));
}

static AVX2 gint nv12(const guint8 *row, const guint8 *pairs, gint width, const FoveaAxis *axis,
                      float *const out[3])
{
    gint n = luma(row, width, axis, out[0]);
    for (gint i = 0; i < n; i += 8) {
        V lo = _mm256_loadu_si256((const V *)(axis->lo + i));
        __m256 w = _mm256_loadu_ps(axis->w + i);
        V odd = odd_mask(lo), g = gather(pairs, _mm256_andnot_si256(_mm256_set1_epi32(1), lo));
        V u = byte_at(g, 0), v = byte_at(g, 8);
        store_mix(out[1] + i, u, _mm256_blendv_epi8(u, byte_at(g, 16), odd), w);
        store_mix(out[2] + i, v, _mm256_blendv_epi8(v, byte_at(g, 24), odd), w);
    }
    return n;
}

static AVX2 gint i420(const guint8 *row, const guint8 *const chroma[2], gint width,
                      const FoveaAxis *axis, float *const out[3])
{
    /* The chroma reads end at lo / 2 + 3, in rows of (width + 1) / 2. */
    gint n = reach(axis, MIN((gint64)width - 4, ((gint64)width + 1) / 2 * 2 - 8));
    if (luma(row, width, axis, out[0]) < n)
        return 0;
    for (gint i = 0; i < n; i += 8) {
        V lo = _mm256_loadu_si256((const V *)(axis->lo + i)), half = _mm256_srli_epi32(lo, 1);
        __m256 w = _mm256_loadu_ps(axis->w + i);
        V odd = odd_mask(lo);
        for (guint k = 0; k < 2; k++) {
            V g = gather(chroma[k], half), a = byte_at(g, 0);
            store_mix(out[k + 1] + i, a, _mm256_blendv_epi8(a, byte_at(g, 8), odd), w);
        }
    }
    return n;
}

static AVX2 gint yuy2(const guint8 *row, gint width, const FoveaAxis *axis, float *const out[3])
{
    gint n = reach(axis, (gint64)width - 2);
    for (gint i = 0; i < n; i += 8) {
        V lo = _mm256_loadu_si256((const V *)(axis->lo + i)), one = _mm256_set1_epi32(1);
        __m256 w = _mm256_loadu_ps(axis->w + i);
        V hi = _mm256_add_epi32(lo, one), odd = odd_mask(lo);
        V a = gather(row, _mm256_slli_epi32(_mm256_srli_epi32(lo, 1), 2));
        V b = gather(row, _mm256_slli_epi32(_mm256_srli_epi32(hi, 1), 2));
        store_mix(out[0] + i, _mm256_blendv_epi8(byte_at(a, 0), byte_at(a, 16), odd),
                  _mm256_blendv_epi8(byte_at(b, 16), byte_at(b, 0), odd), w);
        store_mix(out[1] + i, byte_at(a, 8), byte_at(b, 8), w);
        store_mix(out[2] + i, byte_at(a, 24), byte_at(b, 24), w);
    }
    return n;
}

static AVX2 gint rgb(const guint8 *row, gint width, const FoveaPixelLayout *layout,
                     const FoveaAxis *axis, float *const out[3])
{
    const int shift[3] = {layout->red * 8, layout->green * 8, layout->blue * 8};
    /* With three bytes a pixel the second gather reads one byte of the pixel after it. */
    gint n = reach(axis, (gint64)width - (layout->bytes == 3 ? 3 : 2));
    V bytes = _mm256_set1_epi32((int)layout->bytes);
    for (gint i = 0; i < n; i += 8) {
        V at = _mm256_mullo_epi32(_mm256_loadu_si256((const V *)(axis->lo + i)), bytes);
        __m256 w = _mm256_loadu_ps(axis->w + i);
        V a = gather(row, at), b = gather(row, _mm256_add_epi32(at, bytes));
        for (guint k = 0; k < 3; k++)
            store_mix(out[k] + i, byte_at(a, shift[k]), byte_at(b, shift[k]), w);
    }
    return n;
}

gint fovea_row_sample_avx2(const FoveaImage *image, gint y, const FoveaAxis *axis,
                           float *const out[3])
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    const guint8 *row = image->plane[0] + (gsize)y * image->stride[0];
    /* Offsets of a gather are 32-bit. */
    if (fovea_pixel_row_bytes(layout, 0, image->width) > G_MAXINT32)
        return 0;
    switch (layout->kind) {
    case FOVEA_KIND_RGB: return rgb(row, image->width, layout, axis, out);
    case FOVEA_KIND_GRAY: return luma(row, image->width, axis, out[0]);
    case FOVEA_KIND_NV12:
        return nv12(row, image->plane[1] + (gsize)(y / 2) * image->stride[1], image->width, axis,
                    out);
    case FOVEA_KIND_I420: {
        const guint8 *chroma[2] = {image->plane[1] + (gsize)(y / 2) * image->stride[1],
                                   image->plane[2] + (gsize)(y / 2) * image->stride[2]};
        return i420(row, chroma, image->width, axis, out);
    }
    case FOVEA_KIND_YUY2: return yuy2(row, image->width, axis, out);
    }
    return 0;
}

AVX2 gint fovea_row_blend_avx2(const FoveaBlend *blend, gint n, float *const a[3],
                               float *const b[3], float w, float *const to[3])
{
    const FoveaColour *colour = &blend->colour;
    __m256 weight = _mm256_set1_ps(w);
    gint done = n & ~7;
    for (gint i = 0; i < done; i += 8) {
        __m256 v[3];
        for (guint k = 0; k < 3; k++) {
            __m256 low = _mm256_loadu_ps(a[k] + i), high = _mm256_loadu_ps(b[k] + i);
            v[k] = _mm256_add_ps(low, _mm256_mul_ps(weight, _mm256_sub_ps(high, low)));
        }
        for (guint c = 0; c < 3; c++) {
            __m256 x = _mm256_mul_ps(_mm256_set1_ps(colour->m[c][0]), v[0]);
            x = _mm256_add_ps(x, _mm256_mul_ps(_mm256_set1_ps(colour->m[c][1]), v[1]));
            x = _mm256_add_ps(x, _mm256_mul_ps(_mm256_set1_ps(colour->m[c][2]), v[2]));
            x = _mm256_add_ps(x, _mm256_set1_ps(colour->offset[c]));
            x = _mm256_max_ps(_mm256_min_ps(x, _mm256_set1_ps(255)), _mm256_setzero_ps());
            x = _mm256_mul_ps(x, _mm256_set1_ps(blend->scale[c]));
            _mm256_storeu_ps(to[c] + i, _mm256_add_ps(x, _mm256_set1_ps(blend->shift[c])));
        }
    }
    return done;
}

#else

gint fovea_row_sample_avx2(const FoveaImage *image, gint y, const FoveaAxis *axis,
                           float *const out[3])
{
    return 0;
}

gint fovea_row_blend_avx2(const FoveaBlend *blend, gint n, float *const a[3], float *const b[3],
                          float w, float *const to[3])
{
    return 0;
}
#endif
