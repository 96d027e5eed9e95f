/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Simplify: nodes that do nothing go, chains of reshapes and transposes become one, equal nodes are
 * shared. Everything here keeps each value (but for the sign of a zero).
 */
#include "graph/passes/passes.h"

/* TRUE where replacing output 0 by `value` removes a node (an output that would be an input or a
 * constant keeps its node). */
static gboolean can_replace(const FoveaNode *node, const FoveaValue *value)
{
    const FoveaValue *out = node->out[0];
    return value != NULL && out != NULL && value->dtype == out->dtype &&
           (out->output < 0 || (value->output < 0 && value->input < 0 && value->constant == NULL));
}

static gboolean same_as_input(const FoveaNode *node)
{
    return node->n_in > 0 && node->in[0] != NULL && node->out[0] != NULL &&
           node->in[0]->dtype == node->out[0]->dtype &&
           fovea_value_same_shape(node->in[0], node->out[0]);
}

/* Slices of the whole tensor; a negative step of the same size would turn it round. */
static gboolean forward_slice(const FoveaNode *node)
{
    const FoveaValue *steps = fovea_node_in(node, 4);
    return steps == NULL || fovea_all_equal(steps, 1);
}

static FoveaValue *neutral_operand(const FoveaNode *node)
{
    static const struct {
        const char *op;
        double neutral;
        gboolean commutes;
    } rules[] = {{"Add", 0, TRUE},
                 {"Sub", 0, FALSE},
                 {"Mul", 1, TRUE},
                 {"Div", 1, FALSE},
                 {"Pow", 1, FALSE}};
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (!fovea_is_op(node, rules[i].op))
            continue;
        for (guint k = rules[i].commutes ? 0 : 1; k < 2; k++) {
            FoveaValue *other = node->in[1 - k];
            if (fovea_all_equal(node->in[k], rules[i].neutral) &&
                fovea_value_same_shape(other, node->out[0]))
                return other;
        }
    }
    return NULL;
}

static FoveaValue *constant_choice(const FoveaNode *node)
{
    if (!fovea_is_op(node, "Where"))
        return NULL;
    FoveaValue *pick = fovea_all_equal(node->in[0], 1)   ? node->in[1]
                       : fovea_all_equal(node->in[0], 0) ? node->in[2]
                                                         : NULL;
    return pick != NULL && fovea_value_same_shape(pick, node->out[0]) ? pick : NULL;
}

/* The value that output 0 is equal to anyway, or NULL. */
static FoveaValue *does_nothing(const FoveaNode *node)
{
    static const char *const movers[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze",
                                         "Expand",  "Tile",    "Pad",     NULL};
    guint8 perm[FOVEA_MAX_RANK];
    if (fovea_is_op(node, "Identity") || (fovea_is_op(node, "Concat") && node->n_in == 1))
        return node->in[0];
    if (fovea_is_op(node, "Cast") && same_as_input(node))
        return node->in[0];
    if (fovea_is_op(node, "Slice") && same_as_input(node) && forward_slice(node))
        return node->in[0];
    if (fovea_is_op(node, "Pad") && !fovea_all_equal(fovea_node_in(node, 1), 0))
        return NULL; /* a crop and a pad can cancel in size */
    for (guint i = 0; movers[i] != NULL; i++) {
        if (fovea_is_op(node, movers[i]) && same_as_input(node))
            return node->in[0];
    }
    if (fovea_is_op(node, "Transpose") && fovea_perm_of(node, perm)) {
        gint i = 0;
        while (i < node->in[0]->rank && perm[i] == i)
            i++;
        return i == node->in[0]->rank ? node->in[0] : NULL;
    }
    FoveaValue *other = neutral_operand(node);
    return other != NULL ? other : constant_choice(node);
}

/* Transpose of a Transpose. */
static void merge_transposes(FoveaPass *pass, FoveaNode *node)
{
    guint8 outer[FOVEA_MAX_RANK], inner[FOVEA_MAX_RANK];
    gint64 both[FOVEA_MAX_RANK];
    FoveaNode *first = fovea_made_by(node->in[0], "Transpose");
    if (first == NULL || !fovea_perm_of(node, outer) || !fovea_perm_of(first, inner))
        return;
    for (gint i = 0; i < node->in[0]->rank; i++)
        both[i] = inner[outer[i]];
    fovea_node_set_ints(node, "perm", both, (guint)node->in[0]->rank);
    fovea_node_set_input(node, 0, first->in[0]);
    fovea_pass_note(pass, "transposes merged");
}

/* Reshape of a Reshape: one, to the final shape. */
static void merge_reshapes(FoveaPass *pass, FoveaNode *node)
{
    gint64 dims[FOVEA_MAX_RANK];
    FoveaNode *first = node->in[0]->producer;
    const FoveaValue *out = node->out[0];
    if (first == NULL || !fovea_is_reshape(first) || !fovea_value_is_fixed(out))
        return;
    if (!fovea_is_op(node, "Reshape") && !fovea_is_op(first, "Reshape") &&
        !fovea_is_op(first, "Flatten"))
        return; /* Unsqueeze of Unsqueeze and the like: no gain */
    for (gint i = 0; i < out->rank; i++)
        dims[i] = out->dims[i].c;
    FoveaValue *made = fovea_make_reshape(pass->graph, node, first->in[0], (guint)out->rank, dims);
    if (made == NULL || !can_replace(node, made))
        return;
    fovea_replace_node(pass->graph, node, made);
    fovea_pass_note(pass, "reshapes merged");
}

/* Softmax of opset < 13 as the reader writes it: flattened, over the last axis, reshaped back. Where
 * the flattening kept the last axis it is Softmax over it. */
static gboolean unflatten_softmax(FoveaPass *pass, FoveaNode *node)
{
    if (!fovea_is_reshape(node) || node->in[0] == NULL || node->in[0]->producer == NULL)
        return FALSE;
    FoveaNode *soft = node->in[0]->producer;
    if ((!fovea_is_op(soft, "Softmax") && !fovea_is_op(soft, "LogSoftmax")) ||
        fovea_value_only_user(soft->out[0]) != node || soft->in[0]->rank != 2)
        return FALSE;
    FoveaNode *flat = fovea_made_by(soft->in[0], "Flatten");
    FoveaValue *in = flat != NULL ? flat->in[0] : NULL;
    if (in == NULL || in->rank < 1 || !fovea_value_same_shape(in, node->out[0]) ||
        !fovea_dim_equal(in->dims[in->rank - 1], soft->in[0]->dims[1]) ||
        fovea_node_attr_int(soft, "axis", -1) != -1)
        return FALSE;
    FoveaNode *made = fovea_make_node(pass->graph, node, soft->op->name, soft->name, &in, 1);
    fovea_node_set_int(made, "axis", -1);
    FoveaValue *out = fovea_finish_node(made);
    if (out == NULL)
        return FALSE;
    fovea_replace_node(pass->graph, node, out);
    return TRUE;
}

static void rewrite(FoveaPass *pass)
{
    for (FoveaNode *node = pass->graph->first, *next; node != NULL; node = next) {
        next = node->next;
        if (node->n_out == 0 || node->out[0] == NULL)
            continue;
        FoveaValue *same = does_nothing(node);
        if (same != NULL && can_replace(node, same)) {
            fovea_replace_node(pass->graph, node, same);
            continue;
        }
        if (unflatten_softmax(pass, node))
            continue;
        if (fovea_is_op(node, "Transpose"))
            merge_transposes(pass, node);
        else if (fovea_is_reshape(node))
            merge_reshapes(pass, node);
    }
}

/* ---- equal things are one ---- */

/* Small constants are written over and over; equal ones become one, so that their readers can. */
static void share_constants(FoveaPass *pass)
{
    GHashTable *seen = g_hash_table_new_full(g_bytes_hash, g_bytes_equal,
                                             (GDestroyNotify)g_bytes_unref, NULL);
    for (guint i = 0; i < pass->graph->values->len; i++) {
        FoveaValue *value = g_ptr_array_index(pass->graph->values, i);
        if (value == NULL || value->constant == NULL || value->output >= 0 || value->input >= 0 ||
            value->uses->len == 0 || fovea_tensor_n_bytes(value->constant) > 512)
            continue;
        const FoveaTensor *t = value->constant;
        GByteArray *key = g_byte_array_new();
        g_byte_array_append(key, (const guint8 *)&t->dtype, sizeof t->dtype);
        g_byte_array_append(key, (const guint8 *)&t->rank, sizeof t->rank);
        g_byte_array_append(key, (const guint8 *)t->dims, (guint)(t->rank * sizeof t->dims[0]));
        g_byte_array_append(key, t->data, (guint)fovea_tensor_n_bytes(t));
        GBytes *bytes = g_byte_array_free_to_bytes(key);
        FoveaValue *first = g_hash_table_lookup(seen, bytes);
        if (first == NULL) {
            g_hash_table_insert(seen, bytes, value);
            continue;
        }
        g_bytes_unref(bytes);
        fovea_graph_replace(pass->graph, value, first);
    }
    g_hash_table_destroy(seen);
}

static void sign_attr(GByteArray *key, const FoveaAttr *attr)
{
    g_byte_array_append(key, (const guint8 *)attr->name, (guint)strlen(attr->name) + 1);
    g_byte_array_append(key, (const guint8 *)&attr->type, sizeof attr->type);
    switch (attr->type) {
    case FOVEA_ATTR_INT: g_byte_array_append(key, (const guint8 *)&attr->i, sizeof attr->i); break;
    case FOVEA_ATTR_FLOAT:
        g_byte_array_append(key, (const guint8 *)&attr->f, sizeof attr->f);
        break;
    case FOVEA_ATTR_STRING:
        g_byte_array_append(key, (const guint8 *)attr->s, (guint)strlen(attr->s) + 1);
        break;
    case FOVEA_ATTR_INTS:
        g_byte_array_append(key, (const guint8 *)attr->ints,
                            (guint)(attr->n * sizeof attr->ints[0]));
        break;
    case FOVEA_ATTR_FLOATS:
        g_byte_array_append(key, (const guint8 *)attr->floats,
                            (guint)(attr->n * sizeof attr->floats[0]));
        break;
    case FOVEA_ATTR_STRINGS: /* interned: pointers tell */
    case FOVEA_ATTR_TENSOR:
    case FOVEA_ATTR_GRAPH:
        g_byte_array_append(key, (const guint8 *)&attr->tensor, sizeof attr->tensor);
        break;
    }
}

/* Two nodes with one signature compute the same. */
static GBytes *signature(const FoveaNode *node)
{
    GByteArray *key = g_byte_array_new();
    g_byte_array_append(key, (const guint8 *)&node->op, sizeof node->op);
    g_byte_array_append(key, (const guint8 *)&node->n_in, sizeof node->n_in);
    for (guint i = 0; i < node->n_in; i++)
        g_byte_array_append(key, (const guint8 *)&node->in[i], sizeof node->in[i]);
    for (guint i = 0; i < node->n_attrs; i++)
        sign_attr(key, &node->attrs[i]);
    for (guint i = 0; i < node->n_out; i++) {
        guint8 there = node->out[i] != NULL;
        g_byte_array_append(key, &there, 1);
    }
    return g_byte_array_free_to_bytes(key);
}

/* Scalars nodes have no inputs; their content tells them apart, so they are left alone. */
static gboolean can_share(const FoveaNode *node)
{
    if (node->n_in == 0 || node->fx != NULL || node->spec != NULL)
        return FALSE;
    for (guint i = 0; i < node->n_out; i++) {
        if (node->out[i] != NULL && node->out[i]->output >= 0)
            return FALSE;
    }
    return TRUE;
}

static void share_nodes(FoveaPass *pass)
{
    GHashTable *seen = g_hash_table_new_full(g_bytes_hash, g_bytes_equal,
                                             (GDestroyNotify)g_bytes_unref, NULL);
    for (FoveaNode *node = pass->graph->first, *next; node != NULL; node = next) {
        next = node->next;
        if (!can_share(node))
            continue;
        GBytes *key = signature(node);
        FoveaNode *first = g_hash_table_lookup(seen, key);
        if (first == NULL) {
            g_hash_table_insert(seen, key, node);
            continue;
        }
        g_bytes_unref(key);
        for (guint i = 0; i < node->n_out; i++) {
            if (node->out[i] != NULL)
                fovea_graph_replace(pass->graph, node->out[i], first->out[i]);
        }
        fovea_graph_remove_node(pass->graph, node);
        fovea_pass_note(pass, "equal nodes shared");
    }
    g_hash_table_destroy(seen);
}

gboolean fovea_pass_simplify(FoveaPass *pass, GError **error)
{
    rewrite(pass);
    fovea_graph_sweep(pass->graph);
    share_constants(pass);
    share_nodes(pass);
    rewrite(pass);
    return TRUE;
}
