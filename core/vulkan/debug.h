/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/debug.h: what tests ask of the Vulkan room. Internal.
 *
 * FOVEA_VULKAN_VALIDATE=1 in the environment (before the first use) switches the validation layer
 * on, =2 its synchronisation checks too. Every warning and error is logged and counted.
 * FOVEA_VULKAN_FAIL=nodevice|oom|lost makes the next calls fail as such a machine would.
 * FOVEA_VULKAN_STAGING=1 copies through staging memory, as for discrete cards, on every device.
 */
#pragma once

#include "fovea/device.h"

/* TRUE where the layer is there and on. */
gboolean fovea_vulkan_validating(void);
/* Messages so far. */
guint fovea_vulkan_messages(void);
/* One deliberate mistake, to see that messages come. */
void fovea_vulkan_provoke(FoveaDevice *device);
