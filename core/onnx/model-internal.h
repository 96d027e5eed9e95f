/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/model-internal.h: what lies behind FoveaModel. Internal.
 *
 * The graph is what the reader made: operators in the form of the newest opset, constants as slices
 * of the mapped file, nothing inferred. Nobody changes it; plans clone it.
 *
 * Inputs carry what the file declares: dtype, rank (-1: not said), dims (-1: not a number) and
 * dim_names. An initialiser that is also listed as an input is a constant.
 *
 * Subgraphs (If branches, Loop and Scan bodies) are attributes of type GRAPH; graph->outer is the
 * graph that holds the node. A value of the outside that a subgraph reads appears in it as a value
 * of the same name with neither producer nor constant that is no input (captured). It is taken from
 * the next graph outwards, which holds a value of that name too, captured in its turn where it
 * comes from further out. Captured constants are constants inside as well. Value names are unique
 * within a model: the inside of a model-local function has its call's number before its names.
 */
#pragma once

#include "fovea/model.h"
#include "graph/graph.h"

struct FoveaModel {
    gatomicrefcount refs;
    char *path;                /* of the .onnx file */
    char *folder;              /* of the model: where config.json and the tokenizer lie */
    GBytes *bytes;             /* the mapped file */
    FoveaGraph *graph;         /* immutable */
    FoveaIo *inputs, *outputs; /* names lie in the graph */
    guint n_inputs, n_outputs;
    guint64 n_parameters;
    gint64 ir_version, opset;
    char *producer;
    GHashTable *op_counts; /* as the file has them, functions opened: "Conv" -> count */
    guint n_nodes;         /* the same, in all */
    /* For the plan room: what is kept per model (packed weights by device and precision). */
    GMutex lock;
    gpointer attached;
    GDestroyNotify attached_free;
};

/* From memory (kept referenced): for tests and fuzzing. folder NULL: no external data. */
FoveaModel *fovea_model_from_bytes(GBytes *bytes, const char *path, const char *folder,
                                   FoveaProgressFunc progress, gpointer progress_data,
                                   GError **error);
