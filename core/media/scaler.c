/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/scaler.h"
#include "media/planes.h"
#include "media/rows.h"
#include "media/stretch.h"

#define MAX_SIDE (1 << 16)

struct FoveaScaler {
    gint width, height, to_width, to_height;
    /* Weights along x by whether samples are halved, and along y by whether the source's and the
     * result's are; made when first needed. n is 0 before. */
    FoveaKernel across[2], down[2][2];
    FoveaStretch stretch;
    /* The way over R, G, B: components of one row, and pieces of rows as floats. */
    float *floats;
    gsize n_floats;
};

FoveaScaler *fovea_scaler_new(gint width, gint height, gint to_width, gint to_height,
                              GError **error)
{
    if (MIN(MIN(width, height), MIN(to_width, to_height)) < 1 ||
        MAX(MAX(width, height), MAX(to_width, to_height)) > MAX_SIDE) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                   "A picture of %d x %d pixels cannot be scaled to %d x %d", width, height,
                   to_width, to_height);
        return NULL;
    }
    FoveaScaler *scaler = g_new0(FoveaScaler, 1);
    scaler->width = width;
    scaler->height = height;
    scaler->to_width = to_width;
    scaler->to_height = to_height;
    return scaler;
}

void fovea_scaler_free(FoveaScaler *scaler)
{
    if (scaler == NULL)
        return;
    for (guint i = 0; i < 2; i++) {
        fovea_kernel_clear(&scaler->across[i]);
        fovea_kernel_clear(&scaler->down[i][0]);
        fovea_kernel_clear(&scaler->down[i][1]);
    }
    fovea_stretch_clear(&scaler->stretch);
    fovea_free(scaler->floats);
    g_free(scaler);
}

static gint halve(gint size, gboolean halved)
{
    return halved ? size / 2 + size % 2 : size;
}

/* Samples of half size are sited at the left of their pair, a quarter of a sample before its
 * middle: that does not scale with the picture. */
static gboolean kernel_for(FoveaKernel *kernel, gint size, gint n, gboolean left_sited,
                           GError **error)
{
    double shift = left_sited ? 0.25 * (1 - (double)size / n) : 0;
    if (kernel->n > 0)
        return TRUE;
    if (fovea_kernel_fill(kernel, FOVEA_FILTER_BICUBIC, size, n, shift, error))
        return TRUE;
    kernel->n = 0;
    return FALSE;
}

/* Rows of chroma are halved with its columns, or not (YUY2). */
static gboolean find_kernels(FoveaScaler *s, gboolean half_across, gboolean from_down,
                             gboolean to_down, GError **error)
{
    FoveaKernel *across = &s->across[half_across], *down = &s->down[from_down][to_down];
    s->stretch.across = across;
    s->stretch.down = down;
    return kernel_for(across, halve(s->width, half_across), halve(s->to_width, half_across),
                      half_across, error) &&
           kernel_for(down, halve(s->height, from_down), halve(s->to_height, to_down), FALSE,
                      error);
}

/* ---- component by component ---- */

/* One component of a picture: bytes `step` apart. */
typedef struct Samples {
    guint8 *at;
    gsize stride;
    gint width, height, step;
    gboolean half_across, half_down;
} Samples;

static gboolean has_alpha(FoveaPixelFormat format)
{
    return format == FOVEA_PIXEL_RGBA || format == FOVEA_PIXEL_BGRA || format == FOVEA_PIXEL_ARGB ||
           format == FOVEA_PIXEL_ABGR;
}

/* Component k: R, G, B, alpha, or Y, Cb, Cr. FALSE: the picture has none. */
static gboolean find_samples(const FoveaImage *image, guint k, Samples *s)
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    guint plane = 0, at = 0;
    *s = (Samples){.step = (gint)layout->bytes};
    switch (layout->kind) {
    case FOVEA_KIND_RGB:
        if (k == 3 && layout->bytes == 3)
            return FALSE;
        at = k == 0   ? layout->red
             : k == 1 ? layout->green
             : k == 2 ? layout->blue
                      : 6 - layout->red - layout->green - layout->blue;
        break;
    case FOVEA_KIND_YUY2:
        at = k == 0 ? 0 : 2 * k - 1;
        s->step = k == 0 ? 2 : 4;
        break;
    case FOVEA_KIND_NV12:
        plane = MIN(k, 1);
        at = k == 2;
        s->step = k == 0 ? 1 : 2;
        break;
    case FOVEA_KIND_I420: plane = k; break;
    case FOVEA_KIND_GRAY: break;
    }
    gboolean chroma = layout->kind != FOVEA_KIND_RGB && k > 0;
    if (chroma && (k > 2 || layout->kind == FOVEA_KIND_GRAY))
        return FALSE;
    s->half_across = chroma;
    s->half_down = chroma && fovea_pixel_halved_down(layout);
    s->width = halve(image->width, s->half_across);
    s->height = halve(image->height, s->half_down);
    s->at = image->plane[plane] + at;
    s->stride = image->stride[plane];
    return TRUE;
}

static const guint8 *component_row(gpointer data, gint y, guint8 *to)
{
    const Samples *s = data;
    const guint8 *row = s->at + (gsize)y * s->stride;
    if (s->step == 1)
        return row;
    for (gint i = 0; i < s->width; i++, row += s->step)
        to[i] = *row;
    return to;
}

static void store_row(const Samples *to, const FoveaRect *r, gint y, const guint8 *row)
{
    guint8 *at = to->at + (gsize)y * to->stride + (gsize)r->x0 * to->step;
    gint n = r->x1 - r->x0;
    if (to->step == 1)
        memcpy(at, row, n);
    else
        for (gint i = 0; i < n; i++, at += to->step)
            *at = row[i];
}

/* The component's share of the rectangle. */
static FoveaRect share_of(const Samples *s, const FoveaRect *where)
{
    FoveaRect r = *where;
    if (s->half_across) {
        r.x0 /= 2;
        r.x1 = halve(r.x1, TRUE);
    }
    if (s->half_down) {
        r.y0 /= 2;
        r.y1 = halve(r.y1, TRUE);
    }
    return r;
}

static void fill_component(const Samples *to, const FoveaRect *r, guint8 value)
{
    for (gint y = r->y0; y < r->y1; y++)
        for (gint x = r->x0; x < r->x1; x++)
            to->at[(gsize)y * to->stride + (gsize)x * to->step] = value;
}

static gboolean scale_component(FoveaScaler *scaler, Samples *from, const Samples *to,
                                const FoveaRect *r, GError **error)
{
    FoveaStretch *s = &scaler->stretch;
    if (!find_kernels(scaler, from->half_across, from->half_down, to->half_down, error))
        return FALSE;
    s->width = from->width;
    s->height = from->height;
    s->channels = 1;
    s->x0 = r->x0;
    s->x1 = r->x1;
    s->source = component_row;
    s->data = from;
    if (!fovea_stretch_begin(s, error))
        return FALSE;
    for (gint y = r->y0; y < r->y1; y++)
        store_row(to, r, y, fovea_stretch_row(s, y));
    return TRUE;
}

/* The unused luma of a row's last pair, which is not left undefined. */
static void finish_yuy2(const FoveaImage *out, const FoveaRect *where)
{
    if (out->width % 2 == 0 || where->x1 != out->width)
        return;
    for (gint y = where->y0; y < where->y1; y++) {
        guint8 *last = out->plane[0] + (gsize)y * out->stride[0] + 2 * (gsize)(out->width - 1);
        last[2] = last[0];
    }
}

static gboolean scale_components(FoveaScaler *scaler, const FoveaImage *image,
                                 const FoveaImage *out, const FoveaRect *where, GError **error)
{
    gboolean alpha = has_alpha(image->format) && has_alpha(out->format);
    gboolean rgb = fovea_pixel_layout(out->format)->kind == FOVEA_KIND_RGB;
    for (guint k = 0; k < 4; k++) {
        Samples from, to;
        if (!find_samples(out, k, &to))
            continue;
        FoveaRect r = share_of(&to, where);
        if ((k == 3 && !alpha) || !find_samples(image, k, &from))
            fill_component(&to, &r, rgb ? 255 : 128);
        else if (!scale_component(scaler, &from, &to, &r, error))
            return FALSE;
    }
    if (out->format == FOVEA_PIXEL_YUY2)
        finish_yuy2(out, where);
    return TRUE;
}

static void copy(const FoveaImage *image, const FoveaImage *out, const FoveaRect *where)
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(out->format);
    for (guint i = 0; i < layout->planes; i++) {
        gsize begin = fovea_pixel_row_bytes(layout, i, where->x0);
        gsize end = fovea_pixel_row_bytes(layout, i, where->x1);
        gint y0 = fovea_pixel_rows(layout, i, where->y0);
        gint y1 = fovea_pixel_rows(layout, i, where->y1);
        for (gint y = y0; y < y1; y++)
            memcpy(out->plane[i] + (gsize)y * out->stride[i] + begin,
                   image->plane[i] + (gsize)y * image->stride[i] + begin, end - begin);
    }
}

/* ---- over R, G, B ---- */

typedef struct RgbSource {
    const FoveaImage *image;
    FoveaBlend blend;
    float *components[3];
} RgbSource;

static const guint8 *rgb_row(gpointer data, gint y, guint8 *to)
{
    const RgbSource *source = data;
    gint n = source->image->width;
    if (!fovea_pixel_halved_across(fovea_pixel_layout(source->image->format))) {
        fovea_pillow_row(source->image, &source->blend.colour, y, 0, n, to);
        return to;
    }
    float *const *v = source->components;
    fovea_row_smooth(source->image, y, 0, n, v);
    fovea_row_blend(&source->blend, n, v, v, 0, v);
    for (gint c = 0; c < 3; c++)
        for (gint i = 0; i < n; i++)
            to[(gsize)c * n + i] = (guint8)(gint32)(v[c][i] + 0.5f);
    return to;
}

/* Begins the columns x0..x1-1 as R, G, B; `extra` floats follow the source's own. */
static gboolean begin_rgb(FoveaScaler *scaler, const FoveaImage *image, RgbSource *source, gint x0,
                          gint x1, gsize extra, GError **error)
{
    FoveaStretch *s = &scaler->stretch;
    gsize row = ((gsize)image->width + 15) & ~(gsize)15, need = 3 * row + extra;
    if (need > scaler->n_floats) {
        g_clear_pointer(&scaler->floats, fovea_free);
        scaler->n_floats = 0;
        scaler->floats = fovea_try_alloc(need, sizeof(float), error);
        if (scaler->floats == NULL)
            return FALSE;
        scaler->n_floats = need;
    }
    source->image = image;
    fovea_colour_of_image(image, &source->blend.colour);
    for (guint c = 0; c < 3; c++) {
        source->components[c] = scaler->floats + c * row;
        source->blend.scale[c] = 1;
        source->blend.shift[c] = 0;
    }
    if (!find_kernels(scaler, FALSE, FALSE, FALSE, error))
        return FALSE;
    s->width = image->width;
    s->height = image->height;
    s->channels = 3;
    s->x0 = x0;
    s->x1 = x1;
    s->source = rgb_row;
    s->data = source;
    return fovea_stretch_begin(s, error);
}

static void to_floats(const guint8 *row, gint n, float *const to[3])
{
    for (gint c = 0; c < 3; c++)
        for (gint i = 0; i < n; i++)
            to[c][i] = row[(gsize)c * n + i];
}

/* Two rows at a time become planes, with one column more at the left, as fovea_planes_write wants
 * them for chroma that does not depend on where the rectangle begins. */
static gboolean convert(FoveaScaler *scaler, const FoveaImage *image, const FoveaImage *out,
                        const FoveaRect *where, GError **error)
{
    RgbSource source;
    gint x0 = where->x0 > 0 ? where->x0 - 1 : 0, x1 = MIN(where->x1 + 1, out->width);
    gsize stride = (gsize)(x1 - x0), own = ((gsize)image->width + 15) & ~(gsize)15;
    if (!begin_rgb(scaler, image, &source, x0, x1, 6 * stride, error))
        return FALSE;
    float *at = scaler->floats + 3 * own;
    FoveaPlanes planes = {.plane = {at, at + 2 * stride, at + 4 * stride},
                          .stride = stride,
                          .width = (gint)stride,
                          .scale = 1,
                          .x = where->x0 - x0};
    for (gint y = where->y0; y < where->y1; y += 2) {
        FoveaRect r = {where->x0, y, where->x1, MIN(y + 2, where->y1)};
        planes.height = MIN(2, out->height - y);
        for (gint i = 0; i < planes.height; i++) {
            float *to[3] = {at + i * stride, at + (2 + i) * stride, at + (4 + i) * stride};
            to_floats(fovea_stretch_row(&scaler->stretch, y + i), (gint)stride, to);
        }
        if (!fovea_planes_write(&planes, out, &r, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- */

/* Whether the components of both mean the same. */
static gboolean same_colours(const FoveaImage *a, const FoveaImage *b)
{
    FoveaPixelKind ka = fovea_pixel_layout(a->format)->kind;
    FoveaPixelKind kb = fovea_pixel_layout(b->format)->kind;
    if (ka == FOVEA_KIND_RGB || kb == FOVEA_KIND_RGB)
        return ka == kb;
    /* Luma alone knows no matrix. */
    gboolean chroma = ka != FOVEA_KIND_GRAY && kb != FOVEA_KIND_GRAY;
    return a->range == b->range && (!chroma || a->matrix == b->matrix);
}

static gboolean check_source(const FoveaScaler *scaler, const FoveaImage *image, GError **error)
{
    if (!fovea_image_check(image, error))
        return FALSE;
    if (image->width != scaler->width || image->height != scaler->height)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "A picture of %d x %d pixels came where one of %d x %d was to be scaled",
                          image->width, image->height, scaler->width, scaler->height);
    return TRUE;
}

gboolean fovea_scaler_run(FoveaScaler *scaler, const FoveaImage *image, const FoveaImage *out,
                          const FoveaRect *where, GError **error)
{
    FoveaRect r;
    if (!check_source(scaler, image, error) || !fovea_image_check(out, error))
        return FALSE;
    if (out->width != scaler->to_width || out->height != scaler->to_height)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The scaled picture is %d x %d pixels, not %d x %d", scaler->to_width,
                          scaler->to_height, out->width, out->height);
    if (!fovea_rect_resolve(where, out, &r, error))
        return FALSE;
    if (!same_colours(image, out))
        return convert(scaler, image, out, &r, error);
    if (image->format == out->format && scaler->width == scaler->to_width &&
        scaler->height == scaler->to_height) {
        copy(image, out, &r);
        return TRUE;
    }
    return scale_components(scaler, image, out, &r, error);
}

gboolean fovea_scaler_planes(FoveaScaler *scaler, const FoveaImage *image, const FoveaRect *where,
                             float *const planes[3], gsize stride, GError **error)
{
    FoveaRect r = where ? *where : (FoveaRect){0, 0, scaler->to_width, scaler->to_height};
    RgbSource source;
    if (!check_source(scaler, image, error))
        return FALSE;
    if (r.x0 < 0 || r.y0 < 0 || r.x0 >= r.x1 || r.y0 >= r.y1 || r.x1 > scaler->to_width ||
        r.y1 > scaler->to_height || stride < (gsize)(r.x1 - r.x0))
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The rectangle %d,%d..%d,%d is empty or outside the picture of %d x %d",
                          r.x0, r.y0, r.x1, r.y1, scaler->to_width, scaler->to_height);
    if (!begin_rgb(scaler, image, &source, r.x0, r.x1, 0, error))
        return FALSE;
    for (gint y = r.y0; y < r.y1; y++) {
        gsize at = (gsize)(y - r.y0) * stride;
        float *to[3] = {planes[0] + at, planes[1] + at, planes[2] + at};
        to_floats(fovea_stretch_row(&scaler->stretch, y), r.x1 - r.x0, to);
    }
    return TRUE;
}
