/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Phrases as SubRip or WebVTT subtitles.
 */
#pragma once

#include "fovea/fovea.h"

/* Appends the whole file's text for these phrases (FoveaPhrase, in order). */
void subtitles_append(GString *out, const GArray *phrases, gboolean vtt);
