/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/tiles.h: how a picture is cut so that a network of limited reach gives what it gives for
 * the whole. Pure arithmetic, one axis at a time. Internal.
 */
#pragma once

#include "base/base.h"

/* One tile along one axis, in input pixels. The network reads begin..end-1; of its result, keep0..
 * keep1-1 is right. Where keep ranges of neighbours share pixels, they are blended linearly. */
typedef struct FoveaTile {
    gint begin, end, keep0, keep1;
} FoveaTile;

typedef struct FoveaTiling {
    gint size;    /* of the axis */
    gint tile;    /* input pixels that the network reads at most */
    gint overlap; /* input pixels that neighbours share at least */
    guint n;
    FoveaTile *tiles;
} FoveaTiling;

/* Tiles of at most `tile` pixels (raised to the least that makes progress) whose begins are
 * multiples of align, of as few different sizes as can be; together the keep ranges cover
 * 0..size-1. overlap < before + after (less than the network looks at) is allowed: then neighbours'
 * keep ranges overlap and are blended. Errors: ARGUMENT, NO_MEMORY. */
gboolean fovea_tiling_make(FoveaTiling *tiling, gint size, gint tile, gint overlap, gint before,
                           gint after, gint align, GError **error);
void fovea_tiling_clear(FoveaTiling *tiling);
/* Weight of pixel `at` (in keep) of tile i; the weights of all tiles at a pixel add up to 1. */
float fovea_tiling_weight(const FoveaTiling *tiling, guint i, gint at);
