/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "job.h"

JobOptions job_options;

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT, text);
    return FALSE;
}

char *job_shape_text(const FoveaIo *io)
{
    GString *text = g_string_new(io->rank < 0 ? "[...]" : "[");
    for (gint i = 0; i < io->rank; i++) {
        g_string_append(text, i ? "," : "");
        if (io->dims[i] >= 0)
            g_string_append_printf(text, "%" G_GINT64_FORMAT, io->dims[i]);
        else
            g_string_append(text, io->dim_names[i] ? io->dim_names[i] : "?");
    }
    if (io->rank >= 0)
        g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

/* Splits "NAME=REST" at the first '='. The name lives as long as the job. */
static const char *split(Job *job, const char *text, const char **rest)
{
    const char *sign = strchr(text, '=');
    if (sign == NULL || sign == text || sign[1] == 0)
        return NULL;
    char *name = g_strndup(text, sign - text);
    g_ptr_array_add(job->names, name);
    *rest = sign + 1;
    return name;
}

static const FoveaIo *declared_input(const Job *job, const char *name)
{
    for (guint i = 0; i < fovea_model_n_inputs(job->model); i++)
        if (g_str_equal(fovea_model_input(job->model, i)->name, name))
            return fovea_model_input(job->model, i);
    return NULL;
}

static gboolean known_input(const Job *job, const char *name, GError **error)
{
    if (declared_input(job, name))
        return TRUE;
    GString *names = g_string_new(NULL);
    for (guint i = 0; i < fovea_model_n_inputs(job->model); i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "",
                               fovea_model_input(job->model, i)->name);
    fail(error, "The model has no input \"%s\"; it has %s", name, names->str);
    g_string_free(names, TRUE);
    return FALSE;
}

/* NumPy has no bfloat16: such an input is a file of uint16 that holds the bits. */
static FoveaTensor *as_bf16(const Job *job, const char *name, FoveaTensor *tensor, GError **error)
{
    const FoveaIo *io = declared_input(job, name);
    if (tensor == NULL || io == NULL || io->dtype != FOVEA_DTYPE_BF16 ||
        fovea_tensor_dtype(tensor) != FOVEA_DTYPE_U16)
        return tensor;
    g_autoptr(GBytes) bytes = g_bytes_new(fovea_tensor_data(tensor), fovea_tensor_n_bytes(tensor));
    FoveaTensor *same = fovea_tensor_new_from_bytes(FOVEA_DTYPE_BF16, fovea_tensor_rank(tensor),
                                                    fovea_tensor_dims(tensor), bytes, error);
    fovea_tensor_unref(tensor);
    return same;
}

static gboolean read_inputs(Job *job, GError **error)
{
    for (char **text = job_options.inputs; text && *text; text++) {
        const char *path, *name = split(job, *text, &path);
        if (name == NULL)
            return fail(error, "--input wants NAME=FILE.npy, not \"%s\"", *text);
        if (!known_input(job, name, error))
            return FALSE;
        FoveaTensor *tensor = as_bf16(job, name, fovea_tensor_read_npy(path, error), error);
        if (tensor == NULL)
            return FALSE;
        g_hash_table_replace(job->tensors, (char *)name, tensor);
        FoveaInputShape shape = {.name = name, .rank = fovea_tensor_rank(tensor)};
        memcpy(shape.dims, fovea_tensor_dims(tensor), shape.rank * sizeof *shape.dims);
        FoveaInputValue value = {.name = name, .value = tensor};
        g_array_append_val(job->shapes, shape);
        g_array_append_val(job->values, value);
    }
    return TRUE;
}

static gboolean parse_shape(const char *text, FoveaInputShape *shape)
{
    if (g_str_equal(text, "scalar"))
        return TRUE;
    for (;;) {
        char *end;
        guint64 size = g_ascii_strtoull(text, &end, 10);
        if (end == text || !g_ascii_isdigit(*text) || size > G_MAXINT64 ||
            shape->rank == FOVEA_MAX_RANK)
            return FALSE;
        shape->dims[shape->rank++] = size;
        if (*end == 0)
            return TRUE;
        if (*end != 'x' && *end != ',')
            return FALSE;
        text = end + 1;
    }
}

static gboolean read_shapes(Job *job, GError **error)
{
    for (char **text = job_options.shapes; text && *text; text++) {
        const char *rest, *name = split(job, *text, &rest);
        FoveaInputShape shape = {.name = name};
        if (name == NULL || !parse_shape(rest, &shape))
            return fail(error, "--shape wants NAME=1x3x320x320, not \"%s\"", *text);
        if (!known_input(job, name, error))
            return FALSE;
        if (g_hash_table_contains(job->tensors, name))
            return fail(error, "Input %s has both a value and a --shape", name);
        g_array_append_val(job->shapes, shape);
    }
    for (char **text = job_options.bounds; text && *text; text++) {
        const char *rest, *name = split(job, *text, &rest);
        guint64 capacity;
        if (name == NULL || !g_ascii_string_to_unsigned(rest, 10, 0, G_MAXINT32, &capacity, NULL))
            return fail(error, "--bound wants NAME=NUMBER, not \"%s\"", *text);
        FoveaBoundedDim bound = {name, capacity};
        g_array_append_val(job->bounds, bound);
    }
    return TRUE;
}

static gboolean has_shape(const Job *job, const char *name)
{
    for (guint i = 0; i < job->shapes->len; i++)
        if (g_str_equal(g_array_index(job->shapes, FoveaInputShape, i).name, name))
            return TRUE;
    return FALSE;
}

/* All inputs that nothing was said about, in one sentence. */
static gboolean check_missing(const Job *job, GError **error)
{
    GString *missing = g_string_new(NULL);
    for (guint i = 0; i < fovea_model_n_inputs(job->model); i++) {
        const FoveaIo *io = fovea_model_input(job->model, i);
        g_autofree char *shape = job_shape_text(io);
        if (!has_shape(job, io->name))
            g_string_append_printf(missing, "%s%s (%s %s)", missing->len ? ", " : "", io->name,
                                   fovea_dtype_name(io->dtype), shape);
    }
    gboolean ok = missing->len == 0;
    if (!ok)
        fail(error, "Inputs are missing: %s; give each with --input or --shape", missing->str);
    g_string_free(missing, TRUE);
    return ok;
}

gboolean job_open(Job *job, const char *model, GError **error)
{
    gint64 start = g_get_monotonic_time();
    memset(job, 0, sizeof *job);
    job->names = g_ptr_array_new_with_free_func(g_free);
    job->tensors = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                         (GDestroyNotify)fovea_tensor_unref);
    job->shapes = g_array_new(FALSE, TRUE, sizeof(FoveaInputShape));
    job->values = g_array_new(FALSE, TRUE, sizeof(FoveaInputValue));
    job->bounds = g_array_new(FALSE, TRUE, sizeof(FoveaBoundedDim));
    if (job_options.precision &&
        !fovea_precision_parse(job_options.precision, &job->precision, error))
        return FALSE;
    job->device = fovea_device_open(job_options.device, error);
    if (job->device == NULL)
        return FALSE;
    job->model = fovea_model_open(model, command_progress, NULL, error);
    if (job->model == NULL)
        return FALSE;
    job->open_ms = (g_get_monotonic_time() - start) / 1e3;
    if (job_options.outputs)
        job->outputs = g_strsplit(job_options.outputs, ",", -1);
    return read_inputs(job, error) && read_shapes(job, error) &&
           (job_options.make_up || check_missing(job, error));
}

gboolean job_plan(Job *job, GError **error)
{
    gint64 start = g_get_monotonic_time();
    FoveaPlanParams params = {
        .precision = job->precision,
        .shapes = (const FoveaInputShape *)job->shapes->data,
        .n_shapes = job->shapes->len,
        .values = (const FoveaInputValue *)job->values->data,
        .n_values = job->values->len,
        .bounded = (const FoveaBoundedDim *)job->bounds->data,
        .n_bounded = job->bounds->len,
        .outputs = (const char *const *)job->outputs,
        .n_outputs = job->outputs ? g_strv_length(job->outputs) : 0,
        .progress = command_progress,
    };
    job->plan = fovea_plan_new(job->model, job->device, &params, error);
    job->plan_ms = (g_get_monotonic_time() - start) / 1e3;
    command_progress_end();
    return job->plan != NULL;
}

/* Made up data: floats of a fixed random sequence in -1..1, zeros elsewhere. */
static FoveaTensor *made_up(const FoveaIo *io, GError **error)
{
    gboolean floats = fovea_dtype_is_float(io->dtype);
    FoveaTensor *tensor = fovea_tensor_new(floats ? FOVEA_DTYPE_F32 : io->dtype, io->rank, io->dims,
                                           error);
    if (tensor == NULL || !floats)
        return tensor;
    float *data = fovea_tensor_data_mut(tensor);
    guint32 state = 1;
    for (gsize i = 0; i < fovea_tensor_n_elements(tensor); i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / (1 << 23) - 1;
    }
    return tensor;
}

gboolean job_fill(Job *job, GError **error)
{
    job->session = fovea_session_new(job->plan, error);
    if (job->session == NULL)
        return FALSE;
    for (guint i = 0; i < fovea_plan_n_inputs(job->plan); i++) {
        const FoveaIo *io = fovea_plan_input(job->plan, i);
        FoveaTensor *given = g_hash_table_lookup(job->tensors, io->name);
        FoveaTensor *tensor = given ? fovea_tensor_ref(given) : made_up(io, error);
        gboolean ok = tensor && fovea_session_set_input(job->session, i, tensor, error);
        if (tensor)
            fovea_tensor_unref(tensor);
        if (!ok)
            return FALSE;
    }
    return TRUE;
}

void job_clear(Job *job)
{
    g_clear_pointer(&job->session, fovea_session_free);
    g_clear_pointer(&job->plan, fovea_plan_unref);
    g_clear_pointer(&job->model, fovea_model_unref);
    g_clear_pointer(&job->device, fovea_device_unref);
    g_clear_pointer(&job->tensors, g_hash_table_unref);
    g_clear_pointer(&job->shapes, g_array_unref);
    g_clear_pointer(&job->values, g_array_unref);
    g_clear_pointer(&job->bounds, g_array_unref);
    g_clear_pointer(&job->outputs, g_strfreev);
    g_clear_pointer(&job->names, g_ptr_array_unref);
    command_progress_end();
}
