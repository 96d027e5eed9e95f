/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vulkan/kernels/common.h"

#define OPTIONS 16 /* kernel.glsl: bindings have the constants below */

void fovea_vk_input(FoveaVkBuilder *builder, FoveaVkDispatch *dispatch, guint binding,
                    const FoveaValue *value)
{
    if (value == NULL)
        return;
    fovea_vk_spec(dispatch, binding, fovea_vk_store(builder, value));
    fovea_vk_bind(dispatch, binding, value, FOVEA_VK_READ);
}

void fovea_vk_output(FoveaVkBuilder *builder, FoveaVkDispatch *dispatch, guint binding,
                     const FoveaValue *value)
{
    if (value == NULL)
        return;
    fovea_vk_spec(dispatch, binding, fovea_vk_store(builder, value));
    fovea_vk_bind(dispatch, binding, value, FOVEA_VK_WRITE);
}

void fovea_vk_option(FoveaVkDispatch *dispatch, guint index, guint32 value)
{
    fovea_vk_spec(dispatch, OPTIONS + index, value);
}

void fovea_vk_walk_init(FoveaVkWalk *walk, guint n_views)
{
    memset(walk, 0, sizeof *walk);
    walk->n_views = n_views;
}

void fovea_vk_walk_axis(FoveaVkWalk *walk, gint64 size, const gint64 *strides)
{
    g_return_if_fail(walk->rank < FOVEA_MAX_RANK);
    walk->dims[walk->rank] = size;
    for (guint v = 0; v < walk->n_views; v++)
        walk->strides[v][walk->rank] = strides[v];
    walk->rank++;
}

static void swap_axes(FoveaVkWalk *walk, guint a, guint b)
{
    gint64 t = walk->dims[a];
    walk->dims[a] = walk->dims[b];
    walk->dims[b] = t;
    for (guint v = 0; v < walk->n_views; v++) {
        t = walk->strides[v][a];
        walk->strides[v][a] = walk->strides[v][b];
        walk->strides[v][b] = t;
    }
}

void fovea_vk_walk_sort(FoveaVkWalk *walk, guint view)
{
    const gint64 *by = walk->strides[view];
    for (guint i = 1; i < walk->rank; i++) {
        for (guint k = i; k > 0 && ABS(by[k]) > ABS(by[k - 1]); k--)
            swap_axes(walk, k, k - 1);
    }
}

gint64 fovea_vk_walk_count(const FoveaVkWalk *walk)
{
    gint64 count = 1;
    for (guint i = 0; i < walk->rank; i++)
        count *= walk->dims[i];
    return count;
}

/* TRUE where axis b continues axis a in every view. */
static gboolean continues(const FoveaVkWalk *walk, guint a, guint b)
{
    for (guint v = 0; v < walk->n_views; v++) {
        if (walk->strides[v][a] != walk->strides[v][b] * walk->dims[b])
            return FALSE;
    }
    return TRUE;
}

static void join_axes(FoveaVkWalk *walk)
{
    guint rank = 0;
    for (guint i = 0; i < walk->rank; i++) {
        if (walk->dims[i] == 1)
            continue;
        swap_axes(walk, rank, i);
        if (rank > 0 && continues(walk, rank - 1, rank)) {
            walk->dims[rank] *= walk->dims[rank - 1];
            swap_axes(walk, rank - 1, rank);
        } else {
            rank++;
        }
    }
    walk->rank = rank;
}

void fovea_vk_walk_words(FoveaVkFill *fill, FoveaVkWalk *walk)
{
    gint64 count = fovea_vk_walk_count(walk);
    join_axes(walk);
    fovea_vk_word(fill, count);
    fovea_vk_word(fill, walk->rank);
    for (guint i = 0; i < walk->rank; i++)
        fovea_vk_word(fill, walk->dims[i]);
    for (guint v = 0; v < walk->n_views; v++) {
        for (guint i = 0; i < walk->rank; i++)
            fovea_vk_word(fill, walk->strides[v][i]);
    }
}

/* ---- constants ---- */

typedef struct Permuted {
    const guint *order;
    FoveaDtype store;
} Permuted;

static gpointer pack_permuted(const FoveaTensor *tensor, gpointer user_data, gsize *bytes,
                              GError **error)
{
    const Permuted *how = user_data;
    FoveaView from = fovea_view_of_tensor(tensor), turned = from;
    gpointer data = fovea_try_alloc((gsize)fovea_view_count(&from), fovea_dtype_size(how->store),
                                    error);
    if (data == NULL)
        return NULL;
    for (guint i = 0; i < from.rank; i++) {
        turned.dims[i] = from.dims[how->order[i]];
        turned.strides[i] = from.strides[how->order[i]];
    }
    FoveaView to = fovea_view_make(how->store, turned.rank, turned.dims, data);
    fovea_view_copy(&turned, &to);
    *bytes = (gsize)fovea_view_count(&from) * fovea_dtype_size(how->store);
    return data;
}

FoveaVkBuffer *fovea_vk_permuted(FoveaVkBuilder *builder, const FoveaValue *value,
                                 const guint *order, const char *layout, GError **error)
{
    Permuted how = {order, fovea_vk_store(builder, value)};
    g_autofree char *key = g_strdup_printf("%s/%s", layout, fovea_dtype_name(how.store));
    return fovea_vk_weights(builder, value->constant, key, pack_permuted, &how, error);
}

/* ---- tiles ---- */

FoveaVkTile fovea_vk_tile(FoveaVkBuilder *builder, gint64 columns)
{
    /* A software device pays for each access to shared memory, not for registers, and its compiler
     * takes long over long code. */
    gboolean software = fovea_vk_device(builder)->software;
    FoveaVkTile tile = {16, 4, 4, FALSE};
    if (software)
        tile = (FoveaVkTile){8, 8, 8, TRUE};
    if (columns <= 16)
        tile.columns /= 4;
    else if (columns <= 32)
        tile.columns /= 2;
    return tile;
}

void fovea_vk_tile_options(FoveaVkDispatch *dispatch, const FoveaVkTile *tile)
{
    fovea_vk_option(dispatch, 1, tile->side);
    fovea_vk_option(dispatch, 2, tile->rows);
    fovea_vk_option(dispatch, 3, tile->columns);
    fovea_vk_option(dispatch, 4, tile->side * tile->side);
    fovea_vk_option(dispatch, 5, tile->rolled);
}

gint64 fovea_vk_tile_count(const FoveaVkTile *tile, gint64 rows, gint64 columns)
{
    gint64 height = tile->side * tile->rows, width = tile->side * tile->columns;
    return ((rows + height - 1) / height) * ((columns + width - 1) / width);
}

/* ---- rows ---- */

guint fovea_vk_lanes(gint64 rows, gint64 length)
{
    /* A work group for a short row would be idle for the most part, unless rows are few. */
    return length <= 16 || (length <= 64 && rows >= 4096) ? 1 : FOVEA_VK_LANES;
}

void fovea_vk_row_groups(FoveaVkFill *fill, gint64 rows, guint lanes)
{
    fovea_vk_groups(fill, rows, lanes == 1 ? FOVEA_VK_LANES : 1);
}

const char *fovea_vk_reals_only(const FoveaNode *node)
{
    return fovea_dtype_is_float(node->in[0]->dtype) ? NULL : "only real element types";
}
