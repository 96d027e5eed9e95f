/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea restore: a video with its sound, in a pipeline:
 *
 *   filesrc ! parsebin ! (video) decodebin ! ... ! fovearestore ! ... ! x264enc ! muxer ! filesink
 *                      ! (sound) ------------------- as it is, or encoded anew ---- ^
 */
#include <stdio.h>
#include <string.h>

#include "fovea/base.h"
#include "restore.h"

#ifdef HAVE_GST
#include <gst/video/video.h>

#include "part.h"
#include "restore-video.h"

#define DEFAULT_CRF 20
#define MAX_CRF 51

/* ---- making elements ---- */

/* Of which package an element is, where it is missing. */
static const char *package_of(const char *factory)
{
    static const char *const table[][2] = {
        {"x264enc", "gstreamer1.0-plugins-ugly"},   {"h264parse", "gstreamer1.0-plugins-bad"},
        {"mp4mux", "gstreamer1.0-plugins-good"},    {"qtmux", "gstreamer1.0-plugins-good"},
        {"videoflip", "gstreamer1.0-plugins-good"}, {"matroskamux", "gstreamer1.0-plugins-good"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(table); i++)
        if (strcmp(factory, table[i][0]) == 0)
            return table[i][1];
    return "gstreamer1.0-plugins-base";
}

GstElement *video_add(Video *v, const char *factory)
{
    GstElement *element = gst_element_factory_make(factory, NULL);
    if (element) {
        gst_bin_add(GST_BIN(v->pipeline), element);
        return element;
    }
    g_mutex_lock(&v->lock);
    if (v->error == NULL)
        g_set_error(&v->error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                    "%s cannot be made: GStreamer's element %s is missing (Debian: %s)", v->out,
                    factory, package_of(factory));
    g_mutex_unlock(&v->lock);
    return NULL;
}

void video_fail(Video *v, const char *what)
{
    g_mutex_lock(&v->lock);
    if (v->error == NULL)
        g_set_error(&v->error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED, "%s: %s", v->in, what);
    g_mutex_unlock(&v->lock);
}

GstElement *video_add_row(Video *v, GstElement **first, ...)
{
    GstElement *last = NULL;
    va_list names;
    const char *name;
    va_start(names, first);
    while ((name = va_arg(names, const char *))) {
        GstElement *element = video_add(v, name);
        if (element == NULL || (last && !gst_element_link(last, element))) {
            last = NULL;
            break;
        }
        if (last == NULL)
            *first = element;
        last = element;
    }
    va_end(names);
    return last;
}

gboolean video_link(GstPad *pad, GstElement *element)
{
    GstPad *sink = gst_element_get_static_pad(element, "sink");
    gboolean ok = gst_pad_link(pad, sink) == GST_PAD_LINK_OK;
    gst_object_unref(sink);
    return ok;
}

/* Late elements follow the pipeline's state, the last ones first. */
static void start(Video *v)
{
    GstIterator *iterator = gst_bin_iterate_sorted(GST_BIN(v->pipeline));
    GValue item = G_VALUE_INIT;
    while (gst_iterator_next(iterator, &item) == GST_ITERATOR_OK) {
        gst_element_sync_state_with_parent(g_value_get_object(&item));
        g_value_reset(&item);
    }
    g_value_unset(&item);
    gst_iterator_free(iterator);
}

/* ---- the picture ---- */

static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Video *v = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    g_mutex_lock(&v->lock);
    if (GST_BUFFER_PTS_IS_VALID(buffer))
        v->last = GST_BUFFER_PTS(buffer);
    v->frames++;
    g_mutex_unlock(&v->lock);
    return GST_PAD_PROBE_OK;
}

static void set_options(Video *v, GstElement *restore, GstElement *encoder)
{
    const RestoreOptions *o = v->options;
    gint crf = o->quality < 0 ? DEFAULT_CRF : MIN(o->quality, MAX_CRF);
    g_object_set(restore, "model", o->model, "tile-size", o->tile, "tile-overlap", o->overlap,
                 "strength", (gfloat)o->strength, NULL);
    if (o->device)
        g_object_set(restore, "device", o->device, NULL);
    if (o->precision)
        gst_util_set_object_arg(G_OBJECT(restore), "precision", o->precision);
    if (o->compare_name)
        gst_util_set_object_arg(G_OBJECT(restore), "compare", o->compare_name);
    gst_util_set_object_arg(G_OBJECT(encoder), "pass", "qual"); /* constant rate factor */
    g_object_set(encoder, "quantizer", crf, NULL);
    gst_util_set_object_arg(G_OBJECT(encoder), "speed-preset", "fast");
}

/* From the decoded picture to the muxer; made before anything runs, so that the model loads then. */
static gboolean add_picture(Video *v)
{
    GstElement *convert = NULL, *parse = NULL, *first, *last, *encoder, *out;
    first = video_add_row(v, &v->picture, "videoflip", "videoconvert", NULL);
    v->restore = first ? video_add(v, "fovearestore") : NULL;
    last = v->restore ? video_add_row(v, &convert, "videoconvert", "queue", NULL) : NULL;
    encoder = last ? video_add(v, "x264enc") : NULL;
    out = encoder ? video_add_row(v, &parse, "h264parse", "queue", NULL) : NULL;
    if (out == NULL || !gst_element_link_many(first, v->restore, convert, NULL) ||
        !gst_element_link_many(last, encoder, parse, NULL) || !gst_element_link(out, v->mux))
        return FALSE;
    gst_util_set_object_arg(G_OBJECT(v->picture), "video-direction", "auto"); /* upright */
    set_options(v, v->restore, encoder);
    GstPad *pad = gst_element_get_static_pad(v->restore, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, v, NULL);
    gst_object_unref(pad);
    return TRUE;
}

static void on_decoded(GstElement *decoder, GstPad *pad, gpointer data)
{
    Video *v = data;
    if (!video_link(pad, v->picture))
        video_fail(v, "its pictures cannot be decoded");
}

static void add_video(Video *v, GstPad *pad)
{
    GstElement *decoder = video_add(v, "decodebin");
    if (decoder == NULL)
        return;
    g_signal_connect(decoder, "pad-added", G_CALLBACK(on_decoded), v);
    v->source = gst_object_ref(pad);
    if (!video_link(pad, decoder))
        video_fail(v, "its pictures cannot be decoded");
}

/* ---- the file's streams ---- */

/* All streams are there before the first has data. */
static GstPadProbeReturn on_data(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Video *v = data;
    if (v->source == NULL)
        video_fail(v, "there is no video in it");
    return GST_PAD_PROBE_REMOVE;
}

static void on_stream(GstElement *parser, GstPad *pad, gpointer data)
{
    Video *v = data;
    GstCaps *caps = gst_pad_get_current_caps(pad);
    if (caps == NULL)
        caps = gst_pad_query_caps(pad, NULL);
    const char *name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    if (g_str_has_prefix(name, "video/") && v->source == NULL) {
        add_video(v, pad);
    } else if (g_str_has_prefix(name, "audio/")) {
        if (!video_add_sound(v, pad, caps))
            video_fail(v, "its sound cannot be kept");
    } else { /* a second picture, subtitles: left out */
        GstElement *sink = video_add(v, "fakesink");
        if (sink) {
            g_object_set(sink, "async", FALSE, "sync", FALSE, NULL);
            video_link(pad, sink);
        }
    }
    gst_caps_unref(caps);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_data, v, NULL);
    start(v);
}

/* ---- running ---- */

static const char *muxer_of(const char *out)
{
    static const char *const endings[][2] = {
        {".mp4", "mp4mux"}, {".m4v", "mp4mux"}, {".mov", "qtmux"}, {".mkv", "matroskamux"}};
    const char *dot = strrchr(out, '.');
    for (guint i = 0; dot && i < G_N_ELEMENTS(endings); i++)
        if (g_ascii_strcasecmp(dot, endings[i][0]) == 0)
            return endings[i][1];
    return NULL;
}

static gboolean build(Video *v, const char *part)
{
    GstElement *source, *parser, *sink;
    v->pipeline = gst_pipeline_new("restore");
    v->mux = video_add(v, muxer_of(v->out));
    source = v->mux ? video_add(v, "filesrc") : NULL;
    parser = source ? video_add(v, "parsebin") : NULL;
    sink = parser ? video_add(v, "filesink") : NULL;
    if (sink == NULL || !add_picture(v) || !gst_element_link(source, parser) ||
        !gst_element_link(v->mux, sink))
        return FALSE;
    g_object_set(source, "location", v->in, NULL);
    g_object_set(sink, "location", part, "async", FALSE, NULL);
    g_signal_connect(parser, "pad-added", G_CALLBACK(on_stream), v);
    return TRUE;
}

static void show_progress(Video *v)
{
    gint64 duration = 0;
    g_mutex_lock(&v->lock);
    guint64 done = v->frames ? v->last : 0;
    g_mutex_unlock(&v->lock);
    if (done && v->source && gst_pad_query_duration(v->source, GST_FORMAT_TIME, &duration) &&
        duration > 0)
        command_progress_left("restoring", (double)done / (double)duration);
}

/* One sentence that names the file. */
static void read_error(Video *v, GstMessage *message, GError **error)
{
    GError *said = NULL;
    gst_message_parse_error(message, &said, NULL);
    gboolean ours = GST_MESSAGE_SRC(message) == GST_OBJECT(v->restore);
    if (g_error_matches(said, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT))
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO,
                    "%s cannot be written: there is no space left", v->out);
    else if (g_error_matches(said, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE) ||
             g_error_matches(said, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE))
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be written: %s", v->out,
                    said->message);
    else
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_FAILED, ours ? "%s: %s" : "%s: %s (%s)", v->in,
                    said->message, GST_OBJECT_NAME(GST_MESSAGE_SRC(message)));
    g_error_free(said);
}

/* Until the end. */
static gboolean watch(Video *v, GError **error)
{
    GstBus *bus = gst_element_get_bus(v->pipeline);
    gboolean ended = FALSE, failed = FALSE;
    while (!ended && !failed) {
        GstMessage *message = gst_bus_timed_pop_filtered(bus, 200 * GST_MSECOND,
                                                         GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
        g_mutex_lock(&v->lock);
        if (v->error) {
            g_propagate_error(error, g_steal_pointer(&v->error));
            failed = TRUE;
        }
        g_mutex_unlock(&v->lock);
        if (message && !failed) {
            ended = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
            failed = !ended;
            if (failed)
                read_error(v, message, error);
        }
        if (message)
            gst_message_unref(message);
        show_progress(v);
    }
    gst_object_unref(bus);
    return ended;
}

static void report(Video *v)
{
    GstCaps *caps;
    GstVideoInfo info;
    guint64 errors = 0;
    GstStructure *stats;
    GstPad *pad = gst_element_get_static_pad(v->restore, "src");
    g_object_get(v->restore, "stats", &stats, NULL);
    gst_structure_get_uint64(stats, "errors", &errors);
    gst_structure_free(stats);
    caps = gst_pad_get_current_caps(pad);
    if (caps && gst_video_info_from_caps(&info, caps))
        printf("%s: %d x %d, %" G_GUINT64_FORMAT " frames\n", v->out, info.width, info.height,
               v->frames);
    if (errors)
        fprintf(stderr, "fovea: %s: %" G_GUINT64_FORMAT " frames were only scaled\n", v->in,
                errors);
    gst_clear_caps(&caps);
    gst_object_unref(pad);
}

/* The plugin of this very build, where GStreamer does not know one. */
static gboolean find_plugin(GError **error)
{
    GstElementFactory *factory;
    gst_init(NULL, NULL);
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
    g_autofree char *built =
        folder ? g_build_filename(folder, "..", "..", "plugins", "libgstfovea.so", NULL) : NULL;
    const char *const places[] = {built, PLUGIN_DIR "/libgstfovea.so"};
    for (guint i = 0; i <= G_N_ELEMENTS(places); i++) {
        if ((factory = gst_element_factory_find("fovearestore"))) {
            gst_object_unref(factory);
            return TRUE;
        }
        GstPlugin *plugin = i < G_N_ELEMENTS(places) && places[i]
                                ? gst_plugin_load_file(places[i], NULL)
                                : NULL;
        if (plugin)
            gst_object_unref(plugin);
    }
    g_set_error_literal(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                        "GStreamer does not find Fovea's elements: name the folder of "
                        "libgstfovea.so in GST_PLUGIN_PATH");
    return FALSE;
}

static gboolean run(Video *v, const char *part, GError **error)
{
    gboolean ok = build(v, part);
    if (ok) {
        gst_element_set_state(v->pipeline, GST_STATE_PLAYING);
        ok = watch(v, error);
        command_progress_end();
        if (ok)
            report(v);
        gst_element_set_state(v->pipeline, GST_STATE_NULL);
    } else if (v->error) {
        g_propagate_error(error, g_steal_pointer(&v->error));
    } else {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_FAILED, "%s: the pipeline cannot be linked",
                    v->in);
    }
    gst_clear_object(&v->source);
    gst_object_unref(v->pipeline);
    g_clear_error(&v->error);
    return ok;
}

gboolean restore_video(const RestoreOptions *options, const char *in, const char *out,
                       GError **error)
{
    Video v = {.options = options, .in = in, .out = out};
    if (muxer_of(out) == NULL) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                    "%s is no picture, and %s cannot be written: a video's name ends with .mp4, "
                    ".mov or .mkv",
                    in, out);
        return FALSE;
    }
    if (!find_plugin(error))
        return FALSE;
    char *part = part_begin(out, error);
    if (part == NULL)
        return FALSE;
    g_mutex_init(&v.lock);
    gboolean ok = run(&v, part, error);
    g_mutex_clear(&v.lock);
    if (ok)
        return part_keep(part, out, error);
    part_drop(part);
    return FALSE;
}

#else

gboolean restore_video(const RestoreOptions *options, const char *in, const char *out,
                       GError **error)
{
    g_set_error(
        error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
        "%s is no JPEG or PNG file, and videos need GStreamer, which this `fovea` was built "
        "without",
        in);
    return FALSE;
}

#endif
