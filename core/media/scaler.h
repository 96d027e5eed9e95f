/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/scaler.h: pictures scaled plainly, without a network. Internal.
 *
 * Bicubic to the bit as Pillow's BICUBIC (a = -0.5, widened when shrinking, half-pixel centres);
 * only alpha is scaled beside the colours, not multiplied into them. Chroma of half size is scaled
 * as a picture of its own, and stays sited as in MPEG-2.
 */
#pragma once

#include "media/pixels.h"

/* Sizes are fixed when it is made; formats, matrix and range follow the pictures. Pictures of the
 * same colours (R, G, B both, or YCbCr of the same matrix and range) are scaled component by
 * component; else the way goes over R, G, B with chroma interpolated. One thread at a time; its
 * memory is kept from call to call, a few rows whatever the height. */
typedef struct FoveaScaler FoveaScaler;
/* Errors: ARGUMENT, NO_MEMORY. */
FoveaScaler *fovea_scaler_new(gint width, gint height, gint to_width, gint to_height,
                              GError **error);
void fovea_scaler_free(FoveaScaler *scaler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaScaler, fovea_scaler_free)
/* `where` (NULL: all) is the part of `out` that is written; it begins at even positions where
 * out's chroma has half size. Same size: a copy or a conversion.
 * Errors: ARGUMENT (a picture's size or format, where), NO_MEMORY. */
gboolean fovea_scaler_run(FoveaScaler *scaler, const FoveaImage *image, const FoveaImage *out,
                          const FoveaRect *where, GError **error);
/* The part `where` (NULL: all) of the scaled picture as planes R, G, B of 0..255, f32, `stride`
 * floats a row: what strength blends with. */
gboolean fovea_scaler_planes(FoveaScaler *scaler, const FoveaImage *image, const FoveaRect *where,
                             float *const planes[3], gsize stride, GError **error);
