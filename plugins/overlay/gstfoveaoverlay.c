/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * foveaoverlay: draws detections onto the frames that carry them, in the stream's own format.
 *
 *   gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! foveadetect model=MODEL !
 *       foveaoverlay ! videoconvert ! autovideosink
 *
 * A frame that is drawn on is copied when somebody else holds it; all others pass untouched.
 */
#include <string.h>

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "boxes.h"
#include "common/fovea-meta.h"
#include "plugin.h"

GST_DEBUG_CATEGORY_STATIC(fovea_overlay_debug);
#define GST_CAT_DEFAULT fovea_overlay_debug

#define DEFAULT_HOLD -1
#define DEFAULT_FONT "Sans Bold"

#define OVERLAY_FORMATS                                                                            \
    "{ NV12, I420, NV21, YV12, YUY2, UYVY, YVYU, Y42B, Y444, NV16, RGB, BGR, RGBA, BGRA, ARGB, "   \
    "ABGR, RGBx, BGRx, xRGB, xBGR, GBR, AYUV, GRAY8 }"
#define OVERLAY_CAPS GST_VIDEO_CAPS_MAKE(OVERLAY_FORMATS)

typedef struct GstFoveaOverlay {
    GstBaseTransform parent;
    GstVideoInfo info;
    OverlayLabels *labels;
    GArray *detections;  /* of the last analysed frame */
    GstClockTime pts;    /* of that frame; NONE where it had none */
    GstClockTime length; /* for how long it says that its result holds; NONE: until the next */
    gboolean map_warned;
    guint64 frames, drawn; /* under the object lock, as are the properties */
    gint hold;
    char *font;
    gdouble font_scale;
    guint line_width;
    gboolean show_label, show_score;
} GstFoveaOverlay;

typedef struct GstFoveaOverlayClass {
    GstBaseTransformClass parent_class;
} GstFoveaOverlayClass;

enum {
    PROP_0,
    PROP_HOLD,
    PROP_FONT,
    PROP_FONT_SCALE,
    PROP_LINE_WIDTH,
    PROP_SHOW_LABEL,
    PROP_SHOW_SCORE,
    PROP_STATS,
};

GType gst_fovea_overlay_get_type(void);
G_DEFINE_TYPE(GstFoveaOverlay, gst_fovea_overlay, GST_TYPE_BASE_TRANSFORM)
#define GST_FOVEA_OVERLAY(obj)                                                                     \
    (G_TYPE_CHECK_INSTANCE_CAST((obj), gst_fovea_overlay_get_type(), GstFoveaOverlay))
GST_ELEMENT_REGISTER_DEFINE(foveaoverlay, "foveaoverlay", GST_RANK_NONE,
                            gst_fovea_overlay_get_type())

static void forget(GstFoveaOverlay *self)
{
    g_array_set_size(self->detections, 0);
    self->pts = GST_CLOCK_TIME_NONE;
}

/* ---- frames ---- */

/* Takes over what this frame says; TRUE where something has to be drawn on it. */
static gboolean update(GstFoveaOverlay *self, GstBuffer *buffer)
{
    FoveaResultMeta *result = fovea_buffer_get_result(buffer, "detect");
    GstClockTime pts = GST_BUFFER_PTS(buffer);
    if (result || gst_buffer_get_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
        forget(self);
        fovea_buffer_get_detections(buffer, self->detections);
        self->pts = pts;
        self->length = result ? result->hold : 0;
        return self->detections->len > 0;
    }
    if (self->detections->len == 0)
        return FALSE;
    GST_OBJECT_LOCK(self);
    GstClockTime hold = self->hold < 0 ? self->length : (GstClockTime)self->hold * GST_MSECOND;
    GST_OBJECT_UNLOCK(self);
    if (!GST_CLOCK_TIME_IS_VALID(hold))
        return TRUE;
    if (!GST_CLOCK_TIME_IS_VALID(pts) || !GST_CLOCK_TIME_IS_VALID(self->pts))
        return hold > 0;
    /* Played backwards, time falls. */
    GstClockTime age = pts > self->pts ? pts - self->pts : self->pts - pts;
    if (age < hold)
        return TRUE;
    forget(self);
    return FALSE;
}

static void draw(GstFoveaOverlay *self, GstVideoFrame *frame)
{
    OverlayCanvas canvas;
    overlay_canvas_init(&canvas, frame);
    GST_OBJECT_LOCK(self);
    OverlayStyle style = {.font_scale = self->font_scale,
                          .line_width = (gint)self->line_width,
                          .show_label = self->show_label,
                          .show_score = self->show_score};
    char *font = g_strdup(self->font);
    self->drawn++;
    GST_OBJECT_UNLOCK(self);
    style.font = font;
    overlay_draw_detections(&canvas, self->labels, self->detections, &style);
    g_free(font);
}

/* Decides here, before any copy, whether the frame is drawn on; the base class then pushes the
 * buffer that we name. */
static GstFlowReturn prepare_output_buffer(GstBaseTransform *base, GstBuffer *in, GstBuffer **out)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY(base);
    GST_OBJECT_LOCK(self);
    self->frames++;
    GST_OBJECT_UNLOCK(self);
    *out = in;
    if (!update(self, in))
        return GST_FLOW_OK;

    /* A copy shares the memory until it is mapped for writing. */
    GstBuffer *target = gst_buffer_is_writable(in) ? in : gst_buffer_copy(in);
    GstVideoFrame frame;
    if (!gst_video_frame_map(&frame, &self->info, target,
                             GST_MAP_READWRITE | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
        if (target != in)
            gst_buffer_unref(target);
        if (!self->map_warned)
            GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                                ("Boxes cannot be drawn: a frame's memory cannot be written to, or "
                                 "is smaller than the caps say."),
                                (NULL));
        self->map_warned = TRUE;
        return GST_FLOW_OK;
    }
    draw(self, &frame);
    gst_video_frame_unmap(&frame);
    *out = target;
    return GST_FLOW_OK;
}

/* Makes the base class work in place; the drawing is done by then. */
static GstFlowReturn transform_ip(GstBaseTransform *base, GstBuffer *buffer)
{
    return GST_FLOW_OK;
}

static gboolean set_caps(GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY(base);
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, in) || !overlay_canvas_supports(info.finfo)) {
        GST_ERROR_OBJECT(self, "cannot draw into %" GST_PTR_FORMAT, in);
        return FALSE;
    }
    if (GST_VIDEO_INFO_WIDTH(&info) != GST_VIDEO_INFO_WIDTH(&self->info) ||
        GST_VIDEO_INFO_HEIGHT(&info) != GST_VIDEO_INFO_HEIGHT(&self->info))
        forget(self);
    self->info = info;
    return TRUE;
}

static gboolean sink_event(GstBaseTransform *base, GstEvent *event)
{
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_SEGMENT:
    case GST_EVENT_STREAM_START: forget(GST_FOVEA_OVERLAY(base)); break;
    default: break;
    }
    return GST_BASE_TRANSFORM_CLASS(gst_fovea_overlay_parent_class)->sink_event(base, event);
}

/* Frames keep their memory, so what downstream wishes is what upstream should allocate. */
static gboolean propose_allocation(GstBaseTransform *base, GstQuery *decide, GstQuery *query)
{
    return gst_pad_peer_query(base->srcpad, query);
}

static gboolean start(GstBaseTransform *base)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY(base);
    forget(self);
    gst_video_info_init(&self->info);
    self->map_warned = FALSE;
    GST_OBJECT_LOCK(self);
    self->frames = self->drawn = 0;
    GST_OBJECT_UNLOCK(self);
    self->labels = overlay_labels_new();
    return TRUE;
}

static gboolean stop(GstBaseTransform *base)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY(base);
    forget(self);
    g_clear_pointer(&self->labels, overlay_labels_free);
    return TRUE;
}

/* ---- properties ---- */

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_HOLD: self->hold = g_value_get_int(value); break;
    case PROP_FONT:
        g_free(self->font);
        self->font = g_value_dup_string(value);
        if (!self->font)
            self->font = g_strdup(DEFAULT_FONT);
        break;
    case PROP_FONT_SCALE: self->font_scale = g_value_get_double(value); break;
    case PROP_LINE_WIDTH: self->line_width = g_value_get_uint(value); break;
    case PROP_SHOW_LABEL: self->show_label = g_value_get_boolean(value); break;
    case PROP_SHOW_SCORE: self->show_score = g_value_get_boolean(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_HOLD: g_value_set_int(value, self->hold); break;
    case PROP_FONT: g_value_set_string(value, self->font); break;
    case PROP_FONT_SCALE: g_value_set_double(value, self->font_scale); break;
    case PROP_LINE_WIDTH: g_value_set_uint(value, self->line_width); break;
    case PROP_SHOW_LABEL: g_value_set_boolean(value, self->show_label); break;
    case PROP_SHOW_SCORE: g_value_set_boolean(value, self->show_score); break;
    case PROP_STATS:
        g_value_take_boxed(value, gst_structure_new("stats", "frames", G_TYPE_UINT64, self->frames,
                                                    "drawn", G_TYPE_UINT64, self->drawn, NULL));
        break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void finalize(GObject *object)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY(object);
    g_array_unref(self->detections);
    overlay_labels_free(self->labels);
    g_free(self->font);
    G_OBJECT_CLASS(gst_fovea_overlay_parent_class)->finalize(object);
}

static void gst_fovea_overlay_init(GstFoveaOverlay *self)
{
    self->detections = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    self->pts = GST_CLOCK_TIME_NONE;
    self->hold = DEFAULT_HOLD;
    self->font = g_strdup(DEFAULT_FONT);
    self->font_scale = 1;
    self->show_label = self->show_score = TRUE;
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
    gst_video_info_init(&self->info);
}

static void install_properties(GObjectClass *object)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                              GST_PARAM_MUTABLE_PLAYING;
    g_object_class_install_property(
        object, PROP_HOLD,
        g_param_spec_int("hold", "Hold",
                         "Milliseconds for which the last boxes are drawn on frames that were not "
                         "analysed; 0 draws on analysed frames only, -1 holds for one interval of "
                         "the detector",
                         -1, 3600000, DEFAULT_HOLD, flags));
    g_object_class_install_property(
        object, PROP_FONT,
        g_param_spec_string("font", "Font", "Font family and style of labels (a Pango description)",
                            DEFAULT_FONT, flags));
    g_object_class_install_property(
        object, PROP_FONT_SCALE,
        g_param_spec_double("font-scale", "Font scale",
                            "Factor on the height of text; 1 is 1/40 of the picture's height, at "
                            "least 11 pixels",
                            0.25, 8, 1, flags));
    g_object_class_install_property(
        object, PROP_LINE_WIDTH,
        g_param_spec_uint(
            "line-width", "Line width",
            "Pixels of a box line; 0 takes about 1/360 of the picture's height, an even number", 0,
            100, 0, flags));
    g_object_class_install_property(object, PROP_SHOW_LABEL,
                                    g_param_spec_boolean("show-label", "Show label",
                                                         "Write the label's name at its box", TRUE,
                                                         flags));
    g_object_class_install_property(object, PROP_SHOW_SCORE,
                                    g_param_spec_boolean("show-score", "Show score",
                                                         "Write the score in percent at its box",
                                                         TRUE, flags));
    g_object_class_install_property(
        object, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Frames seen and frames drawn on since the element was started",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_fovea_overlay_class_init(GstFoveaOverlayClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    GstElementClass *element = GST_ELEMENT_CLASS(class);
    GstBaseTransformClass *base = GST_BASE_TRANSFORM_CLASS(class);
    GstCaps *caps = gst_caps_from_string(OVERLAY_CAPS);

    GST_DEBUG_CATEGORY_INIT(fovea_overlay_debug, "foveaoverlay", 0, "draws detections");
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    install_properties(object);
    gst_element_class_set_static_metadata(
        element, "Fovea overlay", "Filter/Editor/Video",
        "Draws boxes, labels and scores of detections onto the picture", "Fovea");
    gst_element_class_add_pad_template(
        element, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
    gst_element_class_add_pad_template(
        element, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
    gst_caps_unref(caps);
    base->start = start;
    base->stop = stop;
    base->set_caps = set_caps;
    base->sink_event = sink_event;
    base->propose_allocation = propose_allocation;
    base->prepare_output_buffer = prepare_output_buffer;
    base->transform_ip = transform_ip;
}
