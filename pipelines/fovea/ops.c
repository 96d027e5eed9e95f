/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea ops: every operator and attention variant.
 */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "command.h"
#include "fovea/ops.h"

static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print a JSON array", NULL},
    {NULL},
};

static const char *text_of(JsonObject *o, const char *name)
{
    return json_object_get_string_member_with_default(o, name, "");
}

/* The strings of an array, with commas (transfer full). */
static char *list_of(JsonObject *o, const char *name)
{
    GString *text = g_string_new(NULL);
    JsonNode *node = json_object_get_member(o, name);
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; array && i < json_array_get_length(array); i++)
        g_string_append_printf(text, "%s%s", i ? "," : "", json_array_get_string_element(array, i));
    return g_string_free(text, FALSE);
}

int command_ops(int argc, char **argv)
{
    GError *error = NULL;
    if (!command_parse(
            &argc, &argv, NULL, "Lists every operator and attention variant.",
            "Columns: name, kind (operator, attention or variant), devices with a kernel,\n"
            "and the published systems (ids of systems.tsv) that it makes run.\n",
            entries))
        return 1;
    if (argc > 1)
        return command_fail_with("`fovea ops` takes no argument \"%s\"", argv[1]);
    g_autofree char *text = fovea_ops_describe();
    if (as_json) {
        printf("%s\n", text);
        return 0;
    }
    g_autoptr(JsonNode) root = json_from_string(text, &error);
    if (root == NULL || !JSON_NODE_HOLDS_ARRAY(root))
        return command_fail(error);
    JsonArray *all = json_node_get_array(root);
    for (guint i = 0; i < json_array_get_length(all); i++) {
        JsonObject *o = json_array_get_object_element(all, i);
        g_autofree char *devices = list_of(o, "devices"), *systems = list_of(o, "systems");
        printf("%-28s %-10s %-12s %s\n", text_of(o, "name"), text_of(o, "kind"), devices, systems);
    }
    return 0;
}
