/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * base/base.h: errors, logging, checked allocation for the rooms of core/. Internal.
 */
#pragma once

#include <gio/gio.h>
#include <string.h>

#include "fovea/base.h"

/* Logging: printf-like, one line, no newline at the end. room is the folder's name. */
void fovea_log(FoveaLogLevel level, const char *room, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Sets an error of domain FOVEA_ERROR and returns FALSE, so that callers can write
 * `return fovea_fail(error, FOVEA_ERROR_SHAPE, "...")`. */
gboolean fovea_fail(GError **error, FoveaError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Zeroed memory for n elements of `size` bytes, 64-byte aligned; checked multiply; NULL and
 * NO_MEMORY where it does not fit. n = 0 gives a valid pointer. For every allocation whose size
 * comes from data, caps or the device; small fixed bookkeeping uses g_new. Free with fovea_free. */
void *fovea_try_alloc(gsize n, gsize size, GError **error);
void fovea_free(void *memory);

/* Failure injection for tests: the call after `countdown` further ones fails, once (-1: never).
 * Returns the calls since the last set, to find how many there are. */
guint fovea_alloc_fail_after(gint countdown);
/* Number of fovea_try_alloc calls of this process so far: shows that a step allocates nothing. */
guint64 fovea_alloc_count(void);

static inline gboolean fovea_mul_i64(gint64 a, gint64 b, gint64 *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline gboolean fovea_add_i64(gint64 a, gint64 b, gint64 *out)
{
    return !__builtin_add_overflow(a, b, out);
}
