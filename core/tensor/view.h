/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tensor/view.h: a strided window onto memory: what kernels read and write. Internal.
 */
#pragma once

#include "base/base.h"
#include "fovea/tensor.h"

/* dims and strides count elements; strides may be 0 (broadcast) or negative. data points at the
 * element of index 0 in every dimension. On a GPU data is NULL and offset counts elements from the
 * start of the buffer that the value lies in. */
typedef struct FoveaView {
    FoveaDtype dtype;
    guint rank;
    gint64 dims[FOVEA_MAX_RANK];
    gint64 strides[FOVEA_MAX_RANK];
    void *data;
    gint64 offset;
} FoveaView;

/* Elements of the view (product of dims; 1 for a scalar). The product never overflows for views
 * made by this library: shapes are checked when they are made. */
gint64 fovea_view_count(const FoveaView *view);
/* C-order strides for dims. */
void fovea_strides_contiguous(guint rank, const gint64 *dims, gint64 *strides);
/* TRUE where walking the view in C order walks memory without gaps (dims of 1 do not matter). */
gboolean fovea_view_is_contiguous(const FoveaView *view);
FoveaView fovea_view_make(FoveaDtype dtype, guint rank, const gint64 *dims, void *data);
/* The tensor's memory as a contiguous view (const is cast away; do not write). */
FoveaView fovea_view_of_tensor(const FoveaTensor *tensor);
/* The view broadcast to rank/dims by numpy's rules (missing leading dims, 1 -> stride 0).
 * FALSE where the shapes do not allow it. */
gboolean fovea_view_broadcast(const FoveaView *view, guint rank, const gint64 *dims,
                              FoveaView *out);

/* One element at an element index relative to data, as the widest type of its class. Floats of
 * every width go through double, integers and bool through gint64 (u64 keeps its bits). Stores
 * round to nearest even (floats) and wrap (integers); bool stores value != 0. */
double fovea_load_f64(FoveaDtype dtype, const void *data, gint64 index);
gint64 fovea_load_i64(FoveaDtype dtype, const void *data, gint64 index);
void fovea_store_f64(FoveaDtype dtype, void *data, gint64 index, double value);
void fovea_store_i64(FoveaDtype dtype, void *data, gint64 index, gint64 value);

/* Walks every index of dims in C order, keeping element offsets of up to 12 views in step:
 *     FoveaWalk w; fovea_walk_init(&w, rank, dims, n, strides_of_each);
 *     do { ... w.at[k] ... } while (fovea_walk_next(&w));
 * An empty shape has w.empty set and must not be entered. */
#define FOVEA_WALK_MAX 12
typedef struct FoveaWalk {
    guint rank, n;
    gboolean empty;
    gint64 dims[FOVEA_MAX_RANK];
    gint64 index[FOVEA_MAX_RANK];
    const gint64 *strides[FOVEA_WALK_MAX];
    gint64 at[FOVEA_WALK_MAX];
} FoveaWalk;
void fovea_walk_init(FoveaWalk *walk, guint rank, const gint64 *dims, guint n,
                     const gint64 *const *strides);
gboolean fovea_walk_next(FoveaWalk *walk);

/* Value-converting strided copy; dims must agree. Float to integer saturates, NaN gives 0; integer
 * to narrower integer wraps. This is the meaning of ONNX Cast without saturate games. */
void fovea_view_copy(const FoveaView *from, const FoveaView *to);

/* f16 and bf16 to and from f32, round to nearest even. */
float fovea_f16_to_f32(guint16 bits);
guint16 fovea_f16_from_f32(float value);
float fovea_bf16_to_f32(guint16 bits);
guint16 fovea_bf16_from_f32(float value);
