/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * command.h: the program `fovea` from outside. Its path is in FOVEA_COMMAND.
 */
#pragma once

#include <glib.h>

/* Runs `fovea VERB` with these arguments, NULL at the end; *out and *err are what it said. The exit
 * status: a signal fails the test. */
int command_run(const char *verb, char **out, char **err, va_list args);

/* Status 1, nothing on stdout, one line on stderr that has these words. */
void command_check_failure(int status, const char *out, const char *err, const char *words);
