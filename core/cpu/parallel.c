/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <stdlib.h>

#include "cpu/parallel.h"
#include "graph/device-internal.h"

/* libgomp's entry to a parallel region, as gcc calls it (libgomp ABI GOMP_4.0), and omp.h's. NULL
 * where the library is not installed: one thread then. */
static struct {
    void (*parallel)(void (*func)(void *), void *data, unsigned threads, unsigned flags);
    void (*set_num_threads)(int threads);
} gomp;

static GMutex lock;
static GCond more, finished;
static FoveaCpuJob *head, *tail;
static GThread *executor;
static guint team = 1; /* threads of the running job; asking the system each time is slow */

/* libgomp reads its environment when it is loaded and has no other way to say it. The variable is
 * set when our own library is loaded, before there are threads of ours: setenv beside a getenv of
 * another thread is a race. Short spins cost little on a quiet machine and much less than long ones
 * beside other work: DEIMv2 Atto on 2 cores 8.5 ms against 8.0 with 50000, but 17 against 86 with
 * one other busy process. */
__attribute__((constructor)) static void choose_spin_count(void)
{
    if (getenv("OMP_WAIT_POLICY") == NULL)
        setenv("GOMP_SPINCOUNT", "1000", 0);
}

void fovea_cpu_prepare_threads(void)
{
    static gsize ready;
    if (!g_once_init_enter(&ready))
        return;
    void *library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
    if (library != NULL) {
        *(void **)&gomp.set_num_threads = dlsym(library, "omp_set_num_threads");
        *(void **)&gomp.parallel = dlsym(library, "GOMP_parallel");
    }
    if (gomp.parallel == NULL || gomp.set_num_threads == NULL) {
        fovea_log(FOVEA_LOG_WARNING, "cpu", "libgomp was not found: one thread is used");
        gomp.parallel = NULL;
    }
    g_once_init_leave(&ready, 1);
}

typedef struct {
    guint n;
    gint next;
    void (*func)(guint task, gpointer data);
    gpointer data;
} Region;

static void region_body(void *data)
{
    Region *region = data;
    for (;;) {
        guint task = (guint)g_atomic_int_add(&region->next, 1);
        if (task >= region->n)
            return;
        region->func(task, region->data);
    }
}

void fovea_cpu_parallel(guint n, void (*func)(guint task, gpointer data), gpointer data)
{
    guint threads = team;
    if (n <= 1 || threads <= 1 || gomp.parallel == NULL || g_thread_self() != executor) {
        for (guint task = 0; task < n; task++)
            func(task, data);
        return;
    }
    Region region = {n, 0, func, data};
    gomp.parallel(region_body, &region, MIN(n, threads), 0);
}

typedef struct {
    gint64 n, part;
    FoveaCpuRange body;
    gpointer data;
} Loop;

static void loop_part(guint task, gpointer data)
{
    const Loop *loop = data;
    gint64 first = (gint64)task * loop->part;
    if (first < loop->n)
        loop->body(first, MIN(first + loop->part, loop->n), loop->data);
}

void fovea_cpu_for(gint64 n, gint64 grain, FoveaCpuRange body, gpointer data)
{
    gint64 threads = team, parts = n / MAX(grain, 1);
    if (n <= 0)
        return;
    if (parts < 2 || threads < 2) {
        body(0, n, data);
        return;
    }
    /* A few parts a thread even out threads that the system holds up. */
    parts = parts >= 8 * threads ? 4 * threads : MIN(parts, threads);
    Loop loop = {n, (n + parts - 1) / parts, body, data};
    fovea_cpu_parallel((guint)parts, loop_part, &loop);
}

static gpointer execute(gpointer unused)
{
    guint threads = 0;
    fovea_cpu_prepare_threads();
    g_mutex_lock(&lock);
    executor = g_thread_self();
    for (;;) {
        while (head == NULL)
            g_cond_wait(&more, &lock);
        FoveaCpuJob *job = head;
        head = job->next;
        if (head == NULL)
            tail = NULL;
        g_mutex_unlock(&lock);
        team = fovea_cpu_threads();
        if (threads != team && gomp.parallel != NULL)
            gomp.set_num_threads((int)team);
        threads = team;
        job->run(job->data);
        g_mutex_lock(&lock);
        job->done = TRUE;
        g_cond_broadcast(&finished);
    }
    return NULL;
}

void fovea_cpu_job_submit(FoveaCpuJob *job)
{
    static gboolean started;
    job->done = FALSE;
    job->next = NULL;
    g_mutex_lock(&lock);
    if (!started) {
        started = TRUE;
        g_thread_unref(g_thread_new("fovea-cpu", execute, NULL));
    }
    if (tail != NULL)
        tail->next = job;
    else
        head = job;
    tail = job;
    g_cond_signal(&more);
    g_mutex_unlock(&lock);
}

void fovea_cpu_job_wait(FoveaCpuJob *job)
{
    g_mutex_lock(&lock);
    while (!job->done)
        g_cond_wait(&finished, &lock);
    g_mutex_unlock(&lock);
}
