/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tensor.h: tier 1. Dense host tensors in C order: what goes into a plan and comes out of it.
 */
#pragma once

#include "base.h"

G_BEGIN_DECLS

/** Highest rank of a tensor. */
#define FOVEA_MAX_RANK 8

/** Element types; the numbers are those of ONNX' TensorProto.DataType. */
typedef enum FoveaDtype {
    FOVEA_DTYPE_NONE = 0,
    FOVEA_DTYPE_F32 = 1,
    FOVEA_DTYPE_U8 = 2,
    FOVEA_DTYPE_I8 = 3,
    FOVEA_DTYPE_U16 = 4,
    FOVEA_DTYPE_I16 = 5,
    FOVEA_DTYPE_I32 = 6,
    FOVEA_DTYPE_I64 = 7,
    FOVEA_DTYPE_BOOL = 9, /* one byte, 0 or 1 */
    FOVEA_DTYPE_F16 = 10,
    FOVEA_DTYPE_F64 = 11,
    FOVEA_DTYPE_U32 = 12,
    FOVEA_DTYPE_U64 = 13,
    FOVEA_DTYPE_BF16 = 16,
} FoveaDtype;

/** Bytes of one element; 0 for a type we do not know. */
FOVEA_API gsize fovea_dtype_size(FoveaDtype dtype);
/** "f32", "i64", ...; "?" for a type we do not know. */
FOVEA_API const char *fovea_dtype_name(FoveaDtype dtype);
FOVEA_API gboolean fovea_dtype_is_float(FoveaDtype dtype);

/** A reference-counted dense tensor in host memory, C order. Immutable once shared. */
typedef struct FoveaTensor FoveaTensor;

/** New tensor of zeros. dims may be NULL when rank is 0 (a scalar).
 *  Errors: SHAPE (negative or overflowing sizes), NO_MEMORY. */
FOVEA_API FoveaTensor *fovea_tensor_new(FoveaDtype dtype, guint rank, const gint64 *dims,
                                        GError **error);
/** New tensor over bytes (kept referenced, not copied; aligned to the element size or copied).
 *  Errors: SHAPE when bytes are fewer than the shape asks for. */
FOVEA_API FoveaTensor *fovea_tensor_new_from_bytes(FoveaDtype dtype, guint rank, const gint64 *dims,
                                                   GBytes *bytes, GError **error);
FOVEA_API FoveaTensor *fovea_tensor_ref(FoveaTensor *tensor);
FOVEA_API void fovea_tensor_unref(FoveaTensor *tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaTensor, fovea_tensor_unref)

FOVEA_API FoveaDtype fovea_tensor_dtype(const FoveaTensor *tensor);
FOVEA_API guint fovea_tensor_rank(const FoveaTensor *tensor);
/** rank sizes, owned by the tensor. */
FOVEA_API const gint64 *fovea_tensor_dims(const FoveaTensor *tensor);
FOVEA_API gsize fovea_tensor_n_elements(const FoveaTensor *tensor);
FOVEA_API gsize fovea_tensor_n_bytes(const FoveaTensor *tensor);
FOVEA_API const void *fovea_tensor_data(const FoveaTensor *tensor);
/** For filling a tensor that nobody else holds yet; NULL for tensors made over bytes. */
FOVEA_API void *fovea_tensor_data_mut(FoveaTensor *tensor);

/** Value-converting copy to another element type (saturating for integers).
 *  Errors: NO_MEMORY. */
FOVEA_API FoveaTensor *fovea_tensor_convert(const FoveaTensor *tensor, FoveaDtype dtype,
                                            GError **error);

/** Reads a .npy file (versions 1 to 3, C or Fortran order, little endian).
 *  Errors: IO, MODEL (malformed), UNSUPPORTED (dtype). */
FOVEA_API FoveaTensor *fovea_tensor_read_npy(const char *path, GError **error);
/** Writes a .npy file by atomic rename. bf16 is written as uint16 holding the bits. */
FOVEA_API gboolean fovea_tensor_write_npy(const FoveaTensor *tensor, const char *path,
                                          GError **error);

G_END_DECLS
