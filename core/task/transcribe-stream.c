/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One stream of a transcriber: what it owns, and the phrases that it hands out.
 */
#include "task/listen.h"

FoveaTranscriberStream *fovea_transcriber_stream_new(FoveaTranscriber *transcriber,
                                                     const FoveaTranscriberStreamParams *params,
                                                     GError **error)
{
    static const FoveaTranscriberStreamParams none;
    if (params == NULL)
        params = &none;
    FoveaTranscriberStream *s = g_new0(FoveaTranscriberStream, 1);
    s->transcriber = fovea_transcriber_ref(transcriber);
    s->partial = params->partial;
    g_set_object(&s->cancellable, params->cancellable);
    s->texts = g_ptr_array_new_with_free_func(g_free);
    fovea_whisper_result_init(&s->result);
    s->whisper = fovea_whisper_new(transcriber, error);
    if (s->whisper)
        s->listening = fovea_listening_new(fovea_whisper_window(transcriber), params->live, error);
    if (s->listening == NULL)
        g_clear_pointer(&s, fovea_transcriber_stream_free);
    return s;
}

void fovea_transcriber_stream_free(FoveaTranscriberStream *s)
{
    if (s == NULL)
        return;
    fovea_listening_free(s->listening);
    g_clear_pointer(&s->whisper, fovea_whisper_free);
    fovea_whisper_result_clear(&s->result);
    g_ptr_array_unref(s->texts);
    g_clear_object(&s->cancellable);
    fovea_transcriber_unref(s->transcriber);
    g_free(s);
}

void fovea_transcriber_stream_clear(FoveaTranscriberStream *s, GArray *phrases)
{
    g_array_set_size(phrases, 0);
    g_ptr_array_set_size(s->texts, 0);
}

void fovea_transcriber_stream_hand_out(FoveaTranscriberStream *s, GArray *phrases, char *text,
                                       gint64 start, gint64 end, gboolean final)
{
    g_ptr_array_add(s->texts, g_strstrip(text));
    if (*text == 0)
        return;
    FoveaPhrase phrase = {text, start, end, final};
    g_array_append_val(phrases, phrase);
}

gboolean fovea_transcriber_stream_push(FoveaTranscriberStream *s, const gfloat *samples, gsize n,
                                       GArray *phrases, GError **error)
{
    fovea_transcriber_stream_clear(s, phrases);
    return fovea_listen(s, samples, n, phrases, error);
}

gboolean fovea_transcriber_stream_finish(FoveaTranscriberStream *s, GArray *phrases, GError **error)
{
    fovea_transcriber_stream_clear(s, phrases);
    gboolean ok = fovea_listen_end(s, phrases, error);
    fovea_listening_reset(s->listening);
    return ok;
}

void fovea_transcriber_stream_reset(FoveaTranscriberStream *s)
{
    fovea_listening_reset(s->listening);
}

gint64 fovea_transcriber_stream_settled(const FoveaTranscriberStream *s)
{
    const FoveaListening *l = s->listening;
    return MAX(l->said, l->base) * (G_GINT64_CONSTANT(1000000000) / FOVEA_TRANSCRIBE_RATE);
}
