/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loading.c: models are loaded in the background, once, cancellably; states go up and down.
 */
#include "dummies.h"

static GstElement *dummy_pipeline(const char *text, Dummy **dummy)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(text, &error);
    g_assert_no_error(error);
    *dummy = (Dummy *)gst_bin_get_by_name(GST_BIN(pipeline), "d");
    g_assert_nonnull(*dummy);
    gst_object_unref(*dummy); /* the pipeline keeps it */
    return pipeline;
}

static const char PIPELINE[] = "videotestsrc num-buffers=5 ! video/x-raw,format=GRAY8,width=64,"
                               "height=16 ! dummynumber name=d ! fakesink name=s";

/* PAUSED is reached when the model is there, not before; start and end are told on the bus. */
static void test_preroll_waits(void)
{
    Dummy *dummy;
    GstElement *pipeline = dummy_pipeline(PIPELINE, &dummy);
    dummy->load_ms = 100;
    dummy->hold_load = 1;
    g_assert_cmpint(gst_element_set_state(pipeline, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_ASYNC);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, 100 * GST_MSECOND), ==,
                    GST_STATE_CHANGE_ASYNC);
    dummy_release(&dummy->hold_load);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                    GST_STATE_CHANGE_SUCCESS);

    GstBus *bus = gst_element_get_bus(pipeline);
    gboolean started = FALSE, complete = FALSE;
    guint steps = 0;
    GstMessage *message;
    while (!complete && (message = gst_bus_timed_pop_filtered(bus, GUARD, GST_MESSAGE_PROGRESS))) {
        GstProgressType type;
        gst_message_parse_progress(message, &type, NULL, NULL);
        started |= type == GST_PROGRESS_TYPE_START;
        steps += type == GST_PROGRESS_TYPE_CONTINUE;
        complete = type == GST_PROGRESS_TYPE_COMPLETE;
        gst_message_unref(message);
    }
    g_assert_true(started && complete);
    g_assert_cmpuint(steps, >, 2);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

/* Going down ends a load at once. */
static void test_cancel(void)
{
    Dummy *dummy;
    GstElement *pipeline = dummy_pipeline(PIPELINE, &dummy);
    gst_object_ref(dummy);
    dummy->hold_load = 1;
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while (!g_atomic_int_get(&dummy->loads))
        g_usleep(100);
    gst_element_set_state(pipeline, GST_STATE_NULL); /* else it would never return */
    g_assert_cmpint(dummy->cancelled_loads, ==, 1);
    g_assert_cmpint(dummy->unloads, ==, 1);
    GstBus *bus = gst_element_get_bus(pipeline);
    g_assert_null(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)); /* the user wanted it */
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    gst_object_unref(dummy);
}

/* The user's sentence is the first error on the bus. */
static void test_load_fails(void)
{
    Dummy *dummy;
    GstElement *pipeline = dummy_pipeline(PIPELINE, &dummy);
    dummy->load_fail = TRUE;
    dummy->load_ms = 20;
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, GUARD, GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    GError *error;
    char *debug;
    gst_message_parse_error(message, &error, &debug);
    g_assert_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "The dummy does not want to load.");
    g_assert_nonnull(debug);
    g_assert_true(GST_MESSAGE_SRC(message) == GST_OBJECT(dummy));
    g_error_free(error);
    g_free(debug);
    gst_message_unref(message);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);

    /* and it can be put right */
    dummy->load_fail = FALSE;
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                    GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

/* Each load is paired with an unload, and frames flow every time. */
static void test_cycles(void)
{
    Dummy *dummy;
    GstElement *pipeline = dummy_pipeline(PIPELINE, &dummy);
    for (guint i = 0; i < 100; i++) {
        GstState to = i % 3 == 0 ? GST_STATE_PLAYING : GST_STATE_PAUSED;
        dummy->load_ms = i % 4 == 0 ? 5 : 0;
        g_assert_cmpint(gst_element_set_state(pipeline, to), !=, GST_STATE_CHANGE_FAILURE);
        if (i % 2 == 0) /* else down again while it is still going up */
            g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                            GST_STATE_CHANGE_SUCCESS);
        gst_element_set_state(pipeline, i % 5 == 0 ? GST_STATE_READY : GST_STATE_NULL);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    g_assert_cmpint(dummy->processed, >=, 50);
    g_assert_cmpint(dummy->loads, ==, dummy->unloads);
    gst_object_unref(pipeline);
}

/* From READY to PAUSED and back the model stays; another model is loaded before PAUSED. */
static void test_reload(void)
{
    Dummy *dummy;
    GstElement *pipeline = dummy_pipeline(PIPELINE, &dummy);
    for (guint i = 0; i < 3; i++) {
        gst_element_set_state(pipeline, GST_STATE_PAUSED);
        gst_element_get_state(pipeline, NULL, NULL, GUARD);
        gst_element_set_state(pipeline, GST_STATE_READY);
    }
    g_assert_cmpint(dummy->loads, ==, 1);
    g_object_set(dummy, "model", "another", NULL);
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    gst_element_get_state(pipeline, NULL, NULL, GUARD);
    g_assert_cmpint(dummy->loads, ==, 2);
    g_assert_cmpint(dummy->unloads, ==, 1);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

/* Seeks of all kinds while frames are in work: the stream goes on from there. */
static void test_seek(void)
{
    Dummy *dummy;
    GstElement *pipeline = dummy_pipeline("videotestsrc ! video/x-raw,format=GRAY8,width=64,"
                                          "height=16,framerate=25/1 ! dummynumber name=d ! "
                                          "fakesink name=s sync=true",
                                          &dummy);
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
    dummy->delay_us = 3000;
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    gst_element_get_state(pipeline, NULL, NULL, GUARD);
    for (guint i = 0; i < 20; i++) {
        GstClockTime to = ((i * 7) % 20) * GST_SECOND;
        if (i == 10)
            gst_element_set_state(pipeline, GST_STATE_PLAYING);
        g_assert_true(gst_element_seek_simple(
            pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, (gint64)to));
        g_assert_cmpint(gst_element_get_state(pipeline, NULL, NULL, GUARD), ==,
                        GST_STATE_CHANGE_SUCCESS);
        if (i >= 10)
            continue;
        GstSample *sample;
        g_object_get(sink, "last-sample", &sample, NULL);
        g_assert_nonnull(sample);
        g_assert_cmpuint(GST_BUFFER_PTS(gst_sample_get_buffer(sample)), ==, to);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    dummies_register();
    g_test_add_func("/loading/preroll-waits", test_preroll_waits);
    g_test_add_func("/loading/cancel", test_cancel);
    g_test_add_func("/loading/fails", test_load_fails);
    g_test_add_func("/loading/cycles", test_cycles);
    g_test_add_func("/loading/reload", test_reload);
    g_test_add_func("/loading/seek", test_seek);
    return g_test_run();
}
