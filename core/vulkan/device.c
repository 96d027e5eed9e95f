/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vulkan/vk.h"

/* What a physical device offers, asked once. */
typedef struct Offer {
    VkPhysicalDeviceProperties2 properties;
    VkPhysicalDeviceVulkan11Properties p11;
    VkPhysicalDeviceVulkan12Properties p12;
    VkPhysicalDeviceMaintenance3Properties maintenance3;
    VkPhysicalDeviceFeatures2 features;
    VkPhysicalDeviceVulkan11Features f11;
    VkPhysicalDeviceVulkan12Features f12;
    VkPhysicalDeviceMemoryProperties memory;
    guint32 family;
    gboolean cooperative_matrix, bf16;
    guint timestamp_bits;
} Offer;

gboolean fovea_vk_inject(const char *kind)
{
    return g_strcmp0(g_getenv("FOVEA_VULKAN_FAIL"), kind) == 0;
}

gboolean fovea_vk_is_lost(FoveaVkDevice *device, GError **error)
{
    if (!g_atomic_int_get(&device->lost))
        return FALSE;
    fovea_fail(error, FOVEA_ERROR_DEVICE_LOST,
               "The graphics device %s stopped answering; open it again to go on.",
               device->base.info.name);
    return TRUE;
}

gboolean fovea_vk_check(FoveaVkDevice *device, VkResult result, const char *doing, GError **error)
{
    if (result == VK_SUCCESS)
        return TRUE;
    if (result == VK_ERROR_DEVICE_LOST) {
        g_atomic_int_set(&device->lost, 1);
        fovea_vk_is_lost(device, error);
        return FALSE;
    }
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY ||
        result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS)
        return fovea_fail(error, FOVEA_ERROR_NO_MEMORY, "%s has too little memory to %s.",
                          device->base.info.name, doing);
    return fovea_fail(error, FOVEA_ERROR_FAILED, "%s could not %s (Vulkan error %d).",
                      device->base.info.name, doing, result);
}

static void look_at_extensions(VkPhysicalDevice physical, Offer *offer)
{
    uint32_t n = 0;
    vkEnumerateDeviceExtensionProperties(physical, NULL, &n, NULL);
    VkExtensionProperties *list = g_new0(VkExtensionProperties, n + 1);
    if (vkEnumerateDeviceExtensionProperties(physical, NULL, &n, list) < 0)
        n = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *name = list[i].extensionName;
        offer->cooperative_matrix |= strcmp(name, "VK_KHR_cooperative_matrix") == 0 ||
                                     strcmp(name, "VK_NV_cooperative_matrix") == 0;
        offer->bf16 |= strcmp(name, "VK_KHR_shader_bfloat16") == 0;
    }
    g_free(list);
}

/* A queue family with compute; one without graphics where there is a choice, because it is not in
 * the way of a desktop. */
static gboolean find_family(VkPhysicalDevice physical, Offer *offer)
{
    uint32_t n = 0;
    gboolean found = FALSE, pure = FALSE;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &n, NULL);
    VkQueueFamilyProperties *list = g_new0(VkQueueFamilyProperties, n + 1);
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &n, list);
    for (uint32_t i = 0; i < n; i++) {
        gboolean graphics = (list[i].queueFlags & VK_QUEUE_GRAPHICS_BIT) != 0;
        if (!(list[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || (found && (pure || graphics)))
            continue;
        offer->family = i;
        offer->timestamp_bits = list[i].timestampValidBits;
        found = TRUE;
        pure = !graphics;
    }
    g_free(list);
    return found;
}

static void ask(VkPhysicalDevice physical, Offer *offer)
{
    offer->p11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
    offer->p12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES;
    offer->maintenance3.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES;
    offer->properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    offer->properties.pNext = &offer->p11;
    offer->p11.pNext = &offer->p12;
    offer->p12.pNext = &offer->maintenance3;
    vkGetPhysicalDeviceProperties2(physical, &offer->properties);
    offer->f11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
    offer->f12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    offer->features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    offer->features.pNext = &offer->f11;
    offer->f11.pNext = &offer->f12;
    vkGetPhysicalDeviceFeatures2(physical, &offer->features);
    vkGetPhysicalDeviceMemoryProperties(physical, &offer->memory);
    look_at_extensions(physical, offer);
}

/* The first needed thing that is missing, or NULL. */
static const char *missing(VkPhysicalDevice physical, Offer *offer)
{
    if (offer->properties.properties.apiVersion < VK_API_VERSION_1_2)
        return "Vulkan 1.2";
    if (!find_family(physical, offer))
        return "compute queues";
    if (!offer->f12.timelineSemaphore)
        return "timeline semaphores";
    if (!offer->f11.storageBuffer16BitAccess)
        return "16-bit storage buffers";
    if (!offer->f12.storageBuffer8BitAccess)
        return "8-bit storage buffers";
    return NULL;
}

static void fill_info(FoveaVkDevice *device, const Offer *offer, guint index)
{
    FoveaDeviceInfo *info = &device->base.info;
    const VkPhysicalDeviceProperties *p = &offer->properties.properties;
    device->limits = p->limits;
    device->max_allocation = offer->maintenance3.maxMemoryAllocationSize;
    device->float_controls = offer->p12.shaderSignedZeroInfNanPreserveFloat32;
    device->timestamps = offer->timestamp_bits > 0 && p->limits.timestampPeriod > 0;
    info->kind = FOVEA_DEVICE_VULKAN;
    info->spec = g_strdup_printf("vulkan:%u", index);
    info->name = g_strdup(p->deviceName);
    info->driver = g_strdup_printf("%s %s", offer->p12.driverName, offer->p12.driverInfo);
    info->software = p->deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    info->f16 = offer->f12.shaderFloat16 && offer->f11.storageBuffer16BitAccess;
    info->int8 = offer->f12.storageBuffer8BitAccess;
    info->cooperative_matrix = offer->cooperative_matrix;
    info->bf16 = offer->bf16;
    info->subgroup_size = offer->p11.subgroupSize;
    info->max_buffer_range = p->limits.maxStorageBufferRange;
    info->max_shared_memory = p->limits.maxComputeSharedMemorySize;
    for (guint i = 0; i < offer->memory.memoryHeapCount; i++) {
        if (offer->memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            info->memory = MAX(info->memory, offer->memory.memoryHeaps[i].size);
    }
    device->unified = p->deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ||
                      p->deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
}

/* The first memory type with `need`, better one that has `like` too. Drivers list the fast first. */
static guint32 find_type(const VkPhysicalDeviceMemoryProperties *memory, guint32 need, guint32 like)
{
    for (guint pass = 0; pass < 2; pass++) {
        guint32 flags = pass == 0 ? need | like : need;
        for (guint32 i = 0; i < memory->memoryTypeCount; i++) {
            if ((memory->memoryTypes[i].propertyFlags & flags) == flags)
                return i;
        }
    }
    return G_MAXUINT32;
}

static void choose_memory(FoveaVkDevice *device, const Offer *offer)
{
    const guint32 local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    const guint32 host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    const guint32 cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    guint32 both = find_type(&offer->memory, local | host, cached);
    /* Tests take the way of discrete cards on any device. */
    device->unified &= both != G_MAXUINT32 && g_getenv("FOVEA_VULKAN_STAGING") == NULL;
    device->type_upload = find_type(&offer->memory, host, 0);
    device->type_readback = find_type(&offer->memory, host, cached);
    device->type_device = device->unified ? both : find_type(&offer->memory, local, 0);
}

static gboolean create_device(FoveaVkDevice *device, const Offer *offer, GError **error)
{
    const float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = device->family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkPhysicalDeviceVulkan12Features f12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .timelineSemaphore = VK_TRUE,
        .storageBuffer8BitAccess = VK_TRUE,
        .shaderFloat16 = offer->f12.shaderFloat16,
        .shaderInt8 = offer->f12.shaderInt8,
        .shaderSubgroupExtendedTypes = offer->f12.shaderSubgroupExtendedTypes};
    VkPhysicalDeviceVulkan11Features f11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        .pNext = &f12,
        .storageBuffer16BitAccess = VK_TRUE};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &f11};
    features.features.shaderInt16 = offer->features.features.shaderInt16;
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .pNext = &features,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue};
    VkResult result = vkCreateDevice(device->physical, &info, NULL, &device->device);
    if (!fovea_vk_check(device, result, "be opened", error))
        return FALSE;
    vkGetDeviceQueue(device->device, device->family, 0, &device->queue);
    return TRUE;
}

static gboolean create_copying(FoveaVkDevice *device, GError **error)
{
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                    .queueFamilyIndex = device->family};
    VkResult result = vkCreateCommandPool(device->device, &pool, NULL, &device->pool);
    if (!fovea_vk_check(device, result, "make a command pool", error))
        return FALSE;
    VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool = device->pool,
                                          .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                          .commandBufferCount = 1};
    result = vkAllocateCommandBuffers(device->device, &buffer, &device->copy);
    if (!fovea_vk_check(device, result, "make a command buffer", error))
        return FALSE;
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    result = vkCreateFence(device->device, &fence, NULL, &device->copy_done);
    return fovea_vk_check(device, result, "make a fence", error);
}

static void destroy(FoveaDevice *base)
{
    FoveaVkDevice *device = (FoveaVkDevice *)base;
    if (device->device != VK_NULL_HANDLE) {
        vkDeviceWaitIdle(device->device);
        fovea_vk_pipelines_clear(device);
        fovea_vk_memory_free(device->staging);
        vkDestroyFence(device->device, device->copy_done, NULL);
        vkDestroyCommandPool(device->device, device->pool, NULL);
        vkDestroyDevice(device->device, NULL);
    }
    g_ptr_array_unref(device->blocks);
    g_mutex_clear(&device->queue_lock);
    g_free((char *)base->info.spec);
    g_free((char *)base->info.name);
    g_free((char *)base->info.driver);
    g_free(device);
}

static FoveaDevice *open_physical(VkPhysicalDevice physical, guint index, GError **error)
{
    Offer offer = {0};
    ask(physical, &offer);
    const char *lacks = missing(physical, &offer);
    if (lacks != NULL) {
        fovea_fail(error, FOVEA_ERROR_DEVICE, "%s (vulkan:%u) cannot be used: it lacks %s.",
                   offer.properties.properties.deviceName, index, lacks);
        return NULL;
    }
    FoveaVkDevice *device = g_new0(FoveaVkDevice, 1);
    g_atomic_ref_count_init(&device->base.refs);
    device->base.destroy = destroy;
    device->physical = physical;
    device->family = offer.family;
    device->blocks = g_ptr_array_new();
    g_mutex_init(&device->queue_lock);
    fill_info(device, &offer, index);
    choose_memory(device, &offer);
    if (!create_device(device, &offer, error) || !create_copying(device, error) ||
        !fovea_vk_pipelines_init(device, error)) {
        destroy(&device->base);
        return NULL;
    }
    return &device->base;
}

FoveaDevice *fovea_vulkan_open(guint index, GError **error)
{
    guint n;
    char *why = NULL;
    FoveaDevice *device = NULL;
    VkPhysicalDevice *physical = fovea_vk_physical(&n, &why);
    if (n == 0)
        fovea_fail(error, FOVEA_ERROR_DEVICE, "%s", why);
    else if (index >= n)
        fovea_fail(error, FOVEA_ERROR_DEVICE,
                   "There is no device vulkan:%u; this machine has %u Vulkan device%s.", index, n,
                   n == 1 ? "" : "s");
    else
        device = open_physical(physical[index], index, error);
    g_free(physical);
    g_free(why);
    return device;
}
