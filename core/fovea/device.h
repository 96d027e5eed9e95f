/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * device.h: tier 2. One CPU or one GPU of this process.
 */
#pragma once

#include "base.h"

G_BEGIN_DECLS

typedef enum FoveaDeviceKind {
    FOVEA_DEVICE_CPU = 0,
    FOVEA_DEVICE_VULKAN,
} FoveaDeviceKind;

typedef struct FoveaDevice FoveaDevice;

/** What a device is and can do. Strings belong to the device. */
typedef struct FoveaDeviceInfo {
    FoveaDeviceKind kind;
    const char *spec;   /* "cpu", "vulkan:0" */
    const char *name;   /* "llvmpipe (LLVM 15.0.6, 256 bits)" */
    const char *driver; /* driver name and version, or instruction set of a CPU */
    gboolean software;  /* a Vulkan device that computes on the CPU */
    gboolean f16;       /* f16 storage and arithmetic */
    gboolean int8;      /* 8-bit storage */
    gboolean cooperative_matrix;
    gboolean bf16;
    guint subgroup_size;
    guint threads;             /* CPU: threads of the team */
    guint64 max_buffer_range;  /* bytes that one tensor may have */
    guint64 max_shared_memory; /* bytes a work group */
    guint64 memory;            /* bytes of the largest device-local heap */
} FoveaDeviceInfo;

/** Opens "cpu", "vulkan" (first hardware device, else the first) or "vulkan:N". NULL means "cpu".
 *  One object per physical device and process: opening twice gives the same one.
 *  Errors: ARGUMENT, DEVICE (none found, or a needed feature is missing). */
FOVEA_API FoveaDevice *fovea_device_open(const char *spec, GError **error);
FOVEA_API FoveaDevice *fovea_device_ref(FoveaDevice *device);
FOVEA_API void fovea_device_unref(FoveaDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaDevice, fovea_device_unref)

FOVEA_API const FoveaDeviceInfo *fovea_device_info(const FoveaDevice *device);

/** All devices of this machine, the CPU first: a GPtrArray of FoveaDevice* (transfer full).
 *  A Vulkan driver that fails to load is logged and left out. */
FOVEA_API GPtrArray *fovea_devices(void);

/** Number of threads for CPU work; 0 restores the default (all processors we may use).
 *  Must be called before the first plan is made. */
FOVEA_API void fovea_cpu_set_threads(guint threads);

G_END_DECLS
