/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base.h"

GQuark fovea_error_quark(void)
{
    return g_quark_from_static_string("fovea-error");
}

const char *fovea_version(void)
{
    return G_STRINGIFY(FOVEA_VERSION_MAJOR) "." G_STRINGIFY(FOVEA_VERSION_MINOR) "." G_STRINGIFY(
        FOVEA_VERSION_MICRO);
}

gboolean fovea_fail(GError **error, FoveaError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (error != NULL && *error == NULL)
        *error = g_error_new_valist(FOVEA_ERROR, (gint)code, format, args);
    va_end(args);
    return FALSE;
}
