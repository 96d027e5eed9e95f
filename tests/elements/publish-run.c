/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <glib/gstdio.h>

#include "publish-run.h"

#define VIDEO_CAPS "video/x-raw, format=GRAY8, width=320, height=240, framerate=25/1"

static char *dir;

char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

GstBuffer *frame(guint n)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 320 * 240, NULL);
    gst_buffer_memset(buffer, 0, 0, 320 * 240);
    GST_BUFFER_PTS(buffer) = n * 40 * GST_MSECOND;
    GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
    return buffer;
}

void push_frames(GstHarness *h, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_assert_cmpint(gst_harness_push(h, frame(i)), ==, GST_FLOW_OK);
        gst_buffer_unref(gst_harness_pull(h));
    }
}

GstHarness *publish(const char *location, const char *stream)
{
    char *line = g_strdup_printf("foveapublish location=\"%s\" stream=\"%s\"", location, stream);
    GstHarness *h = gst_harness_new_parse(line);
    g_free(line);
    gst_harness_set_src_caps_str(h, VIDEO_CAPS);
    return h;
}

char **read_lines(const char *path)
{
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(*text == '\0' || g_str_has_suffix(text, "\n"));
    if (*text)
        text[strlen(text) - 1] = '\0';
    char **lines = *text ? g_strsplit(text, "\n", -1) : g_new0(char *, 1);
    g_free(text);
    return lines;
}

JsonObject *parse(const char *line)
{
    GError *error = NULL;
    JsonNode *node = json_from_string(line, &error);
    g_assert_no_error(error);
    JsonObject *object = json_object_ref(json_node_get_object(node));
    json_node_unref(node);
    return object;
}

guint64 publish_stat(GstHarness *h, const char *field)
{
    GstElement *element = gst_harness_find_element(h, "foveapublish");
    GstStructure *stats = NULL;
    guint64 value = 0;
    g_object_get(element, "stats", &stats, NULL);
    g_assert_true(gst_structure_get_uint64(stats, field, &value));
    gst_structure_free(stats);
    gst_object_unref(element);
    return value;
}

static void remove_tree(const char *path)
{
    GDir *open = g_dir_open(path, 0, NULL);
    const char *name;
    while (open && (name = g_dir_read_name(open))) {
        char *inner = g_build_filename(path, name, NULL);
        remove_tree(inner);
        g_free(inner);
    }
    g_clear_pointer(&open, g_dir_close);
    g_remove(path);
}

void publish_begin(void)
{
    dir = g_dir_make_tmp("fovea-publish-XXXXXX", NULL);
    g_assert_nonnull(dir);
}

void publish_end(void)
{
    remove_tree(dir);
    g_clear_pointer(&dir, g_free);
}
