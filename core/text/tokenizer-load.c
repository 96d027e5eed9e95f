/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tokenizer.json into a tokenizer. `truncation` and `padding` are left to the caller, as Python's
 * tokenizers of a model do.
 */
#include "text/tokenizer-internal.h"

/* Ids are indices of a table; the largest vocabularies in use have about 260,000. */
#define ID_END (1 << 21)
/* A long one would make every place of a text that begins like it dear. */
#define CONTENT_MAX 1024
typedef struct Reader {
    FoveaTokenizer *t;
    JsonObject *root;
    const char *path;
    GError **error;
} Reader;

#define BAD(r, ...) (bad(r, FOVEA_ERROR_MODEL, __VA_ARGS__))
#define UNKNOWN(r, ...) (bad(r, FOVEA_ERROR_UNSUPPORTED, __VA_ARGS__))

G_GNUC_PRINTF(3, 4)
static gboolean bad(Reader *r, FoveaError code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *valid = g_utf8_make_valid(what, -1); /* a name may have been cut */
    return fovea_fail(r->error, code, "%s: %s", r->path, valid);
}

/* TRUE where the member is absent or null. */
static gboolean absent(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node == NULL || JSON_NODE_HOLDS_NULL(node);
}

static gboolean flag(JsonObject *object, const char *name, gboolean otherwise)
{
    gboolean value = otherwise;
    return fovea_json_bool(object, name, &value) ? value : otherwise;
}

static gboolean node_id(JsonNode *node, guint32 *id)
{
    gint64 value;
    if (!fovea_json_node_integer(node, &value) || value < 0 || value >= ID_END)
        return FALSE;
    *id = value;
    return TRUE;
}

/* ---- tokens ---- */

/* Appends what a token decodes to: the bytes its letters stand for, or where one is no letter of
 * the alphabet its text as it is. */
static void append_decoded(GString *bytes, const char *text)
{
    gsize start = bytes->len;
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gint byte = fovea_byte_of_letter(g_utf8_get_char(p));
        if (byte < 0) {
            g_string_truncate(bytes, start);
            g_string_append(bytes, text);
            return;
        }
        g_string_append_c(bytes, byte);
    }
}

static void set_token(FoveaTokenizer *t, guint32 id, const char *name, const char *text)
{
    FoveaToken *token = &t->tokens[id];
    token->used = TRUE;
    token->offset = t->bytes->len;
    append_decoded(t->bytes, text);
    token->length = t->bytes->len - token->offset;
    g_hash_table_insert(t->ids, g_string_chunk_insert(t->names, name), GINT_TO_POINTER(id + 1));
}

static gboolean read_vocabulary(Reader *r, JsonObject *vocabulary)
{
    JsonObjectIter iter;
    const char *text;
    JsonNode *node;
    json_object_iter_init(&iter, vocabulary);
    while (json_object_iter_next(&iter, &text, &node)) {
        guint32 id = 0;
        node_id(node, &id); /* make_tokens has looked */
        if (r->t->tokens[id].used)
            return BAD(r, "two tokens have the id %u", id);
        set_token(r->t, id, text, text);
        r->t->tokens[id].learned = TRUE;
    }
    for (guint byte = 0; byte < 256; byte++) {
        char letter[7] = {0};
        g_unichar_to_utf8(fovea_letter_of_byte(byte), letter);
        gint id = fovea_tokenizer_find(r->t, letter);
        r->t->letter[byte] = id < 0 ? FOVEA_NO_TOKEN : (guint32)id;
    }
    return TRUE;
}

static gboolean read_added(Reader *r, JsonObject *object)
{
    FoveaTokenizer *t = r->t;
    guint32 id = 0;
    const char *content = fovea_json_string(object, "content");
    node_id(json_object_get_member(object, "id"), &id); /* make_tokens has looked */
    if (content == NULL)
        return BAD(r, "the added token %u has no content", id);
    if (*content == 0)
        return TRUE;
    if (strlen(content) > CONTENT_MAX)
        return UNKNOWN(r, "the added token %u is longer than %d bytes", id, CONTENT_MAX);
    gint known = fovea_tokenizer_find(t, content);
    if (known >= 0 ? (guint32)known != id : t->tokens[id].used)
        return BAD(r, "the added token %u contradicts another token", id);
    gboolean special = flag(object, "special", FALSE);
    t->tokens[id].special |= special;
    gboolean normalized = flag(object, "normalized", !special);
    FoveaAdded added = {.id = id,
                        .lstrip = flag(object, "lstrip", FALSE),
                        .rstrip = flag(object, "rstrip", FALSE),
                        .single_word = flag(object, "single_word", FALSE)};
    added.content = normalized && t->nfc ? g_utf8_normalize(content, -1, G_NORMALIZE_NFC)
                                         : g_strdup(content);
    added.length = strlen(added.content);
    if (known < 0)
        set_token(t, id, content, added.content);
    g_array_append_val(normalized ? t->normalized : t->raw, added);
    return TRUE;
}

/* ---- merges ---- */

/* "a b" or ["a", "b"]. */
static gboolean split_merge(JsonNode *node, char **left, char **right)
{
    const char *both = fovea_json_node_string(node), *one = NULL, *other = NULL;
    if (both) {
        const char *blank = strchr(both, ' ');
        if (blank == NULL || strchr(blank + 1, ' '))
            return FALSE;
        *left = g_strndup(both, blank - both);
        *right = g_strdup(blank + 1);
        return TRUE;
    }
    JsonArray *pair = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (pair && json_array_get_length(pair) == 2) {
        one = fovea_json_node_string(json_array_get_element(pair, 0));
        other = fovea_json_node_string(json_array_get_element(pair, 1));
    }
    if (one == NULL || other == NULL)
        return FALSE;
    *left = g_strdup(one);
    *right = g_strdup(other);
    return TRUE;
}

static gboolean read_merges(Reader *r, JsonArray *merges)
{
    guint n = merges ? json_array_get_length(merges) : 0;
    if (merges == NULL)
        return BAD(r, "the model has no list of merges");
    if (!fovea_merges_reserve(r->t, n, r->error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        g_autofree char *left = NULL, *right = NULL, *both = NULL;
        if (!split_merge(json_array_get_element(merges, i), &left, &right))
            return BAD(r, "merge %u is no pair of tokens", i);
        both = g_strconcat(left, right, NULL);
        gint a = fovea_tokenizer_find(r->t, left), b = fovea_tokenizer_find(r->t, right);
        gint ab = fovea_tokenizer_find(r->t, both);
        if (a < 0 || b < 0 || ab < 0)
            return BAD(r, "merge %u has a part that is no token", i);
        fovea_merges_set(r->t, &(FoveaMerge){a, b, i, ab});
    }
    return TRUE;
}

static gboolean make_tokens(Reader *r, JsonObject *model, JsonObject *vocabulary, JsonArray *added)
{
    guint32 size = 0, id = 0;
    JsonObjectIter iter;
    const char *text;
    JsonNode *node;
    json_object_iter_init(&iter, vocabulary);
    while (json_object_iter_next(&iter, &text, &node)) {
        if (!node_id(node, &id))
            return BAD(r, "a token's id is no whole number from 0 to %d", ID_END - 1);
        size = MAX(size, id + 1);
    }
    guint n = added ? json_array_get_length(added) : 0;
    for (guint i = 0; i < n; i++) {
        node = json_array_get_element(added, i);
        if (!JSON_NODE_HOLDS_OBJECT(node) ||
            !node_id(json_object_get_member(json_node_get_object(node), "id"), &id))
            return BAD(r, "an added token's id is no whole number from 0 to %d", ID_END - 1);
        size = MAX(size, id + 1);
    }
    if (size == 0)
        return BAD(r, "there is no token");
    r->t->size = size;
    r->t->tokens = fovea_try_alloc(size, sizeof(FoveaToken), r->error);
    if (r->t->tokens == NULL || !read_vocabulary(r, vocabulary) ||
        !read_merges(r, fovea_json_array(model, "merges")))
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!read_added(r, json_array_get_object_element(added, i)))
            return FALSE;
    g_array_sort(r->t->raw, fovea_added_compare);
    g_array_sort(r->t->normalized, fovea_added_compare);
    return TRUE;
}

/* Options that would change the result and that we have no code for. */
static gboolean check_options(Reader *r, JsonObject *model)
{
    double dropout = 0;
    if (!absent(model, "dropout") &&
        (!fovea_json_number(model, "dropout", &dropout) || dropout != 0))
        return UNKNOWN(r, "dropout of merges is not supported");
    static const char *const names[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = fovea_json_string(model, names[i]);
        if (!absent(model, names[i]) && (value == NULL || *value))
            return UNKNOWN(r, "%s is not supported", names[i]);
    }
    if (flag(model, "byte_fallback", FALSE))
        return UNKNOWN(r, "byte_fallback is not supported");
    return TRUE;
}

static gboolean read_model(Reader *r)
{
    JsonObject *model = fovea_json_object(r->root, "model");
    if (model == NULL)
        return BAD(r, "it has no model");
    const char *type = fovea_json_string(model, "type");
    if (type && strcmp(type, "BPE") != 0)
        return UNKNOWN(r, "a tokenizer of type %.40s is not supported, only BPE", type);
    JsonObject *vocabulary = fovea_json_object(model, "vocab");
    if (vocabulary == NULL)
        return BAD(r, "the model has no vocabulary");
    if (!absent(r->root, "added_tokens") && !fovea_json_array(r->root, "added_tokens"))
        return BAD(r, "added_tokens is no list");
    if (!check_options(r, model) ||
        !make_tokens(r, model, vocabulary, fovea_json_array(r->root, "added_tokens")))
        return FALSE;
    r->t->whole_pieces = flag(model, "ignore_merges", FALSE);
    for (guint byte = 0; byte < 256 && !absent(model, "unk_token"); byte++)
        if (r->t->letter[byte] == FOVEA_NO_TOKEN)
            return UNKNOWN(r, "unk_token is supported only where every byte has a token");
    return TRUE;
}

static gboolean check_template(Reader *r, const GArray *ids)
{
    for (guint i = 0; i < ids->len; i++) {
        guint32 id = g_array_index(ids, guint32, i);
        if (id >= r->t->size || !r->t->tokens[id].used)
            return BAD(r, "the post_processor adds the token %u, which there is not", id);
    }
    return TRUE;
}

gboolean fovea_tokenizer_read(FoveaTokenizer *tokenizer, const char *path, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    JsonObject *root = fovea_json_load(path, &parser, error);
    if (root == NULL)
        return FALSE;
    Reader reader = {tokenizer, root, path, error};
    FoveaTokenizerFile file = {path, root};
    return fovea_tokenizer_read_parts(tokenizer, &file, error) && read_model(&reader) &&
           check_template(&reader, tokenizer->before) && check_template(&reader, tokenizer->after);
}
