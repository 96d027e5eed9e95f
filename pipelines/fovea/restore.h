/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of `fovea restore` share.
 */
#pragma once

#include "command.h"

typedef enum RestoreCompare {
    COMPARE_NONE = 0,
    COMPARE_VERTICAL,
    COMPARE_HORIZONTAL
} RestoreCompare;

typedef struct RestoreOptions {
    char *model; /* path */
    char *device, *precision, *compare_name;
    RestoreCompare compare;
    gint tile, overlap;
    double strength;
    gint quality; /* -1: the default of what is written */
} RestoreOptions;

/* Pictures; keeps what is loaded from one to the next. */
typedef struct RestorePictures RestorePictures;
RestorePictures *restore_pictures_new(const RestoreOptions *options, GError **error);
void restore_pictures_free(RestorePictures *pictures);
gboolean restore_picture(RestorePictures *pictures, const char *in, const char *out,
                         GError **error);

/* A video with its sound. */
gboolean restore_video(const RestoreOptions *options, const char *in, const char *out,
                       GError **error);
