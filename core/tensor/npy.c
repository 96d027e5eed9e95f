/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * NumPy's .npy files. Source: numpy.lib.format, versions 1.0 to 3.0.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>

#include "tensor/tensor-internal.h"

static const struct {
    const char *descr;
    FoveaDtype dtype;
} types[] = {
    {"<f4", FOVEA_DTYPE_F32},  {"<f8", FOVEA_DTYPE_F64}, {"<f2", FOVEA_DTYPE_F16},
    {"|b1", FOVEA_DTYPE_BOOL}, {"|u1", FOVEA_DTYPE_U8},  {"|i1", FOVEA_DTYPE_I8},
    {"<u2", FOVEA_DTYPE_U16},  {"<i2", FOVEA_DTYPE_I16}, {"<u4", FOVEA_DTYPE_U32},
    {"<i4", FOVEA_DTYPE_I32},  {"<u8", FOVEA_DTYPE_U64}, {"<i8", FOVEA_DTYPE_I64},
};

/* The text after 'key': in the header, or NULL. */
static const char *header_field(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (at == NULL)
        return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':')
        at++;
    return at;
}

static gboolean parse_shape(const char *at, guint *rank, gint64 *dims)
{
    *rank = 0;
    if (*at++ != '(')
        return FALSE;
    for (;;) {
        while (*at == ' ' || *at == ',')
            at++;
        if (*at == ')')
            return TRUE;
        char *end;
        gint64 value = g_ascii_strtoll(at, &end, 10);
        if (end == at || value < 0 || *rank == FOVEA_MAX_RANK)
            return FALSE;
        dims[(*rank)++] = value;
        at = end;
    }
}

static FoveaDtype parse_descr(const char *at)
{
    for (guint i = 0; at != NULL && i < G_N_ELEMENTS(types); i++) {
        if (*at == '\'' && strncmp(at + 1, types[i].descr, 3) == 0 && at[4] == '\'')
            return types[i].dtype;
    }
    return FOVEA_DTYPE_NONE;
}

static FoveaTensor *from_fortran(FoveaDtype dtype, guint rank, const gint64 *dims, GBytes *bytes,
                                 GError **error)
{
    gint64 reversed[FOVEA_MAX_RANK];
    for (guint i = 0; i < rank; i++)
        reversed[i] = dims[rank - 1 - i];
    FoveaTensor *flipped = fovea_tensor_new_from_bytes(dtype, rank, reversed, bytes, error);
    FoveaTensor *out = flipped ? fovea_tensor_new(dtype, rank, dims, error) : NULL;
    if (out != NULL) {
        FoveaView plain = fovea_view_of_tensor(flipped), from = plain;
        FoveaView to = fovea_view_of_tensor(out);
        for (guint i = 0; i < rank; i++) {
            from.dims[i] = plain.dims[rank - 1 - i];
            from.strides[i] = plain.strides[rank - 1 - i];
        }
        fovea_view_copy(&from, &to);
    }
    fovea_tensor_unref(flipped);
    return out;
}

static FoveaTensor *parse_npy(const guint8 *data, gsize size, GBytes *file, const char *path,
                              GError **error)
{
    gsize start = 10, length;
    if (size < 12 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 || data[6] > 3) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s is not a .npy file", path);
        return NULL;
    }
    length = data[8] | data[9] << 8;
    if (data[6] >= 2) {
        length |= (gsize)data[10] << 16 | (gsize)data[11] << 24;
        start = 12;
    }
    if (length > size - start) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s ends inside its header", path);
        return NULL;
    }
    g_autofree char *header = g_strndup((const char *)data + start, length);
    guint rank;
    gint64 dims[FOVEA_MAX_RANK], count;
    const char *shape = header_field(header, "'shape'");
    const char *order = header_field(header, "'fortran_order'");
    FoveaDtype dtype = parse_descr(header_field(header, "'descr'"));
    if (shape == NULL || order == NULL || !parse_shape(shape, &rank, dims)) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s has a header that cannot be read", path);
        return NULL;
    }
    if (dtype == FOVEA_DTYPE_NONE) {
        fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "%s has an element type that is not supported",
                   path);
        return NULL;
    }
    if (!fovea_shape_count(rank, dims, &count) ||
        (gsize)count > (size - start - length) / fovea_dtype_size(dtype)) {
        fovea_fail(error, FOVEA_ERROR_MODEL, "%s is shorter than its shape asks for", path);
        return NULL;
    }
    GBytes *body = g_bytes_new_from_bytes(file, start + length, size - start - length);
    FoveaTensor *tensor = strncmp(order, "True", 4) == 0
                              ? from_fortran(dtype, rank, dims, body, error)
                              : fovea_tensor_new_from_bytes(dtype, rank, dims, body, error);
    g_bytes_unref(body);
    return tensor;
}

FoveaTensor *fovea_tensor_read_npy(const char *path, GError **error)
{
    GError *cause = NULL;
    GMappedFile *mapped = g_mapped_file_new(path, FALSE, &cause);
    if (mapped == NULL) {
        fovea_fail(error, FOVEA_ERROR_IO, "%s could not be read: %s", path, cause->message);
        g_clear_error(&cause);
        return NULL;
    }
    GBytes *file = g_mapped_file_get_bytes(mapped);
    gsize size;
    const guint8 *data = g_bytes_get_data(file, &size);
    FoveaTensor *tensor = parse_npy(data, size, file, path, error);
    g_bytes_unref(file);
    g_mapped_file_unref(mapped);
    return tensor;
}

gboolean fovea_tensor_write_npy(const FoveaTensor *tensor, const char *path, GError **error)
{
    FoveaDtype dtype = tensor->dtype == FOVEA_DTYPE_BF16 ? FOVEA_DTYPE_U16 : tensor->dtype;
    const char *descr = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        if (types[i].dtype == dtype)
            descr = types[i].descr;
    }
    GString *text = g_string_new(NULL);
    g_string_printf(text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (guint i = 0; i < tensor->rank; i++)
        g_string_append_printf(text, "%" G_GINT64_FORMAT ",", tensor->dims[i]);
    g_string_append(text, "), }");
    while ((10 + text->len + 1) % 64 != 0)
        g_string_append_c(text, ' ');
    g_string_append_c(text, '\n');
    guint8 lead[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, text->len & 255, text->len >> 8};

    g_autofree char *partial = g_strconcat(path, ".part", NULL);
    FILE *file = g_fopen(partial, "wb");
    gsize bytes = fovea_tensor_n_bytes(tensor);
    gboolean ok = file != NULL && fwrite(lead, 1, 10, file) == 10 &&
                  fwrite(text->str, 1, text->len, file) == text->len &&
                  fwrite(tensor->data, 1, bytes, file) == bytes;
    int saved = errno;
    if (file != NULL && fclose(file) != 0 && ok) {
        ok = FALSE;
        saved = errno;
    }
    if (ok && g_rename(partial, path) != 0) {
        ok = FALSE;
        saved = errno;
    }
    g_string_free(text, TRUE);
    if (!ok) {
        g_unlink(partial);
        return fovea_fail(error, FOVEA_ERROR_IO, "%s could not be written: %s", path,
                          g_strerror(saved));
    }
    return TRUE;
}
