/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/common.h: what many kernels share; the C side of shaders/common/kernel.glsl and
 * walk.glsl. Internal.
 */
#pragma once

#include "ops/support.h"
#include "vulkan/kernel.h"

/* Binds a value where the shader says INPUT(binding, ...) or OUTPUT(binding, ...). */
void fovea_vk_input(FoveaVkBuilder *builder, FoveaVkDispatch *dispatch, guint binding,
                    const FoveaValue *value);
void fovea_vk_output(FoveaVkBuilder *builder, FoveaVkDispatch *dispatch, guint binding,
                     const FoveaValue *value);
/* Sets the shader's OPTION(index, ...). */
void fovea_vk_option(FoveaVkDispatch *dispatch, guint index, guint32 value);

/* The node's own inputs: operands of its epilogue come after them. NULL where absent. */
static inline const FoveaView *fovea_vk_own(const FoveaVkFill *fill, guint slot)
{
    return slot < fovea_node_n_own(fill->node) ? fovea_vk_in(fill, slot) : NULL;
}

/* Axes in common of a few views: the shader turns a number into a place in each of them. */
#define FOVEA_VK_WALK_VIEWS 4
typedef struct FoveaVkWalk {
    guint rank, n_views;
    gint64 dims[FOVEA_MAX_RANK];
    gint64 strides[FOVEA_VK_WALK_VIEWS][FOVEA_MAX_RANK];
} FoveaVkWalk;

void fovea_vk_walk_init(FoveaVkWalk *walk, guint n_views);
/* Appends an axis; the last one runs fastest. strides: n_views of them. */
void fovea_vk_walk_axis(FoveaVkWalk *walk, gint64 size, const gint64 *strides);
/* Puts the axes in the order in which view `view` lies in memory. */
void fovea_vk_walk_sort(FoveaVkWalk *walk, guint view);
gint64 fovea_vk_walk_count(const FoveaVkWalk *walk);
/* Appends the walk's words; axes that lie together in all views are joined first. */
void fovea_vk_walk_words(FoveaVkFill *fill, FoveaVkWalk *walk);

/* Packs a constant with its axes permuted (axis i of the result is axis order[i] of the tensor), in
 * the type in which its value is stored. NULL with an error. */
FoveaVkBuffer *fovea_vk_permuted(FoveaVkBuilder *builder, const FoveaValue *value,
                                 const guint *order, const char *layout, GError **error);

/* Width of a work group of the kernels that reduce rows, and how many invocations share a row. */
#define FOVEA_VK_LANES 128
guint fovea_vk_lanes(gint64 rows, gint64 length);
/* Work groups for that many rows with that many lanes. */
void fovea_vk_row_groups(FoveaVkFill *fill, gint64 rows, guint lanes);

/* Tiles of matmul.comp and conv.comp: side * side invocations, each with rows * columns sums. */
typedef struct FoveaVkTile {
    guint side, rows, columns;
    gboolean rolled;
} FoveaVkTile;

/* For a product that is `columns` wide. */
FoveaVkTile fovea_vk_tile(FoveaVkBuilder *builder, gint64 columns);
/* Sets the shader's OPTIONs 1 to 5. */
void fovea_vk_tile_options(FoveaVkDispatch *dispatch, const FoveaVkTile *tile);
/* Tiles that cover a product. */
gint64 fovea_vk_tile_count(const FoveaVkTile *tile, gint64 rows, gint64 columns);

/* NULL, or why a node whose operand `slot` is not of a real type has no kernel. */
const char *fovea_vk_reals_only(const FoveaNode *node);
