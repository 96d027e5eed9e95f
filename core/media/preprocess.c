/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "media/preprocess.h"

struct FoveaPreprocess {
    FoveaPreprocessParams params;
    /* The bilinear tables, for the sizes they were made for. */
    FoveaAxis across, down;
    FoveaRect made_for;
    FoveaPlacement made_place;
    /* Two rows of three components, and one of results where the tensor is 8-bit. */
    float *rows[2][3];
    gint row_at[2];
    float *line[3];
    float *memory;
    /* Pillow's path. */
    FoveaKernel kernel_across, kernel_down;
    guint8 *bytes; /* two rows, then the picture after its first step */
    gsize n_bytes;
};

void fovea_fit_place(FoveaFit fit, gint from_width, gint from_height, gint width, gint height,
                     FoveaPlacement *placement)
{
    *placement = (FoveaPlacement){0, 0, width, height};
    if (fit == FOVEA_FIT_STRETCH)
        return;
    double scale = MIN((double)width / from_width, (double)height / from_height);
    placement->width = CLAMP((gint)lround(from_width * scale), 1, width);
    placement->height = CLAMP((gint)lround(from_height * scale), 1, height);
    if (fit == FOVEA_FIT_LETTERBOX) {
        placement->x = (width - placement->width) / 2;
        placement->y = (height - placement->height) / 2;
    }
}

static float *take_floats(float **at, gsize n)
{
    float *taken = *at;
    *at += n;
    return taken;
}

FoveaPreprocess *fovea_preprocess_new(const FoveaPreprocessParams *params, GError **error)
{
    const gint limit = 1 << 16;
    if (params->width < 1 || params->height < 1 || params->width > limit ||
        params->height > limit ||
        (params->dtype != FOVEA_DTYPE_F32 && params->dtype != FOVEA_DTYPE_U8)) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "A network input of %d x %d %s cannot be filled",
                   params->width, params->height, fovea_dtype_name(params->dtype));
        return NULL;
    }
    FoveaPreprocess *pre = g_new0(FoveaPreprocess, 1);
    pre->params = *params;
    /* Rows of a multiple of 16 floats stay aligned. */
    gsize w = ((gsize)params->width + 15) & ~(gsize)15, h = ((gsize)params->height + 15) & ~15;
    pre->memory = fovea_try_alloc(12 * w + 3 * h, sizeof(float), error);
    if (pre->memory == NULL) {
        fovea_preprocess_free(pre);
        return NULL;
    }
    float *at = pre->memory;
    for (guint c = 0; c < 3; c++) {
        pre->rows[0][c] = take_floats(&at, w);
        pre->rows[1][c] = take_floats(&at, w);
        pre->line[c] = take_floats(&at, w);
    }
    pre->across.w = take_floats(&at, w);
    pre->across.lo = (gint32 *)take_floats(&at, w);
    pre->across.hi = (gint32 *)take_floats(&at, w);
    pre->down.w = take_floats(&at, h);
    pre->down.lo = (gint32 *)take_floats(&at, h);
    pre->down.hi = (gint32 *)take_floats(&at, h);
    return pre;
}

void fovea_preprocess_free(FoveaPreprocess *pre)
{
    if (pre == NULL)
        return;
    fovea_free(pre->memory);
    fovea_kernel_clear(&pre->kernel_across);
    fovea_kernel_clear(&pre->kernel_down);
    fovea_free(pre->bytes);
    g_free(pre);
}

static void blend_of(const FoveaPreprocessParams *params, const FoveaColour *colour,
                     FoveaBlend *blend)
{
    for (guint c = 0; c < 3; c++) {
        guint from = params->bgr ? 2 - c : c;
        memcpy(blend->colour.m[c], colour->m[from], sizeof colour->m[c]);
        blend->colour.offset[c] = colour->offset[from];
        blend->scale[c] = params->scale[c];
        blend->shift[c] = params->shift[c];
    }
}

static guint8 clamp_byte(float x)
{
    return x >= 255 ? 255 : x > 0 ? (guint8)(x + 0.5f) : 0;
}

/* Sets what lies outside the placement; the picture itself is written afterwards. */
static void fill_padding(const FoveaPreprocess *pre, const FoveaPlacement *place, void *out)
{
    gsize width = pre->params.width, height = pre->params.height, plane = width * height;
    if (place->width == width && place->height == height)
        return;
    for (guint c = 0; c < 3; c++) {
        float pad = pre->params.pad[c];
        if (pre->params.dtype == FOVEA_DTYPE_U8)
            memset((guint8 *)out + c * plane, clamp_byte(pad), plane);
        else
            for (gsize i = 0; i < plane; i++)
                ((float *)out)[c * plane + i] = pad;
    }
}

/* Where row y of the placement goes: straight into an f32 tensor, else into pre->line. */
static void row_targets(FoveaPreprocess *pre, const FoveaPlacement *place, gint y, void *out,
                        float *to[3])
{
    gsize width = pre->params.width, plane = width * pre->params.height;
    gsize at = (gsize)(place->y + y) * width + place->x;
    for (guint c = 0; c < 3; c++)
        to[c] = pre->params.dtype == FOVEA_DTYPE_F32 ? (float *)out + c * plane + at : pre->line[c];
}

static void row_done(const FoveaPreprocess *pre, const FoveaPlacement *place, gint y, void *out)
{
    gsize width = pre->params.width, plane = width * pre->params.height;
    if (pre->params.dtype == FOVEA_DTYPE_F32)
        return;
    for (guint c = 0; c < 3; c++) {
        guint8 *to = (guint8 *)out + c * plane + (gsize)(place->y + y) * width + place->x;
        for (gint i = 0; i < place->width; i++)
            to[i] = clamp_byte(pre->line[c][i]);
    }
}

/* Row y of the picture, interpolated along x: kept from one row of the result to the next. */
static float *const *sampled_row(FoveaPreprocess *pre, const FoveaImage *image, gint y, gint keep)
{
    for (guint i = 0; i < 2; i++)
        if (pre->row_at[i] == y)
            return pre->rows[i];
    guint slot = pre->row_at[0] == keep ? 1 : 0;
    fovea_row_sample(image, y, &pre->across, pre->rows[slot]);
    pre->row_at[slot] = y;
    return pre->rows[slot];
}

static void run_plain(FoveaPreprocess *pre, const FoveaImage *image, const FoveaRect *region,
                      const FoveaPlacement *place, const FoveaBlend *blend, void *out)
{
    gboolean grey = fovea_pixel_layout(image->format)->kind == FOVEA_KIND_GRAY;
    if (memcmp(region, &pre->made_for, sizeof *region) != 0 ||
        memcmp(place, &pre->made_place, sizeof *place) != 0) {
        fovea_axis_fill(&pre->across, region->x0, region->x1 - region->x0, place->width);
        fovea_axis_fill(&pre->down, region->y0, region->y1 - region->y0, place->height);
        pre->made_for = *region;
        pre->made_place = *place;
    }
    pre->row_at[0] = pre->row_at[1] = -1;
    for (gint y = 0; y < place->height; y++) {
        float *to[3], *low[3], *high[3];
        gint lo = pre->down.lo[y], hi = pre->down.w[y] > 0 ? pre->down.hi[y] : lo;
        memcpy(low, sampled_row(pre, image, lo, hi), sizeof low);
        memcpy(high, sampled_row(pre, image, hi, lo), sizeof high);
        if (grey) /* its matrix has zeros there; any finite row will do */
            low[1] = low[2] = high[1] = high[2] = low[0];
        row_targets(pre, place, y, out, to);
        fovea_row_blend(blend, place->width, low, high, pre->down.w[y], to);
        row_done(pre, place, y, out);
    }
}

/* The same for a picture that keeps its size, with chroma interpolated. */
static void run_smooth(FoveaPreprocess *pre, const FoveaImage *image, const FoveaRect *region,
                       const FoveaPlacement *place, const FoveaBlend *blend, void *out)
{
    float *const *row = pre->rows[0];
    for (gint y = 0; y < place->height; y++) {
        float *to[3];
        fovea_row_smooth(image, region->y0 + y, region->x0, place->width, row);
        row_targets(pre, place, y, out, to);
        fovea_row_blend(blend, place->width, row, row, 0, to);
        row_done(pre, place, y, out);
    }
}

/* Kernels and memory for Pillow's path; unchanged sizes need neither. */
static gboolean prepare_pillow(FoveaPreprocess *pre, const FoveaRect *region,
                               const FoveaPlacement *place, gsize n_bytes, GError **error)
{
    FoveaFilter filter = pre->params.filter;
    if (memcmp(region, &pre->made_for, sizeof *region) == 0 &&
        memcmp(place, &pre->made_place, sizeof *place) == 0)
        return TRUE;
    pre->made_for = (FoveaRect){0, 0, 0, 0};
    if (n_bytes > pre->n_bytes) {
        fovea_free(pre->bytes);
        pre->n_bytes = 0;
        pre->bytes = fovea_try_alloc(n_bytes, 1, error);
        if (pre->bytes == NULL)
            return FALSE;
        pre->n_bytes = n_bytes;
    }
    if (!fovea_kernel_fill(&pre->kernel_across, filter, region->x1 - region->x0, place->width, 0,
                           error) ||
        !fovea_kernel_fill(&pre->kernel_down, filter, region->y1 - region->y0, place->height, 0,
                           error))
        return FALSE;
    pre->made_for = *region;
    pre->made_place = *place;
    return TRUE;
}

static void write_pillow_row(FoveaPreprocess *pre, const guint8 *row, const FoveaPlacement *place,
                             gint y, void *out)
{
    const FoveaPreprocessParams *params = &pre->params;
    float *to[3];
    row_targets(pre, place, y, out, to);
    for (guint c = 0; c < 3; c++) {
        const guint8 *from = row + (gsize)(params->bgr ? 2 - c : c) * place->width;
        for (gint i = 0; i < place->width; i++)
            to[c][i] = from[i] * params->scale[c] + params->shift[c];
    }
    row_done(pre, place, y, out);
}

static gboolean run_pillow(FoveaPreprocess *pre, const FoveaImage *image, const FoveaRect *region,
                           const FoveaColour *colour, const FoveaPlacement *place, void *out,
                           GError **error)
{
    gint from_width = region->x1 - region->x0, from_height = region->y1 - region->y0;
    gboolean down_first = fovea_pillow_down_first(from_width, from_height, place->width,
                                                  place->height);
    gint width = down_first ? from_width : place->width;
    gsize row_size = (gsize)MAX(from_width, place->width) * 3;
    gsize between = (gsize)from_height * width * 3;

    if (!prepare_pillow(pre, region, place, row_size * 2 + between, error))
        return FALSE;
    guint8 *row = pre->bytes, *row2 = row + row_size, *rows = row2 + row_size;
    for (gint y = 0; y < from_height; y++) {
        guint8 *to = rows + (gsize)y * width * 3;
        fovea_pillow_row(image, colour, region->y0 + y, region->x0, from_width,
                         down_first ? to : row);
        if (!down_first)
            fovea_pillow_across(row, from_width, 3, &pre->kernel_across, 0, width, to);
    }
    for (gint y = 0; y < place->height; y++) {
        const guint8 *from = rows + (gsize)pre->kernel_down.first[y] * width * 3;
        fovea_pillow_down(from, (gsize)width * 3, &pre->kernel_down, y, row);
        if (down_first)
            fovea_pillow_across(row, from_width, 3, &pre->kernel_across, 0, place->width, row2);
        write_pillow_row(pre, down_first ? row2 : row, place, y, out);
    }
    return TRUE;
}

static gboolean inside(const FoveaRect *region, gint width, gint height)
{
    return region->x0 >= 0 && region->y0 >= 0 && region->x1 <= width && region->y1 <= height &&
           region->x0 < region->x1 && region->y0 < region->y1;
}

gboolean fovea_preprocess_run(FoveaPreprocess *pre, const FoveaImage *image,
                              const FoveaRect *region, const FoveaPlacement *placement, void *out,
                              GError **error)
{
    const FoveaPreprocessParams *params = &pre->params;
    FoveaPlacement whole = {0, 0, params->width, params->height};
    FoveaColour colour;
    FoveaBlend blend;
    if (!fovea_image_check(image, error))
        return FALSE;
    FoveaRect all = {0, 0, image->width, image->height};
    if (region == NULL)
        region = &all;
    if (placement == NULL)
        placement = &whole;
    if (!inside(region, image->width, image->height))
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The region %d,%d..%d,%d is empty or outside the picture of %d x %d",
                          region->x0, region->y0, region->x1, region->y1, image->width,
                          image->height);
    if (placement->x < 0 || placement->y < 0 || placement->width < 1 || placement->height < 1 ||
        placement->width > params->width - placement->x ||
        placement->height > params->height - placement->y)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The picture's place is outside the network's %d x %d", params->width,
                          params->height);
    fill_padding(pre, placement, out);
    fovea_colour_of_image(image, &colour);
    if (params->pillow)
        return run_pillow(pre, image, region, &colour, placement, out, error);
    blend_of(params, &colour, &blend);
    if (params->smooth_chroma && fovea_pixel_halved_across(fovea_pixel_layout(image->format)) &&
        placement->width == region->x1 - region->x0 && placement->height == region->y1 - region->y0)
        run_smooth(pre, image, region, placement, &blend, out);
    else
        run_plain(pre, image, region, placement, &blend, out);
    return TRUE;
}
