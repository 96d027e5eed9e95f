/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/kernel.h: the contract between the CPU backend and its faster kernels. Internal.
 *
 * A node without a kernel here runs by its reference. To add one: core/cpu/kernels/X.c with
 * `const FoveaCpuKernel fovea_cpu_kernel_X`, and a line in kernels/kernels.list (the first kernel
 * that names the operator and `fits` takes it). Everything that can be made once is made in compile,
 * at capacity; run must not allocate. Values are f32, integers as they are, bool one byte. Both are
 * called on the executor thread, so what compile made may be written to by run.
 */
#pragma once

#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "graph/program.h"

typedef struct FoveaCpuStep FoveaCpuStep;

/* What compile knows. */
typedef struct FoveaCpuCompile {
    FoveaProgram *program;
    const FoveaNode *node;
    gboolean dynamic; /* sizes change from run to run: run gets other views than these */
    gsize scratch;    /* out: bytes of scratch that run needs, 64-aligned, shared by all steps */
    gboolean decline; /* out: the kernel cannot do it after all; the next one, or the reference */
} FoveaCpuCompile;

/* TRUE: the value lies in memory as f32, as half types do on the CPU. */
static inline gboolean fovea_cpu_is_f32(const FoveaValue *value)
{
    return fovea_dtype_is_float(value->dtype) && value->dtype != FOVEA_DTYPE_F64;
}

/* The view at capacity of a value of the step. */
void fovea_cpu_view(const FoveaCpuCompile *compile, const FoveaValue *value, FoveaView *view);

/* What run gets. in and out are indexed by slot; absent ones are NULL. */
typedef struct FoveaCpuRun {
    const FoveaNode *node;
    gpointer data; /* what compile made */
    const FoveaView *const *in;
    const FoveaView *const *out;
    guint8 *scratch;
    const FoveaInstance *instance;
} FoveaCpuRun;

typedef struct FoveaCpuKernel {
    const char *const *ops; /* operator names, NULL-terminated; NULL: every pointwise operator */
    const char *klass;      /* class in profiles */
    /* FALSE: another kernel or the reference. May look at dtypes, shapes, attributes. NULL: all. */
    gboolean (*fits)(const FoveaNode *node);
    /* As FoveaBackend.strided. NULL: any window everywhere. */
    guint32 (*strided)(const FoveaNode *node);
    /* Output 0 should lie channels-last. NULL: never. */
    gboolean (*channels_last)(const FoveaNode *node);
    /* TRUE: run applies node->fx itself. Else the backend does it over out[0] afterwards. */
    gboolean (*epilogue)(const FoveaNode *node);
    /* Makes *data (freed by `destroy`). NULL: nothing to make. */
    gboolean (*compile)(FoveaCpuCompile *compile, gpointer *data, GError **error);
    void (*destroy)(gpointer data);
    gboolean (*run)(const FoveaCpuRun *run, GError **error);
} FoveaCpuKernel;

#define KERNEL(name) extern const FoveaCpuKernel fovea_cpu_kernel_##name;
#include "cpu/kernels/kernels.list"
#undef KERNEL

/* The kernel that takes the node, or NULL: the reference. */
const FoveaCpuKernel *fovea_cpu_find_kernel(const FoveaNode *node);

struct FoveaTileProgram;
/* Applies the node's epilogue to out[0], for kernels that do it themselves. */
void fovea_cpu_run_epilogue(const FoveaCpuRun *run, const struct FoveaTileProgram *program);
