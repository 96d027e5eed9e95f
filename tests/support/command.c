/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include <string.h>
#include <sys/wait.h>

int command_run(const char *verb, char **out, char **err, va_list args)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    GError *error = NULL;
    int wait;
    g_ptr_array_add(argv, (char *)g_getenv("FOVEA_COMMAND"));
    g_ptr_array_add(argv, (char *)verb);
    for (const char *arg; (arg = va_arg(args, const char *));)
        g_ptr_array_add(argv, (char *)arg);
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, out, err, &wait,
                 &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(wait));
    return WEXITSTATUS(wait);
}

void command_check_failure(int status, const char *out, const char *err, const char *words)
{
    g_assert_cmpint(status, ==, 1);
    g_assert_cmpstr(out, ==, "");
    if (!g_str_has_prefix(err, "fovea: ") || strstr(err, words) == NULL)
        g_error("\"%s\" does not say \"%s\"", err, words);
    g_assert_true(strchr(err, '\n') == err + strlen(err) - 1);
}
