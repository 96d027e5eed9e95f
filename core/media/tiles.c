/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/tiles.h"

static gint64 round_up(gint64 value, gint64 multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

/* Where tile i and the next part company. With enough overlap both are right there and one cut will
 * do. Else the middle of what they share is blended, no more of it than lets every pixel have two
 * tiles at most. */
static void part(FoveaTiling *t, guint i, gint before, gint after)
{
    FoveaTile *a = &t->tiles[i], *b = &t->tiles[i + 1];
    gint shared = a->end - b->begin, step = b->begin - a->begin;
    gint least = i > 0 ? t->tiles[i - 1].keep1 : 0;
    if (shared - before >= after) {
        a->keep1 = b->keep0 = MAX(b->begin + before, least);
        return;
    }
    gint blended = MIN(shared, step);
    b->keep0 = MAX(b->begin + (shared - blended) / 2, least);
    a->keep1 = MAX(b->keep0 + blended, b->keep0);
    a->keep1 = MIN(a->keep1, a->end);
}

gboolean fovea_tiling_make(FoveaTiling *tiling, gint size, gint tile, gint overlap, gint before,
                           gint after, gint align, GError **error)
{
    memset(tiling, 0, sizeof *tiling);
    if (size < 1 || tile < 1 || overlap < 0 || before < 0 || after < 0 || align < 1)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "Tiles of %d pixels with an overlap of %d cannot cover %d pixels", tile,
                          overlap, size);
    gint64 side = MAX((gint64)tile / align * align, round_up((gint64)overlap + align, align));
    gint64 step = (side - overlap) / align * align;
    gint64 n = size <= MAX(side, tile) ? 1 : (size - side + step - 1) / step + 1;
    tiling->tiles = fovea_try_alloc((gsize)n, sizeof *tiling->tiles, error);
    if (tiling->tiles == NULL)
        return FALSE;
    tiling->size = size;
    tiling->tile = n > 1 ? (gint)side : size;
    tiling->overlap = overlap;
    tiling->n = (guint)n;
    for (gint64 i = 0; i < n; i++) { /* the last one is moved back to be about as large */
        gint64 begin = i + 1 < n ? i * step : n > 1 ? round_up(size - side, align) : 0;
        begin = MIN(begin, i * step);
        tiling->tiles[i] = (FoveaTile){(gint)begin, n > 1 ? (gint)MIN(begin + side, size) : size, 0,
                                       size};
    }
    for (guint i = 0; i + 1 < tiling->n; i++)
        part(tiling, i, before, after);
    return TRUE;
}

void fovea_tiling_clear(FoveaTiling *tiling)
{
    fovea_free(tiling->tiles);
    memset(tiling, 0, sizeof *tiling);
}

/* Share of tile i + 1 at a pixel that it shares with tile i. */
static float share_of_next(const FoveaTiling *tiling, guint i, gint at)
{
    gint from = tiling->tiles[i + 1].keep0, to = tiling->tiles[i].keep1;
    return ((float)(at - from) + 0.5f) / (float)(to - from);
}

float fovea_tiling_weight(const FoveaTiling *tiling, guint i, gint at)
{
    if (i > 0 && at < tiling->tiles[i - 1].keep1)
        return share_of_next(tiling, i - 1, at);
    if (i + 1 < tiling->n && at >= tiling->tiles[i + 1].keep0)
        return 1 - share_of_next(tiling, i, at);
    return 1;
}
