/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Hypotheses as words, and how far two of them agree.
 */
#include "task/agreement.h"

/* Pieces of a hypothesis; one that begins with '<' is a timestamp. */
static void say(FoveaHypothesis *h, const char *const *pieces)
{
    fovea_hypothesis_reset(h);
    for (guint i = 0; pieces[i]; i++) {
        if (*pieces[i] == '<')
            fovea_hypothesis_add_time(h, g_ascii_strtod(pieces[i] + 1, NULL));
        else
            fovea_hypothesis_add(h, pieces[i]);
    }
}

static const FoveaWord *word(const FoveaHypothesis *h, guint i)
{
    return &g_array_index(h->words, FoveaWord, i);
}

static void test_words(void)
{
    FoveaHypothesis h;
    fovea_hypothesis_init(&h);
    const char *const pieces[] = {"<0.5",    " Ameri", "cans", ",",  "",   " \u00e9",
                                  "t\u00e9", ".",      "<2",   "<3", "so", NULL};
    say(&h, pieces);
    g_assert_cmpstr(h.text->str, ==, "Americans, \u00e9t\u00e9. so");
    g_assert_cmpuint(h.words->len, ==, 3);
    g_assert_cmpuint(word(&h, 0)->tokens, ==, 4);
    g_assert_cmpuint(word(&h, 1)->tokens, ==, 8);
    g_assert_cmpuint(word(&h, 2)->tokens, ==, 11);
    g_assert_cmpuint(word(&h, 1)->offset, ==, 11);
    g_assert_cmpuint(word(&h, 1)->length, ==, strlen("\u00e9t\u00e9."));
    g_assert_cmpfloat(word(&h, 0)->before, ==, 0.5);
    g_assert_cmpfloat(word(&h, 0)->after, ==, -1);
    g_assert_cmpfloat(word(&h, 1)->before, ==, -1);
    g_assert_cmpfloat(word(&h, 1)->after, ==, 2);
    g_assert_cmpfloat(word(&h, 2)->before, ==, 3);
    fovea_hypothesis_clear(&h);
}

static void test_agree(void)
{
    FoveaHypothesis a, b;
    fovea_hypothesis_init(&a);
    fovea_hypothesis_init(&b);
    const char *const first[] = {"<0", " Ask", " not", " what", ".", "<2", NULL};
    const char *const second[] = {"<0", " ask", " not", ",", " What", " your", "<3", NULL};
    const char *const third[] = {"<0", " Ask", " nothing", " what", NULL};
    const char *const marks[] = {" \u2014", " -", NULL}, *const others[] = {" \u2014", " +", NULL};
    say(&a, first);
    say(&b, second);
    g_assert_cmpuint(fovea_hypothesis_agree(&a, &b, 0), ==, 3);
    say(&b, third);
    g_assert_cmpuint(fovea_hypothesis_agree(&a, &b, 0), ==, 1);
    g_assert_cmpuint(fovea_hypothesis_agree(&a, &b, 2), ==, 3);
    say(&a, marks);
    say(&b, others);
    g_assert_cmpuint(fovea_hypothesis_agree(&a, &b, 0), ==, 1);
    fovea_hypothesis_clear(&a);
    fovea_hypothesis_clear(&b);
}

static void test_normal(void)
{
    static const char *const cases[][2] = {
        {"Country.", "country"}, {"\u00abStra\u00dfe\u00bb,", "strasse"},
        {"don't", "don't"},      {"\u2014", "\u2014"},
        {"3.5%", "3.5"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *normal = fovea_word_normal(cases[i][0], strlen(cases[i][0]));
        g_assert_cmpstr(normal, ==, cases[i][1]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agreement/words", test_words);
    g_test_add_func("/agreement/agree", test_agree);
    g_test_add_func("/agreement/normal", test_normal);
    return g_test_run();
}
