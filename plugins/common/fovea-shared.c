/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "common/fovea-shared.h"

struct FoveaShared {
    char *key;
    guint users;     /* holders, the maker and who waits for it */
    gboolean making; /* somebody is at it */
    gpointer object;
    GDestroyNotify destroy;
    GError *error; /* of the last try */
};

static GMutex lock;
static GCond changed;
static GHashTable *table; /* key (of the entry) -> FoveaShared */

/* Whoever holds the lock; gives up a use, and returns the entry where it was the last. */
static FoveaShared *leave(FoveaShared *shared)
{
    if (--shared->users > 0)
        return NULL;
    g_hash_table_remove(table, shared->key);
    return shared;
}

static void destroy_entry(FoveaShared *shared)
{
    if (!shared)
        return;
    if (shared->object)
        shared->destroy(shared->object);
    g_clear_error(&shared->error);
    g_free(shared->key);
    g_free(shared);
}

static FoveaShared *enter(const char *key, GDestroyNotify destroy)
{
    if (!table)
        table = g_hash_table_new(g_str_hash, g_str_equal);
    FoveaShared *shared = g_hash_table_lookup(table, key);
    if (!shared) {
        shared = g_new0(FoveaShared, 1);
        shared->key = g_strdup(key);
        shared->destroy = destroy;
        g_hash_table_insert(table, shared->key, shared);
    }
    shared->users++;
    return shared;
}

/* Waits while another one makes the object. A cancellable has no condition: look now and then. */
static void wait_for_maker(FoveaShared *shared, GCancellable *cancellable)
{
    while (shared->making && !g_cancellable_is_cancelled(cancellable))
        g_cond_wait_until(&changed, &lock, g_get_monotonic_time() + 20 * G_TIME_SPAN_MILLISECOND);
}

FoveaShared *fovea_shared_acquire(const char *key, FoveaSharedMake make, gpointer data,
                                  GDestroyNotify destroy, GCancellable *cancellable, GError **error)
{
    GError *failure = NULL;
    gboolean waited = FALSE;
    g_mutex_lock(&lock);
    FoveaShared *shared = enter(key, destroy);
    while (!shared->object && !failure) {
        if (g_cancellable_set_error_if_cancelled(cancellable, &failure))
            break;
        if (shared->making) {
            wait_for_maker(shared, cancellable);
            waited = TRUE;
            continue;
        }
        if (waited && shared->error) { /* what failed for the other fails for us */
            failure = g_error_copy(shared->error);
            break;
        }
        shared->making = TRUE;
        g_mutex_unlock(&lock);
        gpointer object = make(data, cancellable, &failure);
        g_mutex_lock(&lock);
        shared->making = FALSE;
        shared->object = object;
        g_clear_error(&shared->error);
        if (failure && !g_cancellable_is_cancelled(cancellable))
            shared->error = g_error_copy(failure);
        g_cond_broadcast(&changed);
    }
    FoveaShared *gone = failure ? leave(shared) : NULL;
    g_mutex_unlock(&lock);
    destroy_entry(gone);
    if (!failure)
        return shared;
    g_propagate_error(error, failure);
    return NULL;
}

gpointer fovea_shared_object(FoveaShared *shared)
{
    return shared->object;
}

void fovea_shared_release(FoveaShared *shared)
{
    if (!shared)
        return;
    g_mutex_lock(&lock);
    FoveaShared *gone = leave(shared);
    g_mutex_unlock(&lock);
    destroy_entry(gone);
}

char *fovea_shared_key(const char *first, ...)
{
    GString *key = g_string_new(first);
    va_list parts;
    const char *part;
    va_start(parts, first);
    while ((part = va_arg(parts, const char *)))
        g_string_append_printf(key, "%c%s", '\1', part);
    va_end(parts);
    return g_string_free(key, FALSE);
}
