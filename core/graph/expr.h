/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/expr.h: the one scalar expression: a small DAG over named operands. Internal.
 *
 * It says pointwise operators and their fused chains, the epilogues of matrix products and
 * convolutions, and the hooks of attention. Three back ends: fovea_expr_eval (the reference, double
 * and 64-bit integers), the CPU's tile evaluator (cpu/), and the SPIR-V emitter (vulkan/), which
 * fills the function `fx` of a prebuilt module.
 *
 * Each node has a class: F (real), I (integer) or B (bool). Operands of float element types arrive
 * as F, of integer types as I, of bool as B. The last node is the result.
 */
#pragma once

#include "base/base.h"
#include "fovea/tensor.h"

typedef enum FoveaFxClass { FOVEA_FX_F = 0, FOVEA_FX_I, FOVEA_FX_B } FoveaFxClass;

typedef enum FoveaFxOp {
    /* leaves */
    FX_CONST = 0, /* value f (class F) or i (classes I, B) */
    FX_ARG,       /* operand number `i`; for an epilogue 0 is the accumulator */
    FX_INDEX, /* position along axis `i` of the output (class I); attention: 0 b, 1 h, 2 t, 3 s */
    FX_LOAD,  /* element a (class I) of operand `i` taken as a flat table; result class of it */
    /* F or I, both operands and the result of one class */
    FX_ADD,
    FX_SUB,
    FX_MUL,
    FX_DIV,  /* I truncates towards zero; x / 0 = 0 for I */
    FX_MOD,  /* sign of the divisor (Python's) */
    FX_FMOD, /* sign of the dividend (C's) */
    FX_POW,
    FX_MIN, /* NaN in either operand gives NaN */
    FX_MAX,
    FX_NEG,
    FX_ABS,
    FX_SIGN,
    /* F only */
    FX_FLOOR,
    FX_CEIL,
    FX_ROUND, /* half to even */
    FX_TRUNC,
    FX_SQRT,
    FX_RECIP,
    FX_EXP,
    FX_LOG,
    FX_SIN,
    FX_COS,
    FX_TAN,
    FX_ASIN,
    FX_ACOS,
    FX_ATAN,
    FX_SINH,
    FX_COSH,
    FX_ASINH,
    FX_ACOSH,
    FX_ATANH,
    FX_TANH,
    FX_ERF,
    FX_SIGMOID, /* 1 / (1 + exp(-x)) without overflow */
    /* comparisons of F or I (EQ also of B); result B */
    FX_EQ,
    FX_LT,
    FX_LE,
    FX_ISNAN,
    FX_ISINF,
    /* B */
    FX_AND,
    FX_OR,
    FX_XOR,
    FX_NOT,
    /* I, bitwise */
    FX_BITAND,
    FX_BITOR,
    FX_BITXOR,
    FX_BITNOT,
    FX_SHL,
    FX_SHR, /* logical */
    /* a (B) ? b : c, b and c of one class */
    FX_SELECT,
    /* to the class of element type `i`: F -> I saturates and truncates (NaN 0), I -> narrow I
     * wraps, anything -> bool is != 0, F -> F does not round */
    FX_CAST,
    FX_N_OPS
} FoveaFxOp;

typedef struct FoveaFxNode {
    guint8 op;    /* FoveaFxOp */
    guint8 klass; /* FoveaFxClass */
    guint16 a, b, c;
    union {
        double f;
        gint64 i;
    };
} FoveaFxNode;

#define FOVEA_FX_MAX_NODES 96
#define FOVEA_FX_MAX_ARGS 8

typedef struct FoveaExpr {
    guint n;      /* nodes */
    guint n_args; /* operands: FX_ARG and FX_LOAD numbers are below this */
    FoveaFxNode node[FOVEA_FX_MAX_NODES];
} FoveaExpr;

/* A value of one node; which member counts follows from its class (B uses i, 0 or 1). */
typedef union FoveaFxValue {
    double f;
    gint64 i;
} FoveaFxValue;

FoveaFxClass fovea_fx_class_of(FoveaDtype dtype);

/* Builders: each appends (or finds an equal) node and returns its number. When the expression is
 * full they return FOVEA_FX_FULL, which every builder accepts and passes on. */
#define FOVEA_FX_FULL G_MAXUINT16
guint16 fovea_fx_const(FoveaExpr *fx, double value);
guint16 fovea_fx_const_i(FoveaExpr *fx, FoveaFxClass klass, gint64 value);
guint16 fovea_fx_arg(FoveaExpr *fx, guint number, FoveaFxClass klass);
guint16 fovea_fx_index(FoveaExpr *fx, guint axis);
guint16 fovea_fx_load(FoveaExpr *fx, guint number, FoveaFxClass klass, guint16 index);
/* Unary, binary or select; unused operands are 0. The class is found from the operands. */
guint16 fovea_fx_op(FoveaExpr *fx, FoveaFxOp op, guint16 a, guint16 b, guint16 c);
guint16 fovea_fx_cast(FoveaExpr *fx, guint16 a, FoveaDtype to);
/* Number of operands of an operation: 0 to 3. */
guint fovea_fx_arity(FoveaFxOp op);
const char *fovea_fx_op_name(FoveaFxOp op);
/* Makes `node` the last node of the expression. */
void fovea_fx_finish(FoveaExpr *fx, guint16 node);

/* Appends all nodes of `from`, whose operand k becomes node args[k] of fx. Returns its result. Used
 * to fuse chains. FX_LOAD operands keep their numbers plus load_base. */
guint16 fovea_fx_inline(FoveaExpr *fx, const FoveaExpr *from, const guint16 *args, guint load_base);

/* Reference evaluation. index: positions for FX_INDEX (may be NULL); FX_LOAD asks load(). */
typedef FoveaFxValue (*FoveaFxLoadFunc)(guint number, gint64 element, gpointer data);
FoveaFxValue fovea_expr_eval(const FoveaExpr *fx, const FoveaFxValue *args, const gint64 *index,
                             FoveaFxLoadFunc load, gpointer load_data);
/* "sigmoid(arg0)*arg0" (transfer full), for inspect. */
char *fovea_expr_to_string(const FoveaExpr *fx);
