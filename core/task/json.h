/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/json.h: the helpers of base/json.h, by the name the task room knows. Internal.
 */
#pragma once

#include "base/json.h"
