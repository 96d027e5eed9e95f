/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/tensor-internal.h"

gboolean fovea_shape_count(guint rank, const gint64 *dims, gint64 *count)
{
    gint64 n = 1;
    if (rank > FOVEA_MAX_RANK)
        return FALSE;
    /* An empty tensor may have any sizes beside its zero, but their product must still be sane. */
    gboolean empty = FALSE;
    for (guint i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return FALSE;
        if (dims[i] == 0)
            empty = TRUE;
        else if (!fovea_mul_i64(n, dims[i], &n) || n > G_MAXINT64 / 16)
            return FALSE;
    }
    *count = empty ? 0 : n;
    return TRUE;
}

char *fovea_shape_to_string(guint rank, const gint64 *dims)
{
    GString *text = g_string_new("[");
    for (guint i = 0; i < rank; i++)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i ? "," : "", dims[i]);
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

static FoveaTensor *header_new(FoveaDtype dtype, guint rank, const gint64 *dims, GError **error)
{
    gint64 count;
    if (fovea_dtype_size(dtype) == 0) {
        fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "Element type %d is not supported", (int)dtype);
        return NULL;
    }
    if (rank > FOVEA_MAX_RANK) {
        fovea_fail(error, FOVEA_ERROR_SHAPE, "A tensor of rank %u is not supported (at most %d)",
                   rank, FOVEA_MAX_RANK);
        return NULL;
    }
    if (!fovea_shape_count(rank, dims, &count)) {
        char *text = fovea_shape_to_string(rank, dims);
        fovea_fail(error, FOVEA_ERROR_SHAPE, "A tensor cannot have the shape %s", text);
        g_free(text);
        return NULL;
    }
    FoveaTensor *tensor = g_new0(FoveaTensor, 1);
    g_atomic_ref_count_init(&tensor->refs);
    tensor->dtype = dtype;
    tensor->rank = rank;
    for (guint i = 0; i < rank; i++)
        tensor->dims[i] = dims[i];
    tensor->n_elements = (gsize)count;
    return tensor;
}

FoveaTensor *fovea_tensor_new(FoveaDtype dtype, guint rank, const gint64 *dims, GError **error)
{
    FoveaTensor *tensor = header_new(dtype, rank, dims, error);
    if (tensor == NULL)
        return NULL;
    tensor->data = fovea_try_alloc(tensor->n_elements, fovea_dtype_size(dtype), error);
    if (tensor->data == NULL) {
        g_free(tensor);
        return NULL;
    }
    return tensor;
}

FoveaTensor *fovea_tensor_new_from_bytes(FoveaDtype dtype, guint rank, const gint64 *dims,
                                         GBytes *bytes, GError **error)
{
    FoveaTensor *tensor = header_new(dtype, rank, dims, error);
    if (tensor == NULL)
        return NULL;
    gsize size = fovea_dtype_size(dtype), have;
    const void *data = g_bytes_get_data(bytes, &have);
    if (have / size < tensor->n_elements) {
        fovea_fail(error, FOVEA_ERROR_SHAPE,
                   "A tensor of %" G_GSIZE_FORMAT " elements has only %" G_GSIZE_FORMAT " bytes",
                   tensor->n_elements, have);
        g_free(tensor);
        return NULL;
    }
    if ((gsize)data % size == 0) {
        tensor->data = (void *)data;
        tensor->owner = g_bytes_ref(bytes);
        return tensor;
    }
    tensor->data = fovea_try_alloc(tensor->n_elements, size, error);
    if (tensor->data == NULL) {
        g_free(tensor);
        return NULL;
    }
    if (tensor->n_elements > 0)
        memcpy(tensor->data, data, tensor->n_elements * size);
    return tensor;
}

FoveaTensor *fovea_tensor_ref(FoveaTensor *tensor)
{
    g_atomic_ref_count_inc(&tensor->refs);
    return tensor;
}

void fovea_tensor_unref(FoveaTensor *tensor)
{
    if (tensor == NULL || !g_atomic_ref_count_dec(&tensor->refs))
        return;
    if (tensor->owner != NULL)
        g_bytes_unref(tensor->owner);
    else
        fovea_free(tensor->data);
    g_free(tensor);
}

FoveaDtype fovea_tensor_dtype(const FoveaTensor *tensor)
{
    return tensor->dtype;
}

guint fovea_tensor_rank(const FoveaTensor *tensor)
{
    return tensor->rank;
}

const gint64 *fovea_tensor_dims(const FoveaTensor *tensor)
{
    return tensor->dims;
}

gsize fovea_tensor_n_elements(const FoveaTensor *tensor)
{
    return tensor->n_elements;
}

gsize fovea_tensor_n_bytes(const FoveaTensor *tensor)
{
    return tensor->n_elements * fovea_dtype_size(tensor->dtype);
}

const void *fovea_tensor_data(const FoveaTensor *tensor)
{
    return tensor->data;
}

void *fovea_tensor_data_mut(FoveaTensor *tensor)
{
    return tensor->owner == NULL ? tensor->data : NULL;
}

FoveaTensor *fovea_tensor_convert(const FoveaTensor *tensor, FoveaDtype dtype, GError **error)
{
    FoveaTensor *out = fovea_tensor_new(dtype, tensor->rank, tensor->dims, error);
    if (out == NULL)
        return NULL;
    FoveaView from = fovea_view_of_tensor(tensor), to = fovea_view_of_tensor(out);
    fovea_view_copy(&from, &to);
    return out;
}
