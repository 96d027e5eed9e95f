/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/classes.h"

#define EXAMPLES 8

/* "person, bicycle, ...": so that the user sees how this model's labels are spelled. */
static char *some_labels(const FoveaDetector *detector)
{
    GString *text = g_string_new(NULL);
    guint n = fovea_detector_n_labels(detector);
    for (guint i = 0; i < n && i < EXAMPLES; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "", fovea_detector_label(detector, i));
    if (n > EXAMPLES)
        g_string_append_printf(text, ", ... (%u in all)", n);
    return g_string_free(text, FALSE);
}

/* A label by name, else a number. -1: neither. */
static gint find(const FoveaDetector *detector, const char *name)
{
    guint64 number;
    gint id = fovea_detector_find_label(detector, name);
    if (id >= 0)
        return id;
    guint n = fovea_detector_n_labels(detector);
    if (n > 0 && g_ascii_string_to_unsigned(name, 10, 0, n - 1, &number, NULL))
        return (gint)number;
    return -1;
}

gboolean fovea_classes_parse(const char *text, const FoveaDetector *detector, gboolean **flags,
                             GError **error)
{
    *flags = NULL;
    if (!text || !*text)
        return TRUE;
    char **names = g_strsplit(text, ",", -1);
    gboolean *chosen = g_new0(gboolean, MAX(fovea_detector_n_labels(detector), 1));
    gboolean any = FALSE, ok = TRUE;
    for (guint i = 0; names[i] && ok; i++) {
        const char *name = g_strstrip(names[i]);
        if (!*name)
            continue;
        gint id = find(detector, name);
        if (id < 0) {
            char *known = some_labels(detector);
            g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                        "The model has no class \"%s\". It has: %s.", name, known);
            g_free(known);
            ok = FALSE;
        } else {
            chosen[id] = any = TRUE;
        }
    }
    g_strfreev(names);
    if (ok && any)
        *flags = chosen;
    else
        g_free(chosen);
    return ok;
}
