/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * embed-pipeline MODEL VIDEO [DEVICE]: a program that runs a GStreamer pipeline and reads what
 * foveadetect found. Detections are GStreamer's own metadata: no Fovea header is needed.
 * Builds with: cc embed-pipeline.c $(pkg-config --cflags --libs gstreamer-video-1.0)
 */
#include <gst/gst.h>
#include <gst/video/video.h>

static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    gpointer state = NULL;
    GstMeta *meta;
    while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                    GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        GstVideoRegionOfInterestMeta *box = (GstVideoRegionOfInterestMeta *)meta;
        GstStructure *detection = gst_video_region_of_interest_meta_get_param(box, "detection");
        gdouble score = 0;
        if (detection && gst_structure_get_double(detection, "score", &score))
            g_print("%.2f s: %s %.2f at %u,%u %ux%u\n", GST_BUFFER_PTS(buffer) / 1e9,
                    g_quark_to_string(box->roi_type), score, box->x, box->y, box->w, box->h);
    }
    return GST_PAD_PROBE_OK;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    gst_init(&argc, &argv);
    if (argc < 3) {
        g_printerr("usage: embed-pipeline MODEL VIDEO [cpu|vulkan]\n");
        return 2;
    }
    g_autoptr(GstElement) pipeline = gst_parse_launch(
        "filesrc name=file ! decodebin ! videoconvert ! foveadetect name=detect ! fakesink",
        &error);
    if (!pipeline || error) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    g_autoptr(GstElement) file = gst_bin_get_by_name(GST_BIN(pipeline), "file");
    g_autoptr(GstElement) detect = gst_bin_get_by_name(GST_BIN(pipeline), "detect");
    g_object_set(file, "location", argv[2], NULL);
    g_object_set(detect, "model", argv[1], "device", argc > 3 ? argv[3] : "cpu", NULL);
    g_autoptr(GstPad) pad = gst_element_get_static_pad(detect, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, NULL, NULL);

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE,
                                                               GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, NULL);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (error)
        g_printerr("%s\n", error->message);
    return error ? 1 : 0;
}
