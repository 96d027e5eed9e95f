/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea-element-private.h: what the files of FoveaElement share.
 *
 * Threads. Frames: the source pad's task does all. Sound (FOVEA_MODE_WINDOW): the source pad's task
 * only passes the sound on, and hands a reference to the worker, which cuts windows and processes;
 * what it says goes to the text pad's task. None of them waits for the next one's downstream, so
 * that a muxer or an overlay that waits for text can always be given it. A field that is "the
 * worker's own" belongs to the source pad's task where there is no worker.
 *
 * Locks, in this order: push_lock, text.push_lock, then lock. `lock` guards every field below it
 * that is not marked as somebody's own. A pad's push lock is held while something is pushed there,
 * and while FLUSH_STOP goes downstream, so that nothing of an older generation is pushed after it.
 * `changed` is signalled on every change that somebody may wait for.
 */
#pragma once

#include <gst/base/gstflowcombiner.h>

#include "common/fovea-element.h"

G_BEGIN_DECLS

#define FOVEA_STATS_SAMPLES 256

typedef enum FoveaItemKind {
    FOVEA_ITEM_BUFFER,
    FOVEA_ITEM_EVENT,
    FOVEA_ITEM_QUERY,
    FOVEA_ITEM_RESET, /* FLUSH_STOP has passed: the task forgets what it holds */
} FoveaItemKind;

/* Lives on the stack of the upstream thread, which waits for it. */
typedef struct FoveaPendingQuery {
    GstQuery *query;
    gboolean done, result;
} FoveaPendingQuery;

typedef struct FoveaItem {
    FoveaItemKind kind;
    guint generation;
    GstMiniObject *object; /* buffer or event, owned */
    FoveaPendingQuery *query;
    guint64 number;        /* of a frame */
    gint64 arrival;        /* g_get_monotonic_time() */
    GstClockTime duration; /* of a buffer; 0 where unknown */
    gboolean infer;        /* its turn by `interval` */
    gboolean skip;         /* the overload policy passes it unprocessed */
    gboolean discont;      /* the one before was dropped */
} FoveaItem;

typedef enum FoveaLoadState {
    FOVEA_LOAD_NONE = 0,
    FOVEA_LOAD_RUNNING,
    FOVEA_LOAD_DONE,
    FOVEA_LOAD_FAILED,
} FoveaLoadState;

typedef struct FoveaStats {
    guint64 frames, inferred, dropped, skipped, errors;
    GstClockTime skipped_time;            /* of the sound in `skipped` */
    guint64 latency[FOVEA_STATS_SAMPLES]; /* ns from chain to push of the last inferred frames */
    guint64 n_latency;
    guint64 runs;
    gint64 pre, plan, post; /* sums in ns */
    gint64 mean_infer;      /* running mean of process() in ns, for the overload policy */
    const char *import;     /* interned */
} FoveaStats;

/* Sound in FOVEA_MODE_WINDOW; the worker's own. */
typedef struct FoveaAudio {
    GstAudioInfo info;
    guint8 *data;      /* room for one window */
    guint window, hop; /* 0: the task has set none */
    guint have;        /* samples in data */
    guint seen;        /* of those, at the front: were in a window before */
    guint skip;        /* samples still to be left out (hop > window) */
    guint64 offset;    /* of the first sample in data, from the last discontinuity */
    guint64 next;      /* offset of the next sample that should arrive */
    GstClockTime base; /* pts at offset 0, or NONE */
    gboolean discont;
} FoveaAudio;

/* Takes the sound beside the stream. */
typedef struct FoveaWorker {
    GThread *thread;   /* NULL: frames */
    guint generation;  /* of the item in work */
    GstAudioInfo info; /* of the sound that is put in; the source pad's task's own */
    gint64 told;       /* when skipping was told of; the source pad's task's own */
    guint64 told_skipped;
    /* under `lock` */
    GQueue queue;         /* of FoveaItem */
    guint waiting;        /* buffers in it */
    GstClockTime time;    /* of those */
    gboolean busy;        /* an item is in work */
    gboolean skipped;     /* the next buffer follows a skipped one */
    GstClockTime backlog; /* live sound that may wait; 0: the default */
} FoveaWorker;

typedef enum FoveaTextKind {
    FOVEA_TEXT_START, /* STREAM_START, then CAPS */
    FOVEA_TEXT_SEGMENT,
    FOVEA_TEXT_BUFFER,
    FOVEA_TEXT_SETTLE,  /* the task says what is settled */
    FOVEA_TEXT_ADVANCE, /* the media has come so far */
    FOVEA_TEXT_EVENT,
    FOVEA_TEXT_RESET,
} FoveaTextKind;

typedef struct FoveaTextItem {
    FoveaTextKind kind;
    guint generation;
    GstMiniObject *object; /* event or buffer; owned */
    GstClockTime until;    /* SETTLE, ADVANCE */
    gboolean force;        /* ADVANCE: tell it now */
    gboolean drained;      /* ADVANCE: nothing is held back, whatever the task said */
    gboolean partial;      /* BUFFER */
} FoveaTextItem;

/* The text pad; its task's own where it has one, else the source pad's task's. */
typedef struct FoveaText {
    GstPad *pad; /* NULL: the element has none */
    GRecMutex push_lock;
    guint generation; /* of the item in work */
    gboolean started; /* STREAM_START and CAPS are out */
    gboolean segment_sent;
    GstSegment segment;
    gboolean manual;         /* the task calls fovea_element_settle_text */
    GstClockTime position;   /* end of the last text or GAP, in the segment */
    GstClockTime last_start; /* of the last text */
    GstClockTime settled;    /* no text before it will come */
    /* under `lock` */
    gboolean task; /* the pad has a task of its own */
    GQueue queue;  /* of FoveaTextItem */
} FoveaText;

/* For the warning that downstream waits for text; under `lock`. */
typedef struct FoveaStall {
    gint64 push_since;     /* the source pad pushes since; 0: it does not */
    gint64 input;          /* when something last arrived */
    gint64 text;           /* when the text pad last pushed */
    GstClockTime position; /* end of the sound that went out, or NONE */
    gboolean ended;        /* EOS has arrived */
    gboolean told;
} FoveaStall;

typedef struct FoveaElementPrivate {
    GstPad *sinkpad, *srcpad;
    GRecMutex push_lock;
    GMutex lock;
    GCond changed;

    /* the queue */
    GQueue queue;        /* of FoveaItem */
    guint waiting;       /* buffers in it */
    gsize waiting_bytes; /* of those */
    guint inferable;     /* of those: will be processed */
    guint generation;
    gboolean flushing;  /* between FLUSH_START and FLUSH_STOP */
    gboolean stopping;  /* pads are not active */
    GstFlowReturn flow; /* downstream's, for upstream */
    guint64 next_number;
    gboolean live_known, live;
    gboolean discont_next;     /* the next buffer to arrive follows a dropped one */
    GstClockTime qos_earliest; /* running time before which frames come too late, or NONE */
    guint32 seek_seqnum;       /* of the last seek that went upstream */

    /* properties */
    char *model, *device;
    FoveaPrecision precision;
    guint interval;
    guint max_latency; /* ms */
    FoveaOverload overload;
    FoveaTextTiming text_timing;

    /* loading */
    FoveaLoadState load_state;
    gboolean stale; /* properties changed since */
    GThread *loader;
    GCancellable *load_cancel;
    char *progress_stage; /* the loader's own */
    gint progress_percent;

    FoveaStats stats;
    GCancellable *cancel; /* fires with a flush or a stop; armed again with the next item */
    FoveaStall stall;
    GstFlowCombiner *combiner;

    /* the source pad's task's own */
    guint task_generation; /* of the item in work */

    /* the worker's own */
    guint64 current;      /* number of the frame in work */
    gboolean discont_out; /* the task has dropped a frame */
    GstSegment segment;
    GstCaps *in_caps, *out_caps;
    gboolean negotiated;
    GstVideoInfo in_info, out_info;
    GstBufferPool *pool;
    GArray *regions; /* of FoveaRegion */
    gint64 last_warning;
    FoveaAudio audio;
    FoveaWorker worker;
    FoveaText text;
} FoveaElementPrivate;

FoveaElementPrivate *fovea_element_priv(FoveaElement *self);

/* queue.c: all with `lock` held */
void fovea_queue_push(FoveaElementPrivate *p, FoveaItem *item);
FoveaItem *fovea_queue_pop(FoveaElementPrivate *p); /* waits; NULL: the pads are stopping */
/* Not `all`: events that survive a flush stay. */
void fovea_queue_clear(FoveaElementPrivate *p, gboolean all);
gboolean fovea_event_survives(GstEvent *event);
void fovea_queue_skip(FoveaElementPrivate *p, FoveaItem *item);
void fovea_queue_drop(FoveaElementPrivate *p, GList *link);
void fovea_item_free(FoveaItem *item);

/* policy.c: with `lock` held. Waits or makes room for one buffer; what chain has to return. */
GstFlowReturn fovea_policy_admit(FoveaElement *self, const FoveaItem *item);
/* Sound that may wait for the worker. */
GstClockTime fovea_policy_sound_limit(FoveaElementPrivate *p);
FoveaOverload fovea_policy_effective(FoveaElementPrivate *p);
/* TRUE: downstream has told (QoS) that this frame comes too late to be worth the work. */
gboolean fovea_policy_late(FoveaElement *self, GstClockTime running_time);
guint fovea_policy_max_held(FoveaElementPrivate *p);

/* events.c, queries.c, loop.c: pad functions */
GstFlowReturn fovea_element_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer);
gboolean fovea_element_sink_event(GstPad *pad, GstObject *parent, GstEvent *event);
gboolean fovea_element_src_event(GstPad *pad, GstObject *parent, GstEvent *event);
gboolean fovea_element_sink_query(GstPad *pad, GstObject *parent, GstQuery *query);
gboolean fovea_element_src_query(GstPad *pad, GstObject *parent, GstQuery *query);
gboolean fovea_element_src_activate(GstPad *pad, GstObject *parent, GstPadMode mode,
                                    gboolean active);
gboolean fovea_element_run_query(FoveaElement *self, GstQuery *query);
void fovea_element_drain_task(FoveaElement *self);
/* The worker's part of an event: drains, negotiates, tells the text pad. FALSE: it failed. */
gboolean fovea_element_work_event(FoveaElement *self, GstEvent *event);
void fovea_element_forget(FoveaElement *self); /* the worker's part of a flush */
/* TRUE while what this generation does still counts; with `lock` held. */
gboolean fovea_element_is_current(FoveaElementPrivate *p, guint generation);
/* Pushes unless the generation is over; takes the buffer or event. */
void fovea_element_push_buffer(FoveaElement *self, GstPad *pad, GstBuffer *buffer);
gboolean fovea_element_push_event(FoveaElement *self, GstPad *pad, GstEvent *event);
/* Posts process()'s error as a warning (or an error where the device is lost); frees it. */
void fovea_element_report_error(FoveaElement *self, GError *error);
void fovea_element_fail(FoveaElement *self, GstFlowReturn flow);
/* Running time of a time in the segment; NONE where the segment is not one of time (appsrc). */
GstClockTime fovea_element_running_time(FoveaElementPrivate *p, GstClockTime pts);

/* load.c */
gboolean fovea_element_load_start(FoveaElement *self);
void fovea_element_load_stop(FoveaElement *self);
gboolean fovea_element_load_wait(FoveaElement *self);

/* Posts a GError as an error or warning of this element. */
void fovea_element_post_error(FoveaElement *self, GstMessageType type, const GError *error);

/* output.c */
gboolean fovea_element_negotiate(FoveaElement *self, GstEvent *event);
GstBuffer *fovea_element_new_frame(FoveaElement *self, GstBuffer *in);
void fovea_element_drop_pool(FoveaElementPrivate *p);
GstCaps *fovea_element_query_caps(FoveaElement *self, GstPad *pad, GstCaps *filter);

/* worker.c */
void fovea_worker_start(FoveaElement *self);
void fovea_worker_stop(FoveaElement *self); /* `stopping` is set */
/* From the source pad's task: hands an item on (object: transfer full). Waits or skips as the
 * overload policy says. */
void fovea_worker_put(FoveaElement *self, const FoveaItem *like, gpointer object);
void fovea_worker_wait(FoveaElement *self); /* until all that was put is done, or a flush */
void fovea_worker_flush(FoveaElementPrivate *p, gboolean all); /* with `lock` held */
void fovea_worker_tell(FoveaElement *self); /* posts what was skipped, once a second at most */

/* stall.c, from the text pad's task */
void fovea_stall_check(FoveaElement *self);

/* frames.c, regions.c, window.c: a buffer in each mode; take the buffer */
void fovea_element_handle_frame(FoveaElement *self, FoveaItem *item, GstBuffer *buffer);
void fovea_element_handle_audio(FoveaElement *self, FoveaItem *item, GstBuffer *buffer);
void fovea_audio_drain(FoveaElement *self);
void fovea_audio_reset(FoveaElementPrivate *p);

/* text.c: from the worker. Where the text pad has a task, it does what is asked here. */
void fovea_text_start(FoveaElement *self, GstEvent *stream_start);
void fovea_text_segment(FoveaElement *self);
/* The media has reached `until`: settles, and sends a GAP where one is due (or `force`). */
void fovea_text_advance(FoveaElement *self, GstClockTime until, gboolean force);
/* The same where all was drained: nothing before `until` can come. */
void fovea_text_settle(FoveaElement *self, GstClockTime until);
void fovea_text_push_event(FoveaElement *self, GstEvent *event);
void fovea_text_forget(FoveaElement *self);
void fovea_text_reset(FoveaElementPrivate *p); /* at once */
void fovea_text_start_task(FoveaElement *self);
void fovea_text_stop_task(FoveaElement *self);
void fovea_text_flush(FoveaElementPrivate *p, gboolean all); /* with `lock` held */
gboolean fovea_text_by_arrival(FoveaElementPrivate *p);      /* with `lock` held */

/* stats.c */
GstStructure *fovea_stats_snapshot(FoveaElement *self);
void fovea_stats_latency(FoveaElementPrivate *p, gint64 arrival);

G_END_DECLS
