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

void fovea_planes_luma_c(const FoveaPlanesColour *colour, const float *const from[3], gint begin,
                         gint n, guint8 *to, FoveaPlanesKeep mode, float *const keep[3])
{
    for (gint i = begin; i < n; i++) {
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

void fovea_planes_chroma_c(const FoveaPlanesColour *colour, const float *const kept[3],
                           float weight, gint begin, gint n, guint8 *cb, guint8 *cr, gint step)
{
    for (gint i = begin; i < n; i++) {
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
    guint fourth = 6 - layout->red - layout->green - layout->blue;
    gboolean opaque = layout->bytes == 4 && !keep_alpha;
    to += (gsize)begin * layout->bytes;
    for (gint i = begin; i < n; i++, to += layout->bytes) {
        to[layout->red] = to_byte(clamp_colour(from[0][i] * colour->scale + colour->shift));
        to[layout->green] = to_byte(clamp_colour(from[1][i] * colour->scale + colour->shift));
        to[layout->blue] = to_byte(clamp_colour(from[2][i] * colour->scale + colour->shift));
        if (opaque)
            to[fourth] = 255;
    }
}

void fovea_planes_rgb(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                      const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to)
{
    gint done = fovea_rows_avx2() ? fovea_planes_rgb_avx2(colour, from, n, layout, keep_alpha, to)
                                  : 0;
    fovea_planes_rgb_c(colour, from, done, n, layout, keep_alpha, to);
}
