/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transcribe/resample.h"

#include "fovea/task.h"

#define QUALITY 4 /* GStreamer's default */

struct TranscribeResampler {
    GstAudioConverter *converter;
    gint bpf;
    gfloat *out;
    gsize room;
    guint64 taken, given; /* frames since the reset */
    gint rate;
};

TranscribeResampler *transcribe_resampler_new(const GstAudioInfo *in, GError **error)
{
    GstAudioInfo from = *in, to;
    gst_audio_info_init(&to);
    gst_audio_info_set_format(&to, GST_AUDIO_FORMAT_F32, FOVEA_TRANSCRIBE_RATE, 1, NULL);
    GstStructure *config = gst_structure_new_empty("GstAudioConverter");
    gst_structure_set(config, GST_AUDIO_CONVERTER_OPT_RESAMPLER_METHOD,
                      GST_TYPE_AUDIO_RESAMPLER_METHOD, GST_AUDIO_RESAMPLER_METHOD_KAISER,
                      GST_AUDIO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_AUDIO_DITHER_METHOD,
                      GST_AUDIO_DITHER_NONE, NULL);
    gst_audio_resampler_options_set_quality(GST_AUDIO_RESAMPLER_METHOD_KAISER, QUALITY, from.rate,
                                            to.rate, config);
    GstAudioConverter *converter = gst_audio_converter_new(GST_AUDIO_CONVERTER_FLAG_NONE, &from,
                                                           &to, config);
    if (!converter) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                    "Sound of this format (%s, %d Hz, %d channels) cannot be converted.",
                    GST_AUDIO_INFO_NAME(&from), from.rate, from.channels);
        return NULL;
    }
    TranscribeResampler *r = g_new0(TranscribeResampler, 1);
    r->converter = converter;
    r->bpf = GST_AUDIO_INFO_BPF(&from);
    r->rate = from.rate;
    return r;
}

void transcribe_resampler_free(TranscribeResampler *r)
{
    gst_audio_converter_free(r->converter);
    g_free(r->out);
    g_free(r);
}

void transcribe_resampler_reset(TranscribeResampler *r)
{
    gst_audio_converter_reset(r->converter);
    r->taken = r->given = 0;
}

/* in: NULL is silence. */
static const gfloat *convert(TranscribeResampler *r, gpointer in, gsize n, gsize *n_out,
                             GError **error)
{
    gsize frames = gst_audio_converter_get_out_frames(r->converter, n);
    if (frames > r->room) {
        gfloat *grown = g_try_renew(gfloat, r->out, frames);
        if (!grown) {
            g_set_error_literal(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY,
                                "There is no memory for resampled sound.");
            return NULL;
        }
        r->out = grown;
        r->room = frames;
    }
    gpointer from[1] = {in}, to[1] = {r->out};
    *n_out = frames;
    if (frames > 0 || n > 0)
        gst_audio_converter_samples(r->converter, GST_AUDIO_CONVERTER_FLAG_NONE, in ? from : NULL,
                                    n, to, frames);
    return r->out;
}

const gfloat *transcribe_resampler_push(TranscribeResampler *r, gconstpointer data, gsize n,
                                        gsize *n_out, GError **error)
{
    const gfloat *out = convert(r, (gpointer)data, n, n_out, error);
    r->taken += n;
    r->given += out ? *n_out : 0;
    return out;
}

const gfloat *transcribe_resampler_drain(TranscribeResampler *r, gsize *n_out, GError **error)
{
    gsize latency = gst_audio_converter_get_max_latency(r->converter);
    const gfloat *out = convert(r, NULL, latency, n_out, error);
    /* Silence pushes the last sound out; of what follows it nothing is meant. */
    guint64 whole = gst_util_uint64_scale_int_ceil(r->taken, FOVEA_TRANSCRIBE_RATE, r->rate);
    if (out && r->given + *n_out > whole)
        *n_out = whole > r->given ? (gsize)(whole - r->given) : 0;
    return out;
}
