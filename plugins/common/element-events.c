/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-events.c: what arrives on the pads: buffers and events.
 */
#include "common/fovea-element-private.h"

static void update_live(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstQuery *query = gst_query_new_latency();
    gboolean live = FALSE;
    if (gst_pad_peer_query(p->sinkpad, query))
        gst_query_parse_latency(query, &live, NULL, NULL);
    gst_query_unref(query);
    g_mutex_lock(&p->lock);
    p->live = live;
    p->live_known = TRUE;
    g_mutex_unlock(&p->lock);
}

static FoveaItem *new_item(FoveaItemKind kind, gpointer object)
{
    FoveaItem *item = g_new0(FoveaItem, 1);
    item->kind = kind;
    item->object = object;
    return item;
}

GstFlowReturn fovea_element_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    FoveaElement *self = FOVEA_ELEMENT(parent);
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean live_known = p->live_known;
    g_mutex_unlock(&p->lock);
    if (!live_known)
        update_live(self);

    FoveaItem *item = new_item(FOVEA_ITEM_BUFFER, buffer);
    item->arrival = g_get_monotonic_time();
    if (GST_BUFFER_DURATION_IS_VALID(buffer))
        item->duration = GST_BUFFER_DURATION(buffer);

    g_mutex_lock(&p->lock);
    item->number = p->next_number;
    item->infer = item->number % p->interval == 0;
    p->stall.input = item->arrival;
    GstFlowReturn flow = fovea_policy_admit(self, item);
    if (flow == GST_FLOW_OK) {
        p->next_number++;
        p->stats.frames++;
        item->discont = p->discont_next;
        p->discont_next = FALSE;
        fovea_queue_push(p, item);
        item = NULL;
    }
    g_mutex_unlock(&p->lock);
    if (item)
        fovea_item_free(item);
    return flow;
}

static gboolean flush_start(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    p->flushing = TRUE;
    p->generation++;
    p->flow = GST_FLOW_FLUSHING;
    g_cancellable_cancel(p->cancel);
    fovea_queue_clear(p, FALSE);
    fovea_worker_flush(p, FALSE);
    fovea_text_flush(p, FALSE);
    g_mutex_unlock(&p->lock);
    if (p->text.pad)
        gst_pad_push_event(p->text.pad, gst_event_ref(event));
    return gst_pad_push_event(p->srcpad, event);
}

static gboolean flush_stop(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    /* With the push lock nothing of the old generation is between its check and its push. */
    g_rec_mutex_lock(&p->push_lock);
    g_rec_mutex_lock(&p->text.push_lock);
    g_mutex_lock(&p->lock);
    p->flushing = FALSE;
    p->stall.ended = FALSE;
    p->flow = GST_FLOW_OK;
    p->discont_next = FALSE;
    p->qos_earliest = GST_CLOCK_TIME_NONE;
    fovea_queue_push(p, new_item(FOVEA_ITEM_RESET, NULL));
    g_mutex_unlock(&p->lock);
    if (p->text.pad)
        gst_pad_push_event(p->text.pad, gst_event_ref(event));
    gboolean ok = gst_pad_push_event(p->srcpad, event);
    g_rec_mutex_unlock(&p->text.push_lock);
    g_rec_mutex_unlock(&p->push_lock);
    return ok;
}

gboolean fovea_element_sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    FoveaElement *self = FOVEA_ELEMENT(parent);
    FoveaElementPrivate *p = fovea_element_priv(self);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: return flush_start(self, event);
    case GST_EVENT_FLUSH_STOP: return flush_stop(self, event);
    default: break;
    }
    if (!GST_EVENT_IS_SERIALIZED(event))
        return gst_pad_event_default(pad, parent, event);
    GstEventType type = GST_EVENT_TYPE(event);
    if (type == GST_EVENT_CAPS && FOVEA_ELEMENT_GET_CLASS(self)->mode == FOVEA_MODE_WINDOW)
        update_live(self); /* a live stream does not wait for the model, not even here */

    g_mutex_lock(&p->lock);
    gboolean ok = !p->flushing && !p->stopping;
    if (ok) {
        p->stall.input = g_get_monotonic_time();
        if (type == GST_EVENT_STREAM_START || type == GST_EVENT_EOS)
            p->stall.ended = type == GST_EVENT_EOS;
        if (type == GST_EVENT_STREAM_START)
            p->live_known = FALSE;
        if ((type == GST_EVENT_STREAM_START || type == GST_EVENT_SEGMENT) &&
            p->flow == GST_FLOW_EOS)
            p->flow = GST_FLOW_OK;
        fovea_queue_push(p, new_item(FOVEA_ITEM_EVENT, event));
    }
    g_mutex_unlock(&p->lock);
    if (!ok)
        gst_event_unref(event);
    return ok;
}

/* Remembers from which running time on frames can still be shown in time. */
static void note_qos(FoveaElementPrivate *p, GstEvent *event)
{
    GstQOSType type;
    GstClockTimeDiff diff;
    GstClockTime timestamp;
    gst_event_parse_qos(event, &type, NULL, &diff, &timestamp);
    if (!GST_CLOCK_TIME_IS_VALID(timestamp) || type == GST_QOS_TYPE_THROTTLE)
        return;
    g_mutex_lock(&p->lock);
    if (diff > 0)
        p->qos_earliest = timestamp + 2 * (GstClockTime)diff;
    else
        p->qos_earliest = (GstClockTime)(-diff) < timestamp ? timestamp + diff : 0;
    g_mutex_unlock(&p->lock);
}

/* A bin sends one seek to each of its sinks; with two source pads it would come here twice. */
static gboolean seen_seek(FoveaElementPrivate *p, GstEvent *event)
{
    if (!p->text.pad)
        return FALSE;
    guint32 seqnum = gst_event_get_seqnum(event);
    g_mutex_lock(&p->lock);
    gboolean seen = p->seek_seqnum == seqnum;
    p->seek_seqnum = seqnum;
    g_mutex_unlock(&p->lock);
    return seen;
}

gboolean fovea_element_src_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    FoveaElement *self = FOVEA_ELEMENT(parent);
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean text = pad == p->text.pad;
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_QOS:
        if (text) { /* late text is no reason to hurry the media */
            gst_event_unref(event);
            return TRUE;
        }
        note_qos(p, event);
        break;
    case GST_EVENT_SEEK:
        if (seen_seek(p, event)) {
            gst_event_unref(event);
            return TRUE;
        }
        break;
    case GST_EVENT_RECONFIGURE:
        /* Somebody may have been linked. */
        g_mutex_lock(&p->lock);
        if (p->flow == GST_FLOW_NOT_LINKED)
            p->flow = GST_FLOW_OK;
        g_mutex_unlock(&p->lock);
        if (text) {
            gst_event_unref(event);
            return TRUE;
        }
        break;
    default: break;
    }
    return gst_pad_event_default(pad, parent, event);
}
