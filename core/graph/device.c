/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The devices of this process: the CPU, and what the Vulkan room finds.
 */
#include <unistd.h>

#include "graph/device-internal.h"
#include "graph/program.h"

static GMutex registry_lock;
static GHashTable *registry; /* spec -> FoveaDevice*, not referenced: weak */
static guint cpu_threads;

void fovea_cpu_set_threads(guint threads)
{
    g_atomic_int_set(&cpu_threads, threads);
}

guint fovea_cpu_threads(void)
{
    guint threads = (guint)g_atomic_int_get(&cpu_threads);
    return threads > 0 ? threads : (guint)CLAMP(g_get_num_processors(), 1, 256);
}

static const char *cpu_instruction_set(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return "x86-64, AVX-512";
    if (__builtin_cpu_supports("avx2"))
        return "x86-64, AVX2";
    return "x86-64";
#else
    return "generic";
#endif
}

static char *cpu_name(void)
{
    g_autofree char *text = NULL;
    if (g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL)) {
        const char *at = strstr(text, "model name");
        const char *colon = at != NULL ? strchr(at, ':') : NULL;
        if (colon != NULL)
            return g_strstrip(g_strndup(colon + 1, strcspn(colon + 1, "\n")));
    }
    return g_strdup("CPU");
}

static void cpu_destroy(FoveaDevice *device)
{
    g_free((char *)device->info.name);
    g_free(device);
}

static FoveaDevice *cpu_open(void)
{
    FoveaDevice *device = g_new0(FoveaDevice, 1);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    g_atomic_ref_count_init(&device->refs);
    device->destroy = cpu_destroy;
    device->info = (FoveaDeviceInfo){
        .kind = FOVEA_DEVICE_CPU,
        .spec = "cpu",
        .name = cpu_name(),
        .driver = cpu_instruction_set(),
        .subgroup_size = 1,
        .threads = fovea_cpu_threads(),
        .max_buffer_range = G_MAXINT64,
        .memory = pages > 0 && page > 0 ? (guint64)pages * (guint64)page : 0,
    };
    return device;
}

#ifdef FOVEA_HAVE_VULKAN
static FoveaDevice *vulkan_open(const char *spec, guint index, GError **error)
{
    g_autofree char *why = NULL;
    guint n = fovea_vulkan_count(&why);
    if (n == 0)
        fovea_fail(error, FOVEA_ERROR_DEVICE, "No Vulkan device was found%s%s", why ? ": " : "",
                   why ? why : "");
    else if (index >= n)
        fovea_fail(error, FOVEA_ERROR_DEVICE, "There is no device %s: this machine has %u", spec,
                   n);
    else
        return fovea_vulkan_open(index, error);
    return NULL;
}

static guint vulkan_default(void)
{
    return fovea_vulkan_default();
}

static guint vulkan_count(char **why)
{
    return fovea_vulkan_count(why);
}
#else
static FoveaDevice *vulkan_open(const char *spec, guint index, GError **error)
{
    fovea_fail(error, FOVEA_ERROR_DEVICE, "This build of Fovea has no Vulkan backend");
    return NULL;
}

static guint vulkan_default(void)
{
    return 0;
}

static guint vulkan_count(char **why)
{
    return 0;
}

const FoveaBackend *fovea_vulkan_backend(void)
{
    return NULL;
}
#endif

/* "vulkan:N" -> N; FALSE when the text is no device name at all. */
static gboolean parse_spec(const char *spec, gboolean *vulkan, guint *index, GError **error)
{
    *vulkan = g_str_has_prefix(spec, "vulkan");
    *index = 0;
    if (g_str_equal(spec, "cpu"))
        return TRUE;
    if (g_str_equal(spec, "vulkan")) {
        *index = vulkan_default();
        return TRUE;
    }
    guint64 number;
    if (*vulkan && spec[6] == ':' &&
        g_ascii_string_to_unsigned(spec + 7, 10, 0, 63, &number, NULL)) {
        *index = (guint)number;
        return TRUE;
    }
    return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "'%s' is no device: use cpu, vulkan or vulkan:N",
                      spec);
}

FoveaDevice *fovea_device_open(const char *spec, GError **error)
{
    gboolean vulkan;
    guint index;
    if (spec == NULL || *spec == '\0')
        spec = "cpu";
    if (!parse_spec(spec, &vulkan, &index, error))
        return NULL;
    char key[24];
    g_snprintf(key, sizeof key, vulkan ? "vulkan:%u" : "cpu", index);
    g_mutex_lock(&registry_lock);
    if (registry == NULL)
        registry = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    FoveaDevice *device = g_hash_table_lookup(registry, key);
    if (device != NULL) {
        fovea_device_ref(device);
    } else {
        device = vulkan ? vulkan_open(key, index, error) : cpu_open();
        if (device != NULL)
            g_hash_table_insert(registry, g_strdup(key), device);
    }
    g_mutex_unlock(&registry_lock);
    return device;
}

FoveaDevice *fovea_device_ref(FoveaDevice *device)
{
    g_atomic_ref_count_inc(&device->refs);
    return device;
}

void fovea_device_unref(FoveaDevice *device)
{
    if (device == NULL)
        return;
    /* The lock keeps fovea_device_open from finding a device whose last reference goes now. */
    g_mutex_lock(&registry_lock);
    gboolean last = g_atomic_ref_count_dec(&device->refs);
    if (last && registry != NULL)
        g_hash_table_remove(registry, device->info.spec);
    g_mutex_unlock(&registry_lock);
    if (last)
        device->destroy(device);
}

const FoveaDeviceInfo *fovea_device_info(const FoveaDevice *device)
{
    return &device->info;
}

GPtrArray *fovea_devices(void)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)fovea_device_unref);
    g_autofree char *why = NULL;
    guint n = vulkan_count(&why);
    g_ptr_array_add(all, fovea_device_open("cpu", NULL));
    for (guint i = 0; i < n; i++) {
        GError *error = NULL;
        char spec[24];
        g_snprintf(spec, sizeof spec, "vulkan:%u", i);
        FoveaDevice *device = fovea_device_open(spec, &error);
        if (device != NULL)
            g_ptr_array_add(all, device);
        else
            fovea_log(FOVEA_LOG_WARNING, "device", "%s is left out: %s", spec, error->message);
        g_clear_error(&error);
    }
    if (why != NULL)
        fovea_log(FOVEA_LOG_INFO, "device", "%s", why);
    return all;
}
