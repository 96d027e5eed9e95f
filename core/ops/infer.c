/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Helpers of shape rules: setting outputs, broadcasting, and integers that are known while the plan
 * is made.
 */
#include "ops/op.h"

gboolean fovea_node_fail(const FoveaNode *node, GError **error, FoveaError code, const char *format,
                         ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (node->name != NULL && node->name[0] != '\0')
        return fovea_fail(error, code, "%s '%s': %s", node->op->name, node->name, text);
    if (node->n_out > 0 && node->out[0] != NULL && node->out[0]->name != NULL)
        return fovea_fail(error, code, "%s that makes '%s': %s", node->op->name, node->out[0]->name,
                          text);
    return fovea_fail(error, code, "%s: %s", node->op->name, text);
}

gboolean fovea_node_infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaOp *op = node->op;
    guint needed = op->max_in == 255 ? node->n_in : op->min_in;
    if (node->n_in < op->min_in ||
        (op->max_in != 255 && node->n_in > op->max_in && !fovea_node_has_epilogue(node)))
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "it has %u inputs", node->n_in);
    if (node->n_out < op->min_out || (op->max_out != 255 && node->n_out > op->max_out))
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "it has %u outputs", node->n_out);
    for (guint k = 0; k < node->n_in; k++) {
        const FoveaValue *value = node->in[k];
        if (value == NULL && k < needed)
            return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "input %u is missing", k);
        if (value != NULL && (value->rank < 0 || value->dtype == FOVEA_DTYPE_NONE))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the type or shape of its input '%s' is not known", value->name);
    }
    if (op->infer == NULL)
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED, "it has no shape rule");
    for (guint k = 0; k < op->min_out; k++) {
        if (node->out[k] == NULL)
            return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "output %u is missing", k);
    }
    return op->infer(graph, node, error);
}

gboolean fovea_infer_set(FoveaValue *value, FoveaDtype dtype, gint rank, const FoveaDim *dims)
{
    if (value == NULL)
        return TRUE;
    if (rank > FOVEA_MAX_RANK)
        return FALSE;
    value->dtype = dtype;
    value->rank = rank;
    for (gint i = 0; i < rank; i++)
        value->dims[i] = dims[i];
    return TRUE;
}

gboolean fovea_infer_like(FoveaValue *value, const FoveaValue *like)
{
    return fovea_infer_set(value, like->dtype, like->rank, like->dims);
}

static char *all_shapes(FoveaValue *const *in, guint n)
{
    GString *text = g_string_new(NULL);
    for (guint k = 0; k < n; k++) {
        if (in[k] == NULL)
            continue;
        g_autofree char *one = fovea_value_type_string(in[k]);
        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", one);
    }
    return g_string_free(text, FALSE);
}

gboolean fovea_infer_broadcast(FoveaGraph *graph, const FoveaNode *node, FoveaValue *const *in,
                               guint n, gint *rank, FoveaDim *dims, GError **error)
{
    FoveaDim result[FOVEA_MAX_RANK]; /* dims may be that of an input */
    gint top = 0;
    for (guint k = 0; k < n; k++) {
        if (in[k] != NULL)
            top = MAX(top, in[k]->rank);
    }
    for (gint i = 0; i < top; i++)
        result[i] = fovea_dim(1);
    for (guint k = 0; k < n; k++) {
        for (gint i = 0; in[k] != NULL && i < in[k]->rank; i++) {
            FoveaDim *to = &result[top - in[k]->rank + i], d = in[k]->dims[i];
            if (fovea_dim_is(d, 1) || fovea_dim_equal(*to, d))
                continue;
            if (fovea_dim_is(*to, 1)) {
                *to = d;
                continue;
            }
            g_autofree char *shapes = all_shapes(in, n);
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the shapes %s do not broadcast together", shapes);
        }
    }
    *rank = top;
    memcpy(dims, result, sizeof(FoveaDim) * (gsize)top);
    return TRUE;
}

gboolean fovea_infer_content(FoveaGraph *graph, const FoveaValue *value, FoveaDim *content,
                             guint *n)
{
    if (value == NULL)
        return FALSE;
    if (value->constant != NULL) {
        const FoveaTensor *tensor = value->constant;
        if (fovea_dtype_is_float(tensor->dtype) || tensor->n_elements > FOVEA_MAX_CONTENT)
            return FALSE;
        *n = (guint)tensor->n_elements;
        for (guint i = 0; i < *n; i++)
            content[i] = fovea_dim(fovea_load_i64(tensor->dtype, tensor->data, i));
        return TRUE;
    }
    if (value->content == NULL)
        return FALSE;
    *n = value->n_content;
    memcpy(content, value->content, sizeof(FoveaDim) * value->n_content);
    return TRUE;
}

void fovea_infer_pass_content(FoveaGraph *graph, const FoveaValue *in, FoveaValue *out)
{
    FoveaDim content[FOVEA_MAX_CONTENT];
    guint n;
    if (out != NULL && fovea_infer_content(graph, in, content, &n))
        fovea_value_set_content(out, content, n);
}

gboolean fovea_infer_need(const FoveaNode *node, guint slot, GError **error)
{
    FoveaValue *value = fovea_node_in(node, slot);
    node->graph->needed = value;
    return fovea_node_fail(node, error, FOVEA_ERROR_NEED_VALUE,
                           "a shape depends on '%s', whose value is not known when the plan is "
                           "made; give the inputs it is computed from as values",
                           value != NULL && value->name != NULL ? value->name : "?");
}

gboolean fovea_infer_ints(FoveaGraph *graph, const FoveaNode *node, guint slot, FoveaDim *ints,
                          guint max, guint *n, GError **error)
{
    const FoveaValue *value = fovea_node_in(node, slot);
    FoveaDim content[FOVEA_MAX_CONTENT];
    *n = 0;
    if (value == NULL)
        return TRUE;
    if (value->dtype != FOVEA_DTYPE_NONE && fovea_dtype_is_float(value->dtype))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "input %u must hold integers, not %s", slot,
                               fovea_dtype_name(value->dtype));
    if (value->constant != NULL && value->constant->n_elements > max)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "input %u has %" G_GSIZE_FORMAT " entries; at most %u make sense",
                               slot, value->constant->n_elements, max);
    if (!fovea_infer_content(graph, value, content, n))
        return fovea_infer_need(node, slot, error);
    if (*n > max)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "input %u has %u entries; at most %u make sense", slot, *n, max);
    memcpy(ints, content, sizeof(FoveaDim) * *n);
    return TRUE;
}

gboolean fovea_infer_const_ints(FoveaGraph *graph, const FoveaNode *node, guint slot, gint64 *ints,
                                guint max, guint *n, GError **error)
{
    FoveaDim dims[FOVEA_MAX_CONTENT];
    if (!fovea_infer_ints(graph, node, slot, dims, MIN(max, FOVEA_MAX_CONTENT), n, error))
        return FALSE;
    for (guint i = 0; i < *n; i++) {
        if (!fovea_dim_is_const(dims[i]))
            return fovea_infer_need(node, slot, error);
        ints[i] = dims[i].c;
    }
    return TRUE;
}
