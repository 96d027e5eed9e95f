/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task.h: tier 6. A model folder + pre- and postprocessing: pictures or sound in, results out.
 */
#pragma once

#include "image.h"
#include "session.h"

G_BEGIN_DECLS

/* ---- detect: a picture in, objects out ---- */

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

/* ---- which model ---- */

/** Path of the model to use for a task: what `model` names where it is not NULL or empty, else the
 *  default model of the task ("detect", "restore", "transcribe"), looked for in the folders of
 *  $FOVEA_MODELS (separated by ':'), where Fovea is installed, and among earlier downloads.
 *  Errors: IO (nothing there; says where was looked). (transfer full) */
FOVEA_API char *fovea_find_model(const char *task, const char *model, GError **error);

/* ---- restore: a picture in, a better or larger one out ---- */

/** A loaded restoration model: thread-safe, shared by streams. */
typedef struct FoveaRestorer FoveaRestorer;

typedef struct FoveaRestorerParams {
    const char *model; /* .onnx file (with its .json beside it) or model folder; needed */
    FoveaPrecision precision;
    FoveaProgressFunc progress;
    gpointer progress_data;
    GCancellable *cancellable;
} FoveaRestorerParams;

typedef struct FoveaRestorerInfo {
    const char *task; /* "super-resolution", "low-light", ...; "restore" where nothing says */
    gint scale;       /* output pixels of one input pixel, along each axis */
    gint reach;       /* how far from a pixel the network looks, in input pixels; 0 where whole */
    gint align;       /* tiles begin at multiples of this many input pixels */
    gboolean whole;   /* it looks at the whole picture: never tiled */
    const char *why;  /* the operator and node that see all of it; NULL where not whole */
} FoveaRestorerInfo;

/** Loads, and finds out from the graph how far the network looks. Errors: those of
 *  fovea_model_open and fovea_plan_new; UNSUPPORTED when it takes or gives no pictures. */
FOVEA_API FoveaRestorer *fovea_restorer_new(FoveaDevice *device, const FoveaRestorerParams *params,
                                            GError **error);
FOVEA_API FoveaRestorer *fovea_restorer_ref(FoveaRestorer *restorer);
FOVEA_API void fovea_restorer_unref(FoveaRestorer *restorer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaRestorer, fovea_restorer_unref)
FOVEA_API const FoveaRestorerInfo *fovea_restorer_info(const FoveaRestorer *restorer);
/** The scale of a model by its .json or config alone, without loading it; 0: they do not say. */
FOVEA_API gint fovea_restorer_peek_scale(const char *model);

/** What one stream owns of a restorer. One thread at a time. */
typedef struct FoveaRestorerStream FoveaRestorerStream;

/** Zero is the default everywhere. */
typedef struct FoveaRestorerStreamParams {
    gint width, height; /* of the pictures that come in; needed */
    gint tile;          /* side of a tile in input pixels; 0: untiled where it fits the device */
    gint overlap; /* input pixels that neighbouring tiles share; 0: what the network looks at. Less
                   * than that is blended */
    FoveaProgressFunc progress;
    gpointer progress_data;
    GCancellable *cancellable;
} FoveaRestorerStreamParams;

/** Plans for pictures of one size. Errors: those of fovea_plan_new; NO_MEMORY (names the size, and
 *  why the picture is not tiled where the network sees all of it). */
FOVEA_API FoveaRestorerStream *fovea_restorer_stream_new(FoveaRestorer *restorer,
                                                         const FoveaRestorerStreamParams *params,
                                                         GError **error);
FOVEA_API void fovea_restorer_stream_free(FoveaRestorerStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaRestorerStream, fovea_restorer_stream_free)
/** Tiles of a picture (1: untiled), and their side and overlap in input pixels. */
FOVEA_API guint fovea_restorer_stream_tiles(const FoveaRestorerStream *stream, gint *tile,
                                            gint *overlap);

typedef struct FoveaRestoreParams {
    gfloat plain; /* share of plain (bicubic) scaling in the result: 0 the network's .. 1 plain */
    const FoveaRect *compare;  /* this part of the output shows plain scaling; NULL: none */
    GCancellable *cancellable; /* looked at between tiles */
} FoveaRestoreParams;

/** Restores one picture. `out` has the input's size times the scale; its format, matrix and range
 *  may differ from the input's. Errors: ARGUMENT (a picture's size or format), CANCELLED, those of
 *  fovea_session_run. */
FOVEA_API gboolean fovea_restorer_stream_run(FoveaRestorerStream *stream, const FoveaImage *image,
                                             const FoveaRestoreParams *params,
                                             const FoveaImage *out, GError **error);
/** Plain bicubic scaling of one picture, without the network. */
FOVEA_API gboolean fovea_restorer_stream_pass(FoveaRestorerStream *stream, const FoveaImage *image,
                                              const FoveaImage *out, GError **error);
/** Nanoseconds of the last run: preprocessing, plans, postprocessing. */
FOVEA_API void fovea_restorer_stream_times(const FoveaRestorerStream *stream, gint64 *pre,
                                           gint64 *plan, gint64 *post);

/* ---- transcribe: sound in, text with times out ---- */

/** Samples a second of the sound that a transcriber takes: mono, -1..1. */
#define FOVEA_TRANSCRIBE_RATE 16000

/** A loaded speech recogniser: thread-safe, shared by streams. */
typedef struct FoveaTranscriber FoveaTranscriber;

typedef struct FoveaTranscriberParams {
    const char *model; /* folder as transformers.js lays it out; needed */
    FoveaPrecision precision;
    FoveaProgressFunc progress;
    gpointer progress_data;
    GCancellable *cancellable;
} FoveaTranscriberParams;

/** Loads, plans and compiles. Errors: those of fovea_model_open and fovea_plan_new; IO (names the
 *  file that the folder lacks); MODEL (one that is malformed). */
FOVEA_API FoveaTranscriber *
fovea_transcriber_new(FoveaDevice *device, const FoveaTranscriberParams *params, GError **error);
FOVEA_API FoveaTranscriber *fovea_transcriber_ref(FoveaTranscriber *transcriber);
FOVEA_API void fovea_transcriber_unref(FoveaTranscriber *transcriber);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaTranscriber, fovea_transcriber_unref)

/** A piece of text that was spoken. */
typedef struct FoveaPhrase {
    const char *text;  /* UTF-8, no space around it; the stream's, until its next call */
    gint64 start, end; /* nanoseconds from the stream's first sample */
    gboolean final;    /* FALSE: not stable yet, replaced by what comes next */
} FoveaPhrase;

/** What one stream owns of a transcriber. One thread at a time. */
typedef struct FoveaTranscriberStream FoveaTranscriberStream;

typedef struct FoveaTranscriberStreamParams {
    gboolean partial;          /* also hand out what is not stable yet */
    GCancellable *cancellable; /* looked at between steps; may be NULL */
    gboolean live; /* sound comes in real time: compute less often where that is slow. Then the text
                    * depends on the time too, else on the sound alone */
} FoveaTranscriberStreamParams;

FOVEA_API FoveaTranscriberStream *
fovea_transcriber_stream_new(FoveaTranscriber *transcriber,
                             const FoveaTranscriberStreamParams *params, GError **error);
FOVEA_API void fovea_transcriber_stream_free(FoveaTranscriberStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaTranscriberStream, fovea_transcriber_stream_free)

/** Streaming: takes n more samples that join the ones before; hands out (appends to phrases, an
 *  array of FoveaPhrase that is emptied first) what is understood so far, in order, without
 *  overlaps. Final text never changes. A call computes when enough new sound has come (about a
 *  second), else it only keeps the samples. Errors: CANCELLED, those of fovea_session_run. */
FOVEA_API gboolean fovea_transcriber_stream_push(FoveaTranscriberStream *stream,
                                                 const gfloat *samples, gsize n, GArray *phrases,
                                                 GError **error);
/** The sound ends here: all that is left becomes final. The stream then starts anew at 0. */
FOVEA_API gboolean fovea_transcriber_stream_finish(FoveaTranscriberStream *stream, GArray *phrases,
                                                   GError **error);
/** Forgets all; starts anew at 0. */
FOVEA_API void fovea_transcriber_stream_reset(FoveaTranscriberStream *stream);
/** No final phrase that starts before this time (nanoseconds) will come any more. */
FOVEA_API gint64 fovea_transcriber_stream_settled(const FoveaTranscriberStream *stream);

typedef struct FoveaTranscribeWholeParams {
    gboolean timestamps; /* FALSE: sound of one window (30 s) is decoded without timestamps, as one
                          * phrase; longer sound always has them */
    FoveaProgressFunc progress;
    gpointer progress_data;
} FoveaTranscribeWholeParams;

/** All of a recording at once, window after window. Phrases are as spoken, not shaped as cues. */
FOVEA_API gboolean fovea_transcriber_stream_whole(FoveaTranscriberStream *stream,
                                                  const gfloat *samples, gsize n,
                                                  const FoveaTranscribeWholeParams *params,
                                                  GArray *phrases, GError **error);

/* ---- captions: text laid out in time and lines ---- */

/** Shapes phrases into captions: at most two lines of 42 characters (lines are separated by '\n'),
 *  1 to 7 s each, in order, without overlaps. */
typedef struct FoveaCaptions FoveaCaptions;
FOVEA_API FoveaCaptions *fovea_captions_new(void);
FOVEA_API void fovea_captions_free(FoveaCaptions *captions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaCaptions, fovea_captions_free)
/** Adds one final phrase; appends the captions that are complete (FoveaPhrase; their text is the
 *  object's, until its next call) to out, which is emptied first. out NULL: they wait for the next
 *  call, and are laid out with more of what follows them known. */
FOVEA_API void fovea_captions_add(FoveaCaptions *captions, const FoveaPhrase *phrase, GArray *out);
/** No phrase before `settled` (nanoseconds) will come: what waited for one comes out. G_MAXINT64:
 *  all of it. */
FOVEA_API void fovea_captions_settle(FoveaCaptions *captions, gint64 settled, GArray *out);
/** No caption that starts before this time will come. */
FOVEA_API gint64 fovea_captions_settled(const FoveaCaptions *captions);
FOVEA_API void fovea_captions_reset(FoveaCaptions *captions);

G_END_DECLS
