/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/planes.h"
#include "media/planes_rows.h"

/* Rows are worked in pieces, so that the colours kept for chroma stay in the fastest cache. Even. */
#define PIECE 512
/* Floats before the first kept colour: the neighbour to the left, and alignment. */
#define BEFORE 8

typedef struct Writer {
    const FoveaPlanes *planes;
    const FoveaImage *out;
    const FoveaPixelLayout *layout;
    FoveaRect where;
    FoveaPlanesColour colour;
} Writer;

/* Row y of the rectangle (it may lie outside it, where the planes hold it), from its pixel x on. */
static void plane_rows(const Writer *w, gint x, gint y, const float *from[3])
{
    const FoveaPlanes *p = w->planes;
    for (guint c = 0; c < 3; c++)
        from[c] = p->plane[c] + (gsize)(p->y + y) * p->stride + (p->x + x);
}

/* Sets or adds the colours of the columns beside the piece x..x+n-1: kept[-1] and kept[n]. What the
 * planes hold beyond the picture is padding. */
static void keep_neighbours(const Writer *w, gint x, gint y, gint n, gboolean add,
                            float *const keep[3])
{
    const FoveaPlanes *p = w->planes;
    const float *from[3];
    gint px = w->where.x0 + x;
    gint left = px > 0 && p->x + x > 0 ? -1 : 0;
    gint right = px + n < w->out->width && p->x + x + n < p->width ? n : n - 1;
    guint8 unused;
    plane_rows(w, x, y, from);
    for (guint side = 0; side < 2; side++) {
        gint at = side ? right : left, to = side ? n : -1;
        const float *source[3] = {from[0] + at, from[1] + at, from[2] + at};
        float *target[3] = {keep[0] + to, keep[1] + to, keep[2] + to};
        fovea_planes_luma_c(&w->colour, source, 0, 1, &unused,
                            add ? FOVEA_PLANES_ADD : FOVEA_PLANES_SET, target);
    }
}

/* One piece of one row, or of two rows that share their chroma. */
static void write_halved(const Writer *w, gint x, gint y, gint n)
{
    const FoveaImage *out = w->out;
    float memory[3][PIECE + 2 * BEFORE];
    float *keep[3] = {memory[0] + BEFORE, memory[1] + BEFORE, memory[2] + BEFORE};
    const float *kept[3] = {keep[0], keep[1], keep[2]}, *from[3];
    gint height = w->where.y1 - w->where.y0, rows = 1;
    gint px = w->where.x0 + x, py = w->where.y0 + y;
    guint8 below[PIECE];

    /* The second row may lie beyond the rectangle: its colours count, but it is not written. */
    if (fovea_pixel_halved_down(w->layout) && w->planes->y + y + 1 < w->planes->height)
        rows = py + 1 < out->height ? 2 : 1;
    for (gint r = 0; r < rows; r++) {
        FoveaPlanesKeep mode = r ? FOVEA_PLANES_ADD : FOVEA_PLANES_SET;
        guint8 *luma = out->plane[0] + (gsize)(py + r) * out->stride[0] + px;
        plane_rows(w, x, y + r, from);
        gboolean direct = w->layout->kind != FOVEA_KIND_YUY2 && y + r < height;
        fovea_planes_luma(&w->colour, from, n, direct ? luma : below, mode, keep);
        keep_neighbours(w, x, y + r, n, r > 0, keep);
    }
    float weight = rows == 2 ? 0.125f : 0.25f;
    gint pairs = (n + 1) / 2;
    if (w->layout->kind == FOVEA_KIND_NV12) {
        guint8 *to = out->plane[1] + (gsize)(py / 2) * out->stride[1] + px;
        fovea_planes_chroma(&w->colour, kept, weight, pairs, to, to + 1, 2);
    } else if (w->layout->kind == FOVEA_KIND_I420) {
        fovea_planes_chroma(&w->colour, kept, weight, pairs,
                            out->plane[1] + (gsize)(py / 2) * out->stride[1] + px / 2,
                            out->plane[2] + (gsize)(py / 2) * out->stride[2] + px / 2, 1);
    } else {
        guint8 cb[PIECE / 2], cr[PIECE / 2];
        guint8 *to = out->plane[0] + (gsize)py * out->stride[0] + 2 * (gsize)px;
        fovea_planes_chroma(&w->colour, kept, weight, pairs, cb, cr, 1);
        for (gint i = 0; i < pairs; i++, to += 4) {
            to[0] = below[2 * i];
            to[1] = cb[i];
            if (2 * i + 1 < n)
                to[2] = below[2 * i + 1];
            else if (px + n == out->width) /* unused, but not left undefined */
                to[2] = to[0];
            to[3] = cr[i];
        }
    }
}

static void write_row(const Writer *w, gint y)
{
    const FoveaImage *out = w->out;
    gint n = w->where.x1 - w->where.x0;
    guint8 *to = out->plane[0] + (gsize)(w->where.y0 + y) * out->stride[0] +
                 (gsize)w->where.x0 * w->layout->bytes;
    const float *from[3];
    plane_rows(w, 0, y, from);
    if (w->layout->kind == FOVEA_KIND_RGB)
        fovea_planes_rgb(&w->colour, from, n, w->layout, w->planes->keep_alpha, to);
    else
        fovea_planes_luma(&w->colour, from, n, to, FOVEA_PLANES_DROP, NULL);
}

/* Source: ITU-R BT.601-7, BT.709-6 and BT.2020-2: Y = kr R + kg G + kb B, Cb = (B - Y) / 2(1 - kb),
 * Cr = (R - Y) / 2(1 - kr), then the range. */
static void find_colour(Writer *w)
{
    const FoveaImage *out = w->out;
    FoveaPlanesColour *colour = &w->colour;
    double kr, kb;
    fovea_luma_weights(out->matrix, &kr, &kb);
    gboolean full = out->range == FOVEA_RANGE_FULL;
    double luma = full ? 1 : 219.0 / 255, chroma = full ? 1 : 224.0 / 255;
    double y[3] = {kr, 1 - kr - kb, kb};
    colour->scale = w->planes->scale;
    colour->shift = w->planes->shift;
    colour->offset[0] = full ? 0 : 16;
    colour->offset[1] = colour->offset[2] = 128;
    for (guint c = 0; c < 3; c++) {
        colour->m[0][c] = y[c] * luma;
        colour->m[1][c] = ((c == 2) - y[c]) / (2 * (1 - kb)) * chroma;
        colour->m[2][c] = ((c == 0) - y[c]) / (2 * (1 - kr)) * chroma;
    }
}

gboolean fovea_planes_write(const FoveaPlanes *planes, const FoveaImage *out,
                            const FoveaRect *where, GError **error)
{
    Writer w = {.planes = planes, .out = out};
    if (!fovea_image_check(out, error) || !fovea_rect_resolve(where, out, &w.where, error))
        return FALSE;
    gint width = w.where.x1 - w.where.x0, height = w.where.y1 - w.where.y0;
    if (planes->x < 0 || planes->y < 0 || planes->width - planes->x < width ||
        planes->height - planes->y < height || planes->stride < (gsize)planes->width)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "Planes of %d x %d do not hold %d x %d pixels from %d,%d on",
                          planes->width, planes->height, width, height, planes->x, planes->y);
    w.layout = fovea_pixel_layout(out->format);
    find_colour(&w);
    gboolean halved = fovea_pixel_halved_across(w.layout);
    for (gint y = 0; y < height; y += fovea_pixel_halved_down(w.layout) ? 2 : 1) {
        if (!halved)
            write_row(&w, y);
        for (gint x = 0; halved && x < width; x += PIECE)
            write_halved(&w, x, y, MIN(PIECE, width - x));
    }
    return TRUE;
}
