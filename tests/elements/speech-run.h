/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * speech-run.h: foveatranscribe with its real model on the recordings of the shared folder.
 */
#pragma once

#include <gst/check/gstharness.h>

#define SPEECH_MODEL "models/whisper-tiny.en"

/* A text that came out of the text pad. */
typedef struct Caption {
    char *text;
    GstClockTime start, end; /* as in the buffer */
    GstClockTime running;    /* running time of the start */
    gboolean final;
} Caption;

/* What the text pad of an element said; filled by a probe, read after the end. */
typedef struct Heard {
    GMutex lock;
    GArray *captions;       /* of Caption */
    guint gaps;             /* of some length */
    GstClockTime gap_end;   /* of the last */
    GstClockTime worst_gap; /* the longest time that was settled at once, or shown */
    gboolean eos;
    GstSegment segment;
} Heard;

Heard *heard_new(GstElement *transcriber);
void heard_free(Heard *heard);
/* The words of all final captions, in one line (transfer full). */
char *heard_words(Heard *heard);
/* In order, no overlap, 1 to 7 s, at most two lines of 42 characters. */
void heard_check_shape(Heard *heard);

/* Lower case letters and digits, one space between words (transfer full). */
char *plain_words(const char *text);
/* Words to insert, delete or replace, by the words of the truth. */
double word_error_rate(const char *truth, const char *text);
/* What shared/media/speech/transcripts.tsv says of a recording (transfer full). */
char *speech_truth(const char *name);
/* A recording as mono samples at 16 kHz, f32. */
GArray *speech_samples(const char *name);

/* A transcriber with its model set, as an element (floating). */
GstElement *speech_element(void);
/* Keeps the model in memory until the end of the process, so that elements share it. */
void speech_keep_model(void);

/* ---- a harness: sound in, text out ---- */

#define SPEECH_CAPS "audio/x-raw,format=F32LE,layout=interleaved,rate=16000,channels=1"

typedef struct Talk {
    GstHarness *h, *text;
    Heard *heard;
    GstClockTime position;
} Talk;

Talk talk_new(GstElement *transcriber); /* takes it */
/* Pushes n samples of 16 kHz in buffers of `step`, from the position on. */
void talk_push(Talk *talk, const gfloat *samples, gsize n, gsize step);
void talk_silence(Talk *talk, double seconds);
/* Ends the stream and waits for the text's end. */
void talk_end(Talk *talk);
void talk_free(Talk *talk);
