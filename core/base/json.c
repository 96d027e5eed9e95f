/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <math.h>

#include "base/json.h"

#define FILE_MAX (64 << 20)
#define DEPTH_MAX 64

static gint hex(const char *s)
{
    gint value = 0;
    for (guint i = 0; i < 4; i++) {
        gint digit = g_ascii_xdigit_value(s[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The end of the string that begins after its quotation mark at s; NULL where there is none or an
 * escape is malformed (half a surrogate pair would stop json-glib, and us with it). */
static const char *string_end(const char *s)
{
    for (; *s != '"'; s++) {
        if (*s == 0)
            return NULL;
        if (*s != '\\')
            continue;
        s++;
        if (*s == 0 || !strchr("\"\\/bfnrtu", *s))
            return NULL;
        if (*s != 'u')
            continue;
        gint unit = hex(s + 1);
        if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
            return NULL;
        s += 4;
        if (unit < 0xd800 || unit >= 0xdc00)
            continue;
        gint low = s[1] == '\\' && s[2] == 'u' ? hex(s + 3) : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return NULL;
        s += 6;
    }
    return s;
}

/* json-glib calls itself for each level, takes comments, and asserts what it should check; so the
 * text is looked over before it. s ends with a zero byte at `size`. */
static gboolean plausible(const char *s, gsize size)
{
    const char *end = s + size;
    guint depth = 0;
    for (; s < end; s++) {
        if (*s == '"') {
            s = string_end(s + 1);
            if (s == NULL)
                return FALSE;
        } else if (*s == '{' || *s == '[') {
            if (++depth > DEPTH_MAX)
                return FALSE;
        } else if (*s == '}' || *s == ']') {
            if (depth-- == 0)
                return FALSE;
        } else if (*s == 0 || !(g_ascii_isalnum(*s) || strchr(" \t\r\n,:+-.", *s))) {
            return FALSE;
        }
    }
    return depth == 0;
}

JsonObject *fovea_json_load(const char *path, JsonParser **parser, GError **error)
{
    GError *inner = NULL;
    GStatBuf info;
    g_autofree char *text = NULL;
    gsize size;
    *parser = NULL;
    if (g_stat(path, &info) == 0 && info.st_size > FILE_MAX) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s is too large for a configuration", path);
        return NULL;
    }
    if (!g_file_get_contents(path, &text, &size, &inner)) {
        fovea_fail(error, FOVEA_ERROR_IO, "%s", inner->message);
        g_error_free(inner);
        return NULL;
    }
    if (size > FILE_MAX || !plausible(text, size)) {
        fovea_fail(error, FOVEA_ERROR_MODEL,
                   "%s is not JSON that we can read: malformed, too deep "
                   "or too large",
                   path);
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

gboolean fovea_json_node_number(JsonNode *node, double *value)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
        return FALSE;
    GType type = json_node_get_value_type(node);
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
        return FALSE;
    *value = json_node_get_double(node);
    return isfinite(*value);
}

gboolean fovea_json_node_integer(JsonNode *node, gint64 *value)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_INT64)
        return FALSE;
    *value = json_node_get_int(node);
    return TRUE;
}

const char *fovea_json_node_string(JsonNode *node)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string(node);
}

gboolean fovea_json_number(JsonObject *object, const char *name, double *value)
{
    return fovea_json_node_number(value_of(object, name), value);
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
    return fovea_json_node_string(value_of(object, name));
}

JsonObject *fovea_json_object(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonArray *fovea_json_array(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

gboolean fovea_json_numbers(JsonObject *object, const char *name, guint n, double *values)
{
    JsonArray *array = fovea_json_array(object, name);
    if (array == NULL || json_array_get_length(array) != n)
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!fovea_json_node_number(json_array_get_element(array, i), &values[i]))
            return FALSE;
    return TRUE;
}
