/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The `fovea` command: what its subcommands share. Each is one file with one function that takes
 * its own arguments (argv[0] is the subcommand) and returns the exit status.
 */
#pragma once

#include "fovea/fovea.h"

int command_bench(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_detect(int argc, char **argv);
int command_devices(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_op(int argc, char **argv);
int command_ops(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_run(int argc, char **argv);
int command_selftest(int argc, char **argv);
int command_transcribe(int argc, char **argv);

/* Prints "fovea: MESSAGE" to stderr, frees the error, returns 1. */
int command_fail(GError *error);
/* The same from a format. */
int command_fail_with(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Parses options; prints help where asked for (and exits). NULL and an error printed: FALSE. */
gboolean command_parse(int *argc, char ***argv, const char *arguments, const char *summary,
                       const char *description, const GOptionEntry *entries);

/* Shows what a long load is doing, on a terminal only. Give NULL as data. */
void command_progress(const char *stage, double fraction, gpointer data);
/* The same for work that is counted, with the time that is left. */
void command_progress_left(const char *stage, double fraction);
/* Wipes the progress line, so that something else can be printed. */
void command_progress_wipe(void);
/* Wipes it for good: the next work begins at 0. */
void command_progress_end(void);

/* A JSON string literal with its quotes (transfer full). */
char *command_json_string(const char *text);
