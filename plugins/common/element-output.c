/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-output.c: caps on both sides, and the new frames of elements that make some.
 */
#include "common/fovea-element-private.h"

/* ---- caps ---- */

static GstCaps *intersect(GstCaps *a, GstCaps *b)
{
    GstCaps *both = gst_caps_intersect_full(a, b, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(a);
    return both;
}

/* What `pad` can have, given what the neighbour on the other side can have. */
GstCaps *fovea_element_query_caps(FoveaElement *self, GstPad *pad, GstCaps *filter)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstPad *other = pad == p->sinkpad ? p->srcpad : p->sinkpad;
    GstCaps *own = gst_pad_get_pad_template_caps(pad);
    GstCaps *caps;
    if (!klass->transform_caps) {
        GstCaps *wanted = filter ? gst_caps_intersect_full(filter, own, GST_CAPS_INTERSECT_FIRST)
                                 : gst_caps_ref(own);
        caps = gst_pad_peer_query_caps(other, wanted);
        gst_caps_unref(wanted);
        caps = intersect(caps, own);
    } else {
        GstCaps *theirs = gst_pad_get_pad_template_caps(other);
        GstCaps *peer = intersect(gst_pad_peer_query_caps(other, NULL), theirs);
        caps = klass->transform_caps(self, GST_PAD_DIRECTION(other), peer);
        gst_caps_unref(peer);
        gst_caps_unref(theirs);
        caps = intersect(caps, own);
    }
    gst_caps_unref(own);
    if (filter) {
        GstCaps *both = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(caps);
        caps = both;
    }
    return caps;
}

/* Fixed caps of the source pad for fixed caps of the sink pad, or NULL. */
static GstCaps *choose_out_caps(FoveaElement *self, GstCaps *in)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (!klass->transform_caps)
        return gst_caps_ref(in);
    GstCaps *own = gst_pad_get_pad_template_caps(p->srcpad);
    GstCaps *can = intersect(klass->transform_caps(self, GST_PAD_SINK, in), own);
    gst_caps_unref(own);
    GstCaps *peer = gst_pad_peer_query_caps(p->srcpad, can);
    can = intersect(can, peer);
    gst_caps_unref(peer);
    if (gst_caps_is_empty(can)) {
        gst_caps_unref(can);
        return NULL;
    }
    return gst_caps_fixate(can);
}

static gboolean read_infos(FoveaElement *self, GstCaps *in, GstCaps *out)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (FOVEA_ELEMENT_GET_CLASS(self)->mode == FOVEA_MODE_WINDOW) {
        GstAudioInfo info;
        if (!gst_audio_info_from_caps(&info, in))
            return FALSE;
        g_mutex_lock(&p->lock);
        p->audio.info = info;
        g_mutex_unlock(&p->lock);
        return TRUE;
    }
    return gst_video_info_from_caps(&p->in_info, in) && gst_video_info_from_caps(&p->out_info, out);
}

static gboolean apply_caps(FoveaElement *self, GstCaps *in, guint32 seqnum)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    GError *error = NULL;
    GstCaps *out = choose_out_caps(self, in);
    if (!out || !read_infos(self, in, out)) {
        GST_ELEMENT_ERROR(
            self, CORE, NEGOTIATION,
            ("No common format was found with the elements before and after."),
            ("input caps %" GST_PTR_FORMAT ", output caps %" GST_PTR_FORMAT, in, out));
        gst_clear_caps(&out);
        return FALSE;
    }
    if (klass->set_caps && !klass->set_caps(self, in, out, &error)) {
        if (!error)
            error = g_error_new_literal(FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                                        "This format cannot be processed.");
        if (!fovea_element_cancelled(self))
            fovea_element_post_error(self, GST_MESSAGE_ERROR, error);
        g_clear_error(&error);
        gst_caps_unref(out);
        return FALSE;
    }
    gst_caps_replace(&p->in_caps, in);
    gboolean changed = !p->out_caps || !gst_caps_is_equal(p->out_caps, out);
    gst_caps_replace(&p->out_caps, out);
    p->negotiated = TRUE;
    if (!klass->passthrough) {
        if (changed)
            fovea_element_drop_pool(p);
        GstEvent *event = gst_event_new_caps(out);
        gst_event_set_seqnum(event, seqnum);
        fovea_element_push_event(self, p->srcpad, event);
    }
    gst_caps_unref(out);
    return TRUE;
}

/* Makes ready for the caps of the event. */
gboolean fovea_element_negotiate(FoveaElement *self, GstEvent *event)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstCaps *caps;
    gst_event_parse_caps(event, &caps);
    gboolean same = p->negotiated && p->in_caps && gst_caps_is_equal(p->in_caps, caps);
    gboolean ok = same;
    if (!same) {
        fovea_element_drain_task(self);
        p->negotiated = FALSE;
        ok = fovea_element_load_wait(self) && apply_caps(self, caps, gst_event_get_seqnum(event));
    }
    return ok;
}

/* ---- new frames ---- */

void fovea_element_drop_pool(FoveaElementPrivate *p)
{
    if (!p->pool)
        return;
    gst_buffer_pool_set_active(p->pool, FALSE);
    gst_clear_object(&p->pool);
}

static gboolean configure(GstBufferPool *pool, GstQuery *query, GstCaps *caps, guint size,
                          guint min, guint max)
{
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps, size, min, max);
    if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL) &&
        gst_buffer_pool_has_option(pool, GST_BUFFER_POOL_OPTION_VIDEO_META))
        gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    if (gst_buffer_pool_set_config(pool, config))
        return TRUE;
    /* The pool has changed what we asked for; take it if the size still holds. */
    config = gst_buffer_pool_get_config(pool);
    if (!gst_buffer_pool_config_validate_params(config, caps, size, min, max)) {
        gst_structure_free(config);
        return FALSE;
    }
    return gst_buffer_pool_set_config(pool, config);
}

static GstBufferPool *make_pool(FoveaElementPrivate *p)
{
    GstQuery *query = gst_query_new_allocation(p->out_caps, TRUE);
    GstBufferPool *pool = NULL;
    guint size = (guint)GST_VIDEO_INFO_SIZE(&p->out_info), min = 0, max = 0;
    if (gst_pad_peer_query(p->srcpad, query) && gst_query_get_n_allocation_pools(query) > 0) {
        gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
        size = MAX(size, (guint)GST_VIDEO_INFO_SIZE(&p->out_info));
    }
    if (pool && !configure(pool, query, p->out_caps, size, min, max))
        gst_clear_object(&pool);
    if (!pool) {
        pool = gst_video_buffer_pool_new();
        size = (guint)GST_VIDEO_INFO_SIZE(&p->out_info);
        if (!configure(pool, query, p->out_caps, size, 0, 0))
            gst_clear_object(&pool);
    }
    gst_query_unref(query);
    if (pool && !gst_buffer_pool_set_active(pool, TRUE))
        gst_clear_object(&pool);
    return pool;
}

/* Metadata that describes the stream or the picture's content follows; its regions are scaled. */
static gboolean copy_meta(GstBuffer *in, GstMeta **meta, gpointer data)
{
    FoveaElementPrivate *p = ((gpointer *)data)[0];
    GstBuffer *out = ((gpointer *)data)[1];
    const GstMetaInfo *info = (*meta)->info;
    if (!info->transform_func || gst_meta_api_type_has_tag(info->api, GST_META_TAG_MEMORY) ||
        info->api == GST_VIDEO_META_API_TYPE)
        return TRUE;
    if (gst_meta_api_type_has_tag(info->api, g_quark_from_string(GST_META_TAG_VIDEO_SIZE_STR))) {
        GstVideoMetaTransform scale = {.in_info = &p->in_info, .out_info = &p->out_info};
        info->transform_func(out, *meta, in, gst_video_meta_transform_scale_get_quark(), &scale);
    } else {
        GstMetaTransformCopy copy = {.region = FALSE, .offset = 0, .size = -1};
        info->transform_func(out, *meta, in, _gst_meta_transform_copy, &copy);
    }
    return TRUE;
}

GstBuffer *fovea_element_new_frame(FoveaElement *self, GstBuffer *in)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GstBuffer *out = NULL;
    if (gst_pad_check_reconfigure(p->srcpad)) {
        GstCaps *caps = gst_caps_ref(p->in_caps);
        gboolean ok = apply_caps(self, caps, gst_util_seqnum_next());
        gst_caps_unref(caps);
        fovea_element_drop_pool(p);
        if (!ok) {
            fovea_element_fail(self, GST_FLOW_NOT_NEGOTIATED);
            return NULL;
        }
    }
    if (!p->pool)
        p->pool = make_pool(p);
    GstFlowReturn flow = GST_FLOW_ERROR;
    if (p->pool)
        flow = gst_buffer_pool_acquire_buffer(p->pool, &out, NULL);
    if (flow == GST_FLOW_OK) {
        gpointer data[2] = {p, out};
        gst_buffer_copy_into(out, in, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
        gst_buffer_foreach_meta(in, copy_meta, data);
        return out;
    }
    if (flow == GST_FLOW_ERROR && !fovea_element_cancelled(self))
        GST_ELEMENT_ERROR(self, RESOURCE, FAILED, ("There is no memory for a new frame."),
                          ("output caps %" GST_PTR_FORMAT, p->out_caps));
    fovea_element_fail(self, flow);
    return NULL;
}
