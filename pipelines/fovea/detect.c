/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea detect: objects in pictures.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "draw.h"
#include "picture.h"

static char *model, *device_name, *precision_name, *labels, *classes, *output;
static double threshold = 0.5;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
     "An .onnx file or a model folder (default: DEIMv2)", "MODEL"},
    {"device", 'd', 0, G_OPTION_ARG_STRING, &device_name,
     "Device: cpu (the default), vulkan or vulkan:N", "DEVICE"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision_name,
     "auto, f32, f16 or bf16 (default auto: f32 on the CPU)", "PRECISION"},
    {"threshold", 't', 0, G_OPTION_ARG_DOUBLE, &threshold,
     "Lowest score that is shown, 0..1 (default 0.5)", "SCORE"},
    {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels,
     "Names of the classes, one a line (default: the model's)", "FILE"},
    {"classes", 'c', 0, G_OPTION_ARG_STRING, &classes, "Only these, by name or number", "NAME,..."},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
     "Write the picture with boxes; a folder for several pictures", "OUT.png"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object a picture, a line each",
     NULL},
    {NULL},
};

static const char *description =
    "Pictures are JPEG and PNG files; the EXIF orientation is honoured. Boxes are x0 y0 x1 y1 in\n"
    "pixels of the upright picture. Where no --model is named, deimv2_hgnetv2_femto_coco.onnx is\n"
    "looked for in the folders of FOVEA_MODELS, where Fovea is installed, in ../shared/models and\n"
    "among earlier downloads of pipelines/find-model.sh.\n"
    "\nExamples:\n"
    "  fovea detect holiday.jpg -o boxes.png\n"
    "  fovea detect *.jpg --classes=person,dog --json\n";

typedef struct Work {
    FoveaDevice *device;
    FoveaDetector *detector;
    FoveaDetectorStream *stream;
    gboolean *wanted;
    GArray *found;
} Work;

static gboolean choose_classes(Work *work, GError **error)
{
    guint n = fovea_detector_n_labels(work->detector);
    if (classes == NULL)
        return TRUE;
    work->wanted = g_new0(gboolean, n + 1);
    g_auto(GStrv) names = g_strsplit(classes, ",", -1);
    for (guint i = 0; names[i]; i++) {
        guint64 number;
        gint id = fovea_detector_find_label(work->detector, g_strstrip(names[i]));
        if (id < 0 && g_ascii_string_to_unsigned(names[i], 10, 0, G_MAXINT, &number, NULL))
            id = number < n ? (gint)number : -1;
        if (id < 0) {
            g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT, "The model knows no class \"%s\"",
                        names[i]);
            return FALSE;
        }
        work->wanted[id] = TRUE;
    }
    return TRUE;
}

static gboolean prepare(Work *work, GError **error)
{
    g_autofree char *path = fovea_find_model("detect", model, error);
    FoveaDetectorParams params = {.model = path, .labels = labels, .progress = command_progress};
    if (path == NULL ||
        (precision_name && !fovea_precision_parse(precision_name, &params.precision, error)))
        return FALSE;
    work->found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    work->device = fovea_device_open(device_name, error);
    if (work->device == NULL)
        return FALSE;
    work->detector = fovea_detector_new(work->device, &params, error);
    command_progress_end();
    if (work->detector == NULL || !choose_classes(work, error))
        return FALSE;
    work->stream = fovea_detector_stream_new(work->detector, error);
    return work->stream != NULL;
}

static void work_clear(Work *work)
{
    fovea_detector_stream_free(work->stream);
    fovea_detector_unref(work->detector);
    g_clear_pointer(&work->device, fovea_device_unref);
    g_clear_pointer(&work->found, g_array_unref);
    g_free(work->wanted);
}

static void print_json(const char *path, const Picture *picture, const GArray *found)
{
    g_autofree char *file = command_json_string(path);
    printf("{\"file\": %s, \"width\": %d, \"height\": %d, \"detections\": [", file,
           picture->image.width, picture->image.height);
    for (guint i = 0; i < found->len; i++) {
        const FoveaDetection *d = &g_array_index(found, FoveaDetection, i);
        g_autofree char *label = command_json_string(d->label);
        printf("%s{\"label\": %s, \"label_id\": %d, \"score\": %.4f, "
               "\"box\": [%.2f, %.2f, %.2f, %.2f]}",
               i ? ", " : "", label, d->label_id, d->score, d->x0, d->y0, d->x1, d->y1);
    }
    printf("]}\n");
}

static void print_text(const char *path, const GArray *found)
{
    printf("%s: %u object%s\n", path, found->len, found->len == 1 ? "" : "s");
    for (guint i = 0; i < found->len; i++) {
        const FoveaDetection *d = &g_array_index(found, FoveaDetection, i);
        g_autofree char *number = g_strdup_printf("%d", d->label_id);
        printf("  %-16s %.3f  %7.1f %7.1f %7.1f %7.1f\n", d->label[0] ? d->label : number, d->score,
               d->x0, d->y0, d->x1, d->y1);
    }
}

/* OUT.png, or OUT/NAME.png where OUT is a folder (transfer full). */
static char *output_path(const char *picture)
{
    if (!g_file_test(output, G_FILE_TEST_IS_DIR))
        return g_strdup(output);
    g_autofree char *name = g_path_get_basename(picture);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = 0;
    g_autofree char *file = g_strdup_printf("%s.png", name);
    return g_build_filename(output, file, NULL);
}

static gboolean detect_in(Work *work, const char *path, GError **error)
{
    Picture picture;
    FoveaDetectParams params = {.threshold = (float)threshold, .classes = work->wanted};
    if (!picture_read(path, &picture, error))
        return FALSE;
    gboolean ok = fovea_detector_stream_run(work->stream, &picture.image, &params, work->found,
                                            error);
    if (ok && as_json)
        print_json(path, &picture, work->found);
    else if (ok)
        print_text(path, work->found);
    if (ok && output) {
        g_autofree char *to = output_path(path);
        ok = draw_detections(&picture.image, work->found, to, error);
    }
    picture_clear(&picture);
    return ok;
}

int command_detect(int argc, char **argv)
{
    GError *error = NULL;
    Work work = {0};
    if (!command_parse(&argc, &argv, "PICTURE...", "Finds objects in pictures.", description,
                       entries))
        return 1;
    if (argc < 2)
        return command_fail_with("`fovea detect` wants at least one picture");
    if (!(threshold >= 0 && threshold <= 1))
        return command_fail_with("--threshold wants a number from 0 to 1");
    if (output && argc > 2 && !g_file_test(output, G_FILE_TEST_IS_DIR))
        return command_fail_with("-o wants an existing folder for several pictures");
    gboolean ok = prepare(&work, &error);
    int status = ok ? 0 : command_fail(error);
    for (int i = 1; ok && i < argc; i++) {
        error = NULL;
        if (!detect_in(&work, argv[i], &error))
            status = command_fail(error); /* the other pictures still count */
    }
    work_clear(&work);
    return status;
}
