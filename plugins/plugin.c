/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plugin.c: the GStreamer plugin `fovea`. Registering does no work: no model is looked for and no
 * device is opened, so that gst-inspect-1.0 stays quick.
 */
#include "plugin.h"

#define PACKAGE "fovea"

#define REGISTER_ONE(name) ok |= GST_ELEMENT_REGISTER(name, plugin);

gboolean fovea_plugin_init(GstPlugin *plugin)
{
    gboolean ok = FALSE;
    (void)plugin;
    FOVEA_ELEMENTS(REGISTER_ONE)
    return ok;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, fovea, "Attention models inside live media",
                  fovea_plugin_init, PACKAGE_VERSION, "LGPL", "Fovea",
                  "https://github.com/fovea/fovea")
