/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arena offsets: values whose life times do not overlap share memory. One walk over the steps with
 * a list of free ranges, best fit.
 */
#include "graph/plan-internal.h"

#define ALIGNMENT 256

typedef struct {
    guint64 offset, bytes;
} Range;

typedef struct {
    FoveaPlace *place;
    guint64 bytes;
} Item;

static gint by_first(gconstpointer a, gconstpointer b)
{
    const Item *x = a, *y = b;
    if (x->place->first != y->place->first)
        return x->place->first < y->place->first ? -1 : 1;
    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static gint by_last(gconstpointer a, gconstpointer b, gpointer data)
{
    const Item *items = data, *x = &items[*(const guint *)a], *y = &items[*(const guint *)b];
    return x->place->last < y->place->last ? -1 : x->place->last > y->place->last;
}

/* Gives a range back, joined with its neighbours. The list is sorted by offset. */
static void release(GArray *free_list, guint64 offset, guint64 bytes)
{
    guint at = 0;
    while (at < free_list->len && g_array_index(free_list, Range, at).offset < offset)
        at++;
    Range range = {offset, bytes};
    g_array_insert_val(free_list, at, range);
    Range *r = &g_array_index(free_list, Range, 0);
    if (at + 1 < free_list->len && r[at].offset + r[at].bytes == r[at + 1].offset) {
        r[at].bytes += r[at + 1].bytes;
        g_array_remove_index(free_list, at + 1);
    }
    if (at > 0 && r[at - 1].offset + r[at - 1].bytes == r[at].offset) {
        r[at - 1].bytes += r[at].bytes;
        g_array_remove_index(free_list, at);
    }
}

/* The smallest free range that fits, else the end of the arena (growing a last free range). */
static guint64 take(GArray *free_list, guint64 bytes, guint64 *end)
{
    gint best = -1;
    for (guint i = 0; i < free_list->len; i++) {
        guint64 have = g_array_index(free_list, Range, i).bytes;
        if (have >= bytes &&
            (best < 0 || have < g_array_index(free_list, Range, (guint)best).bytes))
            best = (gint)i;
    }
    if (best >= 0) {
        Range *range = &g_array_index(free_list, Range, (guint)best);
        guint64 offset = range->offset;
        range->offset += bytes;
        range->bytes -= bytes;
        if (range->bytes == 0)
            g_array_remove_index(free_list, (guint)best);
        return offset;
    }
    guint64 offset = *end;
    if (free_list->len > 0) {
        Range *last = &g_array_index(free_list, Range, free_list->len - 1);
        if (last->offset + last->bytes == *end) {
            offset = last->offset;
            g_array_set_size(free_list, free_list->len - 1);
        }
    }
    *end = offset + bytes;
    return offset;
}

static GArray *collect(FoveaProgram *program, FoveaSide side, GError **error)
{
    GArray *items = g_array_new(FALSE, FALSE, sizeof(Item));
    for (guint i = 0; i < program->graph->values->len; i++) {
        FoveaValue *value = g_ptr_array_index(program->graph->values, i);
        FoveaPlace *place = &program->place[side][i];
        if (!place->used || place->root != value || value->constant != NULL)
            continue;
        guint64 size = fovea_dtype_size(place->store);
        if (place->elements < 0 || (guint64)place->elements > (G_MAXINT64 / 4) / size) {
            fovea_fail(error, FOVEA_ERROR_NO_MEMORY, "'%s' would be too large", value->name);
            g_array_free(items, TRUE);
            return NULL;
        }
        guint64 bytes = (guint64)place->elements * size;
        Item item = {place, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT};
        item.bytes = MAX(item.bytes, ALIGNMENT);
        g_array_append_val(items, item);
    }
    return items;
}

gboolean fovea_plan_memory(FoveaProgram *program, FoveaSide side, GError **error)
{
    g_autoptr(GArray) items = collect(program, side, error);
    if (items == NULL)
        return FALSE;
    g_array_sort(items, by_first);
    Item *item = (Item *)(gpointer)items->data;
    g_autofree guint *ending = g_new(guint, items->len + 1);
    for (guint i = 0; i < items->len; i++)
        ending[i] = i;
    g_qsort_with_data(ending, (gint)items->len, sizeof *ending, by_last, item);

    g_autoptr(GArray) free_list = g_array_new(FALSE, FALSE, sizeof(Range));
    guint64 end = 0;
    guint released = 0;
    for (guint i = 0; i < items->len; i++) {
        /* All that ended before this one begins has been placed: it began earlier still. */
        while (released < items->len && item[ending[released]].place->last < item[i].place->first) {
            const Item *old = &item[ending[released++]];
            release(free_list, old->place->arena_offset, old->bytes);
        }
        item[i].place->arena_offset = take(free_list, item[i].bytes, &end);
    }
    program->arena_bytes[side] = end;
    return TRUE;
}
