/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/builder.c: what kernels call in emit.
 */
#include "vulkan/vk.h"

const FoveaDeviceInfo *fovea_vk_device(const FoveaVkBuilder *builder)
{
    return &builder->device->base.info;
}

guint fovea_vk_max_group(const FoveaVkBuilder *builder)
{
    const VkPhysicalDeviceLimits *limits = &builder->device->limits;
    return MIN(limits->maxComputeWorkGroupInvocations, limits->maxComputeWorkGroupSize[0]);
}

FoveaPrecision fovea_vk_precision(const FoveaVkBuilder *builder)
{
    return builder->program->precision;
}

FoveaDtype fovea_vk_store(const FoveaVkBuilder *builder, const FoveaValue *value)
{
    return builder->program->place[FOVEA_SIDE_DEVICE][value->id].store;
}

void fovea_vk_view(const FoveaVkBuilder *builder, const FoveaValue *value, FoveaView *view)
{
    *view = builder->views[value->id];
}

void fovea_vk_fill_at_capacity(const FoveaVkBuilder *builder, const FoveaNode *node,
                               gconstpointer data, FoveaVkFill *fill)
{
    memset(fill, 0, sizeof *fill);
    fill->program = builder->program;
    fill->node = node;
    fill->scalars = builder->scalars;
    fill->views = builder->views;
    fill->data = data;
}

gboolean fovea_vk_is_dynamic(const FoveaVkBuilder *builder, const FoveaNode *node)
{
    return fovea_step_is_dynamic(builder->program, node);
}

FoveaVkDispatch *fovea_vk_dispatch(FoveaVkBuilder *builder, const FoveaNode *node,
                                   FoveaVkShader shader, FoveaVkFillFunc fill, const char *klass)
{
    FoveaVkDispatch *dispatch = g_new0(FoveaVkDispatch, 1);
    dispatch->builder = builder;
    dispatch->node = node;
    dispatch->fill = fill;
    dispatch->klass = klass != NULL ? klass : builder->kernel->klass;
    dispatch->key.shader = shader;
    dispatch->dynamic = fovea_vk_is_dynamic(builder, node);
    FoveaValue *out = fovea_node_out(node, 0);
    if (out != NULL)
        dispatch->cost = (double)fovea_view_count(&builder->views[out->id]) / 1e6;
    g_ptr_array_add(builder->compiled->dispatches, dispatch);
    return dispatch;
}

static void set_spec(FoveaVkDispatch *dispatch, guint id, guint32 value)
{
    g_return_if_fail(id < G_N_ELEMENTS(dispatch->key.spec));
    dispatch->key.spec[id] = value;
    dispatch->key.spec_set[id / 32] |= 1u << (id % 32);
    dispatch->key.n_spec = MAX(dispatch->key.n_spec, id + 1);
}

void fovea_vk_spec(FoveaVkDispatch *dispatch, guint index, guint32 value)
{
    set_spec(dispatch, FOVEA_VK_SPEC_BASE + index, value);
}

void fovea_vk_words_in_buffer(FoveaVkDispatch *dispatch)
{
    dispatch->in_buffer = TRUE;
    set_spec(dispatch, 0, 1);
}

void fovea_vk_cost(FoveaVkDispatch *dispatch, double cost)
{
    dispatch->cost = cost;
}

gpointer fovea_vk_data(FoveaVkDispatch *dispatch, gsize size)
{
    g_free(dispatch->data);
    return dispatch->data = g_malloc0(size);
}

void fovea_vk_fx(FoveaVkDispatch *dispatch, const FoveaExpr *fx)
{
    g_free(dispatch->key.fx);
    dispatch->key.fx = fx != NULL ? g_memdup2(fx, sizeof *fx) : NULL;
}

/* ---- weights ---- */

typedef struct Pack {
    FoveaVkDevice *device;
    FoveaPackFunc pack;
    gpointer user_data;
} Pack;

static gpointer pack_and_upload(const FoveaTensor *tensor, gpointer user_data, gsize *bytes,
                                GError **error)
{
    Pack *pack = user_data;
    gpointer host = pack->pack(tensor, pack->user_data, bytes, error);
    if (host == NULL)
        return NULL;
    FoveaVkBuffer *buffer = fovea_vk_buffer_new(pack->device, host, *bytes, error);
    fovea_free(host);
    return buffer;
}

FoveaVkBuffer *fovea_vk_weights(FoveaVkBuilder *builder, const FoveaTensor *tensor,
                                const char *layout, FoveaPackFunc pack, gpointer user_data,
                                GError **error)
{
    Pack with = {builder->device, pack, user_data};
    char *key = g_strconcat("vk/", layout, NULL);
    FoveaVkBuffer *buffer = fovea_weights_get(builder->program->weights, tensor, key,
                                              pack_and_upload, &with, fovea_vk_buffer_free, error);
    g_free(key);
    return buffer;
}

/* C order in the stored type. Integers beyond 32 bits saturate: exporters write the largest 64-bit
 * number where they mean "to the end". */
static gpointer pack_plain(const FoveaTensor *tensor, gpointer user_data, gsize *bytes,
                           GError **error)
{
    FoveaDtype store = (FoveaDtype)GPOINTER_TO_UINT(user_data);
    gsize n = fovea_tensor_n_elements(tensor);
    void *out = fovea_try_alloc(MAX(n, 1), fovea_dtype_size(store), error);
    *bytes = n * fovea_dtype_size(store);
    if (out == NULL)
        return NULL;
    FoveaView from = fovea_view_of_tensor(tensor);
    FoveaView to = fovea_view_make(store, tensor->rank, tensor->dims, out);
    if (store == FOVEA_DTYPE_I32 && tensor->dtype == FOVEA_DTYPE_I64) {
        const gint64 *wide = tensor->data;
        for (gsize i = 0; i < n; i++)
            ((gint32 *)out)[i] = (gint32)CLAMP(wide[i], G_MININT32, G_MAXINT32);
    } else {
        fovea_vk_convert(&from, &to);
    }
    return out;
}

static FoveaVkBuffer *constant_buffer(FoveaVkBuilder *builder, const FoveaValue *root)
{
    FoveaDtype store = fovea_vk_store(builder, root);
    char *layout = g_strconcat("plain/", fovea_dtype_name(store), NULL);
    FoveaVkBuffer *buffer = fovea_vk_weights(builder, root->constant, layout, pack_plain,
                                             GUINT_TO_POINTER(store),
                                             builder->error == NULL ? &builder->error : NULL);
    g_free(layout);
    return buffer;
}

/* ---- bindings ---- */

void fovea_vk_bind_buffer(FoveaVkDispatch *dispatch, guint binding, FoveaVkBuffer *buffer)
{
    g_return_if_fail(binding < FOVEA_VK_MAX_BINDINGS);
    if (buffer == NULL)
        return;
    dispatch->binding[binding] = (FoveaVkBinding){FOVEA_VK_BIND_BUFFER, FOVEA_VK_READ, buffer,
                                                  buffer->offset, buffer->size};
}

void fovea_vk_bind(FoveaVkDispatch *dispatch, guint binding, const FoveaValue *value,
                   FoveaVkAccess access)
{
    g_return_if_fail(binding < FOVEA_VK_MAX_BINDINGS);
    FoveaVkBuilder *builder = dispatch->builder;
    if (value == NULL)
        return;
    const FoveaPlace *places = builder->program->place[FOVEA_SIDE_DEVICE];
    const FoveaValue *root = places[value->id].root;
    if (root->constant != NULL) {
        fovea_vk_bind_buffer(dispatch, binding, constant_buffer(builder, root));
        return;
    }
    const FoveaPlace *place = &places[root->id];
    guint64 size = (guint64)MAX(place->elements, 1) * fovea_dtype_size(place->store);
    size = (size + 3) & ~(guint64)3;
    if (size > builder->device->base.info.max_buffer_range && builder->error == NULL)
        fovea_fail(&builder->error, FOVEA_ERROR_UNSUPPORTED,
                   "%s '%s' works on a tensor of %" G_GUINT64_FORMAT
                   " MiB; %s binds at most %" G_GUINT64_FORMAT " MiB.",
                   dispatch->node->op->name, dispatch->node->name, size >> 20,
                   builder->device->base.info.name,
                   builder->device->base.info.max_buffer_range >> 20);
    dispatch->binding[binding] = (FoveaVkBinding){FOVEA_VK_BIND_VALUE, access, NULL,
                                                  place->arena_offset, size};
}

guint fovea_vk_scratch(FoveaVkBuilder *builder, gint64 bytes)
{
    guint64 size = (guint64)MAX(bytes, 4);
    g_array_append_val(builder->scratch, size);
    return builder->scratch->len - 1;
}

void fovea_vk_bind_scratch(FoveaVkDispatch *dispatch, guint binding, guint scratch,
                           FoveaVkAccess access)
{
    g_return_if_fail(binding < FOVEA_VK_MAX_BINDINGS);
    FoveaVkBuilder *builder = dispatch->builder;
    guint64 offset = 0;
    for (guint i = 0; i < scratch; i++)
        offset += (g_array_index(builder->scratch, guint64, i) + 255) & ~(guint64)255;
    guint64 size = (g_array_index(builder->scratch, guint64, scratch) + 3) & ~(guint64)3;
    builder->compiled->scratch_bytes = MAX(builder->compiled->scratch_bytes, offset + size);
    dispatch->binding[binding] = (FoveaVkBinding){FOVEA_VK_BIND_SCRATCH, access, NULL, offset,
                                                  size};
}

/* ---- epilogues ---- */

void fovea_vk_epilogue(FoveaVkDispatch *dispatch, guint first_binding)
{
    FoveaVkBuilder *builder = dispatch->builder;
    const FoveaNode *node = dispatch->node;
    gboolean here = fovea_node_has_epilogue(node) && !builder->epilogue_apart;
    guint n = here ? node->fx->n_args : 0;
    fovea_vk_spec(dispatch, FOVEA_VK_EPILOGUE_SPEC, n > 0 ? n - 1 : 0);
    for (guint k = 0; k + 1 < n; k++) {
        const FoveaValue *value = fovea_node_in(node, node->fx_base + k);
        fovea_vk_bind(dispatch, first_binding + k, value, FOVEA_VK_READ);
        fovea_vk_spec(dispatch, FOVEA_VK_EPILOGUE_SPEC + 1 + k, fovea_vk_store(builder, value));
    }
    if (here)
        fovea_vk_fx(dispatch, node->fx);
    dispatch->epilogue = here;
}
