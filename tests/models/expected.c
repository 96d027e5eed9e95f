/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DEIMv2 on real pictures, through FoveaDetector from file to boxes: every detection of the
 * goldens' expected.json is found, and none is invented. Pictures are decoded by what the `fovea`
 * command uses; the video's frame by GStreamer, where the build has it.
 */
#include <math.h>

#include "case.h"
#include "../../pipelines/fovea/picture.h"

#ifdef HAVE_GST
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

/* Frame `number` of a video as it was decoded (I420), into memory of our own. */
static gboolean video_frame(const char *path, guint number, Picture *picture)
{
    GstSample *sample = NULL;
    g_autofree char *uri = g_filename_to_uri(path, NULL, NULL);
    g_autofree char *line =
        g_strdup_printf("uridecodebin uri=\"%s\" ! videoconvert ! "
                        "video/x-raw,format=I420 ! appsink name=sink sync=false",
                        uri);
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    for (guint i = 0; i <= number; i++) {
        g_clear_pointer(&sample, gst_sample_unref);
        sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 60 * GST_SECOND);
        if (sample == NULL)
            break;
    }
    gboolean ok = sample != NULL;
    if (ok) {
        GstVideoInfo info;
        GstVideoFrame frame;
        gst_video_info_from_caps(&info, gst_sample_get_caps(sample));
        gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ);
        gsize size = 0;
        picture->memory = g_malloc(GST_VIDEO_INFO_SIZE(&info));
        picture->image =
            (FoveaImage){.format = FOVEA_PIXEL_I420, .width = info.width, .height = info.height};
        for (guint i = 0; i < 3; i++) {
            gint rows = GST_VIDEO_FRAME_COMP_HEIGHT(&frame, i);
            picture->image.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, i);
            picture->image.plane[i] = picture->memory + size;
            memcpy(picture->image.plane[i], GST_VIDEO_FRAME_PLANE_DATA(&frame, i),
                   (gsize)rows * picture->image.stride[i]);
            size += (gsize)rows * picture->image.stride[i];
        }
        gst_video_frame_unmap(&frame);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return ok;
}
#endif

/* "media/photos/x.jpg" or "media/video/x.mp4 frame 100". FALSE: cannot be had in this build. */
static gboolean load_picture(const char *name, Picture *picture)
{
    g_auto(GStrv) words = g_strsplit(name, " frame ", 2);
    g_autofree char *path = g_build_filename(shared_folder(), words[0], NULL);
    GError *error = NULL;
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    if (words[1] == NULL) {
        picture_read(path, picture, &error);
        g_assert_no_error(error);
        return TRUE;
    }
#ifdef HAVE_GST
    return video_frame(path, g_ascii_strtoull(words[1], NULL, 10), picture);
#else
    return FALSE;
#endif
}

static double overlap(const double a[4], const FoveaDetection *d)
{
    double w = fmin(a[2], d->x1) - fmax(a[0], d->x0), h = fmin(a[3], d->y1) - fmax(a[1], d->y0);
    double both = fmax(w, 0) * fmax(h, 0);
    return both /
           ((a[2] - a[0]) * (a[3] - a[1]) + (double)(d->x1 - d->x0) * (d->y1 - d->y0) - both);
}

/* Finds the expected object; FALSE: missing. meta.json: another resizer moves scores by up to
 * about 0.03, and ours is the one that was used. */
static gboolean find(JsonObject *want, const FoveaImage *image, const GArray *found)
{
    JsonArray *numbers = json_object_get_array_member(want, "box");
    double box[4], score = json_object_get_double_member(want, "score");
    for (guint k = 0; k < 4; k++)
        box[k] = CLAMP(json_array_get_double_element(numbers, k), 0,
                       k % 2 ? image->height : image->width);
    for (guint i = 0; i < found->len; i++) {
        const FoveaDetection *d = &g_array_index(found, FoveaDetection, i);
        if (d->label_id == json_object_get_int_member(want, "class") &&
            g_str_equal(d->label, json_object_get_string_member(want, "label")) &&
            fabs(d->score - score) <= 0.03 && overlap(box, d) >= 0.9)
            return TRUE;
    }
    return FALSE;
}

static void check_picture(FoveaDetectorStream *stream, JsonObject *entry, guint *skipped)
{
    const char *name = json_object_get_string_member(entry, "image");
    JsonArray *wanted = json_object_get_array_member(entry, "detections");
    JsonArray *size = json_object_get_array_member(entry, "size");
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    /* Expected are scores of 0.5 and more; ours may lie a little lower. */
    FoveaDetectParams params = {.threshold = 0.45f};
    GError *error = NULL;
    Picture picture = {0};
    guint missing = 0, sure = 0;
    if (!load_picture(name, &picture)) {
        (*skipped)++;
        g_test_message("%s cannot be decoded here", name);
        return;
    }
    g_assert_cmpint(picture.image.width, ==, json_array_get_int_element(size, 0));
    g_assert_cmpint(picture.image.height, ==, json_array_get_int_element(size, 1));
    fovea_detector_stream_run(stream, &picture.image, &params, found, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < json_array_get_length(wanted); i++)
        if (!find(json_array_get_object_element(wanted, i), &picture.image, found)) {
            JsonObject *o = json_array_get_object_element(wanted, i);
            missing++;
            g_test_message("%s: missing %s %.3f", name, json_object_get_string_member(o, "label"),
                           json_object_get_double_member(o, "score"));
        }
    for (guint i = 0; i < found->len; i++)
        sure += g_array_index(found, FoveaDetection, i).score >= 0.53f;
    picture_clear(&picture);
    g_assert_cmpuint(missing, ==, 0);
    g_assert_cmpuint(sure, <=, json_array_get_length(wanted));
}

static void test_model(gconstpointer data)
{
    GError *error = NULL;
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
        return;
    }
    g_autofree char *name = g_strdup_printf("deimv2__%s", (const char *)data);
    g_autofree char *json = g_build_filename(shared_folder(), "golden", name, "expected.json",
                                             NULL);
    g_autofree char *file = g_strdup_printf("%s.onnx", (const char *)data);
    g_autofree char *model = g_build_filename(shared_folder(), "models", "deimv2", file, NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    json_parser_load_from_file(parser, json, &error);
    g_assert_no_error(error);
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    FoveaDetectorParams params = {.model = model};
    g_autoptr(FoveaDetector) detector = fovea_detector_new(device, &params, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fovea_detector_n_labels(detector), ==, 80);
    g_assert_cmpint(fovea_detector_find_label(detector, "person"), ==, 0);
    g_autoptr(FoveaDetectorStream) stream = fovea_detector_stream_new(detector, &error);
    g_assert_no_error(error);
    JsonArray *images =
        json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), "images");
    g_assert_cmpuint(json_array_get_length(images), ==, 4);
    guint skipped = 0;
    for (guint i = 0; i < json_array_get_length(images); i++)
        check_picture(stream, json_array_get_object_element(images, i), &skipped);
    if (skipped)
        g_test_incomplete("the video frame cannot be decoded here");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#ifdef HAVE_GST
    gst_init(&argc, &argv);
#endif
    g_test_add_data_func("/deimv2/expected/atto", "deimv2_hgnetv2_atto_coco", test_model);
    g_test_add_data_func("/deimv2/expected/femto", "deimv2_hgnetv2_femto_coco", test_model);
    return g_test_run();
}
