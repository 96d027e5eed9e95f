/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * rtsp-out --model=MODEL VIDEO: serves a video, with what Fovea sees drawn in, at
 * rtsp://127.0.0.1:8554/fovea. All clients share one pipeline. GStreamer has no element that serves
 * RTSP, hence this program on libgstrtspserver.
 */
#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>

#define LAUNCH                                                                                     \
    "( filesrc name=file ! decodebin ! videoconvert ! foveadetect name=detect ! foveaoverlay ! "   \
    "videoconvert ! x264enc tune=zerolatency speed-preset=veryfast key-int-max=50 ! "              \
    "rtph264pay name=pay0 pt=96 config-interval=1 )"

static char *model, *device, *address, *port;
static char **inputs;
static gint seconds;

static const GOptionEntry entries[] = {
    {"model", 0, 0, G_OPTION_ARG_FILENAME, &model, "Detection model, .onnx or folder", "MODEL"},
    {"device", 0, 0, G_OPTION_ARG_STRING, &device, "cpu, vulkan, vulkan:N; default cpu", "DEVICE"},
    {"address", 0, 0, G_OPTION_ARG_STRING, &address, "Listen on; default 127.0.0.1", "ADDRESS"},
    {"port", 0, 0, G_OPTION_ARG_STRING, &port, "0 takes a free one; default 8554", "PORT"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "End after so long; default never", "S"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &inputs, NULL, "VIDEO"},
    {0},
};

/* Names of files go in as properties: a launch line would need them quoted. */
static void on_media(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer user_data)
{
    g_autoptr(GstElement) bin = gst_rtsp_media_get_element(media);
    g_autoptr(GstElement) file = gst_bin_get_by_name_recurse_up(GST_BIN(bin), "file");
    g_autoptr(GstElement) detect = gst_bin_get_by_name_recurse_up(GST_BIN(bin), "detect");
    g_object_set(file, "location", inputs[0], NULL);
    g_object_set(detect, "model", model, "device", device ? device : "cpu", NULL);
}

static gboolean on_timeout(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static gboolean serve(GError **error)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GstRTSPServer) server = gst_rtsp_server_new();
    g_autoptr(GstRTSPMountPoints) mounts = gst_rtsp_server_get_mount_points(server);
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory, LAUNCH);
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
    g_autoptr(GOptionContext) context = g_option_context_new("- serves what Fovea sees as RTSP");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_group(context, gst_init_get_option_group());
    if (!g_option_context_parse(context, &argc, &argv, &error) || !model || !inputs || inputs[1]) {
        g_printerr("%s\n", error ? error->message : "One --model and one VIDEO are needed.");
        return 2;
    }
    if (!serve(&error)) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    return 0;
}
