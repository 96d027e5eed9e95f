/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovearestore: a better or larger picture from each video frame. What it does (scaling, removing
 * noise or compression artefacts, lightening) is the model's; so is by how much frames grow.
 *
 *   gst-launch-1.0 filesrc location=small.mp4 ! decodebin ! videoconvert !
 *       fovearestore compare=vertical ! videoconvert ! autovideosink
 */
#include "common/fovea-element.h"
#include "common/fovea-model.h"
#include "common/fovea-video.h"
#include "fovea/task.h"
#include "plugin.h"
#include "restore/compare.h"
#include "restore/sizes.h"

#define DEFAULT_STRENGTH 1.0f
#define DEFAULT_MAX_LATENCY 100 /* ms */

typedef struct FoveaRestore {
    FoveaElement parent;
    /* properties, and what `stats` says; guarded by the object lock */
    gint tile_size, tile_overlap;
    gfloat strength;
    FoveaCompare compare;
    gboolean tiles_changed;
    guint tiles;
    gint tile, overlap;
    /* what the model of this property's value scales by; guarded by the object lock */
    char *scale_of; /* NULL: not looked yet */
    gint scale;     /* 0: not known before it is loaded */
    /* from load to unload */
    FoveaShared *shared; /* of FoveaRestorer */
    FoveaRestorerStream *stream;
    gint width, height; /* of the frames that come */
} FoveaRestore;

typedef struct FoveaRestoreClass {
    FoveaElementClass parent_class;
} FoveaRestoreClass;

enum { PROP_0, PROP_TILE_SIZE, PROP_TILE_OVERLAP, PROP_STRENGTH, PROP_COMPARE };

GType fovea_restore_get_type(void);
G_DEFINE_TYPE(FoveaRestore, fovea_restore, FOVEA_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(fovearestore, "fovearestore", GST_RANK_NONE, fovea_restore_get_type())

#define FOVEA_RESTORE(object) ((FoveaRestore *)(object))

/* ---- the model ---- */

static void set_scale(FoveaRestore *self, char *model, gint scale)
{
    GST_OBJECT_LOCK(self);
    g_free(self->scale_of);
    self->scale_of = model ? model : g_strdup("");
    self->scale = scale;
    GST_OBJECT_UNLOCK(self);
}

/* Asked for on any thread, also before the model is loaded: then its .json tells. */
static gint find_scale(FoveaRestore *self)
{
    char *model = fovea_element_dup_model(FOVEA_ELEMENT(self));
    GST_OBJECT_LOCK(self);
    gboolean known = self->scale_of && g_strcmp0(self->scale_of, model ? model : "") == 0;
    gint scale = self->scale;
    GST_OBJECT_UNLOCK(self);
    if (known) {
        g_free(model);
        return scale;
    }
    char *path = fovea_element_find_model(FOVEA_ELEMENT(self), NULL);
    scale = path ? fovea_restorer_peek_scale(path) : 0;
    g_free(path);
    set_scale(self, model, scale);
    return scale;
}

static gpointer make_restorer(const FoveaModelRequest *request, GError **error)
{
    FoveaRestorerParams params = {.model = request->model,
                                  .precision = request->precision,
                                  .progress = fovea_element_progress,
                                  .progress_data = request->element,
                                  .cancellable = request->cancellable};
    return fovea_restorer_new(request->device, &params, error);
}

static gboolean restore_load(FoveaElement *element, GCancellable *cancellable, GError **error)
{
    FoveaRestore *self = FOVEA_RESTORE(element);
    self->shared = fovea_element_share_model(
        element, NULL, make_restorer, (GDestroyNotify)fovea_restorer_unref, cancellable, error);
    if (!self->shared)
        return FALSE;
    const FoveaRestorerInfo *info = fovea_restorer_info(fovea_shared_object(self->shared));
    set_scale(self, fovea_element_dup_model(element), info->scale);
    return TRUE;
}

static void restore_unload(FoveaElement *element)
{
    FoveaRestore *self = FOVEA_RESTORE(element);
    g_clear_pointer(&self->stream, fovea_restorer_stream_free);
    g_clear_pointer(&self->shared, fovea_shared_release);
}

/* ---- caps ---- */

static GstCaps *restore_transform_caps(FoveaElement *element, GstPadDirection direction,
                                       GstCaps *caps)
{
    return fovea_sizes_transform(caps, direction, find_scale(FOVEA_RESTORE(element)),
                                 FOVEA_VIDEO_FORMATS);
}

/* Plans for this size; the stream before is kept where that fails. */
static gboolean make_stream(FoveaRestore *self, gint width, gint height, GError **error)
{
    FoveaRestorerStreamParams params = {
        .width = width,
        .height = height,
        .cancellable = fovea_element_cancellable(FOVEA_ELEMENT(self))};
    GST_OBJECT_LOCK(self);
    params.tile = self->tile_size;
    params.overlap = self->tile_overlap;
    self->tiles_changed = FALSE;
    GST_OBJECT_UNLOCK(self);
    FoveaRestorerStream *stream = fovea_restorer_stream_new(fovea_shared_object(self->shared),
                                                            &params, error);
    if (!stream)
        return FALSE;
    fovea_restorer_stream_free(self->stream);
    self->stream = stream;
    self->width = width;
    self->height = height;
    gint tile, overlap;
    guint tiles = fovea_restorer_stream_tiles(stream, &tile, &overlap);
    GST_OBJECT_LOCK(self);
    self->tiles = tiles;
    self->tile = tile;
    self->overlap = overlap;
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean restore_set_caps(FoveaElement *element, GstCaps *in, GstCaps *out, GError **error)
{
    FoveaRestore *self = FOVEA_RESTORE(element);
    const FoveaRestorerInfo *info = fovea_restorer_info(fovea_shared_object(self->shared));
    GstVideoInfo from, to;
    if (!gst_video_info_from_caps(&from, in) || !gst_video_info_from_caps(&to, out) ||
        to.width / info->scale != from.width || to.height / info->scale != from.height) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                    "This model makes pictures %d times as wide and high, which is not what the "
                    "elements before and after have agreed on.",
                    info->scale);
        return FALSE;
    }
    if (self->stream && from.width == self->width && from.height == self->height)
        return TRUE;
    return make_stream(self, from.width, from.height, error);
}

/* ---- a frame ---- */

/* In pass() there is nobody left to fill a frame without the model. */
static gboolean run(FoveaRestore *self, FoveaFrame *frame, gboolean plain, GError **error)
{
    GstVideoFrame in, out;
    FoveaImage image, result;
    FoveaRect part;
    GST_OBJECT_LOCK(self);
    FoveaCompare compare = self->compare;
    FoveaRestoreParams params = {.plain = 1 - self->strength,
                                 .cancellable = fovea_element_cancellable(FOVEA_ELEMENT(self))};
    GST_OBJECT_UNLOCK(self);
    if (!fovea_frame_map(&in, &image, frame->info, frame->buffer, GST_MAP_READ, error))
        return FALSE;
    if (!fovea_frame_map(&out, &result, frame->out_info, frame->out, GST_MAP_WRITE, error)) {
        gst_video_frame_unmap(&in);
        return FALSE;
    }
    if (fovea_compare_rect(compare, result.width, result.height, &part))
        params.compare = &part;
    gboolean ok = plain || params.plain >= 1
                      ? fovea_restorer_stream_pass(self->stream, &image, &result, error)
                      : fovea_restorer_stream_run(self->stream, &image, &params, &result, error);
    if (ok)
        fovea_compare_draw(compare, &result);
    gst_video_frame_unmap(&out);
    gst_video_frame_unmap(&in);
    return ok;
}

static gboolean restore_process(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    FoveaRestore *self = FOVEA_RESTORE(element);
    gint64 pre, plan, post;
    GST_OBJECT_LOCK(self);
    gboolean changed = self->tiles_changed;
    GST_OBJECT_UNLOCK(self);
    if (changed && !make_stream(self, self->width, self->height, error))
        return FALSE;
    if (!run(self, frame, FALSE, error))
        return FALSE;
    fovea_restorer_stream_times(self->stream, &pre, &plan, &post);
    fovea_element_report_times(element, pre, plan, post);
    fovea_element_report_import(element, "host");
    return TRUE;
}

static gboolean restore_pass(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    return run(FOVEA_RESTORE(element), frame, TRUE, error);
}

static void restore_add_stats(FoveaElement *element, GstStructure *stats)
{
    FoveaRestore *self = FOVEA_RESTORE(element);
    GST_OBJECT_LOCK(self);
    gst_structure_set(stats, "tiles", G_TYPE_UINT, self->tiles, "tile-size", G_TYPE_INT, self->tile,
                      "tile-overlap", G_TYPE_INT, self->overlap, NULL);
    GST_OBJECT_UNLOCK(self);
}

/* ---- the object ---- */

static void restore_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    FoveaRestore *self = FOVEA_RESTORE(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_TILE_SIZE:
        self->tile_size = g_value_get_int(value);
        self->tiles_changed = TRUE;
        break;
    case PROP_TILE_OVERLAP:
        self->tile_overlap = g_value_get_int(value);
        self->tiles_changed = TRUE;
        break;
    case PROP_STRENGTH: self->strength = g_value_get_float(value); break;
    case PROP_COMPARE: self->compare = g_value_get_enum(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void restore_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    FoveaRestore *self = FOVEA_RESTORE(object);
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_TILE_SIZE: g_value_set_int(value, self->tile_size); break;
    case PROP_TILE_OVERLAP: g_value_set_int(value, self->tile_overlap); break;
    case PROP_STRENGTH: g_value_set_float(value, self->strength); break;
    case PROP_COMPARE: g_value_set_enum(value, self->compare); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void restore_finalize(GObject *object)
{
    FoveaRestore *self = FOVEA_RESTORE(object);
    restore_unload(FOVEA_ELEMENT(object));
    g_free(self->scale_of);
    G_OBJECT_CLASS(fovea_restore_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *object)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                              GST_PARAM_MUTABLE_PLAYING;
    g_object_class_install_property(
        object, PROP_TILE_SIZE,
        g_param_spec_int("tile-size", "Tile size",
                         "Side in pixels (of the frames that come) of the tiles that frames are "
                         "cut into (0: not cut where the whole frame fits the device)",
                         0, G_MAXINT, 0, flags));
    g_object_class_install_property(
        object, PROP_TILE_OVERLAP,
        g_param_spec_int("tile-overlap", "Tile overlap",
                         "Pixels that neighbouring tiles share (0: as many as the model looks at, "
                         "so that no seam can be seen; with fewer they are blended)",
                         0, G_MAXINT, 0, flags));
    g_object_class_install_property(
        object, PROP_STRENGTH,
        g_param_spec_float("strength", "Strength",
                           "Share of the model's picture in the result; the rest is plain scaling "
                           "(0 to 1)",
                           0, 1, DEFAULT_STRENGTH, flags));
    g_object_class_install_property(
        object, PROP_COMPARE,
        g_param_spec_enum("compare", "Compare",
                          "Half of the frame that shows plain scaling, behind a thin line",
                          fovea_compare_get_type(), FOVEA_COMPARE_NONE, flags));
}

static void fovea_restore_class_init(FoveaRestoreClass *klass)
{
    GObjectClass *object = G_OBJECT_CLASS(klass);
    FoveaElementClass *element = &klass->parent_class;
    object->set_property = restore_set_property;
    object->get_property = restore_get_property;
    object->finalize = restore_finalize;
    element->task = "restore";
    element->passthrough = FALSE;
    element->check = fovea_element_check_model;
    element->load = restore_load;
    element->unload = restore_unload;
    element->transform_caps = restore_transform_caps;
    element->set_caps = restore_set_caps;
    element->process = restore_process;
    element->pass = restore_pass;
    element->add_stats = restore_add_stats;
    fovea_element_class_setup(element, FOVEA_VIDEO_CAPS, FOVEA_VIDEO_CAPS, NULL);
    install_properties(object);
    gst_type_mark_as_plugin_api(fovea_compare_get_type(), 0);
    gst_element_class_set_static_metadata(
        GST_ELEMENT_CLASS(klass), "Fovea restorer", "Filter/Effect/Video",
        "Makes video frames better or larger with an attention model on the CPU or a Vulkan GPU; "
        "without a model of its own property, doubles their size",
        "Fovea");
}

static void fovea_restore_init(FoveaRestore *self)
{
    self->strength = DEFAULT_STRENGTH;
    fovea_element_set_default_max_latency(FOVEA_ELEMENT(self), DEFAULT_MAX_LATENCY);
}
