/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sound for tests: what lies in $FOVEA_SHARED/media/speech.
 */
#pragma once

#include <glib.h>

/* The samples of a 16-bit mono WAV file there, -1..1 (g_free). Aborts where it is not that. */
float *sound_read_shared(const char *name, gsize *n);
