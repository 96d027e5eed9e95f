/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PNG files through libpng.
 */
#include <png.h>
#include <string.h>

#include "fovea/base.h"
#include "picture.h"

gboolean picture_read_png(const char *path, Picture *picture, GError **error)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    gboolean ok = png_image_begin_read_from_file(&png, path) != 0;
    if (ok) {
        /* All kinds become 8-bit sRGB, with alpha where the file has it. */
        guint bytes = png.format & PNG_FORMAT_FLAG_ALPHA ? 4 : 3;
        png.format = bytes == 4 ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
        if (!picture_alloc(picture, path, png.width, png.height, bytes, error)) {
            png_image_free(&png);
            return FALSE;
        }
        ok = png_image_finish_read(&png, NULL, picture->memory, picture->image.stride[0], NULL) !=
             0;
    }
    if (!ok || PNG_IMAGE_FAILED(png)) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL, "%s is no good PNG file: %s", path,
                    png.message);
        picture_clear(picture);
        ok = FALSE;
    }
    png_image_free(&png);
    return ok;
}
