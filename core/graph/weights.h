/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/weights.h: packed weights on a device, keyed by model, device, precision and layout; shared
 * by all plans of every shape. Internal.
 */
#pragma once

#include "base/base.h"
#include "tensor/tensor-internal.h"

/* One per (model, device, precision); plans hold references. Thread-safe. */
typedef struct FoveaWeights FoveaWeights;

FoveaWeights *fovea_weights_new(void);
FoveaWeights *fovea_weights_ref(FoveaWeights *weights);
void fovea_weights_unref(FoveaWeights *weights);

/* Makes the packed form of `tensor`. Returns it and its size, or NULL with an error. */
typedef gpointer (*FoveaPackFunc)(const FoveaTensor *tensor, gpointer user_data, gsize *bytes,
                                  GError **error);
/* The packed form of a constant under `layout` (a short text that says everything the packing
 * depends on: "vk/f16/oihw8"). Made on first use by pack, then shared; equal contents share too.
 * `destroy` frees it when the last plan has gone. (transfer none) */
gpointer fovea_weights_get(FoveaWeights *weights, const FoveaTensor *tensor, const char *layout,
                           FoveaPackFunc pack, gpointer user_data, GDestroyNotify destroy,
                           GError **error);
guint64 fovea_weights_bytes(FoveaWeights *weights);
