/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "media/pillow.h"

#define FRACTION 22

static double sinc(double x)
{
    return x == 0 ? 1 : sin(x * G_PI) / (x * G_PI);
}

/* Bicubic with a = -0.5; the others by their textbook definitions. */
static double filter_at(FoveaFilter filter, double x)
{
    double d = fabs(x);
    switch (filter) {
    case FOVEA_FILTER_BOX: return x > -0.5 && x <= 0.5 ? 1 : 0;
    case FOVEA_FILTER_BILINEAR: return d < 1 ? 1 - d : 0;
    case FOVEA_FILTER_HAMMING: return d >= 1 ? 0 : sinc(d) * (0.54 + 0.46 * cos(G_PI * d));
    case FOVEA_FILTER_BICUBIC:
        if (d < 1)
            return (1.5 * d - 2.5) * d * d + 1;
        return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
    case FOVEA_FILTER_LANCZOS: return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    case FOVEA_FILTER_NEAREST: break;
    }
    return 0;
}

static double filter_support(FoveaFilter filter)
{
    switch (filter) {
    case FOVEA_FILTER_BOX: return 0.5;
    case FOVEA_FILTER_BICUBIC: return 2;
    case FOVEA_FILTER_LANCZOS: return 3;
    default: return 1;
    }
}

static gboolean reserve(FoveaKernel *kernel, gint n, gint taps, GError **error)
{
    gsize weights = (gsize)n * taps;
    if ((gsize)n > kernel->capacity_n) {
        g_clear_pointer(&kernel->first, fovea_free);
        g_clear_pointer(&kernel->count, fovea_free);
        kernel->capacity_n = 0;
        kernel->first = fovea_try_alloc(n, sizeof(gint32), error);
        kernel->count = kernel->first ? fovea_try_alloc(n, sizeof(gint32), error) : NULL;
        if (kernel->count == NULL)
            return FALSE;
        kernel->capacity_n = n;
    }
    if (weights > kernel->capacity_weights) {
        g_clear_pointer(&kernel->weight, fovea_free);
        kernel->capacity_weights = 0;
        kernel->weight = fovea_try_alloc(weights, sizeof(gint32), error);
        if (kernel->weight == NULL)
            return FALSE;
        kernel->capacity_weights = weights;
    }
    kernel->n = n;
    kernel->taps = taps;
    return TRUE;
}

/* The pixel below the centre of each result. Pillow walks by adding the step, and its rounding
 * comes with it. */
static void fill_nearest(FoveaKernel *kernel, gint size, gint n)
{
    double step = (double)size / n, at = step * 0.5;
    for (gint i = 0; i < n; i++, at += step) {
        kernel->first[i] = CLAMP((gint)at, 0, size - 1);
        kernel->count[i] = 1;
        kernel->weight[i] = 1 << FRACTION;
    }
}

static void fill_result(FoveaKernel *kernel, FoveaFilter filter, double scale, double support,
                        gint size, gint i)
{
    double widen = MAX(scale, 1.0), centre = (i + 0.5) * scale, sum = 0;
    gint first = MAX((gint)(centre - support + 0.5), 0);
    gint last = MIN((gint)(centre + support + 0.5), size);
    gint count = CLAMP(last - first, 0, kernel->taps);
    gint32 *weight = kernel->weight + (gsize)i * kernel->taps;

    kernel->first[i] = first;
    kernel->count[i] = count;
    for (gint k = 0; k < count; k++)
        sum += filter_at(filter, (k + first - centre + 0.5) / widen);
    for (gint k = 0; k < count; k++) {
        double w = filter_at(filter, (k + first - centre + 0.5) / widen);
        w = (sum != 0 ? w / sum : w) * (1 << FRACTION);
        weight[k] = (gint32)(w < 0 ? w - 0.5 : w + 0.5);
    }
}

gboolean fovea_kernel_fill(FoveaKernel *kernel, FoveaFilter filter, gint size, gint n,
                           GError **error)
{
    double scale = (double)size / n;
    double support = filter_support(filter) * MAX(scale, 1.0);
    gint taps = filter == FOVEA_FILTER_NEAREST ? 1 : (gint)ceil(support) * 2 + 1;

    if (!reserve(kernel, n, taps, error))
        return FALSE;
    if (filter == FOVEA_FILTER_NEAREST)
        fill_nearest(kernel, size, n);
    else
        for (gint i = 0; i < n; i++)
            fill_result(kernel, filter, scale, support, size, i);
    return TRUE;
}

void fovea_kernel_clear(FoveaKernel *kernel)
{
    fovea_free(kernel->first);
    fovea_free(kernel->count);
    fovea_free(kernel->weight);
    memset(kernel, 0, sizeof *kernel);
}

static inline guint8 to_byte(gint64 sum)
{
    gint64 v = (sum + (1 << (FRACTION - 1))) >> FRACTION;
    return (guint8)CLAMP(v, 0, 255);
}

static void row_of_rgb(const guint8 *from, const FoveaPixelLayout *layout, gint n, guint8 *to)
{
    for (gint i = 0; i < n; i++, from += layout->bytes, to += 3) {
        to[0] = from[layout->red];
        to[1] = from[layout->green];
        to[2] = from[layout->blue];
    }
}

gboolean fovea_pillow_down_first(gint width, gint height, gint to_width, gint to_height)
{
    return to_height < height && height - to_height > 2 * ((gint64)width - to_width);
}

void fovea_pillow_row(const FoveaImage *image, const FoveaColour *colour, gint y, gint x0, gint n,
                      guint8 *to)
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    const guint8 *luma = image->plane[0] + (gsize)y * image->stride[0], *cb = NULL, *cr = NULL;
    gsize luma_step = layout->bytes, chroma_step = 0;

    switch (layout->kind) {
    case FOVEA_KIND_RGB: row_of_rgb(luma + (gsize)x0 * layout->bytes, layout, n, to); return;
    case FOVEA_KIND_GRAY: break;
    case FOVEA_KIND_NV12:
        cb = image->plane[1] + (gsize)(y / 2) * image->stride[1];
        cr = cb + 1;
        chroma_step = 2;
        break;
    case FOVEA_KIND_I420:
        cb = image->plane[1] + (gsize)(y / 2) * image->stride[1];
        cr = image->plane[2] + (gsize)(y / 2) * image->stride[2];
        chroma_step = 1;
        break;
    case FOVEA_KIND_YUY2:
        cb = luma + 1;
        cr = luma + 3;
        chroma_step = 4;
        break;
    }
    for (gint x = x0; x < x0 + n; x++, to += 3) {
        float v[3] = {luma[x * luma_step], cb ? cb[(x >> 1) * chroma_step] : 0,
                      cr ? cr[(x >> 1) * chroma_step] : 0};
        for (guint c = 0; c < 3; c++) {
            float s = colour->m[c][0] * v[0] + colour->m[c][1] * v[1] + colour->m[c][2] * v[2] +
                      colour->offset[c] + 0.5f;
            to[c] = (guint8)CLAMP(s, 0.0f, 255.0f);
        }
    }
}

void fovea_pillow_across(const guint8 *row, const FoveaKernel *across, guint8 *to)
{
    for (gint i = 0; i < across->n; i++, to += 3) {
        const guint8 *from = row + (gsize)across->first[i] * 3;
        const gint32 *weight = across->weight + (gsize)i * across->taps;
        gint64 sum[3] = {0, 0, 0};
        for (gint k = 0; k < across->count[i]; k++, from += 3) {
            sum[0] += (gint64)from[0] * weight[k];
            sum[1] += (gint64)from[1] * weight[k];
            sum[2] += (gint64)from[2] * weight[k];
        }
        for (guint c = 0; c < 3; c++)
            to[c] = to_byte(sum[c]);
    }
}

void fovea_pillow_down(const guint8 *rows, gint width, const FoveaKernel *down, gint y, guint8 *to)
{
    const gint32 *weight = down->weight + (gsize)y * down->taps;
    gsize pitch = (gsize)width * 3;
    const guint8 *from = rows + (gsize)down->first[y] * pitch;
    for (gsize i = 0; i < pitch; i++) {
        gint64 sum = 0;
        for (gint k = 0; k < down->count[y]; k++)
            sum += (gint64)from[i + k * pitch] * weight[k];
        to[i] = to_byte(sum);
    }
}
