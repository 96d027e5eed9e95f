/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/compile.c: a segment of a program becomes a list of dispatches with their pipelines.
 */
#include "vulkan/vk.h"

static const FoveaVkKernel *const kernels[] = {
#define KERNEL(name) &fovea_vk_kernel_##name,
#include "vulkan/kernels/kernels.list"
#undef KERNEL
};

static GHashTable *kernel_table(void)
{
    static GHashTable *table;
    static gsize once;
    if (g_once_init_enter(&once)) {
        table = g_hash_table_new(g_str_hash, g_str_equal);
        for (guint i = 0; i < G_N_ELEMENTS(kernels); i++) {
            for (const char *const *op = kernels[i]->ops; *op != NULL; op++)
                g_hash_table_insert(table, (gpointer)*op, (gpointer)kernels[i]);
        }
        g_once_init_leave(&once, 1);
    }
    return table;
}

/* By name; any operator with an expression is the pointwise kernel's. */
const FoveaVkKernel *fovea_vk_kernel_of(const FoveaNode *node)
{
    const FoveaVkKernel *kernel = g_hash_table_lookup(kernel_table(), node->op->name);
    if (kernel == NULL && fovea_node_is_pointwise(node))
        return &fovea_vk_kernel_pointwise;
    return kernel;
}

static void dispatch_free(gpointer data)
{
    FoveaVkDispatch *dispatch = data;
    g_free(dispatch->key.fx);
    g_free(dispatch->data);
    g_free(dispatch);
}

void fovea_vk_compiled_free(gpointer data)
{
    FoveaVkCompiled *compiled = data;
    if (compiled == NULL)
        return;
    g_ptr_array_unref(compiled->dispatches);
    g_ptr_array_unref(compiled->readback);
    fovea_device_unref(&compiled->device->base);
    g_free(compiled);
}

gboolean fovea_vk_fill_run(const FoveaVkDispatch *dispatch, FoveaVkFill *fill, GError **error)
{
    fill->node = dispatch->node;
    fill->data = dispatch->data;
    fill->epilogue = dispatch->epilogue;
    fill->n_words = 0;
    fill->overflow = FALSE;
    fill->groups[0] = fill->groups[1] = fill->groups[2] = 1;
    if (!dispatch->fill(fill, error))
        return FALSE;
    if (!fill->overflow)
        return TRUE;
    return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                      "%s '%s' is too large for 32-bit indices on a graphics device.",
                      dispatch->node->op->name, dispatch->node->name);
}

/* Fixed steps get their words for good; the others show how much room they need. */
static gboolean fill_all(FoveaVkBuilder *builder, GError **error)
{
    FoveaVkCompiled *compiled = builder->compiled;
    FoveaVkFill fill;
    fovea_vk_fill_at_capacity(builder, NULL, NULL, &fill);
    for (guint i = 0; i < compiled->dispatches->len; i++) {
        FoveaVkDispatch *dispatch = g_ptr_array_index(compiled->dispatches, i);
        if (!fovea_vk_fill_run(dispatch, &fill, error))
            return FALSE;
        dispatch->n_words = fill.n_words;
        memcpy(dispatch->words, fill.words, fill.n_words * 4);
        memcpy(dispatch->groups, fill.groups, sizeof fill.groups);
        if (!dispatch->dynamic && fill.n_words <= FOVEA_VK_PUSH_WORDS)
            continue;
        fovea_vk_words_in_buffer(dispatch);
        dispatch->at = compiled->n_words;
        compiled->n_words += 4 + fill.n_words;
    }
    return TRUE;
}

static gboolean find_pipelines(FoveaVkBuilder *builder, GError **error)
{
    GPtrArray *dispatches = builder->compiled->dispatches;
    const FoveaVkPipelineKey **keys = g_new(const FoveaVkPipelineKey *, dispatches->len + 1);
    FoveaVkPipeline **pipelines = g_new0(FoveaVkPipeline *, dispatches->len + 1);
    for (guint i = 0; i < dispatches->len; i++)
        keys[i] = &((FoveaVkDispatch *)g_ptr_array_index(dispatches, i))->key;
    gboolean ok = fovea_vk_pipelines(builder->device, keys, dispatches->len, pipelines,
                                     builder->program, error);
    for (guint i = 0; ok && i < dispatches->len; i++)
        ((FoveaVkDispatch *)g_ptr_array_index(dispatches, i))->pipeline = pipelines[i];
    g_free(keys);
    g_free(pipelines);
    return ok;
}

static gboolean emit_node(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaVkKernel *kernel = fovea_vk_kernel_of(node);
    if (kernel == NULL)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "%s has no kernel on Vulkan.",
                          node->op->name);
    builder->kernel = kernel;
    builder->epilogue_apart = fovea_node_has_epilogue(node) &&
                              (kernel->epilogue == NULL || !kernel->epilogue(node));
    g_array_set_size(builder->scratch, 0);
    gboolean ok = kernel->emit(builder, node, error) &&
                  (!builder->epilogue_apart || fovea_vk_emit_epilogue(builder, node, error));
    if (ok && builder->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&builder->error));
        ok = FALSE;
    }
    return ok;
}

static gboolean emit_all(FoveaVkBuilder *builder, const FoveaSegment *segment, GError **error)
{
    const FoveaProgram *p = builder->program;
    for (guint i = 0; i < segment->n; i++) {
        if (p->cancellable != NULL && g_cancellable_is_cancelled(p->cancellable))
            return fovea_fail(error, FOVEA_ERROR_CANCELLED, "Compiling was cancelled.");
        if (!emit_node(builder, p->steps[segment->first + i], error))
            return FALSE;
    }
    return TRUE;
}

/* ---- what the host reads afterwards ---- */

static void want_root(const FoveaProgram *p, const FoveaValue *value, GHashTable *wanted)
{
    const FoveaPlace *place = &p->place[FOVEA_SIDE_DEVICE][value->id];
    if (place->used && place->root->constant == NULL)
        g_hash_table_add(wanted, place->root);
}

/* Roots written by this segment that are read by the host: graph outputs, and what later segments
 * of the CPU bring over. */
static void find_readback(FoveaVkCompiled *compiled, const FoveaSegment *segment)
{
    const FoveaProgram *p = compiled->program;
    GHashTable *wanted = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < p->graph->outputs->len; i++)
        want_root(p, g_ptr_array_index(p->graph->outputs, i), wanted);
    for (guint s = 0; s < p->segments->len; s++) {
        const FoveaSegment *other = &g_array_index(p->segments, FoveaSegment, s);
        for (guint i = 0; other->side == FOVEA_SIDE_HOST && i < other->bring->len; i++)
            want_root(p, g_ptr_array_index(other->bring, i), wanted);
    }
    for (guint i = 0; i < segment->n; i++) {
        const FoveaNode *node = p->steps[segment->first + i];
        for (guint k = 0; k < node->n_out; k++) {
            FoveaValue *root = node->out[k] != NULL
                                   ? p->place[FOVEA_SIDE_DEVICE][node->out[k]->id].root
                                   : NULL;
            if (root != NULL && g_hash_table_remove(wanted, root))
                g_ptr_array_add(compiled->readback, root);
        }
    }
    g_hash_table_unref(wanted);
}

static void capacity_views(FoveaVkBuilder *builder)
{
    const FoveaProgram *p = builder->program;
    const gint64 *scalars = builder->scalars;
    for (guint i = 0; i < fovea_syms_n_scalars(p->graph->syms); i++)
        builder->scalars[i] = fovea_syms_scalar_capacity(p->graph->syms, i);
    builder->views = g_new0(FoveaView, p->n_values + 1);
    for (guint i = 0; i < p->graph->values->len; i++) {
        const FoveaValue *value = g_ptr_array_index(p->graph->values, i);
        if (value != NULL && p->place[FOVEA_SIDE_DEVICE][i].used)
            fovea_place_view(p, FOVEA_SIDE_DEVICE, value, scalars, &builder->views[i]);
    }
}

gpointer fovea_vk_compile(FoveaProgram *program, guint index, GError **error)
{
    const FoveaSegment *segment = &g_array_index(program->segments, FoveaSegment, index);
    FoveaVkCompiled *compiled = g_new0(FoveaVkCompiled, 1);
    FoveaVkDevice *device = (FoveaVkDevice *)fovea_device_ref(program->device);
    compiled->device = device;
    compiled->program = program;
    compiled->segment = index;
    compiled->dispatches = g_ptr_array_new_with_free_func(dispatch_free);
    compiled->readback = g_ptr_array_new();
    FoveaVkBuilder builder = {.compiled = compiled,
                              .program = program,
                              .device = device,
                              .scratch = g_array_new(FALSE, FALSE, sizeof(guint64))};
    capacity_views(&builder);
    gboolean ok = !fovea_vk_is_lost(device, error) && emit_all(&builder, segment, error) &&
                  fill_all(&builder, error) && find_pipelines(&builder, error);
    find_readback(compiled, segment);
    g_array_unref(builder.scratch);
    g_clear_error(&builder.error);
    g_free(builder.views);
    if (!ok)
        g_clear_pointer(&compiled, fovea_vk_compiled_free);
    return compiled;
}
