/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bus.h: pipelines run to their end, and what every file of these tests needs around them.
 */
#pragma once

#include <gst/gst.h>

/* After so long nothing will come any more. Only against a hang: no test measures time. */
#define GUARD (60 * GST_SECOND)

/* The plugin, linked in. */
void register_plugin(void);

/* A pipeline of gst-launch's syntax; a mistake in it fails the test. */
GstElement *parse_pipeline(const char *launch);
/* An element of it by name (transfer full). */
GstElement *named(GstElement *pipeline, const char *name);
/* Waits for EOS or an error; NULL at EOS. Neither within so many seconds fails the test. An error
 * has the name of its element in *source (transfer full), where that is asked for. */
GError *wait_for_end(GstElement *pipeline, guint seconds, char **source);
/* PLAYING, the end, NULL; takes the pipeline. */
GError *play(GstElement *pipeline);
/* parse_pipeline and play. */
GError *play_launch(const char *launch);
/* The sentence of the first error of LAUNCH, which must come from an element whose name begins with
 * `source` (transfer full). */
char *first_error(const char *launch, const char *source);
/* That sentence has these words. */
void expect_error(const char *launch, const char *source, const char *words);

/* ---- ../shared ---- */

/* A path in the shared folder (transfer full). */
char *shared_path(const char *name);
/* Where there is no shared folder at all a test skips itself; a missing file is a failure. */
gboolean no_shared(void);
