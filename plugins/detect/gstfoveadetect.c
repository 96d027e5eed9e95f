/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * foveadetect: objects in video frames. Frames pass untouched; what was found travels on them
 * (common/fovea-meta.h).
 *
 *   gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert !
 *       foveadetect model=models/deimv2 threshold=0.4 ! foveaoverlay ! videoconvert ! autovideosink
 */
#include "common/fovea-element.h"
#include "common/fovea-meta.h"
#include "common/fovea-model.h"
#include "common/fovea-video.h"
#include "detect/classes.h"
#include "fovea/task.h"
#include "plugin.h"

#define DEFAULT_THRESHOLD 0.5f
#define DEFAULT_MAX_LATENCY 100 /* ms */

typedef struct FoveaDetect {
    FoveaElement parent;
    /* properties; guarded by the object lock */
    gfloat threshold;
    char *labels, *classes;
    gboolean classes_changed;
    /* from load to unload */
    FoveaShared *shared; /* of FoveaDetector */
    FoveaDetectorStream *stream;
    gboolean *flags; /* of classes; NULL: all */
    GArray *found;   /* of FoveaDetection */
} FoveaDetect;

typedef struct FoveaDetectClass {
    FoveaElementClass parent_class;
} FoveaDetectClass;

enum { PROP_0, PROP_THRESHOLD, PROP_LABELS, PROP_CLASSES };

GType fovea_detect_get_type(void);
G_DEFINE_TYPE(FoveaDetect, fovea_detect, FOVEA_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(foveadetect, "foveadetect", GST_RANK_NONE, fovea_detect_get_type())

#define FOVEA_DETECT(object) ((FoveaDetect *)(object))

/* ---- the model ---- */

static gpointer make_detector(const FoveaModelRequest *request, GError **error)
{
    FoveaDetectorParams params = {.model = request->model,
                                  .labels = request->extra,
                                  .precision = request->precision,
                                  .progress = fovea_element_progress,
                                  .progress_data = request->element,
                                  .cancellable = request->cancellable};
    return fovea_detector_new(request->device, &params, error);
}

static gboolean update_classes(FoveaDetect *self, GError **error)
{
    gboolean *flags;
    GST_OBJECT_LOCK(self);
    char *text = g_strdup(self->classes);
    self->classes_changed = FALSE;
    GST_OBJECT_UNLOCK(self);
    gboolean ok = fovea_classes_parse(text, fovea_shared_object(self->shared), &flags, error);
    g_free(text);
    if (!ok)
        return FALSE;
    g_free(self->flags);
    self->flags = flags;
    return TRUE;
}

static gboolean detect_load(FoveaElement *element, GCancellable *cancellable, GError **error)
{
    FoveaDetect *self = FOVEA_DETECT(element);
    GST_OBJECT_LOCK(self);
    char *labels = self->labels && *self->labels ? g_strdup(self->labels) : NULL;
    GST_OBJECT_UNLOCK(self);
    self->shared = fovea_element_share_model(
        element, labels, make_detector, (GDestroyNotify)fovea_detector_unref, cancellable, error);
    g_free(labels);
    if (!self->shared || !update_classes(self, error))
        return FALSE;
    self->stream = fovea_detector_stream_new(fovea_shared_object(self->shared), error);
    return self->stream != NULL;
}

static void detect_unload(FoveaElement *element)
{
    FoveaDetect *self = FOVEA_DETECT(element);
    g_array_set_size(self->found, 0); /* its labels are the detector's */
    g_clear_pointer(&self->flags, g_free);
    g_clear_pointer(&self->stream, fovea_detector_stream_free);
    g_clear_pointer(&self->shared, fovea_shared_release);
}

/* ---- a frame ---- */

static gboolean detect_process(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    FoveaDetect *self = FOVEA_DETECT(element);
    GstVideoFrame mapped;
    FoveaImage image;
    gint64 pre, plan, post;
    GST_OBJECT_LOCK(self);
    FoveaDetectParams params = {.threshold = self->threshold};
    gboolean changed = self->classes_changed;
    GST_OBJECT_UNLOCK(self);
    if (changed && !update_classes(self, error))
        return FALSE;
    params.classes = self->flags;
    if (!fovea_frame_map(&mapped, &image, frame->info, frame->buffer, GST_MAP_READ, error))
        return FALSE;
    gboolean ok = fovea_detector_stream_run(self->stream, &image, &params, self->found, error);
    gst_video_frame_unmap(&mapped);
    if (!ok)
        return FALSE;
    for (guint i = 0; i < self->found->len; i++)
        fovea_buffer_add_detection(frame->buffer, &g_array_index(self->found, FoveaDetection, i));
    fovea_detector_stream_times(self->stream, &pre, &plan, &post);
    fovea_element_report_times(element, pre, plan, post);
    fovea_element_report_import(element, "host");
    return TRUE;
}

/* ---- the object ---- */

static void detect_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    FoveaDetect *self = FOVEA_DETECT(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_THRESHOLD: self->threshold = g_value_get_float(value); break;
    case PROP_LABELS:
        g_free(self->labels);
        self->labels = g_value_dup_string(value);
        break;
    case PROP_CLASSES:
        g_free(self->classes);
        self->classes = g_value_dup_string(value);
        self->classes_changed = TRUE;
        break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
    if (id == PROP_LABELS)
        fovea_element_invalidate(FOVEA_ELEMENT(object));
}

static void detect_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    FoveaDetect *self = FOVEA_DETECT(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_THRESHOLD: g_value_set_float(value, self->threshold); break;
    case PROP_LABELS: g_value_set_string(value, self->labels); break;
    case PROP_CLASSES: g_value_set_string(value, self->classes); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void detect_finalize(GObject *object)
{
    FoveaDetect *self = FOVEA_DETECT(object);
    detect_unload(FOVEA_ELEMENT(object));
    g_array_unref(self->found);
    g_free(self->labels);
    g_free(self->classes);
    G_OBJECT_CLASS(fovea_detect_parent_class)->finalize(object);
}

static void fovea_detect_class_init(FoveaDetectClass *klass)
{
    GObjectClass *object = G_OBJECT_CLASS(klass);
    FoveaElementClass *element = &klass->parent_class;
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
    object->set_property = detect_set_property;
    object->get_property = detect_get_property;
    object->finalize = detect_finalize;
    element->task = "detect";
    element->check = fovea_element_check_model;
    element->load = detect_load;
    element->unload = detect_unload;
    element->process = detect_process;
    fovea_element_class_setup(element, FOVEA_VIDEO_CAPS, FOVEA_VIDEO_CAPS, NULL);

    g_object_class_install_property(
        object, PROP_THRESHOLD,
        g_param_spec_float("threshold", "Threshold",
                           "Score from which on an object counts as found (0 to 1)", 0, 1,
                           DEFAULT_THRESHOLD, flags | GST_PARAM_MUTABLE_PLAYING));
    g_object_class_install_property(
        object, PROP_LABELS,
        g_param_spec_string("labels", "Labels",
                            "Text file with the names of the classes, one a line (default: those "
                            "that the model brings)",
                            NULL, flags | GST_PARAM_MUTABLE_READY));
    g_object_class_install_property(
        object, PROP_CLASSES,
        g_param_spec_string("classes", "Classes",
                            "Names or numbers of the classes to keep, separated by commas "
                            "(default: all)",
                            NULL, flags | GST_PARAM_MUTABLE_PLAYING));
    gst_element_class_set_static_metadata(
        GST_ELEMENT_CLASS(klass), "Fovea object detector", "Filter/Analyzer/Video",
        "Finds objects in video frames with a detection transformer on the CPU or a Vulkan GPU",
        "Fovea");
}

static void fovea_detect_init(FoveaDetect *self)
{
    self->threshold = DEFAULT_THRESHOLD;
    self->found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    fovea_element_set_default_max_latency(FOVEA_ELEMENT(self), DEFAULT_MAX_LATENCY);
}
