/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/pillow.h: resizing as Pillow does it, to the last bit. Internal.
 *
 * Models of the Hugging Face hub were fed by Pillow's Image.resize: 8-bit R, G, B; a filter that is
 * widened when the picture shrinks; fixed-point weights; along one axis, then along the other,
 * rounded to 8 bits after each. Source: Pillow's documentation of Image.resize and its observed results
 * (tests/media/make_pillow.py).
 */
#pragma once

#include "media/pixels.h"

/* The numbers are those of PIL.Image.Resampling. */
typedef enum FoveaFilter {
    FOVEA_FILTER_NEAREST = 0,
    FOVEA_FILTER_LANCZOS = 1,
    FOVEA_FILTER_BILINEAR = 2,
    FOVEA_FILTER_BICUBIC = 3,
    FOVEA_FILTER_BOX = 4,
    FOVEA_FILTER_HAMMING = 5,
} FoveaFilter;

/* The weights of one axis: result i is the sum of count[i] samples from first[i] on. */
typedef struct FoveaKernel {
    gint n, taps;
    gint32 *first, *count;
    gint32 *weight; /* n x taps, 22 fractional bits */
    /* The same for eight results at once: of each eight, lane_taps (a multiple of 4) times eight. */
    gint lane_taps;
    gint32 *lanes;
    gsize capacity_n, capacity_weights, capacity_lanes;
} FoveaKernel;

/* Weights for size samples to n results, that look `shift` samples further on than Pillow's do (0
 * for it; NEAREST knows none). Memory is kept from call to call. Errors: NO_MEMORY. */
gboolean fovea_kernel_fill(FoveaKernel *kernel, FoveaFilter filter, gint size, gint n, double shift,
                           GError **error);
void fovea_kernel_clear(FoveaKernel *kernel);

/* Pillow 13 resizes along y first where that shrinks the picture more than twice as many rows as it
 * loses columns; else along x first. The order shows in the rounding. */
gboolean fovea_pillow_down_first(gint width, gint height, gint to_width, gint to_height);

/* Rows of bytes are planar: `channels` pieces one after the other (R, G, B). */

/* Columns x0..x0+n-1 of row y of the picture as R, G, B, rounded to nearest. */
void fovea_pillow_row(const FoveaImage *image, const FoveaColour *colour, gint y, gint x0, gint n,
                      guint8 *to);
/* A row of channels x `width` resized along x: its results begin..end-1, of each channel. */
void fovea_pillow_across(const guint8 *row, gint width, gint channels, const FoveaKernel *across,
                         gint begin, gint end, guint8 *to);
/* Result row y, `pitch` bytes, from as many rows as its kernel has; `from` is row first[y]. */
void fovea_pillow_down(const guint8 *from, gsize pitch, const FoveaKernel *down, gint y,
                       guint8 *to);

/* The AVX2 part of fovea_pillow_across, for one channel: results from begin (a multiple of 8) on;
 * returns how many it made (also a multiple of 8). */
gint fovea_pillow_across_avx2(const guint8 *row, gint width, const FoveaKernel *across, gint begin,
                              gint end, guint8 *to);
