/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fovea/base.h"
#include "picture.h"

void picture_clear(Picture *picture)
{
    g_free(picture->memory);
    g_free(picture->icc);
    memset(picture, 0, sizeof *picture);
}

gboolean picture_alloc(Picture *picture, const char *path, gsize width, gsize height, guint bytes,
                       GError **error)
{
    if (width < 1 || height < 1 || width > PICTURE_MAX_PIXELS / height) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED,
                    "%s: a picture of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
                    " pixels is more than we read",
                    path, width, height);
        return FALSE;
    }
    guint8 *memory = g_try_malloc(width * height * bytes);
    if (memory == NULL) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY, "%s: not enough memory", path);
        return FALSE;
    }
    picture->memory = memory;
    picture->image = (FoveaImage){.format = bytes == 4 ? FOVEA_PIXEL_RGBA : FOVEA_PIXEL_RGB,
                                  .width = (gint)width,
                                  .height = (gint)height,
                                  .plane = {memory},
                                  .stride = {(gint)(width * bytes)}};
    return TRUE;
}

void picture_set_icc(Picture *picture, const guint8 *icc, gsize size)
{
    /* ICC.1:2010, 7.2: a header of 128 bytes, with the colour space at 16. */
    if (size < 128 || memcmp(icc + 16, "RGB ", 4) != 0)
        return;
    g_free(picture->icc);
    picture->icc = g_memdup2(icc, size);
    picture->icc_size = picture->icc ? size : 0;
}

static PictureKind kind_of(const guint8 *start, gsize n)
{
    if (n >= 3 && memcmp(start, "\xff\xd8\xff", 3) == 0)
        return PICTURE_JPEG;
    return n == 8 && memcmp(start, "\x89PNG\r\n\x1a\n", 8) == 0 ? PICTURE_PNG : PICTURE_NONE;
}

PictureKind picture_kind(const char *path)
{
    guint8 start[8] = {0};
    FILE *file = fopen(path, "rb");
    gsize n = file ? fread(start, 1, sizeof start, file) : 0;
    if (file)
        fclose(file);
    return kind_of(start, n);
}

PictureKind picture_kind_of_name(const char *path)
{
    static const struct {
        const char *ending;
        PictureKind kind;
    } endings[] = {{".jpg", PICTURE_JPEG}, {".jpeg", PICTURE_JPEG}, {".png", PICTURE_PNG}};
    const char *dot = strrchr(path, '.');
    for (guint i = 0; dot && i < G_N_ELEMENTS(endings); i++)
        if (g_ascii_strcasecmp(dot, endings[i].ending) == 0)
            return endings[i].kind;
    return PICTURE_NONE;
}

gboolean picture_write(const Picture *picture, const char *path, const char *name, gint quality,
                       GError **error)
{
    switch (picture_kind_of_name(name)) {
    case PICTURE_JPEG: return picture_write_jpeg(picture, path, name, quality, error);
    case PICTURE_PNG: return picture_write_png(picture, path, name, error);
    default: break;
    }
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                "%s cannot be written: pictures end with .png, .jpg or .jpeg", name);
    return FALSE;
}

gboolean picture_read(const char *path, Picture *picture, GError **error)
{
    guint8 start[8] = {0};
    memset(picture, 0, sizeof *picture);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be read: %s", path,
                    g_strerror(errno));
        return FALSE;
    }
    gsize n = fread(start, 1, sizeof start, file);
    int failure = ferror(file) ? errno : 0;
    fclose(file);
    if (failure) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be read: %s", path,
                    g_strerror(failure));
        return FALSE;
    }
    switch (kind_of(start, n)) {
    case PICTURE_JPEG: return picture_read_jpeg(path, picture, error);
    case PICTURE_PNG: return picture_read_png(path, picture, error);
    default: break;
    }
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED, "%s is neither a JPEG nor a PNG file",
                path);
    return FALSE;
}

static guint16 get16(const guint8 *at, gboolean big)
{
    return big ? at[0] << 8 | at[1] : at[1] << 8 | at[0];
}

static guint32 get32(const guint8 *at, gboolean big)
{
    return big ? (guint32)get16(at, big) << 16 | get16(at + 2, big)
               : (guint32)get16(at + 2, big) << 16 | get16(at, big);
}

/* Source: EXIF 2.3, 4.5 and 4.6.4 (tag 0x0112 of the first directory). */
gint picture_exif_orientation(const guint8 *data, gsize size)
{
    if (size < 14 || memcmp(data, "Exif\0\0", 6) != 0)
        return 1;
    data += 6;
    size -= 6;
    gboolean big = data[0] == 'M';
    if ((!big && data[0] != 'I') || data[1] != data[0] || get16(data + 2, big) != 42)
        return 1;
    guint32 at = get32(data + 4, big);
    if (at > size - 2)
        return 1;
    guint entries = get16(data + at, big);
    for (guint i = 0; i < entries; i++) {
        gsize entry = (gsize)at + 2 + (gsize)i * 12;
        if (entry + 12 > size)
            break;
        if (get16(data + entry, big) == 0x0112 && get16(data + entry + 2, big) == 3) {
            gint value = get16(data + entry + 8, big);
            return value >= 1 && value <= 8 ? value : 1;
        }
    }
    return 1;
}

gboolean picture_orient(Picture *picture, const char *path, gint orientation, GError **error)
{
    /* Where pixel (x, y) of the file goes: bit 0 mirrors x, bit 1 mirrors y, bit 2 swaps them
     * afterwards. */
    static const guint8 moves[9] = {0, 0, 1, 3, 2, 4, 6, 7, 5};
    guint move = orientation >= 1 && orientation <= 8 ? moves[orientation] : 0;
    const FoveaImage *from = &picture->image;
    guint bytes = from->format == FOVEA_PIXEL_RGBA ? 4 : 3;
    Picture turned = {.icc = picture->icc, .icc_size = picture->icc_size};
    if (move == 0)
        return TRUE;
    gint width = move & 4 ? from->height : from->width;
    gint height = move & 4 ? from->width : from->height;
    if (!picture_alloc(&turned, path, width, height, bytes, error))
        return FALSE;
    for (gint y = 0; y < from->height; y++)
        for (gint x = 0; x < from->width; x++) {
            gint tx = move & 1 ? from->width - 1 - x : x;
            gint ty = move & 2 ? from->height - 1 - y : y;
            gsize to = move & 4 ? (gsize)tx * width + ty : (gsize)ty * width + tx;
            memcpy(turned.memory + to * bytes,
                   picture->memory + ((gsize)y * from->width + x) * bytes, bytes);
        }
    g_free(picture->memory);
    *picture = turned;
    return TRUE;
}
