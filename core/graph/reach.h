/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/reach.h: how far a network of pictures looks. Internal.
 *
 * Found from the graph alone: each element of each value carries the rectangle of input pixels that
 * it depends on, operator by operator (a convolution grows it, a reduction or an attention takes the
 * union, a view moves it, what is not known takes all). From the rectangles of the output follow
 * the reach, and the period with which they repeat: the alignment that tiles need (windows).
 */
#pragma once

#include "base/base.h"
#include "fovea/model.h"

typedef struct FoveaReach {
    gboolean whole;                /* an output pixel can depend on any input pixel */
    gint left, top, right, bottom; /* input pixels beyond the pixel itself; 0 where whole */
    gint align_x, align_y;         /* the pattern repeats after so many input pixels */
    gint scale_x, scale_y;         /* output pixels of one input pixel */
    gint least;                    /* smallest input side that the network takes; at least 1 */
    char *why;                     /* where whole: "ReduceMean 'node'": owned; else NULL */
} FoveaReach;

/* For a model with one picture input and one picture output, [1, C, height, width] each, whose
 * height and width are free. Errors: UNSUPPORTED (it has no such input and output, or the output's
 * size is no multiple of the input's), those of shape inference. */
gboolean fovea_reach_find(const FoveaModel *model, const char *input, const char *output,
                          FoveaReach *reach, GError **error);
void fovea_reach_clear(FoveaReach *reach);

/* The least common multiple of two alignments, both at least 1. */
gint fovea_common_multiple(gint a, gint b);
