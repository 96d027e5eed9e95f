/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea-element.h: the one base class of Fovea's elements.
 *
 * A task is one file: it fills FoveaElementClass and calls fovea_element_class_setup() in its
 * class_init. The base does everything else: it queues what arrives, processes in a task of its
 * own and pushes in order; it loads in the background, answers queries, bounds the delay of live
 * streams and counts. "The life of a frame" in docs/design.md is what it implements;
 * plugins/detect is a task with a model, tests/elements/dummies.c has five without.
 *
 * Threads: load and unload run on a loader thread or in a state change, never beside the others;
 * set_caps, process, pass, process_window, drain and reset run on the element's streaming task, or
 * (FOVEA_MODE_WINDOW) on a worker beside it, one at a time; check and transform_caps may run on any
 * thread. Nothing is locked during a call.
 *
 * Sound passes at once, and the worker follows. Where upstream can wait, it is never more than two
 * windows or a second behind and nothing is left out; the end of the stream waits for its text.
 * Where upstream is live nothing waits: when the worker is too far behind, the older half of the
 * sound that waits for it is skipped, counted, and told in an element message "fovea-overload".
 */
#pragma once

#include <gio/gio.h>
#include <gst/audio/audio.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "fovea/image.h"
#include "fovea/plan.h"

G_BEGIN_DECLS

#define FOVEA_TYPE_ELEMENT (fovea_element_get_type())
G_DECLARE_DERIVABLE_TYPE(FoveaElement, fovea_element, FOVEA, ELEMENT, GstElement)

/* What the element works on. */
typedef enum FoveaMode {
    FOVEA_MODE_FRAME = 0, /* one video frame at a time */
    FOVEA_MODE_REGIONS,   /* the regions of interest that upstream attached, one batch a frame */
    FOVEA_MODE_WINDOW,    /* audio, in windows of fovea_element_set_window() */
} FoveaMode;

/* What gives when a stream arrives faster than it can be processed. */
typedef enum FoveaOverload {
    FOVEA_OVERLOAD_AUTO = 0, /* block where upstream is not live, skip where it is */
    FOVEA_OVERLOAD_BLOCK,    /* back-pressure: every frame is processed */
    FOVEA_OVERLOAD_SKIP,     /* the frame passes without being processed */
    FOVEA_OVERLOAD_DROP,     /* the frame is thrown away */
} FoveaOverload;

/* When a text is shown. */
typedef enum FoveaTextTiming {
    FOVEA_TEXT_AUTO = 0, /* arrival where upstream is live and max-latency is 0, else spoken */
    FOVEA_TEXT_SPOKEN,   /* the time in the media */
    FOVEA_TEXT_ARRIVAL,  /* the running time at which the text is ready */
} FoveaTextTiming;

/* A region of interest, clipped to the frame; never empty. */
typedef struct FoveaRegion {
    GstVideoRegionOfInterestMeta *meta; /* of FoveaFrame.buffer: results go here as a parameter */
    FoveaRect rect;
} FoveaRegion;

/* One video frame in process() or pass(). */
typedef struct FoveaFrame {
    GstBuffer *buffer; /* what arrived. The header is writable in process() of elements that pass
                          * frames through; the pixels are shared and must not be written. */
    GstBuffer *out;    /* the new frame to fill; NULL where frames pass through */
    const GstVideoInfo *info;
    const GstVideoInfo *out_info;
    guint64 number;             /* in the stream, from 0; dropped frames count */
    GstClockTime running_time;  /* or NONE */
    const FoveaRegion *regions; /* FOVEA_MODE_REGIONS: may be none */
    guint n_regions;
} FoveaFrame;

/* Consecutive samples in process_window(). */
typedef struct FoveaWindow {
    const GstAudioInfo *info;
    gconstpointer data;         /* interleaved, as in info */
    guint samples;              /* per channel: the window, or fewer where the sound ends (last) */
    guint fresh;                /* how many at the end were in no window before */
    guint64 offset;             /* of the first sample, counted from the last discontinuity */
    GstClockTime pts, duration; /* of the samples, in the segment of the stream; pts may be NONE */
    GstClockTime running_time;  /* of the first sample, or NONE */
    gboolean discont; /* nothing joins this window to the one before (after a skip, too) */
    gboolean last;    /* the sound ends here: end of stream, a gap, new caps */
} FoveaWindow;

struct _FoveaElementClass {
    GstElementClass parent_class;

    /* What the task is; set in class_init. */
    FoveaMode mode;
    const char *task; /* "detect": name of its FoveaResultMeta */
    /* Frames leave as they came (analysis). FALSE: process() fills a new frame. */
    gboolean passthrough;

    /* Cheap checks of the properties, in NULL->READY; may be NULL. */
    gboolean (*check)(FoveaElement *self, GError **error);
    /* Loads what is needed, and looks at `cancellable` while it does. May be NULL. */
    gboolean (*load)(FoveaElement *self, GCancellable *cancellable, GError **error);
    /* Gives back what load took; also called after a load that failed. May be NULL. */
    void (*unload)(FoveaElement *self);

    /* Caps of the other side for caps at `direction`, without the filter (transfer full). May be
     * NULL: both sides have the same caps. */
    GstCaps *(*transform_caps)(FoveaElement *self, GstPadDirection direction, GstCaps *caps);
    /* New caps, after everything of the old ones is done; may be NULL. */
    gboolean (*set_caps)(FoveaElement *self, GstCaps *in, GstCaps *out, GError **error);

    /* Processes one frame. FALSE with an error is a warning on the bus, and the frame passes. */
    gboolean (*process)(FoveaElement *self, FoveaFrame *frame, GError **error);
    /* Makes frame->out without the model (overload, interval, a failed process). Needed where
     * passthrough is FALSE. */
    gboolean (*pass)(FoveaElement *self, FoveaFrame *frame, GError **error);
    gboolean (*process_window)(FoveaElement *self, const FoveaWindow *window, GError **error);
    /* The stream ends or changes here: hand out what is held back. May be NULL. */
    gboolean (*drain)(FoveaElement *self, GError **error);
    /* A flush: forget what is held back. May be NULL. */
    void (*reset)(FoveaElement *self);
    /* Adds the task's own fields to `stats`; on any thread. May be NULL. */
    void (*add_stats)(FoveaElement *self, GstStructure *stats);

    /* The base's own: property accessors of a class with a text pad. */
    GObjectSetPropertyFunc own_set_property;
    GObjectGetPropertyFunc own_get_property;
    gpointer padding[7];
};

/* Adds the pads "sink" and "src" with these caps; and, where text_caps is given, "text" with the
 * property text-timing. Comes after the class has set set_property and get_property. */
void fovea_element_class_setup(FoveaElementClass *klass, const char *sink_caps,
                               const char *src_caps, const char *text_caps);

/* Values of the common properties (transfer full). */
char *fovea_element_dup_model(FoveaElement *self);
char *fovea_element_dup_device(FoveaElement *self);
FoveaPrecision fovea_element_get_precision(FoveaElement *self);
/* For instance_init: the max-latency (ms) that an element of this kind declares by default. */
void fovea_element_set_default_max_latency(FoveaElement *self, guint ms);
/* A property that load() reads has changed: load again before the next PAUSED. */
void fovea_element_invalidate(FoveaElement *self);

/* For load(): posts a progress message. Fits FoveaProgressFunc. */
void fovea_element_progress(const char *stage, double fraction, gpointer self);
/* For process*(): TRUE once a flush or a stop makes its result useless. */
gboolean fovea_element_cancelled(FoveaElement *self);
/* The same as an object to hand on, for set_caps() too. Valid while the element lives. */
GCancellable *fovea_element_cancellable(FoveaElement *self);

/* For set_caps() and process*(): upstream does not wait. */
gboolean fovea_element_is_live(FoveaElement *self);

/* For `stats`: nanoseconds of one run. */
void fovea_element_report_times(FoveaElement *self, gint64 pre, gint64 plan, gint64 post);
/* For `stats`: how frames enter: "host" (read in place), "copy", "dmabuf", ... */
void fovea_element_report_import(FoveaElement *self, const char *path);

/* FOVEA_MODE_WINDOW, in set_caps: samples of a window, and from one window to the next. */
void fovea_element_set_window(FoveaElement *self, guint window, guint hop);
/* FOVEA_MODE_WINDOW: how much live sound may wait for process_window() before the older half of it
 * is skipped. 0, the default: a second, max-latency or two windows, whichever is most. */
void fovea_element_set_backlog(FoveaElement *self, GstClockTime backlog);

/* For process*() and drain() of elements with a text pad. Times are in the segment of the
 * stream, as in the buffers. Texts must come in order. */
void fovea_element_push_text(FoveaElement *self, const char *text, GstClockTime pts,
                             GstClockTime duration);
/* What is understood so far, and may still change: the next text replaces it (fovea-meta.h has how
 * the buffer is marked). */
void fovea_element_push_partial_text(FoveaElement *self, const char *text, GstClockTime pts,
                                     GstClockTime duration);
/* No text before `pts` will follow. An element that never calls this settles with its media: all
 * text of a frame or window comes in its process call. */
void fovea_element_settle_text(FoveaElement *self, GstClockTime pts);

GType fovea_overload_get_type(void);
GType fovea_precision_get_type(void);
GType fovea_text_timing_get_type(void);

G_END_DECLS
