/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/dnnl/dnnl-internal.h: oneDNN 2.x behind one table. Internal to this folder, which alone sees
 * dnnl.h.
 *
 * The library is opened when the first plan is made and not linked: libgomp, which it brings, reads
 * from the environment at load time how long idle threads spin, and parallel.c sets that first. It
 * also means that Fovea runs, slower, where it is not installed.
 */
#pragma once

#include <dnnl.h>

#include "cpu/kernel.h"

#define FOVEA_DNNL_FUNCTIONS(F)                                                                    \
    F(engine_create)                                                                               \
    F(stream_create)                                                                               \
    F(stream_wait)                                                                                 \
    F(memory_desc_init_by_strides)                                                                 \
    F(memory_desc_init_by_tag)                                                                     \
    F(memory_desc_equal)                                                                           \
    F(memory_desc_get_size)                                                                        \
    F(memory_create)                                                                               \
    F(memory_destroy)                                                                              \
    F(memory_set_data_handle)                                                                      \
    F(primitive_desc_create)                                                                       \
    F(primitive_desc_destroy)                                                                      \
    F(primitive_desc_query)                                                                        \
    F(primitive_desc_query_md)                                                                     \
    F(primitive_create)                                                                            \
    F(primitive_destroy)                                                                           \
    F(primitive_execute)                                                                           \
    F(primitive_attr_create)                                                                       \
    F(primitive_attr_destroy)                                                                      \
    F(primitive_attr_set_scratchpad_mode)                                                          \
    F(primitive_attr_set_post_ops)                                                                 \
    F(post_ops_create)                                                                             \
    F(post_ops_destroy)                                                                            \
    F(post_ops_append_eltwise)                                                                     \
    F(post_ops_append_binary)                                                                      \
    F(matmul_desc_init)                                                                            \
    F(dilated_convolution_forward_desc_init)                                                       \
    F(dilated_deconvolution_forward_desc_init)                                                     \
    F(pooling_v2_forward_desc_init)                                                                \
    F(reorder_primitive_desc_create)

typedef struct FoveaDnnl {
#define F(name) __typeof__(dnnl_##name) *name;
    FOVEA_DNNL_FUNCTIONS(F)
#undef F
    dnnl_engine_t engine;
    dnnl_stream_t stream; /* of the executor thread */
} FoveaDnnl;

/* NULL where the library is not there. */
const FoveaDnnl *fovea_dnnl(void);

#define FOVEA_DNNL_POSTS 8

/* Post-operations that say a node's epilogue. */
typedef struct FoveaDnnlPosts {
    guint n; /* operations */
    guint n_binary;
    guint slot[FOVEA_DNNL_POSTS];  /* of binary i: the node's input */
    guint place[FOVEA_DNNL_POSTS]; /* its number among the operations */
    dnnl_memory_desc_t desc[FOVEA_DNNL_POSTS];
    dnnl_post_ops_t ops;
} FoveaDnnlPosts;

/* A primitive with all its memories; data pointers are set at each run. */
typedef struct FoveaDnnlCall {
    dnnl_primitive_t primitive;
    guint n;
    dnnl_exec_arg_t args[8 + FOVEA_DNNL_POSTS];
    dnnl_memory_t scratchpad; /* one of args, or NULL */
    gsize scratchpad_bytes;
    FoveaDnnlPosts posts;
} FoveaDnnlCall;

gboolean fovea_dnnl_fail(dnnl_status_t status, const FoveaNode *node, GError **error);
/* desc of a view with its strides; axes of size 1 get the stride they would have in C order. */
void fovea_dnnl_desc(const FoveaView *view, dnnl_memory_desc_t *desc);
/* Adds a memory without data. Returns it. */
dnnl_memory_t fovea_dnnl_add(FoveaDnnlCall *call, gint what, const dnnl_memory_desc_t *desc);
void fovea_dnnl_set(dnnl_memory_t memory, void *data);
/* pd (taken) -> primitive, with scratchpad, executed by fovea_dnnl_run. */
gboolean fovea_dnnl_finish(FoveaDnnlCall *call, dnnl_primitive_desc_t pd, const FoveaNode *node,
                           GError **error);
void fovea_dnnl_run(FoveaDnnlCall *call, void *scratchpad);
void fovea_dnnl_clear(FoveaDnnlCall *call);
/* A constant in the layout `desc`, packed once and shared. `from` describes the tensor's memory as
 * it lies. NULL with an error. */
void *fovea_dnnl_weights(FoveaProgram *program, const FoveaTensor *tensor,
                         const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *desc,
                         GError **error);
/* TRUE where the whole epilogue can be said; `out` describes the primitive's result, whose shape is
 * out_dims (the node's output). Memories are added by fovea_dnnl_add_posts. */
gboolean fovea_dnnl_posts(const FoveaCpuCompile *compile, const FoveaView *out,
                          const dnnl_memory_desc_t *desc, FoveaDnnlPosts *posts);
/* An attribute without post-operations in the place of this one: oneDNN refuses NULL, and shorter
 * lists leave the rest of the longer one standing. */
void fovea_dnnl_no_posts(dnnl_primitive_attr_t *attr);
void fovea_dnnl_posts_clear(FoveaDnnlPosts *posts);
void fovea_dnnl_add_posts(FoveaDnnlCall *call);
/* Data of the binary operands. */
void fovea_dnnl_set_posts(FoveaDnnlCall *call, const FoveaCpuRun *run);
/* TRUE where the implementation is the library's slow reference. */
gboolean fovea_dnnl_is_slow(dnnl_primitive_desc_t pd);
