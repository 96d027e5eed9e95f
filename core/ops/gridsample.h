/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/gridsample.h: attributes and coordinates of GridSample, shared with DeformableAttention and
 * with kernels. Internal.
 */
#pragma once

#include "ops/op.h"

typedef enum FoveaGridMode {
    FOVEA_GRID_LINEAR,
    FOVEA_GRID_NEAREST,
    FOVEA_GRID_CUBIC
} FoveaGridMode;
typedef enum FoveaGridPad {
    FOVEA_GRID_ZEROS,
    FOVEA_GRID_BORDER,
    FOVEA_GRID_REFLECTION
} FoveaGridPad;

typedef struct FoveaGrid {
    FoveaGridMode mode;
    FoveaGridPad pad;
    gboolean align;
} FoveaGrid;

void fovea_grid_init(const FoveaNode *node, FoveaGrid *grid);
/* Coordinate -1..1 to element places along an axis of n elements, then folded by the padding mode.
 * Always finite, within +-2^30. */
double fovea_grid_place(const FoveaGrid *grid, double coordinate, gint64 n);
/* Whole places by the padding mode: 0..n-1, or -1 for one that reads as zero. */
gint64 fovea_grid_fold(const FoveaGrid *grid, gint64 at, gint64 n);
/* Taps around a place: index (-1: reads as zero) and weight of up to 4. Returns how many. */
guint fovea_grid_taps(const FoveaGrid *grid, double place, gint64 n, gint64 *index, double *weight);
