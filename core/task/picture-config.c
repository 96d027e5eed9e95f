/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "task/picture-config.h"

gboolean fovea_config_find(const char *onnx_path, FoveaConfigFiles *files, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(onnx_path);
    g_autofree char *above = g_path_get_dirname(folder);
    const char *folders[] = {folder, above};
    const char *dot = strrchr(onnx_path, '.');
    gsize stem = dot ? (gsize)(dot - onnx_path) : strlen(onnx_path);
    g_autofree char *own = g_strdup_printf("%.*s.json", (int)stem, onnx_path);

    memset(files, 0, sizeof *files);
    if (g_file_test(own, G_FILE_TEST_EXISTS)) {
        files->own = g_steal_pointer(&own);
        return TRUE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *model = g_build_filename(folders[i], "config.json", NULL);
        g_autofree char *pixels = g_build_filename(folders[i], "preprocessor_config.json", NULL);
        if (!g_file_test(model, G_FILE_TEST_EXISTS))
            continue;
        files->model = g_steal_pointer(&model);
        if (g_file_test(pixels, G_FILE_TEST_EXISTS))
            files->pixels = g_steal_pointer(&pixels);
        return TRUE;
    }
    return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                      "Neither %s nor a config.json says how pictures are prepared for %s", own,
                      onnx_path);
}

void fovea_config_files_clear(FoveaConfigFiles *files)
{
    g_clear_pointer(&files->own, g_free);
    g_clear_pointer(&files->model, g_free);
    g_clear_pointer(&files->pixels, g_free);
}

static gboolean bad(GError **error, const char *source, const char *what)
{
    return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "%s: %s", source, what);
}

JsonObject *fovea_config_open(const char *path, JsonParser **parser, char **source, GError **error)
{
    if (path == NULL) {
        bad(error, *source,
            "no preprocessor_config.json lies beside it, so nothing says how its pictures are "
            "prepared");
        return NULL;
    }
    JsonObject *json = fovea_json_load(path, parser, error);
    if (json == NULL)
        return NULL;
    g_free(*source);
    *source = g_strdup(path);
    return json;
}

/* value = colour * factor + low, then (value - mean) / std. mean and std come in the order of the
 * planes that the network reads. */
static gboolean set_values(FoveaConfigValues *values, const char *source, double low, double high,
                           const double mean[3], const double std[3], GError **error)
{
    if (low == high)
        return bad(error, source, "the range of its input is empty");
    for (guint c = 0; c < 3; c++) {
        if (!(std[c] > 0))
            return bad(error, source, "a standard deviation is not positive");
        values->scale[c] = (high - low) / 255 / std[c];
        values->shift[c] = (low - mean[c]) / std[c];
    }
    values->low = low;
    values->high = high;
    return TRUE;
}

gboolean fovea_config_own_values(JsonObject *json, const char *source, FoveaConfigValues *values,
                                 GError **error)
{
    double range[2], mean[3] = {0, 0, 0}, std[3] = {1, 1, 1};
    const char *colour = fovea_json_string(json, "colour");
    const char *layout = fovea_json_string(json, "layout");
    if (!fovea_json_numbers(json, "input_range", 2, range))
        return bad(error, source, "`input_range` (two numbers) is missing");
    if (colour && !g_str_equal(colour, "rgb") && !g_str_equal(colour, "bgr"))
        return bad(error, source, "`colour` is neither rgb nor bgr");
    if (layout && !g_str_equal(layout, "NCHW"))
        return bad(error, source, "`layout` is not NCHW");
    fovea_json_numbers(json, "mean", 3, mean);
    fovea_json_numbers(json, "std", 3, std);
    values->bgr = colour && g_str_equal(colour, "bgr");
    return set_values(values, source, range[0], range[1], mean, std, error);
}

gboolean fovea_config_hub_values(JsonObject *json, const char *source, FoveaConfigValues *values,
                                 GError **error)
{
    double factor = 1.0 / 255, mean[3] = {0, 0, 0}, std[3] = {1, 1, 1};
    gboolean rescale = TRUE, normalise, flip = FALSE;
    fovea_json_bool(json, "do_rescale", &rescale);
    fovea_json_bool(json, "do_flip_channel_order", &flip);
    fovea_json_number(json, "rescale_factor", &factor);
    gboolean given = fovea_json_numbers(json, "image_mean", 3, mean) &&
                     fovea_json_numbers(json, "image_std", 3, std);
    if (!fovea_json_bool(json, "do_normalize", &normalise))
        normalise = given;
    if (normalise && !given)
        return bad(error, source, "`do_normalize` needs `image_mean` and `image_std`");
    if (!normalise)
        for (guint c = 0; c < 3; c++) {
            mean[c] = 0;
            std[c] = 1;
        }
    values->bgr = flip;
    return set_values(values, source, 0, 255 * (rescale ? factor : 1), mean, std, error);
}
