/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "task/restore-config.h"

#include "fovea/task.h"
#include "task/picture-config.h"

#define MAX_SCALE 16
#define MAX_MULTIPLE 1024
#define MAX_TILE 65536

static gboolean bad(GError **error, const FoveaRestoreConfig *config, const char *what)
{
    return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "%s: %s", config->source, what);
}

/* A whole number of 1..most; absent: `value` stays. FALSE: it is there and is none. */
static gboolean whole_number(JsonObject *json, const char *name, gint most, gint *value)
{
    double number;
    if (!fovea_json_number(json, name, &number))
        return !json_object_has_member(json, name) || json_object_get_null_member(json, name);
    if (!(number >= 1 && number <= most) || number != (gint)number)
        return FALSE;
    *value = (gint)number;
    return TRUE;
}

static gboolean set_values(FoveaRestoreConfig *config, const FoveaConfigValues *values, double low,
                           double high, GError **error)
{
    memcpy(config->in_scale, values->scale, sizeof config->in_scale);
    memcpy(config->in_shift, values->shift, sizeof config->in_shift);
    config->bgr = values->bgr;
    if (low == high)
        return bad(error, config, "`output_range` is empty");
    config->out_scale = 255 / (high - low);
    config->out_shift = -low * 255 / (high - low);
    return TRUE;
}

/* ---- X.json beside X.onnx ---- */

/* What models of other tasks call theirs. */
static gboolean other_task(const char *task)
{
    static const char *const others[] = {
        "caption",       "classify",  "depth",   "detect", "g2p",   "keyword",   "ocr-detect",
        "ocr-recognise", "plate-ocr", "segment", "tag",    "track", "transcribe"};
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        if (g_str_equal(task, others[i]))
            return TRUE;
    return FALSE;
}

static gboolean own_padding(FoveaRestoreConfig *config, JsonObject *json, GError **error)
{
    const char *mode = fovea_json_string(json, "pad_mode");
    if (!whole_number(json, "pad_multiple", MAX_MULTIPLE, &config->pad_multiple))
        return bad(error, config, "`pad_multiple` is no whole number from 1 to 1024");
    if (!whole_number(json, "max_tile", MAX_TILE, &config->max_tile))
        return bad(error, config, "`max_tile` is no whole number from 1 to 65536");
    if (mode == NULL || g_str_equal(mode, "reflect"))
        config->pad_mode = FOVEA_PAD_REFLECT;
    else if (g_str_equal(mode, "symmetric"))
        config->pad_mode = FOVEA_PAD_SYMMETRIC;
    else if (g_str_equal(mode, "edge") || g_str_equal(mode, "replicate"))
        config->pad_mode = FOVEA_PAD_EDGE;
    else if (g_str_equal(mode, "zero") || g_str_equal(mode, "constant"))
        config->pad_mode = FOVEA_PAD_ZERO;
    else
        return bad(error, config, "`pad_mode` is none of reflect, symmetric, edge and zero");
    return TRUE;
}

static gboolean load_own(FoveaRestoreConfig *config, const char *path, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    FoveaConfigValues values;
    double range[2];
    JsonObject *json = fovea_config_open(path, &parser, &config->source, error);
    if (json == NULL)
        return FALSE;
    const char *task = fovea_json_string(json, "task");
    if (task && other_task(task))
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "%s: this model's task is \"%s\", not restoration", path, task);
    config->task = g_strdup(task ? task : "restore");
    if (!whole_number(json, "scale", MAX_SCALE, &config->scale))
        return bad(error, config, "`scale` is no whole number from 1 to 16");
    if (!fovea_config_own_values(json, path, &values, error) || !own_padding(config, json, error))
        return FALSE;
    if (!fovea_json_numbers(json, "output_range", 2, range)) {
        range[0] = values.low;
        range[1] = values.high;
    }
    return set_values(config, &values, range[0], range[1], error);
}

/* ---- the hub's layout ---- */

/* Source: transformers, Swin2SRImageProcessor: both sides grow to the next multiple, also where
 * they are one already, mirrored at the right and the bottom. */
static gboolean hub_padding(FoveaRestoreConfig *config, JsonObject *json, GError **error)
{
    const char *type = fovea_json_string(json, "image_processor_type");
    gboolean swin2sr = type && g_str_has_prefix(type, "Swin2SR"), pad = swin2sr;
    gint multiple = swin2sr ? 8 : 0;
    fovea_json_bool(json, "do_pad", &pad);
    if (!pad)
        return TRUE;
    if (!whole_number(json, "pad_size", MAX_MULTIPLE, &multiple) ||
        !whole_number(json, "size_divisor", MAX_MULTIPLE, &multiple) || multiple == 0)
        return bad(error, config,
                   "`do_pad` needs `pad_size` or `size_divisor`, a whole number from 1 to 1024");
    config->pad_multiple = multiple;
    config->pad_mode = FOVEA_PAD_SYMMETRIC;
    config->pad_always = TRUE;
    return TRUE;
}

static gboolean load_hub(FoveaRestoreConfig *config, const FoveaConfigFiles *files, GError **error)
{
    g_autoptr(JsonParser) parser = NULL, parser2 = NULL;
    FoveaConfigValues values;
    JsonObject *json = fovea_config_open(files->model, &parser, &config->source, error);
    if (json == NULL)
        return FALSE;
    if (!whole_number(json, "upscale", MAX_SCALE, &config->scale))
        return bad(error, config, "`upscale` is no whole number from 1 to 16");
    config->task = g_strdup(config->scale > 1 ? "super-resolution" : "restore");
    json = fovea_config_open(files->pixels, &parser2, &config->source, error);
    if (json == NULL)
        return FALSE;
    return fovea_config_hub_values(json, files->pixels, &values, error) &&
           hub_padding(config, json, error) &&
           set_values(config, &values, values.low, values.high, error);
}

gboolean fovea_restore_config_load(FoveaRestoreConfig *config, const char *onnx_path,
                                   GError **error)
{
    g_auto(FoveaConfigFiles) files = {NULL, NULL, NULL};
    memset(config, 0, sizeof *config);
    config->pad_multiple = 1;
    if (!fovea_config_find(onnx_path, &files, error))
        return FALSE;
    return files.own ? load_own(config, files.own, error) : load_hub(config, &files, error);
}

void fovea_restore_config_clear(FoveaRestoreConfig *config)
{
    g_clear_pointer(&config->task, g_free);
    g_clear_pointer(&config->source, g_free);
}

gint fovea_restore_config_padded(const FoveaRestoreConfig *config, gint size)
{
    gint64 multiple = config->pad_multiple, blocks = ((gint64)size + multiple - 1) / multiple;
    if (config->pad_always && size % multiple == 0)
        blocks++;
    return (gint)MIN(blocks * multiple, G_MAXINT);
}

gint fovea_pad_source(FoveaPadMode mode, gint at, gint size)
{
    if (at >= 0 && at < size)
        return at;
    if (mode == FOVEA_PAD_ZERO)
        return -1;
    if (mode == FOVEA_PAD_EDGE || size == 1)
        return CLAMP(at, 0, size - 1);
    /* Mirrors stand at both ends: the pattern repeats after a way there and back. */
    gint64 period = 2 * (gint64)size - (mode == FOVEA_PAD_REFLECT ? 2 : 0);
    gint64 i = at % period;
    if (i < 0)
        i += period;
    return (gint)(i < size ? i : 2 * (gint64)size - (mode == FOVEA_PAD_REFLECT ? 2 : 1) - i);
}

gint fovea_restorer_peek_scale(const char *model)
{
    FoveaRestoreConfig config;
    g_autofree char *path = model ? fovea_model_find_file(model, NULL) : NULL;
    if (path == NULL)
        return 0;
    gint scale = fovea_restore_config_load(&config, path, NULL) ? config.scale : 0;
    fovea_restore_config_clear(&config);
    return scale;
}
