/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of files: JPEG and PNG, in and out.
 */
#pragma once

#include "fovea/image.h"

/* Pictures with more pixels are refused: a small file can ask for any size. */
#define PICTURE_MAX_PIXELS (1u << 28)

/* A decoded picture, upright (EXIF orientation applied). */
typedef struct Picture {
    FoveaImage image; /* RGB or RGBA */
    guint8 *memory;
    guint8 *icc; /* the colour profile of the file, or NULL: sRGB */
    gsize icc_size;
} Picture;

typedef enum PictureKind { PICTURE_NONE = 0, PICTURE_JPEG, PICTURE_PNG } PictureKind;
/* What a file is by its first bytes; NONE: neither, or not readable. */
PictureKind picture_kind(const char *path);
/* What a file is to be by its ending. */
PictureKind picture_kind_of_name(const char *path);

/* Reads a JPEG or PNG file, by what is in it. Errors: IO, MODEL (malformed), UNSUPPORTED (another
 * kind of file, too large), NO_MEMORY. */
gboolean picture_read(const char *path, Picture *picture, GError **error);
void picture_clear(Picture *picture);

/* Writes a JPEG or PNG file to `path`, with the picture's colour profile. `name` is what the file will
 * be called in the end: its ending says the kind, and errors name it. quality: of JPEG, 1..100. JPEG has no alpha: it is left out. Errors: IO, ARGUMENT
 * (another ending). */
gboolean picture_write(const Picture *picture, const char *path, const char *name, gint quality,
                       GError **error);

/* The decoders and encoders. */
gboolean picture_read_jpeg(const char *path, Picture *picture, GError **error);
gboolean picture_read_png(const char *path, Picture *picture, GError **error);
gboolean picture_write_jpeg(const Picture *picture, const char *path, const char *name,
                            gint quality, GError **error);
gboolean picture_write_png(const Picture *picture, const char *path, const char *name,
                           GError **error);
/* Keeps a profile where it is one for RGB: our pixels are. */
void picture_set_icc(Picture *picture, const guint8 *icc, gsize size);
/* Memory for width x height pixels of `bytes` each; sets the image's fields. */
gboolean picture_alloc(Picture *picture, const char *path, gsize width, gsize height, guint bytes,
                       GError **error);
/* Turns the picture upright from an EXIF orientation, 1..8. */
gboolean picture_orient(Picture *picture, const char *path, gint orientation, GError **error);
/* The orientation in an EXIF block ("Exif\0\0" and TIFF), 1 where it says none. */
gint picture_exif_orientation(const guint8 *data, gsize size);
