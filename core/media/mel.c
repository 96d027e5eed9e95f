/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/mel.h"

#include <kiss_fftr.h>
#include <math.h>

#define HIGHEST_HZ 8000.0
/* Louder than any sound: what is beyond (NaN too) counts as silence. */
#define LOUDEST 1e9f
#define QUIETEST 1e-10f

/* A triangle of the filter bank: weight[n] from bin `first` on. */
typedef struct Filter {
    gint first, n;
    const float *weight;
} Filter;

struct FoveaMel {
    FoveaMelParams params;
    kiss_fftr_cfg fft;
    float *window, *frame, *power, *weights; /* [n_fft], [n_fft], [bins], all filters' */
    kiss_fft_cpx *spectrum;                  /* [bins] */
    Filter *filters;                         /* [mels] */
};

/* Slaney's scale: linear to 1 kHz (15 mel), logarithmic above. */
static double hz_of_mel(double mel)
{
    return mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27);
}

static double mel_of_hz(double hz)
{
    return hz < 1000 ? hz * 3 / 200 : 15 + log(hz / 1000) * 27 / log(6.4);
}

/* Corner i of the triangles, 0..mels + 1, in Hz. */
static double corner(const FoveaMelParams *p, gint i)
{
    return hz_of_mel(mel_of_hz(HIGHEST_HZ) * i / (p->mels + 1));
}

/* Each triangle has the area 1 over Hz. */
static void make_filters(FoveaMel *mel)
{
    const FoveaMelParams *p = &mel->params;
    gint bins = p->n_fft / 2 + 1, used = 0;
    for (gint m = 0; m < p->mels; m++) {
        double low = corner(p, m), middle = corner(p, m + 1), high = corner(p, m + 2);
        Filter *filter = &mel->filters[m];
        filter->weight = mel->weights + used;
        for (gint k = 0; k < bins; k++) {
            double hz = (double)k * p->rate / p->n_fft;
            double rise = (hz - low) / (middle - low), fall = (high - hz) / (high - middle);
            double weight = MIN(rise, fall);
            if (weight <= 0)
                continue;
            if (filter->n == 0)
                filter->first = k;
            filter->n++;
            mel->weights[used++] = (float)(weight * 2 / (high - low));
        }
    }
}

static gboolean params_fit(const FoveaMelParams *p)
{
    gint rest = p->n_fft;
    if (p->rate < 2 * HIGHEST_HZ || p->rate > 1000000 || p->n_fft < 16 || p->n_fft > 1 << 16 ||
        p->hop < 1 || p->hop > p->n_fft || p->mels < 1 || p->mels > 1024 || p->frames < 1 ||
        p->frames > 1 << 20 || p->frames * (gint64)p->hop < p->n_fft || p->n_fft % 2)
        return FALSE;
    /* Other factors make kissfft allocate while it runs. */
    for (gint factor = 2; factor <= 5; factor++)
        while (rest % factor == 0)
            rest /= factor;
    return rest == 1;
}

FoveaMel *fovea_mel_new(const FoveaMelParams *params, GError **error)
{
    if (!params_fit(params)) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                   "no spectrogram of %d rows and %d columns from frames of %d samples every %d at "
                   "%d Hz",
                   params->mels, params->frames, params->n_fft, params->hop, params->rate);
        return NULL;
    }
    g_autoptr(FoveaMel) mel = g_new0(FoveaMel, 1);
    gsize bins = params->n_fft / 2 + 1;
    mel->params = *params;
    /* A bin lies in two triangles at most. */
    if (!(mel->window = fovea_try_alloc(params->n_fft, sizeof(float), error)) ||
        !(mel->frame = fovea_try_alloc(params->n_fft, sizeof(float), error)) ||
        !(mel->power = fovea_try_alloc(bins, sizeof(float), error)) ||
        !(mel->weights = fovea_try_alloc(2 * bins, sizeof(float), error)) ||
        !(mel->spectrum = fovea_try_alloc(bins, sizeof(kiss_fft_cpx), error)) ||
        !(mel->filters = fovea_try_alloc(params->mels, sizeof(Filter), error)))
        return NULL;
    mel->fft = kiss_fftr_alloc(params->n_fft, 0, NULL, NULL);
    if (mel->fft == NULL) {
        fovea_fail(error, FOVEA_ERROR_NO_MEMORY, "no memory for a Fourier transform");
        return NULL;
    }
    for (gint i = 0; i < params->n_fft; i++)
        mel->window[i] = (float)(0.5 - 0.5 * cos(2 * G_PI * i / params->n_fft));
    make_filters(mel);
    return g_steal_pointer(&mel);
}

void fovea_mel_free(FoveaMel *mel)
{
    if (mel == NULL)
        return;
    fovea_free(mel->window);
    fovea_free(mel->frame);
    fovea_free(mel->power);
    fovea_free(mel->weights);
    fovea_free(mel->spectrum);
    fovea_free(mel->filters);
    kiss_fftr_free(mel->fft);
    g_free(mel);
}

/* Sample i of the padded sound, mirrored at its ends. */
static float sample_at(const float *samples, gint64 n, gint64 total, gint64 i)
{
    i = i < 0 ? -i : i;
    i = i >= total ? 2 * (total - 1) - i : i;
    return i < n && fabsf(samples[i]) <= LOUDEST ? samples[i] : 0;
}

/* Fills the windowed frame that begins at `start`; FALSE: it is silent. */
static gboolean fill_frame(FoveaMel *mel, const float *samples, gint64 n, gint64 start)
{
    const FoveaMelParams *p = &mel->params;
    gint64 total = (gint64)p->frames * p->hop, end = start + p->n_fft;
    gboolean inside = start >= 0 && end <= n;
    float loudest = 0;
    for (gint i = 0; i < p->n_fft; i++) {
        float x = inside ? samples[start + i] : sample_at(samples, n, total, start + i);
        x = fabsf(x) <= LOUDEST ? x : 0;
        mel->frame[i] = x * mel->window[i];
        loudest = MAX(loudest, fabsf(x));
    }
    return loudest > 0;
}

/* Writes log10 of a frame's bands to out[m * frames]; returns the largest. */
static float frame_bands(FoveaMel *mel, gboolean silent, float *out)
{
    const FoveaMelParams *p = &mel->params;
    float largest = -INFINITY;
    gint bins = p->n_fft / 2 + 1;
    if (!silent) {
        kiss_fftr(mel->fft, mel->frame, mel->spectrum);
        for (gint k = 0; k < bins; k++)
            mel->power[k] = mel->spectrum[k].r * mel->spectrum[k].r +
                            mel->spectrum[k].i * mel->spectrum[k].i;
    }
    for (gint m = 0; m < p->mels; m++) {
        const Filter *filter = &mel->filters[m];
        float sum = 0;
        for (gint k = 0; !silent && k < filter->n; k++)
            sum += filter->weight[k] * mel->power[filter->first + k];
        float value = log10f(MAX(sum, QUIETEST));
        out[(gsize)m * p->frames] = value;
        largest = MAX(largest, value);
    }
    return largest;
}

gboolean fovea_mel_run(FoveaMel *mel, const float *samples, gsize n, float *out, GError **error)
{
    const FoveaMelParams *p = &mel->params;
    gint64 total = (gint64)p->frames * p->hop, sounding = MIN((gint64)MIN(n, G_MAXINT64), total);
    if (n > 0 && samples == NULL)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "no samples");
    float largest = -INFINITY;
    for (gint t = 0; t < p->frames; t++) {
        gboolean sound = fill_frame(mel, samples, sounding, (gint64)t * p->hop - p->n_fft / 2);
        largest = MAX(largest, frame_bands(mel, !sound, out + t));
    }
    float floor = largest - 8;
    for (gsize i = 0; i < (gsize)p->mels * p->frames; i++)
        out[i] = (MAX(out[i], floor) + 4) * 0.25f;
    return TRUE;
}
