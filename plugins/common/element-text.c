/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-text.c: the sparse text pad. Whoever joins it with the media (a muxer, an overlay) can
 * only go on when it knows up to which time there will be no more text: that is what GAPs tell.
 *
 * Beside sound the pad has a task of its own: what the worker says is queued for it, so that a
 * consumer that takes its time (an overlay keeps a text until its end) does not stop the worker.
 */
#include <string.h>

#include "common/fovea-element-private.h"
#include "common/fovea-meta.h"

#define GAP_DUE (400 * GST_MSECOND) /* so that with the next frame it is not more than 500 ms */
/* By arrival a text is shown this much after now, and GAPs promise silence up to there, often
 * enough for every picture of a live stream to find its time settled. */
#define ARRIVAL_LEAD (100 * GST_MSECOND)
#define ARRIVAL_DUE (40 * GST_MSECOND)
#define ARRIVAL_TICK (40 * G_TIME_SPAN_MILLISECOND)
#define IDLE_TICK (500 * G_TIME_SPAN_MILLISECOND)
#define SHORTEST GST_SECOND /* a late text is shown for at least so long */
#define MAX_QUEUED 1000

/* ---- times; all in the segment of the text pad ---- */

gboolean fovea_text_by_arrival(FoveaElementPrivate *p)
{
    FoveaTextTiming timing = p->text_timing;
    if (timing == FOVEA_TEXT_AUTO)
        timing = p->live && p->max_latency == 0 ? FOVEA_TEXT_ARRIVAL : FOVEA_TEXT_SPOKEN;
    return timing == FOVEA_TEXT_ARRIVAL;
}

static gboolean by_arrival(FoveaElementPrivate *p)
{
    g_mutex_lock(&p->lock);
    gboolean arrival = fovea_text_by_arrival(p);
    g_mutex_unlock(&p->lock);
    return arrival;
}

/* The time of a text that is ready now; NONE where no clock runs or it lies outside. */
static GstClockTime arrival_time(FoveaElement *self, FoveaElementPrivate *p)
{
    const FoveaText *t = &p->text;
    GstClock *clock = gst_element_get_clock(GST_ELEMENT(self));
    if (!clock || !t->segment_sent) {
        gst_clear_object(&clock);
        return GST_CLOCK_TIME_NONE;
    }
    GstClockTime now = gst_clock_get_time(clock),
                 base = gst_element_get_base_time(GST_ELEMENT(self));
    gst_object_unref(clock);
    if (!GST_CLOCK_TIME_IS_VALID(now) || !GST_CLOCK_TIME_IS_VALID(base) || now < base)
        return GST_CLOCK_TIME_NONE;
    return gst_segment_position_from_running_time(&t->segment, GST_FORMAT_TIME,
                                                  now - base + (t->task ? ARRIVAL_LEAD : 0));
}

static GstClockTime later(GstClockTime a, GstClockTime b)
{
    if (!GST_CLOCK_TIME_IS_VALID(a))
        return b;
    return GST_CLOCK_TIME_IS_VALID(b) ? MAX(a, b) : a;
}

/* ---- what the pad's task does ---- */

void fovea_text_reset(FoveaElementPrivate *p)
{
    FoveaText *t = &p->text;
    t->segment_sent = FALSE;
    gst_segment_init(&t->segment, GST_FORMAT_TIME);
    t->position = t->last_start = t->settled = GST_CLOCK_TIME_NONE;
}

static void send_event(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (p->text.started)
        fovea_element_push_event(self, p->text.pad, event);
    else
        gst_event_unref(event);
}

static void send_gap(FoveaElement *self, GstClockTime until, GstClockTime due)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaText *t = &p->text;
    if (!t->segment_sent || !GST_CLOCK_TIME_IS_VALID(until) || until <= t->position)
        return;
    if (until - t->position < due * MAX(ABS(t->segment.rate), 0.01))
        return;
    send_event(self, gst_event_new_gap(t->position, until - t->position));
    t->position = until;
}

static void do_start(FoveaElement *self, GstEvent *stream_start)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    p->text.started = TRUE;
    send_event(self, gst_event_ref(stream_start));
    GstCaps *caps = gst_pad_get_pad_template_caps(p->text.pad);
    caps = gst_caps_fixate(gst_caps_make_writable(caps));
    send_event(self, gst_event_new_caps(caps));
    gst_caps_unref(caps);
}

static void do_segment(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    fovea_text_reset(p);
    gst_event_copy_segment(event, &p->text.segment);
    p->text.position = p->text.segment.start;
    p->text.segment_sent = TRUE;
    send_event(self, gst_event_ref(event));
    /* Promises nothing, but a sink that waits for a first text before it plays has got one: the
     * sound that would settle more may wait for that sink. */
    if (p->text.task)
        send_event(self, gst_event_new_gap(p->text.position, 0));
}

static void do_advance(FoveaElement *self, const FoveaTextItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean force = item->force;
    if (!p->text.manual || item->drained)
        p->text.settled = later(p->text.settled, item->until);
    /* By arrival no text will be earlier than now, however late its speech is understood. */
    GstClockTime settled = p->text.settled;
    gboolean arrival = !force && by_arrival(p);
    if (arrival)
        settled = later(settled, arrival_time(self, p));
    send_gap(self, settled, force ? 0 : arrival && p->text.task ? ARRIVAL_DUE : GAP_DUE);
}

/* A text that is ready now, behind the one that is shown; it makes up for waiting by being shorter.
 * What is not final stays out of the way of what comes. */
static void place_by_arrival(FoveaElement *self, GstBuffer *buffer, gboolean partial)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstClockTime now = arrival_time(self, p), length = GST_BUFFER_DURATION(buffer);
    GstClockTime start = later(later(GST_BUFFER_PTS(buffer), now), p->text.position);
    GST_BUFFER_PTS(buffer) = start;
    if (!GST_CLOCK_TIME_IS_VALID(length))
        return;
    GstClockTime late = GST_CLOCK_TIME_IS_VALID(now) && start > now ? start - now : 0;
    if (partial)
        length = MIN(length, SHORTEST);
    else if (late > 0 && length > SHORTEST)
        length = length > late + SHORTEST ? length - late : SHORTEST;
    GST_BUFFER_DURATION(buffer) = length;
}

static void do_buffer(FoveaElement *self, GstBuffer *buffer, gboolean partial)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaText *t = &p->text;
    if (!t->segment_sent)
        return;
    if (by_arrival(p))
        place_by_arrival(self, buffer, partial);
    /* A GAP has promised that nothing comes before the position. */
    GstClockTime start = later(GST_BUFFER_PTS(buffer), t->position);
    GstClockTime length = GST_BUFFER_DURATION(buffer);
    GST_BUFFER_PTS(buffer) = start;
    send_gap(self, start, 0);
    t->last_start = start;
    if (!partial && GST_CLOCK_TIME_IS_VALID(length))
        t->position = later(t->position, start + length);
    fovea_element_push_buffer(self, t->pad, gst_buffer_ref(buffer));
}

static void do_item(FoveaElement *self, FoveaTextItem *item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaText *t = &p->text;
    switch (item->kind) {
    case FOVEA_TEXT_START: do_start(self, GST_EVENT_CAST(item->object)); break;
    case FOVEA_TEXT_SEGMENT: do_segment(self, GST_EVENT_CAST(item->object)); break;
    case FOVEA_TEXT_BUFFER: do_buffer(self, GST_BUFFER_CAST(item->object), item->partial); break;
    case FOVEA_TEXT_SETTLE:
        t->manual = TRUE;
        t->settled = later(t->settled, item->until);
        send_gap(self, t->settled, GAP_DUE);
        break;
    case FOVEA_TEXT_ADVANCE: do_advance(self, item); break;
    case FOVEA_TEXT_EVENT: send_event(self, gst_event_ref(GST_EVENT_CAST(item->object))); break;
    case FOVEA_TEXT_RESET: fovea_text_reset(p); break;
    }
}

/* ---- the pad's task ---- */

static void item_free(FoveaTextItem *item)
{
    if (item->object)
        gst_mini_object_unref(item->object);
    g_free(item);
}

/* Waits; NULL: the time is up, or (stopping) the pads are. */
static FoveaTextItem *next_item(FoveaElementPrivate *p, gboolean *stopping)
{
    FoveaText *t = &p->text;
    g_mutex_lock(&p->lock);
    gint64 now = g_get_monotonic_time();
    gboolean in_time = TRUE;
    while (in_time && !p->stopping && (p->flushing || g_queue_is_empty(&t->queue)))
        in_time = g_cond_wait_until(&p->changed, &p->lock,
                                    now + (fovea_text_by_arrival(p) ? ARRIVAL_TICK : IDLE_TICK));
    FoveaTextItem *item = NULL;
    if (!p->stopping && !p->flushing)
        item = g_queue_pop_head(&t->queue);
    if (item) {
        t->generation = item->generation;
        g_cond_broadcast(&p->changed);
    }
    *stopping = p->stopping;
    g_mutex_unlock(&p->lock);
    return item;
}

static void loop(gpointer data)
{
    FoveaElement *self = data;
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean stopping;
    FoveaTextItem *item = next_item(p, &stopping);
    if (stopping) {
        gst_pad_pause_task(p->text.pad);
    } else if (item) {
        do_item(self, item);
    } else {
        if (by_arrival(p))
            send_gap(self, arrival_time(self, p), 0);
        fovea_stall_check(self);
    }
    if (item)
        item_free(item);
}

void fovea_text_start_task(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (!p->text.pad || FOVEA_ELEMENT_GET_CLASS(self)->mode != FOVEA_MODE_WINDOW)
        return;
    g_mutex_lock(&p->lock);
    p->text.task = TRUE;
    g_mutex_unlock(&p->lock);
    gst_pad_start_task(p->text.pad, loop, self, NULL);
}

void fovea_text_stop_task(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (!p->text.task)
        return;
    gst_pad_stop_task(p->text.pad);
    g_mutex_lock(&p->lock);
    p->text.task = FALSE;
    g_mutex_unlock(&p->lock);
}

void fovea_text_flush(FoveaElementPrivate *p, gboolean all)
{
    GList *next;
    for (GList *link = p->text.queue.head; link; link = next) {
        FoveaTextItem *item = link->data;
        next = link->next;
        if (!all && item->kind == FOVEA_TEXT_START) {
            item->generation = p->generation;
            continue;
        }
        g_queue_delete_link(&p->text.queue, link);
        item_free(item);
    }
}

/* ---- what the worker asks for ---- */

/* Does it, or leaves it to the pad's task; takes the object. */
static void submit(FoveaElement *self, FoveaTextItem item)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaText *t = &p->text;
    if (!t->pad || !t->task) {
        if (t->pad)
            do_item(self, &item);
        if (item.object)
            gst_mini_object_unref(item.object);
        return;
    }
    g_mutex_lock(&p->lock);
    guint generation = p->worker.generation;
    while (fovea_element_is_current(p, generation) && t->queue.length >= MAX_QUEUED)
        g_cond_wait(&p->changed, &p->lock);
    gboolean keep = item.kind == FOVEA_TEXT_START || p->generation == generation;
    if (keep && !p->stopping) {
        item.generation = p->generation;
        g_queue_push_tail(&t->queue, g_memdup2(&item, sizeof item));
        item.object = NULL;
        g_cond_broadcast(&p->changed);
    }
    g_mutex_unlock(&p->lock);
    if (item.object)
        gst_mini_object_unref(item.object);
}

void fovea_text_push_event(FoveaElement *self, GstEvent *event)
{
    submit(self, (FoveaTextItem){.kind = FOVEA_TEXT_EVENT, .object = GST_MINI_OBJECT_CAST(event)});
}

void fovea_text_start(FoveaElement *self, GstEvent *stream_start)
{
    const gchar *id;
    guint group;
    gst_event_parse_stream_start(stream_start, &id);
    char *text_id = g_strconcat(id, "/text", NULL);
    GstEvent *event = gst_event_new_stream_start(text_id);
    g_free(text_id);
    if (gst_event_parse_group_id(stream_start, &group))
        gst_event_set_group_id(event, group);
    gst_event_set_stream_flags(event, GST_STREAM_FLAG_SPARSE);
    gst_event_set_seqnum(event, gst_event_get_seqnum(stream_start));
    submit(self, (FoveaTextItem){.kind = FOVEA_TEXT_START, .object = GST_MINI_OBJECT_CAST(event)});
}

void fovea_text_segment(FoveaElement *self)
{
    GstSegment segment = fovea_element_priv(self)->segment;
    if (segment.format != GST_FORMAT_TIME)
        gst_segment_init(&segment, GST_FORMAT_TIME);
    GstEvent *event = gst_event_new_segment(&segment);
    submit(self,
           (FoveaTextItem){.kind = FOVEA_TEXT_SEGMENT, .object = GST_MINI_OBJECT_CAST(event)});
}

void fovea_text_advance(FoveaElement *self, GstClockTime until, gboolean force)
{
    submit(self, (FoveaTextItem){.kind = FOVEA_TEXT_ADVANCE, .until = until, .force = force});
}

void fovea_text_settle(FoveaElement *self, GstClockTime until)
{
    submit(self, (FoveaTextItem){.kind = FOVEA_TEXT_ADVANCE, .until = until, .drained = TRUE});
}

void fovea_text_forget(FoveaElement *self)
{
    submit(self, (FoveaTextItem){.kind = FOVEA_TEXT_RESET});
}

void fovea_element_settle_text(FoveaElement *self, GstClockTime pts)
{
    submit(self, (FoveaTextItem){.kind = FOVEA_TEXT_SETTLE, .until = pts});
}

static void push_text(FoveaElement *self, const char *text, GstClockTime pts, GstClockTime duration,
                      gboolean partial)
{
    g_return_if_fail(fovea_element_priv(self)->text.pad != NULL);
    GstBuffer *buffer = gst_buffer_new_memdup(text, strlen(text) + 1);
    gst_buffer_set_size(buffer, (gssize)strlen(text)); /* the zero behind it is a courtesy */
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    if (partial)
        fovea_buffer_mark_partial(buffer);
    submit(self, (FoveaTextItem){.kind = FOVEA_TEXT_BUFFER,
                                 .object = GST_MINI_OBJECT_CAST(buffer),
                                 .partial = partial});
}

void fovea_element_push_text(FoveaElement *self, const char *text, GstClockTime pts,
                             GstClockTime duration)
{
    push_text(self, text, pts, duration, FALSE);
}

void fovea_element_push_partial_text(FoveaElement *self, const char *text, GstClockTime pts,
                                     GstClockTime duration)
{
    push_text(self, text, pts, duration, TRUE);
}
