/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "writer.h"

#include <signal.h>
#include <string.h>

#include "outlet.h"

/* Whatever the number of lines, a queue holds no more than this. */
#define QUEUE_BYTES (16u << 20)
#define BACKOFF_FIRST_US (100 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_LAST_US (5 * G_TIME_SPAN_SECOND)
#define SOCKET_FLUSH_US (1 * G_TIME_SPAN_SECOND)
/* How long leaving waits for a reader of a pipe. */
#define CLOSE_FLUSH_US (2 * G_TIME_SPAN_SECOND)

typedef struct Writer {
    char *location, *preamble;
    guint users; /* under the hub's lock */
    guint queue_lines;
    PublishOutlet *outlet; /* the thread's */
    gboolean is_socket;
    GThread *thread;
    GCancellable *cancellable;

    GMutex lock; /* what follows */
    GCond changed;
    GQueue lines; /* of Line */
    gsize bytes;
    gboolean closing, connected, refused;
    guint64 connects;
    GError *error;
} Writer;

struct PublishClient {
    gint references;
    Writer *writer;
    gboolean flushing, told; /* under the writer's lock, as the counts */
    guint64 queued, written, dropped;
};

typedef struct Line {
    PublishClient *client;
    char *text;
    gsize size;
} Line;

/* The hub: writers by location. Also held while one is made or ended, so that a location has at
 * most one. */
G_LOCK_DEFINE_STATIC(hub);
static GHashTable *hub;

static void client_unref(PublishClient *client)
{
    if (g_atomic_int_dec_and_test(&client->references))
        g_free(client);
}

static void line_free(Line *line)
{
    client_unref(line->client);
    g_free(line->text);
    g_free(line);
}

/* ---- the thread ---- */

/* Takes the first line out of the count; lock held. */
static Line *pop_line(Writer *writer)
{
    Line *line = g_queue_pop_head(&writer->lines);
    writer->bytes -= line->size;
    return line;
}

static void pause_for(Writer *writer, gint64 microseconds)
{
    gint64 until = g_get_monotonic_time() + microseconds;
    g_mutex_lock(&writer->lock);
    while (!writer->closing && g_get_monotonic_time() < until)
        g_cond_wait_until(&writer->changed, &writer->lock, until);
    g_mutex_unlock(&writer->lock);
}

static void set_connected(Writer *writer, gboolean connected, gboolean refused)
{
    g_mutex_lock(&writer->lock);
    writer->connected = connected;
    writer->refused = refused;
    writer->connects += connected;
    g_cond_broadcast(&writer->changed);
    g_mutex_unlock(&writer->lock);
}

/* Connects a socket, trying until it works or the writer closes. */
static gboolean connect_outlet(Writer *writer)
{
    gint64 pause = BACKOFF_FIRST_US;
    while (!g_cancellable_is_cancelled(writer->cancellable)) {
        if (publish_outlet_connect(writer->outlet, writer->cancellable, NULL) &&
            publish_outlet_write(writer->outlet, writer->preamble, strlen(writer->preamble),
                                 writer->cancellable, NULL)) {
            set_connected(writer, TRUE, FALSE);
            return TRUE;
        }
        set_connected(writer, FALSE, TRUE);
        pause_for(writer, pause);
        pause = MIN(pause * 2, BACKOFF_LAST_US);
    }
    return FALSE;
}

/* Waits for a line; FALSE when the writer closes. The line stays counted as queued. */
static Line *wait_line(Writer *writer)
{
    g_mutex_lock(&writer->lock);
    while (!writer->closing && writer->lines.length == 0)
        g_cond_wait(&writer->changed, &writer->lock);
    Line *line = writer->closing ? NULL : pop_line(writer);
    g_mutex_unlock(&writer->lock);
    return line;
}

/* written: it went out. Else it goes back to the head of the queue. */
static void finish_line(Writer *writer, Line *line, gboolean written)
{
    g_mutex_lock(&writer->lock);
    if (written) {
        line->client->queued--;
        line->client->written++;
        line_free(line);
    } else {
        g_queue_push_head(&writer->lines, line);
        writer->bytes += line->size;
    }
    g_cond_broadcast(&writer->changed);
    g_mutex_unlock(&writer->lock);
}

static void fail(Writer *writer, GError *error)
{
    g_mutex_lock(&writer->lock);
    if (!writer->error && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        writer->error = g_steal_pointer(&error);
    g_cond_broadcast(&writer->changed);
    g_mutex_unlock(&writer->lock);
    g_clear_error(&error);
}

static gpointer writer_thread(gpointer data)
{
    Writer *writer = data;
    GError *error = NULL;
    Line *line;
    sigset_t pipe_signal;
    /* A pipe whose reader has gone is an error here, not the end of the program. */
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);

    if (writer->is_socket) {
        if (!connect_outlet(writer))
            return NULL;
    } else if (!publish_outlet_write(writer->outlet, writer->preamble, strlen(writer->preamble),
                                     writer->cancellable, &error)) {
        fail(writer, error);
        return NULL;
    }
    while ((line = wait_line(writer))) {
        gboolean ok = publish_outlet_alive(writer->outlet) &&
                      publish_outlet_write(writer->outlet, line->text, line->size,
                                           writer->cancellable, &error);
        finish_line(writer, line, ok);
        if (ok)
            continue;
        if (!writer->is_socket) {
            fail(writer, error);
            return NULL;
        }
        g_clear_error(&error);
        set_connected(writer, FALSE, FALSE);
        if (!connect_outlet(writer))
            return NULL;
    }
    return NULL;
}

/* ---- making and ending ---- */

static void writer_free(Writer *writer)
{
    if (writer->thread) {
        g_mutex_lock(&writer->lock);
        writer->closing = TRUE;
        g_cond_broadcast(&writer->changed);
        g_mutex_unlock(&writer->lock);
        g_cancellable_cancel(writer->cancellable);
        g_thread_join(writer->thread);
    }
    g_queue_clear_full(&writer->lines, (GDestroyNotify)line_free);
    publish_outlet_free(writer->outlet);
    g_clear_error(&writer->error);
    g_object_unref(writer->cancellable);
    g_mutex_clear(&writer->lock);
    g_cond_clear(&writer->changed);
    g_free(writer->location);
    g_free(writer->preamble);
    g_free(writer);
}

static Writer *writer_new(const char *location, const char *preamble, guint queue_lines,
                          GError **error)
{
    PublishOutlet *outlet = publish_outlet_new(location, error);
    if (!outlet)
        return NULL;
    Writer *writer = g_new0(Writer, 1);
    writer->location = g_strdup(location);
    writer->preamble = g_strdup(preamble);
    writer->queue_lines = MAX(queue_lines, 1);
    writer->outlet = outlet;
    writer->is_socket = publish_outlet_is_socket(outlet);
    writer->cancellable = g_cancellable_new();
    g_mutex_init(&writer->lock);
    g_cond_init(&writer->changed);
    g_queue_init(&writer->lines);
    writer->thread = g_thread_try_new("fovea-publish", writer_thread, writer, error);
    if (!writer->thread)
        g_clear_pointer(&writer, writer_free);
    return writer;
}

/* One name per file, however its path is written. */
static char *canonical(const char *location)
{
    if (strcmp(location, "-") == 0 || g_str_has_prefix(location, "unix:") ||
        g_str_has_prefix(location, "tcp:"))
        return g_strdup(location);
    return g_canonicalize_filename(location, NULL);
}

PublishClient *publish_client_open(const char *location, const char *preamble, guint queue_lines,
                                   GError **error)
{
    PublishClient *client = NULL;
    char *name = canonical(location);
    G_LOCK(hub);
    if (!hub)
        hub = g_hash_table_new(g_str_hash, g_str_equal);
    Writer *writer = g_hash_table_lookup(hub, name);
    if (writer && strcmp(writer->preamble, preamble) != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "“%s” is already published to in another format.", location);
        goto out;
    }
    if (!writer) {
        writer = writer_new(name, preamble, queue_lines, error);
        if (!writer)
            goto out;
        g_hash_table_insert(hub, writer->location, writer);
    }
    writer->users++;
    client = g_new0(PublishClient, 1);
    client->references = 1;
    client->writer = writer;
out:
    G_UNLOCK(hub);
    g_free(name);
    return client;
}

/* Waits until the client's lines are out or `until`; lock held. */
static void wait_written(PublishClient *client, gint64 until)
{
    Writer *writer = client->writer;
    while (client->queued > 0 && !writer->error && !client->flushing &&
           !(writer->is_socket && !writer->connected && writer->refused)) {
        if (until < 0)
            g_cond_wait(&writer->changed, &writer->lock);
        else if (!g_cond_wait_until(&writer->changed, &writer->lock, until))
            return;
    }
}

/* Drops the client's lines that still wait; lock held. */
static void forget_lines(PublishClient *client)
{
    Writer *writer = client->writer;
    for (GList *at = writer->lines.head, *next; at; at = next) {
        Line *line = at->data;
        next = at->next;
        if (line->client != client)
            continue;
        writer->bytes -= line->size;
        g_queue_delete_link(&writer->lines, at);
        line_free(line);
    }
}

void publish_client_close(PublishClient *client)
{
    Writer *writer = client->writer;
    gint64 span = writer->is_socket ? SOCKET_FLUSH_US / 4 : CLOSE_FLUSH_US;
    g_mutex_lock(&writer->lock);
    client->flushing = FALSE;
    wait_written(client, g_get_monotonic_time() + span);
    forget_lines(client);
    g_mutex_unlock(&writer->lock);

    G_LOCK(hub);
    if (--writer->users == 0) {
        g_hash_table_remove(hub, writer->location);
        writer_free(writer);
    }
    G_UNLOCK(hub);
    client_unref(client);
}

gboolean publish_client_is_socket(const PublishClient *client)
{
    return client->writer->is_socket;
}

/* ---- lines ---- */

static gboolean is_full(const Writer *writer, gsize size)
{
    return writer->lines.length >= writer->queue_lines ||
           (writer->lines.length > 0 && writer->bytes + size > QUEUE_BYTES);
}

static void drop_oldest(Writer *writer)
{
    Line *line = pop_line(writer);
    line->client->queued--;
    line->client->dropped++;
    line_free(line);
}

gboolean publish_client_is_full(PublishClient *client)
{
    g_mutex_lock(&client->writer->lock);
    gboolean full = is_full(client->writer, 0);
    g_mutex_unlock(&client->writer->lock);
    return full;
}

PublishResult publish_client_push(PublishClient *client, char *text, gboolean drop)
{
    Writer *writer = client->writer;
    PublishResult result = PUBLISH_OK;
    gsize size = strlen(text);
    g_mutex_lock(&writer->lock);
    while (!writer->error && is_full(writer, size) && result == PUBLISH_OK) {
        if (writer->is_socket || drop)
            drop_oldest(writer);
        else if (client->flushing)
            result = PUBLISH_FLUSHING;
        else
            g_cond_wait(&writer->changed, &writer->lock);
    }
    if (writer->error)
        result = PUBLISH_FAILED;
    if (result == PUBLISH_OK) {
        Line *line = g_new(Line, 1);
        *line = (Line){.client = client, .text = g_steal_pointer(&text), .size = size};
        g_atomic_int_inc(&client->references);
        g_queue_push_tail(&writer->lines, line);
        writer->bytes += size;
        client->queued++;
        g_cond_broadcast(&writer->changed);
    } else if (result == PUBLISH_FAILED) {
        client->dropped++;
    }
    g_mutex_unlock(&writer->lock);
    g_free(text);
    return result;
}

gboolean publish_client_flush(PublishClient *client)
{
    Writer *writer = client->writer;
    g_mutex_lock(&writer->lock);
    wait_written(client, writer->is_socket ? g_get_monotonic_time() + SOCKET_FLUSH_US : -1);
    gboolean ok = writer->error == NULL;
    g_mutex_unlock(&writer->lock);
    return ok;
}

void publish_client_set_flushing(PublishClient *client, gboolean flushing)
{
    g_mutex_lock(&client->writer->lock);
    client->flushing = flushing;
    g_cond_broadcast(&client->writer->changed);
    g_mutex_unlock(&client->writer->lock);
}

GError *publish_client_take_error(PublishClient *client)
{
    g_mutex_lock(&client->writer->lock);
    GError *error = client->writer->error && !client->told ? g_error_copy(client->writer->error)
                                                           : NULL;
    client->told |= error != NULL;
    g_mutex_unlock(&client->writer->lock);
    return error;
}

void publish_client_stats(PublishClient *client, PublishStats *stats)
{
    Writer *writer = client->writer;
    g_mutex_lock(&writer->lock);
    *stats = (PublishStats){.queued = client->queued,
                            .written = client->written,
                            .dropped = client->dropped,
                            .connected = writer->connected || !writer->is_socket,
                            .connects = writer->connects};
    g_mutex_unlock(&writer->lock);
}
