/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/plan-internal.h: what lies behind FoveaPlan, and the stages that make one. Internal.
 */
#pragma once

#include "graph/program.h"

/* Provided by the onnx room. The graph as the file has it; clone before changing. */
const FoveaGraph *fovea_model_graph(const FoveaModel *model);

/* One line of what a pass did. */
typedef struct FoveaPassRecord {
    const char *name;
    guint before, after; /* nodes */
    char *note;          /* "5 LayerNormalization"; owned; may be NULL */
} FoveaPassRecord;

struct FoveaPlan {
    gatomicrefcount refs;
    FoveaModel *model; /* NULL for plans made from a graph */
    FoveaProgram program;
    GArray *records; /* FoveaPassRecord */
    FoveaIo *inputs, *outputs;
    FoveaValue **input_values, **output_values;
    guint n_inputs, n_outputs;
    GPtrArray *bound;   /* names of the inputs that were bound; owned strings */
    GPtrArray *refused; /* "name: why" of nodes without a kernel on the device; owned strings */
    guint source_nodes;
    FoveaPlanStats stats;
};

/* Compiles a graph of one's own (takes it). For tests, `fovea op` and selftest. */
FoveaPlan *fovea_plan_new_from_graph(FoveaGraph *graph, FoveaDevice *device,
                                     const FoveaPlanParams *params, GError **error);

/* Stage 1, graph/passes/specialise.c: shapes and constants from the inputs' shapes on. Folds, inlines
 * If with a known condition, and turns contents that are expressions into Scalars. On NEED_VALUE
 * *needed is the value that has to be known. */
gboolean fovea_pass_specialise(FoveaGraph *graph, FoveaValue **needed, GError **error);
/* Before that, graph/passes/attention-mark.c: marks the products of queries and keys, so that one
 * whose operands turn out constant is still there to be recognised. */
void fovea_attention_mark(FoveaGraph *graph);
/* Stage 2, graph/passes/passes.c: the named passes in order. Adds to records. */
gboolean fovea_passes_run(FoveaGraph *graph, FoveaPrecision precision, GArray *records,
                          GError **error);
/* Stage 3, graph/lower.c: sides, windows, copies, steps and segments of program. */
gboolean fovea_lower(FoveaProgram *program, const FoveaBackend *device_backend, GPtrArray *refused,
                     GError **error);
/* Stage 4, graph/memory.c: arena offsets by life time. */
gboolean fovea_plan_memory(FoveaProgram *program, FoveaSide side, GError **error);

/* The backend of a side. */
static inline const FoveaBackend *fovea_side_backend(FoveaSide side)
{
    return side == FOVEA_SIDE_HOST ? &fovea_cpu_backend : fovea_vulkan_backend();
}
