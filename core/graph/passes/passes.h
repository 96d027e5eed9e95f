/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/passes/passes.h: the passes, and what they are made of. Internal.
 *
 * A pass gets a graph in which every value has a type and a shape, and leaves one. It walks the
 * nodes a fixed number of times, so that graphs of 16,000 nodes stay quick. A pass never fails on a
 * graph that it does not understand: it leaves it. Errors: NO_MEMORY only.
 */
#pragma once

#include "graph/plan-internal.h"

typedef struct FoveaPass {
    FoveaGraph *graph;
    FoveaPrecision precision;
    GHashTable *notes; /* text -> count */
} FoveaPass;

gboolean fovea_pass_einsum(FoveaPass *pass, GError **error);
gboolean fovea_pass_simplify(FoveaPass *pass, GError **error);
gboolean fovea_pass_norms(FoveaPass *pass, GError **error);
gboolean fovea_pass_attention(FoveaPass *pass, GError **error);
gboolean fovea_pass_linear_attention(FoveaPass *pass, GError **error);
gboolean fovea_pass_deformable(FoveaPass *pass, GError **error);
gboolean fovea_pass_fold_conv(FoveaPass *pass, GError **error);
gboolean fovea_pass_precision(FoveaPass *pass, GError **error);
gboolean fovea_pass_pointwise(FoveaPass *pass, GError **error);
gboolean fovea_pass_epilogue(FoveaPass *pass, GError **error);

/* Counts one more of `text` for `fovea inspect`. */
void fovea_pass_note(FoveaPass *pass, const char *text);

/* ---- looking ---- */
gboolean fovea_is_op(const FoveaNode *node, const char *op);
/* The node that makes value where it is of this operator, else NULL. */
FoveaNode *fovea_made_by(const FoveaValue *value, const char *op);
/* The same where nobody else reads the value either. */
FoveaNode *fovea_made_by_alone(const FoveaValue *value, const char *op);
/* A constant of one element. */
gboolean fovea_scalar_of(const FoveaValue *value, double *scalar);
/* Of a commutative binary node: the input that is a scalar constant, and the other. */
gboolean fovea_scalar_operand(const FoveaNode *node, double *scalar, FoveaValue **other);
/* Every element of a constant float equals x. */
gboolean fovea_all_equal(const FoveaValue *value, double x);
/* Axes of a reduction (attribute-free form) as a bit set; FALSE where they are not constant. */
gboolean fovea_reduce_axes(const FoveaNode *node, guint32 *axes);
/* perm of a Transpose, the default resolved. FALSE: malformed. */
gboolean fovea_perm_of(const FoveaNode *node, guint8 *perm);
/* Reshape, Flatten, Squeeze, Unsqueeze: same elements in the same order. */
gboolean fovea_is_reshape(const FoveaNode *node);

/* ---- making; a new node is put before `before` and its shape inferred. NULL where that fails ---- */
FoveaNode *fovea_make_node(FoveaGraph *graph, FoveaNode *before, const char *op, const char *name,
                           FoveaValue *const *in, guint n_in);
/* Infers; on failure removes the node again. Returns output 0 (or the folded constant). */
FoveaValue *fovea_finish_node(FoveaNode *node);
FoveaValue *fovea_make_ints(FoveaGraph *graph, const gint64 *values, guint n);
FoveaValue *fovea_make_reshape(FoveaGraph *graph, FoveaNode *before, FoveaValue *value, guint rank,
                               const gint64 *dims);
FoveaValue *fovea_make_transpose(FoveaGraph *graph, FoveaNode *before, FoveaValue *value,
                                 const guint8 *perm);
FoveaValue *fovea_make_unsqueeze(FoveaGraph *graph, FoveaNode *before, FoveaValue *value,
                                 const gint64 *axes, guint n);
FoveaValue *fovea_make_binary(FoveaGraph *graph, FoveaNode *before, const char *op, FoveaValue *a,
                              FoveaValue *b);
/* Lets `value` stand for output 0 of `node`, which goes. */
void fovea_replace_node(FoveaGraph *graph, FoveaNode *node, FoveaValue *value);
