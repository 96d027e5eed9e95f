/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * classes.h: the property `classes`, as flags for the detector.
 */
#pragma once

#include "fovea/task.h"

/* For "person, 7": one flag a label of the detector (free with g_free). NULL text, or none named:
 * NULL and no error, for all classes. Errors: ARGUMENT, naming what the model does not have. */
gboolean fovea_classes_parse(const char *text, const FoveaDetector *detector, gboolean **flags,
                             GError **error);
