/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Loading a detector: what its inputs and outputs are for, its labels, its plans.
 */
#include "task/detector.h"
#include "task/labels.h"

/* Plans of a model whose input size follows the picture's. */
#define PLANS 4

static const char *find_output(const FoveaModel *model, const char *name)
{
    for (guint i = 0; i < fovea_model_n_outputs(model); i++)
        if (g_str_equal(fovea_model_output(model, i)->name, name))
            return fovea_model_output(model, i)->name;
    return NULL;
}

static char *output_names(const FoveaModel *model)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < fovea_model_n_outputs(model); i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "", fovea_model_output(model, i)->name);
    return g_string_free(text, FALSE);
}

static gint declared_edge(const FoveaIo *io, guint axis)
{
    return io->rank == 4 && io->dims[axis] > 0 && io->dims[axis] <= G_MAXINT ? io->dims[axis] : 0;
}

static gboolean take_image(FoveaDetector *d, const FoveaIo *io, GError **error)
{
    if (d->image != NULL)
        return fovea_fail(
            error, FOVEA_ERROR_UNSUPPORTED,
            "The model takes two pictures (%s and %s): it is no detector that we know", d->image,
            io->name);
    if (io->rank == 4 && io->dims[1] > 0 && io->dims[1] != 3)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model's input %s has %" G_GINT64_FORMAT
                          " channels in its second dimension, not 3",
                          io->name, io->dims[1]);
    d->image = io->name;
    d->image_dtype = io->dtype == FOVEA_DTYPE_U8 ? FOVEA_DTYPE_U8 : FOVEA_DTYPE_F32;
    d->model_height = declared_edge(io, 2);
    d->model_width = declared_edge(io, 3);
    return TRUE;
}

static gboolean find_inputs(FoveaDetector *d, GError **error)
{
    for (guint i = 0; i < fovea_model_n_inputs(d->model); i++) {
        const FoveaIo *io = fovea_model_input(d->model, i);
        gboolean picture = fovea_dtype_is_float(io->dtype) || io->dtype == FOVEA_DTYPE_U8;
        if (g_str_equal(io->name, "orig_target_sizes"))
            d->sizes = io->name;
        else if (g_str_equal(io->name, "pixel_mask"))
            d->mask = io->name;
        else if (picture && (io->rank == 4 || io->rank == -1)) {
            if (!take_image(d, io, error))
                return FALSE;
        } else
            return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                              "The model has an input %s that no detector we know has", io->name);
    }
    if (d->image == NULL)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "The model takes no picture");
    return TRUE;
}

static gboolean find_outputs(FoveaDetector *d, GError **error)
{
    FoveaModel *model = d->model;
    d->out_labels = find_output(model, "labels");
    d->out_scores = find_output(model, "scores");
    d->out_logits = find_output(model, "logits");
    if (d->out_logits == NULL)
        d->out_logits = find_output(model, "pred_logits");
    if (d->out_labels && d->out_scores && (d->out_boxes = find_output(model, "boxes")) != NULL) {
        if (d->sizes == NULL)
            return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                              "The model gives boxes but takes no orig_target_sizes, so nothing "
                              "says in what unit they are");
        d->config.scores = FOVEA_SCORES_GIVEN;
        d->out_logits = NULL;
        return TRUE;
    }
    if (d->out_logits && (d->out_boxes = find_output(model, "pred_boxes")) != NULL) {
        if (d->config.scores != FOVEA_SCORES_SOFTMAX && d->config.scores != FOVEA_SCORES_SIGMOID)
            return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                              "%s does not say how logits become scores: neither `activation` nor "
                              "a model_type that we know is there",
                              d->config.source);
        return TRUE;
    }
    g_autofree char *names = output_names(model);
    return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                      "The model's outputs (%s) are no detector's: wanted are labels, boxes and "
                      "scores, or logits and pred_boxes",
                      names);
}

FoveaPlan *fovea_detector_plan_for(FoveaDetector *d, gint width, gint height,
                                   const FoveaDetectorParams *params, GError **error)
{
    FoveaInputShape shapes[3] = {{d->image, 4, {1, 3, height, width}}};
    const char *outputs[3] = {d->out_boxes};
    guint n_shapes = 1, n_outputs = 1;
    if (d->mask)
        shapes[n_shapes++] = (FoveaInputShape){d->mask, 3, {1, height, width}};
    if (d->sizes)
        shapes[n_shapes++] = (FoveaInputShape){d->sizes, 2, {1, 2}};
    if (d->out_logits) {
        outputs[n_outputs++] = d->out_logits;
    } else {
        outputs[n_outputs++] = d->out_labels;
        outputs[n_outputs++] = d->out_scores;
    }
    FoveaPlanParams plan = {
        .precision = d->precision,
        .shapes = shapes,
        .n_shapes = n_shapes,
        .outputs = outputs,
        .n_outputs = n_outputs,
        .progress = params ? params->progress : NULL,
        .progress_data = params ? params->progress_data : NULL,
        .cancellable = params ? params->cancellable : NULL,
    };
    return fovea_size_plans_get(&d->plans, width, height, d->model, d->device, &plan, error);
}

static gboolean load(FoveaDetector *d, const FoveaDetectorParams *params, GError **error)
{
    d->model = fovea_model_open(params->model, params->progress, params->progress_data, error);
    if (d->model == NULL ||
        !fovea_detect_config_load(&d->config, fovea_model_path(d->model), error))
        return FALSE;
    if (!find_inputs(d, error) || !find_outputs(d, error))
        return FALSE;
    if (params->labels) {
        d->labels = fovea_labels_read(params->labels, error);
        if (d->labels == NULL)
            return FALSE;
    } else {
        d->labels = d->config.labels ? g_ptr_array_ref(d->config.labels) : g_ptr_array_new();
    }
    /* Where the input follows the picture's shape, a common one is planned now; others when they
     * are seen. */
    FoveaPlacement place;
    gint width, height;
    fovea_detect_geometry(&d->config, d->model_width, d->model_height, 1920, 1080, &width, &height,
                          &place);
    d->plan = fovea_detector_plan_for(d, width, height, params, error);
    return d->plan != NULL;
}

FoveaDetector *fovea_detector_new(FoveaDevice *device, const FoveaDetectorParams *params,
                                  GError **error)
{
    if (device == NULL || params == NULL || params->model == NULL) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "A detector needs a device and a model");
        return NULL;
    }
    FoveaDetector *d = g_new0(FoveaDetector, 1);
    g_atomic_ref_count_init(&d->refs);
    fovea_size_plans_init(&d->plans, PLANS);
    d->device = fovea_device_ref(device);
    d->precision = params->precision;
    if (!load(d, params, error))
        g_clear_pointer(&d, fovea_detector_unref);
    return d;
}

FoveaDetector *fovea_detector_ref(FoveaDetector *detector)
{
    g_atomic_ref_count_inc(&detector->refs);
    return detector;
}

void fovea_detector_unref(FoveaDetector *d)
{
    if (d == NULL || !g_atomic_ref_count_dec(&d->refs))
        return;
    fovea_size_plans_clear(&d->plans);
    g_clear_pointer(&d->plan, fovea_plan_unref);
    g_clear_pointer(&d->labels, g_ptr_array_unref);
    fovea_detect_config_clear(&d->config);
    g_clear_pointer(&d->model, fovea_model_unref);
    fovea_device_unref(d->device);
    g_free(d);
}

FoveaPlan *fovea_detector_plan(FoveaDetector *detector)
{
    return detector->plan;
}

guint fovea_detector_n_labels(const FoveaDetector *detector)
{
    return detector->labels->len;
}

const char *fovea_detector_label(const FoveaDetector *detector, guint label_id)
{
    return label_id < detector->labels->len ? detector->labels->pdata[label_id] : "";
}

gint fovea_detector_find_label(const FoveaDetector *detector, const char *label)
{
    for (guint i = 0; i < detector->labels->len; i++)
        if (g_str_equal(detector->labels->pdata[i], label))
            return i;
    return -1;
}
