/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "graph/expr.h"
#include "tensor/view.h"

static const struct {
    const char *name;
    guint8 arity;
} ops[FX_N_OPS] = {
    [FX_CONST] = {"const", 0}, [FX_ARG] = {"arg", 0},         [FX_INDEX] = {"index", 0},
    [FX_LOAD] = {"load", 1},   [FX_ADD] = {"add", 2},         [FX_SUB] = {"sub", 2},
    [FX_MUL] = {"mul", 2},     [FX_DIV] = {"div", 2},         [FX_MOD] = {"mod", 2},
    [FX_FMOD] = {"fmod", 2},   [FX_POW] = {"pow", 2},         [FX_MIN] = {"min", 2},
    [FX_MAX] = {"max", 2},     [FX_NEG] = {"neg", 1},         [FX_ABS] = {"abs", 1},
    [FX_SIGN] = {"sign", 1},   [FX_FLOOR] = {"floor", 1},     [FX_CEIL] = {"ceil", 1},
    [FX_ROUND] = {"round", 1}, [FX_TRUNC] = {"trunc", 1},     [FX_SQRT] = {"sqrt", 1},
    [FX_RECIP] = {"recip", 1}, [FX_EXP] = {"exp", 1},         [FX_LOG] = {"log", 1},
    [FX_SIN] = {"sin", 1},     [FX_COS] = {"cos", 1},         [FX_TAN] = {"tan", 1},
    [FX_ASIN] = {"asin", 1},   [FX_ACOS] = {"acos", 1},       [FX_ATAN] = {"atan", 1},
    [FX_SINH] = {"sinh", 1},   [FX_COSH] = {"cosh", 1},       [FX_ASINH] = {"asinh", 1},
    [FX_ACOSH] = {"acosh", 1}, [FX_ATANH] = {"atanh", 1},     [FX_TANH] = {"tanh", 1},
    [FX_ERF] = {"erf", 1},     [FX_SIGMOID] = {"sigmoid", 1}, [FX_EQ] = {"eq", 2},
    [FX_LT] = {"lt", 2},       [FX_LE] = {"le", 2},           [FX_ISNAN] = {"isnan", 1},
    [FX_ISINF] = {"isinf", 1}, [FX_AND] = {"and", 2},         [FX_OR] = {"or", 2},
    [FX_XOR] = {"xor", 2},     [FX_NOT] = {"not", 1},         [FX_BITAND] = {"bitand", 2},
    [FX_BITOR] = {"bitor", 2}, [FX_BITXOR] = {"bitxor", 2},   [FX_BITNOT] = {"bitnot", 1},
    [FX_SHL] = {"shl", 2},     [FX_SHR] = {"shr", 2},         [FX_SELECT] = {"select", 3},
    [FX_CAST] = {"cast", 1},
};

FoveaFxClass fovea_fx_class_of(FoveaDtype dtype)
{
    return dtype == FOVEA_DTYPE_BOOL     ? FOVEA_FX_B
           : fovea_dtype_is_float(dtype) ? FOVEA_FX_F
                                         : FOVEA_FX_I;
}

guint fovea_fx_arity(FoveaFxOp op)
{
    return ops[op].arity;
}

const char *fovea_fx_op_name(FoveaFxOp op)
{
    return ops[op].name;
}

static guint16 add_node(FoveaExpr *fx, const FoveaFxNode *node)
{
    for (guint i = 0; i < fx->n; i++) {
        const FoveaFxNode *have = &fx->node[i];
        if (have->op == node->op && have->klass == node->klass && have->a == node->a &&
            have->b == node->b && have->c == node->c && have->i == node->i)
            return (guint16)i;
    }
    if (fx->n == FOVEA_FX_MAX_NODES)
        return FOVEA_FX_FULL;
    fx->node[fx->n] = *node;
    return (guint16)fx->n++;
}

guint16 fovea_fx_const(FoveaExpr *fx, double value)
{
    FoveaFxNode node = {.op = FX_CONST, .klass = FOVEA_FX_F};
    node.f = value;
    return add_node(fx, &node);
}

guint16 fovea_fx_const_i(FoveaExpr *fx, FoveaFxClass klass, gint64 value)
{
    FoveaFxNode node = {.op = FX_CONST, .klass = klass};
    node.i = value;
    return add_node(fx, &node);
}

guint16 fovea_fx_arg(FoveaExpr *fx, guint number, FoveaFxClass klass)
{
    FoveaFxNode node = {.op = FX_ARG, .klass = klass};
    node.i = number;
    if (number >= FOVEA_FX_MAX_ARGS)
        return FOVEA_FX_FULL;
    fx->n_args = MAX(fx->n_args, number + 1);
    return add_node(fx, &node);
}

guint16 fovea_fx_index(FoveaExpr *fx, guint axis)
{
    FoveaFxNode node = {.op = FX_INDEX, .klass = FOVEA_FX_I};
    node.i = axis;
    return add_node(fx, &node);
}

guint16 fovea_fx_load(FoveaExpr *fx, guint number, FoveaFxClass klass, guint16 index)
{
    FoveaFxNode node = {.op = FX_LOAD, .klass = klass, .a = index};
    node.i = number;
    if (number >= FOVEA_FX_MAX_ARGS || index == FOVEA_FX_FULL)
        return FOVEA_FX_FULL;
    fx->n_args = MAX(fx->n_args, number + 1);
    return add_node(fx, &node);
}

static FoveaFxClass result_class(const FoveaExpr *fx, FoveaFxOp op, guint16 a, guint16 b)
{
    switch (op) {
    case FX_EQ:
    case FX_LT:
    case FX_LE:
    case FX_ISNAN:
    case FX_ISINF:
    case FX_AND:
    case FX_OR:
    case FX_XOR:
    case FX_NOT: return FOVEA_FX_B;
    case FX_SELECT: return fx->node[b].klass;
    default: return fx->node[a].klass;
    }
}

guint16 fovea_fx_op(FoveaExpr *fx, FoveaFxOp op, guint16 a, guint16 b, guint16 c)
{
    guint arity = ops[op].arity;
    if (a == FOVEA_FX_FULL || (arity > 1 && b == FOVEA_FX_FULL) ||
        (arity > 2 && c == FOVEA_FX_FULL))
        return FOVEA_FX_FULL;
    FoveaFxNode node = {.op = op, .a = a, .b = arity > 1 ? b : 0, .c = arity > 2 ? c : 0};
    node.klass = result_class(fx, op, a, b);
    return add_node(fx, &node);
}

guint16 fovea_fx_cast(FoveaExpr *fx, guint16 a, FoveaDtype to)
{
    FoveaFxNode node = {.op = FX_CAST, .klass = fovea_fx_class_of(to), .a = a};
    node.i = to;
    return a == FOVEA_FX_FULL ? a : add_node(fx, &node);
}

void fovea_fx_finish(FoveaExpr *fx, guint16 at)
{
    if (at == FOVEA_FX_FULL || at + 1u == fx->n || fx->n == FOVEA_FX_MAX_NODES)
        return;
    /* A cast to its own class changes nothing and can be last. */
    FoveaFxNode node = {.op = FX_CAST, .klass = fx->node[at].klass, .a = at};
    node.i = node.klass == FOVEA_FX_F   ? FOVEA_DTYPE_F32
             : node.klass == FOVEA_FX_I ? FOVEA_DTYPE_I64
                                        : FOVEA_DTYPE_BOOL;
    fx->node[fx->n++] = node;
}

guint16 fovea_fx_inline(FoveaExpr *fx, const FoveaExpr *from, const guint16 *args, guint load_base)
{
    guint16 map[FOVEA_FX_MAX_NODES];
    for (guint i = 0; i < from->n; i++) {
        FoveaFxNode node = from->node[i];
        guint arity = ops[node.op].arity;
        if (node.op == FX_ARG) {
            map[i] = args[node.i];
        } else {
            node.a = arity > 0 ? map[node.a] : 0;
            node.b = arity > 1 ? map[node.b] : 0;
            node.c = arity > 2 ? map[node.c] : 0;
            if (node.op == FX_LOAD)
                node.i += load_base;
            map[i] = add_node(fx, &node);
        }
        if (map[i] == FOVEA_FX_FULL)
            return FOVEA_FX_FULL;
    }
    return from->n > 0 ? map[from->n - 1] : FOVEA_FX_FULL;
}

static double eval_f1(FoveaFxOp op, double a)
{
    switch (op) {
    case FX_NEG: return -a;
    case FX_ABS: return fabs(a);
    case FX_SIGN: return isnan(a) ? a : (double)((a > 0) - (a < 0));
    case FX_FLOOR: return floor(a);
    case FX_CEIL: return ceil(a);
    case FX_ROUND: return rint(a);
    case FX_TRUNC: return trunc(a);
    case FX_SQRT: return sqrt(a);
    case FX_RECIP: return 1.0 / a;
    case FX_EXP: return exp(a);
    case FX_LOG: return log(a);
    case FX_SIN: return sin(a);
    case FX_COS: return cos(a);
    case FX_TAN: return tan(a);
    case FX_ASIN: return asin(a);
    case FX_ACOS: return acos(a);
    case FX_ATAN: return atan(a);
    case FX_SINH: return sinh(a);
    case FX_COSH: return cosh(a);
    case FX_ASINH: return asinh(a);
    case FX_ACOSH: return acosh(a);
    case FX_ATANH: return atanh(a);
    case FX_TANH: return tanh(a);
    case FX_ERF: return erf(a);
    case FX_SIGMOID: return a >= 0 ? 1.0 / (1.0 + exp(-a)) : exp(a) / (1.0 + exp(a));
    default: return a;
    }
}

static double eval_f2(FoveaFxOp op, double a, double b)
{
    double r;
    switch (op) {
    case FX_ADD: return a + b;
    case FX_SUB: return a - b;
    case FX_MUL: return a * b;
    case FX_DIV: return a / b;
    case FX_FMOD: return fmod(a, b);
    case FX_MOD: r = fmod(a, b); return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    case FX_POW: return pow(a, b);
    case FX_MIN: return isnan(a) || isnan(b) ? NAN : fmin(a, b);
    case FX_MAX: return isnan(a) || isnan(b) ? NAN : fmax(a, b);
    default: return 0;
    }
}

static gint64 power_i(gint64 base, gint64 exponent)
{
    guint64 result = 1, factor = (guint64)base;
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result *= factor;
        factor *= factor;
    }
    return (gint64)result;
}

/* Arithmetic wraps, as it does in two's complement; the one overflowing division gives its
 * dividend. */
static gint64 eval_i(FoveaFxOp op, gint64 a, gint64 b)
{
    gint64 r;
    gboolean hazard = b == 0 || (b == -1 && a == G_MININT64);
    switch (op) {
    case FX_ADD: return (gint64)((guint64)a + (guint64)b);
    case FX_SUB: return (gint64)((guint64)a - (guint64)b);
    case FX_MUL: return (gint64)((guint64)a * (guint64)b);
    case FX_DIV: return hazard ? (b == 0 ? 0 : a) : a / b;
    case FX_FMOD: return hazard ? 0 : a % b;
    case FX_MOD: r = hazard ? 0 : a % b; return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    case FX_POW: return power_i(a, b);
    case FX_MIN: return MIN(a, b);
    case FX_MAX: return MAX(a, b);
    case FX_NEG: return (gint64)(0 - (guint64)a);
    case FX_ABS: return a < 0 ? (gint64)(0 - (guint64)a) : a;
    case FX_SIGN: return (a > 0) - (a < 0);
    case FX_BITAND: return a & b;
    case FX_BITOR: return a | b;
    case FX_BITXOR: return a ^ b;
    case FX_BITNOT: return ~a;
    case FX_SHL: return b < 0 || b > 63 ? 0 : (gint64)((guint64)a << b);
    case FX_SHR: return b < 0 || b > 63 ? 0 : (gint64)((guint64)a >> b);
    default: return a; /* floor, ceil, round, trunc of an integer */
    }
}

static FoveaFxValue eval_compare(FoveaFxOp op, FoveaFxClass klass, FoveaFxValue a, FoveaFxValue b)
{
    FoveaFxValue r = {.i = 0};
    gboolean f = klass == FOVEA_FX_F;
    switch (op) {
    case FX_EQ: r.i = f ? a.f == b.f : a.i == b.i; break;
    case FX_LT: r.i = f ? a.f < b.f : a.i < b.i; break;
    case FX_LE: r.i = f ? a.f <= b.f : a.i <= b.i; break;
    case FX_ISNAN: r.i = f && isnan(a.f); break;
    case FX_ISINF: r.i = f && isinf(a.f); break;
    case FX_AND: r.i = a.i & b.i; break;
    case FX_OR: r.i = a.i | b.i; break;
    case FX_XOR: r.i = a.i ^ b.i; break;
    case FX_NOT: r.i = !a.i; break;
    default: break;
    }
    return r;
}

static FoveaFxValue eval_cast(FoveaDtype to, FoveaFxClass from, FoveaFxValue a)
{
    FoveaFxValue r;
    guint64 bits = 0;
    switch (fovea_fx_class_of(to)) {
    case FOVEA_FX_F: r.f = from == FOVEA_FX_F ? a.f : (double)a.i; return r;
    case FOVEA_FX_B: r.i = from == FOVEA_FX_F ? a.f != 0 : a.i != 0; return r;
    case FOVEA_FX_I: break;
    }
    if (from == FOVEA_FX_F)
        fovea_store_f64(to, &bits, 0, a.f);
    else
        fovea_store_i64(to, &bits, 0, a.i);
    r.i = fovea_load_i64(to, &bits, 0);
    return r;
}

static FoveaFxValue eval_node(const FoveaFxNode *node, const FoveaFxNode *nodes,
                              const FoveaFxValue *v)
{
    FoveaFxValue r = {.i = 0};
    FoveaFxClass klass = nodes[node->a].klass;
    if (node->op == FX_CAST)
        return eval_cast((FoveaDtype)node->i, klass, v[node->a]);
    if (node->op == FX_SELECT)
        return v[node->a].i ? v[node->b] : v[node->c];
    if (node->op >= FX_EQ && node->op <= FX_NOT)
        return eval_compare(node->op, klass, v[node->a], v[node->b]);
    if (node->klass != FOVEA_FX_F)
        r.i = eval_i(node->op, v[node->a].i, v[node->b].i);
    else if (ops[node->op].arity == 2)
        r.f = eval_f2(node->op, v[node->a].f, v[node->b].f);
    else
        r.f = eval_f1(node->op, v[node->a].f);
    return r;
}

FoveaFxValue fovea_expr_eval(const FoveaExpr *fx, const FoveaFxValue *args, const gint64 *index,
                             FoveaFxLoadFunc load, gpointer load_data)
{
    FoveaFxValue v[FOVEA_FX_MAX_NODES];
    for (guint i = 0; i < fx->n; i++) {
        const FoveaFxNode *node = &fx->node[i];
        switch (node->op) {
        case FX_CONST: v[i].i = node->i; break;
        case FX_ARG: v[i] = args[node->i]; break;
        case FX_INDEX: v[i].i = index != NULL ? index[node->i] : 0; break;
        case FX_LOAD: v[i] = load((guint)node->i, v[node->a].i, load_data); break;
        default: v[i] = eval_node(node, fx->node, v); break;
        }
    }
    return v[fx->n - 1];
}

static void append_text(const FoveaExpr *fx, guint at, GString *text, guint depth)
{
    const FoveaFxNode *node = &fx->node[at];
    guint16 operand[3] = {node->a, node->b, node->c};
    if (depth > 12) {
        g_string_append(text, "...");
        return;
    }
    if (node->op == FX_CONST && node->klass == FOVEA_FX_F)
        g_string_append_printf(text, "%.6g", node->f);
    else if (node->op == FX_CONST)
        g_string_append_printf(text, "%" G_GINT64_FORMAT, node->i);
    else if (node->op == FX_ARG || node->op == FX_INDEX)
        g_string_append_printf(text, "%s%d", ops[node->op].name, (int)node->i);
    else {
        g_string_append_printf(text, "%s(", ops[node->op].name);
        for (guint k = 0; k < ops[node->op].arity; k++) {
            g_string_append(text, k ? "," : "");
            append_text(fx, operand[k], text, depth + 1);
        }
        g_string_append_c(text, ')');
    }
}

char *fovea_expr_to_string(const FoveaExpr *fx)
{
    GString *text = g_string_new(NULL);
    if (fx->n > 0)
        append_text(fx, fx->n - 1, text, 0);
    return g_string_free(text, FALSE);
}
