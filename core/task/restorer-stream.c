/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What one stream owns of a restorer: how its pictures are cut, and what each size of tile needs.
 */
#include "task/restorer.h"

/* Activations that a tile may take on the host. Larger ones gain nothing: what neighbours share is a
 * small part by then. */
#define BUDGET (G_GUINT64_CONSTANT(512) << 20)
#define BUDGET_MOST (G_GUINT64_CONSTANT(2) << 30)
/* Share of a device's memory that a picture may take that cannot be tiled. */
#define WHOLE_SHARE 0.75
/* Sides of the pictures that come out. */
#define SIDE_MAX (1 << 20)
/* How often a smaller tile is tried where a device refuses one. */
#define ATTEMPTS 6

/* Pixels that neighbours share, and how far the network looks, along one axis. */
typedef struct {
    gint before, after, overlap;
} Margins;

static double budget(const FoveaRestorer *r)
{
    const FoveaDeviceInfo *info = fovea_device_info(r->device);
    if (info->kind == FOVEA_DEVICE_CPU || info->software)
        return BUDGET;
    return CLAMP((double)info->memory / 4, (double)BUDGET / 2, (double)BUDGET_MOST);
}

/* ---- sizes of tiles ---- */

static void shape_clear(FoveaRestorerShape *shape)
{
    g_clear_pointer(&shape->pre, fovea_preprocess_free);
    g_clear_pointer(&shape->tensor, fovea_tensor_unref);
    g_clear_pointer(&shape->session, fovea_session_free);
    g_clear_pointer(&shape->plan, fovea_plan_unref);
    shape->width = shape->height = 0;
}

static void tiles_clear(FoveaRestorerStream *s)
{
    for (guint i = 0; i < s->n_shapes; i++)
        shape_clear(&s->shapes[i]);
    s->n_shapes = 0;
    fovea_tiling_clear(&s->across);
    fovea_tiling_clear(&s->down);
}

static gint tile_side(const FoveaTile *tile)
{
    return tile->end - tile->begin;
}

FoveaRestorerShape *fovea_restorer_shape(FoveaRestorerStream *s, guint i, guint k)
{
    gint width = tile_side(&s->across.tiles[i]), height = tile_side(&s->down.tiles[k]);
    for (guint n = 0; n < s->n_shapes; n++) {
        if (s->shapes[n].width == width && s->shapes[n].height == height)
            return &s->shapes[n];
    }
    return NULL;
}

static gboolean shape_init(FoveaRestorerStream *s, FoveaRestorerShape *shape, gint width,
                           gint height, const FoveaRestorerStreamParams *params, GError **error)
{
    FoveaRestorer *r = s->restorer;
    const gint64 dims[] = {1, 3, height, width};
    FoveaPreprocessParams pre = {.width = width,
                                 .height = height,
                                 .smooth_chroma = TRUE,
                                 .bgr = r->config.bgr,
                                 .dtype = r->dtype};
    memcpy(pre.scale, r->config.in_scale, sizeof pre.scale);
    memcpy(pre.shift, r->config.in_shift, sizeof pre.shift);
    shape->width = width;
    shape->height = height;
    shape->plan = fovea_restorer_plan_for(r, width, height, params, error);
    if (shape->plan == NULL || (shape->session = fovea_session_new(shape->plan, error)) == NULL ||
        (shape->pre = fovea_preprocess_new(&pre, error)) == NULL)
        return FALSE;
    if (fovea_session_map_input(shape->session, 0) == NULL)
        shape->tensor = fovea_tensor_new(r->dtype, 4, dims, error);
    return shape->tensor != NULL || fovea_session_map_input(shape->session, 0) != NULL;
}

/* Room for the result of the largest tile. */
static gboolean make_room(FoveaRestorerStream *s, GError **error)
{
    const FoveaIo *io = fovea_plan_output(s->shapes[0].plan, 0);
    gint64 width = (gint64)s->across.tile * s->scale, height = (gint64)s->down.tile * s->scale;
    gsize n = (gsize)(3 * width * height);
    s->out = fovea_try_alloc(n, sizeof *s->out, error);
    if (s->out == NULL || io->dtype == FOVEA_DTYPE_F32)
        return s->out != NULL;
    s->raw = fovea_try_alloc(n, fovea_dtype_size(io->dtype), error);
    return s->raw != NULL;
}

static gboolean is_blended(const FoveaTiling *tiling)
{
    for (guint i = 0; i + 1 < tiling->n; i++) {
        if (tiling->tiles[i].keep1 > tiling->tiles[i + 1].keep0)
            return TRUE;
    }
    return FALSE;
}

static gboolean make_band(FoveaRestorerStream *s, GError **error)
{
    if (!is_blended(&s->across) && !is_blended(&s->down))
        return TRUE;
    for (guint k = 0; k < s->down.n; k++) /* one more: what is written begins at even rows */
        s->band_rows = MAX(s->band_rows,
                           (s->down.tiles[k].keep1 - s->down.tiles[k].keep0) * s->scale + 1);
    gsize row = (gsize)s->width * (gsize)s->scale;
    s->band = fovea_try_alloc((gsize)s->band_rows * row, 3 * sizeof *s->band, error);
    return s->band != NULL;
}

/* Cuts both axes by tiles of at most these sides, and makes what each size needs. */
static gboolean use_tiles(FoveaRestorerStream *s, gint tile_x, gint tile_y, const Margins *margins,
                          const FoveaRestorerStreamParams *params, GError **error)
{
    const FoveaRestorer *r = s->restorer;
    gint align = fovea_restorer_align(r);
    tiles_clear(s);
    gboolean ok =
        fovea_tiling_make(&s->across, fovea_restorer_padded(r, s->width), tile_x,
                          margins[0].overlap, margins[0].before, margins[0].after, align, error) &&
        fovea_tiling_make(&s->down, fovea_restorer_padded(r, s->height), tile_y, margins[1].overlap,
                          margins[1].before, margins[1].after, align, error);
    for (guint k = 0; ok && k < s->down.n; k++) {
        for (guint i = 0; ok && i < s->across.n; i++) {
            if (fovea_restorer_shape(s, i, k) != NULL)
                continue;
            g_assert(s->n_shapes < G_N_ELEMENTS(s->shapes)); /* two sizes an axis */
            ok = shape_init(s, &s->shapes[s->n_shapes++], tile_side(&s->across.tiles[i]),
                            tile_side(&s->down.tiles[k]), params, error);
        }
    }
    if (!ok)
        tiles_clear(s);
    return ok;
}

/* ---- which tiles ---- */

static void find_margins(const FoveaRestorer *r, gint overlap, Margins *margins)
{
    const FoveaReach *reach = &r->reach;
    const gint far[2][2] = {{reach->left, reach->right}, {reach->top, reach->bottom}};
    for (guint i = 0; i < 2; i++) {
        Margins *m = &margins[i];
        /* Chroma of half size is written at even positions, and needs the pixel before them. */
        m->before = far[i][0] + 1;
        if (r->info.scale % 2 != 0)
            m->before += m->before % 2;
        m->after = far[i][1];
        m->overlap = overlap > 0 ? overlap : m->before + m->after;
    }
}

/* The least tile that is more than margins. */
static gint least_tile(const FoveaRestorer *r, const Margins *margins)
{
    gint64 align = fovea_restorer_align(r), overlap = MAX(margins[0].overlap, margins[1].overlap);
    return (gint)MIN(MAX(overlap + 3 * align, r->reach.least + align), G_MAXINT / 2);
}

static gboolean fits(const FoveaRestorer *r, double pixels)
{
    return pixels * r->bytes_per_pixel <= budget(r) &&
           pixels * r->largest_per_pixel <= (double)fovea_device_info(r->device)->max_buffer_range;
}

/* Side of the largest tile that fits. */
static gint fitting_side(const FoveaRestorer *r, gint width, gint height)
{
    double range = (double)fovea_device_info(r->device)->max_buffer_range;
    double pixels = MIN(budget(r) / MAX(r->bytes_per_pixel, 1),
                        range / MAX(r->largest_per_pixel, 1));
    gint side = 1, low = MIN(width, height), high = MAX(width, height);
    while ((double)(side + 1) * (side + 1) <= pixels && side < high)
        side++;
    /* A flat picture is as high as a tile. */
    return side < low ? side : (gint)MIN((double)high, pixels / low);
}

/* The smallest side that needs no more tiles than `tile` does. */
static gint evened(gint size, gint tile, gint overlap, gint align)
{
    gint64 n = tile >= size || tile <= overlap
                   ? 1
                   : ((gint64)size - overlap + tile - overlap - 1) / (tile - overlap);
    gint64 side = (size + (n - 1) * overlap + n - 1) / n;
    side = (side + 2 * align - 1) / align * align; /* steps are rounded down, too */
    return (gint)MIN(MAX(side, overlap + align), tile);
}

/* A device that refuses a tile may take a smaller one. */
static gboolean is_too_large(const GError *error)
{
    return g_error_matches(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY) ||
           g_error_matches(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED);
}

static gboolean choose_tiles(FoveaRestorerStream *s, const Margins *margins,
                             const FoveaRestorerStreamParams *params, GError **error)
{
    const FoveaRestorer *r = s->restorer;
    gint width = fovea_restorer_padded(r, s->width), height = fovea_restorer_padded(r, s->height);
    gint least = least_tile(r, margins), align = fovea_restorer_align(r);
    gboolean untiled = fits(r, (double)width * height);
    gint side = untiled ? MAX(width, height) : MAX(fitting_side(r, width, height), least);
    for (guint i = 0;; i++) {
        GError *cause = NULL;
        gint x = side, y = side;
        if (!untiled) {
            x = evened(width, side, margins[0].overlap, align);
            y = evened(height, side, margins[1].overlap, align);
        }
        if (use_tiles(s, x, y, margins, params, &cause))
            return TRUE;
        if (side <= least || i == ATTEMPTS || !is_too_large(cause)) {
            g_propagate_error(error, cause);
            return FALSE;
        }
        g_clear_error(&cause);
        untiled = FALSE;
        side = MAX(side / 3 * 2, least);
    }
}

/* ---- networks that see the whole picture ---- */

static gboolean refuse_whole(const FoveaRestorerStream *s, double pixels, GError **error)
{
    const FoveaRestorer *r = s->restorer;
    const FoveaDeviceInfo *info = fovea_device_info(r->device);
    const double mib = 1 << 20, largest = pixels * r->largest_per_pixel;
    g_autofree char *pieces = NULL;
    if (largest > (double)info->max_buffer_range)
        pieces = g_strdup_printf(", %.0f MiB of it in one piece", largest / mib);
    return fovea_fail(error, FOVEA_ERROR_NO_MEMORY,
                      "A picture of %dx%d needs about %.0f MiB of memory here%s, which %s does not "
                      "have, and it cannot be cut into tiles: %s sees all of it",
                      s->width, s->height, pixels * r->bytes_per_pixel / mib, pieces ? pieces : "",
                      info->name, r->info.why);
}

static gboolean use_whole(FoveaRestorerStream *s, const Margins *margins,
                          const FoveaRestorerStreamParams *params, GError **error)
{
    const FoveaRestorer *r = s->restorer;
    const FoveaDeviceInfo *info = fovea_device_info(r->device);
    gint width = fovea_restorer_padded(r, s->width), height = fovea_restorer_padded(r, s->height);
    double pixels = (double)width * height;
    GError *cause = NULL;
    /* A system that promises more memory than it has ends the process that uses it. */
    if (pixels * r->bytes_per_pixel > WHOLE_SHARE * (double)info->memory)
        return refuse_whole(s, pixels, error);
    if (use_tiles(s, width, height, margins, params, &cause))
        return TRUE;
    if (!is_too_large(cause)) {
        g_propagate_error(error, cause);
        return FALSE;
    }
    fovea_log(FOVEA_LOG_INFO, "task", "%s", cause->message);
    g_clear_error(&cause);
    return refuse_whole(s, pixels, error);
}

/* ---- making ---- */

static gboolean stream_init(FoveaRestorerStream *s, const FoveaRestorerStreamParams *params,
                            GError **error)
{
    const FoveaRestorer *r = s->restorer;
    Margins margins[2];
    gboolean ok;
    find_margins(r, params->overlap, margins);
    if (r->info.whole) {
        if (params->tile > 0)
            fovea_log(FOVEA_LOG_WARNING, "task", "%s sees all of the picture: it is not tiled",
                      r->info.why);
        ok = use_whole(s, margins, params, error);
    } else if (params->tile > 0) {
        gint tile = MAX(params->tile, least_tile(r, margins));
        ok = use_tiles(s, tile, tile, margins, params, error);
    } else {
        ok = choose_tiles(s, margins, params, error);
    }
    return ok && make_room(s, error) && make_band(s, error);
}

FoveaRestorerStream *fovea_restorer_stream_new(FoveaRestorer *restorer,
                                               const FoveaRestorerStreamParams *params,
                                               GError **error)
{
    gint most = SIDE_MAX / restorer->info.scale;
    if (params == NULL || params->width < 1 || params->height < 1 || params->width > most ||
        params->height > most || params->tile < 0 || params->overlap < 0) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                   "Pictures of %dx%d in tiles of %d with an overlap of %d cannot be restored",
                   params ? params->width : 0, params ? params->height : 0,
                   params ? params->tile : 0, params ? params->overlap : 0);
        return NULL;
    }
    FoveaRestorerStream *s = g_new0(FoveaRestorerStream, 1);
    s->restorer = fovea_restorer_ref(restorer);
    s->width = params->width;
    s->height = params->height;
    s->scale = restorer->info.scale;
    if (!stream_init(s, params, error))
        g_clear_pointer(&s, fovea_restorer_stream_free);
    return s;
}

void fovea_restorer_stream_free(FoveaRestorerStream *s)
{
    if (s == NULL)
        return;
    tiles_clear(s);
    g_clear_pointer(&s->scaler, fovea_scaler_free);
    fovea_free(s->raw);
    fovea_free(s->out);
    fovea_free(s->band);
    fovea_free(s->plain);
    fovea_restorer_unref(s->restorer);
    g_free(s);
}

guint fovea_restorer_stream_tiles(const FoveaRestorerStream *s, gint *tile, gint *overlap)
{
    if (tile != NULL)
        *tile = MAX(s->across.tile, s->down.tile);
    if (overlap != NULL)
        *overlap = s->across.n > 1 ? s->across.overlap : s->down.n > 1 ? s->down.overlap : 0;
    return s->across.n * s->down.n;
}

void fovea_restorer_stream_times(const FoveaRestorerStream *stream, gint64 *pre, gint64 *plan,
                                 gint64 *post)
{
    *pre = stream->time_pre;
    *plan = stream->time_plan;
    *post = stream->time_post;
}
