/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "task/detect-config.h"
#include "task/labels.h"
#include "task/picture-config.h"

#define MAX_EDGE 16384

static gboolean bad(GError **error, const FoveaDetectConfig *config, const char *what)
{
    return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "%s: %s", config->source, what);
}

/* A size in pixels, or 0 where it makes no sense. */
static gint edge(double value)
{
    return value >= 1 && value <= MAX_EDGE ? (gint)value : 0;
}

static gboolean set_pixels(FoveaDetectConfig *config, const FoveaConfigValues *values,
                           JsonObject *json, GError **error)
{
    double filter;
    memcpy(config->pre.scale, values->scale, sizeof config->pre.scale);
    memcpy(config->pre.shift, values->shift, sizeof config->pre.shift);
    config->pre.bgr = values->bgr;
    if (!fovea_json_number(json, "resample", &filter))
        return TRUE;
    if (filter < FOVEA_FILTER_NEAREST || filter > FOVEA_FILTER_HAMMING)
        return bad(error, config, "`resample` is none of Pillow's filters");
    config->pre.pillow = TRUE;
    config->pre.filter = (FoveaFilter)filter;
    return TRUE;
}

/* ---- X.json beside X.onnx ---- */

static gboolean own_pixels(FoveaDetectConfig *config, JsonObject *json, GError **error)
{
    FoveaConfigValues values;
    return fovea_config_own_values(json, config->source, &values, error) &&
           set_pixels(config, &values, json, error);
}

static gboolean own_size(FoveaDetectConfig *config, JsonObject *json, GError **error)
{
    const char *resize = fovea_json_string(json, "resize");
    double size[2], pad;
    if (fovea_json_numbers(json, "size", 2, size)) {
        config->sizing = FOVEA_SIZING_FIXED;
        config->width = edge(size[0]);
        config->height = edge(size[1]);
        if (!config->width || !config->height)
            return bad(error, config, "`size` (width, height) is out of range");
    }
    if (resize == NULL || g_str_equal(resize, "stretch"))
        config->fit = FOVEA_FIT_STRETCH;
    else if (g_str_equal(resize, "letterbox"))
        config->fit = FOVEA_FIT_LETTERBOX;
    else if (g_str_equal(resize, "letterbox-top-left"))
        config->fit = FOVEA_FIT_LETTERBOX_CORNER;
    else
        return bad(error, config, "`resize` is none of stretch, letterbox and letterbox-top-left");
    /* The colour outside the picture, 0..255, before normalisation. */
    if (!fovea_json_number(json, "pad_value", &pad))
        pad = 0;
    for (guint c = 0; c < 3; c++)
        config->pre.pad[c] = pad * config->pre.scale[c] + config->pre.shift[c];
    return TRUE;
}

static gboolean own_scores(FoveaDetectConfig *config, JsonObject *json, GError **error)
{
    const char *activation = fovea_json_string(json, "activation");
    double top_k;
    if (activation == NULL)
        return TRUE;
    /* A remark may follow the word. */
    gsize word = strcspn(activation, " ,;(");
    if (strncmp(activation, "none", MAX(word, 4)) == 0)
        config->scores = FOVEA_SCORES_GIVEN;
    else if (strncmp(activation, "softmax", MAX(word, 7)) == 0)
        config->scores = FOVEA_SCORES_SOFTMAX;
    else if (strncmp(activation, "sigmoid", MAX(word, 7)) == 0)
        config->scores = FOVEA_SCORES_SIGMOID;
    else
        return bad(error, config, "`activation` is none of none, softmax and sigmoid");
    if (fovea_json_number(json, "top_k", &top_k))
        config->top_k = edge(top_k);
    return TRUE;
}

static gboolean load_own(FoveaDetectConfig *config, const char *path, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    JsonObject *json = fovea_config_open(path, &parser, &config->source, error);
    if (json == NULL)
        return FALSE;
    const char *task = fovea_json_string(json, "task");
    if (task && !g_str_equal(task, "detect"))
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "%s: this model's task is \"%s\", not detection", path, task);
    if (!own_pixels(config, json, error) || !own_size(config, json, error) ||
        !own_scores(config, json, error))
        return FALSE;
    const char *file = fovea_json_string(json, "labels");
    if (file) {
        g_autofree char *folder = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(file); /* never outside the folder */
        g_autofree char *full = g_build_filename(folder, name, NULL);
        config->labels = fovea_labels_read(full, error);
        return config->labels != NULL;
    }
    config->labels = fovea_labels_from_array(json, "labels");
    return TRUE;
}

/* ---- the hub's layout ---- */

/* The models whose post_process_object_detection we know (transformers 5.23). */
static const struct {
    const char *type;
    FoveaScores scores;
    gint top_k;
} hub_models[] = {
    {"conditional_detr", FOVEA_SCORES_SIGMOID, 100},
    {"d_fine", FOVEA_SCORES_SIGMOID, 0},
    {"deformable_detr", FOVEA_SCORES_SIGMOID, 100},
    {"deimv2", FOVEA_SCORES_SIGMOID, 0},
    {"detr", FOVEA_SCORES_SOFTMAX, 0},
    {"lw_detr", FOVEA_SCORES_SIGMOID, 100},
    {"rf_detr", FOVEA_SCORES_SIGMOID, 0},
    {"rt_detr", FOVEA_SCORES_SIGMOID, 0},
    {"rt_detr_v2", FOVEA_SCORES_SIGMOID, 0},
    {"table-transformer", FOVEA_SCORES_SOFTMAX, 0},
    {"yolos", FOVEA_SCORES_SOFTMAX, 0},
};

static void hub_scores(FoveaDetectConfig *config, JsonObject *json)
{
    const char *type = fovea_json_string(json, "model_type");
    gboolean focal;
    for (guint i = 0; type && i < G_N_ELEMENTS(hub_models); i++)
        if (g_str_equal(type, hub_models[i].type)) {
            config->scores = hub_models[i].scores;
            config->top_k = hub_models[i].top_k;
        }
    /* RT-DETR and its heirs may be trained with a background class instead. */
    if (config->scores == FOVEA_SCORES_SIGMOID && config->top_k == 0 &&
        fovea_json_bool(json, "use_focal_loss", &focal) && !focal)
        config->scores = FOVEA_SCORES_SOFTMAX;
}

static gboolean hub_size(FoveaDetectConfig *config, JsonObject *json, GError **error)
{
    JsonObject *size = fovea_json_object(json, "size");
    double a = 0, b = 0, list[2];
    if (fovea_json_number(size, "height", &a) && fovea_json_number(size, "width", &b)) {
        config->sizing = FOVEA_SIZING_FIXED;
    } else if (fovea_json_number(size, "shortest_edge", &a)) {
        config->sizing = FOVEA_SIZING_SHORTEST_EDGE;
        if (!fovea_json_number(size, "longest_edge", &b))
            b = 0;
    } else if (fovea_json_number(size, "max_height", &a) &&
               fovea_json_number(size, "max_width", &b)) {
        config->sizing = FOVEA_SIZING_WITHIN;
    } else if (fovea_json_number(size, "longest_edge", &a)) {
        config->sizing = FOVEA_SIZING_WITHIN;
        b = a;
    } else if (fovea_json_number(json, "size", &a)) { /* before 2023 */
        config->sizing = FOVEA_SIZING_SHORTEST_EDGE;
        if (!fovea_json_number(json, "max_size", &b))
            b = 0;
    } else if (fovea_json_numbers(json, "size", 2, list)) {
        config->sizing = FOVEA_SIZING_FIXED;
        a = list[0];
        b = list[1];
    } else {
        return bad(error, config, "`size` says nothing that we know");
    }
    gboolean by_edge = config->sizing == FOVEA_SIZING_SHORTEST_EDGE;
    if (!edge(a) || (!edge(b) && (!by_edge || b != 0)))
        return bad(error, config, "`size` is out of range");
    if (by_edge) {
        config->shortest = edge(a);
        config->longest = edge(b);
    } else {
        config->height = edge(a);
        config->width = edge(b);
    }
    return TRUE;
}

static gboolean hub_pixels(FoveaDetectConfig *config, JsonObject *json, GError **error)
{
    FoveaConfigValues values;
    return fovea_config_hub_values(json, config->source, &values, error) &&
           set_pixels(config, &values, json, error);
}

static gboolean hub_padding(FoveaDetectConfig *config, JsonObject *json, GError **error)
{
    JsonObject *size = fovea_json_object(json, "pad_size");
    double width, height;
    gboolean pad = FALSE;
    fovea_json_bool(json, "do_pad", &pad);
    /* The hub pads at the right and the bottom, which is where the geometry below puts it. */
    if (!pad || !fovea_json_number(size, "width", &width) ||
        !fovea_json_number(size, "height", &height))
        return TRUE;
    config->pad_width = edge(width);
    config->pad_height = edge(height);
    if (!config->pad_width || !config->pad_height)
        return bad(error, config, "`pad_size` is out of range");
    return TRUE;
}

static gboolean load_hub(FoveaDetectConfig *config, const FoveaConfigFiles *files, GError **error)
{
    g_autoptr(JsonParser) parser = NULL, parser2 = NULL;
    gboolean resize = TRUE;

    JsonObject *json = fovea_config_open(files->model, &parser, &config->source, error);
    if (json == NULL)
        return FALSE;
    hub_scores(config, json);
    config->labels = fovea_labels_from_id2label(json);
    json = fovea_config_open(files->pixels, &parser2, &config->source, error);
    if (json == NULL)
        return FALSE;
    fovea_json_bool(json, "do_resize", &resize);
    return hub_pixels(config, json, error) && (!resize || hub_size(config, json, error)) &&
           hub_padding(config, json, error);
}

gboolean fovea_detect_config_load(FoveaDetectConfig *config, const char *onnx_path, GError **error)
{
    g_auto(FoveaConfigFiles) files = {NULL, NULL, NULL};
    memset(config, 0, sizeof *config);
    if (!fovea_config_find(onnx_path, &files, error))
        return FALSE;
    return files.own ? load_own(config, files.own, error) : load_hub(config, &files, error);
}

void fovea_detect_config_clear(FoveaDetectConfig *config)
{
    g_clear_pointer(&config->labels, g_ptr_array_unref);
    g_clear_pointer(&config->source, g_free);
}

/* Source: transformers, get_size_with_aspect_ratio (its rounding included). */
static void shortest_edge(gint shortest, gint longest, gint width, gint height, FoveaPlacement *to)
{
    double small = MIN(width, height), large = MAX(width, height), exact = shortest;
    if (longest > 0 && large / small * shortest > longest) {
        exact = longest * small / large;
        shortest = (gint)nearbyint(exact); /* as Python rounds: halves to even */
    }
    if (MIN(width, height) == shortest) {
        to->width = width;
        to->height = height;
    } else if (width < height) {
        to->width = shortest;
        to->height = (gint)(exact * height / width);
    } else {
        to->height = shortest;
        to->width = (gint)(exact * width / height);
    }
}

static void content_size(const FoveaDetectConfig *config, gint model_width, gint model_height,
                         gint from_width, gint from_height, FoveaPlacement *place)
{
    double scale;
    switch (config->sizing) {
    case FOVEA_SIZING_MODEL:
        place->width = model_width ? model_width : from_width;
        place->height = model_height ? model_height : from_height;
        break;
    case FOVEA_SIZING_FIXED:
        place->width = config->width;
        place->height = config->height;
        break;
    case FOVEA_SIZING_SHORTEST_EDGE:
        shortest_edge(config->shortest, config->longest, from_width, from_height, place);
        break;
    case FOVEA_SIZING_WITHIN:
        scale = MIN((double)config->width / from_width, (double)config->height / from_height);
        place->width = (gint)(from_width * scale);
        place->height = (gint)(from_height * scale);
        break;
    }
    place->width = CLAMP(place->width, 1, MAX_EDGE);
    place->height = CLAMP(place->height, 1, MAX_EDGE);
}

void fovea_detect_geometry(const FoveaDetectConfig *config, gint model_width, gint model_height,
                           gint from_width, gint from_height, gint *width, gint *height,
                           FoveaPlacement *place)
{
    gboolean keeps_shape = config->sizing == FOVEA_SIZING_SHORTEST_EDGE ||
                           config->sizing == FOVEA_SIZING_WITHIN;
    *place = (FoveaPlacement){0, 0, 0, 0};
    content_size(config, model_width, model_height, from_width, from_height, place);
    *width = model_width ? model_width : MAX(config->pad_width, place->width);
    *height = model_height ? model_height : MAX(config->pad_height, place->height);
    /* A network whose input is declared with other sizes takes its own. */
    if (!keeps_shape && !config->pad_width)
        fovea_fit_place(config->fit, from_width, from_height, *width, *height, place);
    else if (place->width > *width || place->height > *height)
        fovea_fit_place(keeps_shape ? FOVEA_FIT_LETTERBOX_CORNER : FOVEA_FIT_STRETCH, from_width,
                        from_height, *width, *height, place);
}
