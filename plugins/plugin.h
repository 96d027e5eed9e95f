/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plugin.h: every element of the plugin, one line each: NAME registers the element in NAME's
 * folder through GST_ELEMENT_REGISTER_DEFINE (NAME, ...).
 */
#pragma once

#include <gst/gst.h>

#define FOVEA_ELEMENTS(X)                                                                          \
    X(foveadetect) X(foveaoverlay) X(foveapublish) X(fovearestore) X(foveatranscribe)

#define FOVEA_ELEMENT_DECLARE(name) GST_ELEMENT_REGISTER_DECLARE(name)
FOVEA_ELEMENTS(FOVEA_ELEMENT_DECLARE)

/* Registers all elements; also called by the tests, which link the plugin statically. */
gboolean fovea_plugin_init(GstPlugin *plugin);
