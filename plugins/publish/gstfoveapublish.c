/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * foveapublish: writes results as lines of text and passes its stream on untouched.
 *
 *   gst-launch-1.0 -q filesrc location=in.mp4 ! decodebin ! foveadetect model=MODEL !
 *       foveapublish location=out.jsonl ! fakesink
 *
 * Video gives one JSON line a frame, text (text/x-raw) one JSON line or one cue a buffer.
 */
#include <string.h>

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "common/fovea-meta.h"
#include "lines.h"
#include "plugin.h"
#include "writer.h"

GST_DEBUG_CATEGORY_STATIC(fovea_publish_debug);
#define GST_CAT_DEFAULT fovea_publish_debug

#define DEFAULT_LOCATION "-"
#define DEFAULT_QUEUE_SIZE 1000
/* Shown for a text that names no duration, unless the next one comes sooner. */
#define CUE_DURATION (2 * GST_SECOND)

typedef enum PublishFormat {
    FORMAT_AUTO = 0,
    FORMAT_JSONL,
    FORMAT_SRT,
    FORMAT_VTT,
} PublishFormat;

typedef struct GstFoveaPublish {
    GstBaseTransform parent;
    PublishClient *client; /* from start to stop; changed under the object lock */
    PublishFormat active;  /* the format that start chose */
    char *name;            /* of the stream */
    gboolean is_text;
    gint width, height;
    guint64 frame, cues;
    gint live; /* -1: not asked yet */
    GArray *detections;
    char *pending; /* a cue that waits for its end */
    GstClockTime pending_start;
    char *location, *stream; /* properties, under the object lock */
    PublishFormat format;
    guint queue_size;
} GstFoveaPublish;

typedef struct GstFoveaPublishClass {
    GstBaseTransformClass parent_class;
} GstFoveaPublishClass;

enum {
    PROP_0,
    PROP_LOCATION,
    PROP_FORMAT,
    PROP_STREAM,
    PROP_QUEUE_SIZE,
    PROP_STATS,
};

GType gst_fovea_publish_get_type(void);
G_DEFINE_TYPE(GstFoveaPublish, gst_fovea_publish, GST_TYPE_BASE_TRANSFORM)
#define GST_FOVEA_PUBLISH(obj)                                                                     \
    (G_TYPE_CHECK_INSTANCE_CAST((obj), gst_fovea_publish_get_type(), GstFoveaPublish))
GST_ELEMENT_REGISTER_DEFINE(foveapublish, "foveapublish", GST_RANK_NONE,
                            gst_fovea_publish_get_type())

static GType format_get_type(void)
{
    static GType type;
    static const GEnumValue values[] = {
        {FORMAT_AUTO, "By the ending of the location; JSON lines where it says nothing", "auto"},
        {FORMAT_JSONL, "JSON lines", "jsonl"},
        {FORMAT_SRT, "SubRip subtitles (text streams only)", "srt"},
        {FORMAT_VTT, "WebVTT subtitles (text streams only)", "vtt"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstFoveaPublishFormat", values));
    return type;
}

static PublishFormat choose_format(PublishFormat format, const char *location)
{
    if (format != FORMAT_AUTO)
        return format;
    if (g_str_has_suffix(location, ".srt"))
        return FORMAT_SRT;
    return g_str_has_suffix(location, ".vtt") ? FORMAT_VTT : FORMAT_JSONL;
}

/* ---- lines ---- */

/* Posts the writer's error, once. */
static void post_error(GstFoveaPublish *self)
{
    GError *error = publish_client_take_error(self->client);
    if (!error)
        return;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
        GST_ELEMENT_ERROR(
            self, RESOURCE, NO_SPACE_LEFT,
            ("Results could not be written to “%s”: %s.", self->location, error->message), (NULL));
    else
        GST_ELEMENT_ERROR(
            self, RESOURCE, WRITE,
            ("Results could not be written to “%s”: %s.", self->location, error->message), (NULL));
    g_error_free(error);
}

static gboolean is_live(GstFoveaPublish *self)
{
    if (self->live < 0) {
        GstQuery *query = gst_query_new_latency();
        gboolean live = FALSE;
        if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query))
            gst_query_parse_latency(query, &live, NULL, NULL);
        gst_query_unref(query);
        self->live = live;
    }
    return self->live;
}

static GstFlowReturn push_text(GstFoveaPublish *self, GString *text)
{
    /* Only a full queue makes it matter whether the stream can wait. */
    gboolean drop = publish_client_is_full(self->client) && is_live(self);
    switch (publish_client_push(self->client, g_string_free(text, FALSE), drop)) {
    case PUBLISH_FLUSHING: return GST_FLOW_FLUSHING;
    case PUBLISH_FAILED: post_error(self); return GST_FLOW_ERROR;
    case PUBLISH_OK: break;
    }
    return GST_FLOW_OK;
}

static GstFlowReturn publish_frame(GstFoveaPublish *self, GstBuffer *buffer)
{
    FoveaResultMeta *result = fovea_buffer_get_result(buffer, "detect");
    g_array_set_size(self->detections, 0);
    fovea_buffer_get_detections(buffer, self->detections);
    PublishFrame frame = {.stream = self->name,
                          .frame = self->frame++,
                          .pts = GST_BUFFER_PTS(buffer),
                          .width = self->width,
                          .height = self->height,
                          .analysed = result != NULL || self->detections->len > 0,
                          .detections = self->detections};
    GString *line = g_string_sized_new(256);
    publish_line_detections(line, &frame);
    return push_text(self, line);
}

/* Writes the cue that waits; `end` bounds it. */
static GstFlowReturn publish_cue(GstFoveaPublish *self, GstClockTime end)
{
    if (!self->pending)
        return GST_FLOW_OK;
    GString *cue = g_string_new(NULL);
    self->cues++;
    if (self->active == FORMAT_SRT)
        publish_cue_srt(cue, self->cues, self->pending_start, end, self->pending);
    else
        publish_cue_vtt(cue, self->pending_start, end, self->pending);
    g_clear_pointer(&self->pending, g_free);
    return push_text(self, cue);
}

static GstFlowReturn publish_cue_text(GstFoveaPublish *self, GstBuffer *buffer, char *text)
{
    GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
    GstClockTime start = GST_BUFFER_PTS(buffer), length = GST_BUFFER_DURATION(buffer);
    GstFlowReturn flow = GST_FLOW_OK;
    if (segment->format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(start))
        start = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, start);
    if (!GST_CLOCK_TIME_IS_VALID(start) || !*g_strstrip(text)) {
        g_free(text);
        return GST_FLOW_OK;
    }
    if (self->pending)
        flow = publish_cue(self,
                           CLAMP(start, self->pending_start, self->pending_start + CUE_DURATION));
    self->pending = text;
    self->pending_start = start;
    if (flow == GST_FLOW_OK && GST_CLOCK_TIME_IS_VALID(length))
        flow = publish_cue(self, start + length);
    return flow;
}

static GstFlowReturn publish_text(GstFoveaPublish *self, GstBuffer *buffer)
{
    GstMapInfo map;
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP) || gst_buffer_get_size(buffer) == 0 ||
        !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return GST_FLOW_OK;
    /* Subtitles hold what stays; what may still change is for those who read lines. */
    gboolean partial = fovea_buffer_is_partial(buffer);
    if (partial && self->active != FORMAT_JSONL) {
        gst_buffer_unmap(buffer, &map);
        return GST_FLOW_OK;
    }
    /* Some elements count a closing zero byte in. */
    gsize size = strnlen((const char *)map.data, map.size);
    char *text = g_utf8_make_valid((const char *)map.data, (gssize)size);
    gst_buffer_unmap(buffer, &map);
    if (self->active != FORMAT_JSONL)
        return publish_cue_text(self, buffer, text);

    PublishText published = {.stream = self->name,
                             .pts = GST_BUFFER_PTS(buffer),
                             .duration = GST_BUFFER_DURATION(buffer),
                             .text = text,
                             .final = !partial};
    GString *line = g_string_sized_new(128);
    publish_line_text(line, &published);
    g_free(text);
    return push_text(self, line);
}

static GstFlowReturn transform_ip(GstBaseTransform *base, GstBuffer *buffer)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(base);
    return self->is_text ? publish_text(self, buffer) : publish_frame(self, buffer);
}

/* ---- stream ---- */

static gboolean set_caps(GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(base);
    GstStructure *structure = gst_caps_get_structure(in, 0);
    self->is_text = gst_structure_has_name(structure, "text/x-raw");
    self->width = self->height = 0;
    gst_structure_get_int(structure, "width", &self->width);
    gst_structure_get_int(structure, "height", &self->height);
    if (!self->is_text && self->active != FORMAT_JSONL) {
        GST_ELEMENT_ERROR(self, STREAM, WRONG_TYPE,
                          ("Detections cannot be written as subtitles: format=%s is for text "
                           "streams; use format=jsonl.",
                           self->active == FORMAT_SRT ? "srt" : "vtt"),
                          (NULL));
        return FALSE;
    }
    return TRUE;
}

static void set_flushing(GstFoveaPublish *self, gboolean flushing)
{
    GST_OBJECT_LOCK(self);
    if (self->client)
        publish_client_set_flushing(self->client, flushing);
    GST_OBJECT_UNLOCK(self);
}

static gboolean sink_event(GstBaseTransform *base, GstEvent *event)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(base);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: set_flushing(self, TRUE); break;
    case GST_EVENT_FLUSH_STOP:
        set_flushing(self, FALSE);
        g_clear_pointer(&self->pending, g_free);
        break;
    case GST_EVENT_STREAM_START:
        self->frame = 0;
        self->live = -1;
        break;
    case GST_EVENT_EOS:
        publish_cue(self, self->pending_start + CUE_DURATION);
        if (!publish_client_flush(self->client))
            post_error(self);
        break;
    default: break;
    }
    return GST_BASE_TRANSFORM_CLASS(gst_fovea_publish_parent_class)->sink_event(base, event);
}

static gboolean start(GstBaseTransform *base)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(base);
    GError *error = NULL;
    GST_OBJECT_LOCK(self);
    char *location = g_strdup(self->location);
    g_free(self->name);
    self->name = g_strdup(self->stream && *self->stream ? self->stream : GST_OBJECT_NAME(self));
    self->active = choose_format(self->format, location);
    guint lines = self->queue_size;
    GST_OBJECT_UNLOCK(self);
    self->frame = self->cues = 0;
    self->live = -1;
    PublishClient *client = publish_client_open(
        location, self->active == FORMAT_VTT ? PUBLISH_VTT_PREAMBLE : "", lines, &error);
    g_free(location);
    if (!client) {
        GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", error->message), (NULL));
        g_error_free(error);
        return FALSE;
    }
    GST_OBJECT_LOCK(self);
    self->client = client;
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean stop(GstBaseTransform *base)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(base);
    g_clear_pointer(&self->pending, g_free);
    GST_OBJECT_LOCK(self);
    PublishClient *client = g_steal_pointer(&self->client);
    GST_OBJECT_UNLOCK(self);
    if (client)
        publish_client_close(client);
    return TRUE;
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange change)
{
    /* The streaming thread may wait for a slow reader; it must leave before its pad can. */
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
        set_flushing(GST_FOVEA_PUBLISH(element), TRUE);
    return GST_ELEMENT_CLASS(gst_fovea_publish_parent_class)->change_state(element, change);
}

/* ---- properties ---- */

static void replace(char **string, const GValue *value, const char *otherwise)
{
    g_free(*string);
    *string = g_value_dup_string(value);
    if (!*string)
        *string = g_strdup(otherwise);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_LOCATION: replace(&self->location, value, DEFAULT_LOCATION); break;
    case PROP_FORMAT: self->format = (PublishFormat)g_value_get_enum(value); break;
    case PROP_STREAM: replace(&self->stream, value, NULL); break;
    case PROP_QUEUE_SIZE: self->queue_size = g_value_get_uint(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static GstStructure *make_stats(GstFoveaPublish *self)
{
    PublishStats stats = {0};
    if (self->client)
        publish_client_stats(self->client, &stats);
    return gst_structure_new("stats", "queued", G_TYPE_UINT64, stats.queued, "written",
                             G_TYPE_UINT64, stats.written, "dropped", G_TYPE_UINT64, stats.dropped,
                             "connected", G_TYPE_BOOLEAN, stats.connected, "connects",
                             G_TYPE_UINT64, stats.connects, NULL);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_LOCATION: g_value_set_string(value, self->location); break;
    case PROP_FORMAT: g_value_set_enum(value, self->format); break;
    case PROP_STREAM: g_value_set_string(value, self->stream); break;
    case PROP_QUEUE_SIZE: g_value_set_uint(value, self->queue_size); break;
    case PROP_STATS: g_value_take_boxed(value, make_stats(self)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void finalize(GObject *object)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH(object);
    g_array_unref(self->detections);
    g_free(self->name);
    g_free(self->location);
    g_free(self->stream);
    G_OBJECT_CLASS(gst_fovea_publish_parent_class)->finalize(object);
}

static void gst_fovea_publish_init(GstFoveaPublish *self)
{
    self->detections = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    self->location = g_strdup(DEFAULT_LOCATION);
    self->queue_size = DEFAULT_QUEUE_SIZE;
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void install_properties(GObjectClass *object)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
    g_object_class_install_property(
        object, PROP_LOCATION,
        g_param_spec_string("location", "Location",
                            "Where lines go: a file's path, - (standard output), unix:PATH or "
                            "tcp:HOST:PORT (connected to, retried; drops its oldest line when the "
                            "queue is full)",
                            DEFAULT_LOCATION, flags));
    g_object_class_install_property(object, PROP_FORMAT,
                                    g_param_spec_enum("format", "Format", "What lines look like",
                                                      format_get_type(), FORMAT_AUTO, flags));
    g_object_class_install_property(
        object, PROP_STREAM,
        g_param_spec_string("stream", "Stream",
                            "Name of the stream in each line; the element's name by default", NULL,
                            flags));
    g_object_class_install_property(
        object, PROP_QUEUE_SIZE,
        g_param_spec_uint("queue-size", "Queue size",
                          "Lines that may wait for a slow reader; elements of one location share "
                          "the first one's",
                          1, 100000, DEFAULT_QUEUE_SIZE, flags));
    g_object_class_install_property(
        object, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Lines queued (now), written and dropped since the element was started; "
                           "whether it is connected, and how often it was",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_fovea_publish_class_init(GstFoveaPublishClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS(class);
    GstElementClass *element = GST_ELEMENT_CLASS(class);
    GstBaseTransformClass *base = GST_BASE_TRANSFORM_CLASS(class);
    GstCaps *caps = gst_caps_from_string("video/x-raw(ANY); text/x-raw, format=(string)utf8");

    GST_DEBUG_CATEGORY_INIT(fovea_publish_debug, "foveapublish", 0, "publishes results");
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    install_properties(object);
    gst_type_mark_as_plugin_api(format_get_type(), 0);
    gst_element_class_set_static_metadata(
        element, "Fovea publisher", "Filter/Analyzer/Video",
        "Writes results as JSON lines or subtitles and passes its stream on", "Fovea");
    gst_element_class_add_pad_template(
        element, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
    gst_element_class_add_pad_template(
        element, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
    gst_caps_unref(caps);
    element->change_state = change_state;
    base->start = start;
    base->stop = stop;
    base->set_caps = set_caps;
    base->sink_event = sink_event;
    base->transform_ip = transform_ip;
    base->transform_ip_on_passthrough = TRUE;
}
