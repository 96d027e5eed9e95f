/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * publish-sockets.c: foveapublish to sockets: peers that come late, go, or never read.
 */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>

#include "bus.h"
#include "publish-run.h"

static GSocket *listen_on(const char *path)
{
    GError *error = NULL;
    GSocketAddress *address = path ? g_unix_socket_address_new(path)
                                   : g_inet_socket_address_new_from_string("127.0.0.1", 0);
    GSocket *socket = g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM,
                                   G_SOCKET_PROTOCOL_DEFAULT, &error);
    g_assert_no_error(error);
    g_socket_set_timeout(socket, 60);
    g_assert_true(g_socket_bind(socket, address, TRUE, &error));
    g_assert_true(g_socket_listen(socket, &error));
    g_object_unref(address);
    return socket;
}

static char *tcp_location(GSocket *socket)
{
    GSocketAddress *address = g_socket_get_local_address(socket, NULL);
    guint port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
    g_object_unref(address);
    return g_strdup_printf("tcp:127.0.0.1:%u", port);
}

static GSocket *accept_one(GSocket *socket)
{
    GError *error = NULL;
    GSocket *peer = g_socket_accept(socket, NULL, &error);
    g_assert_no_error(error);
    g_socket_set_timeout(peer, 60);
    return peer;
}

/* Reads until so many lines are there. */
static char **receive_lines(GSocket *peer, guint n)
{
    GString *text = g_string_new(NULL);
    guint found = 0;
    while (found < n) {
        char byte[1];
        g_assert_cmpint(g_socket_receive(peer, byte, 1, NULL, NULL), ==, 1);
        g_string_append_c(text, byte[0]);
        found += byte[0] == '\n';
    }
    g_string_truncate(text, text->len - 1);
    char **lines = g_strsplit(text->str, "\n", -1);
    g_string_free(text, TRUE);
    return lines;
}

static void check_frame(const char *line, gint64 expected)
{
    JsonObject *object = parse(line);
    g_assert_cmpint(json_object_get_int_member(object, "frame"), ==, expected);
    json_object_unref(object);
}

static void test_sockets(void)
{
    char *path = in_dir("socket");
    for (guint tcp = 0; tcp < 2; tcp++) {
        GSocket *server = listen_on(tcp ? NULL : path);
        char *location = tcp ? tcp_location(server) : g_strconcat("unix:", path, NULL);
        GstHarness *h = publish(location, "a");
        GSocket *peer = accept_one(server);
        push_frames(h, 50);
        gst_harness_push_event(h, gst_event_new_eos()); /* all is out before EOS is */
        char **lines = receive_lines(peer, 50);
        for (guint i = 0; i < 50; i++)
            check_frame(lines[i], i);
        g_assert_cmpuint(publish_stat(h, "written"), ==, 50);
        g_assert_cmpuint(publish_stat(h, "dropped"), ==, 0);
        g_strfreev(lines);
        gst_harness_teardown(h);
        g_object_unref(peer);
        g_object_unref(server);
        g_free(location);
    }
    g_free(path);
}

/* Nobody listens, then somebody does, then they go, then another comes. */
static void test_reconnect(void)
{
    char *path = in_dir("late");
    char *location = g_strconcat("unix:", path, NULL);
    GstHarness *h = publish(location, "a");
    push_frames(h, 3); /* or wait for ever */
    GSocket *server = listen_on(path);
    GSocket *peer = accept_one(server);
    char **lines = receive_lines(peer, 3);
    check_frame(lines[0], 0);
    g_strfreev(lines);

    g_socket_close(peer, NULL);
    g_object_unref(peer);
    g_usleep(50000);
    push_frames(h, 2);
    peer = accept_one(server);
    lines = receive_lines(peer, 2);
    check_frame(lines[0], 3);
    check_frame(lines[1], 4);
    g_strfreev(lines);
    g_assert_cmpuint(publish_stat(h, "connects"), ==, 2);
    gst_harness_teardown(h);
    g_object_unref(peer);
    g_object_unref(server);
    g_free(location);
    g_free(path);
}

/* A peer that never reads, and one that does not exist: the stream is not held up, the oldest
 * lines go, the count is exact. */
static void check_no_reader(gboolean exists)
{
    char *path = in_dir(exists ? "deaf" : "nobody");
    char *location = g_strconcat("unix:", path, NULL);
    GSocket *server = exists ? listen_on(path) : NULL;
    GstHarness *h = publish(location, "a");
    GSocket *peer = exists ? accept_one(server) : NULL;
    push_frames(h, 10000);
    gst_harness_push_event(h, gst_event_new_eos());
    guint64 dropped = publish_stat(h, "dropped"), queued = publish_stat(h, "queued");
    g_assert_cmpuint(dropped, >, 5000);
    g_assert_cmpuint(queued, <=, 1001);
    g_assert_cmpuint(dropped + queued + publish_stat(h, "written"), ==, 10000);
    gst_harness_teardown(h);
    g_clear_object(&peer);
    g_clear_object(&server);
    g_free(location);
    g_free(path);
}

static void test_no_reader(void)
{
    check_no_reader(TRUE);
    check_no_reader(FALSE);
}

/* Several elements, one socket: one connection, whole lines, each with its stream's name. */
static void test_shared_socket(void)
{
    GSocket *server = listen_on(NULL);
    char *location = tcp_location(server);
    GstHarness *h[3];
    static const char *names[] = {"a", "b", "c"};
    for (guint k = 0; k < 3; k++)
        h[k] = publish(location, names[k]);
    GSocket *peer = accept_one(server);
    for (guint i = 0; i < 100; i++)
        for (guint k = 0; k < 3; k++)
            gst_harness_push(h[k], frame(i));
    char **lines = receive_lines(peer, 300);
    gint64 next[3] = {0};
    for (guint i = 0; i < 300; i++) {
        JsonObject *object = parse(lines[i]);
        guint which = (guint)(json_object_get_string_member(object, "stream")[0] - 'a');
        g_assert_cmpuint(which, <, 3);
        g_assert_cmpint(json_object_get_int_member(object, "frame"), ==, next[which]++);
        json_object_unref(object);
    }
    g_strfreev(lines);
    for (guint k = 0; k < 3; k++)
        gst_harness_teardown(h[k]);
    g_object_unref(peer);
    g_object_unref(server);
    g_free(location);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    publish_begin();
    g_test_add_func("/publish/sockets", test_sockets);
    g_test_add_func("/publish/reconnect", test_reconnect);
    g_test_add_func("/publish/no-reader", test_no_reader);
    g_test_add_func("/publish/shared-socket", test_shared_socket);
    int result = g_test_run();
    publish_end();
    return result;
}
