/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Text into tokens: added tokens are cut out as the text is, then again once it is normalised; what
 * lies between is cut into pieces and merged.
 */
#include "text/tokenizer-internal.h"

typedef struct Encoder {
    const FoveaTokenizer *t;
    FoveaBpe *bpe;
    GArray *ids;
    GError **error;
} Encoder;

typedef gboolean (*Section)(Encoder *encoder, const char *text, gsize n);

/* Hands what lies between the added tokens to `section`. */
static gboolean around_added(Encoder *e, const GArray *sorted, const char *text, gsize n,
                             Section section)
{
    FoveaAddedMatch match;
    gsize floor = 0, from = 0;
    while (fovea_added_next(sorted, text, n, from, floor, &match, &from)) {
        if (floor < match.start && !section(e, text + floor, match.start - floor))
            return FALSE;
        g_array_append_val(e->ids, match.id);
        floor = match.end;
    }
    return floor >= n || section(e, text + floor, n - floor);
}

static gboolean pieces(Encoder *e, const char *text, gsize n)
{
    for (gsize i = 0; i < n;) {
        gsize length = e->t->cut ? fovea_next_piece(text + i, n - i) : n;
        if (!fovea_bpe_piece(e->bpe, text + i, length, e->ids, e->error))
            return FALSE;
        i += length;
    }
    return TRUE;
}

static gboolean normalised_section(Encoder *e, const char *text, gsize n)
{
    if (!e->t->prefix_space || *text == ' ')
        return pieces(e, text, n);
    g_autoptr(GString) prefixed = g_string_new(" ");
    g_string_append_len(prefixed, text, n);
    return pieces(e, prefixed->str, prefixed->len);
}

static gboolean raw_section(Encoder *e, const char *text, gsize n)
{
    if (!e->t->nfc)
        return around_added(e, e->t->normalized, text, n, normalised_section);
    g_autoptr(GString) normalised = g_string_sized_new(n);
    for (gsize i = 0; i < n; i++) { /* GLib's normaliser stops at a zero byte */
        gsize length = strnlen(text + i, n - i);
        g_autofree char *part = g_utf8_normalize(text + i, length, G_NORMALIZE_NFC);
        g_string_append(normalised, part);
        i += length;
        if (i < n)
            g_string_append_c(normalised, 0);
    }
    return around_added(e, e->t->normalized, normalised->str, normalised->len, normalised_section);
}

/* UTF-8, in which zero bytes are characters as others. */
static gboolean is_utf8(const char *text, gsize n)
{
    const char *end = text + n;
    while (!g_utf8_validate(text, end - text, &text)) {
        if (*text != 0)
            return FALSE;
        text++;
    }
    return TRUE;
}

gboolean fovea_tokenizer_encode(const FoveaTokenizer *tokenizer, const char *text, gssize length,
                                gboolean specials, GArray *ids, GError **error)
{
    gsize n = length < 0 ? strlen(text) : (gsize)length;
    if (!is_utf8(text, n))
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "the text is not UTF-8");
    guint before = ids->len;
    Encoder encoder = {tokenizer, fovea_bpe_new(tokenizer), ids, error};
    if (specials)
        g_array_append_vals(ids, tokenizer->before->data, tokenizer->before->len);
    gboolean ok = around_added(&encoder, tokenizer->raw, text, n, raw_section);
    if (ok && specials)
        g_array_append_vals(ids, tokenizer->after->data, tokenizer->after->len);
    if (!ok)
        g_array_set_size(ids, before);
    fovea_bpe_free(encoder.bpe);
    return ok;
}
