/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running a node by its reference: the operator itself, or its expression over broadcast views,
 * then the epilogue.
 */
#include "ops/op.h"

gboolean fovea_node_expr(const FoveaNode *node, FoveaExpr *fx)
{
    memset(fx, 0, sizeof *fx);
    return node->op->expr != NULL && node->op->expr(node, fx) && fx->n > 0;
}

typedef struct {
    const FoveaView *const *args;
    gint64 count[FOVEA_FX_MAX_ARGS];
    gboolean contiguous[FOVEA_FX_MAX_ARGS];
    FoveaFxClass klass[FOVEA_FX_MAX_ARGS]; /* in which a table is read */
    gboolean outside;                      /* a load was outside its table */
    gint64 bad_index;
    guint bad_table;
} Tables;

static FoveaFxValue load_as(FoveaFxClass klass, const FoveaView *view, gint64 at)
{
    FoveaFxValue value = {.i = 0};
    if (klass == FOVEA_FX_F)
        value.f = fovea_load_f64(view->dtype, view->data, at);
    else if (klass == FOVEA_FX_I)
        value.i = fovea_load_i64(view->dtype, view->data, at);
    else
        value.i = fovea_load_f64(view->dtype, view->data, at) != 0;
    return value;
}

static FoveaFxValue load_table(guint number, gint64 element, gpointer data)
{
    Tables *tables = data;
    const FoveaView *view = tables->args[number];
    if (element < 0 || element >= tables->count[number]) {
        tables->outside = TRUE;
        tables->bad_index = element;
        tables->bad_table = number;
        return (FoveaFxValue){.i = 0};
    }
    gint64 at = 0;
    if (tables->contiguous[number]) {
        at = element;
    } else {
        for (guint i = view->rank; i-- > 0;) {
            at += element % view->dims[i] * view->strides[i];
            element /= view->dims[i];
        }
    }
    return load_as(tables->klass[number], view, at);
}

/* What each operand is used for: as an element at the output's position, or as a flat table. */
typedef struct {
    gboolean arg[FOVEA_FX_MAX_ARGS], table[FOVEA_FX_MAX_ARGS];
    FoveaFxClass klass[FOVEA_FX_MAX_ARGS];
} Operands;

static void find_operands(const FoveaExpr *fx, Operands *operands)
{
    memset(operands, 0, sizeof *operands);
    for (guint i = 0; i < fx->n; i++) {
        const FoveaFxNode *node = &fx->node[i];
        if (node->op != FX_ARG && node->op != FX_LOAD)
            continue;
        *(node->op == FX_ARG ? &operands->arg[node->i] : &operands->table[node->i]) = TRUE;
        operands->klass[node->i] = node->klass;
    }
}

static gboolean prepare(const FoveaNode *node, const FoveaExpr *fx, const Operands *operands,
                        const FoveaView *const *args, const FoveaView *out, FoveaView *wide,
                        Tables *tables, GError **error)
{
    for (guint k = 0; k < fx->n_args; k++) {
        if (!operands->arg[k] && !operands->table[k])
            continue;
        if (args[k] == NULL)
            return fovea_node_fail(node, error, FOVEA_ERROR_ARGUMENT, "operand %u is missing", k);
        tables->klass[k] = operands->klass[k];
        tables->count[k] = fovea_view_count(args[k]);
        tables->contiguous[k] = fovea_view_is_contiguous(args[k]);
        if (operands->arg[k] && !fovea_view_broadcast(args[k], out->rank, out->dims, &wide[k])) {
            g_autofree char *from = fovea_shape_to_string(args[k]->rank, args[k]->dims);
            g_autofree char *to = fovea_shape_to_string(out->rank, out->dims);
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "operand %u of shape %s does not broadcast to %s", k, from, to);
        }
    }
    return TRUE;
}

static gboolean run_expr(const FoveaNode *node, const FoveaExpr *fx, const FoveaView *const *args,
                         const FoveaView *out, GError **error)
{
    FoveaView wide[FOVEA_FX_MAX_ARGS] = {0};
    const gint64 *strides[FOVEA_FX_MAX_ARGS + 1];
    FoveaFxValue value[FOVEA_FX_MAX_ARGS] = {0};
    Tables tables = {.args = args};
    Operands operands;
    FoveaWalk walk;
    find_operands(fx, &operands);
    if (!prepare(node, fx, &operands, args, out, wide, &tables, error))
        return FALSE;
    for (guint k = 0; k < fx->n_args; k++)
        strides[k] = wide[k].strides; /* zeros for tables */
    strides[fx->n_args] = out->strides;
    fovea_walk_init(&walk, out->rank, out->dims, fx->n_args + 1, strides);
    if (walk.empty)
        return TRUE;
    FoveaFxClass klass = fx->node[fx->n - 1].klass;
    do {
        for (guint k = 0; k < fx->n_args; k++) {
            if (operands.arg[k])
                value[k] = load_as(operands.klass[k], &wide[k], walk.at[k]);
        }
        FoveaFxValue result = fovea_expr_eval(fx, value, walk.index, load_table, &tables);
        if (klass == FOVEA_FX_F)
            fovea_store_f64(out->dtype, out->data, walk.at[fx->n_args], result.f);
        else
            fovea_store_i64(out->dtype, out->data, walk.at[fx->n_args], result.i);
    } while (fovea_walk_next(&walk));
    if (tables.outside)
        return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                               "index %" G_GINT64_FORMAT
                               " is outside its table of %" G_GINT64_FORMAT " elements",
                               tables.bad_index, tables.count[tables.bad_table]);
    return TRUE;
}

static gboolean run_op(const FoveaNode *node, const FoveaView *const *in,
                       const FoveaView *const *out, GError **error)
{
    FoveaExpr fx;
    if (fovea_node_expr(node, &fx))
        return out[0] == NULL || run_expr(node, &fx, in, out[0], error);
    if (node->op->ref == NULL)
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED,
                               "this operator has no reference");
    return node->op->ref(node, in, out, error);
}

/* The operator writes wide numbers into memory of its own; the epilogue reads them as operand 0. */
static gboolean run_with_epilogue(const FoveaNode *node, const FoveaView *const *in,
                                  const FoveaView *const *own, const FoveaView **out,
                                  GError **error)
{
    static const FoveaDtype wide[] = {[FOVEA_FX_F] = FOVEA_DTYPE_F64,
                                      [FOVEA_FX_I] = FOVEA_DTYPE_I64,
                                      [FOVEA_FX_B] = FOVEA_DTYPE_BOOL};
    const FoveaView *args[FOVEA_FX_MAX_ARGS] = {NULL};
    const FoveaView *result = out[0];
    Operands operands;
    find_operands(node->fx, &operands);
    FoveaDtype dtype = wide[operands.arg[0] ? operands.klass[0] : FOVEA_FX_F];
    gsize n = (gsize)fovea_view_count(result);
    void *memory = fovea_try_alloc(n, fovea_dtype_size(dtype), error);
    if (memory == NULL)
        return FALSE;
    FoveaView accumulator = fovea_view_make(dtype, result->rank, result->dims, memory);
    out[0] = args[0] = &accumulator;
    for (guint k = 1; k < node->fx->n_args && node->fx_base + k - 1 < node->n_in; k++)
        args[k] = in[node->fx_base + k - 1];
    gboolean ok = run_op(node, own, out, error) && run_expr(node, node->fx, args, result, error);
    fovea_free(memory);
    return ok;
}

gboolean fovea_node_run_ref(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error)
{
    /* Operators may look at any of their slots: absent ones at the end are NULL too. The extra
     * inputs of an epilogue are not theirs to see. */
    guint n_own = fovea_node_has_epilogue(node) ? MIN(node->fx_base, node->n_in) : node->n_in;
    guint max_in = node->op->max_in == 255 ? 0 : node->op->max_in;
    guint max_out = node->op->max_out == 255 ? 0 : node->op->max_out;
    g_autofree const FoveaView **own = g_new0(const FoveaView *, MAX(n_own, max_in) + 1);
    g_autofree const FoveaView **outs = g_new0(const FoveaView *, MAX(node->n_out, max_out) + 1);
    for (guint k = 0; k < n_own; k++)
        own[k] = in[k];
    for (guint k = 0; k < node->n_out; k++)
        outs[k] = out[k];
    if (fovea_node_has_epilogue(node) && outs[0] != NULL)
        return run_with_epilogue(node, in, own, outs, error);
    return run_op(node, own, outs, error);
}
