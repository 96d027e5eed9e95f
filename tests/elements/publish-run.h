/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * publish-run.h: foveapublish under a harness, and reading what it wrote.
 */
#pragma once

#include <gst/check/gstharness.h>
#include <json-glib/json-glib.h>

/* A folder of this test's own, from begin to end. */
void publish_begin(void);
void publish_end(void);
char *in_dir(const char *name); /* (transfer full); NULL: the folder */

GstBuffer *frame(guint n);
void push_frames(GstHarness *h, guint n);
GstHarness *publish(const char *location, const char *stream);
guint64 publish_stat(GstHarness *h, const char *field);

/* The lines of a file that ends with a whole one (transfer full). */
char **read_lines(const char *path);
JsonObject *parse(const char *line); /* (transfer full) */
