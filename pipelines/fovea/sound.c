/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * filesrc ! decodebin ! audioconvert ! audioresample ! appsink, pulled from the calling thread.
 */
#include "sound.h"

#include "fovea/base.h"

#ifdef HAVE_GST
#include <errno.h>
#include <fcntl.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <string.h>
#include <unistd.h>

#define HOLE_MS 40            /* shorter ones are how the file's times are rounded */
#define LONGEST_WAIT_MS 15000 /* for more sound; some broken files neither go on nor end */
#define LONGEST_HOLE_S 86400u /* a time beyond is a broken one */

typedef struct Reader {
    const char *path;
    gint rate;
    Sound *sound;
    gsize room;
    GstElement *pipeline, *convert, *sink;
    gint linked; /* atomic: a pad with sound came */
} Reader;

static gboolean fail(const Reader *r, GError **error, FoveaError code, const char *what)
{
    g_set_error(error, FOVEA_ERROR, code, "%s: %s", r->path, what);
    return FALSE;
}

static void on_pad(GstElement *decoder, GstPad *pad, gpointer data)
{
    Reader *r = data;
    GstPad *to = gst_element_get_static_pad(r->convert, "sink");
    if (!gst_pad_is_linked(to) && gst_pad_link(pad, to) == GST_PAD_LINK_OK)
        g_atomic_int_set(&r->linked, 1);
    gst_object_unref(to);
}

static GstElement *add(Reader *r, const char *factory, GError **error)
{
    GstElement *element = gst_element_factory_make(factory, NULL);
    if (element != NULL)
        gst_bin_add(GST_BIN(r->pipeline), element);
    else
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                    "%s cannot be read: GStreamer's element %s is missing (Debian: "
                    "gstreamer1.0-plugins-base)",
                    r->path, factory);
    return element;
}

static gboolean build(Reader *r, GError **error)
{
    GstElement *source, *decoder, *resample;
    r->pipeline = gst_object_ref_sink(gst_pipeline_new("sound"));
    if ((source = add(r, "filesrc", error)) == NULL ||
        (decoder = add(r, "decodebin", error)) == NULL ||
        (r->convert = add(r, "audioconvert", error)) == NULL ||
        (resample = add(r, "audioresample", error)) == NULL ||
        (r->sink = add(r, "appsink", error)) == NULL)
        return FALSE;
    GstCaps *sound = gst_caps_new_empty_simple("audio/x-raw");
    GstCaps *wanted = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING,
                                          G_BYTE_ORDER == G_LITTLE_ENDIAN ? "F32LE" : "F32BE",
                                          "layout", G_TYPE_STRING, "interleaved", "channels",
                                          G_TYPE_INT, 1, "rate", G_TYPE_INT, r->rate, NULL);
    g_object_set(source, "location", r->path, NULL);
    g_object_set(decoder, "caps", sound, "expose-all-streams", FALSE, NULL);
    g_object_set(r->sink, "caps", wanted, "sync", FALSE, "max-buffers", 64, NULL);
    gst_caps_unref(sound);
    gst_caps_unref(wanted);
    g_signal_connect(decoder, "pad-added", G_CALLBACK(on_pad), r);
    if (!gst_element_link(source, decoder) ||
        !gst_element_link_many(r->convert, resample, r->sink, NULL))
        return fail(r, error, FOVEA_ERROR_FAILED, "the pipeline cannot be built");
    return TRUE;
}

/* Room for n more samples. */
static gboolean grow(Reader *r, gsize n, GError **error)
{
    if (n <= r->room - r->sound->n)
        return TRUE;
    gsize room = MAX(r->room + r->room / 2, r->sound->n + n);
    gfloat *more = g_try_renew(gfloat, r->sound->samples, room);
    if (more == NULL)
        return fail(r, error, FOVEA_ERROR_NO_MEMORY, "its sound does not fit into memory");
    r->sound->samples = more;
    r->room = room;
    return TRUE;
}

/* Silence up to the buffer's time. */
static gboolean fill_hole(Reader *r, GstSample *sample, GError **error)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    GstSegment *segment = gst_sample_get_segment(sample);
    if (!GST_BUFFER_PTS_IS_VALID(buffer) || segment == NULL || segment->format != GST_FORMAT_TIME)
        return TRUE;
    guint64 time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (!GST_CLOCK_TIME_IS_VALID(time))
        return TRUE;
    guint64 at = gst_util_uint64_scale(time, (guint64)r->rate, GST_SECOND);
    if (at <= r->sound->n + (guint64)r->rate * HOLE_MS / 1000)
        return TRUE;
    if (at - r->sound->n > (guint64)r->rate * LONGEST_HOLE_S)
        return fail(r, error, FOVEA_ERROR_FAILED, "its times jump by more than a day");
    gsize n = (gsize)(at - r->sound->n);
    if (!grow(r, n, error))
        return FALSE;
    memset(r->sound->samples + r->sound->n, 0, n * sizeof(gfloat));
    r->sound->n += n;
    return TRUE;
}

static gboolean take(Reader *r, GstSample *sample, GError **error)
{
    GstMapInfo map;
    if (!fill_hole(r, sample, error))
        return FALSE;
    if (!gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ))
        return fail(r, error, FOVEA_ERROR_FAILED, "its sound cannot be read");
    gsize n = map.size / sizeof(gfloat);
    gboolean ok = grow(r, n, error);
    if (ok) {
        memcpy(r->sound->samples + r->sound->n, map.data, n * sizeof(gfloat));
        r->sound->n += n;
    }
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
    return ok;
}

static gboolean say(const Reader *r, GstMessage *message, GError **error)
{
    GError *said = NULL;
    gst_message_parse_error(message, &said, NULL);
    if (g_error_matches(said, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND) ||
        g_error_matches(said, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE))
        fail(r, error, FOVEA_ERROR_UNSUPPORTED, "this is no media file that GStreamer knows");
    else if (!g_atomic_int_get(&r->linked) &&
             (said->domain == GST_STREAM_ERROR || said->domain == GST_CORE_ERROR))
        fail(r, error, FOVEA_ERROR_UNSUPPORTED,
             "there is no sound in it that the installed GStreamer plugins decode");
    else
        fail(r, error, FOVEA_ERROR_FAILED, said->message);
    g_error_free(said);
    return FALSE;
}

/* An error on the bus, or TRUE. `wait`: for an error or the end. */
static gboolean listen(const Reader *r, GstBus *bus, gboolean wait, gboolean *ended, GError **error)
{
    GstMessage *message = gst_bus_timed_pop_filtered(bus, wait ? 100 * GST_MSECOND : 0,
                                                     GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    gboolean ok = TRUE;
    if (message == NULL)
        return TRUE;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        ok = say(r, message, error);
    else
        *ended = TRUE;
    gst_message_unref(message);
    return ok;
}

static gboolean pull_all(Reader *r, GError **error)
{
    GstBus *bus = gst_element_get_bus(r->pipeline);
    gboolean ended = FALSE, ok = TRUE;
    gint64 now = g_get_monotonic_time(), last = now;
    gst_element_set_state(r->pipeline, GST_STATE_PLAYING);
    while (ok && !ended) {
        GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(r->sink), 100 * GST_MSECOND);
        gsize before = r->sound->n;
        gboolean eos = sample == NULL && gst_app_sink_is_eos(GST_APP_SINK(r->sink));
        ok = (sample == NULL || take(r, sample, error)) &&
             listen(r, bus, sample == NULL && !eos, &ended, error);
        ended |= eos;
        if (sample != NULL)
            gst_sample_unref(sample);
        now = g_get_monotonic_time();
        if (r->sound->n > before)
            last = now;
        else if (ok && !ended && now - last > LONGEST_WAIT_MS * G_GINT64_CONSTANT(1000))
            ok = fail(r, error, FOVEA_ERROR_FAILED, "reading it came to a stand");
    }
    gst_object_unref(bus);
    return ok;
}

/* What can be said before a pipeline tries. */
static gboolean check_file(const char *path, GError **error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || g_file_test(path, G_FILE_TEST_IS_DIR)) {
        const char *why = file < 0 ? g_strerror(errno) : "it is a folder";
        if (file >= 0)
            close(file);
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be read: %s", path, why);
        return FALSE;
    }
    close(file);
    return TRUE;
}

gboolean sound_read(const char *path, gint rate, Sound *sound, GError **error)
{
    Reader r = {.path = path, .rate = rate, .sound = sound};
    memset(sound, 0, sizeof *sound);
    if (!check_file(path, error) || !gst_init_check(NULL, NULL, error))
        return FALSE;
    gboolean ok = build(&r, error) && pull_all(&r, error);
    gst_element_set_state(r.pipeline, GST_STATE_NULL);
    gst_object_unref(r.pipeline);
    if (ok && sound->n == 0)
        ok = fail(&r, error, FOVEA_ERROR_UNSUPPORTED, "there is no sound in it");
    if (!ok)
        sound_clear(sound);
    return ok;
}
#else
gboolean sound_read(const char *path, gint rate, Sound *sound, GError **error)
{
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                "%s cannot be read: this build of Fovea has no GStreamer (option plugins)", path);
    return FALSE;
}
#endif

void sound_clear(Sound *sound)
{
    g_clear_pointer(&sound->samples, g_free);
    sound->n = 0;
}
