/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "task/size-plans.h"

void fovea_size_plans_init(FoveaSizePlans *plans, guint n)
{
    g_assert(n >= 1 && n <= FOVEA_SIZE_PLANS_MOST);
    memset(plans, 0, sizeof *plans);
    g_mutex_init(&plans->lock);
    plans->n = n;
}

void fovea_size_plans_clear(FoveaSizePlans *plans)
{
    for (guint i = 0; i < plans->n; i++)
        g_clear_pointer(&plans->slots[i].plan, fovea_plan_unref);
    g_mutex_clear(&plans->lock);
}

FoveaPlan *fovea_size_plans_get(FoveaSizePlans *plans, gint width, gint height, FoveaModel *model,
                                FoveaDevice *device, const FoveaPlanParams *params, GError **error)
{
    /* Making a plan under the lock lets two streams of one new size wait for one plan. */
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&plans->lock);
    FoveaSizePlan *oldest = &plans->slots[0];
    plans->calls++;
    for (guint i = 0; i < plans->n; i++) {
        FoveaSizePlan *slot = &plans->slots[i];
        if (slot->plan && slot->width == width && slot->height == height) {
            slot->used = plans->calls;
            return fovea_plan_ref(slot->plan);
        }
        if (slot->used < oldest->used)
            oldest = slot;
    }
    FoveaPlan *plan = fovea_plan_new(model, device, params, error);
    if (plan == NULL)
        return NULL;
    g_clear_pointer(&oldest->plan, fovea_plan_unref);
    *oldest = (FoveaSizePlan){width, height, plan, plans->calls};
    return fovea_plan_ref(plan);
}
