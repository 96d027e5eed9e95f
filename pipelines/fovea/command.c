/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

int command_fail(GError *error)
{
    command_progress_wipe();
    fprintf(stderr, "fovea: %s\n", error ? error->message : "an unknown error");
    g_clear_error(&error);
    return 1;
}

int command_fail_with(const char *format, ...)
{
    va_list args;
    command_progress_end();
    fputs("fovea: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return 1;
}

gboolean command_parse(int *argc, char ***argv, const char *arguments, const char *summary,
                       const char *description, const GOptionEntry *entries)
{
    GError *error = NULL;
    GOptionContext *context = g_option_context_new(arguments);
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, description);
    g_option_context_add_main_entries(context, entries, NULL);
    gboolean ok = g_option_context_parse(context, argc, argv, &error);
    g_option_context_free(context);
    if (!ok)
        command_fail(error);
    return ok;
}

/* ---- progress ---- */

static gint64 progress_start;
static gboolean progress_shown;

/* TRUE where a line is due. What is quick needs none, and a terminal needs no thousand a second. */
static gboolean progress_due(gint64 now)
{
    static gint64 last;
    if (!isatty(STDERR_FILENO))
        return FALSE;
    if (progress_start == 0)
        progress_start = now;
    if (now - progress_start < 400000 || now - last < 100000)
        return FALSE;
    last = now;
    progress_shown = TRUE;
    return TRUE;
}

void command_progress(const char *stage, double fraction, gpointer data)
{
    if (!progress_due(g_get_monotonic_time()))
        return;
    fprintf(stderr, "\rfovea: %s %3.0f %%\033[K", stage, CLAMP(fraction, 0, 1) * 100);
    fflush(stderr);
}

void command_progress_left(const char *stage, double fraction)
{
    gint64 now = g_get_monotonic_time();
    if (!progress_due(now))
        return;
    fprintf(stderr, "\rfovea: %s %3.0f %%", stage, CLAMP(fraction, 0, 1) * 100);
    if (fraction > 0.005 && fraction <= 1) {
        guint left = (guint)((double)(now - progress_start) * 1e-6 * (1 - fraction) / fraction);
        fprintf(stderr, ", %u:%02u:%02u left", left / 3600, left / 60 % 60, left % 60);
    }
    fputs("\033[K", stderr);
    fflush(stderr);
}

void command_progress_wipe(void)
{
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = FALSE;
}

void command_progress_end(void)
{
    command_progress_wipe();
    progress_start = 0;
}

char *command_json_string(const char *text)
{
    GString *out = g_string_new("\"");
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *c = valid; *c; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_printf(out, "\\%c", *c);
        else if ((guchar)*c < 0x20)
            g_string_append_printf(out, "\\u%04x", *c);
        else
            g_string_append_c(out, *c);
    }
    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}
