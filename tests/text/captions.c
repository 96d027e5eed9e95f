/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Captions of random phrases keep their rules, and those of plain ones are cut where a reader would.
 */
#include "fovea/fovea.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

/* What came out so far. */
typedef struct Shown {
    GString *text; /* without the spaces between words */
    gint64 end, settled;
    guint n;
} Shown;

static void squeeze(GString *to, const char *text)
{
    for (const char *p = text; *p; p = g_utf8_next_char(p))
        if (!g_unichar_isspace(g_utf8_get_char(p)))
            g_string_append_unichar(to, g_utf8_get_char(p));
}

static void check(const FoveaCaptions *captions, const GArray *out, Shown *shown)
{
    for (guint i = 0; i < out->len; i++) {
        const FoveaPhrase *c = &g_array_index(out, FoveaPhrase, i);
        g_auto(GStrv) lines = g_strsplit(c->text, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), >=, 1);
        g_assert_cmpuint(g_strv_length(lines), <=, 2);
        for (guint k = 0; lines[k]; k++) {
            g_assert_cmpint(g_utf8_strlen(lines[k], -1), >=, 1);
            g_assert_cmpint(g_utf8_strlen(lines[k], -1), <=, 42);
            g_assert_false(g_str_has_prefix(lines[k], " ") || g_str_has_suffix(lines[k], " "));
        }
        g_assert_true(g_utf8_validate(c->text, -1, NULL));
        g_assert_true(c->final);
        g_assert_cmpint(c->end - c->start, >=, SECOND);
        g_assert_cmpint(c->end - c->start, <=, 7 * SECOND);
        g_assert_cmpint(c->start, >=, shown->end);
        g_assert_cmpint(c->start, >=, shown->settled);
        squeeze(shown->text, c->text);
        shown->end = c->end;
        shown->n++;
    }
    g_assert_cmpint(fovea_captions_settled(captions), >=, shown->settled);
    shown->settled = fovea_captions_settled(captions);
}

/* Words of letters of one to four bytes, a few of them very long, with marks of all kinds. */
static char *random_text(GRand *r)
{
    static const char *const marks[] = {"", "", "", "", ",", ".", "?", "\u2026", ".\"", ";"};
    static const gunichar from[] = {'a', 'A', 0xe0, 0x3b1, 0x4e00, 0x1f600};
    GString *text = g_string_new(NULL);
    for (gint i = g_rand_int_range(r, 0, 20); i >= 0; i--) {
        gint length = g_rand_int_range(r, 1, g_rand_int_range(r, 0, 20) ? 10 : 150);
        for (gint k = 0; k < length; k++)
            g_string_append_unichar(text,
                                    from[g_rand_int_range(r, 0, 6)] + g_rand_int_range(r, 0, 20));
        g_string_append(text, marks[g_rand_int_range(r, 0, 10)]);
        if (i)
            g_string_append(text, g_rand_int_range(r, 0, 9) ? " " : "\n ");
    }
    return g_string_free(text, FALSE);
}

static void test_random(void)
{
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    g_autoptr(FoveaCaptions) captions = fovea_captions_new();
    guint captions_seen = 0;
    for (guint32 seed = 1; seed <= 300; seed++) {
        g_autoptr(GRand) r = g_rand_new_with_seed(seed);
        g_autoptr(GString) said = g_string_new(NULL);
        Shown shown = {.text = g_string_new(NULL)};
        gint64 now = 0;
        for (gint i = g_rand_int_range(r, 1, 30); i > 0; i--) {
            g_autofree char *text = random_text(r);
            now += g_rand_int_range(r, 0, 2) ? 0 : (gint64)(g_rand_double(r) * 4e9);
            FoveaPhrase phrase = {text, now, now + (gint64)(g_rand_double(r) * 9e9), TRUE};
            now = phrase.end;
            squeeze(said, text);
            fovea_captions_add(captions, &phrase, out);
            check(captions, out, &shown);
            if (g_rand_int_range(r, 0, 3))
                continue;
            fovea_captions_settle(captions, now - (gint64)(g_rand_double(r) * 2e9), out);
            check(captions, out, &shown);
        }
        fovea_captions_settle(captions, G_MAXINT64, out);
        check(captions, out, &shown);
        g_assert_cmpstr(shown.text->str, ==, said->str);
        captions_seen += shown.n;
        fovea_captions_reset(captions);
        g_assert_cmpint(fovea_captions_settled(captions), ==, 0);
        g_string_free(shown.text, TRUE);
    }
    g_assert_cmpuint(captions_seen, >, 1000);
}

static char *texts(FoveaCaptions *captions, const FoveaPhrase *phrases, guint n)
{
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    GString *all = g_string_new(NULL);
    for (guint i = 0; i <= n; i++) {
        if (i < n)
            fovea_captions_add(captions, &phrases[i], out);
        else
            fovea_captions_settle(captions, G_MAXINT64, out);
        for (guint k = 0; k < out->len; k++)
            g_string_append_printf(all, "%s|", g_array_index(out, FoveaPhrase, k).text);
    }
    return g_string_free(all, FALSE);
}

static void test_cuts(void)
{
    g_autoptr(FoveaCaptions) captions = fovea_captions_new();
    static const FoveaPhrase long_one = {
        "As you know, and as I have given you proof, I have the greatest admiration in the world "
        "for one whose work for humanity has won such recognition.",
        0, 9 * SECOND, TRUE};
    g_autofree char *cut = texts(captions, &long_one, 1);
    g_assert_cmpstr(cut, ==,
                    "As you know, and as I\nhave given you proof,|"
                    "I have the greatest admiration\nin the world for one|"
                    "whose work for humanity\nhas won such recognition.|");

    fovea_captions_reset(captions);
    static const FoveaPhrase two[] = {
        {"He was not an ill disposed", 0, 2 * SECOND, TRUE},
        {"young man. He might even", 2 * SECOND, 4 * SECOND, TRUE},
        {"have met Mr. Smith.", 4 * SECOND, 6 * SECOND, TRUE},
        {"Yes", 9 * SECOND, 9 * SECOND + SECOND / 5, TRUE},
    };
    g_autofree char *sentences = texts(captions, two, G_N_ELEMENTS(two));
    g_assert_cmpstr(sentences, ==,
                    "He was not an ill disposed young man.|He might even have met Mr. Smith.|Yes|");
}

/* Words of 2 to 9 letters, a few of them with a comma, spoken as evenly as they are long. */
static char *random_sentence(GRand *r, guint words)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < words; i++) {
        if (i)
            g_string_append(text, g_rand_int_range(r, 0, 8) ? " " : ", ");
        for (gint k = g_rand_int_range(r, 2, 10); k > 0; k--)
            g_string_append_c(text, (char)('a' + g_rand_int_range(r, 0, 26)));
    }
    g_string_append(text, g_rand_int_range(r, 0, 3) ? "." : "");
    return g_string_free(text, FALSE);
}

/* A sentence that goes over cues leaves no word alone, and its pieces are comparable; known in one
 * or in two parts, it is cut the same. */
static void test_balance(void)
{
    g_autoptr(FoveaCaptions) captions = fovea_captions_new();
    guint broken = 0;
    for (guint32 seed = 1; seed <= 500; seed++) {
        g_autoptr(GRand) r = g_rand_new_with_seed(seed);
        g_autofree char *text = random_sentence(r, (guint)g_rand_int_range(r, 4, 40));
        gsize length = strlen(text), pace = (gsize)g_rand_int_range(r, 50, 120) * 1000000;
        gint64 end = (gint64)((length + 1) * pace);
        char *middle = strchr(text + length / 2, ' ');
        FoveaPhrase phrase = {text, 0, end, TRUE};
        fovea_captions_add(captions, &phrase, NULL);
        g_autofree char *once = texts(captions, NULL, 0);
        fovea_captions_reset(captions);
        if (middle) {
            *middle = 0;
            FoveaPhrase first = {text, 0, (gint64)((gsize)(middle + 1 - text) * pace), TRUE};
            FoveaPhrase second = {middle + 1, first.end, end, TRUE};
            fovea_captions_add(captions, &first, NULL);
            fovea_captions_add(captions, &second, NULL);
            g_autofree char *all = texts(captions, NULL, 0);
            fovea_captions_reset(captions);
            g_assert_cmpstr(all, ==, once);
        }
        g_auto(GStrv) cues = g_strsplit(once, "|", -1);
        gsize n = g_strv_length(cues) - 1, least = G_MAXSIZE, most = 0; /* the last is empty */
        for (gsize i = 0; i < n && n > 1; i++) {
            least = MIN(least, strlen(cues[i]));
            most = MAX(most, strlen(cues[i]));
            g_assert_nonnull(strpbrk(cues[i], " \n"));
        }
        broken += n > 1;
        if (n > 1 && least * 3 < most)
            g_error("%s", once);
    }
    g_assert_cmpuint(broken, >, 200);
}

/* Of sound that still comes it is known that more words follow, not how many. */
static void test_balance_coming(void)
{
    g_autoptr(FoveaCaptions) captions = fovea_captions_new();
    static const FoveaPhrase ended[] = {
        {"ask not what your country can do for you ask what you can do for", 0, 5 * SECOND, TRUE},
        {"your own big country.", 5 * SECOND, 6 * SECOND, TRUE},
    };
    g_autofree char *cut = texts(captions, ended, G_N_ELEMENTS(ended));
    g_assert_cmpstr(cut, ==,
                    "ask not what your country\ncan do for you ask|"
                    "what you can do for your own big country.|");
    fovea_captions_reset(captions);
    static const FoveaPhrase open[] = {
        {"ask not what your country can do for you ask what you can do for all of this", 0,
         5 * SECOND, TRUE},
        {"country", 5 * SECOND, 6 * SECOND, TRUE},
    };
    g_autofree char *two = texts(captions, open, G_N_ELEMENTS(open));
    g_assert_cmpstr(two, ==,
                    "ask not what your country can do for\nyou ask what you can do for all of|"
                    "this country|");
}

/* A cue comes when its sentence ends, or soon after speech has paused: not at the end of all. */
static void test_waiting(void)
{
    g_autoptr(FoveaCaptions) captions = fovea_captions_new();
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    FoveaPhrase whole = {"That is all.", SECOND, 3 * SECOND, TRUE};
    FoveaPhrase open = {"and then", 4 * SECOND, 6 * SECOND, TRUE};
    FoveaPhrase unsure = {"nothing.", 6 * SECOND, 8 * SECOND, FALSE};
    fovea_captions_add(captions, &whole, out);
    g_assert_cmpuint(out->len, ==, 1);
    g_assert_cmpint(g_array_index(out, FoveaPhrase, 0).start, ==, SECOND);
    g_assert_cmpint(g_array_index(out, FoveaPhrase, 0).end, ==, 3 * SECOND);
    fovea_captions_add(captions, &open, out);
    g_assert_cmpuint(out->len, ==, 0);
    fovea_captions_add(captions, &unsure, out);
    g_assert_cmpuint(out->len, ==, 0);
    fovea_captions_settle(captions, 6 * SECOND + SECOND / 2, out);
    g_assert_cmpuint(out->len, ==, 0);
    g_assert_cmpint(fovea_captions_settled(captions), ==, 4 * SECOND);
    fovea_captions_settle(captions, 7 * SECOND, out);
    g_assert_cmpuint(out->len, ==, 1);
    g_assert_cmpstr(g_array_index(out, FoveaPhrase, 0).text, ==, "and then");
    g_assert_cmpint(fovea_captions_settled(captions), ==, 7 * SECOND);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/captions/random", test_random);
    g_test_add_func("/captions/cuts", test_cuts);
    g_test_add_func("/captions/balance", test_balance);
    g_test_add_func("/captions/balance-coming", test_balance_coming);
    g_test_add_func("/captions/waiting", test_waiting);
    return g_test_run();
}
