/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "tensor/tensor-internal.h"

gint64 fovea_view_count(const FoveaView *view)
{
    gint64 count = 1;
    for (guint i = 0; i < view->rank; i++)
        count *= view->dims[i];
    return count;
}

void fovea_strides_contiguous(guint rank, const gint64 *dims, gint64 *strides)
{
    gint64 step = 1;
    for (guint i = rank; i-- > 0;) {
        strides[i] = step;
        step *= MAX(dims[i], 1);
    }
}

gboolean fovea_view_is_contiguous(const FoveaView *view)
{
    gint64 step = 1;
    for (guint i = view->rank; i-- > 0;) {
        if (view->dims[i] == 0)
            return TRUE;
        if (view->dims[i] != 1 && view->strides[i] != step)
            return FALSE;
        step *= view->dims[i];
    }
    return TRUE;
}

FoveaView fovea_view_make(FoveaDtype dtype, guint rank, const gint64 *dims, void *data)
{
    FoveaView view = {.dtype = dtype, .rank = rank, .data = data};
    for (guint i = 0; i < rank; i++)
        view.dims[i] = dims[i];
    fovea_strides_contiguous(rank, view.dims, view.strides);
    return view;
}

FoveaView fovea_view_of_tensor(const FoveaTensor *tensor)
{
    return fovea_view_make(tensor->dtype, tensor->rank, tensor->dims, tensor->data);
}

gboolean fovea_view_broadcast(const FoveaView *view, guint rank, const gint64 *dims, FoveaView *out)
{
    if (view->rank > rank || rank > FOVEA_MAX_RANK)
        return FALSE;
    FoveaView wide = {
        .dtype = view->dtype, .rank = rank, .data = view->data, .offset = view->offset};
    guint lead = rank - view->rank;
    for (guint i = 0; i < rank; i++) {
        wide.dims[i] = dims[i];
        if (i < lead)
            continue;
        if (view->dims[i - lead] == dims[i])
            wide.strides[i] = view->strides[i - lead];
        else if (view->dims[i - lead] != 1)
            return FALSE;
    }
    *out = wide;
    return TRUE;
}

double fovea_load_f64(FoveaDtype dtype, const void *data, gint64 index)
{
    switch (dtype) {
    case FOVEA_DTYPE_F32: return ((const float *)data)[index];
    case FOVEA_DTYPE_F64: return ((const double *)data)[index];
    case FOVEA_DTYPE_F16: return fovea_f16_to_f32(((const guint16 *)data)[index]);
    case FOVEA_DTYPE_BF16: return fovea_bf16_to_f32(((const guint16 *)data)[index]);
    case FOVEA_DTYPE_U64: return (double)((const guint64 *)data)[index];
    default: return (double)fovea_load_i64(dtype, data, index);
    }
}

static gint64 saturate(double value, double low, double high)
{
    if (isnan(value))
        return 0;
    if (value <= low)
        return low <= -0x1p63 ? G_MININT64 : (gint64)low;
    if (value >= high)
        return high >= 0x1p63 ? G_MAXINT64 : (gint64)high;
    return (gint64)value;
}

gint64 fovea_load_i64(FoveaDtype dtype, const void *data, gint64 index)
{
    switch (dtype) {
    case FOVEA_DTYPE_BOOL: return ((const guint8 *)data)[index] != 0;
    case FOVEA_DTYPE_U8: return ((const guint8 *)data)[index];
    case FOVEA_DTYPE_I8: return ((const gint8 *)data)[index];
    case FOVEA_DTYPE_U16: return ((const guint16 *)data)[index];
    case FOVEA_DTYPE_I16: return ((const gint16 *)data)[index];
    case FOVEA_DTYPE_U32: return ((const guint32 *)data)[index];
    case FOVEA_DTYPE_I32: return ((const gint32 *)data)[index];
    case FOVEA_DTYPE_I64:
    case FOVEA_DTYPE_U64: return ((const gint64 *)data)[index];
    default: return saturate(fovea_load_f64(dtype, data, index), -0x1p63, 0x1p63);
    }
}

void fovea_store_f64(FoveaDtype dtype, void *data, gint64 index, double value)
{
    switch (dtype) {
    case FOVEA_DTYPE_F32: ((float *)data)[index] = (float)value; break;
    case FOVEA_DTYPE_F64: ((double *)data)[index] = value; break;
    case FOVEA_DTYPE_F16: ((guint16 *)data)[index] = fovea_f16_from_f32((float)value); break;
    case FOVEA_DTYPE_BF16: ((guint16 *)data)[index] = fovea_bf16_from_f32((float)value); break;
    case FOVEA_DTYPE_BOOL: ((guint8 *)data)[index] = value != 0; break;
    case FOVEA_DTYPE_U8: ((guint8 *)data)[index] = (guint8)saturate(value, 0, 255); break;
    case FOVEA_DTYPE_I8: ((gint8 *)data)[index] = (gint8)saturate(value, -128, 127); break;
    case FOVEA_DTYPE_U16: ((guint16 *)data)[index] = (guint16)saturate(value, 0, 65535); break;
    case FOVEA_DTYPE_I16: ((gint16 *)data)[index] = (gint16)saturate(value, -32768, 32767); break;
    case FOVEA_DTYPE_U32:
        ((guint32 *)data)[index] = (guint32)saturate(value, 0, 4294967295.0);
        break;
    case FOVEA_DTYPE_I32:
        ((gint32 *)data)[index] = (gint32)saturate(value, -2147483648.0, 2147483647.0);
        break;
    case FOVEA_DTYPE_I64: ((gint64 *)data)[index] = saturate(value, -0x1p63, 0x1p63); break;
    case FOVEA_DTYPE_U64:
        ((guint64 *)data)[index] = value >= 0x1p64 ? G_MAXUINT64 : value > 0 ? (guint64)value : 0;
        break;
    case FOVEA_DTYPE_NONE: break;
    }
}

void fovea_store_i64(FoveaDtype dtype, void *data, gint64 index, gint64 value)
{
    switch (dtype) {
    case FOVEA_DTYPE_BOOL: ((guint8 *)data)[index] = value != 0; break;
    case FOVEA_DTYPE_U8:
    case FOVEA_DTYPE_I8: ((guint8 *)data)[index] = (guint8)value; break;
    case FOVEA_DTYPE_U16:
    case FOVEA_DTYPE_I16: ((guint16 *)data)[index] = (guint16)value; break;
    case FOVEA_DTYPE_U32:
    case FOVEA_DTYPE_I32: ((guint32 *)data)[index] = (guint32)value; break;
    case FOVEA_DTYPE_I64:
    case FOVEA_DTYPE_U64: ((gint64 *)data)[index] = value; break;
    default: fovea_store_f64(dtype, data, index, (double)value); break;
    }
}

void fovea_walk_init(FoveaWalk *walk, guint rank, const gint64 *dims, guint n,
                     const gint64 *const *strides)
{
    memset(walk, 0, sizeof *walk);
    walk->rank = rank;
    walk->n = MIN(n, FOVEA_WALK_MAX);
    for (guint i = 0; i < rank; i++) {
        walk->dims[i] = dims[i];
        walk->empty |= dims[i] == 0;
    }
    for (guint k = 0; k < walk->n; k++)
        walk->strides[k] = strides[k];
}

gboolean fovea_walk_next(FoveaWalk *walk)
{
    for (guint i = walk->rank; i-- > 0;) {
        if (++walk->index[i] < walk->dims[i]) {
            for (guint k = 0; k < walk->n; k++)
                walk->at[k] += walk->strides[k][i];
            return TRUE;
        }
        for (guint k = 0; k < walk->n; k++)
            walk->at[k] -= walk->strides[k][i] * (walk->dims[i] - 1);
        walk->index[i] = 0;
    }
    return FALSE;
}

void fovea_view_copy(const FoveaView *from, const FoveaView *to)
{
    const gint64 *strides[2] = {from->strides, to->strides};
    FoveaWalk walk;
    gsize size = fovea_dtype_size(to->dtype);
    if (from->dtype == to->dtype && fovea_view_is_contiguous(from) &&
        fovea_view_is_contiguous(to)) {
        memcpy(to->data, from->data, (gsize)fovea_view_count(to) * size);
        return;
    }
    fovea_walk_init(&walk, to->rank, to->dims, 2, strides);
    if (walk.empty)
        return;
    gboolean floats = fovea_dtype_is_float(from->dtype);
    do {
        if (from->dtype == to->dtype)
            memcpy((char *)to->data + walk.at[1] * (gint64)size,
                   (const char *)from->data + walk.at[0] * (gint64)size, size);
        else if (floats)
            fovea_store_f64(to->dtype, to->data, walk.at[1],
                            fovea_load_f64(from->dtype, from->data, walk.at[0]));
        else if (from->dtype == FOVEA_DTYPE_U64 && fovea_dtype_is_float(to->dtype))
            fovea_store_f64(to->dtype, to->data, walk.at[1],
                            fovea_load_f64(from->dtype, from->data, walk.at[0]));
        else
            fovea_store_i64(to->dtype, to->data, walk.at[1],
                            fovea_load_i64(from->dtype, from->data, walk.at[0]));
    } while (fovea_walk_next(&walk));
}
