/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vulkan/vk.h"

#define BLOCK_BYTES (32u << 20) /* weights are cut from blocks of this size */
#define STAGING_BYTES (8u << 20)
#define ALIGNMENT 256u

static gboolean allocate(FoveaVkMemory *m, FoveaVkHeap heap, GError **error)
{
    FoveaVkDevice *device = m->device;
    VkMemoryRequirements need;
    guint32 type = heap == FOVEA_VK_DEVICE   ? device->type_device
                   : heap == FOVEA_VK_UPLOAD ? device->type_upload
                                             : device->type_readback;
    vkGetBufferMemoryRequirements(device->device, m->buffer, &need);
    if (type == G_MAXUINT32 || !(need.memoryTypeBits & 1u << type))
        return fovea_fail(error, FOVEA_ERROR_DEVICE, "%s has no memory for buffers of this kind.",
                          device->base.info.name);
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .allocationSize = need.size,
                                 .memoryTypeIndex = type};
    VkResult result = fovea_vk_inject("oom")
                          ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                          : vkAllocateMemory(device->device, &info, NULL, &m->memory);
    if (!fovea_vk_check(device, result, "hold this model", error))
        return FALSE;
    result = vkBindBufferMemory(device->device, m->buffer, m->memory, 0);
    if (!fovea_vk_check(device, result, "bind memory", error))
        return FALSE;
    if (heap == FOVEA_VK_DEVICE && !device->unified)
        return TRUE;
    result = vkMapMemory(device->device, m->memory, 0, VK_WHOLE_SIZE, 0, (void **)&m->mapped);
    return fovea_vk_check(device, result, "map memory", error);
}

FoveaVkMemory *fovea_vk_memory_new(FoveaVkDevice *device, FoveaVkHeap heap, guint64 size,
                                   GError **error)
{
    if (size > device->max_allocation) {
        fovea_fail(error, FOVEA_ERROR_NO_MEMORY,
                   "%s allocates at most %" G_GUINT64_FORMAT " MiB at once; %" G_GUINT64_FORMAT
                   " MiB are needed.",
                   device->base.info.name, device->max_allocation >> 20, size >> 20);
        return NULL;
    }
    FoveaVkMemory *m = g_new0(FoveaVkMemory, 1);
    m->device = device;
    m->size = (MAX(size, 4) + 3) & ~(guint64)3;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = m->size,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkResult result = vkCreateBuffer(device->device, &info, NULL, &m->buffer);
    if (!fovea_vk_check(device, result, "make a buffer", error) || !allocate(m, heap, error)) {
        fovea_vk_memory_free(m);
        return NULL;
    }
    return m;
}

void fovea_vk_memory_free(FoveaVkMemory *m)
{
    if (m == NULL)
        return;
    vkDestroyBuffer(m->device->device, m->buffer, NULL);
    vkFreeMemory(m->device->device, m->memory, NULL);
    g_free(m);
}

/* Copies the staging buffer's first bytes and waits. Called with the lock held. */
static gboolean copy_from_staging(FoveaVkDevice *device, VkBuffer to, guint64 offset, guint64 size,
                                  GError **error)
{
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    VkBufferCopy region = {.dstOffset = offset, .size = size};
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                           .commandBufferCount = 1,
                           .pCommandBuffers = &device->copy};
    vkBeginCommandBuffer(device->copy, &begin);
    vkCmdCopyBuffer(device->copy, device->staging->buffer, to, 1, &region);
    fovea_vk_full_barrier(device->copy);
    VkResult result = vkEndCommandBuffer(device->copy);
    if (result == VK_SUCCESS)
        result = vkQueueSubmit(device->queue, 1, &submit, device->copy_done);
    if (result == VK_SUCCESS)
        result = vkWaitForFences(device->device, 1, &device->copy_done, VK_TRUE, G_MAXUINT64);
    vkResetFences(device->device, 1, &device->copy_done);
    return fovea_vk_check(device, result, "take the weights", error);
}

static gboolean write_weights(FoveaVkDevice *device, FoveaVkMemory *to, guint64 offset,
                              const guint8 *data, gsize size, GError **error)
{
    if (to->mapped != NULL) {
        memcpy(to->mapped + offset, data, size);
        return TRUE;
    }
    if (device->staging == NULL)
        device->staging = fovea_vk_memory_new(device, FOVEA_VK_UPLOAD, STAGING_BYTES, error);
    if (device->staging == NULL)
        return FALSE;
    for (gsize at = 0; at < size; at += STAGING_BYTES) {
        gsize part = MIN(size - at, STAGING_BYTES);
        memcpy(device->staging->mapped, data + at, part);
        if (!copy_from_staging(device, to->buffer, offset + at, part, error))
            return FALSE;
    }
    return TRUE;
}

static FoveaVkBlock *find_block(FoveaVkDevice *device, guint64 size, GError **error)
{
    for (guint i = 0; i < device->blocks->len; i++) {
        FoveaVkBlock *block = g_ptr_array_index(device->blocks, i);
        if (block->memory->size - block->used >= size)
            return block;
    }
    FoveaVkMemory *memory = fovea_vk_memory_new(device, FOVEA_VK_DEVICE, MAX(size, BLOCK_BYTES),
                                                error);
    if (memory == NULL && size < BLOCK_BYTES / 8) { /* a small device may have room for this only */
        g_clear_error(error);
        memory = fovea_vk_memory_new(device, FOVEA_VK_DEVICE, size, error);
    }
    if (memory == NULL)
        return NULL;
    FoveaVkBlock *block = g_new0(FoveaVkBlock, 1);
    block->memory = memory;
    g_ptr_array_add(device->blocks, block);
    return block;
}

static void release_block(FoveaVkDevice *device, FoveaVkBlock *block)
{
    if (--block->live > 0)
        return;
    g_ptr_array_remove_fast(device->blocks, block);
    fovea_vk_memory_free(block->memory);
    g_free(block);
}

FoveaVkBuffer *fovea_vk_buffer_new(FoveaVkDevice *device, gconstpointer data, gsize size,
                                   GError **error)
{
    guint64 room = (MAX((guint64)size, 4) + ALIGNMENT - 1) & ~(guint64)(ALIGNMENT - 1);
    FoveaVkBuffer *buffer = NULL;
    if (fovea_vk_is_lost(device, error))
        return NULL;
    g_mutex_lock(&device->queue_lock);
    FoveaVkBlock *block = find_block(device, room, error);
    if (block != NULL) {
        block->live++;
        if (write_weights(device, block->memory, block->used, data, size, error)) {
            buffer = g_new0(FoveaVkBuffer, 1);
            *buffer = (FoveaVkBuffer){device, block, block->used, (MAX(size, 4) + 3) & ~(gsize)3};
            block->used += room;
        } else {
            release_block(device, block);
        }
    }
    g_mutex_unlock(&device->queue_lock);
    if (buffer != NULL)
        fovea_device_ref(&device->base);
    return buffer;
}

void fovea_vk_buffer_free(gpointer data)
{
    FoveaVkBuffer *buffer = data;
    FoveaVkDevice *device = buffer->device;
    g_mutex_lock(&device->queue_lock);
    release_block(device, buffer->block);
    g_mutex_unlock(&device->queue_lock);
    g_free(buffer);
    fovea_device_unref(&device->base);
}
