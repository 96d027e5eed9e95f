/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How far a change of one pixel travels through a network, on the CPU in f32.
 */
#pragma once

#include "fovea/fovea.h"
#include "graph/reach.h"

/* A session, a random picture, and its answer to it. */
typedef struct Truth {
    gint width, height, scale_x, scale_y;
    FoveaPlan *plan;
    FoveaSession *session;
    FoveaTensor *picture, *base;
} Truth;

/* The plan is taken; its one input is [1, 3, height, width]. */
void truth_make(Truth *truth, FoveaPlan *plan, const FoveaReach *reach);
void truth_clear(Truth *truth);
/* Input positions of the output pixels that change when pixel (x, y) does. */
FoveaRect truth_changed_by(Truth *truth, gint x, gint y);
/* How far changes travelled at most, for pixels in the middle at every phase of the alignment:
 * towards larger positions (what looks left and up saw them), and towards smaller ones. */
FoveaReach truth_travelled(Truth *truth, const FoveaReach *reach);
/* The same for a diagonal of pixels, those at the edges included. */
FoveaReach truth_travelled_anywhere(Truth *truth);
/* No change travelled further than was said. */
gboolean truth_is_enough(const FoveaReach *said, const FoveaReach *far);
