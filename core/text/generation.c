/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text/generation.h"

#include <math.h>

#include "base/json.h"

#define ID_END (1 << 24)

static gboolean bad(GError **error, const char *path, const char *name)
{
    return fovea_fail(error, FOVEA_ERROR_MODEL, "%s: %s is missing or not as it should be", path,
                      name);
}

static gboolean node_id(JsonNode *node, gint64 *id)
{
    return fovea_json_node_integer(node, id) && *id >= 0 && *id < ID_END;
}

static JsonNode *member(JsonObject *root, const char *name)
{
    JsonNode *node = json_object_get_member(root, name);
    return node && !JSON_NODE_HOLDS_NULL(node) ? node : NULL;
}

/* A whole number, or the first of a list of them (a model may have several ends). */
static gboolean read_id(JsonObject *root, const char *name, guint32 *out)
{
    gint64 value;
    JsonNode *node = member(root, name);
    if (node && JSON_NODE_HOLDS_ARRAY(node) && json_array_get_length(json_node_get_array(node)))
        node = json_array_get_element(json_node_get_array(node), 0);
    if (!node_id(node, &value))
        return FALSE;
    *out = value;
    return TRUE;
}

static gboolean read_ids(JsonObject *root, const char *name, GArray *out)
{
    if (member(root, name) == NULL)
        return TRUE;
    JsonArray *array = fovea_json_array(root, name);
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        gint64 id;
        if (!node_id(json_array_get_element(array, i), &id))
            return FALSE;
        guint32 value = id;
        g_array_append_val(out, value);
    }
    return array != NULL;
}

/* [[1, id], [2, id], ...]: position, token. */
static gboolean read_forced(FoveaGeneration *g, JsonObject *root, const char *path, GError **error)
{
    static const char name[] = "forced_decoder_ids";
    if (member(root, name) == NULL)
        return TRUE;
    JsonArray *array = fovea_json_array(root, name);
    if (array == NULL)
        return bad(error, path, name);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        JsonArray *pair = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
        gint64 position, id;
        if (pair == NULL || json_array_get_length(pair) != 2 ||
            !node_id(json_array_get_element(pair, 0), &position) || position != i + 1)
            return bad(error, path, name);
        JsonNode *token = json_array_get_element(pair, 1);
        if (JSON_NODE_HOLDS_NULL(token))
            return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                              "%s: the language is left open; models that detect it are not "
                              "supported yet",
                              path);
        if (!node_id(token, &id))
            return bad(error, path, name);
        guint32 value = id;
        g_array_append_val(g->forced, value);
    }
    return TRUE;
}

/* Numbers that may be absent keep what *value is. */
static gboolean read_optional(JsonObject *root, const char *name, gint *value)
{
    gint64 number;
    if (member(root, name) == NULL)
        return TRUE;
    if (!node_id(member(root, name), &number))
        return FALSE;
    *value = number;
    return TRUE;
}

static gboolean read_all(FoveaGeneration *g, JsonObject *root, const char *path, GError **error)
{
    gint longest = 448; /* Whisper's, where the file says nothing */
    if (!read_id(root, "decoder_start_token_id", &g->start))
        return bad(error, path, "decoder_start_token_id");
    if (!read_id(root, "eos_token_id", &g->end))
        return bad(error, path, "eos_token_id");
    if (!read_forced(g, root, path, error))
        return FALSE;
    if (!read_ids(root, "suppress_tokens", g->suppress))
        return bad(error, path, "suppress_tokens");
    if (!read_ids(root, "begin_suppress_tokens", g->begin_suppress))
        return bad(error, path, "begin_suppress_tokens");
    if (!read_optional(root, "no_timestamps_token_id", &g->no_timestamps))
        return bad(error, path, "no_timestamps_token_id");
    if (!read_optional(root, "max_initial_timestamp_index", &g->max_initial_timestamp))
        return bad(error, path, "max_initial_timestamp_index");
    if (!read_optional(root, "max_length", &longest) || longest == 0)
        return bad(error, path, "max_length");
    g->timestamp_begin = g->no_timestamps < 0 ? -1 : g->no_timestamps + 1;
    g->max_length = longest;
    return TRUE;
}

gboolean fovea_generation_load(FoveaGeneration *generation, const char *path, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    *generation = (FoveaGeneration){.forced = g_array_new(FALSE, FALSE, sizeof(guint32)),
                                    .suppress = g_array_new(FALSE, FALSE, sizeof(guint32)),
                                    .begin_suppress = g_array_new(FALSE, FALSE, sizeof(guint32)),
                                    .no_timestamps = -1,
                                    .timestamp_begin = -1,
                                    .max_initial_timestamp = -1,
                                    .no_speech = -1};
    JsonObject *root = fovea_json_load(path, &parser, error);
    if (root && read_all(generation, root, path, error))
        return TRUE;
    fovea_generation_clear(generation);
    return FALSE;
}

void fovea_generation_clear(FoveaGeneration *generation)
{
    g_clear_pointer(&generation->forced, g_array_unref);
    g_clear_pointer(&generation->suppress, g_array_unref);
    g_clear_pointer(&generation->begin_suppress, g_array_unref);
}

static void forbid(float *logits, gsize vocabulary, const GArray *ids)
{
    for (guint i = 0; i < ids->len; i++) {
        guint32 id = g_array_index(ids, guint32, i);
        if (id < vocabulary)
            logits[id] = -INFINITY;
    }
}

static void forbid_range(float *logits, gsize vocabulary, gsize from, gsize to)
{
    for (gsize i = from; i < MIN(to, vocabulary); i++)
        logits[i] = -INFINITY;
}

/* Timestamps come in pairs (the end of a piece of text, the beginning of the next) and never go
 * back; only the very first and the one before the end token stand alone. */
static void forbid_by_history(const FoveaGeneration *g, const guint32 *chosen, gsize n,
                              float *logits, gsize vocabulary)
{
    guint32 begin = g->timestamp_begin;
    gboolean last = n >= 1 && chosen[n - 1] >= begin;
    gboolean before_last = n < 2 || chosen[n - 2] >= begin;
    if (last && before_last)
        forbid_range(logits, vocabulary, begin, vocabulary);
    else if (last)
        forbid_range(logits, vocabulary, 0, g->end);
    for (gsize i = n; i-- > 0;)
        if (chosen[i] >= begin) {
            /* The second of a pair may repeat the first; a new piece of text may not be empty. */
            gboolean second = last && !before_last;
            forbid_range(logits, vocabulary, begin, (gsize)chosen[i] + (second ? 0 : 1));
            break;
        }
}

/* All timestamps together likelier than any one text token: it is time for a timestamp. */
static void prefer_timestamps(gsize begin, float *logits, gsize vocabulary)
{
    float text = -INFINITY, stamp = -INFINITY;
    for (gsize i = 0; i < begin; i++)
        text = MAX(text, logits[i]);
    for (gsize i = begin; i < vocabulary; i++)
        stamp = MAX(stamp, logits[i]);
    if (stamp == -INFINITY)
        return;
    double sum = 0;
    for (gsize i = begin; i < vocabulary; i++)
        sum += exp((double)logits[i] - stamp);
    if (stamp + log(sum) > text)
        forbid_range(logits, vocabulary, 0, begin);
}

void fovea_generation_rules(const FoveaGeneration *g, const guint32 *tokens, gsize n,
                            gsize n_prefix, gboolean timestamps, float *logits, gsize vocabulary)
{
    gboolean first = n <= n_prefix;
    if (first)
        forbid(logits, vocabulary, g->begin_suppress);
    forbid(logits, vocabulary, g->suppress);
    if (!timestamps || g->timestamp_begin < 0)
        return;
    gsize begin = MIN((gsize)g->timestamp_begin, vocabulary);
    forbid_range(logits, vocabulary, g->no_timestamps, (gsize)g->no_timestamps + 1);
    if (first) {
        forbid_range(logits, vocabulary, 0, begin);
        if (g->max_initial_timestamp >= 0)
            forbid_range(logits, vocabulary, begin + g->max_initial_timestamp + 1, vocabulary);
    } else {
        forbid_by_history(g, tokens + n_prefix, n - n_prefix, logits, vocabulary);
    }
    prefer_timestamps(begin, logits, vocabulary);
}

guint32 fovea_greedy(const float *logits, gsize vocabulary, float *log_probability)
{
    gsize best = 0;
    for (gsize i = 1; i < vocabulary; i++)
        if (logits[i] > logits[best] || isnan(logits[best]))
            best = i;
    if (log_probability) {
        double sum = 0;
        for (gsize i = 0; i < vocabulary; i++)
            if (!isnan(logits[i]))
                sum += exp((double)logits[i] - logits[best]);
        *log_probability = (float)-log(sum);
    }
    return best;
}
