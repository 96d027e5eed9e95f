/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels of planes_rows.h for processors with AVX2, eight values at a time, in the order of
 * operations of the C versions.
 */
#include "media/planes_rows.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* The second operand is what comes out for NaN. */
static inline AVX2 __m256 clamp_colour(__m256 x)
{
    x = _mm256_max_ps(x, _mm256_setzero_ps());
    return _mm256_min_ps(x, _mm256_set1_ps(255));
}

static inline AVX2 __m256 load_colour(const FoveaPlanesColour *colour, const float *from)
{
    __m256 x = _mm256_mul_ps(_mm256_loadu_ps(from), _mm256_set1_ps(colour->scale));
    return clamp_colour(_mm256_add_ps(x, _mm256_set1_ps(colour->shift)));
}

/* Rounded to nearest, in 0..255. */
static inline AVX2 __m256i to_whole(__m256 x)
{
    return _mm256_cvttps_epi32(clamp_colour(_mm256_add_ps(x, _mm256_set1_ps(0.5f))));
}

static inline AVX2 __m256 weigh(const float m[3], float offset, const __m256 v[3])
{
    __m256 x = _mm256_mul_ps(_mm256_set1_ps(m[0]), v[0]);
    x = _mm256_add_ps(x, _mm256_mul_ps(_mm256_set1_ps(m[1]), v[1]));
    x = _mm256_add_ps(x, _mm256_mul_ps(_mm256_set1_ps(m[2]), v[2]));
    return _mm256_add_ps(x, _mm256_set1_ps(offset));
}

/* Eight bytes of eight words of 0..255. */
static inline AVX2 void store_bytes(guint8 *to, __m256i words)
{
    __m128i half = _mm_packus_epi32(_mm256_castsi256_si128(words),
                                    _mm256_extracti128_si256(words, 1));
    _mm_storel_epi64((__m128i *)(void *)to, _mm_packus_epi16(half, half));
}

static inline __attribute__((always_inline)) AVX2 gint luma_any(const FoveaPlanesColour *colour,
                                                                const float *const from[3], gint n,
                                                                guint8 *to, FoveaPlanesKeep mode,
                                                                float *const keep[3])
{
    gint done = n & ~7;
    for (gint i = 0; i < done; i += 8) {
        __m256 v[3];
        for (guint c = 0; c < 3; c++) {
            v[c] = load_colour(colour, from[c] + i);
            if (mode == FOVEA_PLANES_SET)
                _mm256_storeu_ps(keep[c] + i, v[c]);
            else if (mode == FOVEA_PLANES_ADD)
                _mm256_storeu_ps(keep[c] + i, _mm256_add_ps(_mm256_loadu_ps(keep[c] + i), v[c]));
        }
        store_bytes(to + i, to_whole(weigh(colour->m[0], colour->offset[0], v)));
    }
    return done;
}

AVX2 gint fovea_planes_luma_avx2(const FoveaPlanesColour *colour, const float *const from[3],
                                 gint n, guint8 *to, FoveaPlanesKeep mode, float *const keep[3])
{
    switch (mode) {
    case FOVEA_PLANES_SET: return luma_any(colour, from, n, to, FOVEA_PLANES_SET, keep);
    case FOVEA_PLANES_ADD: return luma_any(colour, from, n, to, FOVEA_PLANES_ADD, keep);
    default: return luma_any(colour, from, n, to, FOVEA_PLANES_DROP, keep);
    }
}

/* From 16 columns around `at`, the mean at each even one; in the order 0 1 4 5 2 3 6 7. */
static inline AVX2 __m256 mean_of_three(const float *at, float weight)
{
    __m256 low = _mm256_loadu_ps(at), high = _mm256_loadu_ps(at + 8);
    __m256 before = _mm256_shuffle_ps(_mm256_loadu_ps(at - 1), _mm256_loadu_ps(at + 7), 0x88);
    __m256 even = _mm256_shuffle_ps(low, high, 0x88), odd = _mm256_shuffle_ps(low, high, 0xdd);
    __m256 sum = _mm256_add_ps(_mm256_add_ps(before, odd), _mm256_add_ps(even, even));
    return _mm256_mul_ps(sum, _mm256_set1_ps(weight));
}

AVX2 gint fovea_planes_chroma_avx2(const FoveaPlanesColour *colour, const float *const kept[3],
                                   float weight, gint n, guint8 *cb, guint8 *cr, gint step)
{
    gint done = n & ~7;
    if (step > 2)
        return 0;
    for (gint i = 0; i < done; i += 8) {
        __m256 v[3];
        for (guint c = 0; c < 3; c++)
            v[c] = mean_of_three(kept[c] + 2 * (gsize)i, weight);
        __m256i b = to_whole(weigh(colour->m[1], colour->offset[1], v));
        __m256i r = to_whole(weigh(colour->m[2], colour->offset[2], v));
        b = _mm256_permute4x64_epi64(b, 0xd8);
        r = _mm256_permute4x64_epi64(r, 0xd8);
        if (step == 1) {
            store_bytes(cb + i, b);
            store_bytes(cr + i, r);
            continue;
        }
        __m256i pairs = _mm256_or_si256(b, _mm256_slli_epi32(r, 8));
        __m128i low = _mm256_castsi256_si128(pairs), high = _mm256_extracti128_si256(pairs, 1);
        _mm_storeu_si128((__m128i *)(void *)(cb + 2 * (gsize)i), _mm_packus_epi32(low, high));
    }
    return done;
}

AVX2 gint fovea_planes_rgb_avx2(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                                const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to)
{
    const guint8 at[3] = {layout->red, layout->green, layout->blue};
    gint fourth = 8 * (6 - at[0] - at[1] - at[2]), done = n & ~7;
    gboolean three = layout->bytes == 3;
    /* Drops the fourth byte of each word. */
    const __m256i squeeze = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
                                             0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1,
                                             -1);
    const __m256i packed = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
    const __m256i mask = _mm256_setr_epi32(-1, -1, -1, -1, -1, -1, 0, 0);
    __m256i opaque = _mm256_sll_epi32(_mm256_set1_epi32(three ? 0 : 255),
                                      _mm_cvtsi32_si128(three ? 0 : fourth));
    for (gint i = 0; i < done; i += 8, to += 8 * (gsize)layout->bytes) {
        __m256i words = opaque;
        if (!three && keep_alpha)
            words = _mm256_and_si256(words, _mm256_loadu_si256((const __m256i *)(void *)to));
        for (guint c = 0; c < 3; c++) {
            __m256i v = to_whole(load_colour(colour, from[c] + i));
            words = _mm256_or_si256(words, _mm256_sll_epi32(v, _mm_cvtsi32_si128(8 * at[c])));
        }
        if (three)
            _mm256_maskstore_epi32(
                (int *)(void *)to, mask,
                _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(words, squeeze), packed));
        else
            _mm256_storeu_si256((__m256i *)(void *)to, words);
    }
    return done;
}

#else

gint fovea_planes_luma_avx2(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                            guint8 *to, FoveaPlanesKeep mode, float *const keep[3])
{
    return 0;
}

gint fovea_planes_chroma_avx2(const FoveaPlanesColour *colour, const float *const kept[3],
                              float weight, gint n, guint8 *cb, guint8 *cr, gint step)
{
    return 0;
}

gint fovea_planes_rgb_avx2(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                           const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to)
{
    return 0;
}
#endif
