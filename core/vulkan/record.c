/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/record.c: a compiled segment, recorded once for one session.
 *
 * Barriers: a dispatch that touches bytes which an earlier one wrote, or writes bytes which an
 * earlier one read, waits for everything before it. Dispatches between two barriers run together.
 */
#include "vulkan/vk.h"

typedef struct Span {
    gboolean scratch;
    guint64 begin, end;
} Span;

typedef struct State {
    FoveaVkCompiled *compiled;
    FoveaVkArena *arena;
    FoveaVkMemory *params, *scratch; /* NULL: not needed */
    VkDescriptorPool pool;
    VkDescriptorSet *sets; /* one a dispatch */
    VkDescriptorSet common;
    VkCommandPool commands;
    GArray *buffers; /* VkCommandBuffer */
    VkQueryPool queries;
    gboolean ran;
    GArray *reads, *writes; /* Span, since the last barrier; while recording */
} State;

/* Multiply-adds of 1e6 that take a millisecond, and the longest a command buffer should run: other
 * users of the device wait so long, and drivers reset it after a second or more. */
#define COST_PER_MS_SOFTWARE 1.0
#define COST_PER_MS 500.0
#define LONGEST_MS 50.0

/* ---- descriptor sets, written once ---- */

static VkDescriptorBufferInfo buffer_info(const State *state, const FoveaVkBinding *binding)
{
    switch (binding->kind) {
    case FOVEA_VK_BIND_VALUE:
        return (VkDescriptorBufferInfo){state->arena->memory->buffer, binding->offset,
                                        binding->size};
    case FOVEA_VK_BIND_BUFFER:
        return (VkDescriptorBufferInfo){binding->buffer->block->memory->buffer, binding->offset,
                                        binding->size};
    case FOVEA_VK_BIND_SCRATCH:
        return (VkDescriptorBufferInfo){state->scratch->buffer, binding->offset, binding->size};
    default: return (VkDescriptorBufferInfo){state->arena->errors->buffer, 0, 4};
    }
}

static void write_set(State *state, VkDescriptorSet set, const VkDescriptorBufferInfo *infos,
                      guint n)
{
    VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                  .dstSet = set,
                                  .descriptorCount = n,
                                  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                  .pBufferInfo = infos};
    if (n > 0)
        vkUpdateDescriptorSets(state->compiled->device->device, 1, &write, 0, NULL);
}

static gboolean make_pool(State *state, GError **error)
{
    FoveaVkDevice *device = state->compiled->device;
    GPtrArray *dispatches = state->compiled->dispatches;
    guint n = 2;
    for (guint i = 0; i < dispatches->len; i++)
        n += ((FoveaVkDispatch *)g_ptr_array_index(dispatches, i))->pipeline->n_bindings;
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, n};
    VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = dispatches->len + 1,
                                       .poolSizeCount = 1,
                                       .pPoolSizes = &size};
    VkResult result = vkCreateDescriptorPool(device->device, &info, NULL, &state->pool);
    return fovea_vk_check(device, result, "open a session", error);
}

static gboolean take_set(State *state, VkDescriptorSetLayout layout, VkDescriptorSet *set,
                         GError **error)
{
    FoveaVkDevice *device = state->compiled->device;
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                        .descriptorPool = state->pool,
                                        .descriptorSetCount = 1,
                                        .pSetLayouts = &layout};
    VkResult result = vkAllocateDescriptorSets(device->device, &info, set);
    return fovea_vk_check(device, result, "open a session", error);
}

static gboolean make_sets(State *state, GError **error)
{
    FoveaVkDevice *device = state->compiled->device;
    GPtrArray *dispatches = state->compiled->dispatches;
    VkDescriptorBufferInfo common[2] = {{state->params->buffer, 0, state->params->size},
                                        {state->arena->errors->buffer, 0, 4}};
    if (!make_pool(state, error) || !take_set(state, device->common_layout, &state->common, error))
        return FALSE;
    write_set(state, state->common, common, 2);
    state->sets = g_new0(VkDescriptorSet, dispatches->len + 1);
    for (guint i = 0; i < dispatches->len; i++) {
        const FoveaVkDispatch *dispatch = g_ptr_array_index(dispatches, i);
        VkDescriptorBufferInfo infos[FOVEA_VK_MAX_BINDINGS];
        guint n = dispatch->pipeline->n_bindings;
        for (guint k = 0; k < n; k++)
            infos[k] = buffer_info(state, &dispatch->binding[k]);
        if (!take_set(state, device->set_layout[n], &state->sets[i], error))
            return FALSE;
        write_set(state, state->sets[i], infos, n);
    }
    return TRUE;
}

/* ---- barriers ---- */

static gboolean overlaps(const GArray *spans, const Span *with)
{
    for (guint i = 0; i < spans->len; i++) {
        const Span *span = &g_array_index(spans, Span, i);
        if (span->scratch == with->scratch && span->begin < with->end && with->begin < span->end)
            return TRUE;
    }
    return FALSE;
}

static gboolean must_wait(const State *state, const FoveaVkDispatch *dispatch)
{
    for (guint k = 0; k < FOVEA_VK_MAX_BINDINGS; k++) {
        const FoveaVkBinding *b = &dispatch->binding[k];
        if (b->kind != FOVEA_VK_BIND_VALUE && b->kind != FOVEA_VK_BIND_SCRATCH)
            continue;
        Span span = {b->kind == FOVEA_VK_BIND_SCRATCH, b->offset, b->offset + b->size};
        if (overlaps(state->writes, &span) ||
            ((b->access & FOVEA_VK_WRITE) && overlaps(state->reads, &span)))
            return TRUE;
    }
    return FALSE;
}

static void note_spans(State *state, const FoveaVkDispatch *dispatch)
{
    for (guint k = 0; k < FOVEA_VK_MAX_BINDINGS; k++) {
        const FoveaVkBinding *b = &dispatch->binding[k];
        if (b->kind != FOVEA_VK_BIND_VALUE && b->kind != FOVEA_VK_BIND_SCRATCH)
            continue;
        Span span = {b->kind == FOVEA_VK_BIND_SCRATCH, b->offset, b->offset + b->size};
        if (b->access & FOVEA_VK_READ)
            g_array_append_val(state->reads, span);
        if (b->access & FOVEA_VK_WRITE)
            g_array_append_val(state->writes, span);
    }
}

static void compute_barrier(State *state, VkCommandBuffer to)
{
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                               .dstAccessMask = VK_ACCESS_SHADER_READ_BIT |
                                                VK_ACCESS_SHADER_WRITE_BIT};
    vkCmdPipelineBarrier(to, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                         VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    g_array_set_size(state->reads, 0);
    g_array_set_size(state->writes, 0);
}

/* ---- recording ---- */

static void record_dispatch(State *state, VkCommandBuffer to, guint index)
{
    FoveaVkDevice *device = state->compiled->device;
    const FoveaVkDispatch *d = g_ptr_array_index(state->compiled->dispatches, index);
    VkPipelineLayout layout = device->layout[d->pipeline->n_bindings];
    VkDescriptorSet sets[2] = {state->sets[index], state->common};
    guint32 push[FOVEA_VK_PUSH_WORDS] = {0};
    if (d->in_buffer)
        push[0] = d->at + 4;
    else
        memcpy(push, d->words, d->n_words * 4);
    if (must_wait(state, d) || state->queries != VK_NULL_HANDLE)
        compute_barrier(state, to);
    note_spans(state, d);
    vkCmdBindPipeline(to, VK_PIPELINE_BIND_POINT_COMPUTE, d->pipeline->pipeline);
    vkCmdBindDescriptorSets(to, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 2, sets, 0, NULL);
    vkCmdPushConstants(to, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, push);
    if (state->queries != VK_NULL_HANDLE)
        vkCmdWriteTimestamp(to, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, state->queries, 2 * index);
    if (d->dynamic)
        vkCmdDispatchIndirect(to, state->params->buffer, (VkDeviceSize)d->at * 4);
    else if (d->groups[0] > 0 && d->groups[1] > 0 && d->groups[2] > 0)
        vkCmdDispatch(to, d->groups[0], d->groups[1], d->groups[2]);
    if (state->queries != VK_NULL_HANDLE)
        vkCmdWriteTimestamp(to, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, state->queries,
                            2 * index + 1);
}

static gboolean begin_buffer(State *state, VkCommandBuffer *out, GError **error)
{
    FoveaVkDevice *device = state->compiled->device;
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = state->commands,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkResult result = vkAllocateCommandBuffers(device->device, &info, out);
    if (!fovea_vk_check(device, result, "record its work", error))
        return FALSE;
    vkBeginCommandBuffer(*out, &begin);
    if (state->queries != VK_NULL_HANDLE && state->buffers->len == 0)
        vkCmdResetQueryPool(*out, state->queries, 0, 2 * state->compiled->dispatches->len);
    fovea_vk_full_barrier(*out);
    g_array_set_size(state->reads, 0);
    g_array_set_size(state->writes, 0);
    return TRUE;
}

static gboolean end_buffer(State *state, VkCommandBuffer buffer, gboolean last, GError **error)
{
    FoveaVkArena *arena = state->arena;
    GPtrArray *readback = state->compiled->readback;
    fovea_vk_full_barrier(buffer);
    if (last && arena->readback != NULL && readback->len > 0) {
        for (guint i = 0; i < readback->len; i++) {
            const FoveaValue *root = g_ptr_array_index(readback, i);
            guint index = arena->transfer_of[root->id];
            if (index == 0)
                continue;
            const FoveaVkTransfer *t = &arena->transfers[index - 1];
            VkBufferCopy region = {
                .srcOffset = t->offset, .dstOffset = t->staging, .size = t->size};
            vkCmdCopyBuffer(buffer, arena->memory->buffer, arena->readback->buffer, 1, &region);
        }
        fovea_vk_full_barrier(buffer);
    }
    g_array_append_val(state->buffers, buffer);
    return fovea_vk_check(state->compiled->device, vkEndCommandBuffer(buffer), "record its work",
                          error);
}

static gboolean record(State *state, GError **error)
{
    GPtrArray *dispatches = state->compiled->dispatches;
    double per_ms = state->compiled->device->base.info.software ? COST_PER_MS_SOFTWARE
                                                                : COST_PER_MS;
    VkCommandBuffer buffer;
    double ms = 0;
    if (!begin_buffer(state, &buffer, error))
        return FALSE;
    for (guint i = 0; i < dispatches->len; i++) {
        const FoveaVkDispatch *dispatch = g_ptr_array_index(dispatches, i);
        double more = dispatch->cost / per_ms;
        if (ms > 0 && ms + more > LONGEST_MS) {
            if (!end_buffer(state, buffer, FALSE, error) || !begin_buffer(state, &buffer, error))
                return FALSE;
            ms = 0;
        }
        ms += more;
        record_dispatch(state, buffer, i);
    }
    return end_buffer(state, buffer, TRUE, error);
}

/* ---- making and freeing ---- */

static gboolean make_queries(State *state, GError **error)
{
    FoveaVkDevice *device = state->compiled->device;
    guint n = state->compiled->dispatches->len;
    VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                  .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                  .queryCount = 2 * n};
    if (g_strcmp0(g_getenv("FOVEA_PROFILE"), "1") != 0 || !device->timestamps || n == 0)
        return TRUE;
    VkResult result = vkCreateQueryPool(device->device, &info, NULL, &state->queries);
    return fovea_vk_check(device, result, "measure its kernels", error);
}

static gboolean make_memory(State *state, GError **error)
{
    FoveaVkCompiled *compiled = state->compiled;
    FoveaVkDevice *device = compiled->device;
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = device->family};
    state->params = fovea_vk_memory_new(device, FOVEA_VK_UPLOAD,
                                        MAX((guint64)compiled->n_words, 1) * 4, error);
    if (state->params == NULL)
        return FALSE;
    if (compiled->scratch_bytes > 0) {
        state->scratch = fovea_vk_memory_new(device, FOVEA_VK_DEVICE, compiled->scratch_bytes,
                                             error);
        if (state->scratch == NULL)
            return FALSE;
    }
    VkResult result = vkCreateCommandPool(device->device, &pool, NULL, &state->commands);
    return fovea_vk_check(device, result, "open a session", error);
}

static void store_words(State *state, const FoveaVkDispatch *dispatch, const guint32 *groups,
                        const guint32 *words, guint n)
{
    guint32 *at = (guint32 *)(gpointer)state->params->mapped + dispatch->at;
    gboolean empty = groups[0] == 0 || groups[1] == 0 || groups[2] == 0;
    at[0] = empty ? 0 : groups[0];
    at[1] = empty ? 0 : groups[1];
    at[2] = empty ? 0 : groups[2];
    memcpy(at + 4, words, n * 4);
}

gpointer fovea_vk_state_new(FoveaInstance *instance, guint segment, GError **error)
{
    State *state = g_new0(State, 1);
    state->compiled = g_array_index(instance->program->segments, FoveaSegment, segment).compiled;
    state->arena = instance->device_arena;
    state->buffers = g_array_new(FALSE, FALSE, sizeof(VkCommandBuffer));
    state->reads = g_array_new(FALSE, FALSE, sizeof(Span));
    state->writes = g_array_new(FALSE, FALSE, sizeof(Span));
    if (!make_memory(state, error) || !make_queries(state, error) || !make_sets(state, error) ||
        !record(state, error)) {
        fovea_vk_state_free(state);
        return NULL;
    }
    for (guint i = 0; i < state->compiled->dispatches->len; i++) {
        const FoveaVkDispatch *dispatch = g_ptr_array_index(state->compiled->dispatches, i);
        if (dispatch->in_buffer)
            store_words(state, dispatch, dispatch->groups, dispatch->words, dispatch->n_words);
    }
    return state;
}

void fovea_vk_state_free(gpointer data)
{
    State *state = data;
    VkDevice device = state->compiled->device->device;
    fovea_vk_arena_wait(state->arena, NULL);
    vkDestroyQueryPool(device, state->queries, NULL);
    vkDestroyCommandPool(device, state->commands, NULL);
    vkDestroyDescriptorPool(device, state->pool, NULL);
    fovea_vk_memory_free(state->params);
    fovea_vk_memory_free(state->scratch);
    g_array_unref(state->buffers);
    g_array_unref(state->reads);
    g_array_unref(state->writes);
    g_free(state->sets);
    g_free(state);
}

/* ---- running ---- */

/* Words and work-group counts of the steps whose sizes change. */
static gboolean refill(FoveaInstance *instance, State *state, GError **error)
{
    FoveaVkFill fill = {.program = instance->program,
                        .views = instance->views[FOVEA_SIDE_DEVICE],
                        .scalars = instance->scalars};
    for (guint i = 0; i < state->compiled->dispatches->len; i++) {
        const FoveaVkDispatch *dispatch = g_ptr_array_index(state->compiled->dispatches, i);
        if (!dispatch->dynamic)
            continue;
        if (!fovea_vk_fill_run(dispatch, &fill, error))
            return FALSE;
        if (fill.n_words > dispatch->n_words)
            return fovea_fail(error, FOVEA_ERROR_FAILED, "%s '%s' changed its parameters.",
                              dispatch->node->op->name, dispatch->node->name);
        store_words(state, dispatch, fill.groups, fill.words, fill.n_words);
    }
    return TRUE;
}

gboolean fovea_vk_submit(FoveaInstance *instance, guint segment, gpointer data, GError **error)
{
    State *state = data;
    FoveaVkArena *arena = state->arena;
    if (!refill(instance, state, error))
        return FALSE;
    for (guint i = 0; i < state->compiled->readback->len; i++) {
        const FoveaValue *root = g_ptr_array_index(state->compiled->readback, i);
        guint index = arena->transfer_of[root->id];
        if (index > 0)
            arena->transfers[index - 1].fresh = TRUE; /* once the wait is over */
    }
    state->ran = TRUE;
    return fovea_vk_arena_submit(arena, (VkCommandBuffer *)(gpointer)state->buffers->data,
                                 state->buffers->len, error);
}

static gboolean report_index(const FoveaVkCompiled *compiled, guint32 id, GError **error)
{
    const FoveaProgram *p = compiled->program;
    for (guint i = 0; i < p->n_steps; i++) {
        const FoveaNode *node = p->steps[i];
        if (node->id == id)
            return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                                   "an index is outside the tensor it reads");
    }
    return fovea_fail(error, FOVEA_ERROR_RANGE, "An index is outside the tensor it reads.");
}

gboolean fovea_vk_wait(FoveaInstance *instance, guint segment, gpointer data, GError **error)
{
    State *state = data;
    FoveaVkArena *arena = state->arena;
    guint32 failed;
    if (!fovea_vk_arena_wait(arena, error))
        return FALSE;
    memcpy(&failed, arena->errors->mapped, 4);
    if (failed == G_MAXUINT32)
        return TRUE;
    memset(arena->errors->mapped, 0xff, 4);
    return report_index(state->compiled, failed, error);
}

void fovea_vk_profile(gpointer data, void (*add)(const char *klass, guint64 ns, gpointer data),
                      gpointer user_data)
{
    State *state = data;
    FoveaVkDevice *device = state->compiled->device;
    GPtrArray *dispatches = state->compiled->dispatches;
    if (state->queries == VK_NULL_HANDLE || !state->ran)
        return;
    guint64 *ticks = g_new0(guint64, 2 * dispatches->len);
    VkResult result = vkGetQueryPoolResults(device->device, state->queries, 0, 2 * dispatches->len,
                                            2 * dispatches->len * sizeof *ticks, ticks,
                                            sizeof *ticks, VK_QUERY_RESULT_64_BIT);
    for (guint i = 0; result == VK_SUCCESS && i < dispatches->len; i++) {
        const FoveaVkDispatch *dispatch = g_ptr_array_index(dispatches, i);
        double ns = (double)(ticks[2 * i + 1] - ticks[2 * i]) * device->limits.timestampPeriod;
        add(dispatch->klass, (guint64)ns, user_data);
    }
    g_free(ticks);
}
