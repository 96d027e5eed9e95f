/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JPEG files through libjpeg(-turbo).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
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
