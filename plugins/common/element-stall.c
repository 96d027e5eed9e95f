/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-stall.c: a pipeline that waits for itself. A muxer or an overlay waits for text; the text
 * waits for sound; the sound, or what its demuxer has to send before, waits in front of a queue that
 * is full. Nothing will ever move again, and nobody says why: so we do.
 */
#include "common/fovea-element-private.h"

#define PATIENCE (2 * G_TIME_SPAN_SECOND)
#define MAX_DEPTH 32

/* ---- full queues ---- */

static guint64 number(gpointer object, const char *name)
{
    GValue value = G_VALUE_INIT, wide = G_VALUE_INIT;
    if (!g_object_class_find_property(G_OBJECT_GET_CLASS(object), name))
        return 0;
    g_object_get_property(object, name, &value);
    g_value_init(&wide, G_TYPE_UINT64);
    guint64 result = g_value_transform(&value, &wide) ? g_value_get_uint64(&wide) : 0;
    g_value_unset(&value);
    g_value_unset(&wide);
    return result;
}

/* The limit that is reached ("time", ...), or NULL. levels: the queue, or a pad of a multiqueue. */
static const char *full_by(GstElement *queue, gpointer levels)
{
    static const char *const kinds[] = {"time", "buffers", "bytes"};
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        char *maximum = g_strconcat("max-size-", kinds[i], NULL);
        char *current = g_strconcat("current-level-", kinds[i], NULL);
        guint64 limit = number(queue, maximum), level = number(levels, current);
        g_free(maximum);
        g_free(current);
        if (limit > 0 && level >= limit)
            return kinds[i];
    }
    return NULL;
}

static const char *why_full(GstElement *element)
{
    GstElementFactory *factory = gst_element_get_factory(element);
    const char *name = factory ? GST_OBJECT_NAME(factory) : "";
    const char *why = NULL;
    if (g_str_equal(name, "queue") || g_str_equal(name, "queue2"))
        return full_by(element, element);
    if (!g_str_equal(name, "multiqueue"))
        return NULL;
    GST_OBJECT_LOCK(element);
    GList *pads = g_list_copy_deep(element->sinkpads, (GCopyFunc)(void (*)(void))gst_object_ref,
                                   NULL);
    GST_OBJECT_UNLOCK(element);
    for (GList *at = pads; at && !why; at = at->next)
        why = full_by(element, at->data);
    g_list_free_full(pads, gst_object_unref);
    return why;
}

static GstElement *topmost(FoveaElement *self)
{
    GstObject *top = gst_object_ref(GST_OBJECT(self)), *parent;
    while ((parent = gst_object_get_parent(top))) {
        gst_object_unref(top);
        top = parent;
    }
    return GST_ELEMENT_CAST(top);
}

/* The queue that follows the pad, through elements with one source pad each (transfer full). */
static GstElement *full_after(GstPad *pad, const char **why)
{
    GstPad *source = gst_object_ref(pad);
    for (guint depth = 0; source && depth < MAX_DEPTH; depth++) {
        GstPad *peer = gst_pad_get_peer(source);
        GstElement *element = peer ? gst_pad_get_parent_element(peer) : NULL;
        gst_object_unref(source);
        source = NULL;
        gst_clear_object(&peer);
        if (!element)
            return NULL;
        *why = why_full(element);
        if (*why)
            return element;
        GST_OBJECT_LOCK(element);
        if (element->numsrcpads == 1)
            source = gst_object_ref(element->srcpads->data);
        GST_OBJECT_UNLOCK(element);
        gst_object_unref(element);
    }
    gst_clear_object(&source);
    return NULL;
}

/* Any full queue of the pipeline (transfer full). */
static GstElement *full_anywhere(GstElement *top, const char **why)
{
    GstElement *found = NULL;
    if (!GST_IS_BIN(top))
        return NULL;
    GstIterator *all = gst_bin_iterate_recurse(GST_BIN(top));
    GValue item = G_VALUE_INIT;
    while (!found && gst_iterator_next(all, &item) == GST_ITERATOR_OK) {
        GstElement *element = g_value_get_object(&item);
        *why = why_full(element);
        if (*why)
            found = gst_object_ref(element);
        g_value_reset(&item);
    }
    g_value_unset(&item);
    gst_iterator_free(all);
    return found;
}

/* ---- the check ---- */

/* A pipeline that somebody has paused may rest as long as it likes. */
static gboolean is_meant_to_move(GstElement *top)
{
    GST_OBJECT_LOCK(top);
    gboolean moves = GST_STATE(top) == GST_STATE_PLAYING ||
                     GST_STATE_RETURN(top) == GST_STATE_CHANGE_ASYNC;
    GST_OBJECT_UNLOCK(top);
    return moves;
}

/* Nothing moves for a while, though the text is not settled. */
static gboolean is_stuck(FoveaElementPrivate *p, gboolean *blocked)
{
    gint64 now = g_get_monotonic_time();
    g_mutex_lock(&p->lock);
    const FoveaStall *s = &p->stall;
    gboolean idle = !p->worker.busy && g_queue_is_empty(&p->worker.queue) &&
                    now - s->text > PATIENCE;
    *blocked = s->push_since && now - s->push_since > PATIENCE;
    gboolean starved = !s->push_since && s->input && now - s->input > PATIENCE && !p->live;
    gboolean settled = !GST_CLOCK_TIME_IS_VALID(s->position) ||
                       (GST_CLOCK_TIME_IS_VALID(p->text.position) &&
                        p->text.position >= s->position);
    gboolean stuck = idle && !s->told && !s->ended && !p->flushing && !settled &&
                     (*blocked || starved);
    g_mutex_unlock(&p->lock);
    return stuck;
}

static void warn(FoveaElement *self, GstElement *queue, const char *why)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    gboolean told = p->stall.told;
    p->stall.told = TRUE;
    g_mutex_unlock(&p->lock);
    if (told)
        return;
    char *what = queue ? g_strdup_printf("\"%s\" is full (max-size-%s): let it hold more than the "
                                         "text is late, for instance max-size-time=60000000000 "
                                         "max-size-buffers=0 max-size-bytes=0",
                                         GST_OBJECT_NAME(queue), why)
                       : g_strdup("put a queue after the sound that holds more than the text is "
                                  "late, for instance queue max-size-time=60000000000 "
                                  "max-size-buffers=0 max-size-bytes=0");
    GST_ELEMENT_WARNING(self, STREAM, FAILED,
                        ("Downstream seems to wait for text that is not settled yet, and the sound "
                         "that settles it does not come through: %s.",
                         what),
                        ("text is settled up to %" GST_TIME_FORMAT ", sound went out up to "
                         "%" GST_TIME_FORMAT,
                         GST_TIME_ARGS(p->text.position), GST_TIME_ARGS(p->stall.position)));
    g_free(what);
}

void fovea_stall_check(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    gboolean blocked;
    if (!gst_pad_is_linked(p->text.pad) || !is_stuck(p, &blocked))
        return;
    GstElement *top = topmost(self);
    const char *why = NULL;
    if (is_meant_to_move(top)) {
        GstElement *queue = full_after(p->srcpad, &why);
        if (!queue)
            queue = full_anywhere(top, &why);
        /* Where nothing is full, a source that is only slow looks the same. */
        if (queue || blocked)
            warn(self, queue, why);
        gst_clear_object(&queue);
    }
    gst_object_unref(top);
}
