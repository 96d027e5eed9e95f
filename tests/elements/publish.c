/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * foveapublish: what is written, where, and what happens when nobody reads it.
 */
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "bus.h"
#include "common/fovea-meta.h"
#include "publish-run.h"

/* ---- what a line says ---- */

static void test_line(void)
{
    char *path = in_dir("line.jsonl");
    GstHarness *h = publish(path, "Küche \\\"1\\\"");
    GstBuffer *buffer = frame(3);
    fovea_buffer_add_result(buffer, "detect", 0, 320, 240, GST_CLOCK_TIME_NONE);
    FoveaDetection inside = {4, "tr\"a\\ffic\n\x01 light", 0.8125f, 10.5f, 20.25f, 100, 200};
    FoveaDetection beyond = {5, "b", 0.5f, -20, 100, 400, 1000};
    FoveaDetection nowhere = {6, "c", 0.5f, NAN, 0, 1, 1};
    fovea_buffer_add_detection(buffer, &inside);
    fovea_buffer_add_detection(buffer, &beyond);
    fovea_buffer_add_detection(buffer, &nowhere);
    GstBuffer *out = gst_harness_push_and_pull(h, gst_buffer_ref(buffer));
    g_assert_true(out == buffer); /* passed on untouched */
    gst_buffer_unref(out);
    gst_buffer_unref(buffer);
    buffer = frame(4);
    fovea_buffer_add_result(buffer, "detect", 1, 320, 240, GST_CLOCK_TIME_NONE);
    gst_harness_push(h, buffer);
    gst_harness_push(h, frame(5));
    gst_harness_push_event(h, gst_event_new_eos());

    char **lines = read_lines(path);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    JsonObject *object = parse(lines[0]);
    g_assert_cmpuint(json_object_get_size(object), ==, 7);
    g_assert_cmpstr(json_object_get_string_member(object, "stream"), ==, "Küche \"1\"");
    g_assert_cmpint(json_object_get_int_member(object, "frame"), ==, 0);
    g_assert_cmpint(json_object_get_int_member(object, "pts"), ==, 120 * GST_MSECOND);
    g_assert_cmpint(json_object_get_int_member(object, "width"), ==, 320);
    g_assert_cmpint(json_object_get_int_member(object, "height"), ==, 240);
    g_assert_true(json_object_get_boolean_member(object, "analysed"));
    JsonArray *list = json_object_get_array_member(object, "detections");
    g_assert_cmpuint(json_array_get_length(list), ==, 2);
    JsonObject *d = json_array_get_object_element(list, 0);
    g_assert_cmpstr(json_object_get_string_member(d, "label"), ==, inside.label);
    g_assert_cmpint(json_object_get_int_member(d, "label_id"), ==, 4);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(d, "score"), 0.8125, 1e-4);
    JsonArray *box = json_object_get_array_member(d, "box");
    static const double expected[] = {10.5, 20.25, 100, 200}, clipped[] = {0, 100, 320, 240};
    for (guint i = 0; i < 4; i++)
        g_assert_cmpfloat(json_array_get_double_element(box, i), ==, expected[i]);
    box = json_object_get_array_member(json_array_get_object_element(list, 1), "box");
    for (guint i = 0; i < 4; i++)
        g_assert_cmpfloat(json_array_get_double_element(box, i), ==, clipped[i]);
    json_object_unref(object);

    /* Looked at, nothing there; and not looked at. */
    object = parse(lines[1]);
    g_assert_true(json_object_get_boolean_member(object, "analysed"));
    g_assert_cmpint(json_object_get_int_member(object, "frame"), ==, 1);
    json_object_unref(object);
    object = parse(lines[2]);
    g_assert_false(json_object_get_boolean_member(object, "analysed"));
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "detections")), ==,
                     0);
    json_object_unref(object);
    g_strfreev(lines);
    gst_harness_teardown(h);
    g_free(path);
}

/* A comma as decimal mark would break every reader. */
static void test_locale(void)
{
    char *target = in_dir("de_DE.UTF-8"), *folder = in_dir(NULL);
    const char *command[] = {"localedef", "-i", "de_DE", "-f", "UTF-8", target, NULL};
    gboolean have = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    /* Few systems have the locale made, but Debian's `locales` can make it. */
    if (!have &&
        g_spawn_sync(NULL, (char **)command, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL)) {
        g_setenv("LOCPATH", folder, TRUE);
        have = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    }
    if (have) {
        g_assert_cmpstr(localeconv()->decimal_point, ==, ",");
        test_line();
        setlocale(LC_NUMERIC, "C");
    } else {
        g_test_skip("no locale with a decimal comma is to be had");
    }
    g_free(target);
    g_free(folder);
}

/* ---- text streams ---- */

static char *publish_texts(const char *name, gboolean durations)
{
    char *path = in_dir(name), *text = NULL;
    char *line = g_strdup_printf("foveapublish location=\"%s\"", path);
    GstHarness *h = gst_harness_new_parse(line);
    static const char *texts[] = {"one & <two>", "  \n", "three\n\nfour", "bad \xff byte"};
    gst_harness_set_src_caps_str(h, "text/x-raw, format=utf8");
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        GstBuffer *buffer = gst_buffer_new_memdup(texts[i], strlen(texts[i]) + (i == 2));
        GST_BUFFER_PTS(buffer) = (i * 3600 + 1) * GST_SECOND + 5 * GST_MSECOND;
        if (durations)
            GST_BUFFER_DURATION(buffer) = 1500 * GST_MSECOND;
        gst_harness_push(h, buffer);
    }
    gst_harness_push_event(h, gst_event_new_eos());
    g_assert_cmpuint(gst_harness_buffers_received(h), ==, 4);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    gst_harness_teardown(h);
    g_free(line);
    g_free(path);
    return text;
}

static void test_text(void)
{
    char *text = publish_texts("t.srt", TRUE);
    g_assert_cmpstr(text, ==,
                    "1\n00:00:01,005 --> 00:00:02,505\none & <two>\n\n"
                    "2\n02:00:01,005 --> 02:00:02,505\nthree\nfour\n\n"
                    "3\n03:00:01,005 --> 03:00:02,505\nbad \xef\xbf\xbd byte\n\n");
    g_free(text);
    text = publish_texts("t.vtt", FALSE); /* an unknown duration: two seconds */
    g_assert_cmpstr(text, ==,
                    "WEBVTT\n\n"
                    "00:00:01.005 --> 00:00:03.005\none &amp; &lt;two&gt;\n\n"
                    "02:00:01.005 --> 02:00:03.005\nthree\nfour\n\n"
                    "03:00:01.005 --> 03:00:03.005\nbad \xef\xbf\xbd byte\n\n");
    g_free(text);
    text = publish_texts("t.jsonl", TRUE);
    char **lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 5); /* four and what follows the last newline */
    JsonObject *object = parse(lines[2]);
    g_assert_cmpuint(json_object_get_size(object), ==, 5);
    g_assert_cmpstr(json_object_get_string_member(object, "text"), ==, "three\n\nfour");
    g_assert_cmpint(json_object_get_int_member(object, "pts"), ==,
                    7201 * GST_SECOND + 5 * GST_MSECOND);
    g_assert_cmpint(json_object_get_int_member(object, "duration"), ==, 1500 * GST_MSECOND);
    g_assert_true(json_object_get_boolean_member(object, "final"));
    g_assert_true(json_object_has_member(object, "stream"));
    json_object_unref(object);
    g_strfreev(lines);
    g_free(text);
}

/* What may still change is marked in lines, and left out of subtitles. */
static void test_partial(void)
{
    static const char *const names[] = {"p.jsonl", "p.srt"};
    for (guint k = 0; k < 2; k++) {
        char *path = in_dir(names[k]), *text = NULL;
        char *line = g_strdup_printf("foveapublish location=\"%s\"", path);
        GstHarness *h = gst_harness_new_parse(line);
        gst_harness_set_src_caps_str(h, "text/x-raw, format=utf8");
        for (guint i = 0; i < 2; i++) {
            GstBuffer *buffer = gst_buffer_new_memdup(i ? "we are" : "we a", i ? 6 : 4);
            GST_BUFFER_PTS(buffer) = GST_SECOND;
            GST_BUFFER_DURATION(buffer) = GST_SECOND;
            if (i == 0)
                fovea_buffer_mark_partial(buffer);
            gst_harness_push(h, buffer);
        }
        gst_harness_push_event(h, gst_event_new_eos());
        g_assert_cmpuint(gst_harness_buffers_received(h), ==, 2);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        if (k == 0) {
            char **lines = g_strsplit(text, "\n", -1);
            for (guint i = 0; i < 2; i++) {
                JsonObject *object = parse(lines[i]);
                g_assert_cmpint(json_object_get_boolean_member(object, "final"), ==, i == 1);
                json_object_unref(object);
            }
            g_strfreev(lines);
        } else {
            g_assert_cmpstr(text, ==, "1\n00:00:01,000 --> 00:00:02,000\nwe are\n\n");
        }
        gst_harness_teardown(h);
        g_free(text);
        g_free(line);
        g_free(path);
    }
}

/* ---- errors ---- */

static void test_errors(void)
{
    GError *error =
        play_launch("videotestsrc num-buffers=100 ! foveapublish location=/dev/full ! fakesink");
    g_assert_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
    g_assert_nonnull(strstr(error->message, "/dev/full"));
    g_clear_error(&error);
    /* So few lines that the writer may only fail at the end. */
    error = play_launch("videotestsrc num-buffers=1 ! foveapublish location=/dev/full ! fakesink");
    g_assert_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
    g_clear_error(&error);
    error = play_launch(
        "videotestsrc num-buffers=1 ! foveapublish location=/nowhere/x.jsonl ! fakesink");
    g_assert_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE);
    g_clear_error(&error);
    error =
        play_launch("videotestsrc num-buffers=1 ! foveapublish location=tcp:nowhere ! fakesink");
    g_assert_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE);
    g_clear_error(&error);
    char *path = in_dir("video.srt");
    char *line = g_strdup_printf("videotestsrc num-buffers=1 ! foveapublish location=%s ! fakesink",
                                 path);
    error = play_launch(line);
    g_assert_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
    g_assert_nonnull(strstr(error->message, "jsonl"));
    g_clear_error(&error);
    g_free(line);
    g_free(path);
}

/* A disk that fills up: what was written before stays, whole lines first. The file size limit of
 * the process stands for the disk. */
static void test_full_disk_keeps(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 30 * G_USEC_PER_SEC, 0);
        g_test_trap_assert_passed();
        return;
    }
    char *path = g_build_filename(g_get_tmp_dir(), "fovea-publish-full.jsonl", NULL);
    char *line = g_strdup_printf(
        "videotestsrc num-buffers=2000 ! foveapublish location=%s ! fakesink", path);
    struct rlimit limit = {20000, 20000};
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    GError *error = play_launch(line);
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, path));
    g_clear_error(&error);
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpuint(strlen(text), >, 19000);
    char **lines = g_strsplit(text, "\n", -1);
    guint n = g_strv_length(lines);
    g_assert_cmpuint(n, >, 100);
    for (guint i = 0; i + 1 < n; i++) {
        JsonObject *object = parse(lines[i]);
        g_assert_cmpint(json_object_get_int_member(object, "frame"), ==, i);
        json_object_unref(object);
    }
    g_strfreev(lines);
    g_free(text);
    g_unlink(path);
    g_free(line);
    g_free(path);
}

/* ---- slow readers of files ---- */

/* A pipe that is read late: the stream waits, no line is lost, and stopping is prompt. */
static gpointer slow_reader(gpointer data)
{
    GString *text = g_string_new(NULL);
    char buffer[4096];
    gssize n;
    g_usleep(300000);
    while ((n = read(GPOINTER_TO_INT(data), buffer, sizeof buffer)) > 0)
        g_string_append_len(text, buffer, n);
    return g_string_free(text, FALSE);
}

static void test_back_pressure(void)
{
    int fd[2];
    g_assert_cmpint(pipe(fd), ==, 0);
    GThread *thread = g_thread_new("reader", slow_reader, GINT_TO_POINTER(fd[0]));
    char *line = g_strdup_printf("videotestsrc num-buffers=3000 ! video/x-raw,width=16,height=16 ! "
                                 "foveapublish queue-size=10 location=/dev/fd/%d ! fakesink",
                                 fd[1]);
    GError *error = play_launch(line);
    g_assert_no_error(error);
    close(fd[1]);
    char *text = g_thread_join(thread);
    char **lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3001);
    JsonObject *object = parse(lines[2999]);
    g_assert_cmpint(json_object_get_int_member(object, "frame"), ==, 2999);
    json_object_unref(object);
    g_strfreev(lines);
    g_free(text);
    g_free(line);
    close(fd[0]);
}

static void check_stuck_pipe(gboolean live)
{
    int fd[2];
    g_assert_cmpint(pipe(fd), ==, 0);
    char *line = g_strdup_printf(
        "videotestsrc is-live=%s ! video/x-raw,width=16,height=16,framerate=1000/1 ! "
        "foveapublish name=p queue-size=10 location=/dev/fd/%d ! fakesink name=s sync=false",
        live ? "true" : "false", fd[1]);
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstElement *publisher = gst_bin_get_by_name(GST_BIN(pipeline), "p");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    guint64 dropped = 0;
    for (guint i = 0; i < 3000 && dropped == 0; i++) {
        GstStructure *stats = NULL;
        g_usleep(20000);
        g_object_get(publisher, "stats", &stats, NULL);
        gst_structure_get_uint64(stats, "dropped", &dropped);
        gst_structure_free(stats);
        if (!live && i > 20)
            break;
    }
    /* A live stream goes on and counts what it drops; a file's waits. */
    g_assert_cmpint(dropped > 0, ==, live);
    gst_element_set_state(pipeline, GST_STATE_NULL); /* else nobody would ever return */
    gst_object_unref(publisher);
    gst_object_unref(pipeline);
    close(fd[0]);
    close(fd[1]);
    g_free(line);
}

static void test_stuck_pipe(void)
{
    check_stuck_pipe(FALSE);
    check_stuck_pipe(TRUE);
}

/* Two elements, one file: every line whole, none lost. */
static void test_shared_file(void)
{
    char *path = in_dir("shared.jsonl");
    char *line = g_strdup_printf(
        "videotestsrc num-buffers=500 ! foveapublish location=%s stream=a ! fakesink "
        "videotestsrc num-buffers=500 ! foveapublish location=%s stream=b ! fakesink",
        path, path);
    g_assert_no_error(play_launch(line));
    char **lines = read_lines(path);
    gint64 next[2] = {0, 0};
    for (char **at = lines; *at; at++) {
        JsonObject *object = parse(*at);
        guint which = json_object_get_string_member(object, "stream")[0] == 'b';
        g_assert_cmpint(json_object_get_int_member(object, "frame"), ==, next[which]++);
        json_object_unref(object);
    }
    g_assert_cmpint(next[0], ==, 500);
    g_assert_cmpint(next[1], ==, 500);
    g_strfreev(lines);
    g_free(line);
    g_free(path);
}

static void test_states(void)
{
    char *path = in_dir("states.jsonl");
    char *line = g_strdup_printf("videotestsrc num-buffers=5 ! foveapublish location=%s ! "
                                 "foveapublish location=unix:/nowhere ! fakesink",
                                 path);
    GstElement *pipeline = gst_parse_launch(line, NULL);
    for (gint i = 0; i < 100; i++) {
        gst_element_set_state(pipeline, i % 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
        gst_element_set_state(pipeline, GST_STATE_NULL);
    }
    gst_object_unref(pipeline);
    g_assert_no_error(play_launch(line));
    char **lines = read_lines(path);
    g_assert_cmpuint(g_strv_length(lines), ==, 5);
    g_strfreev(lines);
    g_free(line);
    g_free(path);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    publish_begin();
    g_test_add_func("/publish/line", test_line);
    g_test_add_func("/publish/locale", test_locale);
    g_test_add_func("/publish/text", test_text);
    g_test_add_func("/publish/partial", test_partial);
    g_test_add_func("/publish/errors", test_errors);
    g_test_add_func("/publish/full-disk", test_full_disk_keeps);
    g_test_add_func("/publish/back-pressure", test_back_pressure);
    g_test_add_func("/publish/stuck-pipe", test_stuck_pipe);
    g_test_add_func("/publish/shared-file", test_shared_file);
    g_test_add_func("/publish/states", test_states);
    int result = g_test_run();
    publish_end();
    return result;
}
