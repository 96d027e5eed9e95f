/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The way of one picture: tile by tile through the network, and together again.
 */
#include <time.h>

#include "task/restorer.h"
#include "tensor/view.h"

/* Rows of plain scaling that are made at once for blending. */
#define PLAIN_ROWS 32

/* One run. */
typedef struct {
    FoveaRestorerStream *s;
    const FoveaImage *image, *out;
    const FoveaRestoreParams *params;
    FoveaRect compare; /* begins at even positions; empty: none */
    gboolean alpha;    /* of the result is scaled already */
} Run;

static gint64 now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- in ---- */

/* Elements of `size` bytes: the columns right of `width` and the rows below `height`, from those that
 * stand for them. x and y: where the plane lies in the picture of full_width x full_height. */
static void pad_plane(const FoveaRestorerShape *shape, guint8 *plane, gsize size, gint width,
                      gint height, gint x, gint y, const FoveaImage *image, FoveaPadMode mode)
{
    gsize row = (gsize)shape->width * size;
    for (gint i = width; i < shape->width; i++) {
        gint from = CLAMP(fovea_pad_source(mode, x + i, image->width) - x, 0, width - 1);
        for (gint k = 0; k < height; k++)
            memcpy(plane + k * row + i * size, plane + k * row + from * size, size);
    }
    for (gint k = height; k < shape->height; k++) {
        gint from = CLAMP(fovea_pad_source(mode, y + k, image->height) - y, 0, height - 1);
        memcpy(plane + k * row, plane + from * row, row);
    }
}

static gboolean give_tile(const Run *run, FoveaRestorerShape *shape, const FoveaTile *across,
                          const FoveaTile *down, GError **error)
{
    const FoveaRestorer *r = run->s->restorer;
    FoveaRect region = {across->begin, down->begin, MIN(across->end, run->image->width),
                        MIN(down->end, run->image->height)};
    gint width = region.x1 - region.x0, height = region.y1 - region.y0;
    FoveaPlacement place = {0, 0, width, height};
    guint8 *to = shape->tensor ? fovea_tensor_data_mut(shape->tensor)
                               : fovea_session_map_input(shape->session, 0);
    if (!fovea_preprocess_run(shape->pre, run->image, &region, &place, to, error))
        return FALSE;
    if ((width < shape->width || height < shape->height) && r->config.pad_mode != FOVEA_PAD_ZERO) {
        gsize size = fovea_dtype_size(r->dtype), plane = (gsize)shape->width * shape->height;
        for (guint c = 0; c < 3; c++)
            pad_plane(shape, to + c * plane * size, size, width, height, region.x0, region.y0,
                      run->image, r->config.pad_mode);
    }
    return shape->tensor == NULL ||
           fovea_session_set_input(shape->session, 0, shape->tensor, error);
}

static gboolean read_tile(FoveaRestorerStream *s, FoveaRestorerShape *shape, GError **error)
{
    gsize n = 3 * (gsize)shape->width * shape->height * s->scale * s->scale;
    FoveaDtype dtype = fovea_plan_output(shape->plan, 0)->dtype;
    void *to = s->raw != NULL ? s->raw : s->out;
    if (!fovea_session_read_output(shape->session, 0, to, n * fovea_dtype_size(dtype), error))
        return FALSE;
    for (gsize i = 0; s->raw != NULL && i < n; i++)
        s->out[i] = fovea_dtype_is_float(dtype) ? (float)fovea_load_f64(dtype, s->raw, (gint64)i)
                                                : (float)fovea_load_i64(dtype, s->raw, (gint64)i);
    return TRUE;
}

/* ---- plain scaling ---- */

static gboolean need_scaler(FoveaRestorerStream *s, GError **error)
{
    if (s->scaler == NULL)
        s->scaler = fovea_scaler_new(s->width, s->height, s->width * s->scale, s->height * s->scale,
                                     error);
    return s->scaler != NULL;
}

/* Blends the plain picture's rows into planes: pixel (x, y) of them is (where.x0, where.y0). */
static gboolean blend_plain(const Run *run, float *const planes[3], gsize stride, gint x, gint y,
                            const FoveaRect *where, GError **error)
{
    FoveaRestorerStream *s = run->s;
    const FoveaRestoreConfig *config = &s->restorer->config;
    float share = run->params->plain;
    gsize row = (gsize)s->width * s->scale;
    if (!need_scaler(s, error))
        return FALSE;
    if (s->plain == NULL)
        s->plain = fovea_try_alloc(PLAIN_ROWS * row, 3 * sizeof *s->plain, error);
    if (s->plain == NULL)
        return FALSE;
    gint width = where->x1 - where->x0;
    float *const plain[3] = {s->plain, s->plain + PLAIN_ROWS * row,
                             s->plain + 2 * PLAIN_ROWS * row};
    for (gint top = where->y0; top < where->y1; top += PLAIN_ROWS) {
        FoveaRect strip = {where->x0, top, where->x1, MIN(top + PLAIN_ROWS, where->y1)};
        if (!fovea_scaler_planes(s->scaler, run->image, &strip, plain, (gsize)width, error))
            return FALSE;
        for (guint c = 0; c < 3; c++) {
            for (gint v = strip.y0; v < strip.y1; v++) {
                float *to = planes[c] + (gsize)(y + v - where->y0) * stride + x;
                const float *from = plain[c] + (gsize)(v - strip.y0) * width;
                for (gint i = 0; i < width; i++)
                    to[i] += share * ((from[i] - config->out_shift) / config->out_scale - to[i]);
            }
        }
    }
    return TRUE;
}

/* ---- out ---- */

/* Writes `where` of the result from planes that hold it from (x, y) on. The planes are R, G, B. */
static gboolean write_part(const Run *run, float *const planes[3], gsize stride, gint width,
                           gint height, gint x, gint y, const FoveaRect *where, GError **error)
{
    const FoveaRestoreConfig *config = &run->s->restorer->config;
    FoveaPlanes from = {.plane = {planes[0], planes[1], planes[2]},
                        .stride = stride,
                        .width = width,
                        .height = height,
                        .scale = config->out_scale,
                        .shift = config->out_shift,
                        .x = x,
                        .y = y,
                        .keep_alpha = run->alpha};
    if (run->params->plain > 0) {
        FoveaRect wider = *where; /* chroma looks at the pixel before, too */
        gint before = x > 0 ? 1 : 0;
        wider.x0 -= before;
        if (!blend_plain(run, planes, stride, x - before, y, &wider, error))
            return FALSE;
    }
    return fovea_planes_write(&from, run->out, where, error);
}

/* Planes of a buffer in the order R, G, B. */
static void order_planes(const FoveaRestorerStream *s, float *memory, gsize plane, float *planes[3])
{
    for (guint c = 0; c < 3; c++)
        planes[c] = memory + (s->restorer->config.bgr ? 2 - c : c) * plane;
}

/* The part of the result that a tile is kept for. */
static FoveaRect kept(const Run *run, const FoveaTile *across, const FoveaTile *down)
{
    gint scale = run->s->scale;
    return (FoveaRect){across->keep0 * scale, down->keep0 * scale,
                       MIN(across->keep1 * scale, run->out->width),
                       MIN(down->keep1 * scale, run->out->height)};
}

static gboolean write_tile(const Run *run, const FoveaRestorerShape *shape, const FoveaTile *across,
                           const FoveaTile *down, GError **error)
{
    FoveaRestorerStream *s = run->s;
    FoveaRect where = kept(run, across, down);
    gint width = shape->width * s->scale, height = shape->height * s->scale;
    float *planes[3];
    if (where.x0 >= where.x1 || where.y0 >= where.y1) /* padding only */
        return TRUE;
    order_planes(s, s->out, (gsize)width * height, planes);
    return write_part(run, planes, (gsize)width, width, height,
                      (across->keep0 - across->begin) * s->scale,
                      (down->keep0 - down->begin) * s->scale, &where, error);
}

/* ---- blended tiles ---- */

/* Weights of output positions: those of the input pixel that they belong to. */
static void add_row(const FoveaRestorerStream *s, guint i, const FoveaRect *where, float weight,
                    const float *from, float *to)
{
    for (gint u = where->x0; u < where->x1; u++)
        to[u] += weight * fovea_tiling_weight(&s->across, i, u / s->scale) * from[u - where->x0];
}

/* Adds a tile, by its weights, to the rows that are being put together. */
static void add_tile(const Run *run, const FoveaRestorerShape *shape, guint i, guint k)
{
    FoveaRestorerStream *s = run->s;
    const FoveaTile *across = &s->across.tiles[i], *down = &s->down.tiles[k];
    FoveaRect where = kept(run, across, down);
    gsize width = (gsize)shape->width * s->scale, plane = width * shape->height * s->scale;
    gsize row = (gsize)run->out->width, band = row * s->band_rows;
    for (guint c = 0; c < 3; c++) {
        for (gint v = where.y0; v < where.y1; v++) {
            const float *from = s->out + c * plane + (gsize)(v - down->begin * s->scale) * width +
                                (where.x0 - across->begin * s->scale);
            add_row(s, i, &where, fovea_tiling_weight(&s->down, k, v / s->scale), from,
                    s->band + c * band + (gsize)(v - s->band_y) * row);
        }
    }
}

/* Makes room for the rows of tile row k; those that the one before left are at the top. */
static void open_rows(const Run *run, guint k)
{
    FoveaRestorerStream *s = run->s;
    gsize row = (gsize)run->out->width, band = row * s->band_rows;
    gint end = MIN(s->down.tiles[k].keep1 * s->scale, run->out->height);
    gint n = MAX(end - s->band_y, s->band_n);
    for (guint c = 0; c < 3; c++)
        memset(s->band + c * band + row * s->band_n, 0,
               (gsize)(n - s->band_n) * row * sizeof(float));
    s->band_n = n;
}

/* Writes the rows that no later tile adds to, and keeps the others. */
static gboolean close_rows(const Run *run, guint k, GError **error)
{
    FoveaRestorerStream *s = run->s;
    gsize row = (gsize)run->out->width, band = row * s->band_rows;
    gint end = k + 1 < s->down.n ? s->down.tiles[k + 1].keep0 * s->scale : run->out->height;
    end = MIN(end < run->out->height ? end & ~1 : end, run->out->height);
    FoveaRect where = {0, s->band_y, run->out->width, end};
    gint n = end - s->band_y;
    float *planes[3];
    if (n <= 0)
        return TRUE;
    order_planes(s, s->band, band, planes);
    if (!write_part(run, planes, row, run->out->width, s->band_n, 0, 0, &where, error))
        return FALSE;
    s->band_n -= n;
    s->band_y = end;
    for (guint c = 0; c < 3; c++)
        memmove(s->band + c * band, s->band + c * band + row * n, row * s->band_n * sizeof(float));
    return TRUE;
}

/* ---- one picture ---- */

static gboolean is_hidden(const Run *run, const FoveaRect *rect)
{
    const FoveaRect *c = &run->compare;
    return rect->x0 >= c->x0 && rect->y0 >= c->y0 && rect->x1 <= c->x1 && rect->y1 <= c->y1;
}

static gboolean run_tile(const Run *run, guint i, guint k, GError **error)
{
    FoveaRestorerStream *s = run->s;
    const FoveaTile *across = &s->across.tiles[i], *down = &s->down.tiles[k];
    FoveaRestorerShape *shape = fovea_restorer_shape(s, i, k);
    FoveaRect where = kept(run, across, down);
    if (g_cancellable_is_cancelled(run->params->cancellable))
        return fovea_fail(error, FOVEA_ERROR_CANCELLED, "Restoring was cancelled");
    if (is_hidden(run, &where)) /* plain scaling will stand there */
        return TRUE;
    gint64 start = now();
    if (!give_tile(run, shape, across, down, error))
        return FALSE;
    gint64 filled = now();
    if (!fovea_session_run(shape->session, error))
        return FALSE;
    gint64 ran = now();
    if (!read_tile(s, shape, error))
        return FALSE;
    if (s->band != NULL)
        add_tile(run, shape, i, k);
    else if (!write_tile(run, shape, across, down, error))
        return FALSE;
    s->time_pre += filled - start;
    s->time_plan += ran - filled;
    s->time_post += now() - ran;
    return TRUE;
}

static gboolean run_tiles(const Run *run, GError **error)
{
    FoveaRestorerStream *s = run->s;
    s->band_y = s->band_n = 0;
    for (guint k = 0; k < s->down.n; k++) {
        if (s->band != NULL)
            open_rows(run, k);
        for (guint i = 0; i < s->across.n; i++) {
            if (!run_tile(run, i, k, error))
                return FALSE;
        }
        gint64 start = now();
        if (s->band != NULL && !close_rows(run, k, error))
            return FALSE;
        s->time_post += now() - start;
    }
    return TRUE;
}

static gboolean check_pictures(const FoveaRestorerStream *s, const FoveaImage *image,
                               const FoveaImage *out, GError **error)
{
    if (!fovea_image_check(image, error) || !fovea_image_check(out, error))
        return FALSE;
    if (image->width != s->width || image->height != s->height)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "A picture of %dx%d came where pictures of %dx%d were announced",
                          image->width, image->height, s->width, s->height);
    if (out->width != s->width * s->scale || out->height != s->height * s->scale)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The result has %dx%d pixels, and does not fit a picture of %dx%d",
                          s->width * s->scale, s->height * s->scale, out->width, out->height);
    return TRUE;
}

static gboolean take_params(Run *run, GError **error)
{
    const FoveaRestoreParams *params = run->params;
    if (!(params->plain >= 0 && params->plain <= 1))
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The share of plain scaling is %g, but must lie in 0 to 1",
                          params->plain);
    if (params->compare == NULL)
        return TRUE;
    run->compare = (FoveaRect){MAX(params->compare->x0, 0) & ~1, MAX(params->compare->y0, 0) & ~1,
                               MIN(params->compare->x1, run->out->width),
                               MIN(params->compare->y1, run->out->height)};
    return TRUE;
}

static gboolean has_alpha(FoveaPixelFormat format)
{
    return format == FOVEA_PIXEL_RGBA || format == FOVEA_PIXEL_BGRA || format == FOVEA_PIXEL_ARGB ||
           format == FOVEA_PIXEL_ABGR;
}

/* No network restores alpha: it is scaled plainly, before the colours are written beside it. */
static gboolean scale_alpha(Run *run, GError **error)
{
    gint64 start = now();
    run->alpha = has_alpha(run->image->format) && has_alpha(run->out->format);
    gboolean ok = !run->alpha ||
                  (need_scaler(run->s, error) &&
                   fovea_scaler_run(run->s->scaler, run->image, run->out, NULL, error));
    run->s->time_post += now() - start;
    return ok;
}

gboolean fovea_restorer_stream_run(FoveaRestorerStream *s, const FoveaImage *image,
                                   const FoveaRestoreParams *params, const FoveaImage *out,
                                   GError **error)
{
    static const FoveaRestoreParams defaults = {0};
    Run run = {s, image, out, params ? params : &defaults, {0, 0, 0, 0}, FALSE};
    if (!check_pictures(s, image, out, error) || !take_params(&run, error))
        return FALSE;
    s->time_pre = s->time_plan = s->time_post = 0;
    if (run.params->plain == 1)
        return fovea_restorer_stream_pass(s, image, out, error);
    if (!scale_alpha(&run, error) || !run_tiles(&run, error))
        return FALSE;
    if (run.compare.x0 >= run.compare.x1 || run.compare.y0 >= run.compare.y1)
        return TRUE;
    gint64 start = now();
    gboolean ok = need_scaler(s, error) &&
                  fovea_scaler_run(s->scaler, image, out, &run.compare, error);
    s->time_post += now() - start;
    return ok;
}

gboolean fovea_restorer_stream_pass(FoveaRestorerStream *s, const FoveaImage *image,
                                    const FoveaImage *out, GError **error)
{
    gint64 start = now();
    s->time_pre = s->time_plan = s->time_post = 0;
    if (!check_pictures(s, image, out, error) || !need_scaler(s, error) ||
        !fovea_scaler_run(s->scaler, image, out, NULL, error))
        return FALSE;
    s->time_post = now() - start;
    return TRUE;
}
