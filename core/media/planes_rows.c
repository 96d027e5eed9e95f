/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/planes_rows.h"
#include "media/rows.h"

/* Comparisons are written so that NaN becomes 0. */
static inline float clamp_colour(float x)
{
    x = x > 0 ? x : 0;
    return x < 255 ? x : 255;
}

static inline guint8 to_byte(float x)
{
    x += 0.5f;
    x = x > 0 ? x : 0;
    return (guint8)(x < 255 ? x : 255);
}

static inline float weigh(const float m[3], float offset, const float v[3])
{
    return m[0] * v[0] + m[1] * v[1] + m[2] * v[2] + offset;
}

/* Loops of a fixed length over local arrays, which compilers turn into vectors. */
#define BLOCK 32

static inline __attribute__((always_inline)) void
load_block(const FoveaPlanesColour *colour, const float *const from[3], gint i, float v[3][BLOCK])
{
    for (guint c = 0; c < 3; c++) {
        const float *at = from[c] + i;
        float scale = colour->scale, shift = colour->shift;
        for (guint k = 0; k < BLOCK; k++)
            v[c][k] = clamp_colour(at[k] * scale + shift);
    }
}

static inline __attribute__((always_inline)) void store_block(const float v[BLOCK],
                                                              guint8 to[BLOCK])
{
    gint32 whole[BLOCK];
    for (guint k = 0; k < BLOCK; k++)
        whole[k] = (gint32)clamp_colour(v[k] + 0.5f);
    for (guint k = 0; k < BLOCK; k++)
        to[k] = (guint8)whole[k];
}

static void luma_block(const FoveaPlanesColour *colour, const float *const from[3], gint i,
                       guint8 *to, FoveaPlanesKeep mode, float *const keep[3])
{
    float v[3][BLOCK], y[BLOCK];
    const float *m = colour->m[0];
    load_block(colour, from, i, v);
    for (guint c = 0; c < 3 && mode == FOVEA_PLANES_SET; c++)
        memcpy(keep[c] + i, v[c], sizeof v[c]);
    for (guint c = 0; c < 3 && mode == FOVEA_PLANES_ADD; c++) {
        float *at = keep[c] + i;
        for (guint k = 0; k < BLOCK; k++)
            at[k] += v[c][k];
    }
    for (guint k = 0; k < BLOCK; k++)
        y[k] = m[0] * v[0][k] + m[1] * v[1][k] + m[2] * v[2][k] + colour->offset[0];
    store_block(y, to + i);
}

void fovea_planes_luma_c(const FoveaPlanesColour *colour, const float *const from[3], gint begin,
                         gint n, guint8 *to, FoveaPlanesKeep mode, float *const keep[3])
{
    gint i = begin;
    for (; i + BLOCK <= n; i += BLOCK)
        luma_block(colour, from, i, to, mode, keep);
    for (; i < n; i++) {
        float v[3];
        for (guint c = 0; c < 3; c++) {
            v[c] = clamp_colour(from[c][i] * colour->scale + colour->shift);
            if (mode == FOVEA_PLANES_SET)
                keep[c][i] = v[c];
            else if (mode == FOVEA_PLANES_ADD)
                keep[c][i] += v[c];
        }
        to[i] = to_byte(weigh(colour->m[0], colour->offset[0], v));
    }
}

void fovea_planes_luma(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                       guint8 *to, FoveaPlanesKeep mode, float *const keep[3])
{
    gint done = fovea_rows_avx2() ? fovea_planes_luma_avx2(colour, from, n, to, mode, keep) : 0;
    fovea_planes_luma_c(colour, from, done, n, to, mode, keep);
}

static void chroma_block(const FoveaPlanesColour *colour, const float *const kept[3], float weight,
                         gint i, guint8 cb[BLOCK], guint8 cr[BLOCK])
{
    float v[3][BLOCK], sum[BLOCK];
    for (guint c = 0; c < 3; c++) {
        const float *at = kept[c] + 2 * (gsize)i;
        for (guint k = 0; k < BLOCK; k++)
            v[c][k] = ((at[2 * (gssize)k - 1] + at[2 * k + 1]) + (at[2 * k] + at[2 * k])) * weight;
    }
    for (guint r = 1; r < 3; r++) {
        const float *m = colour->m[r];
        for (guint k = 0; k < BLOCK; k++)
            sum[k] = m[0] * v[0][k] + m[1] * v[1][k] + m[2] * v[2][k] + colour->offset[r];
        store_block(sum, r == 1 ? cb : cr);
    }
}

void fovea_planes_chroma_c(const FoveaPlanesColour *colour, const float *const kept[3],
                           float weight, gint begin, gint n, guint8 *cb, guint8 *cr, gint step)
{
    gint i = begin;
    for (; i + BLOCK <= n; i += BLOCK) {
        guint8 b[BLOCK], r[BLOCK];
        chroma_block(colour, kept, weight, i, b, r);
        for (gint k = 0; k < BLOCK; k++) {
            cb[(gsize)(i + k) * step] = b[k];
            cr[(gsize)(i + k) * step] = r[k];
        }
    }
    for (; i < n; i++) {
        float v[3];
        for (guint c = 0; c < 3; c++) {
            const float *at = kept[c] + 2 * (gsize)i;
            v[c] = ((at[-1] + at[1]) + (at[0] + at[0])) * weight;
        }
        cb[(gsize)i * step] = to_byte(weigh(colour->m[1], colour->offset[1], v));
        cr[(gsize)i * step] = to_byte(weigh(colour->m[2], colour->offset[2], v));
    }
}

void fovea_planes_chroma(const FoveaPlanesColour *colour, const float *const kept[3], float weight,
                         gint n, guint8 *cb, guint8 *cr, gint step)
{
    gint done = fovea_rows_avx2() ? fovea_planes_chroma_avx2(colour, kept, weight, n, cb, cr, step)
                                  : 0;
    fovea_planes_chroma_c(colour, kept, weight, done, n, cb, cr, step);
}

void fovea_planes_rgb_c(const FoveaPlanesColour *colour, const float *const from[3], gint begin,
                        gint n, const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to)
{
    guint red = layout->red, green = layout->green, blue = layout->blue, bytes = layout->bytes;
    guint fourth = 6 - red - green - blue;
    gboolean opaque = bytes == 4 && !keep_alpha;
    to += (gsize)begin * bytes;
    for (gint i = begin; i < n;) {
        guint8 rgb[3][BLOCK];
        gint count = MIN(BLOCK, n - i);
        if (count == BLOCK) {
            float v[3][BLOCK];
            load_block(colour, from, i, v);
            for (guint c = 0; c < 3; c++)
                store_block(v[c], rgb[c]);
        } else {
            for (guint c = 0; c < 3; c++)
                for (gint k = 0; k < count; k++)
                    rgb[c][k] =
                        to_byte(clamp_colour(from[c][i + k] * colour->scale + colour->shift));
        }
        for (gint k = 0; k < count; k++, to += bytes) {
            to[red] = rgb[0][k];
            to[green] = rgb[1][k];
            to[blue] = rgb[2][k];
            if (opaque)
                to[fourth] = 255;
        }
        i += count;
    }
}

void fovea_planes_rgb(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                      const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to)
{
    gint done = fovea_rows_avx2() ? fovea_planes_rgb_avx2(colour, from, n, layout, keep_alpha, to)
                                  : 0;
    fovea_planes_rgb_c(colour, from, done, n, layout, keep_alpha, to);
}
