/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea inspect: what a model contains, and what the passes and devices make of it.
 */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "job.h"

static gboolean as_json;
static const GOptionEntry entries[] = {
    JOB_ENTRIES,
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object", NULL},
    {NULL},
};

static const char *description =
    "Shows inputs, outputs, parameters and operators of the file; then, for --device or for the "
    "CPU\n"
    "and the first Vulkan device: the operators after the passes, the attention nodes recognised "
    "by\n"
    "kind, the nodes without a kernel, and what each pass did. A model whose inputs have free\n"
    "dimensions needs --shape or --input for the second part.\n"
    "\nExample:\n"
    "  fovea inspect model.onnx --shape images=1x3x320x320\n";

/* Nested JSON as indented text: `name: value` lines. */
static void print_node(const char *name, JsonNode *node, guint depth)
{
    printf("%*s%s:", depth * 2, "", name);
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        printf("\n");
        JsonObjectIter iter;
        const char *member;
        JsonNode *value;
        json_object_iter_init_ordered(&iter, json_node_get_object(node));
        while (json_object_iter_next_ordered(&iter, &member, &value))
            print_node(member, value, depth + 1);
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        gboolean plain = TRUE;
        for (guint i = 0; i < json_array_get_length(array); i++)
            plain = plain && !JSON_NODE_HOLDS_OBJECT(json_array_get_element(array, i));
        if (plain) {
            g_autofree char *text = json_to_string(node, FALSE);
            printf(" %s\n", text);
            return;
        }
        printf("\n");
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *text = json_to_string(json_array_get_element(array, i), FALSE);
            printf("%*s%s\n", depth * 2 + 2, "", text);
        }
    } else {
        g_autofree char *text = json_to_string(node, FALSE);
        printf(" %s\n", text);
    }
}

/* What becomes of the model on one device; a failure is told in its place. */
static JsonNode *describe_on(Job *job, GError **error)
{
    if (!job_plan(job, error))
        return NULL;
    g_autofree char *text = fovea_plan_describe(job->plan);
    g_clear_pointer(&job->plan, fovea_plan_unref);
    return json_from_string(text, error);
}

static void add_device(Job *job, JsonObject *devices)
{
    GError *error = NULL;
    const char *spec = fovea_device_info(job->device)->spec;
    JsonNode *node = describe_on(job, &error);
    if (node == NULL) {
        JsonObject *failure = json_object_new();
        json_object_set_string_member(failure, "error", error ? error->message : "?");
        node = json_node_alloc();
        json_node_init_object(node, failure);
        json_object_unref(failure);
        g_clear_error(&error);
    }
    json_object_set_member(devices, spec, node);
}

/* What does not differ between devices stands at the top too. */
static void lift(JsonObject *root, JsonObject *devices)
{
    static const char *members[] = {"attention", "operators_after", "passes"};
    g_autoptr(GList) specs = json_object_get_members(devices);
    for (GList *s = specs; s != NULL; s = s->next) {
        JsonObject *one = json_object_get_object_member(devices, s->data);
        for (guint i = 0; i < G_N_ELEMENTS(members); i++)
            if (json_object_has_member(one, members[i]) &&
                !json_object_has_member(root, members[i]))
                json_object_set_member(root, members[i],
                                       json_node_copy(json_object_get_member(one, members[i])));
    }
}

/* The device that was named, else the CPU and, where there is one, a GPU. */
static void add_devices(Job *job, JsonObject *devices)
{
    add_device(job, devices);
    if (job_options.device)
        return;
    FoveaDevice *gpu = fovea_device_open("vulkan", NULL);
    if (gpu == NULL)
        return;
    fovea_device_unref(job->device);
    job->device = gpu;
    add_device(job, devices);
}

int command_inspect(int argc, char **argv)
{
    GError *error = NULL;
    Job job;
    if (!command_parse(&argc, &argv, "MODEL", "Shows what a model contains.", description, entries))
        return 1;
    if (argc != 2)
        return command_fail_with(
            "`fovea inspect` wants one model (an .onnx file or a model folder)");
    job_options.make_up = TRUE;
    if (!job_open(&job, argv[1], &error)) {
        job_clear(&job);
        return command_fail(error);
    }
    g_autofree char *text = fovea_model_describe(job.model);
    JsonNode *root = json_from_string(text, &error);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        job_clear(&job);
        return command_fail(error);
    }
    JsonObject *devices = json_object_new();
    add_devices(&job, devices);
    lift(json_node_get_object(root), devices);
    json_object_set_object_member(json_node_get_object(root), "devices", devices);
    command_progress_end();
    if (as_json) {
        g_autofree char *out = json_to_string(root, TRUE);
        printf("%s\n", out);
    } else {
        JsonObjectIter iter;
        const char *member;
        JsonNode *value;
        json_object_iter_init_ordered(&iter, json_node_get_object(root));
        while (json_object_iter_next_ordered(&iter, &member, &value))
            print_node(member, value, 0);
    }
    json_node_unref(root);
    job_clear(&job);
    return 0;
}
