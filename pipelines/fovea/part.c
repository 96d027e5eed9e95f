/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fovea/base.h"
#include "part.h"

/* For the signal handler, which may do little. */
static char current[PATH_MAX];
static volatile sig_atomic_t busy;

static void on_signal(int number)
{
    if (busy)
        unlink(current);
    signal(number, SIG_DFL);
    raise(number);
}

char *part_begin(const char *out, GError **error)
{
    static gboolean caught;
    struct stat info;
    if (stat(out, &info) == 0 && !S_ISREG(info.st_mode))
        return g_strdup(out);
    char *part = g_strdup_printf("%s.part-%d", out, (int)getpid());
    if (g_strlcpy(current, part, sizeof current) >= sizeof current) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT, "%s is too long a name", out);
        g_free(part);
        return NULL;
    }
    busy = 1;
    if (!caught) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        signal(SIGHUP, on_signal);
        caught = TRUE;
    }
    return part;
}

gboolean part_keep(char *part, const char *out, GError **error)
{
    gboolean ok = !busy || rename(part, out) == 0;
    if (!ok)
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be written: %s", out,
                    g_strerror(errno));
    if (ok) {
        busy = 0;
        g_free(part);
    } else {
        part_drop(part);
    }
    return ok;
}

void part_drop(char *part)
{
    if (busy)
        unlink(part);
    busy = 0;
    g_free(part);
}
