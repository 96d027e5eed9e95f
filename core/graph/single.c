/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operators one by one: the list, and a graph of one node.
 */
#include <json-glib/json-glib.h>

#include "fovea/ops.h"
#include "fovea/session.h"
#include "graph/plan-internal.h"

static void write_string(JsonBuilder *json, const char *member, const char *value)
{
    json_builder_set_member_name(json, member);
    json_builder_add_string_value(json, value);
}

char *fovea_ops_describe(void)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    const FoveaBackend *vulkan = fovea_vulkan_backend();
    guint n;
    const FoveaOp *const *ops = fovea_ops(&n);
    json_builder_begin_array(json);
    for (guint i = 0; i < n; i++) {
        gboolean attention = strstr(ops[i]->name, "Attention") != NULL;
        json_builder_begin_object(json);
        write_string(json, "name", ops[i]->name);
        write_string(json, "kind", attention ? "attention" : "operator");
        json_builder_set_member_name(json, "systems");
        json_builder_begin_array(json);
        json_builder_end_array(json);
        json_builder_set_member_name(json, "devices");
        json_builder_begin_array(json);
        json_builder_add_string_value(json, "cpu");
        if (vulkan != NULL && vulkan->has_kernel != NULL && vulkan->has_kernel(ops[i]))
            json_builder_add_string_value(json, "vulkan");
        json_builder_end_array(json);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    return json_to_string(root, TRUE);
}

/* ---- attributes from text ---- */

static gboolean parse_ints(char *const *parts, guint n, gint64 *values)
{
    for (guint i = 0; i < n; i++) {
        char *end;
        values[i] = g_ascii_strtoll(parts[i], &end, 10);
        if (end == parts[i] || *end != '\0')
            return FALSE;
    }
    return n > 0;
}

static gboolean parse_floats(char *const *parts, guint n, float *values)
{
    for (guint i = 0; i < n; i++) {
        char *end;
        values[i] = (float)g_ascii_strtod(parts[i], &end);
        if (end == parts[i] || *end != '\0')
            return FALSE;
    }
    return n > 0;
}

static void set_attr(FoveaNode *node, const FoveaOpAttr *attr)
{
    g_auto(GStrv) parts = g_strsplit(attr->text, ",", -1);
    guint n = g_strv_length(parts);
    g_autofree gint64 *ints = g_new0(gint64, n + 1);
    g_autofree float *floats = g_new0(float, n + 1);
    gboolean list = n > 1;
    if (n == 2 && *parts[1] == '\0')
        n = 1; /* "3," is a list of one */
    if (parse_ints(parts, n, ints)) {
        if (list)
            fovea_node_set_ints(node, attr->name, ints, n);
        else
            fovea_node_set_int(node, attr->name, ints[0]);
    } else if (parse_floats(parts, n, floats)) {
        if (list)
            fovea_node_set_floats(node, attr->name, floats, n);
        else
            fovea_node_set_float(node, attr->name, floats[0]);
    } else {
        fovea_node_set_string(node, attr->name, attr->text);
    }
}

/* ---- one node ---- */

static FoveaGraph *graph_of_one(const FoveaOp *op, const FoveaOpAttr *attrs, guint n_attrs,
                                FoveaTensor *const *inputs, guint n_inputs, guint n_outputs)
{
    FoveaGraph *graph = fovea_graph_new();
    g_autofree FoveaValue **in = g_new0(FoveaValue *, n_inputs + 1);
    g_autofree FoveaValue **out = g_new0(FoveaValue *, n_outputs + 1);
    for (guint i = 0; i < n_inputs; i++) {
        g_autofree char *name = g_strdup_printf("in%u", i);
        if (inputs[i] == NULL)
            continue;
        in[i] = fovea_graph_add_value(graph, name);
        in[i]->dtype = inputs[i]->dtype;
        in[i]->rank = (gint)inputs[i]->rank;
        for (guint k = 0; k < inputs[i]->rank; k++)
            in[i]->dims[k] = fovea_dim(inputs[i]->dims[k]);
        fovea_graph_add_input(graph, in[i]);
    }
    for (guint i = 0; i < n_outputs; i++) {
        g_autofree char *name = g_strdup_printf("out%u", i);
        out[i] = fovea_graph_add_value(graph, name);
        fovea_graph_add_output(graph, out[i]);
    }
    FoveaNode *node = fovea_graph_add_node(graph, op, op->name, in, n_inputs, out, n_outputs, NULL);
    for (guint i = 0; i < n_attrs; i++)
        set_attr(node, &attrs[i]);
    return graph;
}

static gboolean run_plan(FoveaPlan *plan, FoveaTensor *const *inputs, GPtrArray *results,
                         GError **error)
{
    g_autoptr(FoveaSession) session = fovea_session_new(plan, error);
    gboolean ok = session != NULL;
    for (guint i = 0; ok && i < fovea_plan_n_inputs(plan); i++) {
        guint64 slot = g_ascii_strtoull(fovea_plan_input(plan, i)->name + 2, NULL, 10);
        ok = fovea_session_set_input(session, i, inputs[slot], error);
    }
    ok = ok && fovea_session_run(session, error);
    for (guint i = 0; ok && i < fovea_plan_n_outputs(plan); i++) {
        FoveaTensor *tensor = fovea_session_get_output(session, i, error);
        ok = tensor != NULL;
        if (ok)
            g_ptr_array_add(results, tensor);
    }
    return ok;
}

GPtrArray *fovea_op_run(const char *name, FoveaDevice *device, FoveaPrecision precision,
                        const FoveaOpAttr *attrs, guint n_attrs, FoveaTensor *const *inputs,
                        guint n_inputs, guint n_outputs, GError **error)
{
    const FoveaOp *op = fovea_op_find(name);
    if (op == NULL) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no operator '%s'", name);
        return NULL;
    }
    if (n_outputs == 0)
        n_outputs = MAX(op->min_out, 1);
    g_autofree FoveaInputValue *values = g_new0(FoveaInputValue, n_inputs + 1);
    g_autofree char *names = g_malloc0((gsize)(n_inputs + 1) * 12);
    guint n_values = 0;
    for (guint i = 0; i < n_inputs; i++) {
        if (inputs[i] == NULL)
            continue;
        g_snprintf(names + 12 * i, 12, "in%u", i);
        values[n_values].name = names + 12 * i;
        values[n_values++].value = inputs[i];
    }
    FoveaPlanParams params = {.precision = precision, .values = values, .n_values = n_values};
    FoveaGraph *graph = graph_of_one(op, attrs, n_attrs, inputs, n_inputs, n_outputs);
    g_autoptr(FoveaPlan) plan = fovea_plan_new_from_graph(graph, device, &params, error);
    if (plan == NULL)
        return NULL;
    GPtrArray *results = g_ptr_array_new_with_free_func((GDestroyNotify)fovea_tensor_unref);
    if (!run_plan(plan, inputs, results, error))
        g_clear_pointer(&results, g_ptr_array_unref);
    return results;
}
