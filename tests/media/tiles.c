/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How pictures are cut into tiles: properties that hold for any sizes.
 */
#include <math.h>

#include "media/tiles.h"

typedef struct Wish {
    gint size, tile, overlap, before, after, align;
} Wish;

static void make(const Wish *w, FoveaTiling *t)
{
    g_autoptr(GError) error = NULL;
    fovea_tiling_make(t, w->size, w->tile, w->overlap, w->before, w->after, w->align, &error);
    g_assert_no_error(error);
}

static guint n_sizes(const FoveaTiling *t)
{
    g_autoptr(GHashTable) sizes = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < t->n; i++)
        g_hash_table_add(sizes, GINT_TO_POINTER(t->tiles[i].end - t->tiles[i].begin));
    return g_hash_table_size(sizes);
}

/* What a user of the tiles relies on. */
static void check_shape(const Wish *w, const FoveaTiling *t)
{
    g_assert_cmpint(t->size, ==, w->size);
    g_assert_cmpint(t->tiles[0].begin, ==, 0);
    g_assert_cmpint(t->tiles[t->n - 1].end, ==, w->size);
    g_assert_cmpint(t->tiles[0].keep0, ==, 0);
    g_assert_cmpint(t->tiles[t->n - 1].keep1, ==, w->size);
    g_assert_cmpuint(n_sizes(t), <=, 2);
    if (w->size <= w->tile)
        g_assert_cmpuint(t->n, ==, 1);
    for (guint i = 0; i < t->n; i++) {
        const FoveaTile *tile = &t->tiles[i];
        gint side = tile->end - tile->begin;
        g_assert_cmpint(tile->begin % w->align, ==, 0);
        g_assert_cmpint(side, <=, t->tile);
        /* No more than was wished, unless that makes no progress. */
        g_assert_true(side <= w->tile || side < w->overlap + 2 * w->align);
        g_assert_cmpint(tile->begin, <=, tile->keep0);
        g_assert_cmpint(tile->keep0, <=, tile->keep1);
        g_assert_cmpint(tile->keep1, <=, tile->end);
        if (tile->end < w->size)
            g_assert_cmpint(tile->end % w->align, ==, 0);
        if (i > 0) {
            g_assert_cmpint(t->tiles[i - 1].end - tile->begin, >=, w->overlap);
            g_assert_cmpint(tile->keep0, <=, t->tiles[i - 1].keep1);
            g_assert_cmpint(tile->begin, >, t->tiles[i - 1].begin);
        }
    }
}

/* The network sees what it needs for each pixel that is kept. */
static void check_context(const Wish *w, const FoveaTiling *t)
{
    for (guint i = 0; i < t->n; i++) {
        const FoveaTile *tile = &t->tiles[i];
        g_assert_true(tile->begin == 0 || tile->keep0 - tile->begin >= w->before);
        g_assert_true(tile->end == w->size || tile->end - tile->keep1 >= w->after);
        if (i > 0) /* and then nothing is made twice */
            g_assert_cmpint(tile->keep0, ==, t->tiles[i - 1].keep1);
    }
}

static void check_weights(const FoveaTiling *t)
{
    g_autofree float *sums = g_new0(float, t->size);
    g_autofree guint8 *tiles = g_new0(guint8, t->size);
    for (guint i = 0; i < t->n; i++) {
        for (gint at = t->tiles[i].keep0; at < t->tiles[i].keep1; at++) {
            float weight = fovea_tiling_weight(t, i, at);
            g_assert_true(weight > 0 && weight <= 1);
            sums[at] += weight;
            tiles[at]++;
        }
    }
    for (gint at = 0; at < t->size; at++) {
        g_assert_cmpfloat(fabsf(sums[at] - 1), <, 1e-6);
        g_assert_cmpint(tiles[at], <=, 2);
    }
}

static void properties(void)
{
    for (guint k = 0; k < 20000; k++) {
        static const gint aligns[] = {1, 1, 2, 8, 3, 16};
        Wish w = {.size = g_test_rand_int_range(1, 700),
                  .tile = g_test_rand_int_range(1, 300),
                  .before = g_test_rand_int_range(0, 50),
                  .after = g_test_rand_int_range(0, 50),
                  .align = aligns[g_test_rand_int_range(0, G_N_ELEMENTS(aligns))]};
        gboolean enough = g_test_rand_bit();
        gint needed = w.before + w.after;
        w.overlap = enough ? needed + g_test_rand_int_range(0, 20)
                           : g_test_rand_int_range(0, needed + 1);
        FoveaTiling t;
        make(&w, &t);
        check_shape(&w, &t);
        if (w.overlap >= needed)
            check_context(&w, &t);
        check_weights(&t);
        fovea_tiling_clear(&t);
    }
}

/* Less overlap than the network looks at: neighbours run into each other in a straight line. */
static void blending(void)
{
    const Wish w = {.size = 100, .tile = 40, .overlap = 8, .before = 20, .after = 20, .align = 1};
    FoveaTiling t;
    make(&w, &t);
    g_assert_cmpuint(t.n, ==, 3);
    g_assert_cmpint(t.tiles[1].begin, ==, 32);
    g_assert_cmpint(t.tiles[1].keep0, ==, 32);
    g_assert_cmpint(t.tiles[0].keep1, ==, 40);
    for (gint at = 32; at < 40; at++) {
        float next = fovea_tiling_weight(&t, 1, at);
        g_assert_cmpfloat(fabsf(next - ((float)(at - 32) + 0.5f) / 8), <, 1e-6);
    }
    g_assert_cmpfloat(fovea_tiling_weight(&t, 0, 31), ==, 1);
    fovea_tiling_clear(&t);
}

static void extremes(void)
{
    g_autoptr(GError) error = NULL;
    FoveaTiling t;
    const Wish large = {G_MAXINT, 1 << 20, 100, 50, 50, 8};
    make(&large, &t);
    g_assert_cmpint(t.tiles[t.n - 1].end, ==, G_MAXINT);
    fovea_tiling_clear(&t);
    const Wish wide = {100, G_MAXINT, G_MAXINT, 5, 5, G_MAXINT};
    make(&wide, &t);
    g_assert_cmpuint(t.n, ==, 1);
    fovea_tiling_clear(&t);
    g_assert_false(fovea_tiling_make(&t, 0, 10, 0, 0, 0, 1, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(fovea_tiling_make(&t, 10, 10, -1, 0, 0, 1, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_clear_error(&error);
    fovea_alloc_fail_after(0);
    g_assert_false(fovea_tiling_make(&t, 10, 10, 0, 0, 0, 1, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
    fovea_alloc_fail_after(-1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tiles/properties", properties);
    g_test_add_func("/tiles/blending", blending);
    g_test_add_func("/tiles/extremes", extremes);
    return g_test_run();
}
