/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include <gst/video/video.h>
#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#include "common/fovea-meta.h"

#define DETECTION_PARAM "detection"

/* ---- the marker ---- */

static gboolean result_meta_init(GstMeta *meta, gpointer params, GstBuffer *buffer)
{
    FoveaResultMeta *self = (FoveaResultMeta *)meta;
    self->task = NULL;
    self->frame = 0;
    self->width = self->height = 0;
    self->hold = GST_CLOCK_TIME_NONE;
    return TRUE;
}

/* Travels with copies of the whole buffer, and with scaling, whose size it takes. */
static gboolean result_meta_transform(GstBuffer *dest, GstMeta *meta, GstBuffer *buffer,
                                      GQuark type, gpointer data)
{
    const FoveaResultMeta *from = (const FoveaResultMeta *)meta;
    gint width = from->width, height = from->height;
    if (GST_META_TRANSFORM_IS_COPY(type)) {
        const GstMetaTransformCopy *copy = data;
        if (copy->region)
            return FALSE;
    } else if (GST_VIDEO_META_TRANSFORM_IS_SCALE(type)) {
        const GstVideoMetaTransform *scale = data;
        width = GST_VIDEO_INFO_WIDTH(scale->out_info);
        height = GST_VIDEO_INFO_HEIGHT(scale->out_info);
    } else {
        return FALSE;
    }
    fovea_buffer_add_result(dest, from->task, from->frame, width, height, from->hold);
    return TRUE;
}

GType fovea_result_meta_api_get_type(void)
{
    static GType type;
    static const gchar *tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_ORIENTATION_STR,
                                  GST_META_TAG_VIDEO_SIZE_STR, NULL};
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, gst_meta_api_type_register("FoveaResultMetaAPI", tags));
    return type;
}

const GstMetaInfo *fovea_result_meta_get_info(void)
{
    static const GstMetaInfo *info;
    if (g_once_init_enter((GstMetaInfo **)&info)) {
        const GstMetaInfo *made = gst_meta_register(FOVEA_RESULT_META_API_TYPE, "FoveaResultMeta",
                                                    sizeof(FoveaResultMeta), result_meta_init, NULL,
                                                    result_meta_transform);
        g_once_init_leave((GstMetaInfo **)&info, (GstMetaInfo *)made);
    }
    return info;
}

FoveaResultMeta *fovea_buffer_add_result(GstBuffer *buffer, const char *task, guint64 frame,
                                         gint width, gint height, GstClockTime hold)
{
    FoveaResultMeta *meta = (FoveaResultMeta *)gst_buffer_add_meta(buffer, FOVEA_RESULT_META_INFO,
                                                                   NULL);
    meta->task = g_intern_string(task);
    meta->frame = frame;
    meta->width = width;
    meta->height = height;
    meta->hold = hold;
    return meta;
}

FoveaResultMeta *fovea_buffer_get_result(GstBuffer *buffer, const char *task)
{
    gpointer state = NULL;
    GstMeta *meta;
    while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state, FOVEA_RESULT_META_API_TYPE))) {
        FoveaResultMeta *result = (FoveaResultMeta *)meta;
        if (!task || g_strcmp0(task, result->task) == 0)
            return result;
    }
    return NULL;
}

/* ---- detections ---- */

/* The integer rectangle around a box; at least one pixel. */
static void outer_rect(double x0, double y0, double x1, double y1, guint rect[4])
{
    rect[0] = (guint)MAX(floor(x0), 0);
    rect[1] = (guint)MAX(floor(y0), 0);
    rect[2] = (guint)MAX(ceil(x1) - rect[0], 1);
    rect[3] = (guint)MAX(ceil(y1) - rect[1], 1);
}

/* The entry of the relation meta, whose id the region takes, so that both can be told to be one. */
static void add_analytics(GstBuffer *buffer, GstVideoRegionOfInterestMeta *roi, float score)
{
#ifdef HAVE_GST_ANALYTICS
    GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
    GstAnalyticsODMtd entry;
    if (!relations)
        relations = gst_buffer_add_analytics_relation_meta(buffer);
    if (relations &&
        gst_analytics_relation_meta_add_od_mtd(relations, roi->roi_type, (gint)roi->x, (gint)roi->y,
                                               (gint)roi->w, (gint)roi->h, score, &entry))
        roi->id = (gint)entry.id;
#else
    (void)buffer, (void)roi, (void)score;
#endif
}

void fovea_buffer_add_detection(GstBuffer *buffer, const FoveaDetection *d)
{
    guint rect[4];
    char number[16];
    const char *label = d->label;
    if (!label || !*label) {
        g_snprintf(number, sizeof number, "%d", d->label_id);
        label = number;
    }
    outer_rect(d->x0, d->y0, d->x1, d->y1, rect);
    GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta(
        buffer, label, rect[0], rect[1], rect[2], rect[3]);
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new(DETECTION_PARAM, "label-id", G_TYPE_INT, d->label_id, "score",
                               G_TYPE_DOUBLE, (double)d->score, "x0", G_TYPE_DOUBLE, (double)d->x0,
                               "y0", G_TYPE_DOUBLE, (double)d->y0, "x1", G_TYPE_DOUBLE,
                               (double)d->x1, "y1", G_TYPE_DOUBLE, (double)d->y1, NULL));
    add_analytics(buffer, roi, d->score);
}

static FoveaDetection read_detection(const GstVideoRegionOfInterestMeta *roi)
{
    FoveaDetection d = {.label_id = -1, .label = g_quark_to_string(roi->roi_type), .score = 1};
    double x0, y0, x1, y1, score;
    guint rect[4];
    d.x0 = roi->x;
    d.y0 = roi->y;
    d.x1 = roi->x + roi->w;
    d.y1 = roi->y + roi->h;
    if (!d.label)
        d.label = "";
    const GstStructure *param = gst_video_region_of_interest_meta_get_param(
        (GstVideoRegionOfInterestMeta *)roi, DETECTION_PARAM);
    if (!param)
        return d;
    gst_structure_get_int(param, "label-id", &d.label_id);
    if (gst_structure_get_double(param, "score", &score))
        d.score = score;
    /* Scaling elements change the integers only: then the exact box is of another frame size. */
    if (gst_structure_get(param, "x0", G_TYPE_DOUBLE, &x0, "y0", G_TYPE_DOUBLE, &y0, "x1",
                          G_TYPE_DOUBLE, &x1, "y1", G_TYPE_DOUBLE, &y1, NULL)) {
        outer_rect(x0, y0, x1, y1, rect);
        if (rect[0] == roi->x && rect[1] == roi->y && rect[2] == roi->w && rect[3] == roi->h) {
            d.x0 = x0;
            d.y0 = y0;
            d.x1 = x1;
            d.y1 = y1;
        }
    }
    return d;
}

void fovea_buffer_get_detections(GstBuffer *buffer, GArray *detections)
{
    gpointer state = NULL;
    GstMeta *meta;
    while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                    GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        FoveaDetection d = read_detection((const GstVideoRegionOfInterestMeta *)meta);
        g_array_append_val(detections, d);
    }
}

/* ---- texts ---- */

#define TEXT_META "FoveaTextMeta"

static void register_text_meta(void)
{
    static const gchar *tags[] = {NULL};
    static gsize done;
    if (g_once_init_enter(&done)) {
        gst_meta_register_custom(TEXT_META, tags, NULL, NULL, NULL);
        g_once_init_leave(&done, 1);
    }
}

void fovea_buffer_mark_partial(GstBuffer *buffer)
{
    register_text_meta();
    GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, TEXT_META);
    gst_structure_set(gst_custom_meta_get_structure(meta), "final", G_TYPE_BOOLEAN, FALSE, NULL);
}

gboolean fovea_buffer_is_partial(GstBuffer *buffer)
{
    gboolean final = TRUE;
    register_text_meta();
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, TEXT_META);
    if (meta)
        gst_structure_get_boolean(gst_custom_meta_get_structure(meta), "final", &final);
    return !final;
}
