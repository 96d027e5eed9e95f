/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The operator Pointwise, and what all pointwise families share: broadcasting, types, and the
 * symbolic evaluation of small integer results.
 *
 * Pointwise (ours)
 * Math:   out = fx(in[0], in[1], ...), the node's scalar expression.
 * Shape:  the inputs read element by element broadcast to the output; inputs read as tables (FX_LOAD)
 *         have any shape.
 * Types:  of the output: as set by who made the node, else from the expression's class.
 * Errors: SHAPE; RANGE (a table index).
 */
#include "ops/pointwise.h"
#include "ops/sample.h"

static const char *class_names(guint types)
{
    switch (types) {
    case PW_FLOAT: return "floating point";
    case PW_INT: return "integer";
    case PW_BOOL: return "bool";
    case PW_NUMBER: return "numeric";
    case PW_INT | PW_BOOL: return "integer or bool";
    default: return "numeric or bool";
    }
}

gboolean fovea_check_type(const FoveaNode *node, guint slot, guint types, GError **error)
{
    static const guint bit[] = {
        [FOVEA_FX_F] = PW_FLOAT, [FOVEA_FX_I] = PW_INT, [FOVEA_FX_B] = PW_BOOL};
    const FoveaValue *value = fovea_node_in(node, slot);
    if (value == NULL || bit[fovea_fx_class_of(value->dtype)] & types)
        return TRUE;
    return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "input %u is %s, but must be %s", slot,
                           fovea_dtype_name(value->dtype), class_names(types));
}

static gboolean infer_result(FoveaGraph *graph, FoveaNode *node, FoveaDtype dtype, GError **error)
{
    FoveaDim dims[FOVEA_MAX_RANK];
    gint rank;
    if (!fovea_infer_broadcast(graph, node, node->in, node->n_in, &rank, dims, error))
        return FALSE;
    fovea_infer_set(node->out[0], dtype, rank, dims);
    fovea_infer_expr_content(graph, node);
    return TRUE;
}

gboolean fovea_infer_pointwise(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return infer_result(graph, node, node->in[0]->dtype, error);
}

gboolean fovea_infer_compare(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return infer_result(graph, node, FOVEA_DTYPE_BOOL, error);
}

static gboolean check_types(const FoveaNode *node, guint types, GError **error)
{
    FoveaDtype dtype = node->in[0]->dtype;
    if (!fovea_check_type(node, 0, types, error))
        return FALSE;
    for (guint k = 1; k < node->n_in; k++) {
        if (node->in[k] != NULL && node->in[k]->dtype != dtype)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "inputs of types %s and %s do not go together",
                                   fovea_dtype_name(dtype), fovea_dtype_name(node->in[k]->dtype));
    }
    return TRUE;
}

gboolean fovea_infer_typed(FoveaGraph *graph, FoveaNode *node, guint types, GError **error)
{
    return check_types(node, types, error) && fovea_infer_pointwise(graph, node, error);
}

gboolean fovea_infer_compare_of(FoveaGraph *graph, FoveaNode *node, guint types, GError **error)
{
    return check_types(node, types, error) && fovea_infer_compare(graph, node, error);
}

gboolean fovea_infer_float(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_typed(graph, node, PW_FLOAT, error);
}

gboolean fovea_infer_number(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return fovea_infer_typed(graph, node, PW_NUMBER, error);
}

gboolean fovea_pw_end(FoveaExpr *fx, guint16 result, FoveaDtype dtype)
{
    if (result == FOVEA_FX_FULL)
        return FALSE;
    if (fovea_fx_class_of(dtype) == FOVEA_FX_I && fovea_dtype_size(dtype) < 8)
        result = fovea_fx_cast(fx, result, dtype);
    if (result == FOVEA_FX_FULL || (result + 1u != fx->n && fx->n == FOVEA_FX_MAX_NODES))
        return FALSE;
    fovea_fx_finish(fx, result);
    return TRUE;
}

gboolean fovea_pw_unary(const FoveaNode *node, FoveaExpr *fx, FoveaFxOp op)
{
    guint16 x = fovea_pw_arg(node, fx, 0);
    return fovea_pw_end(fx, fovea_fx_op(fx, op, x, 0, 0), node->in[0]->dtype);
}

gboolean fovea_pw_binary(const FoveaNode *node, FoveaExpr *fx, FoveaFxOp op)
{
    guint16 a = fovea_pw_arg(node, fx, 0), b = fovea_pw_arg(node, fx, 1);
    return fovea_pw_end(fx, fovea_fx_op(fx, op, a, b, 0), node->in[0]->dtype);
}

gboolean fovea_pw_test(const FoveaNode *node, FoveaExpr *fx, FoveaFxOp op, guint first,
                       guint second)
{
    guint16 a = fovea_pw_arg(node, fx, first), b = fovea_pw_arg(node, fx, second);
    return fovea_pw_end(fx, fovea_fx_op(fx, op, a, b, 0), FOVEA_DTYPE_BOOL);
}

/* ---- small integer results as expressions of named scalars ---- */

/* The sign of a - b where it is the same for all permitted scalars: -1, 0, 1; else 2, or 3 and 4
 * for "not positive" and "not negative". */
static gint compare(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    gint64 low, high;
    if (fovea_dim_equal(a, b))
        return 0;
    if (a.terms == 0 && b.terms == 0)
        return a.c < b.c ? -1 : 1;
    fovea_dim_bounds(syms, fovea_dim_sub(syms, a, b), &low, &high);
    return high < 0 ? -1 : low > 0 ? 1 : high <= 0 ? 3 : low >= 0 ? 4 : 2;
}

static gboolean from_test(gboolean yes, gboolean no, FoveaDim *out)
{
    *out = fovea_dim(yes);
    return yes || no;
}

static gboolean eval_cast(FoveaSyms *syms, FoveaDim a, FoveaDtype to, FoveaDim *out)
{
    gint64 low, high;
    guint bits = (guint)fovea_dtype_size(to) * 8;
    gboolean is_signed = to == FOVEA_DTYPE_I8 || to == FOVEA_DTYPE_I16 || to == FOVEA_DTYPE_I32 ||
                         to == FOVEA_DTYPE_I64;
    *out = a;
    if (fovea_fx_class_of(to) != FOVEA_FX_I)
        return FALSE;
    fovea_dim_bounds(syms, a, &low, &high);
    if (bits == 64)
        return is_signed || low >= 0;
    gint64 top = (gint64)1 << (is_signed ? bits - 1 : bits);
    return low >= (is_signed ? -top : 0) && high < top;
}

/* One operation of class I or B on expressions. FALSE: not decided. */
static gboolean eval_symbolic(FoveaSyms *syms, const FoveaFxNode *node, FoveaDim a, FoveaDim b,
                              FoveaDim c, FoveaDim *out)
{
    gint order = compare(syms, a, b);
    gint sign = compare(syms, a, fovea_dim(0));
    gboolean natural = (sign == 0 || sign == 1 || sign == 4) && compare(syms, b, fovea_dim(0)) == 1;
    switch (node->op) {
    case FX_ADD: *out = fovea_dim_add(syms, a, b); return TRUE;
    case FX_SUB: *out = fovea_dim_sub(syms, a, b); return TRUE;
    case FX_MUL: *out = fovea_dim_mul(syms, a, b); return TRUE;
    case FX_DIV: *out = fovea_dim_div(syms, a, b); return natural;
    case FX_FMOD:
    case FX_MOD: *out = fovea_dim_mod(syms, a, b); return natural;
    case FX_MIN: *out = fovea_dim_min(syms, a, b); return TRUE;
    case FX_MAX: *out = fovea_dim_max(syms, a, b); return TRUE;
    case FX_NEG: *out = fovea_dim_sub(syms, fovea_dim(0), a); return TRUE;
    case FX_ABS: *out = a; return sign == 0 || sign == 1 || sign == 4;
    case FX_SIGN: *out = fovea_dim(sign); return sign >= -1 && sign <= 1;
    case FX_EQ: return from_test(order == 0, order == -1 || order == 1, out);
    case FX_LT: return from_test(order == -1, order == 0 || order == 1 || order == 4, out);
    case FX_LE: return from_test(order == -1 || order == 0 || order == 3, order == 1, out);
    case FX_SELECT: *out = a.c != 0 ? b : c; return fovea_dim_is_const(a);
    case FX_CAST: return eval_cast(syms, a, (FoveaDtype)node->i, out);
    case FX_NOT: *out = fovea_dim(!a.c); return fovea_dim_is_const(a);
    case FX_AND: *out = fovea_dim(a.c & b.c); break;
    case FX_OR: *out = fovea_dim(a.c | b.c); break;
    case FX_XOR: *out = fovea_dim(a.c ^ b.c); break;
    default: return FALSE;
    }
    return fovea_dim_is_const(a) && fovea_dim_is_const(b);
}

/* The expression at one element, whose operands are args. */
static gboolean eval_dims(FoveaSyms *syms, const FoveaExpr *fx, const FoveaDim *args, FoveaDim *out)
{
    FoveaDim v[FOVEA_FX_MAX_NODES];
    FoveaFxValue fixed[FOVEA_FX_MAX_ARGS];
    gboolean all_fixed = TRUE;
    for (guint k = 0; k < fx->n_args; k++) {
        all_fixed &= fovea_dim_is_const(args[k]);
        fixed[k].i = args[k].c;
    }
    if (all_fixed) { /* exactly what the run would compute, wrapping included */
        *out = fovea_dim(fovea_expr_eval(fx, fixed, NULL, NULL, NULL).i);
        return TRUE;
    }
    for (guint i = 0; i < fx->n; i++) {
        const FoveaFxNode *node = &fx->node[i];
        if (node->klass == FOVEA_FX_F)
            return FALSE;
        if (node->op == FX_CONST)
            v[i] = fovea_dim(node->i);
        else if (node->op == FX_ARG)
            v[i] = args[node->i];
        else if (node->op == FX_INDEX || node->op == FX_LOAD ||
                 !eval_symbolic(syms, node, v[node->a], v[node->b], v[node->c], &v[i]))
            return FALSE;
    }
    *out = v[fx->n - 1];
    return TRUE;
}

static gboolean has_class_f_or_loads(const FoveaExpr *fx)
{
    for (guint i = 0; i < fx->n; i++) {
        if (fx->node[i].op == FX_INDEX || fx->node[i].op == FX_LOAD ||
            (fx->node[i].op == FX_ARG && fx->node[i].klass == FOVEA_FX_F))
            return TRUE;
    }
    return fx->node[fx->n - 1].klass == FOVEA_FX_F;
}

static gboolean fixed_dims(const FoveaValue *value, gint64 *dims)
{
    if (!fovea_value_is_fixed(value))
        return FALSE;
    for (gint i = 0; i < value->rank; i++)
        dims[i] = value->dims[i].c;
    return TRUE;
}

void fovea_infer_expr_content(FoveaGraph *graph, FoveaNode *node)
{
    FoveaExpr fx;
    FoveaView views[FOVEA_FX_MAX_ARGS] = {0};
    FoveaDim content[FOVEA_FX_MAX_ARGS][FOVEA_MAX_CONTENT], args[FOVEA_FX_MAX_ARGS];
    FoveaDim result[FOVEA_MAX_CONTENT];
    const gint64 *strides[FOVEA_FX_MAX_ARGS];
    gint64 dims[FOVEA_MAX_RANK], out_dims[FOVEA_MAX_RANK], count;
    FoveaValue *out = node->out[0];
    if (fovea_fx_class_of(out->dtype) == FOVEA_FX_F || !fixed_dims(out, out_dims) ||
        !fovea_shape_count((guint)out->rank, out_dims, &count) || count > FOVEA_MAX_CONTENT ||
        !fovea_node_expr(node, &fx) || has_class_f_or_loads(&fx))
        return;
    for (guint k = 0; k < fx.n_args; k++) {
        const FoveaValue *in = fovea_node_in(node, k);
        guint n;
        strides[k] = views[k].strides;
        content[k][0] = args[k] = fovea_dim(0);
        if (in == NULL)
            continue;
        if (!fovea_infer_content(graph, in, content[k], &n) || !fixed_dims(in, dims))
            return;
        FoveaView view = fovea_view_make(in->dtype, (guint)in->rank, dims, NULL);
        if (!fovea_view_broadcast(&view, (guint)out->rank, out_dims, &views[k]))
            return;
    }
    if (count == 0) {
        fovea_value_set_content(out, result, 0);
        return;
    }
    FoveaWalk walk;
    guint n = 0;
    fovea_walk_init(&walk, (guint)out->rank, out_dims, fx.n_args, strides);
    do {
        for (guint k = 0; k < fx.n_args; k++)
            args[k] = content[k][walk.at[k]];
        if (!eval_dims(graph->syms, &fx, args, &result[n++]))
            return;
    } while (fovea_walk_next(&walk));
    fovea_value_set_content(out, result, n);
}

/* ---- Pointwise ---- */

static FoveaDtype dtype_of_class(const FoveaNode *node, FoveaFxClass klass)
{
    static const FoveaDtype plain[] = {[FOVEA_FX_F] = FOVEA_DTYPE_F32,
                                       [FOVEA_FX_I] = FOVEA_DTYPE_I64,
                                       [FOVEA_FX_B] = FOVEA_DTYPE_BOOL};
    for (guint k = 0; k < node->n_in; k++) {
        if (node->in[k] != NULL && fovea_fx_class_of(node->in[k]->dtype) == klass)
            return node->in[k]->dtype;
    }
    return plain[klass];
}

static gboolean infer_fx(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    FoveaValue *read[FOVEA_FX_MAX_ARGS] = {NULL}, *out = node->out[0];
    const FoveaExpr *fx = node->fx;
    FoveaDim dims[FOVEA_MAX_RANK];
    gint rank;
    if (fx == NULL || fx->n == 0)
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "the node has no expression");
    for (guint i = 0; i < fx->n; i++) {
        if (fx->node[i].op == FX_ARG)
            read[fx->node[i].i] = fovea_node_in(node, (guint)fx->node[i].i);
    }
    if (!fovea_infer_broadcast(graph, node, read, FOVEA_FX_MAX_ARGS, &rank, dims, error))
        return FALSE;
    FoveaFxClass klass = fx->node[fx->n - 1].klass;
    FoveaDtype dtype = out->dtype != FOVEA_DTYPE_NONE && fovea_fx_class_of(out->dtype) == klass
                           ? out->dtype
                           : dtype_of_class(node, klass);
    if (rank == 0 && out->rank > 0) /* only constants and positions: who made it set the shape */
        fovea_infer_set(out, dtype, out->rank, out->dims);
    else
        fovea_infer_set(out, dtype, rank, dims);
    fovea_infer_expr_content(graph, node);
    return TRUE;
}

static gboolean expr_fx(const FoveaNode *node, FoveaExpr *fx)
{
    if (node->fx == NULL)
        return FALSE;
    *fx = *node->fx;
    return TRUE;
}

/* Case 0: a chain with a broadcast operand; 1: positions and a table; 2: bool result. */
static gboolean sample_fx(FoveaSample *sample, guint index)
{
    FoveaExpr *fx;
    if (index > 2)
        return FALSE;
    fx = sample->node->fx = g_new0(FoveaExpr, 1);
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 17, 33), -2, 2);
    guint16 x = fovea_fx_arg(fx, 0, FOVEA_FX_F);
    if (index == 0) {
        fovea_sample_f32(sample, 1, FOVEA_DIMS(17, 1), -1, 1);
        guint16 b = fovea_fx_arg(fx, 1, FOVEA_FX_F);
        guint16 s = fovea_fx_op(fx, FX_ADD, x, b, 0);
        fovea_fx_finish(fx, fovea_fx_op(fx, FX_MUL, s, fovea_fx_op(fx, FX_SIGMOID, s, 0, 0), 0));
    } else if (index == 1) {
        fovea_sample_f32(sample, 1, FOVEA_DIMS(33), -1, 1);
        guint16 t = fovea_fx_load(fx, 1, FOVEA_FX_F, fovea_fx_index(fx, 2));
        fovea_fx_finish(fx, fovea_fx_op(fx, FX_ADD, x, t, 0));
    } else {
        fovea_fx_finish(fx, fovea_fx_op(fx, FX_LT, x, fovea_fx_const(fx, 0.25), 0));
    }
    return TRUE;
}

const FoveaOp fovea_op_Pointwise = {.name = "Pointwise",
                                    .min_in = 0,
                                    .max_in = FOVEA_FX_MAX_ARGS,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .infer = infer_fx,
                                    .expr = expr_fx,
                                    .sample = sample_fx};
