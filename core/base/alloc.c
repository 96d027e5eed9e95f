/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/base.h"

static gint countdown = -1;
static guint calls;
static guint64 total;

static gboolean injected_failure(void)
{
    __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (g_atomic_int_get(&countdown) < 0)
        return FALSE;
    return g_atomic_int_add(&countdown, -1) == 0;
}

void *fovea_try_alloc(gsize n, gsize size, GError **error)
{
    gsize bytes;
    void *memory = NULL;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > G_MAXSSIZE - 64) {
        fovea_fail(error, FOVEA_ERROR_NO_MEMORY,
                   "%" G_GSIZE_FORMAT " elements of %" G_GSIZE_FORMAT " bytes are too many", n,
                   size);
        return NULL;
    }
    bytes = MAX((bytes + 63) & ~(gsize)63, 64);
    if (!injected_failure())
        memory = aligned_alloc(64, bytes);
    if (memory == NULL) {
        fovea_fail(error, FOVEA_ERROR_NO_MEMORY,
                   "Not enough memory: %" G_GSIZE_FORMAT " bytes could not be had", bytes);
        return NULL;
    }
    /* Fresh large mappings are zero already, but aligned_alloc does not tell. */
    memset(memory, 0, bytes);
    return memory;
}

void fovea_free(void *memory)
{
    free(memory);
}

guint fovea_alloc_fail_after(gint after)
{
    guint seen = __atomic_exchange_n(&calls, 0, __ATOMIC_RELAXED);
    g_atomic_int_set(&countdown, after);
    return seen;
}

guint64 fovea_alloc_count(void)
{
    return __atomic_load_n(&total, __ATOMIC_RELAXED);
}
