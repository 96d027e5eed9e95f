/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea restore: one picture.
 */
#include <stdio.h>
#include <string.h>

#include "part.h"
#include "picture.h"
#include "restore.h"

#define JPEG_QUALITY 95

struct RestorePictures {
    const RestoreOptions *options;
    FoveaDevice *device;
    FoveaRestorer *restorer;
    FoveaRestorerStream *stream;
    gint width, height; /* of the stream */
};

RestorePictures *restore_pictures_new(const RestoreOptions *options, GError **error)
{
    RestorePictures *self = g_new0(RestorePictures, 1);
    FoveaRestorerParams params = {.model = options->model, .progress = command_progress};
    gboolean ok = options->precision == NULL ||
                  fovea_precision_parse(options->precision, &params.precision, error);
    self->options = options;
    if (ok)
        self->device = fovea_device_open(options->device, error);
    if (self->device)
        self->restorer = fovea_restorer_new(self->device, &params, error);
    command_progress_end();
    if (self->restorer)
        return self;
    restore_pictures_free(self);
    return NULL;
}

void restore_pictures_free(RestorePictures *self)
{
    if (self == NULL)
        return;
    fovea_restorer_stream_free(self->stream);
    if (self->restorer)
        fovea_restorer_unref(self->restorer);
    g_clear_pointer(&self->device, fovea_device_unref);
    g_free(self);
}

/* Pictures of one size share a stream. */
static gboolean need_stream(RestorePictures *self, const FoveaImage *image, GError **error)
{
    FoveaRestorerStreamParams params = {.width = image->width,
                                        .height = image->height,
                                        .tile = self->options->tile,
                                        .overlap = self->options->overlap,
                                        .progress = command_progress};
    if (self->stream && self->width == image->width && self->height == image->height)
        return TRUE;
    fovea_restorer_stream_free(self->stream);
    self->stream = fovea_restorer_stream_new(self->restorer, &params, error);
    self->width = image->width;
    self->height = image->height;
    command_progress_wipe();
    return self->stream != NULL;
}

/* The half that shows plain scaling; FALSE: none. */
static gboolean plain_half(RestoreCompare compare, const FoveaImage *image, FoveaRect *rect)
{
    *rect = (FoveaRect){0, 0, image->width, image->height};
    if (compare == COMPARE_VERTICAL)
        rect->x1 = image->width / 2;
    else if (compare == COMPARE_HORIZONTAL)
        rect->y1 = image->height / 2;
    return compare != COMPARE_NONE && rect->x1 > 0 && rect->y1 > 0;
}

/* A white line where that half ends. */
static void draw_line(RestoreCompare compare, const FoveaRect *half, const FoveaImage *image)
{
    gint bytes = image->format == FOVEA_PIXEL_RGBA ? 4 : 3;
    FoveaRect r = *half;
    if (compare == COMPARE_VERTICAL) {
        r.x0 = r.x1;
        r.x1 = MIN(r.x0 + 2, image->width);
    } else {
        r.y0 = r.y1;
        r.y1 = MIN(r.y0 + 2, image->height);
    }
    for (gint y = r.y0; y < r.y1; y++)
        memset(image->plane[0] + (gsize)y * image->stride[0] + (gsize)r.x0 * bytes, 255,
               (gsize)(r.x1 - r.x0) * bytes);
}

static gboolean process(RestorePictures *self, const char *path, const Picture *from, Picture *to,
                        GError **error)
{
    const RestoreOptions *o = self->options;
    FoveaRestoreParams params = {.plain = (gfloat)(1 - o->strength)};
    gsize scale = (gsize)fovea_restorer_info(self->restorer)->scale;
    FoveaRect half;
    memset(to, 0, sizeof *to);
    if (!need_stream(self, &from->image, error) ||
        !picture_alloc(to, path, (gsize)from->image.width * scale,
                       (gsize)from->image.height * scale,
                       from->image.format == FOVEA_PIXEL_RGBA ? 4 : 3, error))
        return FALSE;
    if (plain_half(o->compare, &to->image, &half))
        params.compare = &half;
    if (!fovea_restorer_stream_run(self->stream, &from->image, &params, &to->image, error))
        return FALSE;
    if (params.compare)
        draw_line(o->compare, &half, &to->image);
    if (from->icc)
        picture_set_icc(to, from->icc, from->icc_size);
    return TRUE;
}

static gboolean write_out(const RestoreOptions *o, const Picture *picture, const char *out,
                          GError **error)
{
    gint quality = o->quality < 1 ? JPEG_QUALITY : o->quality;
    char *part = part_begin(out, error);
    if (part == NULL)
        return FALSE;
    if (picture_write(picture, part, out, quality, error))
        return part_keep(part, out, error);
    part_drop(part);
    return FALSE;
}

gboolean restore_picture(RestorePictures *self, const char *in, const char *out, GError **error)
{
    Picture from, to = {0};
    if (picture_kind_of_name(out) == PICTURE_NONE) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                    "%s cannot be written: a picture's name ends with .png, .jpg or .jpeg", out);
        return FALSE;
    }
    if (!picture_read(in, &from, error))
        return FALSE;
    gboolean ok = process(self, in, &from, &to, error);
    if (!ok)
        g_prefix_error(error, "%s: ", in);
    else if ((ok = write_out(self->options, &to, out, error))) {
        command_progress_wipe();
        printf("%s: %d x %d -> %d x %d\n", out, from.image.width, from.image.height, to.image.width,
               to.image.height);
    }
    picture_clear(&from);
    picture_clear(&to);
    return ok;
}
