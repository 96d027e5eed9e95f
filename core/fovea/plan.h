/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.h: tier 4. A model compiled for one device and its shapes. Immutable and thread-safe.
 */
#pragma once

#include <gio/gio.h>

#include "device.h"
#include "model.h"

G_BEGIN_DECLS

typedef struct FoveaPlan FoveaPlan;

typedef enum FoveaPrecision {
    FOVEA_PRECISION_AUTO = 0, /* f16 on a GPU that has it; f32 on the CPU and on software GPUs */
    FOVEA_PRECISION_F32,
    FOVEA_PRECISION_F16,
    FOVEA_PRECISION_BF16,
} FoveaPrecision;

/** Parses "auto", "f32", "f16" or "bf16". Errors: ARGUMENT. */
FOVEA_API gboolean fovea_precision_parse(const char *text, FoveaPrecision *precision,
                                         GError **error);

/** The shape of one input. */
typedef struct FoveaInputShape {
    const char *name;
    guint rank;
    gint64 dims[FOVEA_MAX_RANK];
} FoveaInputShape;

/** A value for one input, known when the plan is made. It is bound (becomes part of the plan, and
 *  of its key) where a shape, an axis, k or a branch depends on it; `always` binds it anyway. */
typedef struct FoveaInputValue {
    const char *name;
    const FoveaTensor *value;
    gboolean always;
} FoveaInputValue;

/** A bounded dimension: the scalar `name` (a dimension name of the model's inputs) may change from
 *  run to run within 0..capacity. Memory is planned at capacity, kernels read it at run time. */
typedef struct FoveaBoundedDim {
    const char *name;
    gint64 capacity;
} FoveaBoundedDim;

/** Zero is the default everywhere. Inputs without a shape take the declared one; a dimension that
 *  is declared by name only and not given is 1 when it is the first (batch), else an error. */
typedef struct FoveaPlanParams {
    FoveaPrecision precision;
    const FoveaInputShape *shapes;
    guint n_shapes;
    const FoveaInputValue *values;
    guint n_values;
    const FoveaBoundedDim *bounded;
    guint n_bounded;
    const char *const *outputs; /* names of any values of the graph; NULL: the model's outputs */
    guint n_outputs;
    gboolean no_passes; /* only specialise: for comparing */
    FoveaProgressFunc progress;
    gpointer progress_data;
    GCancellable *cancellable;
} FoveaPlanParams;

/** Figures of a plan. fallback_nodes: nodes that run on the CPU because the device has no kernel. */
typedef struct FoveaPlanStats {
    guint nodes; /* after the passes */
    guint steps; /* kernel launches or CPU calls a run */
    guint fallback_nodes;
    guint segments;
    guint64 activation_bytes; /* arena of one session */
    guint64 weight_bytes;     /* packed weights on the device */
} FoveaPlanStats;

/** Compiles. Errors: ARGUMENT, SHAPE, NEED_VALUE (names the inputs), UNSUPPORTED, DEVICE,
 *  NO_MEMORY, CANCELLED. */
FOVEA_API FoveaPlan *fovea_plan_new(FoveaModel *model, FoveaDevice *device,
                                    const FoveaPlanParams *params, GError **error);
FOVEA_API FoveaPlan *fovea_plan_ref(FoveaPlan *plan);
FOVEA_API void fovea_plan_unref(FoveaPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaPlan, fovea_plan_unref)

/** Inputs that a session still has to be given (bound ones are gone), with computed shapes;
 *  a bounded dimension shows its capacity and its name. */
FOVEA_API guint fovea_plan_n_inputs(const FoveaPlan *plan);
FOVEA_API const FoveaIo *fovea_plan_input(const FoveaPlan *plan, guint index);
FOVEA_API guint fovea_plan_n_outputs(const FoveaPlan *plan);
FOVEA_API const FoveaIo *fovea_plan_output(const FoveaPlan *plan, guint index);
FOVEA_API gint fovea_plan_find_input(const FoveaPlan *plan, const char *name);  /* -1: none */
FOVEA_API gint fovea_plan_find_output(const FoveaPlan *plan, const char *name); /* -1: none */
FOVEA_API const FoveaPlanStats *fovea_plan_stats(const FoveaPlan *plan);
/** What each pass did, attention nodes by kind, nodes without a kernel: a JSON object
 *  (transfer full). */
FOVEA_API char *fovea_plan_describe(const FoveaPlan *plan);

G_END_DECLS
