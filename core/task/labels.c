/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "task/labels.h"

#define MAX_LABELS (1 << 20)

GPtrArray *fovea_labels_read(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    GError *inner = NULL;
    gsize size;
    if (!g_file_get_contents(path, &text, &size, &inner)) {
        fovea_fail(error, FOVEA_ERROR_IO, "The labels cannot be read: %s", inner->message);
        g_error_free(inner);
        return NULL;
    }
    if (!g_utf8_validate_len(text, size, NULL)) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "The labels in %s are not UTF-8 text", path);
        return NULL;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GPtrArray *labels = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; lines[i] != NULL; i++)
        g_ptr_array_add(labels, g_strdup(g_strstrip(lines[i])));
    while (labels->len > 0 && *(char *)labels->pdata[labels->len - 1] == 0)
        g_ptr_array_set_size(labels, labels->len - 1);
    return labels;
}

static void put(GPtrArray *labels, guint64 id, const char *name)
{
    while (labels->len <= id)
        g_ptr_array_add(labels, g_strdup(""));
    g_free(labels->pdata[id]);
    labels->pdata[id] = g_strdup(name);
}

GPtrArray *fovea_labels_from_id2label(JsonObject *config)
{
    JsonObject *names = fovea_json_object(config, "id2label");
    if (names == NULL)
        return NULL;
    GPtrArray *labels = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GList) members = json_object_get_members(names);
    for (GList *m = members; m != NULL; m = m->next) {
        const char *name = fovea_json_string(names, m->data);
        guint64 id;
        if (name && g_ascii_string_to_unsigned(m->data, 10, 0, MAX_LABELS, &id, NULL))
            put(labels, id, name);
    }
    return labels;
}

GPtrArray *fovea_labels_from_array(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return NULL;
    JsonArray *array = json_node_get_array(node);
    GPtrArray *labels = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < MIN(json_array_get_length(array), MAX_LABELS); i++) {
        JsonNode *item = json_array_get_element(array, i);
        gboolean text = JSON_NODE_HOLDS_VALUE(item) &&
                        json_node_get_value_type(item) == G_TYPE_STRING;
        g_ptr_array_add(labels, g_strdup(text ? json_node_get_string(item) : ""));
    }
    return labels;
}
