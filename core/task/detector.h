/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/detector.h: what lies behind FoveaDetector. Internal to the task room.
 */
#pragma once

#include "fovea/task.h"
#include "task/detect-config.h"

/* Plans of a model whose input size follows the picture's, kept for the last sizes seen. */
#define FOVEA_DETECTOR_PLANS 4

typedef struct FoveaDetectorSlot {
    gint width, height; /* of the network's input */
    FoveaPlan *plan;    /* NULL: free */
    guint64 used;       /* when, counted in calls */
} FoveaDetectorSlot;

struct FoveaDetector {
    gatomicrefcount refs;
    FoveaDevice *device;
    FoveaModel *model;
    FoveaDetectConfig config;
    FoveaPrecision precision;
    GPtrArray *labels; /* of strings; may be empty */

    /* What each input and output is for; names belong to the model, NULL where there is none. */
    const char *image, *mask, *sizes;
    const char *out_labels, *out_boxes, *out_scores; /* FOVEA_SCORES_GIVEN */
    const char *out_logits;                          /* with out_boxes: raw */
    FoveaDtype image_dtype;
    gint model_width, model_height; /* 0: free */

    FoveaPlan *plan; /* the one made at loading */
    GMutex lock;     /* of slots */
    FoveaDetectorSlot slots[FOVEA_DETECTOR_PLANS];
    guint64 calls;
};

/* The plan for a network input of this size, from the slots or made now (transfer full). */
FoveaPlan *fovea_detector_plan_for(FoveaDetector *detector, gint width, gint height,
                                   const FoveaDetectorParams *params, GError **error);
