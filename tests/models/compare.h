/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How outputs are compared with goldens (INTERFACES.md, Tolerances).
 */
#pragma once

#include "fovea/fovea.h"

/* The worst error found so far, relative to the output's range, and the first failure. */
typedef struct Comparison {
    double worst;
    char *failure; /* NULL: all is well (g_free) */
} Comparison;

/* atol and rtol count where either is positive, else the share of the output's range. */
typedef struct Tolerance {
    double atol, rtol, of_range;
} Tolerance;

double tolerance_of_range(FoveaPrecision precision);

/* Same shape; floats within the tolerance, NaN and infinity in the same places; integers equal. */
void compare_tensors(Comparison *c, const char *name, const FoveaTensor *want,
                     const FoveaTensor *got, const Tolerance *tolerance);

/* Rows of labels, boxes (x0 y0 x1 y1) and scores as sets, both ways: every row of score `least` and
 * more has a row of its own on the other side with the same label, IoU 0.98 and a score no further
 * than `score_error`. worst is the largest difference in score of such pairs. */
typedef struct DetectionRows {
    const FoveaTensor *labels, *boxes, *scores;
} DetectionRows;
void compare_detections(Comparison *c, const DetectionRows *want, const DetectionRows *got,
                        double least, double score_error);

/* Floats: no NaN, no infinity. */
void compare_finite(Comparison *c, const char *name, const FoveaTensor *got);
