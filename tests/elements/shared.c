/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * shared.c: elements of one process that name the same model share it.
 */
#include "common/fovea-shared.h"

static gint made, destroyed;

typedef struct Maker {
    gint delay_ms;
    gint hold; /* works until this is cleared or it is cancelled */
    gboolean fail;
    GCancellable *cancellable;
    FoveaShared *got;
    GError *error;
} Maker;

static gpointer make(gpointer data, GCancellable *cancellable, GError **error)
{
    Maker *maker = data;
    g_atomic_int_inc(&made);
    for (gint ms = 0; ms < maker->delay_ms || g_atomic_int_get(&maker->hold); ms += 5) {
        g_usleep(5000);
        if (g_cancellable_set_error_if_cancelled(cancellable, error))
            return NULL;
    }
    if (maker->fail) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no");
        return NULL;
    }
    return g_new0(int, 1);
}

static void destroy(gpointer object)
{
    g_atomic_int_inc(&destroyed);
    g_free(object);
}

static gpointer acquire(gpointer data)
{
    Maker *maker = data;
    maker->got = fovea_shared_acquire("key", make, maker, destroy, maker->cancellable,
                                      &maker->error);
    return NULL;
}

static void start(void)
{
    made = destroyed = 0;
}

static void test_one(void)
{
    Maker makers[4] = {{.delay_ms = 50}, {.delay_ms = 50}, {.delay_ms = 50}, {.delay_ms = 50}};
    GThread *threads[4];
    start();
    for (guint i = 0; i < 4; i++)
        threads[i] = g_thread_new("acquire", acquire, &makers[i]);
    for (guint i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    g_assert_cmpint(made, ==, 1);
    for (guint i = 0; i < 4; i++) {
        g_assert_no_error(makers[i].error);
        g_assert_true(makers[i].got == makers[0].got);
    }
    for (guint i = 0; i < 4; i++) {
        g_assert_cmpint(destroyed, ==, 0);
        fovea_shared_release(makers[i].got);
    }
    g_assert_cmpint(destroyed, ==, 1);
}

/* Nothing is kept for nobody: the next one makes it anew. */
static void test_weak(void)
{
    Maker maker = {0};
    start();
    acquire(&maker);
    fovea_shared_release(maker.got);
    acquire(&maker);
    fovea_shared_release(maker.got);
    g_assert_cmpint(made, ==, 2);
    g_assert_cmpint(destroyed, ==, 2);
}

/* A maker that is stopped leaves the work to the next. */
static void test_cancelled_maker(void)
{
    Maker first = {.hold = 1, .cancellable = g_cancellable_new()}, second = {0};
    start();
    GThread *a = g_thread_new("first", acquire, &first);
    while (!g_atomic_int_get(&made))
        g_usleep(1000);
    GThread *b = g_thread_new("second", acquire, &second);
    g_usleep(10000);
    g_cancellable_cancel(first.cancellable);
    g_thread_join(a);
    g_thread_join(b);
    g_assert_error(first.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_no_error(second.error);
    g_assert_nonnull(second.got);
    fovea_shared_release(second.got);
    g_assert_cmpint(made, ==, 2);
    g_clear_error(&first.error);
    g_object_unref(first.cancellable);
}

/* Who waits can leave, while the maker goes on. */
static void test_cancelled_waiter(void)
{
    Maker first = {.hold = 1}, second = {.cancellable = g_cancellable_new()};
    start();
    GThread *a = g_thread_new("first", acquire, &first);
    while (!g_atomic_int_get(&made))
        g_usleep(1000);
    GThread *b = g_thread_new("second", acquire, &second);
    g_cancellable_cancel(second.cancellable);
    g_thread_join(b);
    g_assert_error(second.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_atomic_int_set(&first.hold, 0);
    g_thread_join(a);
    g_assert_nonnull(first.got);
    fovea_shared_release(first.got);
    g_clear_error(&second.error);
    g_object_unref(second.cancellable);
}

/* One fails while another is to wait for it. Whether that one came in time. */
static gboolean fail_together(void)
{
    Maker first = {.delay_ms = 50, .fail = TRUE}, second = {0};
    start();
    GThread *a = g_thread_new("first", acquire, &first);
    while (!g_atomic_int_get(&made))
        g_usleep(1000);
    GThread *b = g_thread_new("second", acquire, &second);
    g_thread_join(a);
    g_thread_join(b);
    g_assert_error(first.error, G_IO_ERROR, G_IO_ERROR_FAILED);
    gboolean waited = second.error != NULL;
    if (waited)
        g_assert_error(second.error, G_IO_ERROR, G_IO_ERROR_FAILED);
    else
        fovea_shared_release(second.got);
    g_clear_error(&first.error);
    g_clear_error(&second.error);
    return waited;
}

/* What fails for one fails for all that waited, with its sentence; a later one tries again. */
static void test_failure(void)
{
    Maker third = {0};
    guint tries = 1;
    while (!fail_together())
        g_assert_cmpuint(tries++, <, 100);
    acquire(&third);
    g_assert_no_error(third.error);
    fovea_shared_release(third.got);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/shared/one", test_one);
    g_test_add_func("/shared/weak", test_weak);
    g_test_add_func("/shared/cancelled-maker", test_cancelled_maker);
    g_test_add_func("/shared/cancelled-waiter", test_cancelled_waiter);
    g_test_add_func("/shared/failure", test_failure);
    return g_test_run();
}
