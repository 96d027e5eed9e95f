/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-queries.c: latency, caps, and the serialized queries that travel in the queue.
 */
#include "common/fovea-element-private.h"

/* Frames that we hold are missing from the pool that downstream offers: ask for more. */
static void widen_pools(FoveaElementPrivate *p, GstQuery *query)
{
    g_mutex_lock(&p->lock);
    guint held = fovea_policy_max_held(p);
    g_mutex_unlock(&p->lock);
    for (guint i = 0; i < gst_query_get_n_allocation_pools(query); i++) {
        GstBufferPool *pool;
        guint size, min, max;
        gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
        gst_query_set_nth_allocation_pool(query, i, pool, size, min + held, max ? max + held : 0);
        if (pool)
            gst_object_unref(pool);
    }
}

static gboolean allocation(FoveaElement *self, GstQuery *query)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (FOVEA_ELEMENT_GET_CLASS(self)->passthrough) {
        if (!gst_pad_peer_query(p->srcpad, query))
            return FALSE;
        widen_pools(p, query);
        return TRUE;
    }
    if (FOVEA_ELEMENT_GET_CLASS(self)->mode != FOVEA_MODE_WINDOW)
        gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    return TRUE;
}

/* In the task, in order. */
gboolean fovea_element_run_query(FoveaElement *self, GstQuery *query)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION)
        return allocation(self, query);
    if (GST_QUERY_TYPE(query) == GST_QUERY_DRAIN) {
        fovea_element_drop_pool(p); /* made again for the next frame */
        g_mutex_lock(&p->lock);
        gboolean wait = p->worker.thread && fovea_policy_effective(p) == FOVEA_OVERLOAD_BLOCK;
        g_mutex_unlock(&p->lock);
        if (wait)
            fovea_worker_wait(self);
    }
    return gst_pad_peer_query(p->srcpad, query);
}

static gboolean enqueue_query(FoveaElement *self, GstQuery *query)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaPendingQuery pending = {.query = query};
    FoveaItem *item = g_new0(FoveaItem, 1);
    item->kind = FOVEA_ITEM_QUERY;
    item->query = &pending;
    g_mutex_lock(&p->lock);
    if (p->flushing || p->stopping || p->flow != GST_FLOW_OK) {
        g_mutex_unlock(&p->lock);
        fovea_item_free(item);
        return FALSE;
    }
    fovea_queue_push(p, item);
    while (!pending.done)
        g_cond_wait(&p->changed, &p->lock);
    g_mutex_unlock(&p->lock);
    return pending.result;
}

static void answer_caps(FoveaElement *self, GstPad *pad, GstQuery *query)
{
    GstCaps *filter;
    gst_query_parse_caps(query, &filter);
    GstCaps *caps = fovea_element_query_caps(self, pad, filter);
    gst_query_set_caps_result(query, caps);
    gst_caps_unref(caps);
}

gboolean fovea_element_sink_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    FoveaElement *self = FOVEA_ELEMENT(parent);
    if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) {
        answer_caps(self, pad, query);
        return TRUE;
    }
    if (GST_QUERY_IS_SERIALIZED(query))
        return enqueue_query(self, query);
    return gst_pad_query_default(pad, parent, query);
}

/* What upstream needs, and the delay that we declare: a constant, whatever a frame takes. Sound
 * itself is not held back; its text is, unless it carries the time of its arrival. */
static gboolean latency(FoveaElement *self, GstPad *pad, GstQuery *query)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean live, sound = FOVEA_ELEMENT_GET_CLASS(self)->mode == FOVEA_MODE_WINDOW;
    GstClockTime min, max;
    if (!gst_pad_peer_query(p->sinkpad, query))
        return FALSE;
    gst_query_parse_latency(query, &live, &min, &max);
    g_mutex_lock(&p->lock);
    GstClockTime own = p->max_latency * GST_MSECOND;
    p->live = live;
    p->live_known = TRUE;
    if (!sound || (pad == p->text.pad && !fovea_text_by_arrival(p)))
        min += own;
    g_mutex_unlock(&p->lock);
    if (GST_CLOCK_TIME_IS_VALID(max)) /* what our queue can hold */
        max += own;
    gst_query_set_latency(query, live, min, max);
    return TRUE;
}

gboolean fovea_element_src_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    FoveaElement *self = FOVEA_ELEMENT(parent);
    FoveaElementPrivate *p = fovea_element_priv(self);
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY: return latency(self, pad, query);
    case GST_QUERY_CAPS:
        if (pad == p->srcpad) {
            answer_caps(self, pad, query);
            return TRUE;
        }
        break;
    default: break;
    }
    return gst_pad_query_default(pad, parent, query);
}
