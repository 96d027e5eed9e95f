/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-queue.c: buffers, events and queries in the order in which they arrived.
 */
#include "common/fovea-element-private.h"

/* Whether an item still counts as work for the model. */
static gboolean is_inferable(const FoveaItem *item)
{
    return item->kind == FOVEA_ITEM_BUFFER && item->infer && !item->skip;
}

static void account(FoveaElementPrivate *p, const FoveaItem *item, gint sign)
{
    if (item->kind != FOVEA_ITEM_BUFFER)
        return;
    p->waiting += sign;
    p->waiting_bytes += sign * (gssize)gst_buffer_get_size(GST_BUFFER_CAST(item->object));
    if (is_inferable(item))
        p->inferable += sign;
}

void fovea_item_free(FoveaItem *item)
{
    if (item->object)
        gst_mini_object_unref(item->object);
    g_free(item);
}

void fovea_queue_push(FoveaElementPrivate *p, FoveaItem *item)
{
    item->generation = p->generation;
    g_queue_push_tail(&p->queue, item);
    account(p, item, 1);
    g_cond_broadcast(&p->changed);
}

FoveaItem *fovea_queue_pop(FoveaElementPrivate *p)
{
    while (!p->stopping && (p->flushing || g_queue_is_empty(&p->queue)))
        g_cond_wait(&p->changed, &p->lock);
    if (p->stopping)
        return NULL;
    FoveaItem *item = g_queue_pop_head(&p->queue);
    account(p, item, -1);
    g_cond_broadcast(&p->changed);
    return item;
}

void fovea_queue_skip(FoveaElementPrivate *p, FoveaItem *item)
{
    account(p, item, -1);
    item->skip = TRUE;
    account(p, item, 1);
}

void fovea_queue_drop(FoveaElementPrivate *p, GList *link)
{
    FoveaItem *item = link->data;
    account(p, item, -1);
    g_queue_delete_link(&p->queue, link);
    fovea_item_free(item);
}

/* What nobody would send again after a flush: caps, tags, the start of the stream. */
gboolean fovea_event_survives(GstEvent *event)
{
    GstEventType type = GST_EVENT_TYPE(event);
    return GST_EVENT_IS_STICKY(event) && type != GST_EVENT_SEGMENT && type != GST_EVENT_EOS;
}

void fovea_queue_clear(FoveaElementPrivate *p, gboolean all)
{
    GList *next;
    for (GList *link = p->queue.head; link; link = next) {
        FoveaItem *item = link->data;
        next = link->next;
        if (!all && item->kind == FOVEA_ITEM_EVENT &&
            fovea_event_survives(GST_EVENT_CAST(item->object))) {
            item->generation = p->generation;
            continue;
        }
        account(p, item, -1);
        if (item->kind == FOVEA_ITEM_QUERY)
            item->query->done = TRUE;
        g_queue_delete_link(&p->queue, link);
        fovea_item_free(item);
    }
    g_cond_broadcast(&p->changed);
}
