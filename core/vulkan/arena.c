/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/arena.c: the device memory of one session, and the copies in and out of it.
 *
 * Where the host reaches device memory (integrated and software devices) values are converted in
 * place. Elsewhere each root that the host writes or reads has its own part of a staging buffer and
 * two copies recorded once; writes are queued with the next segment, reads are copied at the end of
 * the segment that made them.
 */
#include "vulkan/vk.h"

void fovea_vk_full_barrier(VkCommandBuffer to)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
                         VK_ACCESS_HOST_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                         VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
                         VK_ACCESS_INDIRECT_COMMAND_READ_BIT | VK_ACCESS_HOST_READ_BIT |
                         VK_ACCESS_HOST_WRITE_BIT};
    VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
                                  VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_HOST_BIT;
    vkCmdPipelineBarrier(to, stages, stages | VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT, 0, 1, &barrier,
                         0, NULL, 0, NULL);
}

/* ---- which roots are moved ---- */

static void add_transfer(FoveaVkArena *arena, GArray *list, const FoveaValue *value)
{
    const FoveaPlace *places = arena->program->place[FOVEA_SIDE_DEVICE];
    const FoveaPlace *place = &places[value->id];
    if (!place->used || place->root->constant != NULL || arena->transfer_of[place->root->id] != 0)
        return;
    const FoveaPlace *root = &places[place->root->id];
    guint64 size = (guint64)root->elements * fovea_dtype_size(root->store);
    FoveaVkTransfer transfer = {
        .root = place->root, .offset = root->arena_offset, .size = (size + 3) & ~(guint64)3};
    if (size == 0)
        return;
    g_array_append_val(list, transfer);
    arena->transfer_of[place->root->id] = list->len;
}

static void find_transfers(FoveaVkArena *arena)
{
    const FoveaProgram *p = arena->program;
    GArray *list = g_array_new(FALSE, TRUE, sizeof(FoveaVkTransfer));
    arena->transfer_of = g_new0(guint, p->n_values + 1);
    for (guint i = 0; i < p->graph->inputs->len; i++)
        add_transfer(arena, list, g_ptr_array_index(p->graph->inputs, i));
    for (guint i = 0; i < p->graph->outputs->len; i++)
        add_transfer(arena, list, g_ptr_array_index(p->graph->outputs, i));
    for (guint s = 0; s < p->segments->len; s++) {
        const FoveaSegment *segment = &g_array_index(p->segments, FoveaSegment, s);
        for (guint i = 0; i < segment->bring->len; i++)
            add_transfer(arena, list, g_ptr_array_index(segment->bring, i));
    }
    arena->n_transfers = list->len;
    arena->transfers = (FoveaVkTransfer *)(gpointer)g_array_free(list, FALSE);
}

/* ---- recording ---- */

static gboolean record_copy(FoveaVkArena *arena, const FoveaVkTransfer *t, gboolean up,
                            VkCommandBuffer *out, GError **error)
{
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = arena->pool,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkBufferCopy region = {.srcOffset = up ? t->staging : t->offset,
                           .dstOffset = up ? t->offset : t->staging,
                           .size = t->size};
    VkResult result = vkAllocateCommandBuffers(arena->device->device, &info, out);
    if (!fovea_vk_check(arena->device, result, "record a copy", error))
        return FALSE;
    vkBeginCommandBuffer(*out, &begin);
    fovea_vk_full_barrier(*out);
    vkCmdCopyBuffer(*out, up ? arena->upload->buffer : arena->memory->buffer,
                    up ? arena->memory->buffer : arena->readback->buffer, 1, &region);
    fovea_vk_full_barrier(*out);
    return fovea_vk_check(arena->device, vkEndCommandBuffer(*out), "record a copy", error);
}

static gboolean make_staging(FoveaVkArena *arena, GError **error)
{
    guint64 size = 0;
    for (guint i = 0; i < arena->n_transfers; i++) {
        arena->transfers[i].staging = size;
        size += (arena->transfers[i].size + 255) & ~(guint64)255;
    }
    arena->upload = fovea_vk_memory_new(arena->device, FOVEA_VK_UPLOAD, size, error);
    if (arena->upload == NULL)
        return FALSE;
    arena->readback = fovea_vk_memory_new(arena->device, FOVEA_VK_READBACK, size, error);
    if (arena->readback == NULL)
        return FALSE;
    for (guint i = 0; i < arena->n_transfers; i++) {
        FoveaVkTransfer *t = &arena->transfers[i];
        if (!record_copy(arena, t, TRUE, &t->up, error) ||
            !record_copy(arena, t, FALSE, &t->down, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean make_queueing(FoveaVkArena *arena, GError **error)
{
    VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                       .pNext = &type};
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = arena->device->family};
    VkDevice device = arena->device->device;
    VkResult result = vkCreateSemaphore(device, &semaphore, NULL, &arena->timeline);
    if (result == VK_SUCCESS)
        result = vkCreateCommandPool(device, &pool, NULL, &arena->pool);
    return fovea_vk_check(arena->device, result, "open a session", error);
}

gpointer fovea_vk_arena_new(FoveaInstance *instance, GError **error)
{
    FoveaProgram *p = instance->program;
    FoveaVkArena *arena = g_new0(FoveaVkArena, 1);
    arena->program = p;
    arena->device = (FoveaVkDevice *)fovea_device_ref(p->device);
    find_transfers(arena);
    guint64 bytes = p->arena_bytes[FOVEA_SIDE_DEVICE];
    gboolean ok = !fovea_vk_is_lost(arena->device, error) && make_queueing(arena, error);
    if (ok)
        arena->memory = fovea_vk_memory_new(arena->device, FOVEA_VK_DEVICE, MAX(bytes, 4), error);
    if (ok && arena->memory != NULL)
        arena->errors = fovea_vk_memory_new(arena->device, FOVEA_VK_READBACK, 4, error);
    ok = ok && arena->memory != NULL && arena->errors != NULL;
    if (ok && arena->memory->mapped == NULL && arena->n_transfers > 0)
        ok = make_staging(arena, error);
    if (!ok) {
        fovea_vk_arena_free(arena);
        return NULL;
    }
    memset(arena->errors->mapped, 0xff, 4);
    return arena;
}

void fovea_vk_arena_free(gpointer data)
{
    FoveaVkArena *arena = data;
    VkDevice device = arena->device->device;
    if (arena->timeline != VK_NULL_HANDLE)
        fovea_vk_arena_wait(arena, NULL);
    vkDestroyCommandPool(device, arena->pool, NULL);
    vkDestroySemaphore(device, arena->timeline, NULL);
    fovea_vk_memory_free(arena->memory);
    fovea_vk_memory_free(arena->upload);
    fovea_vk_memory_free(arena->readback);
    fovea_vk_memory_free(arena->errors);
    g_free(arena->transfers);
    g_free(arena->transfer_of);
    fovea_device_unref(&arena->device->base);
    g_free(arena);
}

/* ---- queueing ---- */

static gboolean submit_one(FoveaVkArena *arena, VkCommandBuffer buffer, GError **error)
{
    FoveaVkDevice *device = arena->device;
    guint64 value = arena->queued + 1;
    VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &value};
    VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                         .pNext = &timeline,
                         .commandBufferCount = 1,
                         .pCommandBuffers = &buffer,
                         .signalSemaphoreCount = 1,
                         .pSignalSemaphores = &arena->timeline};
    g_mutex_lock(&device->queue_lock);
    VkResult result = fovea_vk_inject("lost")
                          ? VK_ERROR_DEVICE_LOST
                          : vkQueueSubmit(device->queue, 1, &info, VK_NULL_HANDLE);
    g_mutex_unlock(&device->queue_lock);
    if (!fovea_vk_check(device, result, "queue work", error))
        return FALSE;
    arena->queued = value;
    return TRUE;
}

gboolean fovea_vk_arena_submit(FoveaVkArena *arena, const VkCommandBuffer *buffers, guint n,
                               GError **error)
{
    if (fovea_vk_is_lost(arena->device, error))
        return FALSE;
    for (guint i = 0; i < arena->n_transfers; i++) {
        FoveaVkTransfer *t = &arena->transfers[i];
        if (!t->pending_up)
            continue;
        t->pending_up = FALSE;
        if (!submit_one(arena, t->up, error))
            return FALSE;
    }
    for (guint i = 0; i < n; i++) {
        if (!submit_one(arena, buffers[i], error))
            return FALSE;
    }
    return TRUE;
}

gboolean fovea_vk_arena_wait(FoveaVkArena *arena, GError **error)
{
    VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                .semaphoreCount = 1,
                                .pSemaphores = &arena->timeline,
                                .pValues = &arena->queued};
    if (arena->queued == 0 || fovea_vk_is_lost(arena->device, NULL))
        return !fovea_vk_is_lost(arena->device, error);
    VkResult result = vkWaitSemaphores(arena->device->device, &info, G_MAXUINT64);
    return fovea_vk_check(arena->device, result, "finish its work", error);
}

/* ---- copies ---- */

static FoveaVkTransfer *transfer_for(FoveaVkArena *arena, const FoveaValue *value)
{
    const FoveaValue *root = arena->program->place[FOVEA_SIDE_DEVICE][value->id].root;
    guint index = arena->transfer_of[root->id];
    return index > 0 ? &arena->transfers[index - 1] : NULL;
}

/* The value's view with data at the host's copy of its root (base). */
static FoveaView host_view(FoveaInstance *instance, const FoveaValue *value, guint8 *base)
{
    FoveaView view = instance->views[FOVEA_SIDE_DEVICE][value->id];
    view.data = base + view.offset * (gint64)fovea_dtype_size(view.dtype);
    return view;
}

gboolean fovea_vk_upload(FoveaInstance *instance, const FoveaValue *value, const FoveaView *from,
                         GError **error)
{
    FoveaVkArena *arena = instance->device_arena;
    FoveaVkTransfer *t = transfer_for(arena, value);
    if (t == NULL || fovea_view_count(from) == 0)
        return TRUE;
    FoveaView to = host_view(instance, value,
                             arena->memory->mapped != NULL ? arena->memory->mapped + t->offset
                                                           : arena->upload->mapped + t->staging);
    if (!fovea_vk_convert(from, &to))
        return fovea_fail(error, FOVEA_ERROR_RANGE,
                          "'%s' holds an integer that does not fit the 32 bits it has on %s.",
                          value->name, arena->device->base.info.name);
    t->pending_up = arena->memory->mapped == NULL;
    t->fresh = FALSE;
    return TRUE;
}

gboolean fovea_vk_download(FoveaInstance *instance, const FoveaValue *value, const FoveaView *to,
                           GError **error)
{
    FoveaVkArena *arena = instance->device_arena;
    FoveaVkTransfer *t = transfer_for(arena, value);
    if (t == NULL || fovea_view_count(to) == 0)
        return TRUE;
    guint8 *base = arena->memory->mapped != NULL ? arena->memory->mapped + t->offset
                                                 : arena->readback->mapped + t->staging;
    if (arena->memory->mapped == NULL && !t->fresh) {
        if (!fovea_vk_arena_submit(arena, &t->down, 1, error) || !fovea_vk_arena_wait(arena, error))
            return FALSE;
        t->fresh = TRUE;
    }
    FoveaView from = host_view(instance, value, base);
    fovea_vk_convert(&from, to);
    return TRUE;
}

/* ---- from session to session ---- */

#define MAX_REGIONS 256

/* Walks both views as rows that are contiguous in both. FALSE where a copy of bytes will not do. */
static gboolean find_regions(const FoveaView *from, const FoveaView *to, guint64 from_base,
                             guint64 to_base, GArray *regions)
{
    gint64 size = (gint64)fovea_dtype_size(to->dtype), row = 1;
    guint rank = to->rank;
    if (from->dtype != to->dtype)
        return FALSE;
    while (rank > 0 && (to->dims[rank - 1] == 1 ||
                        (from->strides[rank - 1] == row && to->strides[rank - 1] == row)))
        row *= to->dims[--rank];
    const gint64 *strides[] = {from->strides, to->strides};
    FoveaWalk walk;
    fovea_walk_init(&walk, rank, to->dims, 2, strides);
    do {
        VkBufferCopy region = {.srcOffset = from_base +
                                            (guint64)((from->offset + walk.at[0]) * size),
                               .dstOffset = to_base + (guint64)((to->offset + walk.at[1]) * size),
                               .size = (guint64)(row * size)};
        if (regions->len == MAX_REGIONS)
            return FALSE;
        g_array_append_val(regions, region);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean copy_regions(FoveaVkArena *to, FoveaVkArena *from, const GArray *regions,
                             GError **error)
{
    VkDevice device = to->device->device;
    VkCommandBuffer buffer;
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = to->pool,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    VkResult result = vkAllocateCommandBuffers(device, &info, &buffer);
    if (!fovea_vk_check(to->device, result, "record a copy", error))
        return FALSE;
    vkBeginCommandBuffer(buffer, &begin);
    fovea_vk_full_barrier(buffer);
    vkCmdCopyBuffer(buffer, from->memory->buffer, to->memory->buffer, regions->len,
                    (const VkBufferCopy *)(gconstpointer)regions->data);
    fovea_vk_full_barrier(buffer);
    gboolean ok = fovea_vk_check(to->device, vkEndCommandBuffer(buffer), "record a copy", error) &&
                  fovea_vk_arena_submit(to, &buffer, 1, error) && fovea_vk_arena_wait(to, error);
    if (!fovea_vk_is_lost(to->device, NULL))
        vkFreeCommandBuffers(device, to->pool, 1, &buffer);
    return ok;
}

/* Where bytes will not do: through the host. */
static gboolean copy_through_host(FoveaInstance *to, const FoveaValue *input, FoveaInstance *from,
                                  const FoveaValue *output, GError **error)
{
    FoveaView view = from->views[FOVEA_SIDE_DEVICE][output->id];
    gsize size = fovea_dtype_size(output->dtype);
    void *room = fovea_try_alloc((gsize)fovea_view_count(&view), size, error);
    if (room == NULL)
        return FALSE;
    FoveaView host = fovea_view_make(output->dtype, view.rank, view.dims, room);
    gboolean ok = fovea_vk_download(from, output, &host, error) &&
                  fovea_vk_upload(to, input, &host, error);
    fovea_free(room);
    return ok;
}

gboolean fovea_vk_copy(FoveaInstance *to, const FoveaValue *input, FoveaInstance *from,
                       const FoveaValue *output, GError **error)
{
    FoveaVkArena *target = to->device_arena, *source = from->device_arena;
    const FoveaView *a = &from->views[FOVEA_SIDE_DEVICE][output->id];
    const FoveaView *b = &to->views[FOVEA_SIDE_DEVICE][input->id];
    FoveaVkTransfer *t = transfer_for(target, input), *s = transfer_for(source, output);
    if (t == NULL || s == NULL || fovea_view_count(a) == 0)
        return TRUE;
    if (source->memory->mapped != NULL) { /* one device: then so is the target's */
        FoveaView host = host_view(to, input, target->memory->mapped + t->offset);
        return fovea_vk_download(from, output, &host, error);
    }
    g_autoptr(GArray) regions = g_array_new(FALSE, FALSE, sizeof(VkBufferCopy));
    if (!find_regions(a, b, s->offset, t->offset, regions))
        return copy_through_host(to, input, from, output, error);
    t->fresh = FALSE;
    return copy_regions(target, source, regions, error);
}
