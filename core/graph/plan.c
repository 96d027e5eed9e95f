/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From a graph and parameters to a plan: shapes, binding, passes, lowering, memory, compilation.
 */
#include "graph/device-internal.h"
#include "graph/plan-internal.h"

static void report(const FoveaPlanParams *params, double fraction)
{
    if (params->progress != NULL)
        params->progress("plan", fraction, params->progress_data);
}

/* ---- shapes of the inputs ---- */

static const FoveaInputShape *shape_for(const FoveaPlanParams *params, const char *name)
{
    for (guint i = 0; i < params->n_shapes; i++) {
        if (g_str_equal(params->shapes[i].name, name))
            return &params->shapes[i];
    }
    return NULL;
}

static const FoveaInputValue *value_for(const FoveaPlanParams *params, const char *name)
{
    for (guint i = 0; i < params->n_values; i++) {
        if (g_str_equal(params->values[i].name, name))
            return &params->values[i];
    }
    return NULL;
}

/* The index of the bounded scalar that this dimension's name means, or -1. */
static gint bounded_for(FoveaGraph *graph, const FoveaPlanParams *params, const char *name)
{
    for (guint i = 0; name != NULL && i < params->n_bounded; i++) {
        if (g_str_equal(params->bounded[i].name, name))
            return fovea_syms_scalar(graph->syms, name, params->bounded[i].capacity, NULL);
    }
    return -1;
}

/* A number for a dimension known by name only: what another input's given shape says of it. */
static gint64 named_size(const FoveaGraph *graph, const FoveaPlanParams *params, const char *name)
{
    for (guint i = 0; name != NULL && i < graph->inputs->len; i++) {
        const FoveaValue *input = g_ptr_array_index(graph->inputs, i);
        const FoveaInputShape *shape = shape_for(params, input->name);
        for (guint k = 0; shape != NULL && k < shape->rank; k++) {
            if (input->dim_names[k] != NULL && g_str_equal(input->dim_names[k], name))
                return shape->dims[k];
        }
    }
    return -1;
}

static gboolean resolve_dim(FoveaGraph *graph, const FoveaPlanParams *params, FoveaValue *input,
                            guint k, gint64 given, GError **error)
{
    gint scalar = bounded_for(graph, params, input->dim_names[k]);
    gint64 size = given >= 0 ? given : input->dims[k].c;
    if (scalar >= 0) {
        input->dims[k] = fovea_dim_scalar(graph->syms, (guint)scalar);
        return TRUE;
    }
    if (size < 0)
        size = named_size(graph, params, input->dim_names[k]);
    if (size < 0 && k == 0)
        size = 1;
    if (size < 0)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "Input '%s' leaves its dimension %u%s%s%s open: give its shape",
                          input->name, k, input->dim_names[k] ? " ('" : "",
                          input->dim_names[k] ? input->dim_names[k] : "",
                          input->dim_names[k] ? "')" : "");
    input->dims[k] = fovea_dim(size);
    return TRUE;
}

static gboolean resolve_input(FoveaGraph *graph, const FoveaPlanParams *params, FoveaValue *input,
                              GError **error)
{
    const FoveaInputShape *shape = shape_for(params, input->name);
    const FoveaInputValue *value = value_for(params, input->name);
    const gint64 *dims = shape != NULL ? shape->dims : value != NULL ? value->value->dims : NULL;
    guint rank = shape != NULL ? shape->rank : value != NULL ? value->value->rank : 0;
    if (rank > FOVEA_MAX_RANK)
        return fovea_fail(error, FOVEA_ERROR_SHAPE, "Input '%s' cannot have rank %u", input->name,
                          rank);
    if (dims == NULL && input->rank < 0)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "Input '%s' has no shape in the file: give one", input->name);
    if (dims != NULL && input->rank >= 0 && (guint)input->rank != rank) {
        return fovea_fail(error, FOVEA_ERROR_SHAPE, "Input '%s' has rank %d, not %u", input->name,
                          input->rank, rank);
    }
    if (input->rank < 0) {
        input->rank = (gint)rank;
        for (guint k = 0; k < rank; k++)
            input->dims[k] = fovea_dim(-1);
    }
    for (guint k = 0; k < (guint)input->rank; k++) {
        if (!resolve_dim(graph, params, input, k, dims != NULL ? dims[k] : -1, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean check_names(const FoveaGraph *graph, const FoveaPlanParams *params, GError **error)
{
    for (guint i = 0; i < params->n_shapes + params->n_values; i++) {
        const char *name = i < params->n_shapes ? params->shapes[i].name
                                                : params->values[i - params->n_shapes].name;
        gboolean found = FALSE;
        for (guint k = 0; k < graph->inputs->len; k++)
            found |= g_str_equal(((FoveaValue *)g_ptr_array_index(graph->inputs, k))->name, name);
        if (!found)
            return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "The model has no input '%s'", name);
    }
    return TRUE;
}

static gboolean cut_outputs(FoveaGraph *graph, const FoveaPlanParams *params, GError **error)
{
    if (params->n_outputs == 0)
        return TRUE;
    for (guint i = 0; i < graph->outputs->len; i++)
        ((FoveaValue *)g_ptr_array_index(graph->outputs, i))->output = -1;
    g_ptr_array_set_size(graph->outputs, 0);
    for (guint i = 0; i < params->n_outputs; i++) {
        FoveaValue *value = fovea_graph_find(graph, params->outputs[i]);
        if (value == NULL)
            return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "The model has no value '%s'",
                              params->outputs[i]);
        if (value->output < 0)
            fovea_graph_add_output(graph, value);
    }
    return TRUE;
}

/* ---- binding ---- */

/* Marks the graph inputs that `value` is computed from and that have a value to be bound. Returns
 * how many were not bound before. Graphs are deep: a stack of our own, not the C one. */
static guint bind_ancestors(FoveaValue *value, const FoveaPlanParams *params, GHashTable *bound)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) stack = g_ptr_array_new();
    guint fresh = 0;
    g_ptr_array_add(stack, value);
    while (stack->len > 0) {
        FoveaValue *at = g_ptr_array_steal_index_fast(stack, stack->len - 1);
        if (at == NULL || !g_hash_table_add(seen, at))
            continue;
        if (at->producer == NULL) {
            if (at->input >= 0 && value_for(params, at->name) != NULL)
                fresh += g_hash_table_add(bound, g_strdup(at->name));
            continue;
        }
        for (guint i = 0; i < at->producer->n_in; i++)
            g_ptr_array_add(stack, at->producer->in[i]);
    }
    return fresh;
}

static gboolean apply_bound(FoveaGraph *graph, const FoveaPlanParams *params, GHashTable *bound,
                            GError **error)
{
    for (guint i = 0; i < graph->inputs->len; i++) {
        FoveaValue *input = g_ptr_array_index(graph->inputs, i);
        const FoveaInputValue *value = value_for(params, input->name);
        if (value == NULL || (!value->always && !g_hash_table_contains(bound, input->name)))
            continue;
        if (value->value->dtype != input->dtype && input->dtype != FOVEA_DTYPE_NONE)
            return fovea_fail(error, FOVEA_ERROR_SHAPE, "Input '%s' is %s, not %s", input->name,
                              fovea_dtype_name(input->dtype),
                              fovea_dtype_name(value->value->dtype));
        fovea_value_set_constant(input, (FoveaTensor *)value->value);
        g_hash_table_add(bound, g_strdup(input->name));
    }
    return TRUE;
}

/* Clones, sets shapes, binds what has to be bound, and specialises; again while a shape turns out
 * to need one more of the values given. */
static FoveaGraph *specialised(const FoveaGraph *source, const FoveaPlanParams *params,
                               GHashTable *bound, GError **error)
{
    for (;;) {
        g_autoptr(FoveaGraph) graph = fovea_graph_clone(source);
        FoveaValue *needed = NULL;
        GError *cause = NULL;
        gboolean ok = cut_outputs(graph, params, &cause) &&
                      apply_bound(graph, params, bound, &cause);
        fovea_graph_sweep(graph);
        for (guint i = 0; ok && i < graph->inputs->len; i++)
            ok = resolve_input(graph, params, g_ptr_array_index(graph->inputs, i), &cause);
        if (ok && fovea_pass_specialise(graph, &needed, &cause))
            return g_steal_pointer(&graph);
        if (needed == NULL || bind_ancestors(needed, params, bound) == 0) {
            g_propagate_error(error, cause);
            return NULL;
        }
        g_clear_error(&cause);
    }
}

/* ---- putting together ---- */

static FoveaPrecision resolve_precision(const FoveaDevice *device, FoveaPrecision wanted,
                                        GError **error)
{
    const FoveaDeviceInfo *info = &device->info;
    if (info->kind == FOVEA_DEVICE_CPU) {
        if (wanted == FOVEA_PRECISION_AUTO || wanted == FOVEA_PRECISION_F32)
            return FOVEA_PRECISION_F32;
        fovea_fail(error, FOVEA_ERROR_DEVICE, "The CPU computes in f32 only (asked for %s)",
                   wanted == FOVEA_PRECISION_F16 ? "f16" : "bf16");
        return FOVEA_PRECISION_AUTO;
    }
    if (wanted == FOVEA_PRECISION_AUTO)
        return info->f16 && !info->software ? FOVEA_PRECISION_F16 : FOVEA_PRECISION_F32;
    if ((wanted == FOVEA_PRECISION_F16 && !info->f16) || wanted == FOVEA_PRECISION_BF16) {
        fovea_fail(error, FOVEA_ERROR_DEVICE, "%s does not support %s", info->name,
                   wanted == FOVEA_PRECISION_F16 ? "f16" : "bf16");
        return FOVEA_PRECISION_AUTO;
    }
    return wanted;
}

static void fill_io(FoveaPlan *plan, FoveaValue *value, FoveaIo *io)
{
    const FoveaSyms *syms = plan->program.graph->syms;
    guint scalar;
    io->name = value->name;
    io->dtype = value->dtype;
    io->rank = value->rank;
    for (gint i = 0; i < value->rank; i++) {
        io->dims[i] = fovea_dim_max_value(syms, value->dims[i]);
        if (fovea_dim_is_scalar(syms, value->dims[i], &scalar))
            io->dim_names[i] = fovea_syms_scalar_name(syms, scalar);
    }
}

static void collect_io(FoveaPlan *plan)
{
    FoveaGraph *graph = plan->program.graph;
    plan->inputs = g_new0(FoveaIo, graph->inputs->len + 1);
    plan->input_values = g_new0(FoveaValue *, graph->inputs->len + 1);
    for (guint i = 0; i < graph->inputs->len; i++) {
        FoveaValue *value = g_ptr_array_index(graph->inputs, i);
        if (value->constant != NULL)
            continue;
        plan->input_values[plan->n_inputs] = value;
        fill_io(plan, value, &plan->inputs[plan->n_inputs++]);
    }
    plan->n_outputs = graph->outputs->len;
    plan->outputs = g_new0(FoveaIo, plan->n_outputs + 1);
    plan->output_values = g_new0(FoveaValue *, plan->n_outputs + 1);
    for (guint i = 0; i < plan->n_outputs; i++) {
        plan->output_values[i] = g_ptr_array_index(graph->outputs, i);
        fill_io(plan, plan->output_values[i], &plan->outputs[i]);
    }
}

static gboolean compile_segments(FoveaPlan *plan, const FoveaPlanParams *params, GError **error)
{
    FoveaProgram *p = &plan->program;
    for (guint i = 0; i < p->segments->len; i++) {
        FoveaSegment *segment = &g_array_index(p->segments, FoveaSegment, i);
        const FoveaBackend *backend = fovea_side_backend(segment->side);
        if (g_cancellable_is_cancelled(params->cancellable))
            return fovea_fail(error, FOVEA_ERROR_CANCELLED, "Planning was cancelled");
        segment->compiled = backend->compile(p, i, error);
        if (segment->compiled == NULL)
            return FALSE;
        plan->stats.steps += backend->n_steps(segment->compiled);
        if (segment->side == FOVEA_SIDE_HOST && p->device->info.kind != FOVEA_DEVICE_CPU)
            plan->stats.fallback_nodes += segment->n;
        report(params, 0.4 + 0.6 * (i + 1) / p->segments->len);
    }
    return TRUE;
}

static gboolean build(FoveaPlan *plan, const FoveaGraph *source, const FoveaPlanParams *params,
                      GError **error)
{
    FoveaProgram *p = &plan->program;
    g_autoptr(GHashTable) bound = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const FoveaBackend *device_backend = p->device->info.kind == FOVEA_DEVICE_VULKAN
                                             ? fovea_vulkan_backend()
                                             : NULL;
    GError *cause = NULL;
    p->precision = resolve_precision(p->device, params->precision, &cause);
    if (cause != NULL) {
        g_propagate_error(error, cause);
        return FALSE;
    }
    if (!check_names(source, params, error))
        return FALSE;
    plan->source_nodes = source->n_nodes;
    p->graph = specialised(source, params, bound, error);
    if (p->graph == NULL)
        return FALSE;
    FoveaPassRecord first = {"specialise", source->n_nodes, p->graph->n_nodes, NULL};
    g_array_append_val(plan->records, first);
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, bound);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(plan->bound, g_strdup(name));
    report(params, 0.2);
    if (!params->no_passes && !fovea_passes_run(p->graph, p->precision, plan->records, error))
        return FALSE;
    report(params, 0.3);
    plan->stats.nodes = p->graph->n_nodes;
    if (!fovea_lower(p, device_backend, plan->refused, error) ||
        !fovea_plan_memory(p, FOVEA_SIDE_HOST, error) ||
        !fovea_plan_memory(p, FOVEA_SIDE_DEVICE, error))
        return FALSE;
    report(params, 0.4);
    if (!compile_segments(plan, params, error))
        return FALSE;
    collect_io(plan);
    plan->stats.segments = p->segments->len;
    plan->stats.activation_bytes = p->arena_bytes[0] + p->arena_bytes[1];
    plan->stats.weight_bytes = fovea_weights_bytes(p->weights);
    return TRUE;
}

/* ---- weights shared by the plans of one model, device and precision ---- */

typedef struct {
    const FoveaModel *model;
    const FoveaDevice *device;
    FoveaPrecision precision;
    FoveaWeights *weights;
    guint users;
} SharedWeights;

static GMutex shared_lock;
static GPtrArray *shared;

static FoveaWeights *shared_weights(const FoveaModel *model, const FoveaDevice *device,
                                    FoveaPrecision precision)
{
    SharedWeights *found = NULL;
    g_mutex_lock(&shared_lock);
    if (shared == NULL)
        shared = g_ptr_array_new();
    for (guint i = 0; i < shared->len; i++) {
        SharedWeights *item = g_ptr_array_index(shared, i);
        if (item->model == model && item->device == device && item->precision == precision)
            found = item;
    }
    if (found == NULL) {
        found = g_new0(SharedWeights, 1);
        *found = (SharedWeights){model, device, precision, fovea_weights_new(), 0};
        g_ptr_array_add(shared, found);
    }
    found->users++;
    g_mutex_unlock(&shared_lock);
    return fovea_weights_ref(found->weights);
}

static void release_weights(FoveaWeights *weights)
{
    g_mutex_lock(&shared_lock);
    for (guint i = 0; shared != NULL && i < shared->len; i++) {
        SharedWeights *item = g_ptr_array_index(shared, i);
        if (item->weights != weights || --item->users > 0)
            continue;
        g_ptr_array_remove_index_fast(shared, i);
        fovea_weights_unref(item->weights);
        g_free(item);
        break;
    }
    g_mutex_unlock(&shared_lock);
    fovea_weights_unref(weights);
}

/* ---- the object ---- */

static void record_clear(gpointer data)
{
    g_free(((FoveaPassRecord *)data)->note);
}

static FoveaPlan *plan_new(FoveaModel *model, const FoveaGraph *source, FoveaDevice *device,
                           const FoveaPlanParams *params, GError **error)
{
    static const FoveaPlanParams defaults;
    FoveaPlan *plan = g_new0(FoveaPlan, 1);
    if (params == NULL)
        params = &defaults;
    g_atomic_ref_count_init(&plan->refs);
    plan->model = model != NULL ? fovea_model_ref(model) : NULL;
    plan->records = g_array_new(FALSE, TRUE, sizeof(FoveaPassRecord));
    g_array_set_clear_func(plan->records, record_clear);
    plan->bound = g_ptr_array_new_with_free_func(g_free);
    plan->refused = g_ptr_array_new_with_free_func(g_free);
    plan->program.device = fovea_device_ref(device);
    plan->program.progress = params->progress;
    plan->program.progress_data = params->progress_data;
    plan->program.cancellable = params->cancellable;
    plan->program.weights = model != NULL ? shared_weights(model, device, params->precision)
                                          : fovea_weights_new();
    gboolean ok = build(plan, source, params, error);
    /* They belong to the caller and are gone when it returns. */
    plan->program.progress = NULL;
    plan->program.progress_data = NULL;
    plan->program.cancellable = NULL;
    if (!ok) {
        fovea_plan_unref(plan);
        return NULL;
    }
    return plan;
}

FoveaPlan *fovea_plan_new(FoveaModel *model, FoveaDevice *device, const FoveaPlanParams *params,
                          GError **error)
{
    return plan_new(model, fovea_model_graph(model), device, params, error);
}

FoveaPlan *fovea_plan_new_from_graph(FoveaGraph *graph, FoveaDevice *device,
                                     const FoveaPlanParams *params, GError **error)
{
    FoveaPlan *plan = plan_new(NULL, graph, device, params, error);
    fovea_graph_free(graph);
    return plan;
}

FoveaPlan *fovea_plan_ref(FoveaPlan *plan)
{
    g_atomic_ref_count_inc(&plan->refs);
    return plan;
}

static void program_clear(FoveaProgram *p)
{
    for (guint i = 0; p->segments != NULL && i < p->segments->len; i++) {
        FoveaSegment *segment = &g_array_index(p->segments, FoveaSegment, i);
        if (segment->compiled != NULL)
            fovea_side_backend(segment->side)->compiled_free(segment->compiled);
        g_ptr_array_free(segment->bring, TRUE);
    }
    if (p->segments != NULL)
        g_array_free(p->segments, TRUE);
    for (guint i = 0; i < p->n_values; i++)
        fovea_tensor_unref(p->host_constant[i]);
    g_free(p->host_constant);
    g_free(p->place[0]);
    g_free(p->place[1]);
    g_free(p->steps);
    fovea_graph_free(p->graph);
    release_weights(p->weights);
    fovea_device_unref(p->device);
}

void fovea_plan_unref(FoveaPlan *plan)
{
    if (plan == NULL || !g_atomic_ref_count_dec(&plan->refs))
        return;
    program_clear(&plan->program);
    g_array_free(plan->records, TRUE);
    g_ptr_array_free(plan->bound, TRUE);
    g_ptr_array_free(plan->refused, TRUE);
    g_free(plan->inputs);
    g_free(plan->outputs);
    g_free(plan->input_values);
    g_free(plan->output_values);
    if (plan->model != NULL)
        fovea_model_unref(plan->model);
    g_free(plan);
}

guint fovea_plan_n_inputs(const FoveaPlan *plan)
{
    return plan->n_inputs;
}

const FoveaIo *fovea_plan_input(const FoveaPlan *plan, guint index)
{
    return index < plan->n_inputs ? &plan->inputs[index] : NULL;
}

guint fovea_plan_n_outputs(const FoveaPlan *plan)
{
    return plan->n_outputs;
}

const FoveaIo *fovea_plan_output(const FoveaPlan *plan, guint index)
{
    return index < plan->n_outputs ? &plan->outputs[index] : NULL;
}

static gint find_io(const FoveaIo *io, guint n, const char *name)
{
    for (guint i = 0; i < n; i++) {
        if (g_str_equal(io[i].name, name))
            return (gint)i;
    }
    return -1;
}

gint fovea_plan_find_input(const FoveaPlan *plan, const char *name)
{
    return find_io(plan->inputs, plan->n_inputs, name);
}

gint fovea_plan_find_output(const FoveaPlan *plan, const char *name)
{
    return find_io(plan->outputs, plan->n_outputs, name);
}

const FoveaPlanStats *fovea_plan_stats(const FoveaPlan *plan)
{
    return &plan->stats;
}

gboolean fovea_precision_parse(const char *text, FoveaPrecision *precision, GError **error)
{
    static const char *const names[] = {"auto", "f32", "f16", "bf16"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(text, names[i])) {
            *precision = (FoveaPrecision)i;
            return TRUE;
        }
    }
    return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                      "'%s' is no precision: use auto, f32, f16 or bf16", text);
}
