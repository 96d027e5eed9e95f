/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/program.h: a graph after the passes, with every value placed in memory and the nodes cut
 * into segments by device; and the contract that a backend keeps. Internal.
 */
#pragma once

#include "fovea/device.h"
#include "fovea/plan.h"
#include "graph/weights.h"
#include "ops/op.h"

typedef struct FoveaProgram FoveaProgram;
typedef struct FoveaInstance FoveaInstance;
typedef struct FoveaBackend FoveaBackend;

/* Values live on one or both of two sides: host arena (CPU kernels) and device arena. */
typedef enum FoveaSide { FOVEA_SIDE_HOST = 0, FOVEA_SIDE_DEVICE = 1 } FoveaSide;

/* Where one value lies on one side. */
typedef struct FoveaPlace {
    gboolean used;
    FoveaDtype
        store; /* element type in memory (i64 is i32 on Vulkan, f16 is f32 on the CPU, ...) */
    FoveaValue *root; /* whose memory this is a window of; itself for roots. May be a constant */
    FoveaDim offset;  /* elements from the root's start */
    FoveaDim strides[FOVEA_MAX_RANK]; /* elements */
    /* roots that are not constants: */
    gint64 elements;      /* at capacity */
    guint64 arena_offset; /* bytes, 256-aligned */
    guint first, last;    /* steps that write and last read it (life time) */
} FoveaPlace;

/* A run of consecutive steps on one device. */
typedef struct FoveaSegment {
    FoveaSide side;
    guint first, n; /* steps */
    /* Values that must be brought to this side before the segment (they were made on the other, or
     * are graph inputs on the device side). */
    GPtrArray *bring;  /* FoveaValue* */
    gpointer compiled; /* the backend's */
} FoveaSegment;

struct FoveaProgram {
    FoveaGraph *graph;
    FoveaDevice *device;
    FoveaPrecision precision; /* resolved: never AUTO */
    FoveaWeights *weights;
    FoveaNode **steps; /* nodes that do work, in order; pure views are gone */
    guint n_steps;
    FoveaPlace *place[2]; /* by side, then value id */
    guint64 arena_bytes[2];
    FoveaTensor **host_constant; /* by value id: constants in their host store type; else NULL */
    guint n_values;              /* values that the arrays above have room for */
    GArray *segments;            /* FoveaSegment */
    gboolean dynamic;            /* some shape depends on a scalar */
    FoveaProgressFunc progress;
    gpointer progress_data;
    GCancellable *cancellable;
};

/* One session's view of the program: scalars, and the views of all values at these scalars. */
struct FoveaInstance {
    FoveaProgram *program;
    gint64 scalars[FOVEA_MAX_SCALARS];
    FoveaView *views[2]; /* by side, then value id. Host: data set. Device: data NULL, offset =
                             elements from the start of the root's own memory */
    guint8 *host_arena;
    gpointer *backend_state; /* one per segment: the backend's */
    gpointer device_arena;   /* of the device's backend (arena_new); NULL: none */
};

/* The view of a value at given scalars (used for capacity and for each run). */
void fovea_place_view(const FoveaProgram *program, FoveaSide side, const FoveaValue *value,
                      const gint64 *scalars, FoveaView *view);
/* TRUE where any input or output of the step has a size, stride or offset that is not constant. */
gboolean fovea_step_is_dynamic(const FoveaProgram *program, const FoveaNode *step);

/* What a backend does. One static table a backend. */
struct FoveaBackend {
    const char *name;
    FoveaSide side;
    /* TRUE where at least one form of the operator has a kernel (needs no device). NULL: all. */
    gboolean (*has_kernel)(const FoveaOp *op);
    /* NULL: there is a kernel. Else why not, a static sentence part ("f64 is not supported"). */
    const char *(*why_not)(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision);
    /* Element type in which a value is stored. */
    FoveaDtype (*store)(FoveaDevice *device, const FoveaValue *value, FoveaPrecision precision);
    /* Bit k: input k may be any strided window (else the planner inserts a copy to C order).
     * Bit 31: the output may be any strided window. */
    guint32 (*strided)(const FoveaNode *node);
    /* Channels-last feature maps: TRUE where output 0 of a rank-4 (or 3) node should lie so. */
    gboolean (*channels_last)(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision);
    /* C is padded to a multiple of this in channels-last memory (1: not padded). */
    guint (*channel_pad)(FoveaDevice *device, FoveaDtype store);

    gpointer (*compile)(FoveaProgram *program, guint segment, GError **error);
    void (*compiled_free)(gpointer compiled);
    /* Kernel launches of a compiled segment. */
    guint (*n_steps)(gpointer compiled);
    /* Per session and segment. */
    gpointer (*state_new)(FoveaInstance *instance, guint segment, GError **error);
    void (*state_free)(gpointer state);
    /* Runs the segment: submit returns once queued, wait once done (the CPU may do all in submit).
     * Errors: RANGE, DEVICE_LOST, NO_MEMORY. */
    gboolean (*submit)(FoveaInstance *instance, guint segment, gpointer state, GError **error);
    gboolean (*wait)(FoveaInstance *instance, guint segment, gpointer state, GError **error);
    /* Nanoseconds of the last run by kernel class: calls add(class, ns). NULL: not kept. */
    void (*profile)(gpointer state, void (*add)(const char *klass, guint64 ns, gpointer data),
                    gpointer data);
    /* Device side only. Memory of one session: the arena. */
    gpointer (*arena_new)(FoveaInstance *instance, GError **error);
    void (*arena_free)(gpointer arena);
    /* Device side only. Copies a whole value between host memory (C order, of `dtype`) and its
     * place, converting the element type; called between runs, or between segments with all
     * earlier ones waited for. Uses preallocated staging: no allocation. Errors: RANGE (an integer
     * that the stored type cannot hold), DEVICE_LOST. */
    gboolean (*upload)(FoveaInstance *instance, const FoveaValue *value, const FoveaView *from,
                       GError **error);
    gboolean (*download)(FoveaInstance *instance, const FoveaValue *value, const FoveaView *to,
                         GError **error);
    /* The same from the place of one value to that of another, in another session of the device; both
     * are inputs or outputs of one element type. */
    gboolean (*copy)(FoveaInstance *to, const FoveaValue *input, FoveaInstance *from,
                     const FoveaValue *output, GError **error);
};

extern const FoveaBackend fovea_cpu_backend;
/* NULL where the build has no Vulkan. */
const FoveaBackend *fovea_vulkan_backend(void);
