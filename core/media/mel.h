/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/mel.h: sound becomes the log-mel spectrogram that Whisper reads. Internal.
 *
 * Math:   power[t][k] = |FFT_400(hann * x[160 t - 200 .. 160 t + 199])|^2 (x mirrored at its ends),
 *         mel[m][t] = log10(max(1e-10, sum_k filter[m][k] power[t][k])),
 *         out = (max(mel, max over all of mel - 8) + 4) / 4.
 * Shape:  samples [n] -> out [mels][frames]; shorter sound is padded with zeros to frames * hop
 *         samples, longer is cut.
 * Types:  f32 in and out. Units: samples -1..1; filters are Slaney's, area-normalised, 0..8000 Hz.
 * Owner:  out is the caller's.
 * Errors: ARGUMENT, NO_MEMORY.
 * Source: transformers' WhisperFeatureExtractor and its preprocessor_config.json.
 */
#pragma once

#include "base/base.h"

typedef struct FoveaMelParams {
    gint rate;   /* samples a second */
    gint n_fft;  /* samples of a frame */
    gint hop;    /* samples from a frame to the next */
    gint mels;   /* rows */
    gint frames; /* columns */
} FoveaMelParams;

typedef struct FoveaMel FoveaMel;
FoveaMel *fovea_mel_new(const FoveaMelParams *params, GError **error);
void fovea_mel_free(FoveaMel *mel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaMel, fovea_mel_free)
/* Allocates nothing. */
gboolean fovea_mel_run(FoveaMel *mel, const float *samples, gsize n, float *out, GError **error);
