/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/tensors.c: TensorProto's data, in every place where it can lie.
 */
#include <stdlib.h>

#include "onnx/proto.h"

/* Which typed field holds a data type, and how it is coded. */
static gboolean typed_field(gint64 dtype, guint32 *number, FoveaWireType *wire)
{
    switch (dtype) {
    case FOVEA_DTYPE_F32:
        *number = 4;
        *wire = FOVEA_WIRE_FIXED32;
        return TRUE;
    case FOVEA_DTYPE_F64:
        *number = 10;
        *wire = FOVEA_WIRE_FIXED64;
        return TRUE;
    case FOVEA_DTYPE_I64: *number = 7; break;
    case FOVEA_DTYPE_U32:
    case FOVEA_DTYPE_U64: *number = 11; break;
    default: *number = 5; break;
    }
    *wire = FOVEA_WIRE_VARINT;
    return FALSE;
}

static void store_bits(void *data, gsize size, gsize index, guint64 bits)
{
    switch (size) {
    case 1: ((guint8 *)data)[index] = (guint8)bits; break;
    case 2: ((guint16 *)data)[index] = (guint16)bits; break;
    case 4: ((guint32 *)data)[index] = (guint32)bits; break;
    default: ((guint64 *)data)[index] = bits; break;
    }
}

static FoveaTensor *over_span(const OnnxTensor *tensor, GBytes *file, FoveaSpan span,
                              GError **error)
{
    gsize start = (gsize)(span.data - (const guint8 *)g_bytes_get_data(file, NULL));
    GBytes *slice = span.size > 0 ? g_bytes_new_from_bytes(file, start, span.size)
                                  : g_bytes_new_static(&store_bits, 0);
    FoveaTensor *result = fovea_tensor_new_from_bytes((FoveaDtype)tensor->dtype, tensor->rank,
                                                      tensor->dims, slice, error);
    g_bytes_unref(slice);
    return result;
}

static gboolean wrong_size(const OnnxTensor *tensor, gsize have, gsize want, GError **error)
{
    return fovea_fail(error, FOVEA_ERROR_MODEL,
                      "Tensor '%s' should have %" G_GSIZE_FORMAT
                      " bytes or numbers, but the file has %" G_GSIZE_FORMAT,
                      tensor->name, want, have);
}

static FoveaTensor *from_raw(const OnnxTensor *tensor, GBytes *file, FoveaSpan raw, gsize count,
                             GError **error)
{
    gsize size = fovea_dtype_size((FoveaDtype)tensor->dtype);
    if (raw.size % size != 0 || raw.size / size != count) {
        wrong_size(tensor, raw.size, count * size, error);
        return NULL;
    }
    if (G_BYTE_ORDER == G_LITTLE_ENDIAN || size == 1)
        return over_span(tensor, file, raw, error);
    FoveaTensor *swapped = fovea_tensor_new((FoveaDtype)tensor->dtype, tensor->rank, tensor->dims,
                                            error);
    for (gsize i = 0; swapped != NULL && i < count * size; i++)
        ((guint8 *)swapped->data)[i] = raw.data[i / size * size + size - 1 - i % size];
    return swapped;
}

static FoveaTensor *from_typed(const OnnxTensor *tensor, GBytes *file, gsize count, GError **error)
{
    guint32 number;
    FoveaWireType wire;
    FoveaField field;
    gsize have, at = 0, size = fovea_dtype_size((FoveaDtype)tensor->dtype);
    guint64 value;
    gboolean fixed = typed_field(tensor->dtype, &number, &wire);
    if (!fovea_numbers_count(tensor->message, number, wire, &have) || have != count) {
        wrong_size(tensor, have, count, error);
        return NULL;
    }
    /* One packed run of fixed-size numbers lies in the file just as raw data does. */
    if (fixed && count > 0 && fovea_wire_find(tensor->message, number, FOVEA_WIRE_BYTES, &field) &&
        field.bytes.size == count * size)
        return from_raw(tensor, file, field.bytes, count, error);
    FoveaTensor *result = fovea_tensor_new((FoveaDtype)tensor->dtype, tensor->rank, tensor->dims,
                                           error);
    if (result == NULL)
        return NULL;
    FoveaNumbers numbers = fovea_numbers_open(tensor->message, number, wire);
    while (at < count && fovea_numbers_next(&numbers, &value))
        store_bits(result->data, size, at++, value);
    return result;
}

/* The location must name a plain file below the model's folder once all links are followed. */
static char *external_path(const OnnxSource *source, const char *location, GError **error)
{
    char *path = g_build_filename(source->folder, location, NULL);
    char *real = realpath(path, NULL), *folder = realpath(source->folder, NULL), *result = NULL;
    gsize length = folder != NULL ? strlen(folder) : 0;
    gboolean inside = folder != NULL && real != NULL && g_str_has_prefix(real, folder) &&
                      (real[length] == '/' || g_str_equal(folder, "/"));
    if (g_path_is_absolute(location) || *location == '\0' || (real != NULL && !inside))
        fovea_fail(error, FOVEA_ERROR_MODEL,
                   "The model's external data '%s' lies outside of the model's folder", location);
    else if (real == NULL || !g_file_test(real, G_FILE_TEST_IS_REGULAR))
        fovea_fail(error, FOVEA_ERROR_IO, "The model's external data file '%s' is missing", path);
    else
        result = g_strdup(real);
    free(real);
    free(folder);
    g_free(path);
    return result;
}

GBytes *fovea_onnx_external(OnnxSource *source, const char *location, GError **error)
{
    GError *why = NULL;
    if (source->folder == NULL) {
        fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "A model in memory cannot have external data");
        return NULL;
    }
    if (source->external == NULL)
        source->external = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                 (GDestroyNotify)g_bytes_unref);
    GBytes *bytes = g_hash_table_lookup(source->external, location);
    if (bytes != NULL)
        return bytes;
    char *path = external_path(source, location, error);
    if (path == NULL)
        return NULL;
    GMappedFile *file = g_mapped_file_new(path, FALSE, &why);
    g_free(path);
    if (file == NULL) {
        fovea_fail(error, FOVEA_ERROR_IO, "The model's external data cannot be read: %s",
                   why->message);
        g_error_free(why);
        return NULL;
    }
    bytes = g_mapped_file_get_bytes(file);
    g_mapped_file_unref(file);
    g_hash_table_insert(source->external, g_strdup(location), bytes);
    return bytes;
}

static FoveaTensor *from_external(const OnnxTensor *tensor, OnnxSource *source, gsize count,
                                  GError **error)
{
    GBytes *bytes = fovea_onnx_external(source, tensor->location, error);
    if (bytes == NULL)
        return NULL;
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    guint64 length = tensor->has_length ? tensor->length
                                        : count * fovea_dtype_size((FoveaDtype)tensor->dtype);
    if (tensor->offset > size || length > size - tensor->offset) {
        fovea_fail(error, FOVEA_ERROR_MODEL,
                   "Tensor '%s' lies beyond the end of the external data file '%s'", tensor->name,
                   tensor->location);
        return NULL;
    }
    FoveaSpan span = {length > 0 ? data + tensor->offset : data, (gsize)length};
    return from_raw(tensor, bytes, span, count, error);
}

FoveaTensor *fovea_onnx_tensor(const OnnxTensor *tensor, OnnxSource *source, GError **error)
{
    gint64 count;
    gsize size = tensor->dtype >= 0 && tensor->dtype < 64
                     ? fovea_dtype_size((FoveaDtype)tensor->dtype)
                     : 0;
    if (size == 0) {
        fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                   "Tensor '%s' has ONNX element type %" G_GINT64_FORMAT
                   ", which Fovea does not have",
                   tensor->name, tensor->dtype);
        return NULL;
    }
    if (tensor->rank > FOVEA_MAX_RANK) {
        fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "Tensor '%s' has rank %u (at most %d)",
                   tensor->name, tensor->rank, FOVEA_MAX_RANK);
        return NULL;
    }
    if (!fovea_shape_count(tensor->rank, tensor->dims, &count)) {
        char *shape = fovea_shape_to_string(tensor->rank, tensor->dims);
        fovea_fail(error, FOVEA_ERROR_MODEL, "Tensor '%s' has the impossible shape %s",
                   tensor->name, shape);
        g_free(shape);
        return NULL;
    }
    if (tensor->external)
        return from_external(tensor, source, (gsize)count, error);
    if (tensor->has_raw)
        return from_raw(tensor, source->bytes, tensor->raw, (gsize)count, error);
    return from_typed(tensor, source->bytes, (gsize)count, error);
}
