/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/support.h: what the references of the compute operators share. Internal.
 *
 * A reference widens its inputs to double (or 64-bit integers), works on plain C-order memory and
 * narrows its result at the end. That is slow and clear, which is what a specification should be.
 */
#pragma once

#include "ops/op.h"
#include "ops/sample.h"

typedef double FoveaDoubles;
typedef gint64 FoveaInts;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaDoubles, fovea_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaInts, fovea_free)

/* The elements of a view in C order. NULL and NO_MEMORY where they do not fit. Free with
 * fovea_free. */
double *fovea_ref_load(const FoveaView *view, GError **error);
gint64 *fovea_ref_load_ints(const FoveaView *view, GError **error);
/* Zeroed room for `n` numbers. */
double *fovea_ref_room(gint64 n, GError **error);
void fovea_ref_store(const double *from, const FoveaView *to);
void fovea_ref_store_ints(const gint64 *from, const FoveaView *to);

/* Inputs that the operator itself reads: operands of an epilogue come after them. */
static inline guint fovea_node_n_own(const FoveaNode *node)
{
    return fovea_node_has_epilogue(node) ? node->fx_base : node->n_in;
}
static inline const FoveaView *fovea_own_view(const FoveaNode *node, const FoveaView *const *in,
                                              guint slot)
{
    return slot < fovea_node_n_own(node) ? in[slot] : NULL;
}
static inline FoveaValue *fovea_own_in(const FoveaNode *node, guint slot)
{
    return slot < fovea_node_n_own(node) ? node->in[slot] : NULL;
}

/* A view seen as [outer, n, inner] around one axis. */
typedef struct FoveaAxisSpan {
    gint64 outer, n, inner;
} FoveaAxisSpan;
FoveaAxisSpan fovea_axis_span(const FoveaView *view, guint first, guint n_axes);

/* numpy broadcasting of two lists of dims; FALSE where they do not fit. */
gboolean fovea_dims_broadcast(gint rank_a, const FoveaDim *a, gint rank_b, const FoveaDim *b,
                              gint *rank, FoveaDim *out);
/* Inputs that are needed and have a rank in low..high; else SHAPE. */
gboolean fovea_infer_rank(const FoveaNode *node, guint slot, gint low, gint high, GError **error);
/* The attribute `axis` of input 0 (default `fallback`), or SHAPE. */
gboolean fovea_infer_axis(const FoveaNode *node, gint64 fallback, guint *axis, GError **error);
guint fovea_node_axis(const FoveaNode *node, gint64 fallback, guint rank);
/* dtype and shape of input 0 on output 0: the rule of norms and softmaxes. */
gboolean fovea_infer_first(FoveaGraph *graph, FoveaNode *node, GError **error);

/* Epilogue case `kind` for a result of the given shape: sets fx of the sample's node and puts its
 * operands into slots n_own and on. FALSE past the last. */
gboolean fovea_sample_epilogue(FoveaSample *sample, guint kind, guint n_own, guint rank,
                               const gint64 *dims, guint channel);
