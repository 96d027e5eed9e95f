/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/window.h: the sliding windows of convolutions and pools: sizes, strides, pads. Internal.
 */
#pragma once

#include "ops/op.h"

#define FOVEA_WINDOW_MAX 3

/* Always three axes; absent ones lead and have size 1, so that one loop serves all ranks. */
typedef struct FoveaSlide {
    guint n; /* real spatial axes: 1 to 3 */
    gint64 in[FOVEA_WINDOW_MAX], out[FOVEA_WINDOW_MAX];
    gint64 kernel[FOVEA_WINDOW_MAX], stride[FOVEA_WINDOW_MAX], dilation[FOVEA_WINDOW_MAX];
    gint64 before[FOVEA_WINDOW_MAX], after[FOVEA_WINDOW_MAX]; /* pads, auto_pad resolved */
} FoveaSlide;

/* Of a convolution (kernel: sizes of the weight's spatial dims) or a pool (kernel: the attribute
 * kernel_shape). in and out are spatial sizes, n of them. */
void fovea_slide_init(const FoveaNode *node, guint n, const gint64 *in, const gint64 *out,
                      const gint64 *kernel, FoveaSlide *slide);
/* The same for ConvTranspose, with the roles of in and out as there (pads crop the output). */
void fovea_slide_init_transposed(const FoveaNode *node, guint n, const gint64 *in,
                                 const gint64 *out, const gint64 *kernel, FoveaSlide *slide);
/* Spatial sizes of the output: dims may be expressions. Errors: SHAPE (attributes of a wrong
 * length, or not positive). `out` gets n sizes. */
gboolean fovea_slide_infer(FoveaGraph *graph, const FoveaNode *node, guint n, const FoveaDim *in,
                           const gint64 *kernel, FoveaDim *out, GError **error);
