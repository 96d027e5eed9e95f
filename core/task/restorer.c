/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Loading a restorer: its picture in, its picture out, how far it looks, its plans.
 */
#include "task/restorer.h"

#include "graph/plan-internal.h"

/* Side of the picture that is planned at loading: that it compiles, and how much memory it takes. */
#define TRIAL_SIDE 64

/* Plans kept: a stream has up to four sizes of tiles. */
#define PLANS 8

static gint round_up(gint value, gint multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

/* ---- what the model takes and gives ---- */

static gboolean is_picture(const FoveaIo *io)
{
    return (io->rank == 4 || io->rank == -1) &&
           (io->rank == -1 || io->dims[1] < 1 || io->dims[1] == 3);
}

static gboolean find_input(FoveaRestorer *r, GError **error)
{
    const FoveaIo *io = fovea_model_n_inputs(r->model) > 0 ? fovea_model_input(r->model, 0) : NULL;
    if (fovea_model_n_inputs(r->model) != 1)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model has %u inputs; one that restores pictures takes a picture and "
                          "nothing else",
                          fovea_model_n_inputs(r->model));
    if (!is_picture(io))
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model's input %s is no picture of three colours", io->name);
    r->input = io->name;
    r->dtype = io->dtype == FOVEA_DTYPE_U8 ? FOVEA_DTYPE_U8 : FOVEA_DTYPE_F32;
    return TRUE;
}

static gboolean find_output(FoveaRestorer *r, GError **error)
{
    for (guint i = 0; r->output == NULL && i < fovea_model_n_outputs(r->model); i++) {
        if (is_picture(fovea_model_output(r->model, i)))
            r->output = fovea_model_output(r->model, i)->name;
    }
    return r->output != NULL ||
           fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "The model gives no picture");
}

static gboolean fill_info(FoveaRestorer *r, GError **error)
{
    const FoveaReach *reach = &r->reach;
    if (reach->scale_x != reach->scale_y)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model makes pictures %d times as wide and %d times as high: that is "
                          "no scale",
                          reach->scale_x, reach->scale_y);
    if (r->config.scale > 0 && r->config.scale != reach->scale_x)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "%s says that the scale is %d, but the model's is %d", r->config.source,
                          r->config.scale, reach->scale_x);
    r->info = (FoveaRestorerInfo){
        .task = r->config.task,
        .scale = reach->scale_x,
        .reach = MAX(MAX(reach->left, reach->right), MAX(reach->top, reach->bottom)),
        .align = fovea_common_multiple(fovea_common_multiple(reach->align_x, reach->align_y),
                                       MAX(r->config.pad_multiple, 1)),
        .whole = reach->whole,
        .why = reach->why,
    };
    return TRUE;
}

gint fovea_restorer_padded(const FoveaRestorer *r, gint size)
{
    gint padded = fovea_restore_config_padded(&r->config, size);
    return MAX(padded, round_up(r->reach.least, MAX(r->config.pad_multiple, 1)));
}

gint fovea_restorer_align(const FoveaRestorer *r)
{
    /* Chroma of half size wants even positions in the result. */
    return r->info.scale % 2 == 0 ? r->info.align : fovea_common_multiple(r->info.align, 2);
}

/* ---- plans ---- */

FoveaPlan *fovea_restorer_plan_for(FoveaRestorer *r, gint width, gint height,
                                   const FoveaRestorerStreamParams *params, GError **error)
{
    FoveaInputShape shape = {.name = r->input, .rank = 4, .dims = {1, 3, height, width}};
    const char *outputs[] = {r->output};
    FoveaPlanParams plan = {
        .precision = r->precision,
        .shapes = &shape,
        .n_shapes = 1,
        .outputs = outputs,
        .n_outputs = 1,
        .progress = params ? params->progress : NULL,
        .progress_data = params ? params->progress_data : NULL,
        .cancellable = params ? params->cancellable : NULL,
    };
    FoveaPlan *made = fovea_size_plans_get(&r->plans, width, height, r->model, r->device, &plan,
                                           error);
    if (made == NULL)
        return NULL;
    const FoveaIo *out = fovea_plan_output(made, 0);
    if (fovea_plan_n_inputs(made) == 1 && out->rank == 4 && out->dims[0] == 1 &&
        out->dims[1] == 3 && out->dims[2] == (gint64)height * r->info.scale &&
        out->dims[3] == (gint64)width * r->info.scale)
        return made;
    fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
               "The model's output %s is no picture of %d times the input's size", r->output,
               r->info.scale);
    fovea_plan_unref(made);
    return NULL;
}

/* Bytes of the largest value that is computed. */
static double largest_value(const FoveaPlan *plan)
{
    const FoveaGraph *graph = plan->program.graph;
    double largest = 0;
    for (guint i = 0; i < graph->values->len; i++) {
        const FoveaValue *value = g_ptr_array_index(graph->values, i);
        double bytes = 4;
        if (value == NULL || value->constant != NULL ||
            (value->producer == NULL && value->input < 0))
            continue;
        for (gint k = 0; k < value->rank; k++)
            bytes *= (double)MAX(value->dims[k].c, 1);
        largest = MAX(largest, bytes);
    }
    return largest;
}

static gboolean plan_trial(FoveaRestorer *r, const FoveaRestorerParams *params, GError **error)
{
    FoveaRestorerStreamParams progress = {.progress = params->progress,
                                          .progress_data = params->progress_data,
                                          .cancellable = params->cancellable};
    gint side = round_up(MAX(fovea_restorer_padded(r, TRIAL_SIDE), r->reach.least), r->info.align);
    double pixels = (double)side * side;
    g_autoptr(FoveaPlan) plan = fovea_restorer_plan_for(r, side, side, &progress, error);
    if (plan == NULL)
        return FALSE;
    /* The result is read into memory of the host, too. */
    r->bytes_per_pixel = (double)fovea_plan_stats(plan)->activation_bytes / pixels +
                         12.0 * r->info.scale * r->info.scale;
    r->largest_per_pixel = largest_value(plan) / pixels;
    return TRUE;
}

/* ---- loading ---- */

static gboolean load(FoveaRestorer *r, const FoveaRestorerParams *params, GError **error)
{
    r->model = fovea_model_open(params->model, params->progress, params->progress_data, error);
    if (r->model == NULL ||
        !fovea_restore_config_load(&r->config, fovea_model_path(r->model), error) ||
        !find_input(r, error) || !find_output(r, error) ||
        !fovea_reach_find(r->model, r->input, r->output, &r->reach, error))
        return FALSE;
    return fill_info(r, error) && plan_trial(r, params, error);
}

FoveaRestorer *fovea_restorer_new(FoveaDevice *device, const FoveaRestorerParams *params,
                                  GError **error)
{
    if (device == NULL || params == NULL || params->model == NULL) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "A restorer needs a device and a model");
        return NULL;
    }
    FoveaRestorer *r = g_new0(FoveaRestorer, 1);
    g_atomic_ref_count_init(&r->refs);
    fovea_size_plans_init(&r->plans, PLANS);
    r->device = fovea_device_ref(device);
    r->precision = params->precision;
    if (!load(r, params, error))
        g_clear_pointer(&r, fovea_restorer_unref);
    return r;
}

FoveaRestorer *fovea_restorer_ref(FoveaRestorer *restorer)
{
    g_atomic_ref_count_inc(&restorer->refs);
    return restorer;
}

void fovea_restorer_unref(FoveaRestorer *r)
{
    if (r == NULL || !g_atomic_ref_count_dec(&r->refs))
        return;
    fovea_size_plans_clear(&r->plans);
    fovea_reach_clear(&r->reach);
    fovea_restore_config_clear(&r->config);
    g_clear_pointer(&r->model, fovea_model_unref);
    fovea_device_unref(r->device);
    g_free(r);
}

const FoveaRestorerInfo *fovea_restorer_info(const FoveaRestorer *restorer)
{
    return &restorer->info;
}
