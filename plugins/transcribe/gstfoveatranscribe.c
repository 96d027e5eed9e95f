/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * foveatranscribe: speech as text. The sound passes untouched and at once; captions come out of
 * the sparse pad "text".
 *
 *   gst-launch-1.0 filesrc location=talk.mp3 ! decodebin ! foveatranscribe name=t
 *       t.src ! fakesink  t.text ! foveapublish location=talk.srt ! fakesink
 */
#include "common/fovea-element.h"
#include "common/fovea-model.h"
#include "fovea/task.h"
#include "plugin.h"
#include "transcribe/resample.h"

#define SINK_CAPS                                                                                  \
    "audio/x-raw,format=" GST_AUDIO_FORMATS_ALL                                                    \
    ",layout=interleaved,rate=[1000,768000],channels=[1,8]"
#define TEXT_CAPS "text/x-raw,format=utf8"
/* What is heard at once; the stream itself decides when enough has come to understand it. */
#define WINDOWS_A_SECOND 4
/* Live sound that may wait: a sentence, so that what is skipped leaves whole ones. */
#define BACKLOG (8 * GST_SECOND)

typedef struct FoveaTranscribe {
    FoveaElement parent;
    gboolean partial; /* property; guarded by the object lock */
    /* from load to unload */
    FoveaShared *shared; /* of FoveaTranscriber */
    FoveaTranscriberStream *stream;
    gboolean live; /* the stream is for sound in real time */
    /* the worker's */
    TranscribeResampler *resampler;
    FoveaCaptions *captions, *drafts; /* what is final, and what is not */
    GArray *phrases, *out;            /* of FoveaPhrase */
    GstClockTime base;                /* of the stream's first sample */
    GstClockTime end;                 /* of the sound that was heard */
} FoveaTranscribe;

typedef struct FoveaTranscribeClass {
    FoveaElementClass parent_class;
} FoveaTranscribeClass;

enum { PROP_0, PROP_PARTIAL_RESULTS };

GType fovea_transcribe_get_type(void);
G_DEFINE_TYPE(FoveaTranscribe, fovea_transcribe, FOVEA_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(foveatranscribe, "foveatranscribe", GST_RANK_NONE,
                            fovea_transcribe_get_type())

#define FOVEA_TRANSCRIBE(object) ((FoveaTranscribe *)(object))

/* ---- the model ---- */

static gpointer make_transcriber(const FoveaModelRequest *request, GError **error)
{
    FoveaTranscriberParams params = {.model = request->model,
                                     .precision = request->precision,
                                     .progress = fovea_element_progress,
                                     .progress_data = request->element,
                                     .cancellable = request->cancellable};
    return fovea_transcriber_new(request->device, &params, error);
}

static gboolean make_stream(FoveaTranscribe *self, gboolean live, GError **error)
{
    GST_OBJECT_LOCK(self);
    gboolean partial = self->partial;
    GST_OBJECT_UNLOCK(self);
    FoveaTranscriberStreamParams params = {
        .partial = partial,
        .cancellable = fovea_element_cancellable(FOVEA_ELEMENT(self)),
        .live = live};
    g_array_set_size(self->phrases, 0); /* their texts are the old stream's */
    g_clear_pointer(&self->stream, fovea_transcriber_stream_free);
    self->stream = fovea_transcriber_stream_new(fovea_shared_object(self->shared), &params, error);
    self->live = live;
    return self->stream != NULL;
}

static gboolean transcribe_load(FoveaElement *element, GCancellable *cancellable, GError **error)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(element);
    self->shared = fovea_element_share_model(element, NULL, make_transcriber,
                                             (GDestroyNotify)fovea_transcriber_unref, cancellable,
                                             error);
    if (!self->shared)
        return FALSE;
    return make_stream(self, FALSE, error);
}

static void transcribe_unload(FoveaElement *element)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(element);
    g_array_set_size(self->phrases, 0); /* their texts are the stream's */
    g_clear_pointer(&self->stream, fovea_transcriber_stream_free);
    g_clear_pointer(&self->shared, fovea_shared_release);
}

/* ---- text ---- */

static void push_captions(FoveaTranscribe *self, gboolean partial)
{
    for (guint i = 0; i < self->out->len; i++) {
        const FoveaPhrase *p = &g_array_index(self->out, FoveaPhrase, i);
        GstClockTime start = self->base + (GstClockTime)MAX(p->start, 0);
        GstClockTime length = (GstClockTime)MAX(p->end - p->start, 0);
        if (partial)
            fovea_element_push_partial_text(FOVEA_ELEMENT(self), p->text, start, length);
        else
            fovea_element_push_text(FOVEA_ELEMENT(self), p->text, start, length);
    }
}

/* Captions of what was understood; up to `settled` nothing more will come. */
static void hand_out(FoveaTranscribe *self, gint64 settled)
{
    gboolean drafts = FALSE;
    for (guint i = 0; i < self->phrases->len; i++) {
        FoveaPhrase phrase = g_array_index(self->phrases, FoveaPhrase, i);
        if (!phrase.final) {
            drafts = TRUE;
            continue;
        }
        fovea_captions_add(self->captions, &phrase, self->out);
        push_captions(self, FALSE);
    }
    fovea_captions_settle(self->captions, settled, self->out);
    push_captions(self, FALSE);
    for (guint i = 0; drafts && i < self->phrases->len; i++) {
        FoveaPhrase phrase = g_array_index(self->phrases, FoveaPhrase, i);
        if (phrase.final)
            continue;
        phrase.final = TRUE; /* to be laid out as if it were */
        fovea_captions_add(self->drafts, &phrase, self->out);
        push_captions(self, TRUE);
    }
    if (drafts) {
        fovea_captions_settle(self->drafts, G_MAXINT64, self->out);
        push_captions(self, TRUE);
        fovea_captions_reset(self->drafts);
    }
}

/* ---- sound ---- */

static gboolean transcribe_set_caps(FoveaElement *element, GstCaps *in, GstCaps *out,
                                    GError **error)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(element);
    GstAudioInfo info;
    if (!gst_audio_info_from_caps(&info, in))
        return FALSE;
    gboolean live = fovea_element_is_live(element);
    if (live != self->live && !make_stream(self, live, error))
        return FALSE;
    g_clear_pointer(&self->resampler, transcribe_resampler_free);
    self->resampler = transcribe_resampler_new(&info, error);
    if (!self->resampler)
        return FALSE;
    guint window = (guint)MAX(info.rate / WINDOWS_A_SECOND, 1);
    fovea_element_set_window(element, window, window);
    return TRUE;
}

/* The stream's first sample is this one. */
static void begin(FoveaTranscribe *self, const FoveaWindow *window)
{
    transcribe_resampler_reset(self->resampler);
    fovea_transcriber_stream_reset(self->stream);
    fovea_captions_reset(self->captions);
    /* Sound without times goes on where the last one ended. */
    self->base = GST_CLOCK_TIME_IS_VALID(window->pts) ? window->pts : self->end;
}

static gboolean transcribe_window(FoveaElement *element, const FoveaWindow *window, GError **error)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(element);
    gsize n = 0;
    gint64 start = g_get_monotonic_time();
    if (window->discont)
        begin(self, window);
    const gfloat *samples = transcribe_resampler_push(self->resampler, window->data,
                                                      window->samples, &n, error);
    if (!samples && n > 0)
        return FALSE;
    gint64 resampled = g_get_monotonic_time();
    if (!fovea_transcriber_stream_push(self->stream, samples, n, self->phrases, error))
        return FALSE;
    gint64 understood = g_get_monotonic_time();
    self->end = (GST_CLOCK_TIME_IS_VALID(window->pts) ? window->pts : self->end) + window->duration;
    hand_out(self, fovea_transcriber_stream_settled(self->stream));
    fovea_element_settle_text(
        element, self->base + (GstClockTime)MAX(fovea_captions_settled(self->captions), 0));
    fovea_element_report_times(element, (resampled - start) * 1000, (understood - resampled) * 1000,
                               (g_get_monotonic_time() - understood) * 1000);
    return TRUE;
}

/* The sound ends here: all that is left is final, and all before its end is settled. */
static gboolean transcribe_drain(FoveaElement *element, GError **error)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(element);
    gsize n = 0;
    if (!self->resampler || !GST_CLOCK_TIME_IS_VALID(self->base))
        return TRUE; /* no sound came */
    const gfloat *samples = transcribe_resampler_drain(self->resampler, &n, error);
    gboolean ok = samples || n == 0;
    if (ok && n > 0) {
        ok = fovea_transcriber_stream_push(self->stream, samples, n, self->phrases, error);
        if (ok)
            hand_out(self, fovea_transcriber_stream_settled(self->stream));
    }
    ok = ok && fovea_transcriber_stream_finish(self->stream, self->phrases, error);
    if (ok)
        hand_out(self, G_MAXINT64);
    fovea_element_settle_text(element, self->end);
    transcribe_resampler_reset(self->resampler);
    self->base = GST_CLOCK_TIME_NONE;
    return ok;
}

static void transcribe_reset(FoveaElement *element)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(element);
    if (self->stream)
        fovea_transcriber_stream_reset(self->stream);
    fovea_captions_reset(self->captions);
    self->base = GST_CLOCK_TIME_NONE;
    self->end = 0;
}

/* ---- the object ---- */

static void transcribe_set_property(GObject *object, guint id, const GValue *value,
                                    GParamSpec *pspec)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(object);
    if (id != PROP_PARTIAL_RESULTS) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        return;
    }
    GST_OBJECT_LOCK(self);
    self->partial = g_value_get_boolean(value);
    GST_OBJECT_UNLOCK(self);
    fovea_element_invalidate(FOVEA_ELEMENT(object));
}

static void transcribe_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(object);
    if (id != PROP_PARTIAL_RESULTS) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        return;
    }
    GST_OBJECT_LOCK(self);
    g_value_set_boolean(value, self->partial);
    GST_OBJECT_UNLOCK(self);
}

static void transcribe_finalize(GObject *object)
{
    FoveaTranscribe *self = FOVEA_TRANSCRIBE(object);
    transcribe_unload(FOVEA_ELEMENT(object));
    g_clear_pointer(&self->resampler, transcribe_resampler_free);
    fovea_captions_free(self->captions);
    fovea_captions_free(self->drafts);
    g_array_unref(self->phrases);
    g_array_unref(self->out);
    G_OBJECT_CLASS(fovea_transcribe_parent_class)->finalize(object);
}

static void fovea_transcribe_class_init(FoveaTranscribeClass *klass)
{
    GObjectClass *object = G_OBJECT_CLASS(klass);
    FoveaElementClass *element = &klass->parent_class;
    object->set_property = transcribe_set_property;
    object->get_property = transcribe_get_property;
    object->finalize = transcribe_finalize;
    element->mode = FOVEA_MODE_WINDOW;
    element->task = "transcribe";
    element->check = fovea_element_check_model;
    element->load = transcribe_load;
    element->unload = transcribe_unload;
    element->set_caps = transcribe_set_caps;
    element->process_window = transcribe_window;
    element->drain = transcribe_drain;
    element->reset = transcribe_reset;
    fovea_element_class_setup(element, SINK_CAPS, SINK_CAPS, TEXT_CAPS);

    g_object_class_install_property(
        object, PROP_PARTIAL_RESULTS,
        g_param_spec_boolean("partial-results", "Partial results",
                             "Also send what is not certain yet, marked as not final; the next "
                             "text replaces it",
                             FALSE,
                             G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
    gst_element_class_set_static_metadata(
        GST_ELEMENT_CLASS(klass), "Fovea speech recogniser", "Filter/Analyzer/Audio",
        "Writes down what is said, as captions on a text pad, with an attention model on the CPU "
        "or a Vulkan GPU",
        "Fovea");
}

static void fovea_transcribe_init(FoveaTranscribe *self)
{
    /* Holds from the first buffer on: caps are worked at after it may have come. */
    fovea_element_set_backlog(FOVEA_ELEMENT(self), BACKLOG);
    self->phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    self->out = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    self->captions = fovea_captions_new();
    self->drafts = fovea_captions_new();
    self->base = GST_CLOCK_TIME_NONE;
}
