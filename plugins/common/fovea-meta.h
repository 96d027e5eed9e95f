/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea-meta.h: how results travel on a buffer.
 *
 * A detection is a GstVideoRegionOfInterestMeta whose type is the label, with one parameter
 * structure "detection": label-id (int), score (double), x0 y0 x1 y1 (double, pixels, the box
 * before it was rounded outwards to the integers of the meta). From GStreamer 1.24 on it is also
 * an object-detection entry of the buffer's GstAnalyticsRelationMeta.
 *
 * A FoveaResultMeta says that a task has looked at this very frame, so that "nothing there" and
 * "not looked at" (interval, overload, a failed frame) are told apart.
 */
#pragma once

#include <gst/gst.h>

#include "fovea/task.h"

G_BEGIN_DECLS

#define FOVEA_RESULT_META_API_TYPE (fovea_result_meta_api_get_type())
#define FOVEA_RESULT_META_INFO (fovea_result_meta_get_info())

typedef struct FoveaResultMeta {
    GstMeta meta;
    const char *task;   /* interned: "detect" */
    guint64 frame;      /* number of the frame in the element's stream, from 0 */
    gint width, height; /* of the frame; follows videoscale */
    GstClockTime hold;  /* time until the next result may come (one interval), or NONE */
} FoveaResultMeta;

GType fovea_result_meta_api_get_type(void);
const GstMetaInfo *fovea_result_meta_get_info(void);

/* Marks a (writable) buffer as looked at by `task`. */
FoveaResultMeta *fovea_buffer_add_result(GstBuffer *buffer, const char *task, guint64 frame,
                                         gint width, gint height, GstClockTime hold);
/* The marker of `task`, or of any task (NULL); NULL where no task has looked. */
FoveaResultMeta *fovea_buffer_get_result(GstBuffer *buffer, const char *task);

/* Attaches one detection to a (writable) buffer. */
void fovea_buffer_add_detection(GstBuffer *buffer, const FoveaDetection *detection);
/* Appends all detections of a buffer to an array of FoveaDetection (labels are interned), in the
 * order in which they were attached. Regions of interest that other elements attached are taken
 * too, with label_id -1 and score 1. Boxes of a scaled frame are in its own pixels. */
void fovea_buffer_get_detections(GstBuffer *buffer, GArray *detections);

/* Marks a (writable) buffer of text as not final. */
void fovea_buffer_mark_partial(GstBuffer *buffer);
gboolean fovea_buffer_is_partial(GstBuffer *buffer);

G_END_DECLS
