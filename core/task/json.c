/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <math.h>

#include "task/json.h"

JsonObject *fovea_json_load(const char *path, JsonParser **parser, GError **error)
{
    GError *inner = NULL;
    GStatBuf info;
    g_autofree char *text = NULL;
    gsize size;
    *parser = NULL;
    if (g_stat(path, &info) == 0 && info.st_size > 64 << 20) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s is too large for a configuration", path);
        return NULL;
    }
    if (!g_file_get_contents(path, &text, &size, &inner)) {
        fovea_fail(error, FOVEA_ERROR_IO, "%s", inner->message);
        g_error_free(inner);
        return NULL;
    }
    g_autoptr(JsonParser) reader = json_parser_new_immutable();
    if (!json_parser_load_from_data(reader, text, size, &inner)) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s is not JSON: %s", path, inner->message);
        g_error_free(inner);
        return NULL;
    }
    JsonNode *root = json_parser_get_root(reader);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s holds no JSON object", path);
        return NULL;
    }
    *parser = g_steal_pointer(&reader);
    return json_node_get_object(root);
}

static JsonNode *value_of(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node && JSON_NODE_HOLDS_VALUE(node) ? node : NULL;
}

static gboolean node_number(JsonNode *node, double *value)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
        return FALSE;
    GType type = json_node_get_value_type(node);
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
        return FALSE;
    *value = json_node_get_double(node);
    return isfinite(*value);
}

gboolean fovea_json_number(JsonObject *object, const char *name, double *value)
{
    return node_number(value_of(object, name), value);
}

gboolean fovea_json_bool(JsonObject *object, const char *name, gboolean *value)
{
    JsonNode *node = value_of(object, name);
    if (node == NULL || json_node_get_value_type(node) != G_TYPE_BOOLEAN)
        return FALSE;
    *value = json_node_get_boolean(node);
    return TRUE;
}

const char *fovea_json_string(JsonObject *object, const char *name)
{
    JsonNode *node = value_of(object, name);
    if (node == NULL || json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string(node);
}

JsonObject *fovea_json_object(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

gboolean fovea_json_numbers(JsonObject *object, const char *name, guint n, double *values)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return FALSE;
    JsonArray *array = json_node_get_array(node);
    if (json_array_get_length(array) != n)
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!node_number(json_array_get_element(array, i), &values[i]))
            return FALSE;
    return TRUE;
}
