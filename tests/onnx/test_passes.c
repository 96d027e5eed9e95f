/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The attention that the passes recognise, by kind, is what the original code of each model of
 * ../shared/zoo has (meta.json), and what deimv2 has. That the passes change no result is for
 * the golden tests of tests/models.
 */
#include <json-glib/json-glib.h>

#include "attention/spec.h"
#include "graph/plan-internal.h"

static char *shared_folder(void)
{
    const char *set = g_getenv("FOVEA_SHARED");
    return set != NULL ? g_strdup(set) : g_build_filename(TEST_DATA, "../../../../shared", NULL);
}

typedef struct Case {
    GPtrArray *names;
    GPtrArray *tensors; /* FoveaTensor*, by input */
    GArray *values;     /* FoveaInputValue */
} Case;

static void case_clear(Case *c)
{
    g_ptr_array_free(c->names, TRUE);
    g_ptr_array_free(c->tensors, TRUE);
    g_array_free(c->values, TRUE);
}

/* The golden inputs: shapes, and values where a shape depends on them. */
static Case read_inputs(const char *folder, JsonObject *meta)
{
    Case c = {g_ptr_array_new_with_free_func(g_free),
              g_ptr_array_new_with_free_func((GDestroyNotify)fovea_tensor_unref),
              g_array_new(FALSE, FALSE, sizeof(FoveaInputValue))};
    JsonObject *inputs = json_object_get_object_member(meta, "inputs");
    GList *names = json_object_get_members(inputs);
    for (GList *l = names; l != NULL; l = l->next) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path =
            g_build_filename(folder, json_object_get_string_member(inputs, l->data), NULL);
        FoveaTensor *tensor = fovea_tensor_read_npy(path, &error);
        g_assert_no_error(error);
        char *name = g_strdup(l->data);
        FoveaInputValue value = {name, tensor, FALSE};
        g_ptr_array_add(c.names, name);
        g_ptr_array_add(c.tensors, tensor);
        g_array_append_val(c.values, value);
    }
    g_list_free(names);
    return c;
}

static FoveaPlan *plan_for(FoveaModel *model, const Case *c)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaDevice) cpu = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    FoveaPlanParams params = {.values = c != NULL ? (FoveaInputValue *)(void *)c->values->data
                                                  : NULL,
                              .n_values = c != NULL ? c->values->len : 0};
    FoveaPlan *plan = fovea_plan_new(model, cpu, &params, &error);
    g_assert_no_error(error);
    return plan;
}

/* "2 cross, 4 self", in alphabetical order. */
static char *kinds_text(GHashTable *counts)
{
    GString *text = g_string_new(NULL);
    GList *keys = g_list_sort(g_hash_table_get_keys(counts), (GCompareFunc)strcmp);
    for (GList *l = keys; l != NULL; l = l->next)
        g_string_append_printf(text, "%s%d %s", text->len ? ", " : "",
                               GPOINTER_TO_INT(g_hash_table_lookup(counts, l->data)),
                               (char *)l->data);
    g_list_free(keys);
    return g_string_free(text, FALSE);
}

static char *recognised(const FoveaPlan *plan)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    for (const FoveaNode *node = plan->program.graph->first; node != NULL; node = node->next) {
        const FoveaAttention *spec = node->spec;
        if (spec == NULL)
            continue;
        gpointer n = g_hash_table_lookup(counts, spec->kind);
        g_hash_table_insert(counts, (gpointer)spec->kind, GINT_TO_POINTER(GPOINTER_TO_INT(n) + 1));
    }
    return kinds_text(counts);
}

static char *expected(JsonObject *meta)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    JsonObject *kinds = json_object_get_object_member(meta, "attention_nodes");
    GList *names = json_object_get_members(kinds);
    for (GList *l = names; l != NULL; l = l->next)
        g_hash_table_insert(counts, l->data,
                            GINT_TO_POINTER(json_object_get_int_member(kinds, l->data)));
    g_list_free(names);
    return kinds_text(counts);
}

static FoveaModel *open_model(const char *path)
{
    g_autoptr(GError) error = NULL;
    FoveaModel *model = fovea_model_open(path, NULL, NULL, &error);
    g_assert_no_error(error);
    return model;
}

/* meta.json's counts, but for three models. clip and owlvit: their text towers see no later word,
 * and meta.json calls that self. conditional_detr: the exporter folded one away, as its note says. */
static const struct {
    const char *name, *instead;
} exceptions[] = {{"clip", "2 self, 2 self-causal"},
                  {"owlvit", "2 self, 2 self-causal"},
                  {"conditional_detr", "2 cross, 3 self"}};

static void test_zoo(gconstpointer name)
{
    g_autofree char *root = shared_folder();
    g_autofree char *folder = g_build_filename(root, "zoo", name, NULL);
    g_autofree char *path = g_build_filename(folder, "model.onnx", NULL);
    g_autofree char *json = g_build_filename(folder, "meta.json", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonParser) parser = json_parser_new();
    json_parser_load_from_file(parser, json, &error);
    g_assert_no_error(error);
    JsonObject *meta = json_node_get_object(json_parser_get_root(parser));
    Case c = read_inputs(folder, meta);
    g_autoptr(FoveaModel) model = open_model(path);
    g_autoptr(FoveaPlan) plan = plan_for(model, &c);
    g_autofree char *have = recognised(plan), *want = expected(meta);
    const char *wanted = want;
    for (guint i = 0; i < G_N_ELEMENTS(exceptions); i++) {
        if (g_str_equal(name, exceptions[i].name))
            wanted = exceptions[i].instead;
    }
    g_assert_cmpstr(have, ==, wanted);
    case_clear(&c);
}

static void test_absent(void)
{
    g_test_skip("the folder ../shared is not here");
}

static void test_deimv2(void)
{
    static const char *const sizes[] = {"atto", "femto"};
    g_autofree char *root = shared_folder();
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *path = g_strdup_printf("%s/models/deimv2/deimv2_hgnetv2_%s_coco.onnx",
                                                root, sizes[i]);
        g_autoptr(FoveaModel) model = open_model(path);
        g_autoptr(FoveaPlan) plan = plan_for(model, NULL);
        g_autofree char *have = recognised(plan);
        g_assert_cmpstr(have, ==, "3 deformable, 3 self");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *root = shared_folder();
    g_autofree char *zoo = g_build_filename(root, "zoo", NULL);
    GDir *dir = g_dir_open(zoo, 0, NULL);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *meta = g_build_filename(zoo, name, "meta.json", NULL);
        if (g_file_test(meta, G_FILE_TEST_EXISTS))
            g_ptr_array_add(names, g_strdup(name));
    }
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *test = g_strdup_printf("/onnx/passes/zoo/%s",
                                                (char *)g_ptr_array_index(names, i));
        g_test_add_data_func(test, g_ptr_array_index(names, i), test_zoo);
    }
    if (dir != NULL)
        g_test_add_func("/onnx/passes/deimv2", test_deimv2);
    else
        g_test_add_func("/onnx/passes/zoo", test_absent);
    g_clear_pointer(&dir, g_dir_close);
    int result = g_test_run();
    g_ptr_array_free(names, TRUE);
    return result;
}
