/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-frames.c: one video frame: processed, marked, passed on.
 */
#include "common/fovea-element-private.h"
#include "common/fovea-meta.h"

#define MAX_REGIONS 4096 /* a frame with more boxes than this is not a picture of things */

/* The regions that upstream attached, clipped to the frame. */
static void find_regions(FoveaElementPrivate *p, GstBuffer *buffer)
{
    gint64 width = GST_VIDEO_INFO_WIDTH(&p->in_info), height = GST_VIDEO_INFO_HEIGHT(&p->in_info);
    gpointer state = NULL;
    GstMeta *meta;
    g_array_set_size(p->regions, 0);
    while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                    GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
        gint64 x1 = MIN((gint64)roi->x + roi->w, width);
        gint64 y1 = MIN((gint64)roi->y + roi->h, height);
        if ((gint64)roi->x >= x1 || (gint64)roi->y >= y1 || p->regions->len >= MAX_REGIONS)
            continue;
        FoveaRegion region = {
            .meta = roi,
            .rect = {(gint)roi->x, (gint)roi->y, (gint)x1, (gint)y1},
        };
        g_array_append_val(p->regions, region);
    }
}

/* How long a result holds: until the next frame whose turn it is. */
static GstClockTime hold_time(FoveaElementPrivate *p, GstBuffer *buffer)
{
    GstClockTime frame = GST_BUFFER_DURATION(buffer);
    if (!GST_CLOCK_TIME_IS_VALID(frame) && GST_VIDEO_INFO_FPS_N(&p->in_info) > 0)
        frame = gst_util_uint64_scale_int(GST_SECOND, GST_VIDEO_INFO_FPS_D(&p->in_info),
                                          GST_VIDEO_INFO_FPS_N(&p->in_info));
    if (!GST_CLOCK_TIME_IS_VALID(frame))
        return GST_CLOCK_TIME_NONE;
    g_mutex_lock(&p->lock);
    frame *= p->interval;
    g_mutex_unlock(&p->lock);
    return frame;
}

/* A frame that comes too late to be shown: not worth the model's time. TRUE: it is gone. */
static gboolean give_up(FoveaElement *self, FoveaItem *item, GstBuffer *buffer,
                        GstClockTime running_time)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean drop = fovea_policy_effective(p) == FOVEA_OVERLOAD_DROP;
    if (drop)
        p->stats.dropped++;
    else
        p->stats.skipped++;
    if (drop)
        p->discont_out = TRUE;
    g_mutex_unlock(&p->lock);
    item->skip = TRUE;
    if (!drop)
        return FALSE;
    GstMessage *message = gst_message_new_qos(
        GST_OBJECT(self), FALSE, running_time,
        gst_segment_to_stream_time(&p->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)),
        GST_BUFFER_PTS(buffer), GST_BUFFER_DURATION(buffer));
    gst_element_post_message(GST_ELEMENT(self), message);
    gst_buffer_unref(buffer);
    return TRUE;
}

/* Runs the task and keeps the books. FALSE: the frame has no result. */
static gboolean infer(FoveaElement *self, FoveaItem *item, FoveaFrame *frame)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    GError *error = NULL;
    if (klass->mode == FOVEA_MODE_REGIONS) {
        find_regions(p, frame->buffer);
        frame->regions = (const FoveaRegion *)p->regions->data;
        frame->n_regions = p->regions->len;
    }
    gint64 start = g_get_monotonic_time();
    gboolean ok = klass->process(self, frame, &error);
    gint64 took = (g_get_monotonic_time() - start) * 1000;
    if (!ok) {
        fovea_element_report_error(self, error);
        return FALSE;
    }
    g_mutex_lock(&p->lock);
    p->stats.inferred++;
    p->stats.mean_infer = p->stats.mean_infer ? (7 * p->stats.mean_infer + took) / 8 : took;
    g_mutex_unlock(&p->lock);
    if (klass->passthrough && klass->task)
        fovea_buffer_add_result(frame->buffer, klass->task, item->number,
                                GST_VIDEO_INFO_WIDTH(&p->in_info),
                                GST_VIDEO_INFO_HEIGHT(&p->in_info), hold_time(p, frame->buffer));
    fovea_stats_latency(p, item->arrival);
    return TRUE;
}

/* Fills the new frame without the model. FALSE: it cannot be made. */
static gboolean pass(FoveaElement *self, FoveaFrame *frame)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    GError *error = NULL;
    if (klass->passthrough)
        return TRUE;
    if (klass->pass && klass->pass(self, frame, &error))
        return TRUE;
    fovea_element_report_error(self, error);
    return FALSE;
}

void fovea_element_handle_frame(FoveaElement *self, FoveaItem *item, GstBuffer *buffer)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstClockTime running = fovea_element_running_time(p, GST_BUFFER_PTS(buffer));
    GstClockTime end = GST_BUFFER_PTS(buffer);
    gboolean wanted = item->infer && !item->skip;
    if (wanted && fovea_policy_late(self, running) && give_up(self, item, buffer, running))
        return;
    wanted = wanted && !item->skip;
    if (GST_CLOCK_TIME_IS_VALID(end) && GST_BUFFER_DURATION_IS_VALID(buffer))
        end += GST_BUFFER_DURATION(buffer);

    FoveaFrame frame = {.info = &p->in_info,
                        .out_info = &p->out_info,
                        .number = item->number,
                        .running_time = running};
    if (!klass->passthrough && !(frame.out = fovea_element_new_frame(self, buffer))) {
        gst_buffer_unref(buffer);
        return;
    }
    if (p->discont_out || (wanted && klass->passthrough))
        buffer = gst_buffer_make_writable(buffer); /* the header only; the pixels stay shared */
    frame.buffer = buffer;

    gboolean ok = (wanted && infer(self, item, &frame)) || pass(self, &frame);
    if (frame.out)
        gst_buffer_unref(buffer);
    buffer = frame.out ? frame.out : frame.buffer;
    if (!ok) {
        gst_buffer_unref(buffer);
        return;
    }
    if (p->discont_out)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    p->discont_out = FALSE;
    fovea_element_push_buffer(self, p->srcpad, buffer);
    fovea_text_advance(self, end, FALSE);
}
