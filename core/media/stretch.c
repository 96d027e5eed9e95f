/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/stretch.h"

/* Rows that the window holds beyond those that one result needs: how seldom it is moved. */
#define SPARE 32

gboolean fovea_stretch_begin(FoveaStretch *s, GError **error)
{
    gsize n = (gsize)(s->x1 - s->x0), wide = (gsize)MAX(s->width, s->x1 - s->x0) * s->channels;
    s->down_first = fovea_pillow_down_first(s->width, s->height, s->across->n, s->down->n);
    s->pitch = (s->down_first ? (gsize)s->width : n) * s->channels;
    s->rows = MIN(s->down->taps + SPARE, s->height);
    s->begin = s->end = 0;
    gsize size = s->rows * s->pitch + 2 * wide;
    if (size > s->n_memory) {
        g_clear_pointer(&s->memory, fovea_free);
        s->n_memory = 0;
        s->memory = fovea_try_alloc(size, 1, error);
        if (s->memory == NULL)
            return FALSE;
        s->n_memory = size;
    }
    s->line = s->memory;
    s->line2 = s->line + wide;
    s->window = s->line2 + wide;
    return TRUE;
}

void fovea_stretch_clear(FoveaStretch *s)
{
    fovea_free(s->memory);
    memset(s, 0, sizeof *s);
}

/* Where the width stays, a row is what it was. */
static gboolean keeps_width(const FoveaStretch *s)
{
    return s->across->n == s->width;
}

static void resize_across(const FoveaStretch *s, const guint8 *row, guint8 *to)
{
    gsize n = (gsize)(s->x1 - s->x0);
    if (!keeps_width(s)) {
        fovea_pillow_across(row, s->width, s->channels, s->across, s->x0, s->x1, to);
        return;
    }
    for (gint c = 0; c < s->channels; c++)
        memcpy(to + c * n, row + (gsize)c * s->width + s->x0, n);
}

/* Makes the window hold the rows begin..end-1 of what is resized along y. */
static void fill_window(FoveaStretch *s, gint begin, gint end)
{
    if (begin >= s->end) {
        s->begin = s->end = begin;
    } else if (end - s->begin > s->rows) {
        memmove(s->window, s->window + (gsize)(begin - s->begin) * s->pitch,
                (gsize)(s->end - begin) * s->pitch);
        s->begin = begin;
    }
    for (; s->end < end; s->end++) {
        guint8 *to = s->window + (gsize)(s->end - s->begin) * s->pitch;
        const guint8 *row = s->source(s->data, s->end, s->down_first ? to : s->line);
        if (!s->down_first)
            resize_across(s, row, to);
        else if (row != to)
            memcpy(to, row, s->pitch);
    }
}

const guint8 *fovea_stretch_row(FoveaStretch *s, gint y)
{
    gint first = s->down->first[y], count = s->down->count[y];
    if (s->down->n == s->height && !s->down_first) { /* the height stays */
        resize_across(s, s->source(s->data, y, s->line), s->line2);
        return s->line2;
    }
    fill_window(s, first, first + count);
    const guint8 *from = s->window + (gsize)(first - s->begin) * s->pitch;
    fovea_pillow_down(from, s->pitch, s->down, y, s->line);
    if (!s->down_first)
        return s->line;
    resize_across(s, s->line, s->line2);
    return s->line2;
}
