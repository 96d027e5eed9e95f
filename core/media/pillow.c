/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "media/pillow.h"
#include "media/rows.h"

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

/* Lays the weights out for eight results at once; what is beyond n has weights of 0. */
static gboolean fill_lanes(FoveaKernel *kernel, GError **error)
{
    gint most = 1;
    for (gint i = 0; i < kernel->n; i++)
        most = MAX(most, kernel->count[i]);
    gsize taps = ((gsize)most + 3) & ~(gsize)3, blocks = ((gsize)kernel->n + 7) / 8;
    if (blocks * taps * 8 > kernel->capacity_lanes) {
        g_clear_pointer(&kernel->lanes, fovea_free);
        kernel->capacity_lanes = 0;
        kernel->lanes = fovea_try_alloc(blocks * taps * 8, sizeof(gint32), error);
        if (kernel->lanes == NULL)
            return FALSE;
        kernel->capacity_lanes = blocks * taps * 8;
    }
    memset(kernel->lanes, 0, blocks * taps * 8 * sizeof(gint32));
    kernel->lane_taps = (gint)taps;
    for (gint i = 0; i < kernel->n; i++) {
        gint32 *to = kernel->lanes + (gsize)(i / 8) * taps * 8 + i % 8;
        for (gint k = 0; k < kernel->count[i]; k++)
            to[8 * (gsize)k] = kernel->weight[(gsize)i * kernel->taps + k];
    }
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
                        double shift, gint size, gint i)
{
    double widen = MAX(scale, 1.0), centre = (i + 0.5) * scale + shift, sum = 0;
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

gboolean fovea_kernel_fill(FoveaKernel *kernel, FoveaFilter filter, gint size, gint n, double shift,
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
            fill_result(kernel, filter, scale, support, shift, size, i);
    return fill_lanes(kernel, error);
}

void fovea_kernel_clear(FoveaKernel *kernel)
{
    fovea_free(kernel->first);
    fovea_free(kernel->count);
    fovea_free(kernel->weight);
    fovea_free(kernel->lanes);
    memset(kernel, 0, sizeof *kernel);
}

gboolean fovea_pillow_down_first(gint width, gint height, gint to_width, gint to_height)
{
    return to_height < height && height - to_height > 2 * ((gint64)width - to_width);
}

/* ---- rows of the picture ---- */

/* Work is done in blocks of a fixed size, in local arrays, which compilers turn into vectors. */
#define BLOCK 32

static void row_of_rgb(const guint8 *from, const FoveaPixelLayout *layout, gint n, guint8 *to)
{
    for (gint i = 0; i < n; i++, from += layout->bytes) {
        to[i] = from[layout->red];
        to[n + i] = from[layout->green];
        to[2 * (gsize)n + i] = from[layout->blue];
    }
}

static inline __attribute__((always_inline)) void
convert_any(const FoveaColour *colour, float v[3][BLOCK], guint8 to[3][BLOCK])
{
    for (guint c = 0; c < 3; c++) {
        float m0 = colour->m[c][0], m1 = colour->m[c][1], m2 = colour->m[c][2];
        float offset = colour->offset[c] + 0.5f;
        gint32 whole[BLOCK];
        for (guint i = 0; i < BLOCK; i++) {
            float s = m0 * v[0][i] + m1 * v[1][i] + m2 * v[2][i] + offset;
            s = s < 0 ? 0 : s;
            s = s > 255 ? 255 : s;
            whole[i] = (gint32)s;
        }
        for (guint i = 0; i < BLOCK; i++)
            to[c][i] = (guint8)whole[i];
    }
}

#if defined(__x86_64__) || defined(__i386__)
/* The same for processors with AVX2. */
static __attribute__((target("avx2"))) void convert_avx2(const FoveaColour *colour,
                                                         float v[3][BLOCK], guint8 to[3][BLOCK])
{
    convert_any(colour, v, to);
}
#endif

static void convert_block(const FoveaColour *colour, float v[3][BLOCK], guint8 to[3][BLOCK])
{
#if defined(__x86_64__) || defined(__i386__)
    if (fovea_rows_avx2()) {
        convert_avx2(colour, v, to);
        return;
    }
#endif
    convert_any(colour, v, to);
}

/* Where the components of a row start, and how far apart they are. */
typedef struct Samples {
    const guint8 *luma, *cb, *cr; /* cb and cr are NULL for grey pictures */
    gsize luma_step, chroma_step;
} Samples;

static void find_samples(const FoveaImage *image, gint y, Samples *s)
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    const guint8 *row = image->plane[0] + (gsize)y * image->stride[0];
    *s = (Samples){.luma = row, .luma_step = layout->bytes};
    switch (layout->kind) {
    case FOVEA_KIND_NV12:
        s->cb = image->plane[1] + (gsize)(y / 2) * image->stride[1];
        s->cr = s->cb + 1;
        s->chroma_step = 2;
        break;
    case FOVEA_KIND_I420:
        s->cb = image->plane[1] + (gsize)(y / 2) * image->stride[1];
        s->cr = image->plane[2] + (gsize)(y / 2) * image->stride[2];
        s->chroma_step = 1;
        break;
    case FOVEA_KIND_YUY2:
        s->cb = row + 1;
        s->cr = row + 3;
        s->chroma_step = 4;
        break;
    default: break;
    }
}

/* The components of `count` pixels from x on. */
static void load_block(const Samples *s, gint x, gint count, float v[3][BLOCK])
{
    const guint8 *luma = s->luma + (gsize)x * s->luma_step;
    for (gint k = 0; k < count; k++, luma += s->luma_step)
        v[0][k] = *luma;
    if (s->cb == NULL)
        return;
    const guint8 *cb = s->cb + (gsize)(x >> 1) * s->chroma_step;
    const guint8 *cr = s->cr + (gsize)(x >> 1) * s->chroma_step;
    /* Two pixels share a sample; the first may be the second of its pair. */
    for (gint k = 0, odd = x & 1; k < count; k++, odd ^= 1) {
        v[1][k] = *cb;
        v[2][k] = *cr;
        cb += odd ? s->chroma_step : 0;
        cr += odd ? s->chroma_step : 0;
    }
}

void fovea_pillow_row(const FoveaImage *image, const FoveaColour *colour, gint y, gint x0, gint n,
                      guint8 *to)
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    float v[3][BLOCK] = {{0}};
    guint8 rgb[3][BLOCK];
    Samples s;
    find_samples(image, y, &s);
    if (layout->kind == FOVEA_KIND_RGB) {
        row_of_rgb(s.luma + (gsize)x0 * layout->bytes, layout, n, to);
        return;
    }
    for (gint i = 0; i < n; i += BLOCK) {
        gint count = MIN(BLOCK, n - i);
        load_block(&s, x0 + i, count, v);
        convert_block(colour, v, rgb);
        for (guint c = 0; c < 3; c++)
            memcpy(to + (gsize)c * n + i, rgb[c], count);
    }
}

/* ---- resizing ---- */

/* Sums fit: 255 times a weight of 1 is 2^30, and the positive lobes of the filters add up to less
 * than 1.5. */
static inline guint8 to_byte(gint32 sum)
{
    gint32 v = sum >> FRACTION;
    return (guint8)CLAMP(v, 0, 255);
}

#define HALF (1 << (FRACTION - 1))

static void across_c(const guint8 *row, const FoveaKernel *across, gint begin, gint end, guint8 *to)
{
    for (gint i = begin; i < end; i++, to++) {
        const guint8 *from = row + across->first[i];
        const gint32 *weight = across->weight + (gsize)i * across->taps;
        gint32 sum = HALF;
        for (gint k = 0; k < across->count[i]; k++)
            sum += from[k] * weight[k];
        *to = to_byte(sum);
    }
}

void fovea_pillow_across(const guint8 *row, gint width, gint channels, const FoveaKernel *across,
                         gint begin, gint end, guint8 *to)
{
    gint aligned = MIN((begin + 7) & ~7, end);
    for (gint c = 0; c < channels; c++, row += width, to += end - begin) {
        gint done = aligned;
        across_c(row, across, begin, aligned, to);
        if (fovea_rows_avx2())
            done += fovea_pillow_across_avx2(row, width, across, aligned, end,
                                             to + (aligned - begin));
        across_c(row, across, done, end, to + (done - begin));
    }
}

static inline __attribute__((always_inline)) void
down_row(const guint8 *from, gsize pitch, const gint32 *weight, gint count, guint8 *to)
{
    gsize i = 0;
    for (; i + BLOCK <= pitch; i += BLOCK) {
        gint32 sum[BLOCK];
        guint8 bytes[BLOCK];
        for (guint j = 0; j < BLOCK; j++)
            sum[j] = HALF;
        for (gint k = 0; k < count; k++) {
            const guint8 *at = from + i + (gsize)k * pitch;
            gint32 w = weight[k];
            for (guint j = 0; j < BLOCK; j++)
                sum[j] += at[j] * w;
        }
        for (guint j = 0; j < BLOCK; j++)
            bytes[j] = to_byte(sum[j]);
        memcpy(to + i, bytes, BLOCK);
    }
    for (; i < pitch; i++) {
        gint32 sum = HALF;
        for (gint k = 0; k < count; k++)
            sum += from[i + (gsize)k * pitch] * weight[k];
        to[i] = to_byte(sum);
    }
}

#if defined(__x86_64__) || defined(__i386__)
/* The same for processors with AVX2. */
static __attribute__((target("avx2"))) void
down_row_avx2(const guint8 *from, gsize pitch, const gint32 *weight, gint count, guint8 *to)
{
    down_row(from, pitch, weight, count, to);
}
#endif

void fovea_pillow_down(const guint8 *from, gsize pitch, const FoveaKernel *down, gint y, guint8 *to)
{
    const gint32 *weight = down->weight + (gsize)y * down->taps;
#if defined(__x86_64__) || defined(__i386__)
    if (fovea_rows_avx2()) {
        down_row_avx2(from, pitch, weight, down->count[y], to);
        return;
    }
#endif
    down_row(from, pitch, weight, down->count[y], to);
}
