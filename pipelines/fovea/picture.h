/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of files: JPEG and PNG in, PNG out.
 */
#pragma once

#include "fovea/image.h"

/* Pictures with more pixels are refused: a small file can ask for any size. */
#define PICTURE_MAX_PIXELS (1u << 28)

/* A decoded picture, upright (EXIF orientation applied). */
typedef struct Picture {
    FoveaImage image; /* RGB or RGBA */
    guint8 *memory;
} Picture;

/* Reads a JPEG or PNG file, by what is in it. Errors: IO, MODEL (malformed), UNSUPPORTED (another
 * kind of file, too large), NO_MEMORY. */
gboolean picture_read(const char *path, Picture *picture, GError **error);
void picture_clear(Picture *picture);

/* The decoders. */
gboolean picture_read_jpeg(const char *path, Picture *picture, GError **error);
gboolean picture_read_png(const char *path, Picture *picture, GError **error);
/* Memory for width x height pixels of `bytes` each; sets the image's fields. */
gboolean picture_alloc(Picture *picture, const char *path, gsize width, gsize height, guint bytes,
                       GError **error);
/* Turns the picture upright from an EXIF orientation, 1..8. */
gboolean picture_orient(Picture *picture, const char *path, gint orientation, GError **error);
/* The orientation in an EXIF block ("Exif\0\0" and TIFF), 1 where it says none. */
gint picture_exif_orientation(const guint8 *data, gsize size);
