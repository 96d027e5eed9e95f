/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/device-internal.h: what lies behind FoveaDevice. A backend embeds it as its first member.
 */
#pragma once

#include "base/base.h"
#include "fovea/device.h"

struct FoveaDevice {
    gatomicrefcount refs;
    FoveaDeviceInfo info;
    void (*destroy)(FoveaDevice *device); /* frees the whole; called at the last unref */
    /* Opened devices of the process are kept in a registry (graph/device.c) while referenced. */
};

/* Provided by the Vulkan room where it is built: number of physical devices (0 on a failing or
 * absent driver, with *why set to a sentence), and opening one by index. */
guint fovea_vulkan_count(char **why);
FoveaDevice *fovea_vulkan_open(guint index, GError **error);
/* Index of the device that plain "vulkan" means: the first that is not software, else 0. */
guint fovea_vulkan_default(void);

/* Threads that CPU work may use. */
guint fovea_cpu_threads(void);
