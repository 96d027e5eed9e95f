/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * foveadetect: objects in video frames. Frames pass untouched; what was found travels on them
 * (common/fovea-meta.h).
 *
 *   gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert !
 *       foveadetect model=models/deimv2 threshold=0.4 ! foveaoverlay ! videoconvert ! autovideosink
 */
#include <glib/gstdio.h>

#include "common/fovea-element.h"
#include "common/fovea-meta.h"
#include "common/fovea-shared.h"
#include "common/fovea-video.h"
#include "detect/classes.h"
#include "fovea/task.h"
#include "plugin.h"

#define DEFAULT_THRESHOLD 0.5f
#define DEFAULT_MAX_LATENCY 100 /* ms */
#define FEMTO "deimv2_hgnetv2_femto_coco.onnx"
#define ATTO "deimv2_hgnetv2_atto_coco.onnx"

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

/* What the property names, else the default model in $FOVEA_MODELS; NULL with an error. */
static char *find_model(FoveaElement *element, GError **error)
{
    char *model = fovea_element_dup_model(element);
    const char *folder = g_getenv("FOVEA_MODELS");
    if (model && *model) {
        if (g_file_test(model, G_FILE_TEST_EXISTS))
            return model;
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO,
                    "There is no model at \"%s\": neither a file nor a folder.", model);
        g_free(model);
        return NULL;
    }
    g_free(model);
    if (folder && *folder) {
        static const char *const places[] = {"deimv2/" FEMTO, FEMTO, "deimv2/" ATTO, ATTO};
        for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
            model = g_build_filename(folder, places[i], NULL);
            if (g_file_test(model, G_FILE_TEST_EXISTS))
                return model;
            g_free(model);
        }
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO,
                    "No detection model was named, and the folder \"%s\" of FOVEA_MODELS has no "
                    "%s: set the property model to an .onnx file or a model folder.",
                    folder, FEMTO);
        return NULL;
    }
    g_set_error_literal(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                        "No detection model was named: set the property model to an .onnx file or "
                        "a model folder, or FOVEA_MODELS to a folder with the default model.");
    return NULL;
}

static gboolean detect_check(FoveaElement *element, GError **error)
{
    char *model = find_model(element, error);
    g_free(model);
    return model != NULL;
}

typedef struct Request {
    FoveaElement *element;
    const char *model, *device, *labels;
} Request;

static gpointer make_detector(gpointer data, GCancellable *cancellable, GError **error)
{
    const Request *request = data;
    FoveaDetector *detector = NULL;
    FoveaDevice *device = fovea_device_open(request->device, error);
    if (!device)
        return NULL;
    FoveaDetectorParams params = {.model = request->model,
                                  .labels = request->labels,
                                  .precision = fovea_element_get_precision(request->element),
                                  .progress = fovea_element_progress,
                                  .progress_data = request->element,
                                  .cancellable = cancellable};
    detector = fovea_detector_new(device, &params, error);
    fovea_device_unref(device);
    return detector;
}

/* A file that was replaced since is another model. */
static char *stamp(const char *path)
{
    GStatBuf info;
    if (!path || g_stat(path, &info) != 0)
        return g_strdup("");
    return g_strdup_printf("%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, (gint64)info.st_mtime,
                           (gint64)info.st_size);
}

static char *make_key(FoveaElement *element, const Request *r)
{
    char *path = g_canonicalize_filename(r->model, NULL), *when = stamp(r->model);
    char *precision = g_strdup_printf("%d", fovea_element_get_precision(element));
    char *key = fovea_shared_key("detect", path, when, r->device, precision,
                                 r->labels ? r->labels : "", NULL);
    g_free(path);
    g_free(when);
    g_free(precision);
    return key;
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
    char *model = find_model(element, error);
    if (!model)
        return FALSE;
    GST_OBJECT_LOCK(self);
    char *labels = self->labels && *self->labels ? g_strdup(self->labels) : NULL;
    GST_OBJECT_UNLOCK(self);
    char *device = fovea_element_dup_device(element);
    Request request = {element, model, device ? device : "cpu", labels};
    char *key = make_key(element, &request);
    self->shared = fovea_shared_acquire(key, make_detector, &request,
                                        (GDestroyNotify)fovea_detector_unref, cancellable, error);
    g_free(key);
    g_free(device);
    g_free(labels);
    g_free(model);
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
    if (!gst_video_frame_map(&mapped, frame->info, frame->buffer,
                             GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
        g_set_error_literal(error, FOVEA_ERROR, FOVEA_ERROR_FAILED,
                            "A frame is smaller than its format says, or not readable.");
        return FALSE;
    }
    gboolean ok = fovea_image_from_frame(&image, &mapped) &&
                  fovea_detector_stream_run(self->stream, &image, &params, self->found, error);
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
    element->check = detect_check;
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
