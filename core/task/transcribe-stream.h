/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/transcribe-stream.h: what one stream of a transcriber owns. Internal to the task room:
 * transcribe-whole.c does recordings with it, transcribe-stream.c sound that is still coming.
 */
#pragma once

#include "task/whisper.h"

/* What streaming keeps between calls; transcribe-stream.c has it to itself. */
typedef struct FoveaListening FoveaListening;

struct FoveaTranscriberStream {
    FoveaTranscriber *transcriber; /* holds a reference */
    FoveaWhisper *whisper;
    FoveaWhisperResult result; /* of the last decoding; its memory is kept */
    GCancellable *cancellable; /* holds a reference; may be NULL */
    gboolean partial;
    GPtrArray *texts; /* char *: what the phrases of the last call point to */
    FoveaListening *listening;
};

/* Empties phrases, and the texts that the last ones pointed to. */
void fovea_transcriber_stream_clear(FoveaTranscriberStream *stream, GArray *phrases);
/* Appends one phrase; takes text (g_malloc'ed), without the space around it. One that has no text
 * is left out. */
void fovea_transcriber_stream_hand_out(FoveaTranscriberStream *stream, GArray *phrases, char *text,
                                       gint64 start, gint64 end, gboolean final);
