/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/restore-config.h: what a restoration model's folder says about its pictures. Internal.
 *
 * Two sources: X.json beside X.onnx, or config.json and preprocessor_config.json of the Hugging
 * Face hub, in the .onnx file's folder or the one above it.
 *
 * Keys of X.json: task, scale, input_range (needed), output_range (default: input_range, without
 * mean and std), mean, std, colour (rgb, the default, or bgr), layout, pad_multiple (default 1),
 * pad_mode (reflect, the default, symmetric, edge or replicate, zero), max_tile.
 * Keys of the hub: upscale, and do_rescale, rescale_factor, do_normalize, image_mean, image_std,
 * do_pad, pad_size or size_divisor.
 */
#pragma once

#include "base/base.h"

/* What lies beyond a picture's right and bottom edge where the network takes multiples only. */
typedef enum FoveaPadMode {
    FOVEA_PAD_REFLECT = 0, /* mirrored; the last pixel is not repeated */
    FOVEA_PAD_SYMMETRIC,   /* mirrored, the last pixel included */
    FOVEA_PAD_EDGE,        /* the last pixel */
    FOVEA_PAD_ZERO,        /* zeros of the network's input */
} FoveaPadMode;

typedef struct FoveaRestoreConfig {
    char *task; /* "super-resolution", "low-light", ...; "restore" where nothing says */
    gint scale; /* output pixels of one input pixel; 0: not said */
    /* The network's input: value of plane c (in the planes' order) is colour in 0..255 *
     * in_scale[c] + in_shift[c], as in FoveaPreprocessParams. */
    float in_scale[3], in_shift[3];
    /* Its output: colour in 0..255 is value * out_scale + out_shift, as in FoveaPlanes. */
    float out_scale, out_shift;
    gboolean bgr;          /* planes of input and output in the order B, G, R */
    gint pad_multiple;     /* sides of the input are multiples of this; at least 1 */
    gboolean pad_always;   /* a side that is a multiple already gets one more (the hub's Swin2SR) */
    FoveaPadMode pad_mode; /* at the right and the bottom */
    gint max_tile;         /* larger sides are not what the network was made for; 0: not said */
    char *source;          /* the file that said so */
} FoveaRestoreConfig;

/* Errors: IO and MODEL (a file that is there is malformed), UNSUPPORTED (nothing says how pictures
 * are prepared, or it says what we do not know). */
gboolean fovea_restore_config_load(FoveaRestoreConfig *config, const char *onnx_path,
                                   GError **error);
void fovea_restore_config_clear(FoveaRestoreConfig *config);

/* Side that the network is given for a side of `size` pixels. */
gint fovea_restore_config_padded(const FoveaRestoreConfig *config, gint size);
/* Which pixel of 0..size-1 stands at `at`, which may lie anywhere outside; -1: zero. */
gint fovea_pad_source(FoveaPadMode mode, gint at, gint size);
