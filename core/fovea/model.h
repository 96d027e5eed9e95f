/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model.h: tier 3. A model file or folder: graph and weights, immutable, shared by threads.
 */
#pragma once

#include "tensor.h"

G_BEGIN_DECLS

typedef struct FoveaModel FoveaModel;

/** One input or output as the file declares it (hints: what is computed wins). */
typedef struct FoveaIo {
    const char *name;
    FoveaDtype dtype;
    gint rank;                             /* -1: not declared */
    gint64 dims[FOVEA_MAX_RANK];           /* -1: not a number in the file */
    const char *dim_names[FOVEA_MAX_RANK]; /* NULL: unnamed */
} FoveaIo;

/** Opens an .onnx file, or a model folder (model.onnx, onnx/model.onnx, config.json, ...).
 *  The file is mapped; tensors are slices of it. progress may be NULL.
 *  Errors: IO, MODEL (truncated, malformed, not ONNX), UNSUPPORTED (names every unknown operator,
 *  with counts). */
FOVEA_API FoveaModel *fovea_model_open(const char *path, FoveaProgressFunc progress,
                                       gpointer progress_data, GError **error);
FOVEA_API FoveaModel *fovea_model_ref(FoveaModel *model);
FOVEA_API void fovea_model_unref(FoveaModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaModel, fovea_model_unref)

/** Path of the .onnx file that fovea_model_open would read: `path` itself, or the one in a model
 *  folder. Errors: IO (the folder holds none, or several). (transfer full) */
FOVEA_API char *fovea_model_find_file(const char *path, GError **error);
/** Path of the .onnx file that was read. */
FOVEA_API const char *fovea_model_path(const FoveaModel *model);
FOVEA_API guint fovea_model_n_inputs(const FoveaModel *model);
FOVEA_API const FoveaIo *fovea_model_input(const FoveaModel *model, guint index);
FOVEA_API guint fovea_model_n_outputs(const FoveaModel *model);
FOVEA_API const FoveaIo *fovea_model_output(const FoveaModel *model, guint index);
/** Number of elements in all initialisers. */
FOVEA_API guint64 fovea_model_n_parameters(const FoveaModel *model);
/** What `fovea inspect --json` prints of the file itself: a JSON object (transfer full). */
FOVEA_API char *fovea_model_describe(const FoveaModel *model);

G_END_DECLS
