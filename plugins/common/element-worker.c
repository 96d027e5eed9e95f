/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-worker.c: sound beside the stream. The source pad's task passes each buffer on at once
 * and leaves a reference here; this thread cuts windows of it and lets the task process them.
 */
#include "common/fovea-element-private.h"

/* ---- what the source pad's task does ---- */

static GstClockTime duration_of(FoveaWorker *w, GstBuffer *buffer)
{
    return gst_util_uint64_scale_int(gst_buffer_get_size(buffer) /
                                         (gsize)GST_AUDIO_INFO_BPF(&w->info),
                                     GST_SECOND, GST_AUDIO_INFO_RATE(&w->info));
}

/* Takes a buffer out of the count; with `lock` held. */
static void uncount(FoveaWorker *w, const FoveaItem *item)
{
    if (item->kind != FOVEA_ITEM_BUFFER)
        return;
    w->waiting--;
    w->time -= item->duration;
}

/* The oldest half of what may wait gives way at once, so that the rest joins: of a little here and
 * a little there nothing could be understood. With `lock` held. */
static void skip_oldest(FoveaElementPrivate *p)
{
    FoveaWorker *w = &p->worker;
    GstClockTime keep = fovea_policy_sound_limit(p) / 2;
    GList *next;
    for (GList *link = w->queue.head; link; link = next) {
        FoveaItem *item = link->data;
        next = link->next;
        if (item->kind != FOVEA_ITEM_BUFFER)
            continue;
        if (w->waiting == 0 || w->time <= keep) {
            item->discont = TRUE;
            w->skipped = FALSE;
            return;
        }
        uncount(w, item);
        p->stats.skipped++;
        p->stats.skipped_time += item->duration;
        g_queue_delete_link(&w->queue, link);
        fovea_item_free(item);
    }
    w->skipped = TRUE;
}

static gboolean too_far_behind(FoveaElementPrivate *p, const FoveaItem *item)
{
    return item->kind == FOVEA_ITEM_BUFFER && p->worker.waiting > 0 &&
           p->worker.time + item->duration > fovea_policy_sound_limit(p);
}

void fovea_worker_put(FoveaElement *self, const FoveaItem *like, gpointer object)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaWorker *w = &p->worker;
    FoveaItem *item = g_memdup2(like, sizeof *like);
    item->object = object;
    if (item->kind == FOVEA_ITEM_BUFFER)
        item->duration = duration_of(w, object);
    g_mutex_lock(&p->lock);
    while (fovea_element_is_current(p, like->generation) && too_far_behind(p, item)) {
        if (fovea_policy_effective(p) == FOVEA_OVERLOAD_BLOCK)
            g_cond_wait(&p->changed, &p->lock);
        else
            skip_oldest(p);
    }
    /* What survives a flush is known by its generation, which the flush renews in the queue. */
    gboolean late = p->generation != like->generation &&
                    !(item->kind == FOVEA_ITEM_EVENT && fovea_event_survives(object));
    if (!late && !p->stopping) {
        if (item->kind == FOVEA_ITEM_BUFFER) {
            w->waiting++;
            w->time += item->duration;
            item->discont |= w->skipped;
            w->skipped = FALSE;
        }
        item->generation = p->generation;
        g_queue_push_tail(&w->queue, g_steal_pointer(&item));
        g_cond_broadcast(&p->changed);
    }
    g_mutex_unlock(&p->lock);
    if (item)
        fovea_item_free(item);
}

void fovea_worker_wait(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    while (fovea_element_is_current(p, p->task_generation) &&
           (p->worker.busy || !g_queue_is_empty(&p->worker.queue)))
        g_cond_wait(&p->changed, &p->lock);
    g_mutex_unlock(&p->lock);
}

void fovea_worker_flush(FoveaElementPrivate *p, gboolean all)
{
    FoveaWorker *w = &p->worker;
    GList *next;
    for (GList *link = w->queue.head; link; link = next) {
        FoveaItem *item = link->data;
        next = link->next;
        if (!all && item->kind == FOVEA_ITEM_EVENT &&
            fovea_event_survives(GST_EVENT_CAST(item->object))) {
            item->generation = p->generation;
            continue;
        }
        uncount(w, item);
        g_queue_delete_link(&w->queue, link);
        fovea_item_free(item);
    }
    w->skipped = FALSE;
    g_cond_broadcast(&p->changed);
}

void fovea_worker_tell(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaWorker *w = &p->worker;
    g_mutex_lock(&p->lock);
    guint64 skipped = p->stats.skipped;
    GstClockTime time = p->stats.skipped_time;
    g_mutex_unlock(&p->lock);
    gint64 now = g_get_monotonic_time();
    if (skipped == w->told_skipped || (w->told && now - w->told < G_USEC_PER_SEC))
        return;
    if (!w->told)
        GST_ELEMENT_WARNING(
            self, STREAM, FAILED,
            ("The device is too slow for this live sound: parts of it are skipped "
             "(counted in the property stats)."),
            ("%" G_GUINT64_FORMAT " buffers, %" GST_TIME_FORMAT, skipped, GST_TIME_ARGS(time)));
    gst_element_post_message(
        GST_ELEMENT(self),
        gst_message_new_element(
            GST_OBJECT(self), gst_structure_new("fovea-overload", "skipped", G_TYPE_UINT64, skipped,
                                                "skipped-time", G_TYPE_UINT64, time, NULL)));
    w->told = now;
    w->told_skipped = skipped;
}

/* ---- the thread ---- */

static FoveaItem *next_item(FoveaElementPrivate *p)
{
    FoveaWorker *w = &p->worker;
    g_mutex_lock(&p->lock);
    w->busy = FALSE;
    g_cond_broadcast(&p->changed);
    while (!p->stopping && (p->flushing || g_queue_is_empty(&w->queue)))
        g_cond_wait(&p->changed, &p->lock);
    FoveaItem *item = p->stopping ? NULL : g_queue_pop_head(&w->queue);
    if (item) {
        uncount(w, item);
        w->busy = TRUE;
        w->generation = item->generation;
        /* The flush that cancelled is over. */
        if (fovea_element_is_current(p, item->generation))
            g_cancellable_reset(p->cancel);
        g_cond_broadcast(&p->changed);
    }
    g_mutex_unlock(&p->lock);
    return item;
}

static gpointer work(gpointer data)
{
    FoveaElement *self = data;
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaItem *item;
    while ((item = next_item(p))) {
        switch (item->kind) {
        case FOVEA_ITEM_BUFFER:
            p->current = item->number;
            fovea_element_handle_audio(self, item, GST_BUFFER_CAST(g_steal_pointer(&item->object)));
            break;
        case FOVEA_ITEM_EVENT: fovea_element_work_event(self, GST_EVENT_CAST(item->object)); break;
        case FOVEA_ITEM_RESET: fovea_element_forget(self); break;
        case FOVEA_ITEM_QUERY: break;
        }
        fovea_item_free(item);
    }
    return NULL;
}

void fovea_worker_start(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (FOVEA_ELEMENT_GET_CLASS(self)->mode != FOVEA_MODE_WINDOW)
        return;
    gst_audio_info_init(&p->worker.info);
    p->worker.told = 0;
    p->worker.told_skipped = 0;
    p->worker.thread = g_thread_new("fovea-sound", work, self);
}

void fovea_worker_stop(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    if (p->worker.thread)
        g_thread_join(p->worker.thread);
    p->worker.thread = NULL;
    p->worker.busy = FALSE;
}

void fovea_element_set_backlog(FoveaElement *self, GstClockTime backlog)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    p->worker.backlog = backlog;
    g_mutex_unlock(&p->lock);
}
