/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/postprocess.h: a detector's raw outputs become FoveaDetections. Internal.
 *
 * Math: as post_process_object_detection of transformers' models, then: boxes mapped to the picture
 * and clipped to it, empty ones dropped, best score first (equal scores by query). A score or a box
 * that is not a number is dropped.
 */
#pragma once

#include "fovea/task.h"
#include "task/detect-config.h"

/* From the network's box coordinates to the picture's pixels: (value - from) * scale + to. */
typedef struct FoveaBoxMap {
    double from_x, from_y, scale_x, scale_y, to_x, to_y;
    gint width, height; /* of the picture: boxes are clipped to it */
} FoveaBoxMap;

typedef struct FoveaCandidate {
    gfloat score; /* or a logit, while they are being chosen */
    guint32 index;
} FoveaCandidate;

/* What the network said about one picture. */
typedef struct FoveaRawDetections {
    guint queries, classes;
    const float *boxes;   /* queries x 4: x0 y0 x1 y1, or centre and size where there are logits */
    const float *logits;  /* queries x classes; NULL where scores are given */
    const float *scores;  /* queries */
    const gint64 *labels; /* queries */
} FoveaRawDetections;

typedef struct FoveaPostprocess {
    FoveaScores kind;
    guint top_k;             /* at most this many; 0: queries */
    const GPtrArray *labels; /* names, or NULL */
    FoveaCandidate *scratch; /* fovea_postprocess_room of them */
} FoveaPostprocess;

/* Candidates that the scratch needs room for. */
gsize fovea_postprocess_room(guint queries, guint classes, guint top_k);

/* Empties detections and fills them. Allocates nothing but what detections needs to grow. */
void fovea_postprocess_run(const FoveaPostprocess *post, const FoveaRawDetections *raw,
                           const FoveaBoxMap *map, const FoveaDetectParams *params,
                           GArray *detections);
