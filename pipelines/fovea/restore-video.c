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

#define DEFAULT_CRF 20
#define MAX_CRF 51
#define SOUND_BYTES (64u << 20) /* that may wait for the video */

typedef struct Video {
    const RestoreOptions *options;
    const char *in, *out;
    GstElement *pipeline, *mux, *picture, *restore; /* picture: takes it decoded */
    GstPad *source;              /* of the compressed video: knows how long it lasts */
    GMutex lock;                 /* guards what follows: pads appear on other threads */
    GError *error;               /* the first mistake found there */
    guint64 frames, first, last; /* presentation times of what was restored */
    gint width, height;
} Video;

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

/* An element in the pipeline; NULL, and the error noted, where there is none of the kind. */
static GstElement *add(Video *v, const char *factory)
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

static void fail(Video *v, const char *what)
{
    g_mutex_lock(&v->lock);
    if (v->error == NULL)
        g_set_error(&v->error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED, "%s: %s", v->in, what);
    g_mutex_unlock(&v->lock);
}

/* Elements by name, NULL at the end, linked in a row; the first one in *first. The last, or NULL. */
static GstElement *add_row(Video *v, GstElement **first, ...) G_GNUC_NULL_TERMINATED;
static GstElement *add_row(Video *v, GstElement **first, ...)
{
    GstElement *last = NULL;
    va_list names;
    const char *name;
    va_start(names, first);
    while ((name = va_arg(names, const char *))) {
        GstElement *element = add(v, name);
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

static gboolean link_pad(GstPad *pad, GstElement *element)
{
    GstPad *sink = gst_element_get_static_pad(element, "sink");
    gboolean ok = gst_pad_link(pad, sink) == GST_PAD_LINK_OK;
    gst_object_unref(sink);
    return ok;
}

static GstElement *add_queue(Video *v)
{
    GstElement *queue = add(v, "queue");
    if (queue)
        g_object_set(queue, "max-size-buffers", 0, "max-size-time", (guint64)0, "max-size-bytes",
                     SOUND_BYTES, NULL);
    return queue;
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
    if (GST_BUFFER_PTS_IS_VALID(buffer)) {
        v->last = GST_BUFFER_PTS(buffer);
        if (v->frames == 0)
            v->first = v->last;
    }
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
    first = add_row(v, &v->picture, "videoflip", "videoconvert", NULL);
    v->restore = first ? add(v, "fovearestore") : NULL;
    last = v->restore ? add_row(v, &convert, "videoconvert", "queue", NULL) : NULL;
    encoder = last ? add(v, "x264enc") : NULL;
    out = encoder ? add_row(v, &parse, "h264parse", "queue", NULL) : NULL;
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
    if (!link_pad(pad, v->picture))
        fail(v, "its pictures cannot be decoded");
}

static void add_video(Video *v, GstPad *pad)
{
    GstElement *decoder = add(v, "decodebin");
    if (decoder == NULL)
        return;
    g_signal_connect(decoder, "pad-added", G_CALLBACK(on_decoded), v);
    v->source = gst_object_ref(pad);
    if (!link_pad(pad, decoder))
        fail(v, "its pictures cannot be decoded");
}

/* ---- the sound ---- */

/* TRUE: the muxer has a kind of pad for such a stream. */
static gboolean can_hold(GstElement *mux, GstCaps *caps)
{
    GstPadTemplate *template = gst_element_get_pad_template(mux, "audio_%u");
    GstCaps *can = template ? gst_pad_template_get_caps(template) : NULL;
    gboolean ok = can && gst_caps_is_subset(caps, can);
    if (can)
        gst_caps_unref(can);
    return ok;
}

static gboolean link_sound(Video *v, GstElement *last)
{
    GstElement *queue = add_queue(v);
    return queue && gst_element_link(last, queue) && gst_element_link(queue, v->mux);
}

/* AAC can be framed in ways that a muxer does not take: a parser changes that without decoding. */
static gboolean copy_sound(Video *v, GstPad *pad, GstCaps *caps)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gint version = 0;
    if (gst_structure_has_name(s, "audio/mpeg") &&
        gst_structure_get_int(s, "mpegversion", &version) && version != 1) {
        GstElement *parser = add(v, "aacparse");
        return parser && link_pad(pad, parser) && link_sound(v, parser);
    }
    GstElement *queue = add_queue(v);
    return queue && link_pad(pad, queue) && gst_element_link(queue, v->mux);
}

/* An encoder that is there and whose stream the muxer holds (in the pipeline), or NULL. */
static GstElement *add_sound_encoder(Video *v)
{
    static const char *const names[] = {"fdkaacenc", "avenc_aac", "voaacenc", "opusenc", "flacenc"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        GstElementFactory *factory = gst_element_factory_find(names[i]);
        GstPadTemplate *template = gst_element_get_pad_template(v->mux, "audio_%u");
        GstCaps *can = gst_pad_template_get_caps(template);
        gboolean fits = factory && gst_element_factory_can_src_any_caps(factory, can);
        gst_caps_unref(can);
        if (factory)
            gst_object_unref(factory);
        if (fits)
            return add(v, names[i]);
    }
    fail(v, "its sound cannot be kept: there is no encoder for it (Debian: gstreamer1.0-libav)");
    return NULL;
}

static void on_sound_decoded(GstElement *decoder, GstPad *pad, gpointer data)
{
    Video *v = g_object_get_data(G_OBJECT(decoder), "video");
    if (!link_pad(pad, data))
        fail(v, "its sound cannot be decoded");
}

static gboolean encode_sound(Video *v, GstPad *pad)
{
    GstElement *decoder = add(v, "decodebin"), *convert = NULL;
    GstElement *resample = add_row(v, &convert, "audioconvert", "audioresample", NULL);
    GstElement *encoder = resample && decoder ? add_sound_encoder(v) : NULL;
    if (encoder == NULL || !gst_element_link(resample, encoder))
        return FALSE;
    g_object_set_data(G_OBJECT(decoder), "video", v);
    g_signal_connect(decoder, "pad-added", G_CALLBACK(on_sound_decoded), convert);
    return link_pad(pad, decoder) && link_sound(v, encoder);
}

/* ---- the file's streams ---- */

/* All streams are there before the first has data. */
static GstPadProbeReturn on_data(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Video *v = data;
    if (v->source == NULL)
        fail(v, "there is no video in it");
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
        if (!(can_hold(v->mux, caps) ? copy_sound(v, pad, caps) : encode_sound(v, pad)))
            fail(v, "its sound cannot be kept");
    } else { /* a second picture, subtitles: left out */
        GstElement *sink = add(v, "fakesink");
        if (sink) {
            g_object_set(sink, "async", FALSE, "sync", FALSE, NULL);
            link_pad(pad, sink);
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
    v->mux = add(v, muxer_of(v->out));
    source = v->mux ? add(v, "filesrc") : NULL;
    parser = source ? add(v, "parsebin") : NULL;
    sink = parser ? add(v, "filesink") : NULL;
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
