/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernel.h: the contract between the Vulkan runtime and those who write kernels. Internal.
 *
 * A kernel says which nodes it can run (why_not) and turns one node into dispatches (emit), once,
 * when a plan is compiled. Each dispatch names a prebuilt shader, its specialisation constants
 * (code: tile, path, element types), its bindings (data) and a fill callback. fill computes the
 * parameter words and the work-group counts from concrete views: once at compile time for steps
 * whose shapes are fixed, before every run for the others. It must not allocate. Nothing else
 * happens per run: no recording, no descriptor updates.
 *
 * The GLSL side is in shaders/common/: params.glsl (P(i): parameter word i), any.glsl (buffers of
 * any stored type), epilogue.glsl (the node's expression), error.glsl (index errors).
 *
 * No Vulkan type appears here: kernels do not include vulkan.h.
 *
 * To add one: core/vulkan/kernels/X.c with `const FoveaVkKernel fovea_vk_kernel_X`, a line in
 * kernels/kernels.list, its shader in shaders/ops/ and a line in shaders/meson.build.
 */
#pragma once

#include "graph/program.h"
#include "vk-shaders.h" /* generated: FOVEA_VK_SHADER_<name> for every line of shaders/meson.build */

#define FOVEA_VK_MAX_BINDINGS 16 /* set 0, bindings 0..15: storage buffers */
#define FOVEA_VK_PUSH_WORDS 32   /* 128 bytes, what every device has */
#define FOVEA_VK_MAX_WORDS 96    /* more than FOVEA_VK_PUSH_WORDS go through the buffer */
#define FOVEA_VK_MAX_SPEC 40
#define FOVEA_VK_SPEC_BASE 8 /* a kernel's constant k has constant_id 8 + k; 0..7 are ours */

typedef struct FoveaVkBuilder FoveaVkBuilder;
typedef struct FoveaVkDispatch FoveaVkDispatch;
typedef struct FoveaVkBuffer FoveaVkBuffer; /* weights or tables on the device */

/* What a fill callback reads and writes. Views are those of the device side: dtype is the stored
 * type, offset and strides count elements from the start of the buffer range that is bound. */
typedef struct FoveaVkFill {
    const FoveaProgram *program;
    const FoveaNode *node;
    const gint64 *scalars;
    const FoveaView *views; /* by value id; use fovea_vk_in/out */
    gconstpointer data;     /* the dispatch's own data (fovea_vk_data) */
    guint n_words;
    guint32 words[FOVEA_VK_MAX_WORDS];
    guint32 groups[3]; /* work groups; any 0: nothing is run */
    gboolean overflow; /* a word did not fit 32 bits: the run fails with a sentence */
    gboolean epilogue; /* fovea_vk_epilogue was called for this dispatch and applies */
} FoveaVkFill;

/* The view of input or output `slot`, or NULL where it is absent. Constants have views too. */
const FoveaView *fovea_vk_in(const FoveaVkFill *fill, guint slot);
const FoveaView *fovea_vk_out(const FoveaVkFill *fill, guint slot);
/* The integers of input `slot` at the present scalars, where they are constant or known as content
 * (shapes, axes, k). FALSE where not known or more than max. */
gboolean fovea_vk_ints(const FoveaVkFill *fill, guint slot, gint64 *ints, guint max, guint *n);
/* Appends one parameter word: P(0), P(1), ... in the order of the calls. */
void fovea_vk_word(FoveaVkFill *fill, gint64 value);
void fovea_vk_word_float(FoveaVkFill *fill, float value);
/* Appends offset, then the last `rank` strides of the view (missing leading ones as 0, and 0 for
 * dims of 1); a NULL view gives zeros. */
void fovea_vk_word_view(FoveaVkFill *fill, const FoveaView *view, guint rank);
/* Work groups for `count` items of `per_group` each, spread over x and y: the shader finds its
 * number with fv_group(). z is 1. */
void fovea_vk_groups(FoveaVkFill *fill, gint64 count, gint64 per_group);
/* The same for three axes that are small enough on their own (each at most 65535). */
void fovea_vk_groups_3d(FoveaVkFill *fill, gint64 x, gint64 y, gint64 z);

/* FALSE with an error fails the run (or the compilation, for a fixed step). */
typedef gboolean (*FoveaVkFillFunc)(FoveaVkFill *fill, GError **error);

typedef enum FoveaVkAccess {
    FOVEA_VK_READ = 1,
    FOVEA_VK_WRITE = 2,
    FOVEA_VK_READ_WRITE = 3,
} FoveaVkAccess;

typedef struct FoveaVkKernel {
    const char *const *ops; /* operator names, NULL-terminated */
    const char *klass;      /* class in profiles: "matmul", "pointwise" */
    /* NULL: it can. Else a static sentence part. NULL callback: every node of these operators whose
     * element types can be stored at all (the runtime has looked already). */
    const char *(*why_not)(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision);
    /* As FoveaBackend.strided. NULL: all bits (every input and the output may be strided). */
    guint32 (*strided)(const FoveaNode *node);
    /* As FoveaBackend.channels_last. NULL: never. */
    gboolean (*channels_last)(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision);
    /* TRUE: emit applies node->fx itself (see epilogue below). FALSE: where a node has an epilogue
     * the runtime appends a pointwise dispatch over out[0], in place. */
    gboolean (*epilogue)(const FoveaNode *node);
    gboolean (*emit)(FoveaVkBuilder *builder, const FoveaNode *node, GError **error);
} FoveaVkKernel;

#define KERNEL(name) extern const FoveaVkKernel fovea_vk_kernel_##name;
#include "vulkan/kernels/kernels.list"
#undef KERNEL

/* ---- in emit: asking ---- */
const FoveaDeviceInfo *fovea_vk_device(const FoveaVkBuilder *builder);
/* Largest work group (invocations) and shared memory in bytes. */
guint fovea_vk_max_group(const FoveaVkBuilder *builder);
FoveaPrecision fovea_vk_precision(const FoveaVkBuilder *builder);
/* Stored type of a value (constants too). */
FoveaDtype fovea_vk_store(const FoveaVkBuilder *builder, const FoveaValue *value);
/* The view at capacity. */
void fovea_vk_view(const FoveaVkBuilder *builder, const FoveaValue *value, FoveaView *view);
/* What fill would see at capacity, to look at views in emit. */
void fovea_vk_fill_at_capacity(const FoveaVkBuilder *builder, const FoveaNode *node,
                               gconstpointer data, FoveaVkFill *fill);
/* TRUE: fill is called before every run, with other sizes than those of fovea_vk_view. */
gboolean fovea_vk_is_dynamic(const FoveaVkBuilder *builder, const FoveaNode *node);

/* ---- in emit: making dispatches; they run in the order made ---- */
/* klass NULL: the kernel's. The dispatch belongs to the builder. */
FoveaVkDispatch *fovea_vk_dispatch(FoveaVkBuilder *builder, const FoveaNode *node,
                                   FoveaVkShader shader, FoveaVkFillFunc fill, const char *klass);
/* Specialisation constant number `index` (constant_id FOVEA_VK_SPEC_BASE + index). */
void fovea_vk_spec(FoveaVkDispatch *dispatch, guint index, guint32 value);
/* Rough cost in units of 1e6 multiply-adds at capacity: long segments are split by it. Default:
 * elements of the output / 1e6. */
void fovea_vk_cost(FoveaVkDispatch *dispatch, double cost);
/* Zeroed memory for fill, freed with the plan. Small fixed sizes only. */
gpointer fovea_vk_data(FoveaVkDispatch *dispatch, gsize size);

/* Binding `binding` of set 0. A constant value is packed in C order in its stored type by itself.
 * NULL value: bound to something harmless (every binding that a shader declares must be bound; those
 * never named here are filled so by the runtime). */
void fovea_vk_bind(FoveaVkDispatch *dispatch, guint binding, const FoveaValue *value,
                   FoveaVkAccess access);
/* Read-only weights or tables; NULL is ignored (the error has been noted by fovea_vk_weights). */
void fovea_vk_bind_buffer(FoveaVkDispatch *dispatch, guint binding, FoveaVkBuffer *buffer);
/* Memory between dispatches of this node, per session; contents are undefined at first. Returns its
 * number. */
guint fovea_vk_scratch(FoveaVkBuilder *builder, gint64 bytes);
void fovea_vk_bind_scratch(FoveaVkDispatch *dispatch, guint binding, guint scratch,
                           FoveaVkAccess access);
/* A constant packed by `pack` (host bytes from fovea_try_alloc, *bytes of them; freed by us after
 * the upload), shared by all plans under `layout` ("conv/f16/o8i"). NULL with an error: return FALSE
 * from emit. */
FoveaVkBuffer *fovea_vk_weights(FoveaVkBuilder *builder, const FoveaTensor *tensor,
                                const char *layout, FoveaPackFunc pack, gpointer user_data,
                                GError **error);
/* Replaces the body of the shader's fx() (see shaders/common/fx.glsl). NULL: fx returns a0. */
void fovea_vk_fx(FoveaVkDispatch *dispatch, const FoveaExpr *fx);

/* ---- epilogues: node->fx over what the kernel computed ----
 * The shader includes epilogue.glsl and calls fv_epilogue(bits of the result, i0, i1, i2, i3, base)
 * with the position of the element along four groups of output axes; the operands are read with
 * strides along these groups, from parameter words base.. on. */
typedef struct FoveaVkGroups {
    struct {
        guint8 first, n; /* output axes first .. first + n - 1; n 0: the position is always 0 */
    } g[4];
} FoveaVkGroups;

#define FOVEA_VK_EPILOGUE_SPEC 24 /* spec constants 24..32 of the kernel: number, stored types */
#define FOVEA_VK_EPILOGUE_MAX 4   /* operands next to the accumulator */
/* TRUE where node->fx can be applied with these groups: at most 4 operands, each with one stride
 * along each group, and no FX_INDEX except where group k is axis k alone. TRUE without an epilogue.
 * Where it is FALSE, say so in kernel->epilogue and let the runtime append a dispatch. */
gboolean fovea_vk_epilogue_fits(const FoveaNode *node, const FoveaVkGroups *groups);
/* Binds the operands at first_binding.. (the shader declares FV_EPILOGUE_BINDING with the same
 * number), sets the constants and the expression. Call it without an epilogue too. */
void fovea_vk_epilogue(FoveaVkDispatch *dispatch, guint first_binding);
/* In fill: appends 5 words an operand; `base` for the shader is n_words before the call. */
gboolean fovea_vk_word_epilogue(FoveaVkFill *fill, const FoveaVkGroups *groups, GError **error);

/* ---- words of class, for why_not ---- */
/* Stored type that the runtime gives to a value of this dtype at this precision; NONE: it has no
 * storage on a GPU. */
FoveaDtype fovea_vk_store_type(FoveaDevice *device, const FoveaValue *value,
                               FoveaPrecision precision);
