/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/emit.c: what builders of operators are made of.
 */
#include "onnx/build.h"

gboolean fovea_onnx_fail(const OnnxBuild *b, GError **error, FoveaError code, const char *format,
                         ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return fovea_fail(error, code, "%s '%s': %s", b->node != NULL ? b->node->op_type : "Graph",
                      b->name, text);
}

const OnnxAttr *fovea_onnx_attr(const OnnxBuild *b, const char *name)
{
    for (guint i = 0; i < b->n_attrs; i++) {
        if (g_str_equal(b->attrs[i]->name, name))
            return b->attrs[i];
    }
    return NULL;
}

gint64 fovea_onnx_attr_int(const OnnxBuild *b, const char *name, gint64 fallback)
{
    const OnnxAttr *attr = fovea_onnx_attr(b, name);
    return attr != NULL && attr->type == ONNX_ATTR_INT ? attr->i : fallback;
}

char *fovea_onnx_text(FoveaSpan bytes)
{
    return bytes.size > 0 ? g_strndup((const char *)bytes.data, bytes.size) : g_strdup("");
}

static void set_strings(FoveaNode *node, const OnnxAttr *attr)
{
    char **strings = g_new0(char *, (gsize)attr->n + 1);
    for (guint i = 0; i < attr->n; i++)
        strings[i] = fovea_onnx_text(attr->strings[i]);
    fovea_node_set_strings(node, attr->name, (const char *const *)strings, attr->n);
    g_strfreev(strings);
}

static gboolean set_tensor(OnnxBuild *b, FoveaNode *node, const OnnxAttr *attr, GError **error)
{
    static const OnnxTensor empty = {.name = "", .location = ""};
    g_autoptr(FoveaTensor)
        tensor = fovea_onnx_tensor(attr->t != NULL ? attr->t : &empty, b->source, error);
    if (tensor == NULL)
        return FALSE;
    fovea_node_set_tensor(node, attr->name, tensor);
    return TRUE;
}

static gboolean copy_attr(OnnxBuild *b, FoveaNode *node, const OnnxAttr *attr, GError **error)
{
    FoveaGraph *graph;
    g_autofree char *text = NULL;
    switch (attr->type) {
    case ONNX_ATTR_FLOAT: fovea_node_set_float(node, attr->name, attr->f); return TRUE;
    case ONNX_ATTR_INT: fovea_node_set_int(node, attr->name, attr->i); return TRUE;
    case ONNX_ATTR_FLOATS:
        fovea_node_set_floats(node, attr->name, attr->floats, attr->n);
        return TRUE;
    case ONNX_ATTR_INTS: fovea_node_set_ints(node, attr->name, attr->ints, attr->n); return TRUE;
    case ONNX_ATTR_STRING:
        text = fovea_onnx_text(attr->s);
        fovea_node_set_string(node, attr->name, text);
        return TRUE;
    case ONNX_ATTR_STRINGS: set_strings(node, attr); return TRUE;
    case ONNX_ATTR_TENSOR: return set_tensor(b, node, attr, error);
    case ONNX_ATTR_GRAPH:
        if (attr->g == NULL)
            return fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL, "its subgraph '%s' is missing",
                                   attr->name);
        graph = fovea_onnx_build_subgraph(b, attr->g, error);
        if (graph != NULL)
            fovea_node_set_graph(node, attr->name, graph);
        return graph != NULL;
    default:
        return fovea_onnx_fail(b, error, FOVEA_ERROR_UNSUPPORTED,
                               "attribute '%s' is of a kind that Fovea does not read", attr->name);
    }
}

FoveaValue *fovea_onnx_add(OnnxBuild *b, const char *name, FoveaValue *const *in, guint n_in,
                           FoveaValue *out, FoveaNode **node, GError **error)
{
    const FoveaOp *op = fovea_op_find(name);
    if (op == NULL) {
        fovea_onnx_fail(b, error, FOVEA_ERROR_UNSUPPORTED, "it needs the operator %s", name);
        return NULL;
    }
    if (out == NULL)
        out = fovea_graph_add_value(b->graph, NULL);
    FoveaNode *made = fovea_graph_add_node(b->graph, op, b->name, in, n_in, &out, 1, NULL);
    if (node != NULL)
        *node = made;
    return out;
}

FoveaNode *fovea_onnx_emit(OnnxBuild *b, const char *name, GError **error)
{
    const FoveaOp *op = fovea_op_find(name);
    if (op == NULL) {
        fovea_onnx_fail(b, error, FOVEA_ERROR_UNSUPPORTED, "it needs the operator %s", name);
        return NULL;
    }
    FoveaNode *node = fovea_graph_add_node(b->graph, op, b->name, b->in, b->n_in, b->out, b->n_out,
                                           NULL);
    for (guint i = 0; i < b->n_attrs; i++) {
        if (!copy_attr(b, node, b->attrs[i], error))
            return NULL;
    }
    return node;
}

FoveaValue *fovea_onnx_const_ints(OnnxBuild *b, const gint64 *values, guint n, GError **error)
{
    gint64 dims[1] = {n};
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 1, dims, error);
    if (tensor == NULL)
        return NULL;
    if (n > 0)
        memcpy(tensor->data, values, n * sizeof *values);
    return fovea_graph_add_constant(b->graph, NULL, tensor);
}

FoveaValue *fovea_onnx_const_int(OnnxBuild *b, gint64 value, GError **error)
{
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 0, NULL, error);
    if (tensor == NULL)
        return NULL;
    *(gint64 *)tensor->data = value;
    return fovea_graph_add_constant(b->graph, NULL, tensor);
}

FoveaValue *fovea_onnx_const_float(OnnxBuild *b, FoveaDtype dtype, double value, GError **error)
{
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(dtype, 0, NULL, error);
    if (tensor == NULL)
        return NULL;
    fovea_store_f64(dtype, tensor->data, 0, value);
    return fovea_graph_add_constant(b->graph, NULL, tensor);
}

void fovea_onnx_put_input(FoveaNode *node, guint slot, FoveaValue *value)
{
    while (node->n_in <= slot)
        fovea_node_append_input(node, NULL);
    fovea_node_set_input(node, slot, value);
}

/* What passes and lowering make of other nodes has promises behind it that no file can keep. */
static gboolean is_ours(const char *op_type)
{
    static const char *const names[] = {"Append",         "Copy",      "DeformableAttention",
                                        "FoveaAttention", "Pointwise", "Scalars"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(op_type, names[i]))
            return TRUE;
    }
    return FALSE;
}

gboolean fovea_onnx_knows(const char *domain, const char *op_type)
{
    if (fovea_onnx_is_default_domain(domain)) {
        const OnnxRule *rule = fovea_onnx_rule(op_type);
        if (rule != NULL)
            return rule->op == NULL || fovea_op_find(rule->op) != NULL;
        return fovea_op_find(op_type) != NULL && !is_ours(op_type);
    }
    /* What ONNX cannot say is in our own domain; previews of ONNX' own have the final names. */
    return (g_str_equal(domain, "fovea") || g_str_equal(domain, "ai.onnx.preview")) &&
           fovea_op_find(op_type) != NULL && !is_ours(op_type);
}

/* Before opset 7 operators broadcast by attributes, which we do not read; these have no such thing. */
static gboolean never_changed(const char *op_type)
{
    static const char *const names[] = {"Identity", "Not", "Shape", "Transpose"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(op_type, names[i]))
            return TRUE;
    }
    return FALSE;
}

gboolean fovea_onnx_build_node(OnnxBuild *b, GError **error)
{
    const OnnxNode *node = b->node;
    const OnnxRule *rule = fovea_onnx_is_default_domain(node->domain)
                               ? fovea_onnx_rule(node->op_type)
                               : NULL;
    if (fovea_onnx_is_default_domain(node->domain) && (b->opset < 7 || b->opset > 28) &&
        !(b->opset >= 1 && b->opset < 7 && never_changed(node->op_type)))
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model uses operator set %" G_GINT64_FORMAT "; Fovea reads 7 to 28",
                          b->opset);
    if (rule != NULL && rule->build != NULL)
        return rule->build(b, error);
    const char *name = rule != NULL ? rule->op : node->op_type;
    return fovea_onnx_emit(b, name, error) != NULL;
}
