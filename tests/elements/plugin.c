/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plugin.c: the plugin as it is installed. Registering touches no driver, and every
 * element can be read about.
 */
#include <string.h>

#include <gst/gst.h>

static GstPlugin *plugin;

static void test_no_driver(void)
{
    GError *error = NULL;
    plugin = gst_plugin_load_file(g_getenv("FOVEA_PLUGIN"), &error);
    g_assert_no_error(error);
    char *maps = NULL;
    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, &error));
    g_assert_null(strstr(maps, "libvulkan_")); /* a driver; the loader is libvulkan.so */
    g_free(maps);
}

/* Each property of ours has a sentence, a readable default and, but for stats, can be written. */
static void check_properties(GstElement *element)
{
    guint n;
    GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &n);
    for (guint i = 0; i < n; i++) {
        if (!g_str_has_prefix(g_type_name(specs[i]->owner_type), "Fovea"))
            continue;
        const char *blurb = g_param_spec_get_blurb(specs[i]);
        g_assert_nonnull(blurb);
        g_assert_cmpuint(strlen(blurb), >, 10);
        g_assert_true(specs[i]->flags & G_PARAM_READABLE);
        GValue value = G_VALUE_INIT;
        g_value_init(&value, specs[i]->value_type);
        g_object_get_property(G_OBJECT(element), specs[i]->name, &value);
        if (specs[i]->flags & G_PARAM_WRITABLE)
            g_object_set_property(G_OBJECT(element), specs[i]->name, &value);
        g_value_unset(&value);
    }
    g_free(specs);
}

static void test_elements(void)
{
    static const char *const expected[] = {"foveadetect", "foveaoverlay", "foveapublish",
                                           "fovearestore"};
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        GstElementFactory *factory = gst_element_factory_find(expected[i]);
        g_assert_nonnull(factory);
        GstElement *element = gst_element_factory_create(factory, NULL);
        g_assert_nonnull(element);
        gst_object_ref_sink(element);
        check_properties(element);
        gst_object_unref(element);
        gst_object_unref(factory);
    }
    gst_object_unref(plugin);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plugin/no-driver", test_no_driver);
    g_test_add_func("/plugin/elements", test_elements);
    return g_test_run();
}
