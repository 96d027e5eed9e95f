/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-text.c: the sparse text pad. Whoever joins it with the media (a muxer, an overlay) can
 * only go on when it knows up to which time there will be no more text: that is what GAPs tell.
 */
#include <string.h>

#include "common/fovea-element-private.h"

#define GAP_DUE (400 * GST_MSECOND) /* so that with the next frame it is not more than 500 ms */

void fovea_text_reset(FoveaElementPrivate *p)
{
    p->text.segment_sent = FALSE;
    p->text.position = p->text.last_start = p->text.settled = GST_CLOCK_TIME_NONE;
}

void fovea_text_push_event(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (p->text.pad && p->text.started)
        fovea_element_push_event(self, p->text.pad, event);
    else
        gst_event_unref(event);
}

void fovea_text_start(FoveaElement *self, GstEvent *stream_start)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    const gchar *id;
    guint group;
    if (!p->text.pad)
        return;
    gst_event_parse_stream_start(stream_start, &id);
    char *text_id = g_strconcat(id, "/text", NULL);
    GstEvent *event = gst_event_new_stream_start(text_id);
    g_free(text_id);
    if (gst_event_parse_group_id(stream_start, &group))
        gst_event_set_group_id(event, group);
    gst_event_set_stream_flags(event, GST_STREAM_FLAG_SPARSE);
    gst_event_set_seqnum(event, gst_event_get_seqnum(stream_start));
    p->text.started = TRUE;
    fovea_text_push_event(self, event);
    GstCaps *caps = gst_pad_get_pad_template_caps(p->text.pad);
    caps = gst_caps_fixate(gst_caps_make_writable(caps));
    fovea_text_push_event(self, gst_event_new_caps(caps));
    gst_caps_unref(caps);
}

void fovea_text_segment(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (!p->text.pad)
        return;
    GstSegment segment = p->segment;
    if (segment.format != GST_FORMAT_TIME)
        gst_segment_init(&segment, GST_FORMAT_TIME);
    fovea_text_reset(p);
    p->text.position = segment.start;
    p->text.segment_sent = TRUE;
    fovea_text_push_event(self, gst_event_new_segment(&segment));
}

static gboolean by_arrival(FoveaElementPrivate *p)
{
    g_mutex_lock(&p->lock);
    FoveaTextTiming timing = p->text_timing;
    if (timing == FOVEA_TEXT_AUTO)
        timing = p->live && p->max_latency == 0 ? FOVEA_TEXT_ARRIVAL : FOVEA_TEXT_SPOKEN;
    g_mutex_unlock(&p->lock);
    return timing == FOVEA_TEXT_ARRIVAL;
}

/* This moment, as a time in the segment; NONE where no clock runs or it lies outside. */
static GstClockTime now_in_segment(FoveaElement *self, FoveaElementPrivate *p)
{
    GstClock *clock = gst_element_get_clock(GST_ELEMENT(self));
    if (!clock || p->segment.format != GST_FORMAT_TIME) {
        gst_clear_object(&clock);
        return GST_CLOCK_TIME_NONE;
    }
    GstClockTime now = gst_clock_get_time(clock),
                 base = gst_element_get_base_time(GST_ELEMENT(self));
    gst_object_unref(clock);
    if (!GST_CLOCK_TIME_IS_VALID(now) || !GST_CLOCK_TIME_IS_VALID(base) || now < base)
        return GST_CLOCK_TIME_NONE;
    return gst_segment_position_from_running_time(&p->segment, GST_FORMAT_TIME, now - base);
}

static GstClockTime later(GstClockTime a, GstClockTime b)
{
    if (!GST_CLOCK_TIME_IS_VALID(a))
        return b;
    return GST_CLOCK_TIME_IS_VALID(b) ? MAX(a, b) : a;
}

static void send_gap(FoveaElement *self, GstClockTime until, gboolean force)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaText *t = &p->text;
    if (!t->segment_sent || !GST_CLOCK_TIME_IS_VALID(until) || until <= t->position)
        return;
    GstClockTime due = GAP_DUE * MAX(ABS(p->segment.rate), 0.01);
    if (!force && until - t->position < due)
        return;
    fovea_text_push_event(self, gst_event_new_gap(t->position, until - t->position));
    t->position = until;
}

void fovea_text_advance(FoveaElement *self, GstClockTime until, gboolean force)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (!p->text.pad)
        return;
    if (!p->text.manual)
        p->text.settled = later(p->text.settled, until);
    /* By arrival no text will be earlier than now, however late its speech is understood. */
    GstClockTime settled = p->text.settled;
    if (!force && by_arrival(p))
        settled = later(settled, now_in_segment(self, p));
    send_gap(self, settled, force);
}

void fovea_element_settle_text(FoveaElement *self, GstClockTime pts)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    p->text.manual = TRUE;
    p->text.settled = later(p->text.settled, pts);
    send_gap(self, p->text.settled, FALSE);
}

void fovea_element_push_text(FoveaElement *self, const char *text, GstClockTime pts,
                             GstClockTime duration)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaText *t = &p->text;
    g_return_if_fail(t->pad != NULL);
    if (!t->segment_sent)
        return;
    gboolean arrival = by_arrival(p);
    if (arrival)
        pts = later(pts, now_in_segment(self, p));
    /* A GAP has promised that nothing comes before the position. */
    pts = later(pts, arrival ? t->last_start : t->position);
    if (!GST_CLOCK_TIME_IS_VALID(pts))
        pts = t->position;
    send_gap(self, pts, TRUE);

    GstBuffer *buffer = gst_buffer_new_memdup(text, strlen(text) + 1);
    gst_buffer_set_size(buffer, (gssize)strlen(text)); /* the zero behind it is a courtesy */
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    t->last_start = pts;
    if (GST_CLOCK_TIME_IS_VALID(duration))
        t->position = later(t->position, pts + duration);
    fovea_element_push_buffer(self, t->pad, buffer);
}
