/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/detect-config.h: what a detection model's folder says about its pictures and scores. Internal.
 *
 * Two sources: X.json beside X.onnx, or config.json and preprocessor_config.json of the Hugging
 * Face hub, in the .onnx file's folder or the one above it.
 */
#pragma once

#include "fovea/model.h"
#include "media/preprocess.h"

/* How raw logits become scores. */
typedef enum FoveaScores {
    FOVEA_SCORES_UNKNOWN = 0,
    FOVEA_SCORES_GIVEN,   /* the network gives labels, boxes and scores */
    FOVEA_SCORES_SOFTMAX, /* over the classes, the last being background; one label a query */
    FOVEA_SCORES_SIGMOID, /* the best top_k of all query and class pairs */
} FoveaScores;

/* How large the picture becomes before it is padded. */
typedef enum FoveaSizing {
    FOVEA_SIZING_MODEL = 0,     /* as large as the network's input */
    FOVEA_SIZING_FIXED,         /* width x height */
    FOVEA_SIZING_SHORTEST_EDGE, /* shape kept: shorter edge, unless the longer passes its limit */
    FOVEA_SIZING_WITHIN,        /* shape kept: the largest inside width x height */
} FoveaSizing;

typedef struct FoveaDetectConfig {
    FoveaScores scores;
    gint top_k; /* 0: as many as the network has queries */
    FoveaSizing sizing;
    gint width, height;         /* 0: not limited (WITHIN) */
    gint shortest, longest;     /* longest 0: not limited */
    gint pad_width, pad_height; /* 0: no padding asked for */
    FoveaFit fit;               /* of MODEL and FIXED sizes; the others lie at the top left */
    FoveaPreprocessParams pre;  /* all but its size and type */
    GPtrArray *labels;          /* of strings; may be NULL */
    char *source;               /* the file that said so */
} FoveaDetectConfig;

/* Errors: IO and MODEL (a file that is there is malformed), UNSUPPORTED (nothing says how pictures
 * are prepared, or it says what we do not know). Unknown scores are no error yet. */
gboolean fovea_detect_config_load(FoveaDetectConfig *config, const char *onnx_path, GError **error);
void fovea_detect_config_clear(FoveaDetectConfig *config);

/* For a picture of from_width x from_height and a network whose input is model_width x model_height
 * (0: free): the input's size, and where the picture lies in it. */
void fovea_detect_geometry(const FoveaDetectConfig *config, gint model_width, gint model_height,
                           gint from_width, gint from_height, gint *width, gint *height,
                           FoveaPlacement *place);
