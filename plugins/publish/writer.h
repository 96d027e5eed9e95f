/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * publish/writer.h: one thread and one bounded queue per location, shared by all elements of this
 * process that publish there, so that each line goes out whole.
 *
 * A socket's queue drops its oldest line when it is full, a file's waits (or drops, where the
 * stream is live). Files: an error ends the writer and every client is told. Sockets: connected to
 * in the background, again after an error, with a growing pause; the line in flight is sent again
 * to the new connection.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One element's share of a writer. */
typedef struct PublishClient PublishClient;

typedef struct PublishStats {
    guint64 queued;  /* lines that wait now */
    guint64 written; /* lines that went out */
    guint64 dropped; /* lines that did not */
    gboolean connected;
    guint64 connects; /* times that the socket was connected to (all clients) */
} PublishStats;

typedef enum PublishResult {
    PUBLISH_OK,
    PUBLISH_FLUSHING, /* publish_client_set_flushing */
    PUBLISH_FAILED,   /* the file cannot be written to; see publish_client_error */
} PublishResult;

/* preamble is written first, to a file once and to a socket on each connection; clients of one
 * location must agree in it. queue_lines: the first client's counts.
 * Errors: those of publish_outlet_new; G_IO_ERROR_INVALID_ARGUMENT for another preamble. */
PublishClient *publish_client_open(const char *location, const char *preamble, guint queue_lines,
                                   GError **error);
/* Waits (bounded) until the client's lines are out, then lets it go. */
void publish_client_close(PublishClient *client);

gboolean publish_client_is_socket(const PublishClient *client);

/* Queues text (transfer full): whole lines. drop: a full queue loses its oldest line, as sockets'
 * always do; else it is waited for. */
PublishResult publish_client_push(PublishClient *client, char *text, gboolean drop);
/* TRUE where a push would have to drop or to wait. */
gboolean publish_client_is_full(PublishClient *client);
/* Waits until the client's lines are out; for a socket at most a second, and not where nobody
 * listens. FALSE when the writer has failed. */
gboolean publish_client_flush(PublishClient *client);
/* TRUE makes waiting calls return, until FALSE. */
void publish_client_set_flushing(PublishClient *client, gboolean flushing);
/* What went wrong with the file, once per client; NULL if nothing (transfer full). */
GError *publish_client_take_error(PublishClient *client);
void publish_client_stats(PublishClient *client, PublishStats *stats);

G_END_DECLS
