/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Resizing along x for processors with AVX2: eight results at a time, four of their samples with
 * one gather. It stops where a gather would read beyond the row.
 */
#include "media/pillow.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>

#define FRACTION 22

__attribute__((target("avx2"))) gint fovea_pillow_across_avx2(const guint8 *row, gint width,
                                                              const FoveaKernel *across, gint begin,
                                                              gint end, guint8 *to)
{
    const __m256i byte = _mm256_set1_epi32(255);
    gint taps = across->lane_taps, i = begin;
    for (; i + 8 <= end && across->first[i + 7] <= width - taps; i += 8, to += 8) {
        const gint32 *weight = across->lanes + (gsize)i * taps;
        __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(across->first + i));
        __m256i sum = _mm256_set1_epi32(1 << (FRACTION - 1));
        for (gint k = 0; k < taps; k += 4, weight += 32) {
            __m256i four = _mm256_i32gather_epi32((const int *)(const void *)(row + k), first, 1);
            const __m256i *w = (const __m256i *)(const void *)weight;
            __m256i a = _mm256_and_si256(four, byte);
            __m256i b = _mm256_and_si256(_mm256_srli_epi32(four, 8), byte);
            __m256i c = _mm256_and_si256(_mm256_srli_epi32(four, 16), byte);
            __m256i d = _mm256_srli_epi32(four, 24);
            a = _mm256_mullo_epi32(a, _mm256_loadu_si256(w));
            b = _mm256_mullo_epi32(b, _mm256_loadu_si256(w + 1));
            c = _mm256_mullo_epi32(c, _mm256_loadu_si256(w + 2));
            d = _mm256_mullo_epi32(d, _mm256_loadu_si256(w + 3));
            sum = _mm256_add_epi32(
                sum, _mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d)));
        }
        /* Saturation is the clamp to 0..255. */
        sum = _mm256_srai_epi32(sum, FRACTION);
        __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(sum),
                                       _mm256_extracti128_si256(sum, 1));
        _mm_storel_epi64((__m128i *)(void *)to, _mm_packus_epi16(half, half));
    }
    return i - begin;
}

#else

gint fovea_pillow_across_avx2(const guint8 *row, gint width, const FoveaKernel *across, gint begin,
                              gint end, guint8 *to)
{
    return 0;
}
#endif
