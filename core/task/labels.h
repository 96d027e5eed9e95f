/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/labels.h: names of a model's classes. Internal.
 */
#pragma once

#include "base/json.h"

/* A GPtrArray of strings; a class without a name has "". */

/* One label a line (blank lines count, except at the end). Errors: IO, MODEL (not UTF-8). */
GPtrArray *fovea_labels_read(const char *path, GError **error);
/* config.json's id2label; NULL where there is none. */
GPtrArray *fovea_labels_from_id2label(JsonObject *config);
/* A list of strings; NULL where the member is none. */
GPtrArray *fovea_labels_from_array(JsonObject *object, const char *name);
