/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz/fuzz.h: the entry that a fuzz target defines.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
