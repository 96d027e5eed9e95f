/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/picture-config.h: what every model of pictures says in its folder: where the files lie, and
 * which values a network's planes have. Internal.
 */
#pragma once

#include "base/json.h"

/* The files that speak for one .onnx file. `own` is X.json beside X.onnx; where it is there, the
 * others are NULL. Else `model` and `pixels` are config.json and preprocessor_config.json of the
 * Hugging Face hub, in the .onnx file's folder or the one above it; pixels is NULL where it is not
 * there. */
typedef struct FoveaConfigFiles {
    char *own, *model, *pixels;
} FoveaConfigFiles;

/* Errors: UNSUPPORTED (there are none). */
gboolean fovea_config_find(const char *onnx_path, FoveaConfigFiles *files, GError **error);
void fovea_config_files_clear(FoveaConfigFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FoveaConfigFiles, fovea_config_files_clear)

/* The top object of one of these files; *parser keeps it alive (unref it). *source becomes the
 * file's name, what it was is freed. A path of NULL is the preprocessor_config.json that is not
 * there beside *source. Errors: IO, MODEL (malformed), UNSUPPORTED (not there). */
JsonObject *fovea_config_open(const char *path, JsonParser **parser, char **source, GError **error);

/* Value of plane c (in the order in which the network reads them): colour in 0..255 * scale[c] +
 * shift[c]. low and high are the values of 0 and 255 before mean and std. */
typedef struct FoveaConfigValues {
    float scale[3], shift[3];
    double low, high;
    gboolean bgr; /* planes in the order B, G, R */
} FoveaConfigValues;

/* From X.json: input_range (needed), mean, std, colour, layout. `source` is named in errors.
 * Errors: UNSUPPORTED. */
gboolean fovea_config_own_values(JsonObject *json, const char *source, FoveaConfigValues *values,
                                 GError **error);
/* From preprocessor_config.json: do_rescale, rescale_factor, do_normalize, image_mean, image_std,
 * do_flip_channel_order. Errors: UNSUPPORTED. */
gboolean fovea_config_hub_values(JsonObject *json, const char *source, FoveaConfigValues *values,
                                 GError **error);
