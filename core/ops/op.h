/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/op.h: what an operator is: its contract, shape rule and reference. Internal.
 *
 * One operator a file; a line in ops.list makes it known. The reference is the specification: it
 * works on strided views of any element type, accumulates in double, and every faster kernel is
 * tested against it. Operators have the meaning of the newest ONNX opset (23 to 28); the reader
 * rewrites older forms (axes as attributes become inputs, and so on), so that there is one form.
 */
#pragma once

#include "graph/graph.h"

/* A window of one value onto the memory of another: strides and offset in elements. */
typedef struct FoveaWindow {
    gint rank;
    FoveaDim dims[FOVEA_MAX_RANK];
    FoveaDim strides[FOVEA_MAX_RANK];
    FoveaDim offset;
} FoveaWindow;

typedef struct FoveaSample FoveaSample;

struct FoveaOp {
    const char *name;      /* ONNX' name, or one of ours (fovea domain) */
    guint8 min_in, max_in; /* max 255: any number */
    guint8 min_out, max_out;
    /* Outputs may be aliased to input 0 by `view`; no arithmetic. */
    gboolean is_view;
    /* Sets dtype, rank, dims of each non-NULL output from the inputs, and content where the output
     * is small, integer and computable from the inputs' content (fovea_infer_content helps).
     * Errors: SHAPE, UNSUPPORTED, NEED_VALUE (through fovea_infer_need). */
    gboolean (*infer)(FoveaGraph *graph, FoveaNode *node, GError **error);
    /* The reference. Views have the inferred shapes at the present scalars; an absent input is a
     * NULL pointer. Float outputs may be of any float type (double in the parity tests).
     * Errors: RANGE (an index is outside), NO_MEMORY. NULL for pointwise operators (expr says it). */
    gboolean (*ref)(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error);
    /* Pointwise operators: builds the expression of output 0 from operands FX_ARG k = in[k] (with
     * their classes) into fx. FALSE where this node cannot be said so. NULL for all others. */
    gboolean (*expr)(const FoveaNode *node, FoveaExpr *fx);
    /* View operators: output `slot` as a window onto the memory of in[0], which itself is the
     * window `in`. FALSE where strides cannot say it (then ref or a copy does the work). */
    gboolean (*view)(const FoveaNode *node, guint slot, const FoveaWindow *in, FoveaWindow *out);
    /* The index-th test case at awkward sizes; FALSE past the last. NULL for pointwise operators,
     * whose cases come from expr. See ops/sample.h. */
    gboolean (*sample)(FoveaSample *sample, guint index);
};

/* ops.list: OP(Name) lines, sorted; X-macro over it. */
const FoveaOp *fovea_op_find(const char *name);
/* All operators; *n entries. */
const FoveaOp *const *fovea_ops(guint *n);

#define OP(name) extern const FoveaOp fovea_op_##name;
#include "ops/ops.list"
#undef OP

/* The shape rule of a node, with what every rule relies on checked before: the numbers of inputs and
 * outputs, no required input absent, every input's type and shape known. Call this, not op->infer.
 * Errors: MODEL, and the rule's. */
gboolean fovea_node_infer(FoveaGraph *graph, FoveaNode *node, GError **error);

/* ---- helpers of shape rules ---- */
gboolean fovea_infer_set(FoveaValue *value, FoveaDtype dtype, gint rank, const FoveaDim *dims);
gboolean fovea_infer_like(FoveaValue *value, const FoveaValue *like); /* dtype and shape */
/* numpy broadcasting of n values' shapes. Dims 1 and d give d; unequal expressions that are both
 * not constant 1 must be equal. Errors: SHAPE, naming both shapes. */
gboolean fovea_infer_broadcast(FoveaGraph *graph, const FoveaNode *node, FoveaValue *const *in,
                               guint n, gint *rank, FoveaDim *dims, GError **error);
/* The integers of input `slot` as expressions: constant or content. An absent input gives n = 0 and
 * TRUE. Not known: FALSE and NEED_VALUE naming the value. At most `max` entries (else SHAPE). */
gboolean fovea_infer_ints(FoveaGraph *graph, const FoveaNode *node, guint slot, FoveaDim *ints,
                          guint max, guint *n, GError **error);
/* The same, but every entry must be a number. */
gboolean fovea_infer_const_ints(FoveaGraph *graph, const FoveaNode *node, guint slot, gint64 *ints,
                                guint max, guint *n, GError **error);
/* TRUE and the entries where input `slot` has known content (constant integers too); no error. */
gboolean fovea_infer_content(FoveaGraph *graph, const FoveaValue *value, FoveaDim *content,
                             guint *n);
/* Copies the content of in to out (same order of elements), if known: for Reshape and friends. */
void fovea_infer_pass_content(FoveaGraph *graph, const FoveaValue *in, FoveaValue *out);
/* Sets the error NEED_VALUE for input `slot`; returns FALSE. */
gboolean fovea_infer_need(const FoveaNode *node, guint slot, GError **error);
/* SHAPE error that names the node: "Conv 'backbone/conv1': <text>". Returns FALSE. */
gboolean fovea_node_fail(const FoveaNode *node, GError **error, FoveaError code, const char *format,
                         ...) G_GNUC_PRINTF(4, 5);
/* Broadcasting shape rule and result class for pointwise operators; dtype of out = dtype of in[0]. */
gboolean fovea_infer_pointwise(FoveaGraph *graph, FoveaNode *node, GError **error);
/* The same with bool results. */
gboolean fovea_infer_compare(FoveaGraph *graph, FoveaNode *node, GError **error);

/* ---- running the reference ---- */
/* op->ref, or the expression of a pointwise node, then the node's epilogue where it has one. The
 * one entry that everybody (constant folding, CPU fallback, parity tests) uses. */
gboolean fovea_node_run_ref(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error);
/* The expression of a node: node->fx of a Pointwise, or op->expr. FALSE: not pointwise. */
gboolean fovea_node_expr(const FoveaNode *node, FoveaExpr *fx);
static inline gboolean fovea_node_is_pointwise(const FoveaNode *node)
{
    return node->op->expr != NULL;
}
static inline gboolean fovea_node_has_epilogue(const FoveaNode *node)
{
    return node->fx != NULL && node->op->expr == NULL;
}
