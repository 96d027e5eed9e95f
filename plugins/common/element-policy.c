/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-policy.c: what gives when frames arrive faster than they can be processed.
 *
 * Where upstream can wait, it waits. Where it cannot (live), the oldest waiting frames give way to
 * the newest: they pass unprocessed (skip) or are thrown away (drop). How many may wait follows
 * from the declared max-latency and from how long a frame takes; with no budget it is one, so that
 * a frame waits for at most the one in work. Memory is bounded in any case.
 */
#include "common/fovea-element-private.h"

#define BLOCK_FRAMES 2
#define BLOCK_AUDIO 16 /* buffers; they are short */
#define LIVE_MAX_WAITING 8
#define HARD_FRAMES 32
#define HARD_AUDIO 4096
#define HARD_BYTES (256u << 20)

static gboolean is_audio(FoveaElement *self)
{
    return FOVEA_ELEMENT_GET_CLASS(self)->mode == FOVEA_MODE_WINDOW;
}

FoveaOverload fovea_policy_effective(FoveaElementPrivate *p)
{
    if (p->overload != FOVEA_OVERLOAD_AUTO)
        return p->overload;
    return p->live ? FOVEA_OVERLOAD_SKIP : FOVEA_OVERLOAD_BLOCK;
}

guint fovea_policy_max_held(FoveaElementPrivate *p)
{
    return 1 +
           (fovea_policy_effective(p) == FOVEA_OVERLOAD_BLOCK ? BLOCK_FRAMES : LIVE_MAX_WAITING);
}

/* Frames that may wait for the model in a live stream. */
static guint live_limit(FoveaElementPrivate *p)
{
    gint64 budget = (gint64)p->max_latency * GST_MSECOND;
    if (budget == 0 || p->stats.mean_infer <= 0)
        return 1;
    gint64 fit = budget / p->stats.mean_infer - 1; /* one is in work */
    return (guint)CLAMP(fit, 1, LIVE_MAX_WAITING);
}

/* Sound is lost more dearly than a frame: at least a second, or two windows, may wait. */
GstClockTime fovea_policy_sound_limit(FoveaElementPrivate *p)
{
    GstClockTime limit = GST_SECOND, windows = 0;
    if (fovea_policy_effective(p) != FOVEA_OVERLOAD_BLOCK)
        limit = MAX(limit + p->max_latency * GST_MSECOND, p->worker.backlog);
    if (p->audio.window && GST_AUDIO_INFO_RATE(&p->audio.info) > 0)
        windows = gst_util_uint64_scale_int(2 * (guint64)p->audio.window, GST_SECOND,
                                            GST_AUDIO_INFO_RATE(&p->audio.info));
    return MAX(limit, windows);
}

/* Sound passes at once; what its worker skips is worker.c's matter. */
static gboolean too_many(FoveaElement *self, FoveaElementPrivate *p, const FoveaItem *item)
{
    if (is_audio(self) || p->inferable == 0 || !item->infer)
        return FALSE;
    return p->inferable + 1 > live_limit(p);
}

static GList *oldest(FoveaElementPrivate *p, gboolean inferable)
{
    for (GList *link = p->queue.head; link; link = link->next) {
        const FoveaItem *item = link->data;
        if (item->kind == FOVEA_ITEM_BUFFER && (!inferable || (item->infer && !item->skip)))
            return link;
    }
    return NULL;
}

static void drop_oldest(FoveaElementPrivate *p, gboolean inferable)
{
    GList *link = oldest(p, inferable);
    /* Whoever comes next cannot join what was before the lost one. */
    for (GList *after = link->next; after; after = after->next) {
        FoveaItem *item = after->data;
        if (item->kind == FOVEA_ITEM_BUFFER) {
            item->discont = TRUE;
            break;
        }
        if (!after->next)
            p->discont_next = TRUE;
    }
    if (!link->next)
        p->discont_next = TRUE;
    fovea_queue_drop(p, link);
    p->stats.dropped++;
}

static void make_room(FoveaElement *self, FoveaElementPrivate *p, const FoveaItem *item)
{
    gboolean drop = fovea_policy_effective(p) == FOVEA_OVERLOAD_DROP;
    guint hard = is_audio(self) ? HARD_AUDIO : HARD_FRAMES;
    while (too_many(self, p, item)) {
        if (drop) {
            drop_oldest(p, TRUE);
        } else {
            fovea_queue_skip(p, oldest(p, TRUE)->data);
            p->stats.skipped++;
        }
    }
    while (p->waiting >= hard || (p->waiting > 1 && p->waiting_bytes > HARD_BYTES))
        drop_oldest(p, FALSE);
}

GstFlowReturn fovea_policy_admit(FoveaElement *self, const FoveaItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    guint generation = p->generation;
    guint limit = is_audio(self) ? BLOCK_AUDIO : BLOCK_FRAMES;
    while (!p->stopping && p->generation == generation && !p->flushing && p->flow == GST_FLOW_OK &&
           p->waiting >= limit && fovea_policy_effective(p) == FOVEA_OVERLOAD_BLOCK)
        g_cond_wait(&p->changed, &p->lock);
    if (p->stopping || p->flushing || p->generation != generation)
        return GST_FLOW_FLUSHING;
    if (p->flow == GST_FLOW_OK && fovea_policy_effective(p) != FOVEA_OVERLOAD_BLOCK)
        make_room(self, p, item);
    return p->flow;
}

gboolean fovea_policy_late(FoveaElement *self, GstClockTime running_time)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean late = FALSE;
    g_mutex_lock(&p->lock);
    if (fovea_policy_effective(p) != FOVEA_OVERLOAD_BLOCK &&
        GST_CLOCK_TIME_IS_VALID(running_time) && GST_CLOCK_TIME_IS_VALID(p->qos_earliest))
        late = running_time <= p->qos_earliest;
    g_mutex_unlock(&p->lock);
    return late;
}
