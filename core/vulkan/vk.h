/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/vk.h: what the files of this room share. Internal to the room.
 *
 * device.c    one logical device, its limits, and the state "lost"
 * memory.c    buffers of sessions; weights, cut from large blocks
 * pipeline.c  modules with their expressions, pipelines (compiled in parallel, cached on disk)
 * builder.c   what kernels call in emit; fill.c: what they call in fill; epilogue.c
 * compile.c   a segment of a program -> FoveaVkCompiled
 * arena.c     the memory of one session, and copies in and out
 * record.c    a compiled segment, recorded once for one session, and its submission
 * backend.c   the vtable
 */
#pragma once

#include <vulkan/vulkan.h>

#include "graph/device-internal.h"
#include "graph/program.h"
#include "vulkan/debug.h"
#include "vulkan/kernel.h"

typedef struct FoveaVkDevice {
    FoveaDevice base;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    guint32 family;
    GMutex queue_lock; /* submissions, and everything below */
    gint lost;         /* atomic; sticky */
    VkPhysicalDeviceLimits limits;
    guint64 max_allocation;
    guint32 type_device, type_upload, type_readback; /* memory types */
    gboolean unified;        /* device memory is written by the host directly */
    gboolean float_controls; /* NaN and infinities can be asked to be kept */
    gboolean timestamps;
    /* One pipeline layout for each number of bindings of set 0; set 1 is the runtime's. */
    VkDescriptorSetLayout set_layout[FOVEA_VK_MAX_BINDINGS + 1], common_layout;
    VkPipelineLayout layout[FOVEA_VK_MAX_BINDINGS + 1];
    VkPipelineCache cache;
    gboolean cache_dirty;
    GHashTable *pipelines;                     /* FoveaVkPipelineKey* -> FoveaVkPipeline* */
    guint module_bindings[FOVEA_VK_N_SHADERS]; /* 1 + number; 0: not counted yet */
    /* Weights. */
    GPtrArray *blocks; /* FoveaVkBlock* */
    VkCommandPool pool;
    VkCommandBuffer copy;
    VkFence copy_done;
    struct FoveaVkMemory *staging;
} FoveaVkDevice;

/* FALSE and an error unless VK_SUCCESS. Remembers a lost device. `doing`: "compile a shader". */
gboolean fovea_vk_check(FoveaVkDevice *device, VkResult result, const char *doing, GError **error);
gboolean fovea_vk_is_lost(FoveaVkDevice *device, GError **error);
/* Failure injection for tests: the environment variable FOVEA_VULKAN_FAIL is `kind`. */
gboolean fovea_vk_inject(const char *kind);

/* ---- instance.c ---- */
/* The instance of the process, or VK_NULL_HANDLE and a sentence. */
VkInstance fovea_vk_instance(char **why);
/* Physical devices (g_free). */
VkPhysicalDevice *fovea_vk_physical(guint *n, char **why);

/* ---- memory.c ---- */
typedef enum FoveaVkHeap { FOVEA_VK_DEVICE, FOVEA_VK_UPLOAD, FOVEA_VK_READBACK } FoveaVkHeap;
/* A buffer with memory of its own. */
typedef struct FoveaVkMemory {
    FoveaVkDevice *device;
    VkBuffer buffer;
    VkDeviceMemory memory;
    guint64 size;
    guint8 *mapped; /* NULL: not visible to the host */
} FoveaVkMemory;
FoveaVkMemory *fovea_vk_memory_new(FoveaVkDevice *device, FoveaVkHeap heap, guint64 size,
                                   GError **error);
void fovea_vk_memory_free(FoveaVkMemory *memory);

typedef struct FoveaVkBlock {
    FoveaVkMemory *memory;
    guint64 used;
    guint live;
} FoveaVkBlock;
struct FoveaVkBuffer {
    FoveaVkDevice *device; /* referenced */
    FoveaVkBlock *block;
    guint64 offset, size;
};
FoveaVkBuffer *fovea_vk_buffer_new(FoveaVkDevice *device, gconstpointer data, gsize size,
                                   GError **error);
void fovea_vk_buffer_free(gpointer buffer);

/* ---- pipeline.c ---- */
typedef struct FoveaVkPipelineKey {
    FoveaVkShader shader;
    guint32 n_spec;
    guint32 spec[FOVEA_VK_SPEC_BASE + FOVEA_VK_MAX_SPEC];
    guint32 spec_set[2]; /* bit i: spec[i] is given */
    FoveaExpr *fx;       /* NULL: none; owned */
} FoveaVkPipelineKey;
typedef struct FoveaVkPipeline {
    FoveaVkPipelineKey key;
    FoveaVkDevice *device;
    VkPipeline pipeline;
    guint n_bindings;
    GError *error; /* of its compilation, until reported */
} FoveaVkPipeline;
/* Bindings of set 0 that the module declares. */
guint fovea_vk_module_bindings(FoveaVkDevice *device, FoveaVkShader shader);
/* The pipeline of each key, made where it does not exist, in parallel. Keys' expressions are copied.
 * Pipelines live as long as the device. Errors: CANCELLED, NO_MEMORY, DEVICE_LOST, FAILED. */
gboolean fovea_vk_pipelines(FoveaVkDevice *device, const FoveaVkPipelineKey *const *keys, guint n,
                            FoveaVkPipeline **out, const FoveaProgram *program, GError **error);
gboolean fovea_vk_pipelines_init(FoveaVkDevice *device, GError **error);
void fovea_vk_pipelines_clear(FoveaVkDevice *device);

/* ---- compile.c ---- */
typedef enum FoveaVkBindingKind {
    FOVEA_VK_BIND_NONE = 0,
    FOVEA_VK_BIND_VALUE, /* a root in the arena */
    FOVEA_VK_BIND_BUFFER,
    FOVEA_VK_BIND_SCRATCH,
} FoveaVkBindingKind;
typedef struct FoveaVkBinding {
    FoveaVkBindingKind kind;
    FoveaVkAccess access;
    FoveaVkBuffer *buffer;
    guint64 offset, size; /* in the arena or the scratch memory, bytes; size in whole words */
} FoveaVkBinding;

struct FoveaVkDispatch {
    FoveaVkBuilder *builder;
    const FoveaNode *node;
    FoveaVkFillFunc fill;
    const char *klass;
    FoveaVkPipelineKey key;
    FoveaVkPipeline *pipeline;
    FoveaVkBinding binding[FOVEA_VK_MAX_BINDINGS];
    guint scratch[FOVEA_VK_MAX_BINDINGS]; /* of the builder, until placed */
    gpointer data;
    double cost;
    gboolean dynamic;   /* filled before every run */
    gboolean epilogue;  /* of the node, applied here */
    gboolean in_buffer; /* words are in the parameter buffer */
    guint32 at;         /* first word there: groups[3], one unused, words */
    guint32 n_words, groups[3];
    guint32 words[FOVEA_VK_MAX_WORDS]; /* of fixed steps */
};

typedef struct FoveaVkCompiled {
    FoveaVkDevice *device; /* referenced */
    FoveaProgram *program;
    guint segment;
    GPtrArray *dispatches; /* FoveaVkDispatch* */
    guint64 scratch_bytes; /* of one session; nodes take turns in it */
    guint n_words;         /* of the parameter buffer */
    GPtrArray *readback;   /* roots that the host reads after this segment */
} FoveaVkCompiled;

struct FoveaVkBuilder {
    FoveaVkCompiled *compiled;
    FoveaProgram *program;
    FoveaVkDevice *device;
    const FoveaVkKernel *kernel;
    FoveaView *views;                  /* at capacity, by value id */
    gint64 scalars[FOVEA_MAX_SCALARS]; /* capacities */
    GArray *scratch;                   /* sizes of the present node's, guint64 */
    gboolean epilogue_apart;           /* the runtime runs the present node's epilogue */
    GError *error;                     /* first one noted by a call that cannot return it */
};

void fovea_vk_words_in_buffer(FoveaVkDispatch *dispatch);
gpointer fovea_vk_compile(FoveaProgram *program, guint segment, GError **error);
void fovea_vk_compiled_free(gpointer compiled);
/* Computes words and groups; common checks. */
gboolean fovea_vk_fill_run(const FoveaVkDispatch *dispatch, FoveaVkFill *fill, GError **error);
const FoveaVkKernel *fovea_vk_kernel_of(const FoveaNode *node);
/* The pointwise dispatch that runs a node's epilogue in place over out[0]. */
gboolean fovea_vk_emit_epilogue(FoveaVkBuilder *builder, const FoveaNode *node, GError **error);

/* ---- arena.c ---- */
/* A root that the host writes or reads. */
typedef struct FoveaVkTransfer {
    const FoveaValue *root;
    guint64 offset, size; /* in the arena */
    guint64 staging;      /* in the staging buffers */
    VkCommandBuffer up, down;
    gboolean pending_up; /* written to staging, not yet queued */
    gboolean fresh;      /* the readback staging holds the present contents */
} FoveaVkTransfer;

typedef struct FoveaVkArena {
    FoveaVkDevice *device;
    FoveaProgram *program;
    FoveaVkMemory *memory;            /* NULL: the program has none */
    FoveaVkMemory *upload, *readback; /* NULL where the arena itself is mapped */
    FoveaVkMemory *errors;            /* one word */
    VkCommandPool pool;
    VkSemaphore timeline;
    guint64 queued; /* value that the timeline reaches when all submitted work is done */
    FoveaVkTransfer *transfers;
    guint n_transfers;
    guint *transfer_of; /* by root id: 1 + index */
} FoveaVkArena;

gpointer fovea_vk_arena_new(FoveaInstance *instance, GError **error);
void fovea_vk_arena_free(gpointer arena);
gboolean fovea_vk_upload(FoveaInstance *instance, const FoveaValue *value, const FoveaView *from,
                         GError **error);
gboolean fovea_vk_download(FoveaInstance *instance, const FoveaValue *value, const FoveaView *to,
                           GError **error);
gboolean fovea_vk_copy(FoveaInstance *to, const FoveaValue *input, FoveaInstance *from,
                       const FoveaValue *output, GError **error);
/* Queues command buffers after everything queued before, with pending uploads first. */
gboolean fovea_vk_arena_submit(FoveaVkArena *arena, const VkCommandBuffer *buffers, guint n,
                               GError **error);
gboolean fovea_vk_arena_wait(FoveaVkArena *arena, GError **error);
/* A barrier between everything before and everything after, the host included. */
void fovea_vk_full_barrier(VkCommandBuffer to);
/* Converting copies between host views and stored memory; FALSE where an integer does not fit. */
gboolean fovea_vk_convert(const FoveaView *from, const FoveaView *to);

/* ---- record.c ---- */
gpointer fovea_vk_state_new(FoveaInstance *instance, guint segment, GError **error);
void fovea_vk_state_free(gpointer state);
gboolean fovea_vk_submit(FoveaInstance *instance, guint segment, gpointer state, GError **error);
gboolean fovea_vk_wait(FoveaInstance *instance, guint segment, gpointer state, GError **error);
void fovea_vk_profile(gpointer state, void (*add)(const char *klass, guint64 ns, gpointer data),
                      gpointer data);
