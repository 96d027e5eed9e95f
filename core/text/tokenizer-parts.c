/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The parts of tokenizer.json around its model: each is an object with a type, null, or a sequence
 * of such.
 */
#include "text/tokenizer-internal.h"

/* The cut of GPT-2, as files write it. */
static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

typedef struct Parts {
    FoveaTokenizer *t;
    const FoveaTokenizerFile *file;
    GError **error;
    gboolean byte_level, template;
} Parts;

/* Takes one part that is no sequence; type is "" where it has none. */
typedef gboolean (*Part)(Parts *parts, const char *type, JsonObject *object);

static gboolean unknown(Parts *p, const char *name, const char *type)
{
    g_autofree char *start = g_strndup(type, 40);
    g_autofree char *valid = g_utf8_make_valid(start, -1);
    return fovea_fail(p->error, FOVEA_ERROR_UNSUPPORTED,
                      "%s: a %s of type \"%s\" is not supported here", p->file->path, name, valid);
}

static gboolean malformed(Parts *p, const char *name)
{
    return fovea_fail(p->error, FOVEA_ERROR_MODEL, "%s: its %s is malformed", p->file->path, name);
}

/* Calls part for each part of the member `name`; list: how a sequence calls its members. */
static gboolean each(Parts *p, const char *name, const char *list, Part part)
{
    JsonNode *node = json_object_get_member(p->file->root, name);
    if (node == NULL || JSON_NODE_HOLDS_NULL(node))
        return TRUE;
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return malformed(p, name);
    JsonObject *object = json_node_get_object(node);
    const char *type = fovea_json_string(object, "type");
    if (g_strcmp0(type, "Sequence") != 0)
        return part(p, type ? type : "", object);
    JsonArray *members = fovea_json_array(object, list);
    if (members == NULL)
        return malformed(p, name);
    for (guint i = 0; i < json_array_get_length(members); i++) {
        JsonNode *member = json_array_get_element(members, i);
        if (!JSON_NODE_HOLDS_OBJECT(member))
            return malformed(p, name);
        type = fovea_json_string(json_node_get_object(member), "type");
        if (!part(p, type ? type : "", json_node_get_object(member)))
            return FALSE;
    }
    return TRUE;
}

static gboolean flag(JsonObject *object, const char *name, gboolean otherwise)
{
    gboolean value = otherwise;
    return fovea_json_bool(object, name, &value) ? value : otherwise;
}

static gboolean normalizer(Parts *p, const char *type, JsonObject *object)
{
    if (strcmp(type, "NFC") != 0)
        return unknown(p, "normalizer", type);
    p->t->nfc = TRUE;
    return TRUE;
}

static gboolean pre_tokenizer(Parts *p, const char *type, JsonObject *object)
{
    if (p->byte_level) /* what comes after it would see letters, not text */
        return unknown(p, "pre_tokenizer", type);
    if (strcmp(type, "Split") == 0) {
        const char *pattern = fovea_json_string(fovea_json_object(object, "pattern"), "Regex");
        if (g_strcmp0(pattern, gpt2_pattern) != 0 || flag(object, "invert", FALSE) ||
            g_strcmp0(fovea_json_string(object, "behavior"), "Isolated") != 0)
            return fovea_fail(p->error, FOVEA_ERROR_UNSUPPORTED,
                              "%s: a Split is supported only with the pattern of GPT-2",
                              p->file->path);
        p->t->cut = TRUE;
        return TRUE;
    }
    if (strcmp(type, "ByteLevel") != 0)
        return unknown(p, "pre_tokenizer", type);
    p->byte_level = TRUE;
    p->t->prefix_space = flag(object, "add_prefix_space", TRUE);
    if (p->t->cut && p->t->prefix_space)
        return fovea_fail(p->error, FOVEA_ERROR_UNSUPPORTED,
                          "%s: add_prefix_space after a Split is not supported", p->file->path);
    /* Cutting twice with one pattern changes nothing. */
    p->t->cut |= flag(object, "use_regex", TRUE);
    return TRUE;
}

/* The ids of a special token of a template, by its name. */
static gboolean append_special(JsonObject *object, const char *name, GArray *ids)
{
    JsonObject *specials = fovea_json_object(object, "special_tokens");
    JsonArray *array = fovea_json_array(name ? fovea_json_object(specials, name) : NULL, "ids");
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        gint64 value;
        if (!fovea_json_node_integer(json_array_get_element(array, i), &value) || value < 0 ||
            value > G_MAXINT32)
            return FALSE;
        guint32 id = value;
        g_array_append_val(ids, id);
    }
    return array != NULL;
}

/* `single`: [{"SpecialToken": {"id": ...}}, {"Sequence": {"id": "A"}}, ...]. */
static gboolean read_template(Parts *p, JsonObject *object)
{
    JsonArray *single = fovea_json_array(object, "single");
    gboolean seen = FALSE;
    for (guint i = 0; single && i < json_array_get_length(single); i++) {
        JsonNode *node = json_array_get_element(single, i);
        JsonObject *piece = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        JsonObject *special = fovea_json_object(piece, "SpecialToken");
        if (special) {
            GArray *ids = seen ? p->t->after : p->t->before;
            if (!append_special(object, fovea_json_string(special, "id"), ids))
                return malformed(p, "post_processor");
        } else if (seen || !fovea_json_object(piece, "Sequence")) {
            return malformed(p, "post_processor");
        } else {
            seen = TRUE;
        }
    }
    return seen || malformed(p, "post_processor");
}

static gboolean post_processor(Parts *p, const char *type, JsonObject *object)
{
    if (strcmp(type, "ByteLevel") == 0) /* it only moves offsets */
        return TRUE;
    if (strcmp(type, "TemplateProcessing") != 0 || p->template)
        return unknown(p, "post_processor", type);
    p->template = TRUE;
    return read_template(p, object);
}

static gboolean decoder(Parts *p, const char *type, JsonObject *object)
{
    p->byte_level = strcmp(type, "ByteLevel") == 0;
    return p->byte_level || unknown(p, "decoder", type);
}

gboolean fovea_tokenizer_read_parts(FoveaTokenizer *tokenizer, const FoveaTokenizerFile *file,
                                    GError **error)
{
    Parts p = {tokenizer, file, error, FALSE, FALSE};
    if (!each(&p, "normalizer", "normalizers", normalizer) ||
        !each(&p, "pre_tokenizer", "pretokenizers", pre_tokenizer))
        return FALSE;
    if (!p.byte_level)
        return unknown(&p, "pre_tokenizer", "null");
    p.byte_level = FALSE;
    if (!each(&p, "decoder", "decoders", decoder))
        return FALSE;
    return p.byte_level ? each(&p, "post_processor", "processors", post_processor)
                        : unknown(&p, "decoder", "null");
}
