/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "speech.h"

#include <string.h>

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include "case.h"

/* What whole-file transcription gets wrong (tests/bench/transcribe.py wer). */
static guint known_wrong(const char *name)
{
    return g_str_equal(name, "librivox_0880.flac")                                       ? 2
           : g_str_equal(name, "LJ001-0006.flac") || g_str_equal(name, "cards_005.flac") ? 1
                                                                                         : 0;
}

static gboolean is_quick(const char *name)
{
    return g_str_equal(name, "jfk.wav") || g_str_equal(name, "librivox_0930.flac");
}

const SpeechClip *speech_clips(guint *n)
{
    static GArray *clips;
    if (clips == NULL) {
        GError *error = NULL;
        g_autofree char *path = g_build_filename(shared_folder(), "media", "speech",
                                                 "transcripts.tsv", NULL);
        g_autofree char *data = NULL;
        g_file_get_contents(path, &data, NULL, &error);
        g_assert_no_error(error);
        clips = g_array_new(FALSE, FALSE, sizeof(SpeechClip));
        g_auto(GStrv) lines = g_strsplit(data, "\n", -1);
        for (guint i = 0; lines[i]; i++) {
            g_auto(GStrv) cells = g_strsplit(g_strchomp(lines[i]), "\t", 0);
            if (g_strv_length(cells) < 2)
                continue;
            SpeechClip clip = {g_intern_string(cells[0]), g_intern_string(cells[1]),
                               known_wrong(cells[0]), is_quick(cells[0])};
            g_array_append_val(clips, clip);
        }
        g_assert_cmpuint(clips->len, >=, 12);
    }
    *n = clips->len;
    return (const SpeechClip *)(gpointer)clips->data;
}

const SpeechClip *speech_clip(const char *name)
{
    guint n;
    const SpeechClip *clips = speech_clips(&n);
    for (guint i = 0; i < n; i++)
        if (g_str_equal(clips[i].name, name))
            return &clips[i];
    g_error("transcripts.tsv does not have %s", name);
}

float *speech_read(const char *name, gsize *n)
{
    GError *error = NULL;
    gst_init(NULL, NULL);
    g_autofree char *path = g_build_filename(shared_folder(), "media", "speech", name, NULL);
    g_autofree char *launch =
        g_strdup_printf("filesrc location=\"%s\" ! decodebin ! audioconvert ! audioresample ! "
                        "audio/x-raw,format=F32LE,layout=interleaved,rate=16000,channels=1 ! "
                        "appsink name=sink sync=false",
                        path);
    g_autoptr(GstElement) pipeline = gst_parse_launch(launch, &error);
    g_assert_no_error(error);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    GByteArray *bytes = g_byte_array_new();
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    for (GstSample *sample; (sample = gst_app_sink_pull_sample(GST_APP_SINK(sink))) != NULL;) {
        GstMapInfo map;
        g_assert_true(gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ));
        g_byte_array_append(bytes, map.data, map.size);
        gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    g_assert_cmpuint(bytes->len, >, 16000);
    *n = bytes->len / sizeof(float);
    return (float *)(gpointer)g_byte_array_free(bytes, FALSE);
}
