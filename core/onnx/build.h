/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/build.h: from the file's messages to a FoveaGraph; and what builders of operators use.
 * Internal.
 */
#pragma once

#include "onnx/proto.h"
#include "ops/op.h"

/* Bounds of a graph. Functions that call functions could blow up a small file; what they add is
 * bounded more tightly than what the file itself lists. */
#define FOVEA_ONNX_MAX_NODES (1u << 18)
#define FOVEA_ONNX_MAX_OPENED (1u << 15)
#define FOVEA_ONNX_MAX_VALUES (1u << 20)

/* The graph of a model. op_counts: name -> count, filled. Errors: MODEL, UNSUPPORTED, NO_MEMORY. */
FoveaGraph *fovea_onnx_build(const OnnxModel *model, OnnxSource *source, GHashTable *op_counts,
                             FoveaProgressFunc progress, gpointer progress_data, GError **error);

/* Order in which nodes can run: indices into nodes (g_free). NULL and MODEL for a cycle. Names that
 * no node makes are left to the caller. */
guint *fovea_onnx_order(const OnnxNode *nodes, guint n, GError **error);

/* One node being built. Inputs and outputs are resolved, trailing absent ones cut off; references
 * to function attributes are followed. */
typedef struct OnnxBuild {
    FoveaGraph *graph;
    gint64 opset; /* of the node's domain, where it stands */
    const OnnxNode *node;
    const char *name;
    FoveaValue **in, **out;
    guint n_in, n_out;
    const OnnxAttr **attrs;
    guint n_attrs;
    OnnxSource *source;
    gpointer scope; /* for subgraphs */
} OnnxBuild;

/* Builds one node of the file. Errors: MODEL, UNSUPPORTED. */
typedef gboolean (*OnnxBuilder)(OnnxBuild *b, GError **error);

/* How an operator of the default domain is built; NULL: as the core operator of the same name.
 * `op` is the core operator that must exist, or NULL where none is needed. */
typedef struct OnnxRule {
    const char *name;
    const char *op;
    OnnxBuilder build;
} OnnxRule;
const OnnxRule *fovea_onnx_rule(const char *op_type);
/* TRUE where a node of this domain and type can be built. */
gboolean fovea_onnx_knows(const char *domain, const char *op_type);
gboolean fovea_onnx_build_node(OnnxBuild *b, GError **error);

/* ---- for builders ---- */
/* The node as it is: same inputs, outputs and attributes. NULL on errors (a subgraph's). */
FoveaNode *fovea_onnx_emit(OnnxBuild *b, const char *op, GError **error);
/* A further node; out NULL: makes an unnamed value. Returns output 0. Errors: UNSUPPORTED. */
FoveaValue *fovea_onnx_add(OnnxBuild *b, const char *op, FoveaValue *const *in, guint n_in,
                           FoveaValue *out, FoveaNode **node, GError **error);
const OnnxAttr *fovea_onnx_attr(const OnnxBuild *b, const char *name);
gint64 fovea_onnx_attr_int(const OnnxBuild *b, const char *name, gint64 fallback);
/* Bytes as a string (g_free); "" where there are none. */
char *fovea_onnx_text(FoveaSpan bytes);
/* Constants. NULL where memory is short. */
FoveaValue *fovea_onnx_const_ints(OnnxBuild *b, const gint64 *values, guint n, GError **error);
FoveaValue *fovea_onnx_const_int(OnnxBuild *b, gint64 value, GError **error); /* scalar */
FoveaValue *fovea_onnx_const_float(OnnxBuild *b, FoveaDtype dtype, double value, GError **error);
/* Puts value into input `slot` of an emitted node, adding absent ones before it. */
void fovea_onnx_put_input(FoveaNode *node, guint slot, FoveaValue *value);
/* "Conv 'backbone/conv1': <text>". Returns FALSE. */
gboolean fovea_onnx_fail(const OnnxBuild *b, GError **error, FoveaError code, const char *format,
                         ...) G_GNUC_PRINTF(4, 5);
/* A subgraph, its outer names resolved through b->scope (in build.c). */
FoveaGraph *fovea_onnx_build_subgraph(OnnxBuild *b, const OnnxGraph *graph, GError **error);
