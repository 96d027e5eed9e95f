/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/graph.h: values and nodes. What the reader makes, passes rewrite and backends compile.
 * Internal.
 *
 * Nodes form a doubly linked list in execution order, so that a pass can insert and remove in
 * constant time. Each value knows its producer and its uses; every change goes through the
 * functions below, which keep them right. Names live in the graph's string chunk.
 */
#pragma once

#include "graph/dim.h"
#include "graph/expr.h"
#include "tensor/tensor-internal.h"

typedef struct FoveaGraph FoveaGraph;
typedef struct FoveaNode FoveaNode;
typedef struct FoveaValue FoveaValue;
typedef struct FoveaOp FoveaOp;

/* The largest integer tensor whose contents are tracked as expressions (shape arithmetic). */
#define FOVEA_MAX_CONTENT 64

struct FoveaValue {
    guint id; /* index in graph->values */
    const char *name;
    FoveaDtype dtype; /* NONE until inferred */
    gint rank;        /* -1 until inferred */
    /* Graph inputs as read: a size that the file does not give as a number is fovea_dim(-1). */
    FoveaDim dims[FOVEA_MAX_RANK];
    const char *dim_names[FOVEA_MAX_RANK]; /* graph inputs: as declared, or NULL */
    FoveaTensor *constant;                 /* NULL: computed at run time */
    FoveaDim *content; /* integers known as expressions though not constant (n_content of them) */
    guint n_content;
    FoveaNode *producer; /* NULL: graph input or constant */
    guint slot;          /* which output of the producer */
    GPtrArray *uses;     /* FoveaNode*, one entry per input slot that reads it */
    gint input, output;  /* position among the graph's inputs/outputs, or -1 */
    gboolean keep_f32;   /* precision pass: store in f32 although the plan is f16 */
};

typedef enum FoveaAttrType {
    FOVEA_ATTR_INT,
    FOVEA_ATTR_FLOAT,
    FOVEA_ATTR_STRING,
    FOVEA_ATTR_INTS,
    FOVEA_ATTR_FLOATS,
    FOVEA_ATTR_TENSOR,
    FOVEA_ATTR_GRAPH,
    FOVEA_ATTR_STRINGS,
} FoveaAttrType;

typedef struct FoveaAttr {
    const char *name;
    FoveaAttrType type;
    guint n; /* of ints, floats or strings */
    union {
        gint64 i;
        float f;
        const char *s;
        gint64 *ints;
        float *floats;
        const char **strings;
        FoveaTensor *tensor;
        FoveaGraph *graph;
    };
} FoveaAttr;

struct FoveaNode {
    guint id; /* unique in the graph, ascending as made */
    const FoveaOp *op;
    const char *name; /* from the file; for messages */
    FoveaAttr *attrs;
    guint n_attrs;
    FoveaValue **in; /* NULL: absent optional input */
    guint n_in;
    FoveaValue **out; /* NULL: absent optional output */
    guint n_out;
    /* The scalar expression. Pointwise: operand k is in[k] broadcast to the output. Epilogue (any
     * other operator): operand 0 is what the operator computed, operand 1 + k is in[fx_base + k]
     * broadcast to the output; in[0 .. fx_base-1] are the operator's own inputs. */
    FoveaExpr *fx;
    guint fx_base;
    gpointer spec; /* attention: FoveaAttention, owned (see attention/spec.h) */
    FoveaNode *prev, *next;
    FoveaGraph *graph;
};

struct FoveaGraph {
    FoveaSyms *syms;
    GPtrArray *values; /* FoveaValue*; entries may be NULL after fovea_graph_compact */
    FoveaNode *first, *last;
    guint n_nodes, next_node_id;
    GPtrArray *inputs, *outputs; /* FoveaValue*, not owned */
    GStringChunk *names;
    FoveaGraph *outer;  /* subgraph of If/Loop/Scan: where outer names are looked up; not owned */
    gint64 opset;       /* of the default domain */
    FoveaValue *needed; /* set with every NEED_VALUE error: the value that has to be known */
};

/* ---- making ---- */
FoveaGraph *fovea_graph_new(void);
void fovea_graph_free(FoveaGraph *graph);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaGraph, fovea_graph_free)
/* Deep copy of structure; tensors are shared. Subgraphs are copied too. */
FoveaGraph *fovea_graph_clone(const FoveaGraph *graph);
const char *fovea_graph_intern(FoveaGraph *graph, const char *text);
/* name NULL: an unnamed value ("%12"). */
FoveaValue *fovea_graph_add_value(FoveaGraph *graph, const char *name);
FoveaValue *fovea_graph_add_constant(FoveaGraph *graph, const char *name, FoveaTensor *tensor);
/* By name; slow (linear): readers keep their own table. NULL: none. */
FoveaValue *fovea_graph_find(const FoveaGraph *graph, const char *name);
void fovea_graph_add_input(FoveaGraph *graph, FoveaValue *value);
void fovea_graph_add_output(FoveaGraph *graph, FoveaValue *value);
/* New node before `before` (NULL: at the end). Inputs are linked; outputs must have no producer. */
FoveaNode *fovea_graph_add_node(FoveaGraph *graph, const FoveaOp *op, const char *name,
                                FoveaValue *const *in, guint n_in, FoveaValue *const *out,
                                guint n_out, FoveaNode *before);

/* ---- changing ---- */
void fovea_node_set_input(FoveaNode *node, guint slot, FoveaValue *value);
/* Grows the inputs by one; returns the slot. */
guint fovea_node_append_input(FoveaNode *node, FoveaValue *value);
/* All readers of `from` (and the graph's output list) read `to` instead. An output keeps its name. */
void fovea_graph_replace(FoveaGraph *graph, FoveaValue *from, FoveaValue *to);
/* Unlinks and frees a node; its outputs lose their producer. */
void fovea_graph_remove_node(FoveaGraph *graph, FoveaNode *node);
void fovea_graph_move_before(FoveaGraph *graph, FoveaNode *node, FoveaNode *before);
/* Removes nodes none of whose outputs is used. Returns how many went. */
guint fovea_graph_sweep(FoveaGraph *graph);
void fovea_value_set_constant(FoveaValue *value, FoveaTensor *tensor); /* takes a reference */
/* Content known as expressions; copies. n must be at most FOVEA_MAX_CONTENT. */
void fovea_value_set_content(FoveaValue *value, const FoveaDim *content, guint n);

/* ---- attributes: typed readers with a default; a wrong type gives the default ---- */
const FoveaAttr *fovea_node_attr(const FoveaNode *node, const char *name);
gint64 fovea_node_attr_int(const FoveaNode *node, const char *name, gint64 fallback);
double fovea_node_attr_float(const FoveaNode *node, const char *name, double fallback);
const char *fovea_node_attr_string(const FoveaNode *node, const char *name, const char *fallback);
/* Pointer to the integers and their number, or NULL. */
const gint64 *fovea_node_attr_ints(const FoveaNode *node, const char *name, guint *n);
const float *fovea_node_attr_floats(const FoveaNode *node, const char *name, guint *n);
/* Setters copy; they replace an attribute of the same name. */
void fovea_node_set_int(FoveaNode *node, const char *name, gint64 value);
void fovea_node_set_float(FoveaNode *node, const char *name, float value);
void fovea_node_set_string(FoveaNode *node, const char *name, const char *value);
void fovea_node_set_ints(FoveaNode *node, const char *name, const gint64 *values, guint n);
void fovea_node_set_floats(FoveaNode *node, const char *name, const float *values, guint n);
void fovea_node_set_tensor(FoveaNode *node, const char *name, FoveaTensor *value);
void fovea_node_set_graph(FoveaNode *node, const char *name, FoveaGraph *value); /* takes it */
void fovea_node_set_strings(FoveaNode *node, const char *name, const char *const *values, guint n);
void fovea_node_remove_attr(FoveaNode *node, const char *name);
void fovea_node_copy_attrs(FoveaNode *to, const FoveaNode *from);
void fovea_attr_clear(FoveaAttr *attr); /* frees what it holds */

/* ---- reading ---- */
static inline FoveaValue *fovea_node_in(const FoveaNode *node, guint slot)
{
    return slot < node->n_in ? node->in[slot] : NULL;
}
static inline FoveaValue *fovea_node_out(const FoveaNode *node, guint slot)
{
    return slot < node->n_out ? node->out[slot] : NULL;
}
static inline gboolean fovea_value_is_fixed(const FoveaValue *value)
{
    for (gint i = 0; i < value->rank; i++) {
        if (!fovea_dim_is_const(value->dims[i]))
            return FALSE;
    }
    return value->rank >= 0;
}
/* Uses by nodes plus uses as a graph output. */
static inline guint fovea_value_n_uses(const FoveaValue *value)
{
    return value->uses->len + (value->output >= 0);
}
/* The node that alone reads `value` (and no graph output does), or NULL. */
static inline FoveaNode *fovea_value_only_user(const FoveaValue *value)
{
    return value->uses->len == 1 && value->output < 0 ? g_ptr_array_index(value->uses, 0) : NULL;
}
gboolean fovea_value_same_shape(const FoveaValue *a, const FoveaValue *b);
/* "f32[1,3,past+1]" (transfer full). */
char *fovea_value_type_string(const FoveaValue *value);
/* Number of elements as an expression. */
FoveaDim fovea_value_count(const FoveaValue *value);
/* Normalises an axis in -rank..rank-1 (or -rank..rank with `inclusive`); FALSE outside. */
gboolean fovea_axis(gint64 axis, gint rank, gboolean inclusive, guint *out);
