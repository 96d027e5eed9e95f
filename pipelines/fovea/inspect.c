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
    "kind, the nodes without a kernel, and what each pass did. Where the file leaves a\n"
    "dimension open and no --shape, --input or --bound says it, one is assumed, and told\n"
    "(`assumed_shapes`).\n"
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

/* A size for a dimension that the file leaves open: pictures are 224 wide, batches 1, sound
 * has 16000 samples, the rest is 8. Dimensions of one name get one size. */
static gint64 assume_size(GHashTable *sizes, const FoveaIo *io, guint axis)
{
    const char *name = io->dim_names[axis];
    gint64 *known = name ? g_hash_table_lookup(sizes, name) : NULL;
    gboolean picture = io->rank == 4 && io->dims[1] == 3 && axis >= 2;
    if (known)
        return *known;
    gboolean sound = io->rank == 2 && fovea_dtype_is_float(io->dtype);
    gint64 size = picture ? 224 : axis == 0 ? 1 : sound ? 16000 : 8;
    if (name)
        g_hash_table_insert(sizes, (gpointer)name, g_memdup2(&size, sizeof size));
    return size;
}

static gboolean is_open(const FoveaIo *io)
{
    for (gint i = 0; i < io->rank; i++)
        if (io->dims[i] < 0)
            return TRUE;
    return FALSE;
}

static gboolean is_given(const Job *job, const FoveaIo *io)
{
    for (guint i = 0; i < job->shapes->len; i++)
        if (g_str_equal(g_array_index(job->shapes, FoveaInputShape, i).name, io->name))
            return TRUE;
    return FALSE;
}

/* Shapes for inputs that have none, so that there is something to show; they are told. */
static void assume_shapes(Job *job, JsonObject *root)
{
    g_autoptr(GHashTable) sizes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    JsonObject *assumed = json_object_new();
    /* Pictures first: a mask has the names of their sides. */
    for (guint pass = 0; pass < 2; pass++)
        for (guint i = 0; i < fovea_model_n_inputs(job->model); i++) {
            const FoveaIo *io = fovea_model_input(job->model, i);
            if ((io->rank == 4) == (pass == 1) || !is_open(io) || is_given(job, io))
                continue;
            FoveaInputShape shape = {.name = io->name, .rank = io->rank};
            JsonArray *dims = json_array_new();
            for (gint k = 0; k < io->rank; k++) {
                shape.dims[k] = io->dims[k] < 0 ? assume_size(sizes, io, k) : io->dims[k];
                json_array_add_int_element(dims, shape.dims[k]);
            }
            g_array_append_val(job->shapes, shape);
            json_object_set_array_member(assumed, io->name, dims);
        }
    if (json_object_get_size(assumed) > 0)
        json_object_set_object_member(root, "assumed_shapes", assumed);
    else
        json_object_unref(assumed);
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
    if (job.bounds->len == 0)
        assume_shapes(&job, json_node_get_object(root));
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
