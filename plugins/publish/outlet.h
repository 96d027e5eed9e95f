/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * publish/outlet.h: where lines go: a file, standard output, a Unix or a TCP socket.
 *
 * All calls but new and free are made by one thread (the writer's); those that may wait end when
 * the cancellable fires.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct PublishOutlet PublishOutlet;

/* location: a path, "-", "unix:PATH" or "tcp:HOST:PORT". A file is made or emptied here; a socket
 * is not yet connected to. Errors: what GIO says of the file; G_IO_ERROR_INVALID_ARGUMENT. */
PublishOutlet *publish_outlet_new(const char *location, GError **error);
void publish_outlet_free(PublishOutlet *outlet);

/* TRUE for sockets: the peer may be away, comes back, and never has to be waited for. */
gboolean publish_outlet_is_socket(const PublishOutlet *outlet);

/* Connects a socket (does nothing for files); lets an old connection go first. */
gboolean publish_outlet_connect(PublishOutlet *outlet, GCancellable *cancellable, GError **error);
/* FALSE where the peer has closed since. */
gboolean publish_outlet_alive(const PublishOutlet *outlet);

/* Writes all of it. After an error of a socket an unknown part has gone out: connect again. */
gboolean publish_outlet_write(PublishOutlet *outlet, const char *data, gsize size,
                              GCancellable *cancellable, GError **error);

G_END_DECLS
