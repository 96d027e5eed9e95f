/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/size-plans.h: the plans of a model for the sizes of picture that were last seen, shared by
 * all streams. Internal to the task room.
 */
#pragma once

#include "fovea/plan.h"

#define FOVEA_SIZE_PLANS_MOST 8

typedef struct FoveaSizePlan {
    gint width, height; /* of the network's input */
    FoveaPlan *plan;    /* NULL: free */
    guint64 used;       /* when, counted in calls */
} FoveaSizePlan;

typedef struct FoveaSizePlans {
    GMutex lock;
    FoveaSizePlan slots[FOVEA_SIZE_PLANS_MOST];
    guint n; /* slots that are used */
    guint64 calls;
} FoveaSizePlans;

/* Keeps n plans, 1 to FOVEA_SIZE_PLANS_MOST. */
void fovea_size_plans_init(FoveaSizePlans *plans, guint n);
void fovea_size_plans_clear(FoveaSizePlans *plans);

/* The plan for a network input of this size, kept or made now by `params`, which then takes the
 * place of the one that was asked for longest ago (transfer full). All calls give the same model,
 * device and precision. Any thread; whoever wants a size that another is planning waits. */
FoveaPlan *fovea_size_plans_get(FoveaSizePlans *plans, gint width, gint height, FoveaModel *model,
                                FoveaDevice *device, const FoveaPlanParams *params, GError **error);
