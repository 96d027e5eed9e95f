/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/planes.h: a network's output planes become a picture again. The way back of
 * media/preprocess.h. Internal.
 */
#pragma once

#include "media/pixels.h"

/* Planes of a network's output: R, G, B in this order, f32, each `height` rows of `stride` floats,
 * of which `width` count. */
typedef struct FoveaPlanes {
    const float *plane[3];
    gsize stride; /* floats from a row to the next */
    gint width, height;
    float scale, shift; /* colour in 0..255 is value * scale + shift; NaN counts as 0 */
    gint x, y; /* where the first pixel that is written lies in the planes: what they hold before
                * and after it gives the neighbours of a tile's edge. 0: they begin with it */
    gboolean keep_alpha; /* leave the fourth byte of formats that have one; else it becomes 255 */
} FoveaPlanes;

/* Writes the rectangle `where` (NULL: all) of `out`: pixel (where.x0, where.y0) of out is pixel
 * (x, y) of the planes. Colours are clamped to 0..255, then turned into YCbCr by out's matrix and
 * range, and rounded to nearest. Nothing outside `where` is written, nothing is allocated.
 *
 * Chroma at half size is sited as in MPEG-2 (left, vertically centred): the mean of two rows, and
 * of three columns with weights 1 2 1. Beyond the planes, and beyond the
 * picture, the outermost pixel stands for what is not there.
 *
 * Tiles: where chroma has half size, `where` begins at even positions. A tile whose rectangle also
 * ends at even positions (or at the picture's edge), and whose planes hold the pixel left of it
 * (x >= 1, unless it begins at 0), gives exactly what the whole picture written at once gives.
 *
 * Errors: ARGUMENT (`where` is outside out or begins at an odd position; planes too small). */
gboolean fovea_planes_write(const FoveaPlanes *planes, const FoveaImage *out,
                            const FoveaRect *where, GError **error);
