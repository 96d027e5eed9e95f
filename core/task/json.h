/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/json.h: reading configuration files that others wrote: a member of the wrong type counts as
 * absent instead of stopping the program. Internal.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "base/base.h"

/* The file's top object. *parser keeps it alive (unref it). Errors: IO, MODEL (not JSON, no
 * object, larger than 64 MiB). */
JsonObject *fovea_json_load(const char *path, JsonParser **parser, GError **error);

gboolean fovea_json_number(JsonObject *object, const char *name, double *value);
gboolean fovea_json_bool(JsonObject *object, const char *name, gboolean *value);
/* The string, owned by the object, or NULL. */
const char *fovea_json_string(JsonObject *object, const char *name);
JsonObject *fovea_json_object(JsonObject *object, const char *name);
/* An array of exactly n numbers. */
gboolean fovea_json_numbers(JsonObject *object, const char *name, guint n, double *values);
