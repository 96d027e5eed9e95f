/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * find-model.h: the default model of a task, in given folders. Internal.
 */
#pragma once

#include "base/base.h"

/* The folders that fovea_find_model looks in, first one first, NULL at the end (transfer full):
 * those of $FOVEA_MODELS; share/fovea/models and models in the folders above libfovea, where it is
 * installed or built; $FOVEA_SHARED/models, or shared/models in the folders above; and where
 * pipelines/find-model.sh keeps what it downloads. */
char **fovea_model_folders(void);

/* The default model of `task` in these folders (transfer full). Errors: IO (names the file and the
 * folders that exist), ARGUMENT (no such task). */
char *fovea_default_model(const char *task, const char *const *folders, GError **error);
