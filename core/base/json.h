/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * base/json.h: reading configuration files that others wrote: a member of the wrong type counts as
 * absent instead of stopping the program. Internal.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "base/base.h"

/* The file's top object. *parser keeps it alive (unref it). Errors: IO, MODEL (not JSON, no
 * object, larger than 64 MiB, nested deeper than 64). */
JsonObject *fovea_json_load(const char *path, JsonParser **parser, GError **error);

gboolean fovea_json_number(JsonObject *object, const char *name, double *value);
gboolean fovea_json_bool(JsonObject *object, const char *name, gboolean *value);
/* The string, owned by the object, or NULL. */
const char *fovea_json_string(JsonObject *object, const char *name);
JsonObject *fovea_json_object(JsonObject *object, const char *name);
/* The array, owned by the object, or NULL. */
JsonArray *fovea_json_array(JsonObject *object, const char *name);
/* An array of exactly n numbers. */
gboolean fovea_json_numbers(JsonObject *object, const char *name, guint n, double *values);

/* What a node (NULL too) says, if it is of that kind. The string is the node's own. */
gboolean fovea_json_node_number(JsonNode *node, double *value);
gboolean fovea_json_node_integer(JsonNode *node, gint64 *value);
const char *fovea_json_node_string(JsonNode *node);
