/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea.h: all tiers at once. Read them in this order.
 */
#pragma once

#include "base.h"
#include "tensor.h"
#include "image.h"
#include "device.h"
#include "model.h"
#include "plan.h"
#include "session.h"
#include "ops.h"
#include "task.h"
