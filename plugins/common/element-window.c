/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-window.c: sound in windows. Samples are counted from the last discontinuity, so that
 * times do not drift with the rounding of buffer timestamps.
 */
#include <string.h>

#include "common/fovea-element-private.h"

#define JITTER (40 * GST_MSECOND) /* timestamps may stray this far without being a gap */
#define EXACT GST_MSECOND         /* ... where the buffer is marked as a discontinuity */

static GstClockTime to_time(const FoveaAudio *a, guint64 samples)
{
    return gst_util_uint64_scale_int(samples, GST_SECOND, GST_AUDIO_INFO_RATE(&a->info));
}

void fovea_element_set_window(FoveaElement *self, guint window, guint hop)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaAudio *a = &p->audio;
    g_return_if_fail(window > 0 && hop > 0);
    g_free(a->data);
    a->data = g_try_malloc_n(window, (gsize)GST_AUDIO_INFO_BPF(&a->info));
    if (!a->data) {
        GST_ELEMENT_ERROR(self, RESOURCE, FAILED, ("There is no memory for a window of sound."),
                          ("%u samples of %d bytes", window, GST_AUDIO_INFO_BPF(&a->info)));
        window = 0;
    }
    g_mutex_lock(&p->lock);
    a->window = window;
    a->hop = hop;
    g_mutex_unlock(&p->lock);
    fovea_audio_reset(p);
}

/* The next sample joins nothing before it. */
static void restart(FoveaAudio *a)
{
    a->have = a->seen = a->skip = 0;
    a->offset = a->next = 0;
    a->base = GST_CLOCK_TIME_NONE;
    a->discont = TRUE;
}

void fovea_audio_reset(FoveaElementPrivate *p)
{
    restart(&p->audio);
}

static void run_window(FoveaElement *self, gboolean last)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaAudio *a = &p->audio;
    GError *error = NULL;
    FoveaWindow w = {.info = &a->info,
                     .data = a->data,
                     .samples = a->have,
                     .fresh = a->have - a->seen,
                     .offset = a->offset,
                     .pts = GST_CLOCK_TIME_NONE,
                     .duration = to_time(a, a->offset + a->have) - to_time(a, a->offset),
                     .running_time = GST_CLOCK_TIME_NONE,
                     .discont = a->discont,
                     .last = last};
    if (GST_CLOCK_TIME_IS_VALID(a->base)) {
        w.pts = a->base + to_time(a, a->offset);
        w.running_time = fovea_element_running_time(p, w.pts);
    }
    a->discont = FALSE;
    if (!FOVEA_ELEMENT_GET_CLASS(self)->process_window(self, &w, &error)) {
        fovea_element_report_error(self, error);
        return;
    }
    g_mutex_lock(&p->lock);
    p->stats.inferred++;
    g_mutex_unlock(&p->lock);
}

/* Moves on by one hop. */
static void advance(FoveaAudio *a)
{
    guint gone = MIN(a->hop, a->have);
    gsize bpf = (gsize)GST_AUDIO_INFO_BPF(&a->info);
    memmove(a->data, a->data + gone * bpf, (a->have - gone) * bpf);
    a->have -= gone;
    a->seen = a->have;
    a->skip = a->hop - gone;
    a->offset += a->hop;
}

static void feed(FoveaElement *self, const guint8 *data, gsize samples)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaAudio *a = &p->audio;
    gsize bpf = (gsize)GST_AUDIO_INFO_BPF(&a->info);
    a->next += samples;
    while (samples > 0 && !fovea_element_cancelled(self)) {
        gsize n;
        if (a->skip > 0) {
            n = MIN(a->skip, samples);
            a->skip -= (guint)n;
        } else {
            n = MIN(a->window - a->have, samples);
            memcpy(a->data + a->have * bpf, data, n * bpf);
            a->have += (guint)n;
        }
        data += n * bpf;
        samples -= n;
        if (a->have == a->window) {
            run_window(self, FALSE);
            advance(a);
        }
    }
}

void fovea_audio_drain(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaAudio *a = &p->audio;
    if (a->window && a->have > a->seen && !fovea_element_cancelled(self))
        run_window(self, TRUE);
    restart(a);
}

/* Whether the buffer does not continue what came before it. */
static gboolean jumps(const FoveaAudio *a, GstBuffer *buffer)
{
    GstClockTime pts = GST_BUFFER_PTS(buffer);
    if (a->next == 0 || !GST_CLOCK_TIME_IS_VALID(pts) || !GST_CLOCK_TIME_IS_VALID(a->base))
        return FALSE;
    GstClockTime expected = a->base + to_time(a, a->next);
    GstClockTime stray = pts > expected ? pts - expected : expected - pts;
    return stray > (GST_BUFFER_IS_DISCONT(buffer) ? EXACT : JITTER);
}

static void take(FoveaElement *self, GstBuffer *buffer)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaAudio *a = &p->audio;
    GstMapInfo map;
    if (jumps(a, buffer))
        fovea_element_drain_task(self);
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP) && gst_buffer_get_size(buffer) == 0)
        return;
    if (!GST_CLOCK_TIME_IS_VALID(a->base) && GST_BUFFER_PTS_IS_VALID(buffer)) {
        GstClockTime before = to_time(a, a->next);
        if (GST_BUFFER_PTS(buffer) >= before)
            a->base = GST_BUFFER_PTS(buffer) - before;
    }
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        fovea_element_report_error(self, g_error_new_literal(FOVEA_ERROR, FOVEA_ERROR_FAILED,
                                                             "A piece of sound is not readable."));
        return;
    }
    feed(self, map.data, map.size / (gsize)GST_AUDIO_INFO_BPF(&a->info));
    gst_buffer_unmap(buffer, &map);
}

void fovea_element_handle_audio(FoveaElement *self, FoveaItem *item, GstBuffer *buffer)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaAudio *a = &p->audio;
    GstClockTime end = GST_BUFFER_PTS(buffer);
    if (p->negotiated && a->window && !fovea_element_cancelled(self)) {
        if (GST_CLOCK_TIME_IS_VALID(end))
            end += to_time(a, gst_buffer_get_size(buffer) / (gsize)GST_AUDIO_INFO_BPF(&a->info));
        if (item->discont) /* what lies between was skipped */
            fovea_element_drain_task(self);
        take(self, buffer);
        fovea_text_advance(self, end, FALSE);
    }
    gst_buffer_unref(buffer);
}
