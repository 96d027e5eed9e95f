/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JPEG files through libjpeg(-turbo).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "fovea/base.h"
#include "picture.h"

typedef struct Reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf leave;
    char message[JMSG_LENGTH_MAX];
    gboolean ends_early;
    /* What must be freed after a jump; volatile would not be enough for the fields of structs that
     * are only written before setjmp, so they live here. */
    FILE *file;
    Picture *picture;
    guint8 *row;
    gint orientation;
    gboolean inverted; /* CMYK as Adobe writes it */
} Reader;

static void on_error(j_common_ptr jpeg)
{
    Reader *reader = jpeg->client_data;
    jpeg->err->format_message(jpeg, reader->message);
    longjmp(reader->leave, 1);
}

/* Warnings stay silent, but a file that ends before its picture does is noticed. */
static void on_message(j_common_ptr jpeg, int level)
{
    Reader *reader = jpeg->client_data;
    if (level < 0 &&
        (jpeg->err->msg_code == JWRN_JPEG_EOF || jpeg->err->msg_code == JWRN_HIT_MARKER))
        reader->ends_early = TRUE;
}

static void note_markers(Reader *r)
{
    r->orientation = 1;
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && r->orientation == 1)
            r->orientation = picture_exif_orientation(m->data, m->data_length);
    r->inverted = r->jpeg.saw_Adobe_marker;
    JOCTET *icc;
    unsigned int size;
    if (jpeg_read_icc_profile(&r->jpeg, &icc, &size)) {
        picture_set_icc(r->picture, icc, size);
        free(icc);
    }
}

static void cmyk_to_rgb(const guint8 *from, gboolean inverted, gsize n, guint8 *to)
{
    for (gsize i = 0; i < n; i++, from += 4, to += 3)
        for (guint c = 0; c < 3; c++) {
            guint ink = inverted ? from[c] : 255 - from[c];
            guint black = inverted ? from[3] : 255 - from[3];
            to[c] = (ink * black + 127) / 255;
        }
}

static gboolean decode(Reader *r, const char *path, GError **error)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_save_markers(jpeg, JPEG_APP0 + 2, 0xffff);
    jpeg_stdio_src(jpeg, r->file);
    jpeg_read_header(jpeg, TRUE);
    note_markers(r);
    gboolean four = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = four ? JCS_CMYK : JCS_RGB;
    if (!picture_alloc(r->picture, path, jpeg->image_width, jpeg->image_height, 3, error))
        return FALSE;
    jpeg_start_decompress(jpeg);
    r->row = four ? g_malloc((gsize)jpeg->output_width * 4) : NULL;
    while (jpeg->output_scanline < jpeg->output_height) {
        guint8 *to = r->picture->memory +
                     (gsize)jpeg->output_scanline * r->picture->image.stride[0];
        JSAMPROW row = four ? r->row : to;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (four)
            cmyk_to_rgb(r->row, r->inverted, jpeg->output_width, to);
    }
    jpeg_finish_decompress(jpeg);
    if (!r->ends_early)
        return TRUE;
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL, "%s is damaged: the picture ends early",
                path);
    return FALSE;
}

gboolean picture_read_jpeg(const char *path, Picture *picture, GError **error)
{
    Reader *r = g_new0(Reader, 1);
    gboolean ok = FALSE;
    gint orientation;
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->picture = picture;
    r->file = fopen(path, "rb");
    if (r->file == NULL)
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be read: %s", path,
                    g_strerror(errno));
    else if (setjmp(r->leave) == 0)
        ok = decode(r, path, error);
    else
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL, "%s is no good JPEG file: %s", path,
                    r->message);
    if (r->file != NULL) {
        jpeg_destroy_decompress(&r->jpeg);
        fclose(r->file);
    }
    orientation = r->orientation;
    g_free(r->row);
    g_free(r);
    if (ok)
        ok = picture_orient(picture, path, orientation, error);
    if (!ok)
        picture_clear(picture);
    return ok;
}

/* ---- writing ---- */

typedef struct Writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf leave;
    char message[JMSG_LENGTH_MAX];
    FILE *file;
    guint8 *row;
} Writer;

static void on_write_error(j_common_ptr jpeg)
{
    Writer *writer = jpeg->client_data;
    jpeg->err->format_message(jpeg, writer->message);
    longjmp(writer->leave, 1);
}

static void encode(Writer *w, const Picture *picture, gint quality)
{
    struct jpeg_compress_struct *jpeg = &w->jpeg;
    const FoveaImage *image = &picture->image;
    guint bytes = image->format == FOVEA_PIXEL_RGBA ? 4 : 3;
    jpeg_create_compress(jpeg);
    jpeg_stdio_dest(jpeg, w->file);
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    for (gint c = 0; quality >= 90 && c < jpeg->num_components; c++)
        jpeg->comp_info[c].h_samp_factor = jpeg->comp_info[c].v_samp_factor = 1;
    jpeg_start_compress(jpeg, TRUE);
    if (picture->icc)
        jpeg_write_icc_profile(jpeg, picture->icc, (unsigned int)picture->icc_size);
    w->row = g_malloc((gsize)image->width * 3);
    while (jpeg->next_scanline < jpeg->image_height) {
        const guint8 *from = image->plane[0] + (gsize)jpeg->next_scanline * image->stride[0];
        for (gsize x = 0; x < (gsize)image->width; x++)
            memcpy(w->row + 3 * x, from + bytes * x, 3);
        JSAMPROW row = w->row;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

gboolean picture_write_jpeg(const Picture *picture, const char *path, const char *name,
                            gint quality, GError **error)
{
    Writer *w = g_new0(Writer, 1);
    gboolean ok = FALSE;
    int failure = 0;
    w->jpeg.err = jpeg_std_error(&w->errors);
    w->jpeg.client_data = w;
    w->errors.error_exit = on_write_error;
    w->file = fopen(path, "wb");
    if (w->file == NULL) {
        failure = errno;
    } else if (setjmp(w->leave) == 0) {
        encode(w, picture, quality);
        ok = TRUE;
    } else {
        failure = ferror(w->file) ? errno : 0;
    }
    if (w->file != NULL) {
        jpeg_destroy_compress(&w->jpeg);
        if (fclose(w->file) != 0 && ok) {
            failure = errno;
            ok = FALSE;
        }
    }
    if (!ok)
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be written: %s", name,
                    failure ? g_strerror(failure) : w->message);
    g_free(w->row);
    g_free(w);
    return ok;
}
