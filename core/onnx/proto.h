/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/proto.h: an ONNX file as it is written: the messages of onnx.proto, read but not yet
 * understood. Internal.
 *
 * Everything lies in one arena and points into the mapped file; bulk data stays there. Field and
 * message names are those of onnx.proto. The numbers behind them are in proto.c alone.
 */
#pragma once

#include "onnx/wire.h"
#include "tensor/tensor-internal.h"

/* Messages within messages; a graph in an attribute counts three. */
#define FOVEA_ONNX_MAX_NESTING 64

typedef struct OnnxGraph OnnxGraph;

/* AttributeProto.AttributeType */
typedef enum OnnxAttrType {
    ONNX_ATTR_UNDEFINED = 0,
    ONNX_ATTR_FLOAT,
    ONNX_ATTR_INT,
    ONNX_ATTR_STRING,
    ONNX_ATTR_TENSOR,
    ONNX_ATTR_GRAPH,
    ONNX_ATTR_FLOATS,
    ONNX_ATTR_INTS,
    ONNX_ATTR_STRINGS,
    ONNX_ATTR_TENSORS,
    ONNX_ATTR_GRAPHS,
    ONNX_ATTR_SPARSE_TENSOR,
    ONNX_ATTR_SPARSE_TENSORS,
    ONNX_ATTR_TYPE_PROTO,
    ONNX_ATTR_TYPE_PROTOS,
} OnnxAttrType;

typedef struct OnnxTensor {
    const char *name;
    gint64 dtype; /* TensorProto.DataType, any number */
    guint rank;
    gint64 *dims;
    FoveaSpan message; /* typed data (float_data, ...) is decoded from here when asked for */
    FoveaSpan raw;
    gboolean has_raw, external;
    const char *location; /* external */
    guint64 offset, length;
    gboolean has_length;
} OnnxTensor;

typedef struct OnnxAttr {
    const char *name;
    const char *ref; /* ref_attr_name, or "" */
    gint64 type;     /* OnnxAttrType, found from the fields where the file leaves it out */
    float f;
    gint64 i;
    FoveaSpan s;
    OnnxTensor *t;
    OnnxGraph *g;
    float *floats;
    gint64 *ints;
    FoveaSpan *strings;
    guint n; /* of floats, ints or strings */
} OnnxAttr;

typedef struct OnnxNode {
    const char *name, *op_type, *domain, *overload;
    const char **in, **out;
    guint n_in, n_out;
    OnnxAttr *attrs;
    guint n_attrs;
} OnnxNode;

/* TypeProto's oneof */
typedef enum OnnxKind {
    ONNX_KIND_NONE = 0,
    ONNX_KIND_TENSOR = 1,
    ONNX_KIND_SEQUENCE = 4,
    ONNX_KIND_MAP = 5,
    ONNX_KIND_OPAQUE = 7,
    ONNX_KIND_SPARSE = 8,
    ONNX_KIND_OPTIONAL = 9,
} OnnxKind;

typedef struct OnnxDim {
    gboolean has_value;
    gint64 value;
    const char *param; /* or "" */
} OnnxDim;

typedef struct OnnxValueInfo {
    const char *name;
    OnnxKind kind;
    gint64 dtype;
    gboolean has_shape;
    guint rank;
    OnnxDim *dims;
} OnnxValueInfo;

struct OnnxGraph {
    const char *name;
    OnnxNode *nodes;
    OnnxTensor *inits;
    OnnxValueInfo *inputs, *outputs;
    guint n_nodes, n_inits, n_inputs, n_outputs, n_sparse;
};

typedef struct OnnxOpset {
    const char *domain;
    gint64 version;
} OnnxOpset;

typedef struct OnnxFunction {
    const char *name, *domain, *overload;
    const char **inputs, **outputs;
    guint n_inputs, n_outputs;
    OnnxAttr *defaults; /* attribute_proto */
    guint n_defaults;
    OnnxNode *nodes;
    guint n_nodes;
    OnnxOpset *opsets;
    guint n_opsets;
} OnnxFunction;

typedef struct OnnxModel {
    gint64 ir_version;
    const char *producer;
    OnnxOpset *opsets;
    guint n_opsets;
    OnnxFunction *functions;
    guint n_functions;
    OnnxGraph graph;
    GSList *blocks; /* the arena */
} OnnxModel;

/* Reads a file's bytes, which must stay. Errors: MODEL (malformed), NO_MEMORY. */
OnnxModel *fovea_onnx_parse(FoveaSpan file, GError **error);
void fovea_onnx_free(OnnxModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OnnxModel, fovea_onnx_free)

/* Version of a domain among the imports ("" and "ai.onnx" are one); 0: not imported. */
gint64 fovea_onnx_opset(const OnnxOpset *opsets, guint n, const char *domain);
gboolean fovea_onnx_is_default_domain(const char *domain);

/* Where tensor data is: the mapped file, and for external data the folder of the file. */
typedef struct OnnxSource {
    GBytes *bytes;
    const char *folder;   /* NULL: external data is refused */
    GHashTable *external; /* location -> GBytes, made on first use */
} OnnxSource;

/* The tensor's data as a FoveaTensor: a slice of the file where it can be.
 * Errors: MODEL, UNSUPPORTED (strings, 4 bits, complex, ...), IO, NO_MEMORY. */
FoveaTensor *fovea_onnx_tensor(const OnnxTensor *tensor, OnnxSource *source, GError **error);
/* One serialised TensorProto, as the ONNX project's node tests keep them. Errors: as above. */
FoveaTensor *fovea_onnx_read_tensor(GBytes *bytes, GError **error);
/* A file beside the model, mapped. Errors: MODEL (leaves the folder), IO. (transfer none) */
GBytes *fovea_onnx_external(OnnxSource *source, const char *location, GError **error);
