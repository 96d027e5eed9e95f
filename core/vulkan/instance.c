/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vulkan/vk.h"

#define LAYER "VK_LAYER_KHRONOS_validation"

static struct {
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    char *why; /* why there is no instance */
    gboolean validating;
    gint messages;
} process;

static VkBool32 VKAPI_CALL message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                   VkDebugUtilsMessageTypeFlagsEXT types,
                                   const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    /* The loader's own remarks about other drivers are no one's mistake. */
    if (!(types & VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT))
        return VK_FALSE;
    g_atomic_int_inc(&process.messages);
    fovea_log(FOVEA_LOG_WARNING, "vulkan", "validation: %s", data->pMessage);
    return VK_FALSE;
}

static gboolean layer_exists(void)
{
    uint32_t n = 0;
    gboolean found = FALSE;
    vkEnumerateInstanceLayerProperties(&n, NULL);
    VkLayerProperties *layers = g_new0(VkLayerProperties, n + 1);
    if (vkEnumerateInstanceLayerProperties(&n, layers) < 0)
        n = 0;
    for (uint32_t i = 0; i < n; i++)
        found |= strcmp(layers[i].layerName, LAYER) == 0;
    g_free(layers);
    return found;
}

static gboolean device_exists(VkInstance instance)
{
    uint32_t n = 0;
    return vkEnumeratePhysicalDevices(instance, &n, NULL) >= 0 && n > 0;
}

static void add_messenger(void)
{
    VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = message};
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(process.instance,
                                                                  "vkCreateDebugUtilsMessengerEXT");
    process.validating = create != NULL &&
                         create(process.instance, &info, NULL, &process.messenger) == VK_SUCCESS;
}

/* The instance lives as long as the process: drivers do not like to be loaded twice. */
static void create_instance(void)
{
    const char *wish = g_getenv("FOVEA_VULKAN_VALIDATE");
    gboolean validate = wish != NULL && (wish[0] == '1' || wish[0] == '2');
    const char *layers[] = {LAYER}, *extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
    VkValidationFeatureEnableEXT enable[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
    VkValidationFeaturesEXT features = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                        .enabledValidationFeatureCount = 1,
                                        .pEnabledValidationFeatures = enable};
    VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                             .pApplicationName = "fovea",
                             .pEngineName = "fovea",
                             .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pApplicationInfo = &app};
    if (validate && !layer_exists()) {
        fovea_log(FOVEA_LOG_WARNING, "vulkan",
                  "FOVEA_VULKAN_VALIDATE is set, but the validation layer is not installed.");
        validate = FALSE;
    }
    if (validate) {
        info.enabledLayerCount = info.enabledExtensionCount = 1;
        info.ppEnabledLayerNames = layers;
        info.ppEnabledExtensionNames = extensions;
        info.pNext = wish[0] == '2' ? &features : NULL;
    }
    VkResult result = vkCreateInstance(&info, NULL, &process.instance);
    if (result != VK_SUCCESS) {
        process.instance = VK_NULL_HANDLE;
        process.why = g_strdup_printf("No Vulkan driver could be loaded (error %d).", result);
    } else if (validate && device_exists(process.instance)) {
        add_messenger();
    }
}

VkInstance fovea_vk_instance(char **why)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        create_instance();
        g_once_init_leave(&once, 1);
    }
    if (process.instance == VK_NULL_HANDLE && why != NULL)
        *why = g_strdup(process.why);
    return process.instance;
}

VkPhysicalDevice *fovea_vk_physical(guint *n, char **why)
{
    uint32_t count = 0;
    VkInstance instance = fovea_vk_instance(why);
    *n = 0;
    if (instance == VK_NULL_HANDLE)
        return NULL;
    if (fovea_vk_inject("nodevice") || vkEnumeratePhysicalDevices(instance, &count, NULL) < 0)
        count = 0;
    VkPhysicalDevice *devices = g_new0(VkPhysicalDevice, count + 1);
    if (count > 0 && vkEnumeratePhysicalDevices(instance, &count, devices) < 0)
        count = 0;
    if (count == 0 && why != NULL)
        *why = g_strdup("No Vulkan device was found.");
    *n = count;
    return devices;
}

guint fovea_vulkan_count(char **why)
{
    guint n;
    g_free(fovea_vk_physical(&n, why));
    return n;
}

guint fovea_vulkan_default(void)
{
    guint n, best = 0;
    VkPhysicalDevice *devices = fovea_vk_physical(&n, NULL);
    for (guint i = n; i-- > 0;) {
        VkPhysicalDeviceProperties properties;
        vkGetPhysicalDeviceProperties(devices[i], &properties);
        if (properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU)
            best = i;
    }
    g_free(devices);
    return best;
}

gboolean fovea_vulkan_validating(void)
{
    fovea_vk_instance(NULL);
    return process.validating;
}

guint fovea_vulkan_messages(void)
{
    return (guint)g_atomic_int_get(&process.messages);
}

void fovea_vulkan_provoke(FoveaDevice *device)
{
    FoveaVkDevice *vk = (FoveaVkDevice *)device;
    VkBuffer buffer = VK_NULL_HANDLE;
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = 16, /* and no usage: a buffer must be for something */
                               .usage = 0};
    if (vkCreateBuffer(vk->device, &info, NULL, &buffer) == VK_SUCCESS)
        vkDestroyBuffer(vk->device, buffer, NULL);
}
