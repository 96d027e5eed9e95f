/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dump.h"

typedef struct Dump {
    GString *text;
    OnnxSource source;
    GError **error;
} Dump;

static gboolean dump_graph(Dump *d, const OnnxGraph *graph);

static gboolean dump_tensor(Dump *d, const OnnxTensor *t)
{
    GError *why = NULL;
    g_string_append_printf(d->text, "%s %d [", t->name, (int)t->dtype);
    for (guint i = 0; i < t->rank; i++)
        g_string_append_printf(d->text, "%s%" G_GINT64_FORMAT, i ? "," : "", t->dims[i]);
    FoveaTensor *tensor = fovea_onnx_tensor(t, &d->source, &why);
    if (tensor == NULL && why->code == FOVEA_ERROR_UNSUPPORTED) {
        g_error_free(why);
        g_string_append(d->text, "] unsupported");
        return TRUE;
    }
    if (tensor == NULL) {
        g_propagate_error(d->error, why);
        return FALSE;
    }
    g_autofree char *md5 = g_compute_checksum_for_data(G_CHECKSUM_MD5, tensor->data,
                                                       fovea_tensor_n_bytes(tensor));
    g_string_append_printf(d->text, "] %s", md5);
    fovea_tensor_unref(tensor);
    return TRUE;
}

static void dump_bytes(Dump *d, FoveaSpan bytes)
{
    for (gsize i = 0; i < bytes.size; i++)
        g_string_append_printf(d->text, "%02x", bytes.data[i]);
}

static void dump_float(Dump *d, float value)
{
    guint32 bits;
    memcpy(&bits, &value, 4);
    g_string_append_printf(d->text, " %08x", bits);
}

static gboolean dump_attr(Dump *d, const OnnxAttr *a)
{
    gboolean good = TRUE;
    g_string_append_printf(d->text, "attr %s %s %d", a->name, a->ref, (int)a->type);
    switch (a->type) {
    case ONNX_ATTR_FLOAT: dump_float(d, a->f); break;
    case ONNX_ATTR_INT: g_string_append_printf(d->text, " %" G_GINT64_FORMAT, a->i); break;
    case ONNX_ATTR_STRING:
        g_string_append_c(d->text, ' ');
        dump_bytes(d, a->s);
        break;
    case ONNX_ATTR_TENSOR:
        g_string_append_c(d->text, ' ');
        good = a->t == NULL || dump_tensor(d, a->t);
        break;
    case ONNX_ATTR_GRAPH:
        g_string_append(d->text, " graph\n");
        good = a->g == NULL || dump_graph(d, a->g);
        break;
    default: break;
    }
    for (guint i = 0; i < a->n; i++) {
        if (a->type == ONNX_ATTR_FLOATS) {
            dump_float(d, a->floats[i]);
        } else if (a->type == ONNX_ATTR_INTS) {
            g_string_append_printf(d->text, " %" G_GINT64_FORMAT, a->ints[i]);
        } else {
            g_string_append_c(d->text, ' ');
            dump_bytes(d, a->strings[i]);
        }
    }
    g_string_append_c(d->text, '\n');
    return good;
}

static gboolean dump_nodes(Dump *d, const OnnxNode *nodes, guint n)
{
    for (guint i = 0; i < n; i++) {
        const OnnxNode *node = &nodes[i];
        g_string_append_printf(d->text, "node %s|%s|%s|%s\nin", node->domain, node->op_type,
                               node->overload, node->name);
        for (guint k = 0; k < node->n_in; k++)
            g_string_append_printf(d->text, " %s", node->in[k]);
        g_string_append(d->text, "\nout");
        for (guint k = 0; k < node->n_out; k++)
            g_string_append_printf(d->text, " %s", node->out[k]);
        g_string_append_c(d->text, '\n');
        for (guint k = 0; k < node->n_attrs; k++) {
            if (!dump_attr(d, &node->attrs[k]))
                return FALSE;
        }
    }
    return TRUE;
}

static void dump_infos(Dump *d, const char *what, const OnnxValueInfo *infos, guint n)
{
    for (guint i = 0; i < n; i++) {
        const OnnxValueInfo *info = &infos[i];
        g_string_append_printf(d->text, "%s %s kind %d type %d", what, info->name, info->kind,
                               (int)info->dtype);
        if (info->has_shape)
            g_string_append(d->text, " shape");
        for (guint k = 0; k < info->rank; k++) {
            if (info->dims[k].has_value)
                g_string_append_printf(d->text, " %" G_GINT64_FORMAT, info->dims[k].value);
            else
                g_string_append_printf(d->text, " ?%s", info->dims[k].param);
        }
        g_string_append_c(d->text, '\n');
    }
}

static gboolean dump_graph(Dump *d, const OnnxGraph *graph)
{
    g_string_append_printf(d->text, "graph %s\n", graph->name);
    dump_infos(d, "input", graph->inputs, graph->n_inputs);
    dump_infos(d, "output", graph->outputs, graph->n_outputs);
    for (guint i = 0; i < graph->n_inits; i++) {
        g_string_append(d->text, "init ");
        if (!dump_tensor(d, &graph->inits[i]))
            return FALSE;
        g_string_append_c(d->text, '\n');
    }
    return dump_nodes(d, graph->nodes, graph->n_nodes);
}

static void dump_opsets(Dump *d, const OnnxOpset *opsets, guint n)
{
    for (guint i = 0; i < n; i++)
        g_string_append_printf(d->text, "opset %s %" G_GINT64_FORMAT "\n", opsets[i].domain,
                               opsets[i].version);
}

static gboolean dump_function(Dump *d, const OnnxFunction *f)
{
    g_string_append_printf(d->text, "function %s|%s|%s\nin", f->domain, f->name, f->overload);
    for (guint i = 0; i < f->n_inputs; i++)
        g_string_append_printf(d->text, " %s", f->inputs[i]);
    g_string_append(d->text, "\nout");
    for (guint i = 0; i < f->n_outputs; i++)
        g_string_append_printf(d->text, " %s", f->outputs[i]);
    g_string_append_c(d->text, '\n');
    dump_opsets(d, f->opsets, f->n_opsets);
    for (guint i = 0; i < f->n_defaults; i++) {
        if (!dump_attr(d, &f->defaults[i]))
            return FALSE;
    }
    return dump_nodes(d, f->nodes, f->n_nodes);
}

static gboolean dump_model(Dump *d, const OnnxModel *model)
{
    g_string_append_printf(d->text, "ir %" G_GINT64_FORMAT " producer %s\n", model->ir_version,
                           model->producer);
    dump_opsets(d, model->opsets, model->n_opsets);
    for (guint i = 0; i < model->n_functions; i++) {
        if (!dump_function(d, &model->functions[i]))
            return FALSE;
    }
    return dump_graph(d, &model->graph);
}

char *dump_onnx(const char *path, GError **error)
{
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, error);
    if (file == NULL)
        return NULL;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GBytes) bytes = g_mapped_file_get_bytes(file);
    FoveaSpan span;
    span.data = g_bytes_get_data(bytes, &span.size);
    g_autoptr(OnnxModel) model = fovea_onnx_parse(span, error);
    if (model == NULL)
        return NULL;
    Dump d = {g_string_new(NULL), {.bytes = bytes, .folder = folder}, error};
    gboolean good = dump_model(&d, model);
    g_clear_pointer(&d.source.external, g_hash_table_unref);
    return g_string_free(d.text, !good);
}
