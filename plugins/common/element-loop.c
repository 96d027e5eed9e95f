/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-loop.c: the streaming task. It takes one item after the other from the queue, does its
 * work, and pushes in order.
 */
#include "common/fovea-element-private.h"

/* TRUE while the item in work still belongs to the stream; call with `lock` held. */
static gboolean is_current(FoveaElementPrivate *p)
{
    return !p->stopping && !p->flushing && p->generation == p->task_generation;
}

gboolean fovea_element_cancelled(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean cancelled = !is_current(p);
    g_mutex_unlock(&p->lock);
    return cancelled;
}

GCancellable *fovea_element_cancellable(FoveaElement *self)
{
    return fovea_element_priv(self)->cancel;
}

GstClockTime fovea_element_running_time(FoveaElementPrivate *p, GstClockTime pts)
{
    if (p->segment.format != GST_FORMAT_TIME)
        return GST_CLOCK_TIME_NONE;
    return gst_segment_to_running_time(&p->segment, GST_FORMAT_TIME, pts);
}

void fovea_element_fail(FoveaElement *self, GstFlowReturn flow)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    if (is_current(p) && p->flow == GST_FLOW_OK) {
        p->flow = flow;
        g_cond_broadcast(&p->changed);
    }
    g_mutex_unlock(&p->lock);
}

void fovea_element_push_buffer(FoveaElement *self, GstPad *pad, GstBuffer *buffer)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_rec_mutex_lock(&p->push_lock);
    g_mutex_lock(&p->lock);
    gboolean go = is_current(p) && p->flow == GST_FLOW_OK;
    g_mutex_unlock(&p->lock);
    if (!go) {
        gst_buffer_unref(buffer);
    } else {
        GstFlowReturn flow = gst_pad_push(pad, buffer);
        /* An unlinked text pad is no reason to stop the media. */
        if (p->combiner)
            flow = gst_flow_combiner_update_pad_flow(p->combiner, pad, flow);
        if (flow != GST_FLOW_OK)
            fovea_element_fail(self, flow);
    }
    g_rec_mutex_unlock(&p->push_lock);
}

gboolean fovea_element_push_event(FoveaElement *self, GstPad *pad, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean ok = FALSE;
    g_rec_mutex_lock(&p->push_lock);
    g_mutex_lock(&p->lock);
    gboolean go = is_current(p) || (!p->stopping && fovea_event_survives(event));
    g_mutex_unlock(&p->lock);
    if (go) /* a pad that is flushing keeps the ones that survive */
        ok = gst_pad_push_event(pad, event);
    else
        gst_event_unref(event);
    g_rec_mutex_unlock(&p->push_lock);
    return ok;
}

/* One message a second at most: a stream of bad frames must not flood the bus. */
void fovea_element_report_error(FoveaElement *self, GError *error)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (fovea_element_cancelled(self)) {
        g_clear_error(&error);
        return;
    }
    if (!error)
        error = g_error_new_literal(FOVEA_ERROR, FOVEA_ERROR_FAILED,
                                    "A frame could not be processed.");
    g_mutex_lock(&p->lock);
    p->stats.errors++;
    g_mutex_unlock(&p->lock);
    if (g_error_matches(error, FOVEA_ERROR, FOVEA_ERROR_DEVICE_LOST)) {
        fovea_element_post_error(self, GST_MESSAGE_ERROR, error);
        fovea_element_fail(self, GST_FLOW_ERROR);
    } else {
        gint64 now = g_get_monotonic_time();
        GST_INFO_OBJECT(self, "frame %" G_GUINT64_FORMAT ": %s", p->current, error->message);
        if (p->last_warning == 0 || now - p->last_warning > G_USEC_PER_SEC) {
            fovea_element_post_error(self, GST_MESSAGE_WARNING, error);
            p->last_warning = now;
        }
    }
    g_error_free(error);
}

/* What the task holds back comes out: the sound of a last window, its last text. */
void fovea_element_drain_task(FoveaElement *self)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    GError *error = NULL;
    if (!p->negotiated)
        return;
    if (klass->mode == FOVEA_MODE_WINDOW)
        fovea_audio_drain(self);
    if (klass->drain && !klass->drain(self, &error))
        fovea_element_report_error(self, error);
}

static void handle_gap(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstClockTime pts, duration;
    gst_event_parse_gap(event, &pts, &duration);
    if (FOVEA_ELEMENT_GET_CLASS(self)->mode == FOVEA_MODE_WINDOW)
        fovea_element_drain_task(self);
    fovea_element_push_event(self, p->srcpad, event);
    if (GST_CLOCK_TIME_IS_VALID(pts) && GST_CLOCK_TIME_IS_VALID(duration))
        fovea_text_advance(self, pts + duration, FALSE);
}

static void handle_segment(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    fovea_element_drain_task(self);
    fovea_text_advance(self, GST_CLOCK_TIME_NONE, TRUE);
    gst_event_copy_segment(event, &p->segment);
    fovea_element_push_event(self, p->srcpad, event);
    fovea_text_segment(self);
}

static void handle_event(FoveaElement *self, FoveaItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstEvent *event = GST_EVENT_CAST(g_steal_pointer(&item->object));
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
        fovea_text_start(self, event);
        fovea_element_push_event(self, p->srcpad, event);
        break;
    case GST_EVENT_CAPS:
        if (!fovea_element_negotiate(self, event))
            fovea_element_fail(self, p->load_state == FOVEA_LOAD_FAILED ? GST_FLOW_ERROR
                                                                        : GST_FLOW_NOT_NEGOTIATED);
        break;
    case GST_EVENT_SEGMENT: handle_segment(self, event); break;
    case GST_EVENT_GAP: handle_gap(self, event); break;
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
        fovea_element_drain_task(self);
        fovea_text_advance(self, GST_CLOCK_TIME_NONE, TRUE);
        fovea_text_push_event(self, gst_event_ref(event));
        fovea_element_push_event(self, p->srcpad, event);
        break;
    default: fovea_element_push_event(self, p->srcpad, event); break;
    }
}

static void handle_query(FoveaElement *self, FoveaItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean result = fovea_element_run_query(self, item->query->query);
    g_mutex_lock(&p->lock);
    item->query->result = result;
    item->query->done = TRUE;
    g_cond_broadcast(&p->changed);
    g_mutex_unlock(&p->lock);
}

static void handle_reset(FoveaElement *self)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    gst_segment_init(&p->segment, GST_FORMAT_UNDEFINED);
    fovea_audio_reset(p);
    fovea_text_reset(p);
    if (p->combiner)
        gst_flow_combiner_reset(p->combiner);
    if (p->negotiated && klass->reset)
        klass->reset(self);
}

static void handle_buffer(FoveaElement *self, FoveaItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstBuffer *buffer = GST_BUFFER_CAST(g_steal_pointer(&item->object));
    p->current = item->number;
    g_mutex_lock(&p->lock);
    gboolean go = is_current(p) && p->flow == GST_FLOW_OK;
    g_mutex_unlock(&p->lock);
    if (go && !p->negotiated) {
        GST_ELEMENT_ERROR(self, CORE, NEGOTIATION, ("A frame came before its format was known."),
                          (NULL));
        fovea_element_fail(self, GST_FLOW_NOT_NEGOTIATED);
        go = FALSE;
    }
    if (!go) {
        gst_buffer_unref(buffer);
        return;
    }
    if (item->discont) {
        buffer = gst_buffer_make_writable(buffer);
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    }
    if (FOVEA_ELEMENT_GET_CLASS(self)->mode == FOVEA_MODE_WINDOW)
        fovea_element_handle_audio(self, item, buffer);
    else
        fovea_element_handle_frame(self, item, buffer);
}

static void loop(gpointer data)
{
    FoveaElement *self = FOVEA_ELEMENT(gst_pad_get_parent_element(data));
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    FoveaItem *item = fovea_queue_pop(p);
    if (item) {
        p->task_generation = item->generation;
        if (is_current(p))
            g_cancellable_reset(p->cancel);
    }
    g_mutex_unlock(&p->lock);
    if (!item) {
        gst_pad_pause_task(p->srcpad);
        gst_object_unref(self);
        return;
    }
    switch (item->kind) {
    case FOVEA_ITEM_BUFFER: handle_buffer(self, item); break;
    case FOVEA_ITEM_EVENT: handle_event(self, item); break;
    case FOVEA_ITEM_QUERY: handle_query(self, item); break;
    case FOVEA_ITEM_RESET: handle_reset(self); break;
    }
    fovea_item_free(item);
    gst_object_unref(self);
}

static void stop_task(FoveaElement *self, GstPad *pad)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    p->stopping = TRUE;
    p->generation++;
    p->flow = GST_FLOW_FLUSHING;
    g_cancellable_cancel(p->cancel);
    fovea_queue_clear(p, TRUE);
    g_mutex_unlock(&p->lock);
    gst_pad_stop_task(pad);

    g_mutex_lock(&p->lock);
    fovea_queue_clear(p, TRUE); /* what came while the task ended */
    g_mutex_unlock(&p->lock);
    handle_reset(self);
    p->negotiated = FALSE;
    p->text.started = FALSE;
    gst_caps_replace(&p->in_caps, NULL);
    gst_caps_replace(&p->out_caps, NULL);
    fovea_element_drop_pool(p);
}

gboolean fovea_element_src_activate(GstPad *pad, GstObject *parent, GstPadMode mode,
                                    gboolean active)
{
    FoveaElement *self = FOVEA_ELEMENT(parent);
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    if (!active) {
        stop_task(self, pad);
        return TRUE;
    }
    g_mutex_lock(&p->lock);
    p->stopping = p->flushing = FALSE;
    p->flow = GST_FLOW_OK;
    p->live_known = FALSE;
    p->discont_next = FALSE;
    p->qos_earliest = GST_CLOCK_TIME_NONE;
    p->next_number = 0;
    p->last_warning = 0;
    g_mutex_unlock(&p->lock);
    return gst_pad_start_task(pad, loop, pad, NULL);
}
