/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <gst/audio/audio.h>

#include "bus.h"
#include "common/fovea-meta.h"
#include "speech-run.h"

/* ---- what is heard ---- */

static void clear_caption(gpointer data)
{
    g_free(((Caption *)data)->text);
}

static void note_time(Heard *heard, GstClockTime from, GstClockTime until)
{
    heard->worst_gap = MAX(heard->worst_gap, until - from);
    heard->gap_end = MAX(heard->gap_end, until);
}

static void note_buffer(Heard *heard, GstBuffer *buffer)
{
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    Caption c = {.text = g_strndup((const char *)map.data, map.size),
                 .start = GST_BUFFER_PTS(buffer),
                 .end = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer),
                 .final = !fovea_buffer_is_partial(buffer)};
    gst_buffer_unmap(buffer, &map);
    c.running = gst_segment_to_running_time(&heard->segment, GST_FORMAT_TIME, c.start);
    g_array_append_val(heard->captions, c);
}

static void note_event(Heard *heard, GstEvent *event)
{
    GstClockTime pts, duration;
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_SEGMENT: gst_event_copy_segment(event, &heard->segment); break;
    case GST_EVENT_EOS: heard->eos = TRUE; break;
    case GST_EVENT_GAP:
        gst_event_parse_gap(event, &pts, &duration);
        heard->gaps += duration > 0;
        note_time(heard, pts, pts + duration);
        break;
    default: break;
    }
}

static GstPadProbeReturn note(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Heard *heard = data;
    g_mutex_lock(&heard->lock);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER)
        note_buffer(heard, GST_PAD_PROBE_INFO_BUFFER(info));
    else
        note_event(heard, GST_PAD_PROBE_INFO_EVENT(info));
    g_mutex_unlock(&heard->lock);
    return GST_PAD_PROBE_OK;
}

Heard *heard_new(GstElement *transcriber)
{
    Heard *heard = g_new0(Heard, 1);
    g_mutex_init(&heard->lock);
    heard->captions = g_array_new(FALSE, FALSE, sizeof(Caption));
    g_array_set_clear_func(heard->captions, clear_caption);
    GstPad *pad = gst_element_get_static_pad(transcriber, "text");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note,
                      heard, NULL);
    gst_object_unref(pad);
    return heard;
}

void heard_free(Heard *heard)
{
    g_array_unref(heard->captions);
    g_mutex_clear(&heard->lock);
    g_free(heard);
}

char *heard_words(Heard *heard)
{
    GString *all = g_string_new(NULL);
    for (guint i = 0; i < heard->captions->len; i++) {
        const Caption *c = &g_array_index(heard->captions, Caption, i);
        if (c->final)
            g_string_append_printf(all, "%s ", c->text);
    }
    char *words = plain_words(all->str);
    g_string_free(all, TRUE);
    return words;
}

void heard_check_shape(Heard *heard)
{
    GstClockTime end = 0;
    for (guint i = 0; i < heard->captions->len; i++) {
        const Caption *c = &g_array_index(heard->captions, Caption, i);
        if (!c->final)
            continue;
        g_test_message("%" GST_TIME_FORMAT " - %" GST_TIME_FORMAT " %s", GST_TIME_ARGS(c->start),
                       GST_TIME_ARGS(c->end), c->text);
        g_assert_cmpuint(c->start, >=, end);
        g_assert_cmpuint(c->end - c->start, >=, GST_SECOND);
        g_assert_cmpuint(c->end - c->start, <=, 7 * GST_SECOND);
        end = c->end;
        char **lines = g_strsplit(c->text, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), <=, 2);
        for (char **line = lines; *line; line++)
            g_assert_cmpint(g_utf8_strlen(*line, -1), <=, 42);
        g_strfreev(lines);
    }
}

/* ---- words ---- */

char *plain_words(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; *at; at++) {
        if (g_ascii_isalnum(*at))
            g_string_append_c(out, g_ascii_tolower(*at));
        else if (*at != '\'' && out->len > 0 && out->str[out->len - 1] != ' ')
            g_string_append_c(out, ' ');
    }
    return g_strstrip(g_string_free(out, FALSE));
}

double word_error_rate(const char *truth, const char *text)
{
    char **a = g_strsplit(truth, " ", -1), **b = g_strsplit(text, " ", -1);
    guint n = g_strv_length(a), m = *text ? g_strv_length(b) : 0;
    guint *row = g_new(guint, m + 1);
    for (guint j = 0; j <= m; j++)
        row[j] = j;
    for (guint i = 1; i <= n; i++) {
        guint diagonal = row[0];
        row[0] = i;
        for (guint j = 1; j <= m; j++) {
            guint change = diagonal + (strcmp(a[i - 1], b[j - 1]) != 0);
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    double rate = row[m] / (double)MAX(n, 1);
    g_free(row);
    g_strfreev(a);
    g_strfreev(b);
    return rate;
}

char *speech_truth(const char *name)
{
    char *path = shared_path("media/speech/transcripts.tsv"), *all = NULL, *truth = NULL;
    g_assert_true(g_file_get_contents(path, &all, NULL, NULL));
    char **lines = g_strsplit(all, "\n", -1);
    for (char **line = lines; *line; line++) {
        gsize length = strlen(name);
        if (strncmp(*line, name, length) == 0 && (*line)[length] == '\t')
            truth = g_strstrip(g_strdup(*line + length + 1));
    }
    g_assert_nonnull(truth);
    g_strfreev(lines);
    g_free(all);
    g_free(path);
    return truth;
}

GArray *speech_samples(const char *name)
{
    char *folder = shared_path("media/speech");
    char *launch = g_strdup_printf("filesrc location=\"%s/%s\" ! decodebin ! audioconvert ! "
                                   "audioresample ! " SPEECH_CAPS " ! appsink name=s sync=false",
                                   folder, name);
    GstElement *pipeline = parse_pipeline(launch), *sink = named(pipeline, "s");
    GArray *samples = g_array_new(FALSE, FALSE, sizeof(gfloat));
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    for (;;) {
        GstSample *sample = NULL;
        GstMapInfo map;
        g_signal_emit_by_name(sink, "pull-sample", &sample);
        if (!sample)
            break;
        gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
        g_array_append_vals(samples, map.data, (guint)(map.size / sizeof(gfloat)));
        gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    g_free(launch);
    g_free(folder);
    g_assert_cmpuint(samples->len, >, 0);
    return samples;
}

/* ---- elements ---- */

GstElement *speech_element(void)
{
    char *model = shared_path(SPEECH_MODEL);
    GstElement *element = gst_element_factory_make("foveatranscribe", NULL);
    g_assert_nonnull(element);
    g_object_set(element, "model", model, NULL);
    g_free(model);
    return element;
}

void speech_keep_model(void)
{
    static GstElement *keeper;
    if (keeper)
        return;
    keeper = gst_object_ref_sink(speech_element());
    gst_element_set_state(keeper, GST_STATE_READY);
    /* Silence that is heard to its end: now it is there. */
    Talk talk = talk_new(speech_element());
    talk_silence(&talk, 0.1);
    talk_end(&talk);
    talk_free(&talk);
}

/* ---- a harness ---- */

Talk talk_new(GstElement *transcriber)
{
    Talk talk = {.heard = heard_new(transcriber)};
    talk.text = gst_harness_new_with_element(transcriber, NULL, "text");
    gst_harness_set_drop_buffers(talk.text, TRUE);
    talk.h = gst_harness_new_with_element(transcriber, "sink", "src");
    gst_harness_set_live(talk.h, FALSE);
    gst_harness_set_drop_buffers(talk.h, TRUE);
    gst_harness_set_src_caps_str(talk.h, SPEECH_CAPS);
    return talk;
}

void talk_push(Talk *talk, const gfloat *samples, gsize n, gsize step)
{
    GstClockTime begin = talk->position;
    for (gsize at = 0; at < n; at += step) {
        gsize count = MIN(step, n - at);
        GstBuffer *buffer = gst_buffer_new_memdup(samples + at, count * sizeof *samples);
        GST_BUFFER_PTS(buffer) = begin + gst_util_uint64_scale_int(at, GST_SECOND, 16000);
        talk->position = begin + gst_util_uint64_scale_int(at + count, GST_SECOND, 16000);
        GST_BUFFER_DURATION(buffer) = talk->position - GST_BUFFER_PTS(buffer);
        g_assert_cmpint(gst_harness_push(talk->h, buffer), ==, GST_FLOW_OK);
    }
}

void talk_silence(Talk *talk, double seconds)
{
    gsize n = (gsize)(seconds * 16000);
    gfloat *zeros = g_new0(gfloat, n);
    talk_push(talk, zeros, n, 1600);
    g_free(zeros);
}

void talk_end(Talk *talk)
{
    gst_harness_push_event(talk->h, gst_event_new_eos());
    for (gboolean eos = FALSE; !eos;) {
        GstEvent *event;
        while (!(event = gst_harness_try_pull_event(talk->h)))
            g_usleep(1000);
        eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
    }
    for (guint tries = 0;; tries++) {
        g_mutex_lock(&talk->heard->lock);
        gboolean done = talk->heard->eos;
        g_mutex_unlock(&talk->heard->lock);
        if (done)
            return;
        g_assert_cmpuint(tries, <, 60000);
        g_usleep(1000);
    }
}

void talk_free(Talk *talk)
{
    gst_harness_teardown(talk->text);
    gst_harness_teardown(talk->h);
    heard_free(talk->heard);
}
