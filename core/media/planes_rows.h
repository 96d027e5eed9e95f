/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/planes_rows.h: planes to bytes, a piece of a row at a time. Internal.
 *
 * The C versions are the specification; the AVX2 ones give the same bytes. They make a leading part
 * (a multiple of 8) and return its length; the C versions begin there.
 */
#pragma once

#include "media/pixels.h"

/* How values become components. Rows of `m` are Y, Cb, Cr over R, G, B of 0..255. */
typedef struct FoveaPlanesColour {
    float scale, shift; /* colour is value * scale + shift, then clamped to 0..255 */
    float m[3][3];
    float offset[3];
} FoveaPlanesColour;

/* What becomes of the clamped colours beside the bytes: chroma is made from them later. */
typedef enum FoveaPlanesKeep {
    FOVEA_PLANES_DROP = 0,
    FOVEA_PLANES_SET, /* keep[c][i] = colour */
    FOVEA_PLANES_ADD, /* keep[c][i] += colour */
} FoveaPlanesKeep;

/* to[i] = luma of pixel i, for i in begin..n-1. */
void fovea_planes_luma_c(const FoveaPlanesColour *colour, const float *const from[3], gint begin,
                         gint n, guint8 *to, FoveaPlanesKeep mode, float *const keep[3]);
void fovea_planes_luma(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                       guint8 *to, FoveaPlanesKeep mode, float *const keep[3]);
gint fovea_planes_luma_avx2(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                            guint8 *to, FoveaPlanesKeep mode, float *const keep[3]);

/* Chroma sample i from columns 2i-1, 2i, 2i+1 of `kept`, weighted 1 2 1, times weight; for i in
 * begin..n-1. kept[c][-1] and kept[c][2n-1] are there. Samples lie `step` bytes apart; where step
 * is 2, cr is cb + 1. */
void fovea_planes_chroma_c(const FoveaPlanesColour *colour, const float *const kept[3],
                           float weight, gint begin, gint n, guint8 *cb, guint8 *cr, gint step);
void fovea_planes_chroma(const FoveaPlanesColour *colour, const float *const kept[3], float weight,
                         gint n, guint8 *cb, guint8 *cr, gint step);
gint fovea_planes_chroma_avx2(const FoveaPlanesColour *colour, const float *const kept[3],
                              float weight, gint n, guint8 *cb, guint8 *cr, gint step);

/* Pixels of layout->bytes each, for i in begin..n-1; a fourth byte becomes 255, or stays as it is
 * (keep_alpha). */
void fovea_planes_rgb_c(const FoveaPlanesColour *colour, const float *const from[3], gint begin,
                        gint n, const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to);
void fovea_planes_rgb(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                      const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to);
gint fovea_planes_rgb_avx2(const FoveaPlanesColour *colour, const float *const from[3], gint n,
                           const FoveaPixelLayout *layout, gboolean keep_alpha, guint8 *to);
