/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * base/cache.h: small files kept between runs in $XDG_CACHE_HOME/fovea. Internal.
 *
 * A cache is a help, never a need: what is missing, damaged, unreadable or unwritable costs a
 * warning and the time to make it again.
 */
#pragma once

#include "base/base.h"

/* The contents written last under `name` (a file name), or NULL. */
GBytes *fovea_cache_read(const char *name);
/* Replaces the file in one step (a rename), so that a reader never sees half of it. More than 64 MiB
 * are not kept; of more than 64 files the oldest go. */
void fovea_cache_write(const char *name, gconstpointer data, gsize size);
