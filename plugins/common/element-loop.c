/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-loop.c: the streaming task. It takes one item after the other from the queue, does its
 * work, and pushes in order.
 */
#include "common/fovea-element-private.h"

gboolean fovea_element_is_current(FoveaElementPrivate *p, guint generation)
{
    return !p->stopping && !p->flushing && p->generation == generation;
}

/* Of the item that is processed. */
static guint work_generation(FoveaElementPrivate *p)
{
    return p->worker.thread ? p->worker.generation : p->task_generation;
}

/* Of the item that is pushed. */
static guint push_generation(FoveaElementPrivate *p, GstPad *pad)
{
    return pad == p->text.pad && p->text.task ? p->text.generation : p->task_generation;
}

static GRecMutex *push_lock(FoveaElementPrivate *p, GstPad *pad)
{
    return pad == p->text.pad && p->text.task ? &p->text.push_lock : &p->push_lock;
}

gboolean fovea_element_cancelled(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean cancelled = !fovea_element_is_current(p, work_generation(p));
    g_mutex_unlock(&p->lock);
    return cancelled;
}

GCancellable *fovea_element_cancellable(FoveaElement *self)
{
    return fovea_element_priv(self)->cancel;
}

gboolean fovea_element_is_live(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean live = p->live;
    g_mutex_unlock(&p->lock);
    return live;
}

GstClockTime fovea_element_running_time(FoveaElementPrivate *p, GstClockTime pts)
{
    if (p->segment.format != GST_FORMAT_TIME)
        return GST_CLOCK_TIME_NONE;
    return gst_segment_to_running_time(&p->segment, GST_FORMAT_TIME, pts);
}

static void set_flow(FoveaElementPrivate *p, guint generation, GstFlowReturn flow)
{
    g_mutex_lock(&p->lock);
    if (fovea_element_is_current(p, generation) && p->flow == GST_FLOW_OK) {
        p->flow = flow;
        g_cond_broadcast(&p->changed);
    }
    g_mutex_unlock(&p->lock);
}

void fovea_element_fail(FoveaElement *self, GstFlowReturn flow)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    set_flow(p, work_generation(p), flow);
}

/* Keeps the time for stall.c. */
static GstFlowReturn push_timed(FoveaElementPrivate *p, GstPad *pad, GstBuffer *buffer)
{
    gint64 now = g_get_monotonic_time();
    g_mutex_lock(&p->lock);
    if (pad == p->srcpad)
        p->stall.push_since = now;
    g_mutex_unlock(&p->lock);
    GstFlowReturn flow = gst_pad_push(pad, buffer);
    g_mutex_lock(&p->lock);
    if (pad == p->srcpad)
        p->stall.push_since = 0;
    else
        p->stall.text = g_get_monotonic_time();
    /* An unlinked text pad is no reason to stop the media. */
    if (p->combiner)
        flow = gst_flow_combiner_update_pad_flow(p->combiner, pad, flow);
    g_mutex_unlock(&p->lock);
    return flow;
}

void fovea_element_push_buffer(FoveaElement *self, GstPad *pad, GstBuffer *buffer)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    guint generation = push_generation(p, pad);
    g_rec_mutex_lock(push_lock(p, pad));
    g_mutex_lock(&p->lock);
    gboolean go = fovea_element_is_current(p, generation) && p->flow == GST_FLOW_OK;
    g_mutex_unlock(&p->lock);
    if (!go) {
        gst_buffer_unref(buffer);
    } else {
        GstFlowReturn flow = push_timed(p, pad, buffer);
        if (flow != GST_FLOW_OK)
            set_flow(p, generation, flow);
    }
    g_rec_mutex_unlock(push_lock(p, pad));
}

gboolean fovea_element_push_event(FoveaElement *self, GstPad *pad, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean ok = FALSE;
    g_rec_mutex_lock(push_lock(p, pad));
    g_mutex_lock(&p->lock);
    gboolean go = fovea_element_is_current(p, push_generation(p, pad)) ||
                  (!p->stopping && fovea_event_survives(event));
    g_mutex_unlock(&p->lock);
    if (go) /* a pad that is flushing keeps the ones that survive */
        ok = gst_pad_push_event(pad, event);
    else
        gst_event_unref(event);
    g_rec_mutex_unlock(push_lock(p, pad));
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

static void work_gap(FoveaElement *self, GstEvent *event)
{
    GstClockTime pts, duration;
    gst_event_parse_gap(event, &pts, &duration);
    gboolean known = GST_CLOCK_TIME_IS_VALID(pts) && GST_CLOCK_TIME_IS_VALID(duration);
    if (FOVEA_ELEMENT_GET_CLASS(self)->mode == FOVEA_MODE_WINDOW) {
        fovea_element_drain_task(self);
        if (known)
            fovea_text_settle(self, pts + duration);
    } else if (known) {
        fovea_text_advance(self, pts + duration, FALSE);
    }
}

gboolean fovea_element_work_event(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START: fovea_text_start(self, event); break;
    case GST_EVENT_CAPS:
        if (fovea_element_negotiate(self, event))
            break;
        fovea_element_fail(self, p->load_state == FOVEA_LOAD_FAILED ? GST_FLOW_ERROR
                                                                    : GST_FLOW_NOT_NEGOTIATED);
        return FALSE;
    case GST_EVENT_SEGMENT:
        fovea_element_drain_task(self);
        fovea_text_advance(self, GST_CLOCK_TIME_NONE, TRUE);
        gst_event_copy_segment(event, &p->segment);
        fovea_text_segment(self);
        break;
    case GST_EVENT_GAP: work_gap(self, event); break;
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
        fovea_element_drain_task(self);
        fovea_text_advance(self, GST_CLOCK_TIME_NONE, TRUE);
        fovea_text_push_event(self, gst_event_ref(event));
        break;
    default: break;
    }
    return TRUE;
}

/* Whether the worker has to be done with the event before it goes on: the end waits for the last
 * text; new caps, where waiting is no harm, until they are known to do. */
static gboolean waits_for_worker(FoveaElementPrivate *p, GstEventType type)
{
    g_mutex_lock(&p->lock);
    gboolean block = fovea_policy_effective(p) == FOVEA_OVERLOAD_BLOCK;
    g_mutex_unlock(&p->lock);
    return type == GST_EVENT_EOS || type == GST_EVENT_SEGMENT_DONE ||
           (type == GST_EVENT_CAPS && block);
}

/* Hands the event to the worker. FALSE: it goes no further. */
static gboolean share_event(FoveaElement *self, const FoveaItem *item, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstCaps *caps;
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        gst_event_parse_caps(event, &caps);
        if (!gst_audio_info_from_caps(&p->worker.info, caps))
            gst_audio_info_init(&p->worker.info); /* the worker tells */
    }
    fovea_worker_put(self, item, gst_event_ref(event));
    if (!waits_for_worker(p, GST_EVENT_TYPE(event)))
        return TRUE;
    fovea_worker_wait(self);
    g_mutex_lock(&p->lock);
    gboolean ok = p->flow == GST_FLOW_OK || p->flow == GST_FLOW_FLUSHING ||
                  GST_EVENT_TYPE(event) != GST_EVENT_CAPS;
    g_mutex_unlock(&p->lock);
    return ok;
}

static void handle_event(FoveaElement *self, FoveaItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstEvent *event = GST_EVENT_CAST(g_steal_pointer(&item->object));
    gboolean go = p->worker.thread ? share_event(self, item, event)
                                   : fovea_element_work_event(self, event);
    /* An element that makes new frames has sent its own caps. */
    if (go &&
        (GST_EVENT_TYPE(event) != GST_EVENT_CAPS || FOVEA_ELEMENT_GET_CLASS(self)->passthrough))
        fovea_element_push_event(self, p->srcpad, event);
    else
        gst_event_unref(event);
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

void fovea_element_forget(FoveaElement *self)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    gst_segment_init(&p->segment, GST_FORMAT_UNDEFINED);
    fovea_audio_reset(p);
    fovea_text_forget(self);
    if (p->negotiated && klass->reset)
        klass->reset(self);
}

static void handle_reset(FoveaElement *self, FoveaItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    p->stall.position = GST_CLOCK_TIME_NONE;
    if (p->combiner)
        gst_flow_combiner_reset(p->combiner);
    g_mutex_unlock(&p->lock);
    if (p->worker.thread)
        fovea_worker_put(self, item, NULL);
    else
        fovea_element_forget(self);
}

/* Sound goes on at once; the worker has a reference. */
static void pass_sound(FoveaElement *self, FoveaItem *item, GstBuffer *buffer)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstClockTime end = GST_BUFFER_PTS(buffer);
    if (GST_CLOCK_TIME_IS_VALID(end) && GST_BUFFER_DURATION_IS_VALID(buffer))
        end += GST_BUFFER_DURATION(buffer);
    fovea_worker_put(self, item, gst_buffer_ref(buffer));
    g_mutex_lock(&p->lock);
    p->stall.position = end;
    g_mutex_unlock(&p->lock);
    fovea_stats_latency(p, item->arrival);
    fovea_element_push_buffer(self, p->srcpad, buffer);
    fovea_worker_tell(self);
}

static void handle_buffer(FoveaElement *self, FoveaItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstBuffer *buffer = GST_BUFFER_CAST(g_steal_pointer(&item->object));
    gboolean sound = p->worker.thread != NULL;
    g_mutex_lock(&p->lock);
    gboolean go = fovea_element_is_current(p, item->generation) && p->flow == GST_FLOW_OK;
    g_mutex_unlock(&p->lock);
    if (go && !(sound ? GST_AUDIO_INFO_IS_VALID(&p->worker.info) : p->negotiated)) {
        GST_ELEMENT_ERROR(self, CORE, NEGOTIATION, ("A frame came before its format was known."),
                          (NULL));
        set_flow(p, item->generation, GST_FLOW_NOT_NEGOTIATED);
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
    if (sound) {
        pass_sound(self, item, buffer);
    } else {
        p->current = item->number;
        fovea_element_handle_frame(self, item, buffer);
    }
}

static void loop(gpointer data)
{
    FoveaElement *self = FOVEA_ELEMENT(gst_pad_get_parent_element(data));
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    FoveaItem *item = fovea_queue_pop(p);
    if (item) {
        p->task_generation = item->generation;
        if (!p->worker.thread && fovea_element_is_current(p, item->generation))
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
    case FOVEA_ITEM_RESET: handle_reset(self, item); break;
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
    fovea_worker_flush(p, TRUE);
    fovea_text_flush(p, TRUE);
    g_mutex_unlock(&p->lock);
    gst_pad_stop_task(pad);
    fovea_worker_stop(self);
    fovea_text_stop_task(self);

    g_mutex_lock(&p->lock);
    fovea_queue_clear(p, TRUE); /* what came while the tasks ended */
    fovea_worker_flush(p, TRUE);
    fovea_text_flush(p, TRUE);
    if (p->combiner)
        gst_flow_combiner_reset(p->combiner);
    g_mutex_unlock(&p->lock);
    fovea_element_forget(self);
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
    p->stall = (FoveaStall){.position = GST_CLOCK_TIME_NONE};
    g_mutex_unlock(&p->lock);
    fovea_worker_start(self);
    fovea_text_start_task(self);
    return gst_pad_start_task(pad, loop, pad, NULL);
}
