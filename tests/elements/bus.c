/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bus.h"
#include "plugin.h"

void register_plugin(void)
{
    g_assert_true(gst_plugin_register_static(GST_VERSION_MAJOR, GST_VERSION_MINOR, "fovea-static",
                                             "", fovea_plugin_init, "0", "LGPL", "fovea", "fovea",
                                             "fovea"));
}

GstElement *parse_pipeline(const char *launch)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(launch, &error);
    if (error)
        g_error("%s: %s", launch, error->message);
    return pipeline;
}

GstElement *named(GstElement *pipeline, const char *name)
{
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
    g_assert_nonnull(element);
    return element;
}

GError *wait_for_end(GstElement *pipeline, guint seconds, char **source)
{
    GError *error = NULL;
    char *debug = NULL;
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, seconds * GST_SECOND,
                                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, &debug);
        g_test_message("%s (%s)", error->message, debug);
        if (source)
            *source = g_strdup(GST_OBJECT_NAME(GST_MESSAGE_SRC(message)));
    }
    g_free(debug);
    gst_message_unref(message);
    gst_object_unref(bus);
    return error;
}

GError *play(GstElement *pipeline)
{
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GError *error = wait_for_end(pipeline, 300, NULL);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return error;
}

GError *play_launch(const char *launch)
{
    return play(parse_pipeline(launch));
}

char *first_error(const char *launch, const char *source)
{
    char *from = NULL;
    GstElement *pipeline = parse_pipeline(launch);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GError *error = wait_for_end(pipeline, GUARD / GST_SECOND, &from);
    g_assert_nonnull(error);
    g_assert_true(g_str_has_prefix(from, source));
    char *text = g_strdup(error->message);
    g_error_free(error);
    g_free(from);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return text;
}

void expect_error(const char *launch, const char *source, const char *words)
{
    char *text = first_error(launch, source);
    if (!strstr(text, words))
        g_error("\"%s\" does not say \"%s\"", text, words);
    g_free(text);
}

char *shared_path(const char *name)
{
    const char *root = g_getenv("FOVEA_SHARED");
    return root ? g_build_filename(root, name, NULL)
                : g_build_filename(FOVEA_SOURCE_ROOT, "..", "shared", name, NULL);
}

gboolean no_shared(void)
{
    char *root = shared_path(".");
    gboolean missing = !g_file_test(root, G_FILE_TEST_IS_DIR);
    g_free(root);
    if (missing)
        g_test_skip("there is no shared folder (FOVEA_SHARED)");
    return missing;
}
