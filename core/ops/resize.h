/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/resize.h: the taps of Resize along one axis, for the reference and for kernels. Internal.
 *
 * Resize is separable: out[o] = sum_t weight[o,t] in[index[o,t]] along one axis after the other.
 */
#pragma once

#include "ops/op.h"

typedef struct FoveaResizeAxis {
    gboolean identity; /* nothing to do along this axis; the rest is not set */
    gint64 in, out;
    guint taps;
    gint64 *index;  /* [out][taps], clamped into the input; -1 in tap 0: extrapolation value */
    double *weight; /* [out][taps] */
} FoveaResizeAxis;

/* in[0] and out[0] give sizes; in[1..3] (roi, scales, sizes) are read. Errors: NO_MEMORY, SHAPE. */
gboolean fovea_resize_axis(const FoveaNode *node, const FoveaView *const *in, const FoveaView *out,
                           guint axis, FoveaResizeAxis *table, GError **error);
void fovea_resize_axis_clear(FoveaResizeAxis *table);
