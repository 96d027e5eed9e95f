/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A folder in /tmp that a test fills as a model's folder, and what is said where one is refused.
 */
#pragma once

#include "base/base.h"

typedef struct Folder {
    char *path, *onnx; /* onnx: model.onnx in it, which need not be there */
} Folder;

Folder folder_new(void);
/* Writes a file in it, or writes it anew. */
void folder_put(const Folder *folder, const char *name, const char *text);
void folder_take_away(const Folder *folder, const char *name);
/* Removes it and the files in it. */
void folder_clear(Folder *folder);

/* The error is of this code, and its sentence has these words. */
void expect_refusal(const GError *error, FoveaError code, const char *words);
