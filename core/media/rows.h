/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/rows.h: bilinear sampling without antialiasing, a row at a time. Internal.
 *
 * A row of the result needs two rows of the picture. Each is interpolated along x in the picture's
 * own components (sample), then both are blended along y, turned into R, G, B and normalised
 * (blend). Only the pixels that the result needs are read. The C versions are the specification;
 * the fast ones are chosen where the processor has AVX2.
 */
#pragma once

#include "media/pixels.h"

/* Where each of n results reads along one axis: lo, and the one after it with weight w. Positions
 * are absolute, hi[i] is lo[i] + 1 unless w[i] is 0. */
typedef struct FoveaAxis {
    gint n;
    gint32 *lo, *hi;
    float *w;
} FoveaAxis;

/* Half-pixel centres: result i looks at start + (i + 0.5) * size / n - 0.5, kept inside
 * start .. start + size - 1. The arrays have room for n. */
void fovea_axis_fill(FoveaAxis *axis, gint start, gint size, gint n);

/* Row y of the picture into out[0..2], n floats each, from result `begin` on. GRAY8 fills only
 * out[0]. */
void fovea_row_sample_c(const FoveaImage *image, gint y, const FoveaAxis *axis, gint begin,
                        float *const out[3]);
void fovea_row_sample(const FoveaImage *image, gint y, const FoveaAxis *axis, float *const out[3]);

/* Columns x0..x0+n-1 of row y as they are, chroma of half size interpolated linearly by its siting
 * (MPEG-2: left, vertically centred). For formats whose chroma has half size. */
void fovea_row_smooth(const FoveaImage *image, gint y, gint x0, gint n, float *const out[3]);

/* How blended components become values: clamp(colour, 0, 255) * scale + shift, for each plane. */
typedef struct FoveaBlend {
    FoveaColour colour; /* rows in the order of the planes that are written */
    float scale[3], shift[3];
} FoveaBlend;

/* to[c][i] from (1 - w) * a + w * b, for i in begin..n-1. a and b are three rows each. */
void fovea_row_blend_c(const FoveaBlend *blend, gint begin, gint n, float *const a[3],
                       float *const b[3], float w, float *const to[3]);
void fovea_row_blend(const FoveaBlend *blend, gint n, float *const a[3], float *const b[3], float w,
                     float *const to[3]);

/* The AVX2 parts: how many results they made (a multiple of 8); the C versions make the rest. */
gint fovea_row_sample_avx2(const FoveaImage *image, gint y, const FoveaAxis *axis,
                           float *const out[3]);
gint fovea_row_blend_avx2(const FoveaBlend *blend, gint n, float *const a[3], float *const b[3],
                          float w, float *const to[3]);
/* For tests: TRUE keeps to the C versions. */
void fovea_rows_force_c(gboolean force);
/* Whether the AVX2 parts are to be used. */
gboolean fovea_rows_avx2(void);
