/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/kernels/copy.h: fast strided copies. Internal.
 */
#pragma once

#include "cpu/kernel.h"

/* to = from, of one shape; other element types go through fovea_view_copy. In parallel. */
void fovea_cpu_copy(const FoveaView *from, const FoveaView *to);
/* TRUE where `from` is laid out exactly as `to` (then no copy is needed). */
gboolean fovea_cpu_same_layout(const FoveaView *from, const FoveaView *to);
