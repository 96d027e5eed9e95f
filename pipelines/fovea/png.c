/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PNG files through libpng. Samples are taken as they are: a profile goes along, and nothing is
 * converted by it.
 */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

#include "fovea/base.h"
#include "picture.h"

/* What must survive a jump out of libpng lives here, not on the stack. */
typedef struct Png {
    png_structp png;
    png_infop info;
    FILE *file;
    Picture *picture;
    gint orientation;
    char message[128];
} Png;

static void on_error(png_structp png, png_const_charp message)
{
    Png *self = png_get_error_ptr(png);
    g_strlcpy(self->message, message, sizeof self->message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
}

/* A camera's slightly wrong profile is still the picture's: it is kept, not refused. */
static void be_lenient(png_structp png)
{
    png_set_benign_errors(png, 1);
#ifdef PNG_SKIP_sRGB_CHECK_PROFILE
    png_set_option(png, PNG_SKIP_sRGB_CHECK_PROFILE, PNG_OPTION_ON);
#endif
}

/* ---- reading ---- */

/* All kinds become 8-bit RGB, with alpha where the file has it. */
static guint set_transforms(Png *self)
{
    png_set_expand(self->png);
    png_set_scale_16(self->png);
    png_set_gray_to_rgb(self->png);
    png_set_interlace_handling(self->png);
    png_read_update_info(self->png, self->info);
    return png_get_channels(self->png, self->info);
}

static void note_chunks(Png *self)
{
    png_charp name;
    png_bytep icc;
    png_uint_32 size;
    int compression;
    self->orientation = 1;
#ifdef PNG_eXIf_SUPPORTED
    png_bytep exif;
    if (png_get_eXIf_1(self->png, self->info, &size, &exif)) {
        guint8 *block = g_malloc((gsize)size + 6);
        memcpy(block, "Exif\0\0", 6);
        memcpy(block + 6, exif, size);
        self->orientation = picture_exif_orientation(block, (gsize)size + 6);
        g_free(block);
    }
#endif
    if (png_get_iCCP(self->png, self->info, &name, &compression, &icc, &size))
        picture_set_icc(self->picture, icc, size);
}

static gboolean decode(Png *self, const char *path, GError **error)
{
    be_lenient(self->png);
    png_init_io(self->png, self->file);
    png_read_info(self->png, self->info);
    gsize width = png_get_image_width(self->png, self->info);
    gsize height = png_get_image_height(self->png, self->info);
    gint passes = png_get_interlace_type(self->png, self->info) == PNG_INTERLACE_ADAM7 ? 7 : 1;
    guint bytes = set_transforms(self);
    note_chunks(self);
    if (!picture_alloc(self->picture, path, width, height, bytes, error))
        return FALSE;
    for (gint pass = 0; pass < passes; pass++)
        for (gsize y = 0; y < height; y++)
            png_read_row(self->png, self->picture->memory + y * width * bytes, NULL);
    png_read_end(self->png, NULL);
    return TRUE;
}

gboolean picture_read_png(const char *path, Picture *picture, GError **error)
{
    Png *self = g_new0(Png, 1);
    gboolean ok = FALSE;
    self->picture = picture;
    self->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, self, on_error, on_warning);
    self->info = self->png ? png_create_info_struct(self->png) : NULL;
    self->file = fopen(path, "rb");
    if (self->file == NULL || self->info == NULL)
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be read: %s", path,
                    self->file ? "not enough memory" : g_strerror(errno));
    else if (setjmp(png_jmpbuf(self->png)) == 0)
        ok = decode(self, path, error);
    else
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL, "%s is no good PNG file: %s", path,
                    self->message);
    png_destroy_read_struct(&self->png, &self->info, NULL);
    if (self->file)
        fclose(self->file);
    if (ok)
        ok = picture_orient(picture, path, self->orientation, error);
    g_free(self);
    if (!ok)
        picture_clear(picture);
    return ok;
}

/* ---- writing ---- */

static void encode(Png *self, const Picture *picture)
{
    const FoveaImage *image = &picture->image;
    be_lenient(self->png);
    png_init_io(self->png, self->file);
    png_set_IHDR(self->png, self->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->format == FOVEA_PIXEL_RGBA ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (picture->icc)
        png_set_iCCP(self->png, self->info, "profile", PNG_COMPRESSION_TYPE_BASE, picture->icc,
                     (png_uint_32)picture->icc_size);
    png_write_info(self->png, self->info);
    for (gint y = 0; y < image->height; y++)
        png_write_row(self->png, image->plane[0] + (gsize)y * image->stride[0]);
    png_write_end(self->png, self->info);
}

gboolean picture_write_png(const Picture *picture, const char *path, const char *name,
                           GError **error)
{
    Png *self = g_new0(Png, 1);
    gboolean ok = FALSE;
    int failure = 0;
    self->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, self, on_error, on_warning);
    self->info = self->png ? png_create_info_struct(self->png) : NULL;
    self->file = fopen(path, "wb");
    if (self->file == NULL) {
        failure = errno;
    } else if (self->info == NULL) {
        failure = ENOMEM;
    } else if (setjmp(png_jmpbuf(self->png)) == 0) {
        encode(self, picture);
        ok = TRUE;
    } else {
        failure = ferror(self->file) ? errno : 0;
    }
    png_destroy_write_struct(&self->png, &self->info);
    if (self->file && fclose(self->file) != 0 && ok) {
        failure = errno;
        ok = FALSE;
    }
    if (!ok)
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be written: %s", name,
                    failure ? g_strerror(failure) : self->message);
    g_free(self);
    return ok;
}
