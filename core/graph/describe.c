/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What `fovea inspect` says of a plan.
 */
#include <json-glib/json-glib.h>

#include "attention/spec.h"
#include "graph/device-internal.h"
#include "graph/plan-internal.h"

static void add_count(GHashTable *counts, const char *name)
{
    gint have = GPOINTER_TO_INT(g_hash_table_lookup(counts, name));
    g_hash_table_insert(counts, (gpointer)name, GINT_TO_POINTER(have + 1));
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(a, b);
}

static void write_counts(JsonBuilder *json, const char *member, GHashTable *counts)
{
    GList *names = g_list_sort(g_hash_table_get_keys(counts), by_name);
    json_builder_set_member_name(json, member);
    json_builder_begin_object(json);
    for (GList *at = names; at != NULL; at = at->next) {
        json_builder_set_member_name(json, at->data);
        json_builder_add_int_value(json, GPOINTER_TO_INT(g_hash_table_lookup(counts, at->data)));
    }
    json_builder_end_object(json);
    g_list_free(names);
}

static void write_int(JsonBuilder *json, const char *member, gint64 value)
{
    json_builder_set_member_name(json, member);
    json_builder_add_int_value(json, value);
}

static void write_string(JsonBuilder *json, const char *member, const char *value)
{
    json_builder_set_member_name(json, member);
    json_builder_add_string_value(json, value);
}

static void write_strings(JsonBuilder *json, const char *member, const GPtrArray *texts)
{
    json_builder_set_member_name(json, member);
    json_builder_begin_array(json);
    for (guint i = 0; i < texts->len; i++)
        json_builder_add_string_value(json, g_ptr_array_index(texts, i));
    json_builder_end_array(json);
}

static void write_io(JsonBuilder *json, const char *member, FoveaValue *const *values, guint n)
{
    json_builder_set_member_name(json, member);
    json_builder_begin_array(json);
    for (guint i = 0; i < n; i++) {
        g_autofree char *type = fovea_value_type_string(values[i]);
        json_builder_begin_object(json);
        write_string(json, "name", values[i]->name);
        write_string(json, "type", type);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void write_passes(JsonBuilder *json, const FoveaPlan *plan)
{
    json_builder_set_member_name(json, "passes");
    json_builder_begin_array(json);
    for (guint i = 0; i < plan->records->len; i++) {
        const FoveaPassRecord *record = &g_array_index(plan->records, FoveaPassRecord, i);
        json_builder_begin_object(json);
        write_string(json, "name", record->name);
        write_int(json, "nodes_before", record->before);
        write_int(json, "nodes_after", record->after);
        if (record->note != NULL)
            write_string(json, "did", record->note);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void write_graph(JsonBuilder *json, const FoveaPlan *plan)
{
    g_autoptr(GHashTable) ops = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) kinds = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) steps = g_hash_table_new(g_str_hash, g_str_equal);
    for (const FoveaNode *node = plan->program.graph->first; node != NULL; node = node->next) {
        const FoveaAttention *spec = node->spec;
        add_count(ops, node->op->name);
        if (spec != NULL)
            add_count(kinds, spec->kind != NULL ? spec->kind : "unnamed");
    }
    for (guint i = 0; i < plan->program.n_steps; i++)
        add_count(steps, plan->program.steps[i]->op->name);
    write_counts(json, "attention", kinds);
    write_counts(json, "operators_after", ops);
    write_counts(json, "steps_by_operator", steps);
    /* Copies are the layout changes that are left. */
    write_int(json, "copies", GPOINTER_TO_INT(g_hash_table_lookup(steps, "Copy")));
}

static void write_stats(JsonBuilder *json, const FoveaPlan *plan)
{
    const FoveaPlanStats *stats = &plan->stats;
    write_string(json, "device", plan->program.device->info.spec);
    write_string(json, "precision", plan->program.precision == FOVEA_PRECISION_F16 ? "f16" : "f32");
    write_int(json, "nodes_in_file", plan->source_nodes);
    write_int(json, "nodes", stats->nodes);
    write_int(json, "steps", stats->steps);
    write_int(json, "segments", stats->segments);
    write_int(json, "fallback_nodes", stats->fallback_nodes);
    write_int(json, "activation_bytes", (gint64)stats->activation_bytes);
    write_int(json, "weight_bytes", (gint64)stats->weight_bytes);
}

char *fovea_plan_describe(const FoveaPlan *plan)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    json_builder_begin_object(json);
    write_stats(json, plan);
    write_io(json, "inputs", plan->input_values, plan->n_inputs);
    write_io(json, "outputs", plan->output_values, plan->n_outputs);
    write_strings(json, "bound", plan->bound);
    write_strings(json, "nodes_without_kernel", plan->refused);
    write_graph(json, plan);
    write_passes(json, plan);
    json_builder_end_object(json);
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    return json_to_string(root, TRUE);
}
