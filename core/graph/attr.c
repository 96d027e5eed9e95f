/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attributes of nodes.
 */
#include "graph/graph.h"

const FoveaAttr *fovea_node_attr(const FoveaNode *node, const char *name)
{
    for (guint i = 0; i < node->n_attrs; i++) {
        if (g_str_equal(node->attrs[i].name, name))
            return &node->attrs[i];
    }
    return NULL;
}

gint64 fovea_node_attr_int(const FoveaNode *node, const char *name, gint64 fallback)
{
    const FoveaAttr *attr = fovea_node_attr(node, name);
    return attr != NULL && attr->type == FOVEA_ATTR_INT ? attr->i : fallback;
}

double fovea_node_attr_float(const FoveaNode *node, const char *name, double fallback)
{
    const FoveaAttr *attr = fovea_node_attr(node, name);
    return attr != NULL && attr->type == FOVEA_ATTR_FLOAT ? (double)attr->f : fallback;
}

const char *fovea_node_attr_string(const FoveaNode *node, const char *name, const char *fallback)
{
    const FoveaAttr *attr = fovea_node_attr(node, name);
    return attr != NULL && attr->type == FOVEA_ATTR_STRING ? attr->s : fallback;
}

const gint64 *fovea_node_attr_ints(const FoveaNode *node, const char *name, guint *n)
{
    const FoveaAttr *attr = fovea_node_attr(node, name);
    gboolean fits = attr != NULL && attr->type == FOVEA_ATTR_INTS;
    *n = fits ? attr->n : 0;
    return fits ? attr->ints : NULL;
}

const float *fovea_node_attr_floats(const FoveaNode *node, const char *name, guint *n)
{
    const FoveaAttr *attr = fovea_node_attr(node, name);
    gboolean fits = attr != NULL && attr->type == FOVEA_ATTR_FLOATS;
    *n = fits ? attr->n : 0;
    return fits ? attr->floats : NULL;
}

void fovea_attr_clear(FoveaAttr *attr)
{
    switch (attr->type) {
    case FOVEA_ATTR_INTS: g_free(attr->ints); break;
    case FOVEA_ATTR_FLOATS: g_free(attr->floats); break;
    case FOVEA_ATTR_STRINGS: g_free(attr->strings); break;
    case FOVEA_ATTR_TENSOR: fovea_tensor_unref(attr->tensor); break;
    case FOVEA_ATTR_GRAPH: fovea_graph_free(attr->graph); break;
    case FOVEA_ATTR_INT:
    case FOVEA_ATTR_FLOAT:
    case FOVEA_ATTR_STRING: break;
    }
}

void fovea_node_remove_attr(FoveaNode *node, const char *name)
{
    for (guint i = 0; i < node->n_attrs; i++) {
        if (!g_str_equal(node->attrs[i].name, name))
            continue;
        fovea_attr_clear(&node->attrs[i]);
        node->attrs[i] = node->attrs[--node->n_attrs];
        return;
    }
}

static FoveaAttr *slot_for(FoveaNode *node, const char *name, FoveaAttrType type)
{
    fovea_node_remove_attr(node, name);
    node->attrs = g_renew(FoveaAttr, node->attrs, node->n_attrs + 1);
    FoveaAttr *attr = &node->attrs[node->n_attrs++];
    memset(attr, 0, sizeof *attr);
    attr->name = fovea_graph_intern(node->graph, name);
    attr->type = type;
    return attr;
}

void fovea_node_set_int(FoveaNode *node, const char *name, gint64 value)
{
    slot_for(node, name, FOVEA_ATTR_INT)->i = value;
}

void fovea_node_set_float(FoveaNode *node, const char *name, float value)
{
    slot_for(node, name, FOVEA_ATTR_FLOAT)->f = value;
}

void fovea_node_set_string(FoveaNode *node, const char *name, const char *value)
{
    slot_for(node, name, FOVEA_ATTR_STRING)->s = fovea_graph_intern(node->graph, value);
}

void fovea_node_set_ints(FoveaNode *node, const char *name, const gint64 *values, guint n)
{
    gint64 *copy = g_new0(gint64, n + 1);
    if (n > 0)
        memcpy(copy, values, n * sizeof *values);
    FoveaAttr *attr = slot_for(node, name, FOVEA_ATTR_INTS);
    attr->ints = copy;
    attr->n = n;
}

void fovea_node_set_floats(FoveaNode *node, const char *name, const float *values, guint n)
{
    float *copy = g_new0(float, n + 1);
    if (n > 0)
        memcpy(copy, values, n * sizeof *values);
    FoveaAttr *attr = slot_for(node, name, FOVEA_ATTR_FLOATS);
    attr->floats = copy;
    attr->n = n;
}

void fovea_node_set_tensor(FoveaNode *node, const char *name, FoveaTensor *value)
{
    fovea_tensor_ref(value);
    slot_for(node, name, FOVEA_ATTR_TENSOR)->tensor = value;
}

void fovea_node_set_graph(FoveaNode *node, const char *name, FoveaGraph *value)
{
    slot_for(node, name, FOVEA_ATTR_GRAPH)->graph = value;
}

void fovea_node_set_strings(FoveaNode *node, const char *name, const char *const *values, guint n)
{
    const char **copy = g_new0(const char *, n + 1);
    for (guint i = 0; i < n; i++)
        copy[i] = fovea_graph_intern(node->graph, values[i]);
    FoveaAttr *attr = slot_for(node, name, FOVEA_ATTR_STRINGS);
    attr->strings = copy;
    attr->n = n;
}

static void set_copy(FoveaNode *to, const FoveaAttr *attr)
{
    switch (attr->type) {
    case FOVEA_ATTR_INT: fovea_node_set_int(to, attr->name, attr->i); break;
    case FOVEA_ATTR_FLOAT: fovea_node_set_float(to, attr->name, attr->f); break;
    case FOVEA_ATTR_STRING: fovea_node_set_string(to, attr->name, attr->s); break;
    case FOVEA_ATTR_INTS: fovea_node_set_ints(to, attr->name, attr->ints, attr->n); break;
    case FOVEA_ATTR_FLOATS: fovea_node_set_floats(to, attr->name, attr->floats, attr->n); break;
    case FOVEA_ATTR_TENSOR: fovea_node_set_tensor(to, attr->name, attr->tensor); break;
    case FOVEA_ATTR_STRINGS: fovea_node_set_strings(to, attr->name, attr->strings, attr->n); break;
    case FOVEA_ATTR_GRAPH: {
        FoveaGraph *copy = fovea_graph_clone(attr->graph);
        copy->outer = to->graph;
        fovea_node_set_graph(to, attr->name, copy);
        break;
    }
    }
}

void fovea_node_copy_attrs(FoveaNode *to, const FoveaNode *from)
{
    for (guint i = 0; i < from->n_attrs; i++)
        set_copy(to, &from->attrs[i]);
}
