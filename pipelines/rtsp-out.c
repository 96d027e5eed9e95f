/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rtsp-out [--model=DETECTOR] [--captions=WHISPER] VIDEO: serves a video with its sound, with what
 * Fovea sees and hears drawn in, at rtsp://127.0.0.1:8554/fovea. All clients share one pipeline.
 * GStreamer has no element that serves RTSP, hence this program on libgstrtspserver.
 */
#include <gst/gst.h>
#include <gst/pbutils/pbutils.h>
#include <gst/rtsp-server/rtsp-server.h>

/* textoverlay waits for text, which comes later than its pictures: these queue compressed. */
#define HOLD "queue max-size-time=60000000000 max-size-bytes=0 max-size-buffers=0 ! "
#define CODED_VIDEO                                                                                \
    "video/x-h264;video/x-h265;video/x-vp8;video/x-vp9;video/mpeg;video/x-divx;image/jpeg"
#define CODED_SOUND "audio/mpeg;audio/x-opus;audio/x-vorbis;audio/x-flac;audio/x-ac3;audio/x-raw"
#define PICTURES "p. ! " CODED_VIDEO " ! " HOLD "decodebin ! videoconvert ! "
#define DETECT "foveadetect name=detect ! foveaoverlay ! "
#define SHOW "textoverlay name=show font-desc=\"Sans 18\" shaded-background=true ! "
#define SERVE_PICTURES                                                                             \
    "videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=veryfast "     \
    "key-int-max=50 ! "                                                                            \
    "rtph264pay name=pay0 pt=96 config-interval=1 "
#define SOUND "p. ! " CODED_SOUND " ! queue ! decodebin ! audioconvert ! "
#define HEAR "foveatranscribe name=hear hear.text ! queue ! show.text_sink hear.src ! "
#define SERVE_SOUND                                                                                \
    HOLD "audioconvert ! audioresample ! audio/x-raw,channels=[1,2] ! avenc_aac ! "                \
         "rtpmp4gpay name=pay1 pt=97 "

static char *model, *captions, *device, *address, *port;
static char **inputs;
static gint seconds;

static const GOptionEntry entries[] = {
    {"model", 0, 0, G_OPTION_ARG_FILENAME, &model, "Draw what this model detects, .onnx or folder",
     "MODEL"},
    {"captions", 0, 0, G_OPTION_ARG_FILENAME, &captions,
     "Draw what is said, as this Whisper understands it", "FOLDER"},
    {"device", 0, 0, G_OPTION_ARG_STRING, &device, "cpu, vulkan, vulkan:N; default cpu", "DEVICE"},
    {"address", 0, 0, G_OPTION_ARG_STRING, &address, "Listen on; default 127.0.0.1", "ADDRESS"},
    {"port", 0, 0, G_OPTION_ARG_STRING, &port, "0 takes a free one; default 8554", "PORT"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "End after so long; default never", "S"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &inputs, NULL, "VIDEO"},
    {0},
};

/* A branch for sound that never comes would be waited for. */
static gboolean has_sound(const char *path, gboolean *sound, GError **error)
{
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);
    g_autofree char *uri = g_filename_to_uri(absolute, NULL, error);
    g_autoptr(GstDiscoverer) discoverer = gst_discoverer_new(20 * GST_SECOND, error);
    if (!uri || !discoverer)
        return FALSE;
    g_autoptr(GstDiscovererInfo) info = gst_discoverer_discover_uri(discoverer, uri, error);
    GList *streams = info ? gst_discoverer_info_get_audio_streams(info) : NULL;
    *sound = streams != NULL;
    gst_discoverer_stream_info_list_free(streams);
    return info != NULL && *error == NULL;
}

/* The launch line (transfer full). */
static char *describe(gboolean sound)
{
    GString *line = g_string_new("( filesrc name=file ! parsebin name=p " PICTURES);
    if (model)
        g_string_append(line, DETECT);
    if (sound && captions)
        g_string_append(line, SHOW);
    g_string_append(line, SERVE_PICTURES);
    if (sound)
        g_string_append(line, SOUND);
    if (sound && captions)
        g_string_append(line, HEAR);
    if (sound)
        g_string_append(line, SERVE_SOUND);
    g_string_append_c(line, ')');
    return g_string_free(line, FALSE);
}

static void set_model(GstElement *bin, const char *name, const char *path)
{
    GstElement *element = gst_bin_get_by_name_recurse_up(GST_BIN(bin), name);
    if (!element)
        return;
    g_object_set(element, "model", path, "device", device ? device : "cpu", NULL);
    gst_object_unref(element);
}

/* Names of files go in as properties: a launch line would need them quoted. */
static void on_media(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer user_data)
{
    g_autoptr(GstElement) bin = gst_rtsp_media_get_element(media);
    g_autoptr(GstElement) file = gst_bin_get_by_name_recurse_up(GST_BIN(bin), "file");
    g_object_set(file, "location", inputs[0], NULL);
    set_model(bin, "detect", model);
    set_model(bin, "hear", captions);
}

static gboolean on_timeout(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static gboolean serve(GError **error)
{
    gboolean sound = FALSE;
    if (!has_sound(inputs[0], &sound, error))
        return FALSE;
    if (captions && !sound)
        g_printerr("%s has no sound: there will be no captions.\n", inputs[0]);
    g_autofree char *launch = describe(sound);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GstRTSPServer) server = gst_rtsp_server_new();
    g_autoptr(GstRTSPMountPoints) mounts = gst_rtsp_server_get_mount_points(server);
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory, launch);
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    g_signal_connect(factory, "media-configure", G_CALLBACK(on_media), NULL);
    gst_rtsp_mount_points_add_factory(mounts, "/fovea", factory); /* takes it */
    gst_rtsp_server_set_address(server, address ? address : "127.0.0.1");
    gst_rtsp_server_set_service(server, port ? port : "8554");
    if (gst_rtsp_server_attach(server, NULL) == 0) {
        g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE,
                    "Port %s cannot be listened on.", port ? port : "8554");
        return FALSE;
    }
    g_autofree char *host = gst_rtsp_server_get_address(server);
    g_print("rtsp://%s:%d/fovea\n", host, gst_rtsp_server_get_bound_port(server));
    if (seconds > 0)
        g_timeout_add_seconds((guint)seconds, on_timeout, loop);
    g_main_loop_run(loop);
    return TRUE;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext)
        context = g_option_context_new("- serves what Fovea sees and hears as RTSP");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_group(context, gst_init_get_option_group());
    if (!g_option_context_parse(context, &argc, &argv, &error) || !inputs || inputs[1]) {
        g_printerr("%s\n", error ? error->message : "One VIDEO is needed.");
        return 2;
    }
    if (!serve(&error)) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    return 0;
}
