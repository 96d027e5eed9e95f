/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea-element.c: the object: properties, pads, state changes.
 */
#include "common/fovea-element-private.h"

GST_DEBUG_CATEGORY_STATIC(fovea_element_debug);

G_DEFINE_ABSTRACT_TYPE_WITH_CODE(FoveaElement, fovea_element, GST_TYPE_ELEMENT,
                                 G_ADD_PRIVATE(FoveaElement)
                                     GST_DEBUG_CATEGORY_INIT(fovea_element_debug, "foveaelement", 0,
                                                             "Base class of Fovea's elements"))

enum {
    PROP_0,
    PROP_MODEL,
    PROP_DEVICE,
    PROP_PRECISION,
    PROP_INTERVAL,
    PROP_MAX_LATENCY,
    PROP_OVERLOAD,
    PROP_STATS,
    /* of the class that asks for a text pad, beside that class's own numbers */
    PROP_TEXT_TIMING = 0x10000,
};

FoveaElementPrivate *fovea_element_priv(FoveaElement *self)
{
    return fovea_element_get_instance_private(self);
}

/* ---- properties ---- */

static void set_string(FoveaElement *self, char **field, const GValue *value)
{
    GST_OBJECT_LOCK(self);
    g_free(*field);
    *field = g_value_dup_string(value);
    GST_OBJECT_UNLOCK(self);
    fovea_element_invalidate(self);
}

static void set_max_latency(FoveaElement *self, guint ms)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean changed = p->max_latency != ms;
    p->max_latency = ms;
    g_mutex_unlock(&p->lock);
    if (changed)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    FoveaElement *self = FOVEA_ELEMENT(object);
    FoveaElementPrivate *p = fovea_element_priv(self);
    switch (id) {
    case PROP_MODEL: set_string(self, &p->model, value); return;
    case PROP_DEVICE: set_string(self, &p->device, value); return;
    case PROP_MAX_LATENCY: set_max_latency(self, g_value_get_uint(value)); return;
    default: break;
    }
    g_mutex_lock(&p->lock);
    switch (id) {
    case PROP_PRECISION:
        p->stale |= p->precision != (FoveaPrecision)g_value_get_enum(value);
        p->precision = g_value_get_enum(value);
        break;
    case PROP_INTERVAL: p->interval = g_value_get_uint(value); break;
    case PROP_OVERLOAD:
        p->overload = g_value_get_enum(value);
        g_cond_broadcast(&p->changed);
        break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    g_mutex_unlock(&p->lock);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    FoveaElement *self = FOVEA_ELEMENT(object);
    FoveaElementPrivate *p = fovea_element_priv(self);
    switch (id) {
    case PROP_MODEL: g_value_take_string(value, fovea_element_dup_model(self)); return;
    case PROP_DEVICE: g_value_take_string(value, fovea_element_dup_device(self)); return;
    case PROP_STATS: g_value_take_boxed(value, fovea_stats_snapshot(self)); return;
    default: break;
    }
    g_mutex_lock(&p->lock);
    switch (id) {
    case PROP_PRECISION: g_value_set_enum(value, p->precision); break;
    case PROP_INTERVAL: g_value_set_uint(value, p->interval); break;
    case PROP_MAX_LATENCY: g_value_set_uint(value, p->max_latency); break;
    case PROP_OVERLOAD: g_value_set_enum(value, p->overload); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    g_mutex_unlock(&p->lock);
}

char *fovea_element_dup_model(FoveaElement *self)
{
    GST_OBJECT_LOCK(self);
    char *model = g_strdup(fovea_element_priv(self)->model);
    GST_OBJECT_UNLOCK(self);
    return model;
}

char *fovea_element_dup_device(FoveaElement *self)
{
    GST_OBJECT_LOCK(self);
    char *device = g_strdup(fovea_element_priv(self)->device);
    GST_OBJECT_UNLOCK(self);
    return device;
}

FoveaPrecision fovea_element_get_precision(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    FoveaPrecision precision = p->precision;
    g_mutex_unlock(&p->lock);
    return precision;
}

void fovea_element_set_default_max_latency(FoveaElement *self, guint ms)
{
    fovea_element_priv(self)->max_latency = ms;
}

void fovea_element_invalidate(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    p->stale = TRUE;
    g_mutex_unlock(&p->lock);
}

/* ---- states ---- */

static gboolean prepare(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean reload = p->stale || p->load_state == FOVEA_LOAD_NONE;
    g_mutex_unlock(&p->lock);
    if (reload) {
        fovea_element_load_stop(self);
        if (!fovea_element_load_start(self))
            return FALSE;
    }
    g_mutex_lock(&p->lock);
    p->stats = (FoveaStats){0};
    gboolean failed = p->load_state == FOVEA_LOAD_FAILED; /* the error was posted */
    g_mutex_unlock(&p->lock);
    return !failed;
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition)
{
    FoveaElement *self = FOVEA_ELEMENT(element);
    switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
        if (!fovea_element_load_start(self))
            return GST_STATE_CHANGE_FAILURE;
        break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
        if (!prepare(self))
            return GST_STATE_CHANGE_FAILURE;
        break;
    default: break;
    }
    GstStateChangeReturn ret =
        GST_ELEMENT_CLASS(fovea_element_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_READY_TO_NULL)
        fovea_element_load_stop(self);
    return ret;
}

/* ---- construction ---- */

/* text-timing belongs to the classes that have a text pad, so its accessors stand before theirs. */
static void set_text_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    FoveaElementPrivate *p = fovea_element_priv(FOVEA_ELEMENT(object));
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(object);
    if (id != PROP_TEXT_TIMING) {
        klass->own_set_property(object, id, value, pspec);
        return;
    }
    g_mutex_lock(&p->lock);
    p->text_timing = g_value_get_enum(value);
    g_cond_broadcast(&p->changed);
    g_mutex_unlock(&p->lock);
    gst_element_post_message(GST_ELEMENT(object), gst_message_new_latency(GST_OBJECT(object)));
}

static void get_text_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    FoveaElementPrivate *p = fovea_element_priv(FOVEA_ELEMENT(object));
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(object);
    if (id != PROP_TEXT_TIMING) {
        klass->own_get_property(object, id, value, pspec);
        return;
    }
    g_mutex_lock(&p->lock);
    g_value_set_enum(value, p->text_timing);
    g_mutex_unlock(&p->lock);
}

static void install_text_property(FoveaElementClass *klass)
{
    GObjectClass *object = G_OBJECT_CLASS(klass);
    klass->own_set_property = object->set_property;
    klass->own_get_property = object->get_property;
    object->set_property = set_text_property;
    object->get_property = get_text_property;
    g_object_class_install_property(object, PROP_TEXT_TIMING,
                                    g_param_spec_enum("text-timing", "Text timing",
                                                      "Which time a text carries",
                                                      fovea_text_timing_get_type(), FOVEA_TEXT_AUTO,
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

void fovea_element_class_setup(FoveaElementClass *klass, const char *sink_caps,
                               const char *src_caps, const char *text_caps)
{
    const struct {
        const char *name, *caps;
        GstPadDirection direction;
    } pads[] = {{"sink", sink_caps, GST_PAD_SINK},
                {"src", src_caps, GST_PAD_SRC},
                {"text", text_caps, GST_PAD_SRC}};
    for (guint i = 0; i < G_N_ELEMENTS(pads); i++) {
        if (!pads[i].caps)
            continue;
        GstCaps *caps = gst_caps_from_string(pads[i].caps);
        gst_element_class_add_pad_template(
            GST_ELEMENT_CLASS(klass),
            gst_pad_template_new(pads[i].name, pads[i].direction, GST_PAD_ALWAYS, caps));
        gst_caps_unref(caps);
    }
    if (text_caps)
        install_text_property(klass);
}

static GstPad *add_pad(FoveaElement *self, const char *name)
{
    GstPadTemplate *template = gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self),
                                                                  name);
    if (!template)
        return NULL;
    GstPad *pad = gst_pad_new_from_template(template, name);
    if (GST_PAD_IS_SINK(pad)) {
        gst_pad_set_chain_function(pad, fovea_element_chain);
        gst_pad_set_event_function(pad, fovea_element_sink_event);
        gst_pad_set_query_function(pad, fovea_element_sink_query);
    } else {
        gst_pad_set_event_function(pad, fovea_element_src_event);
        gst_pad_set_query_function(pad, fovea_element_src_query);
    }
    gst_element_add_pad(GST_ELEMENT(self), pad);
    return pad;
}

static void constructed(GObject *object)
{
    FoveaElement *self = FOVEA_ELEMENT(object);
    FoveaElementPrivate *p = fovea_element_priv(self);
    G_OBJECT_CLASS(fovea_element_parent_class)->constructed(object);
    p->sinkpad = add_pad(self, "sink");
    p->srcpad = add_pad(self, "src");
    gst_pad_set_activatemode_function(p->srcpad, fovea_element_src_activate);
    p->text.pad = add_pad(self, "text");
    if (p->text.pad) {
        gst_pad_use_fixed_caps(p->text.pad);
        p->combiner = gst_flow_combiner_new();
        gst_flow_combiner_add_pad(p->combiner, p->srcpad);
        gst_flow_combiner_add_pad(p->combiner, p->text.pad);
    }
}

static void finalize(GObject *object)
{
    FoveaElementPrivate *p = fovea_element_priv(FOVEA_ELEMENT(object));
    fovea_element_load_stop(FOVEA_ELEMENT(object));
    fovea_queue_clear(p, TRUE);
    fovea_worker_flush(p, TRUE);
    fovea_text_flush(p, TRUE);
    fovea_element_drop_pool(p);
    gst_caps_replace(&p->in_caps, NULL);
    gst_caps_replace(&p->out_caps, NULL);
    g_clear_pointer(&p->combiner, gst_flow_combiner_free);
    g_object_unref(p->cancel);
    g_array_unref(p->regions);
    g_free(p->audio.data);
    g_free(p->progress_stage);
    g_free(p->model);
    g_free(p->device);
    g_mutex_clear(&p->lock);
    g_rec_mutex_clear(&p->push_lock);
    g_rec_mutex_clear(&p->text.push_lock);
    g_cond_clear(&p->changed);
    G_OBJECT_CLASS(fovea_element_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
    const GParamFlags ready = flags | GST_PARAM_MUTABLE_READY;
    g_object_class_install_property(
        klass, PROP_MODEL,
        g_param_spec_string(
            "model", "Model",
            "The model: an .onnx file or a model folder; unset: the task's default model, looked "
            "for in the folders of FOVEA_MODELS and where Fovea is installed",
            NULL, ready));
    g_object_class_install_property(
        klass, PROP_DEVICE,
        g_param_spec_string("device", "Device",
                            "Where the model runs: cpu, vulkan (the first GPU) or vulkan:N", "cpu",
                            ready));
    g_object_class_install_property(
        klass, PROP_PRECISION,
        g_param_spec_enum("precision", "Precision", "Number format that the model computes in",
                          fovea_precision_get_type(), FOVEA_PRECISION_AUTO, ready));
    g_object_class_install_property(
        klass, PROP_INTERVAL,
        g_param_spec_uint("interval", "Interval",
                          "Every how manieth frame is processed; the others pass (1: every frame); "
                          "of no effect on sound, all of which is heard",
                          1, G_MAXUINT, 1, flags));
    g_object_class_install_property(
        klass, PROP_MAX_LATENCY,
        g_param_spec_uint("max-latency", "Maximum latency",
                          "Delay in ms that is declared for live streams; within it no frame need "
                          "be given up",
                          0, 3600000, 0, flags));
    g_object_class_install_property(
        klass, PROP_OVERLOAD,
        g_param_spec_enum("overload", "Overload",
                          "What gives when frames come faster than they can be processed",
                          fovea_overload_get_type(), FOVEA_OVERLOAD_AUTO, flags));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Counters since PAUSED, and times in ns (latency-p50 and -p95 of the "
                           "last 256 processed frames; means of the parts of a run)",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void fovea_element_class_init(FoveaElementClass *klass)
{
    GObjectClass *object = G_OBJECT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->constructed = constructed;
    object->finalize = finalize;
    GST_ELEMENT_CLASS(klass)->change_state = change_state;
    klass->passthrough = TRUE;
    install_properties(object);
    gst_type_mark_as_plugin_api(FOVEA_TYPE_ELEMENT, 0);
    gst_type_mark_as_plugin_api(fovea_overload_get_type(), 0);
    gst_type_mark_as_plugin_api(fovea_precision_get_type(), 0);
    gst_type_mark_as_plugin_api(fovea_text_timing_get_type(), 0);
}

static void fovea_element_init(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_rec_mutex_init(&p->push_lock);
    g_rec_mutex_init(&p->text.push_lock);
    g_mutex_init(&p->lock);
    g_cond_init(&p->changed);
    g_queue_init(&p->queue);
    p->cancel = g_cancellable_new();
    g_queue_init(&p->worker.queue);
    g_queue_init(&p->text.queue);
    p->stopping = TRUE;
    p->flow = GST_FLOW_FLUSHING;
    p->interval = 1;
    p->device = g_strdup("cpu");
    p->regions = g_array_new(FALSE, FALSE, sizeof(FoveaRegion));
    p->qos_earliest = GST_CLOCK_TIME_NONE;
    gst_segment_init(&p->segment, GST_FORMAT_UNDEFINED);
    gst_audio_info_init(&p->audio.info);
    gst_video_info_init(&p->in_info);
    gst_video_info_init(&p->out_info);
    fovea_audio_reset(p);
    fovea_text_reset(p);
}
