/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transcribe/resample.h: sound of any format as mono, f32, FOVEA_TRANSCRIBE_RATE, by GStreamer's
 * own converter.
 */
#pragma once

#include <gst/audio/audio.h>

G_BEGIN_DECLS

typedef struct TranscribeResampler TranscribeResampler;

/* Errors: UNSUPPORTED (a format that cannot be converted). */
TranscribeResampler *transcribe_resampler_new(const GstAudioInfo *in, GError **error);
void transcribe_resampler_free(TranscribeResampler *resampler);
/* The next sound joins nothing before it. */
void transcribe_resampler_reset(TranscribeResampler *resampler);
/* Takes n interleaved frames; returns samples that are the resampler's until its next call. The
 * k-th sample since the reset is the sound at k / FOVEA_TRANSCRIBE_RATE seconds. NULL with an
 * error: NO_MEMORY. */
const gfloat *transcribe_resampler_push(TranscribeResampler *resampler, gconstpointer data, gsize n,
                                        gsize *n_out, GError **error);
/* What is still inside, where the sound ends. */
const gfloat *transcribe_resampler_drain(TranscribeResampler *resampler, gsize *n_out,
                                         GError **error);

G_END_DECLS
