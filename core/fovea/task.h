/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task.h: tier 6. A model folder + pre- and postprocessing: pictures in, results out.
 */
#pragma once

#include "image.h"
#include "session.h"

G_BEGIN_DECLS

/** One detected object. */
typedef struct FoveaDetection {
    gint label_id;
    const char *label;     /* owned by the detector; "" where the model names none */
    gfloat score;          /* 0..1 */
    gfloat x0, y0, x1, y1; /* pixels of the picture given, clipped to it */
} FoveaDetection;

/** A loaded detection model: thread-safe, shared by streams. */
typedef struct FoveaDetector FoveaDetector;

typedef struct FoveaDetectorParams {
    const char *model;  /* .onnx file or model folder; needed */
    const char *labels; /* text file, one label a line; NULL: what the model brings */
    FoveaPrecision precision;
    FoveaProgressFunc progress;
    gpointer progress_data;
    GCancellable *cancellable;
} FoveaDetectorParams;

/** Loads, plans and compiles. Errors: those of fovea_model_open and fovea_plan_new, and
 *  UNSUPPORTED when the folder does not say how scores are made, or the outputs are no detector's. */
FOVEA_API FoveaDetector *fovea_detector_new(FoveaDevice *device, const FoveaDetectorParams *params,
                                            GError **error);
FOVEA_API FoveaDetector *fovea_detector_ref(FoveaDetector *detector);
FOVEA_API void fovea_detector_unref(FoveaDetector *detector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaDetector, fovea_detector_unref)
FOVEA_API FoveaPlan *fovea_detector_plan(FoveaDetector *detector); /* (transfer none) */
FOVEA_API guint fovea_detector_n_labels(const FoveaDetector *detector);
FOVEA_API const char *fovea_detector_label(const FoveaDetector *detector, guint label_id);
/** Index of a label by name, or -1. */
FOVEA_API gint fovea_detector_find_label(const FoveaDetector *detector, const char *label);

/** What one stream owns of a detector. One thread at a time. */
typedef struct FoveaDetectorStream FoveaDetectorStream;
FOVEA_API FoveaDetectorStream *fovea_detector_stream_new(FoveaDetector *detector, GError **error);
FOVEA_API void fovea_detector_stream_free(FoveaDetectorStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaDetectorStream, fovea_detector_stream_free)

typedef struct FoveaDetectParams {
    gfloat threshold;        /* keep scores >= threshold; 0 keeps all */
    const gboolean *classes; /* n_labels flags, or NULL for all */
    const FoveaRect *region; /* detect in this part of the picture only; NULL: all of it */
} FoveaDetectParams;

/** Detects in one picture. Results (best score first) go to detections, a GArray of FoveaDetection
 *  that is emptied first; its memory is kept from frame to frame.
 *  Errors: ARGUMENT (picture of an unknown format or empty), those of fovea_session_run. */
FOVEA_API gboolean fovea_detector_stream_run(FoveaDetectorStream *stream, const FoveaImage *image,
                                             const FoveaDetectParams *params, GArray *detections,
                                             GError **error);

/** Nanoseconds of the last run of this stream: preprocessing, plan, postprocessing. */
FOVEA_API void fovea_detector_stream_times(const FoveaDetectorStream *stream, gint64 *pre,
                                           gint64 *plan, gint64 *post);

G_END_DECLS
