/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "media/rows.h"

static gint forced_c;

void fovea_rows_force_c(gboolean force)
{
    g_atomic_int_set(&forced_c, force);
}

gboolean fovea_rows_avx2(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("avx2") && !g_atomic_int_get(&forced_c);
#else
    return FALSE;
#endif
}

void fovea_axis_fill(FoveaAxis *axis, gint start, gint size, gint n)
{
    double step = (double)size / n;
    axis->n = n;
    for (gint i = 0; i < n; i++) {
        double at = (i + 0.5) * step - 0.5;
        gint lo = (gint)floor(at);
        double w = at - lo;
        if (lo < 0 || lo >= size - 1) {
            lo = CLAMP(lo, 0, size - 1);
            w = 0;
        }
        axis->lo[i] = start + lo;
        axis->hi[i] = start + MIN(lo + 1, size - 1);
        axis->w[i] = (float)w;
    }
}

static inline float mix(guint8 a, guint8 b, float w)
{
    return (float)a + w * (float)(b - a);
}

static void sample_rgb(const guint8 *row, const FoveaPixelLayout *layout, const FoveaAxis *axis,
                       gint begin, float *const out[3])
{
    guint bytes = layout->bytes;
    for (gint i = begin; i < axis->n; i++) {
        const guint8 *a = row + (gsize)axis->lo[i] * bytes, *b = row + (gsize)axis->hi[i] * bytes;
        float w = axis->w[i];
        out[0][i] = mix(a[layout->red], b[layout->red], w);
        out[1][i] = mix(a[layout->green], b[layout->green], w);
        out[2][i] = mix(a[layout->blue], b[layout->blue], w);
    }
}

static void sample_luma(const guint8 *row, gint step, const FoveaAxis *axis, gint begin, float *out)
{
    for (gint i = begin; i < axis->n; i++)
        out[i] = mix(row[(gsize)axis->lo[i] * step], row[(gsize)axis->hi[i] * step], axis->w[i]);
}

/* Chroma of pixel x is sample x / 2, `step` bytes apart. */
static void sample_chroma(const guint8 *row, gint step, const FoveaAxis *axis, gint begin,
                          float *out)
{
    for (gint i = begin; i < axis->n; i++)
        out[i] = mix(row[(gsize)(axis->lo[i] >> 1) * step], row[(gsize)(axis->hi[i] >> 1) * step],
                     axis->w[i]);
}

void fovea_row_sample_c(const FoveaImage *image, gint y, const FoveaAxis *axis, gint begin,
                        float *const out[3])
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    const guint8 *row = image->plane[0] + (gsize)y * image->stride[0];
    const guint8 *chroma;

    switch (layout->kind) {
    case FOVEA_KIND_RGB: sample_rgb(row, layout, axis, begin, out); break;
    case FOVEA_KIND_GRAY: sample_luma(row, 1, axis, begin, out[0]); break;
    case FOVEA_KIND_NV12:
        chroma = image->plane[1] + (gsize)(y / 2) * image->stride[1];
        sample_luma(row, 1, axis, begin, out[0]);
        sample_chroma(chroma, 2, axis, begin, out[1]);
        sample_chroma(chroma + 1, 2, axis, begin, out[2]);
        break;
    case FOVEA_KIND_I420:
        sample_luma(row, 1, axis, begin, out[0]);
        for (guint i = 1; i < 3; i++)
            sample_chroma(image->plane[i] + (gsize)(y / 2) * image->stride[i], 1, axis, begin,
                          out[i]);
        break;
    case FOVEA_KIND_YUY2:
        sample_luma(row, 2, axis, begin, out[0]);
        sample_chroma(row + 1, 4, axis, begin, out[1]);
        sample_chroma(row + 3, 4, axis, begin, out[2]);
        break;
    }
}

void fovea_row_sample(const FoveaImage *image, gint y, const FoveaAxis *axis, float *const out[3])
{
    gint done = fovea_rows_avx2() ? fovea_row_sample_avx2(image, y, axis, out) : 0;
    fovea_row_sample_c(image, y, axis, done, out);
}

void fovea_row_blend_c(const FoveaBlend *blend, gint begin, gint n, float *const a[3],
                       float *const b[3], float w, float *const to[3])
{
    const FoveaColour *colour = &blend->colour;
    for (gint i = begin; i < n; i++) {
        float v[3];
        for (guint k = 0; k < 3; k++)
            v[k] = a[k][i] + w * (b[k][i] - a[k][i]);
        for (guint c = 0; c < 3; c++) {
            float x = colour->m[c][0] * v[0] + colour->m[c][1] * v[1] + colour->m[c][2] * v[2] +
                      colour->offset[c];
            x = CLAMP(x, 0.0f, 255.0f);
            to[c][i] = x * blend->scale[c] + blend->shift[c];
        }
    }
}

void fovea_row_blend(const FoveaBlend *blend, gint n, float *const a[3], float *const b[3], float w,
                     float *const to[3])
{
    gint done = fovea_rows_avx2() ? fovea_row_blend_avx2(blend, n, a, b, w, to) : 0;
    fovea_row_blend_c(blend, done, n, a, b, w, to);
}
