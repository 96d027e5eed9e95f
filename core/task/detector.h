/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/detector.h: what lies behind FoveaDetector. Internal to the task room.
 */
#pragma once

#include "fovea/task.h"
#include "task/detect-config.h"
#include "task/size-plans.h"

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
    FoveaSizePlans plans;
};

/* The plan for a network input of this size, kept or made now (transfer full). */
FoveaPlan *fovea_detector_plan_for(FoveaDetector *detector, gint width, gint height,
                                   const FoveaDetectorParams *params, GError **error);
