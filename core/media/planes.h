/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/planes.h: a network's output planes become a picture again, and pictures are scaled
 * plainly. The way back of media/preprocess.h. Internal.
 */
#pragma once

#include "media/pixels.h"

/* Planes of a network's output: R, G, B in this order, f32, each `rows` x `stride` floats. */
typedef struct FoveaPlanes {
    const float *plane[3];
    gsize stride; /* floats from a row to the next */
    gint width, height;
    float scale, shift; /* colour in 0..255 is value * scale + shift */
} FoveaPlanes;

/* Writes the rectangle `where` of `out` from the planes, whose pixel (0, 0) lies at (where.x0,
 * where.y0) of out; planes are at least as large as where. Values are rounded to nearest and
 * clamped; YCbCr by out's matrix and range. Chroma at half size is the mean of the pixels that it is
 * sited between (MPEG-2: left, vertically centred). where begins at even positions for formats with
 * chroma at half size. Odd sizes: the last chroma sample stands for what is there.
 * Errors: ARGUMENT. */
gboolean fovea_planes_write(const FoveaPlanes *planes, const FoveaImage *out,
                            const FoveaRect *where, GError **error);

/* Plain scaling: bicubic as Pillow's BICUBIC (a = -0.5, widened when shrinking), half-pixel centres.
 * Sizes are fixed when it is made; formats, matrix and range follow the pictures. Pictures of the
 * same format, matrix and range are scaled plane by plane, without a way over R, G, B. */
typedef struct FoveaScaler FoveaScaler;
/* Errors: ARGUMENT, NO_MEMORY. */
FoveaScaler *fovea_scaler_new(gint width, gint height, gint to_width, gint to_height,
                              GError **error);
void fovea_scaler_free(FoveaScaler *scaler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaScaler, fovea_scaler_free)
/* `where` (NULL: all) is the part of `out` that is written. Same size: a copy or a conversion. */
gboolean fovea_scaler_run(FoveaScaler *scaler, const FoveaImage *image, const FoveaImage *out,
                          const FoveaRect *where, GError **error);
/* The part `where` of the scaled picture as planes R, G, B of 0..255, f32, `stride` floats a row:
 * what strength blends with. */
gboolean fovea_scaler_planes(FoveaScaler *scaler, const FoveaImage *image, const FoveaRect *where,
                             float *const planes[3], gsize stride, GError **error);
