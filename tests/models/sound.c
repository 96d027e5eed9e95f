/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sound.h"

#include <string.h>

#include "case.h"

float *sound_read_shared(const char *name, gsize *n)
{
    GError *error = NULL;
    g_autofree char *path = g_build_filename(shared_folder(), "media", "speech", name, NULL);
    g_autofree guint8 *data = NULL;
    gsize size, at = 12;
    guint32 chunk = 0;
    g_file_get_contents(path, (char **)&data, &size, &error);
    g_assert_no_error(error);
    for (; at + 8 <= size; at += 8 + chunk) {
        memcpy(&chunk, data + at + 4, 4);
        chunk = GUINT32_FROM_LE(chunk);
        if (memcmp(data + at, "data", 4) == 0)
            break;
    }
    g_assert_cmpuint(at + 8 + chunk, <=, size);
    *n = chunk / 2;
    float *samples = g_new(float, *n);
    for (gsize i = 0; i < *n; i++) {
        gint16 value;
        memcpy(&value, data + at + 8 + 2 * i, 2);
        samples[i] = (gint16)GINT16_FROM_LE(value) / 32768.0f;
    }
    return samples;
}
