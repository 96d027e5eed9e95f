/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokenizers: life, look-up and decoding.
 */
#include "text/tokenizer-internal.h"

static void added_clear(gpointer added)
{
    g_free(((FoveaAdded *)added)->content);
}

static FoveaTokenizer *tokenizer_new(void)
{
    FoveaTokenizer *t = g_new0(FoveaTokenizer, 1);
    g_atomic_ref_count_init(&t->refs);
    t->bytes = g_string_new(NULL);
    t->names = g_string_chunk_new(1 << 16);
    t->ids = g_hash_table_new(g_str_hash, g_str_equal);
    t->raw = g_array_new(FALSE, FALSE, sizeof(FoveaAdded));
    t->normalized = g_array_new(FALSE, FALSE, sizeof(FoveaAdded));
    g_array_set_clear_func(t->raw, added_clear);
    g_array_set_clear_func(t->normalized, added_clear);
    t->before = g_array_new(FALSE, FALSE, sizeof(guint32));
    t->after = g_array_new(FALSE, FALSE, sizeof(guint32));
    return t;
}

FoveaTokenizer *fovea_tokenizer_load(const char *path, GError **error)
{
    g_autoptr(FoveaTokenizer) tokenizer = tokenizer_new();
    if (!fovea_tokenizer_read(tokenizer, path, error))
        return NULL;
    return g_steal_pointer(&tokenizer);
}

FoveaTokenizer *fovea_tokenizer_ref(FoveaTokenizer *tokenizer)
{
    g_atomic_ref_count_inc(&tokenizer->refs);
    return tokenizer;
}

void fovea_tokenizer_unref(FoveaTokenizer *t)
{
    if (!g_atomic_ref_count_dec(&t->refs))
        return;
    fovea_free(t->tokens);
    fovea_free(t->merges);
    g_string_free(t->bytes, TRUE);
    g_hash_table_unref(t->ids);
    g_string_chunk_free(t->names);
    g_array_unref(t->raw);
    g_array_unref(t->normalized);
    g_array_unref(t->before);
    g_array_unref(t->after);
    g_free(t);
}

guint fovea_tokenizer_size(const FoveaTokenizer *tokenizer)
{
    return tokenizer->size;
}

gint fovea_tokenizer_find(const FoveaTokenizer *tokenizer, const char *token)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(tokenizer->ids, token)) - 1;
}

gboolean fovea_tokenizer_is_special(const FoveaTokenizer *tokenizer, guint32 id)
{
    return id < tokenizer->size && tokenizer->tokens[id].special;
}

/* Length of the character at s if it is whole and valid; else 0, and *bad is how many bytes stand
 * for one U+FFFD (the longest beginning of a character; Unicode 14, 3.9, "maximal subparts"), and
 * *cut says that more bytes could complete them. */
static gsize character(const guint8 *s, gsize n, gsize *bad, gboolean *cut)
{
    guint8 first = s[0];
    *bad = 1;
    *cut = FALSE;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    gsize length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    /* The second byte's range depends on the first: no overlong form, surrogate or > U+10FFFF. */
    guint8 low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    guint8 high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    for (gsize i = 1; i < length; i++) {
        if (i == n) {
            *cut = TRUE;
            return 0;
        }
        if (s[i] < low || s[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
        *bad = i + 1;
    }
    return length;
}

/* Appends the characters of s to text and returns how many bytes it took. finish: those of a
 * character that is not complete become U+FFFD; else they are left. */
static gsize append_bytes(const char *s, gsize n, gboolean finish, GString *text)
{
    gsize i = 0;
    while (i < n) {
        gsize bad;
        gboolean cut;
        gsize length = character((const guint8 *)s + i, n - i, &bad, &cut);
        if (cut && !finish)
            break;
        if (length)
            g_string_append_len(text, s + i, length);
        else
            g_string_append(text, "\357\277\275");
        i += length ? length : bad;
    }
    return i;
}

static gboolean append_token(const FoveaTokenizer *tokenizer, guint32 id, GString *bytes)
{
    if (id >= tokenizer->size || !tokenizer->tokens[id].used)
        return FALSE;
    const FoveaToken *token = &tokenizer->tokens[id];
    g_string_append_len(bytes, tokenizer->bytes->str + token->offset, token->length);
    return TRUE;
}

char *fovea_tokenizer_decode(const FoveaTokenizer *tokenizer, const guint32 *ids, gsize n,
                             gboolean skip_special)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    for (gsize i = 0; i < n; i++)
        if (!skip_special || !fovea_tokenizer_is_special(tokenizer, ids[i]))
            append_token(tokenizer, ids[i], bytes);
    GString *text = g_string_sized_new(bytes->len);
    append_bytes(bytes->str, bytes->len, TRUE, text);
    return g_string_free(text, FALSE);
}

void fovea_tokenizer_append(const FoveaTokenizer *tokenizer, guint32 id, GString *rest,
                            GString *text)
{
    if (append_token(tokenizer, id, rest))
        g_string_erase(rest, 0, append_bytes(rest->str, rest->len, FALSE, text));
}
