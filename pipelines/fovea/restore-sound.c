/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea restore: the sound of a video.
 */
#include <string.h>

#include "fovea/base.h"
#include "restore-video.h"

#define SOUND_BYTES (64u << 20) /* that may wait for the video */

static GstElement *add_queue(Video *v)
{
    GstElement *queue = video_add(v, "queue");
    if (queue)
        g_object_set(queue, "max-size-buffers", 0, "max-size-time", (guint64)0, "max-size-bytes",
                     SOUND_BYTES, NULL);
    return queue;
}

/* TRUE: the muxer has a kind of pad for such a stream. */
static gboolean can_hold(GstElement *mux, GstCaps *caps)
{
    GstPadTemplate *template = gst_element_get_pad_template(mux, "audio_%u");
    GstCaps *can = template ? gst_pad_template_get_caps(template) : NULL;
    gboolean ok = can && gst_caps_is_subset(caps, can);
    if (can)
        gst_caps_unref(can);
    return ok;
}

static gboolean link_sound(Video *v, GstElement *last)
{
    GstElement *queue = add_queue(v);
    return queue && gst_element_link(last, queue) && gst_element_link(queue, v->mux);
}

static gboolean is_aac(GstCaps *caps)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gint version = 0;
    return gst_structure_has_name(s, "audio/mpeg") &&
           gst_structure_get_int(s, "mpegversion", &version) && version != 1;
}

/* AAC can be framed in ways that a muxer does not take: a parser changes that without decoding. */
static gboolean copy_sound(Video *v, GstPad *pad, GstCaps *caps)
{
    if (is_aac(caps)) {
        GstElement *parser = video_add(v, "aacparse");
        return parser && video_link(pad, parser) && link_sound(v, parser);
    }
    GstElement *queue = add_queue(v);
    return queue && video_link(pad, queue) && gst_element_link(queue, v->mux);
}

/* An encoder that is there and whose stream the muxer holds (in the pipeline), or NULL. */
static GstElement *add_sound_encoder(Video *v)
{
    static const char *const names[] = {"fdkaacenc", "avenc_aac", "voaacenc", "opusenc", "flacenc"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        GstElementFactory *factory = gst_element_factory_find(names[i]);
        GstPadTemplate *template = gst_element_get_pad_template(v->mux, "audio_%u");
        GstCaps *can = gst_pad_template_get_caps(template);
        gboolean fits = factory && gst_element_factory_can_src_any_caps(factory, can);
        gst_caps_unref(can);
        if (factory)
            gst_object_unref(factory);
        if (fits)
            return video_add(v, names[i]);
    }
    video_fail(v,
               "its sound cannot be kept: there is no encoder for it (Debian: gstreamer1.0-libav)");
    return NULL;
}

static void on_sound_decoded(GstElement *decoder, GstPad *pad, gpointer data)
{
    Video *v = g_object_get_data(G_OBJECT(decoder), "video");
    if (!video_link(pad, data))
        video_fail(v, "its sound cannot be decoded");
}

static gboolean encode_sound(Video *v, GstPad *pad)
{
    GstElement *decoder = video_add(v, "decodebin"), *convert = NULL;
    GstElement *resample = video_add_row(v, &convert, "audioconvert", "audioresample", NULL);
    GstElement *encoder = resample && decoder ? add_sound_encoder(v) : NULL;
    if (encoder == NULL || !gst_element_link(resample, encoder))
        return FALSE;
    g_object_set_data(G_OBJECT(decoder), "video", v);
    g_signal_connect(decoder, "pad-added", G_CALLBACK(on_sound_decoded), convert);
    return video_link(pad, decoder) && link_sound(v, encoder);
}

gboolean video_add_sound(Video *v, GstPad *pad, GstCaps *caps)
{
    return is_aac(caps) || can_hold(v->mux, caps) ? copy_sound(v, pad, caps) : encode_sound(v, pad);
}
