/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/preprocess.h: a picture (or a region of it) becomes a network's input. Internal.
 */
#pragma once

#include "fovea/tensor.h"
#include "media/pillow.h"
#include "media/rows.h"

/* How a picture fills the network's rectangle. */
typedef enum FoveaFit {
    FOVEA_FIT_STRETCH = 0,      /* all of it, shape not kept */
    FOVEA_FIT_LETTERBOX,        /* shape kept, in the middle */
    FOVEA_FIT_LETTERBOX_CORNER, /* shape kept, at the top left */
} FoveaFit;

typedef struct FoveaPreprocessParams {
    gint width, height; /* of the network's rectangle */
    gboolean pillow;    /* resize as Pillow with `filter`; else bilinear without antialiasing */
    FoveaFilter filter;
    gboolean smooth_chroma; /* where nothing is resized, interpolate chroma of half size linearly
                             * by its siting, instead of taking the nearest sample */
    gboolean bgr;           /* planes in the order B, G, R */
    /* Value of plane c (in the planes' order): colour in 0..255 * scale + shift. */
    float scale[3], shift[3];
    float pad[3];     /* value outside the picture */
    FoveaDtype dtype; /* F32, or U8: rounded and clamped */
} FoveaPreprocessParams;

/* Where the picture lies in the network's rectangle, in its pixels. */
typedef struct FoveaPlacement {
    gint x, y, width, height;
} FoveaPlacement;

typedef struct FoveaPreprocess FoveaPreprocess;

/* Errors: ARGUMENT (sizes or type), NO_MEMORY. */
FoveaPreprocess *fovea_preprocess_new(const FoveaPreprocessParams *params, GError **error);
void fovea_preprocess_free(FoveaPreprocess *pre);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaPreprocess, fovea_preprocess_free)

/* Math: crop to region (NULL: all), resize to the placement (NULL: all), normalise; out is 3 planes
 * of height x width. Nothing is allocated once a picture of this size has been seen.
 * Errors: ARGUMENT (picture malformed, region or placement outside), NO_MEMORY. */
gboolean fovea_preprocess_run(FoveaPreprocess *pre, const FoveaImage *image,
                              const FoveaRect *region, const FoveaPlacement *placement, void *out,
                              GError **error);

/* Where a picture of this size goes. */
void fovea_fit_place(FoveaFit fit, gint from_width, gint from_height, gint width, gint height,
                     FoveaPlacement *placement);
