/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/base.h"

static GMutex log_lock;
static FoveaLogFunc log_func;
static gpointer log_data;

static FoveaLogLevel default_level(void)
{
    static gsize once;
    static FoveaLogLevel level;
    if (g_once_init_enter(&once)) {
        const char *text = g_getenv("FOVEA_DEBUG");
        level = text != NULL ? (FoveaLogLevel)CLAMP(g_ascii_strtoll(text, NULL, 10), 0, 3)
                             : FOVEA_LOG_WARNING;
        g_once_init_leave(&once, 1);
    }
    return level;
}

void fovea_log_set(FoveaLogFunc func, gpointer user_data)
{
    g_mutex_lock(&log_lock);
    log_func = func;
    log_data = user_data;
    g_mutex_unlock(&log_lock);
}

void fovea_log(FoveaLogLevel level, const char *room, const char *format, ...)
{
    g_mutex_lock(&log_lock);
    FoveaLogFunc func = log_func;
    gpointer data = log_data;
    g_mutex_unlock(&log_lock);
    if (func == NULL && level > default_level())
        return;
    va_list args;
    va_start(args, format);
    char *message = g_strdup_vprintf(format, args);
    va_end(args);
    if (func != NULL)
        func(level, room, message, data);
    else
        fprintf(stderr, "fovea %s: %s\n", room, message);
    g_free(message);
}
