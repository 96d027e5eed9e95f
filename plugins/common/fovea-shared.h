/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea-shared.h: what several elements of a process share: a loaded model, kept under a key for
 * as long as one of them holds it.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct FoveaShared FoveaShared;
typedef gpointer (*FoveaSharedMake)(gpointer data, GCancellable *cancellable, GError **error);

/* The object under `key`, made by `make` where there is none. Who comes while it is being made
 * waits for it; when its maker is cancelled the next one makes it. NULL with an error. */
FoveaShared *fovea_shared_acquire(const char *key, FoveaSharedMake make, gpointer data,
                                  GDestroyNotify destroy, GCancellable *cancellable,
                                  GError **error);
gpointer fovea_shared_object(FoveaShared *shared);
/* The last one destroys the object. */
void fovea_shared_release(FoveaShared *shared);

/* A key of its parts. */
char *fovea_shared_key(const char *first, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
