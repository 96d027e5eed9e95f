/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#define CONNECT_SECONDS 5

struct PublishOutlet {
    int fd; /* file or standard output; -1 for sockets */
    gboolean close_fd, is_pipe;
    GSocketConnectable *address; /* NULL for files */
    GSocketConnection *connection;
};

static gboolean open_file(PublishOutlet *outlet, const char *path, GError **error)
{
    struct stat status;
    /* O_APPEND keeps lines whole where another process writes to the same file; O_NONBLOCK so that
     * a named pipe without a reader is an error and not a hang. */
    outlet->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
    if (outlet->fd < 0) {
        int code = errno;
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "“%s” cannot be opened: %s.",
                    path, code == ENXIO ? "nobody reads this pipe" : g_strerror(code));
        return FALSE;
    }
    outlet->close_fd = TRUE;
    outlet->is_pipe = fstat(outlet->fd, &status) != 0 || !S_ISREG(status.st_mode);
    return TRUE;
}

PublishOutlet *publish_outlet_new(const char *location, GError **error)
{
    PublishOutlet *outlet = g_new0(PublishOutlet, 1);
    gboolean ok = TRUE;
    outlet->fd = -1;
    if (strcmp(location, "-") == 0) {
        outlet->fd = STDOUT_FILENO;
        outlet->is_pipe = TRUE;
    } else if (g_str_has_prefix(location, "unix:")) {
        const char *path = location + strlen("unix:");
        GSocketAddress *address = *path ? g_unix_socket_address_new(path) : NULL;
        outlet->address = G_SOCKET_CONNECTABLE(address);
        ok = address != NULL;
    } else if (g_str_has_prefix(location, "tcp:")) {
        outlet->address = g_network_address_parse(location + strlen("tcp:"), 0, NULL);
        ok = outlet->address && g_network_address_get_port(G_NETWORK_ADDRESS(outlet->address));
    } else if (!open_file(outlet, location, error)) {
        publish_outlet_free(outlet);
        return NULL;
    }
    if (!ok) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "“%s” is no location: FILE, -, unix:PATH and tcp:HOST:PORT are.", location);
        publish_outlet_free(outlet);
        return NULL;
    }
    return outlet;
}

void publish_outlet_free(PublishOutlet *outlet)
{
    if (!outlet)
        return;
    if (outlet->close_fd)
        close(outlet->fd);
    g_clear_object(&outlet->connection);
    g_clear_object(&outlet->address);
    g_free(outlet);
}

gboolean publish_outlet_is_socket(const PublishOutlet *outlet)
{
    return outlet->address != NULL;
}

gboolean publish_outlet_connect(PublishOutlet *outlet, GCancellable *cancellable, GError **error)
{
    if (!outlet->address)
        return TRUE;
    g_clear_object(&outlet->connection);
    GSocketClient *client = g_socket_client_new();
    g_socket_client_set_timeout(client, CONNECT_SECONDS);
    g_socket_client_set_enable_proxy(client, FALSE);
    outlet->connection = g_socket_client_connect(client, outlet->address, cancellable, error);
    g_object_unref(client);
    if (!outlet->connection)
        return FALSE;
    GSocket *socket = g_socket_connection_get_socket(outlet->connection);
    g_socket_set_timeout(socket, 0);
    g_socket_set_keepalive(socket, TRUE);
    return TRUE;
}

gboolean publish_outlet_alive(const PublishOutlet *outlet)
{
    if (!outlet->address)
        return TRUE;
    if (!outlet->connection)
        return FALSE;
    /* A peer that only shut its own writing half down still reads: no G_IO_IN here. */
    GSocket *socket = g_socket_connection_get_socket(outlet->connection);
    return !(g_socket_condition_check(socket, G_IO_HUP | G_IO_ERR) & (G_IO_HUP | G_IO_ERR));
}

static gboolean send_all(PublishOutlet *outlet, const char *data, gsize size,
                         GCancellable *cancellable, GError **error)
{
    /* The stream ignores the peer's signals itself (MSG_NOSIGNAL). */
    GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(outlet->connection));
    return g_output_stream_write_all(stream, data, size, NULL, cancellable, error);
}

/* Waits until fd takes at least PIPE_BUF bytes; FALSE when cancelled. */
static gboolean wait_writable(int fd, GCancellable *cancellable)
{
    GPollFD polls[2] = {{.fd = fd, .events = G_IO_OUT}};
    guint n = g_cancellable_make_pollfd(cancellable, &polls[1]) ? 2 : 1;
    while (g_poll(polls, n, -1) < 0 && errno == EINTR)
        ;
    if (n == 2)
        g_cancellable_release_fd(cancellable);
    return !g_cancellable_is_cancelled(cancellable);
}

static gboolean write_all(PublishOutlet *outlet, const char *data, gsize size,
                          GCancellable *cancellable, GError **error)
{
    while (size > 0) {
        /* Standard output is shared with others, so it is not switched to non-blocking: a pipe
         * that polls writable takes this much without blocking. */
        gsize part = outlet->is_pipe ? MIN(size, PIPE_BUF) : size;
        if (outlet->is_pipe && !wait_writable(outlet->fd, cancellable))
            return !g_cancellable_set_error_if_cancelled(cancellable, error);
        gssize written = write(outlet->fd, data, part);
        if (written < 0) {
            int code = errno;
            if (code == EINTR || code == EAGAIN)
                continue;
            g_set_error_literal(error, G_IO_ERROR, g_io_error_from_errno(code), g_strerror(code));
            return FALSE;
        }
        data += written;
        size -= (gsize)written;
    }
    return TRUE;
}

gboolean publish_outlet_write(PublishOutlet *outlet, const char *data, gsize size,
                              GCancellable *cancellable, GError **error)
{
    if (outlet->address)
        return send_all(outlet, data, size, cancellable, error);
    return write_all(outlet, data, size, cancellable, error);
}
