/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus.h"
#include "detect-run.h"

char *detect_model(void)
{
    return shared_path("models/deimv2/deimv2_hgnetv2_atto_coco.onnx");
}

void run_clear(Run *run)
{
    g_array_unref(run->found);
    if (run->last)
        gst_sample_unref(run->last);
}

static void collect(Run *run, GstBuffer *buffer)
{
    GArray *detections = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    fovea_buffer_get_detections(buffer, detections);
    run->frames++;
    run->analysed += fovea_buffer_get_result(buffer, "detect") != NULL;
    for (guint i = 0; i < detections->len; i++) {
        Found f = {.d = g_array_index(detections, FoveaDetection, i),
                   .pts = GST_BUFFER_PTS(buffer),
                   .frame = run->frames - 1};
        g_strlcpy(f.label, f.d.label, sizeof f.label);
        g_array_append_val(run->found, f);
    }
    g_array_unref(detections);
}

static void on_handoff(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
    collect(data, buffer);
}

void collect_from(GstElement *sink, Run *run)
{
    g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
    g_signal_connect(sink, "handoff", G_CALLBACK(on_handoff), run);
}

Run run_launch(const char *launch)
{
    Run result = {.found = g_array_new(FALSE, FALSE, sizeof(Found))};
    GstElement *pipeline = parse_pipeline(launch);
    GstElement *sink = named(pipeline, "s");
    collect_from(sink, &result);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_assert_no_error(wait_for_end(pipeline, 300, NULL));
    g_object_get(sink, "last-sample", &result.last, NULL);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return result;
}

Run run_picture(const char *picture, const char *format, const char *properties)
{
    char *path = shared_path(picture), *model = detect_model();
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    char *launch = g_strdup_printf("filesrc location=%s ! jpegdec ! videoconvert ! "
                                   "video/x-raw,format=%s ! foveadetect model=%s %s ! fakesink "
                                   "name=s",
                                   path, format, model, properties);
    Run result = run_launch(launch);
    g_free(launch);
    g_free(path);
    g_free(model);
    return result;
}
