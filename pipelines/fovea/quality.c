/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "fovea/base.h"
#include "quality.h"

#define WINDOW 11
#define SIGMA 1.5

/* What SSIM needs of a window: means of a, b, aa, bb and ab. */
enum { MEAN_A, MEAN_B, MEAN_AA, MEAN_BB, MEAN_AB, MEANS };

/* The pictures without their border. */
typedef struct Pair {
    const FoveaImage *a, *b;
    gint border, width, height;
} Pair;

static guint bytes_of(const FoveaImage *image)
{
    return image->format == FOVEA_PIXEL_RGBA ? 4 : 3;
}

static const guint8 *row_of(const Pair *pair, const FoveaImage *image, gint y)
{
    return image->plane[0] + (gsize)(y + pair->border) * image->stride[0] +
           (gsize)pair->border * bytes_of(image);
}

static void luma_row(const Pair *pair, const FoveaImage *image, gint y, double *to)
{
    const guint8 *at = row_of(pair, image, y);
    for (gint x = 0; x < pair->width; x++, at += bytes_of(image))
        to[x] = 0.299 * at[0] + 0.587 * at[1] + 0.114 * at[2];
}

static double psnr(double sum, double n)
{
    return sum > 0 ? 10 * log10(255 * 255 * n / sum) : INFINITY;
}

static void measure_rgb(const Pair *pair, Quality *quality)
{
    double sum = 0;
    quality->largest = 0;
    for (gint y = 0; y < pair->height; y++) {
        const guint8 *a = row_of(pair, pair->a, y), *b = row_of(pair, pair->b, y);
        gint64 row = 0;
        for (gint x = 0; x < pair->width; x++, a += bytes_of(pair->a), b += bytes_of(pair->b))
            for (guint c = 0; c < 3; c++) {
                gint d = ABS(a[c] - b[c]);
                row += d * d;
                quality->largest = MAX(quality->largest, d);
            }
        sum += (double)row;
    }
    quality->psnr_rgb = psnr(sum, 3.0 * pair->width * pair->height);
}

static void make_window(double window[WINDOW])
{
    double sum = 0;
    for (gint i = 0; i < WINDOW; i++) {
        double d = (i - WINDOW / 2) / SIGMA;
        sum += window[i] = exp(-d * d / 2);
    }
    for (gint i = 0; i < WINDOW; i++)
        window[i] /= sum;
}

/* The five means along x, at the n places where the window lies inside the row. */
static void filter_row(const double window[WINDOW], const double *a, const double *b, gint n,
                       double *to)
{
    for (gint x = 0; x < n; x++) {
        double m[MEANS] = {0};
        for (gint k = 0; k < WINDOW; k++) {
            double w = window[k], p = a[x + k], q = b[x + k];
            m[MEAN_A] += w * p;
            m[MEAN_B] += w * q;
            m[MEAN_AA] += w * p * p;
            m[MEAN_BB] += w * q * q;
            m[MEAN_AB] += w * p * q;
        }
        memcpy(to + (gsize)x * MEANS, m, sizeof m);
    }
}

static double ssim_of(const double m[MEANS])
{
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double a = m[MEAN_A], b = m[MEAN_B];
    double aa = m[MEAN_AA] - a * a, bb = m[MEAN_BB] - b * b, ab = m[MEAN_AB] - a * b;
    return (2 * a * b + c1) * (2 * ab + c2) / ((a * a + b * b + c1) * (aa + bb + c2));
}

/* Sum over one row of windows, whose rows of means begin at `first` in the ring. */
static double ssim_row(const double window[WINDOW], double *const ring[WINDOW], gint first, gint n)
{
    double sum = 0;
    for (gint x = 0; x < n; x++) {
        double m[MEANS] = {0};
        for (gint k = 0; k < WINDOW; k++) {
            const double *from = ring[(first + k) % WINDOW] + (gsize)x * MEANS;
            for (guint i = 0; i < MEANS; i++)
                m[i] += window[k] * from[i];
        }
        sum += ssim_of(m);
    }
    return sum;
}

/* One walk over the rows for both: luma's squared error, and the windows. */
static gboolean measure_luma(const Pair *pair, Quality *quality, GError **error)
{
    gint n = pair->width - WINDOW + 1, rows = pair->height - WINDOW + 1;
    gsize wide = (gsize)pair->width, means = (gsize)MAX(n, 0) * MEANS;
    double window[WINDOW], *ring[WINDOW], error_sum = 0, ssim_sum = 0;
    double *memory = g_try_new(double, 2 * wide + WINDOW * means);
    if (memory == NULL) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY,
                    "Not enough memory to compare pictures of %d pixels in a row", pair->width);
        return FALSE;
    }
    double *a = memory, *b = a + wide;
    for (gint i = 0; i < WINDOW; i++)
        ring[i] = b + wide + (gsize)i * means;
    make_window(window);
    for (gint y = 0; y < pair->height; y++) {
        luma_row(pair, pair->a, y, a);
        luma_row(pair, pair->b, y, b);
        for (gint x = 0; x < pair->width; x++)
            error_sum += (a[x] - b[x]) * (a[x] - b[x]);
        filter_row(window, a, b, n, ring[y % WINDOW]);
        if (y >= WINDOW - 1)
            ssim_sum += ssim_row(window, ring, (y + 1) % WINDOW, n);
    }
    quality->psnr_luma = psnr(error_sum, (double)pair->width * pair->height);
    quality->ssim = n > 0 && rows > 0 ? ssim_sum / n / rows : NAN;
    g_free(memory);
    return TRUE;
}

gboolean quality_measure(const FoveaImage *a, const FoveaImage *b, gint border, Quality *quality,
                         GError **error)
{
    Pair pair = {.a = a, .b = b, .border = border};
    if (a->width != b->width || a->height != b->height) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                    "The pictures are not of one size: %d x %d and %d x %d pixels", a->width,
                    a->height, b->width, b->height);
        return FALSE;
    }
    if (border < 0 || border > (MIN(a->width, a->height) - 1) / 2) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                    "A border of %d pixels leaves nothing of a picture of %d x %d", border,
                    a->width, a->height);
        return FALSE;
    }
    pair.width = a->width - 2 * border;
    pair.height = a->height - 2 * border;
    measure_rgb(&pair, quality);
    return measure_luma(&pair, quality, error);
}
