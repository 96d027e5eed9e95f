/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu/parallel.h"
#include "graph/device-internal.h"

/* libgomp's entry to a parallel region, as gcc calls it (libgomp ABI GOMP_4.0), and omp.h's. */
extern void GOMP_parallel(void (*func)(void *), void *data, unsigned threads, unsigned flags);
extern void omp_set_num_threads(int threads);

static GMutex lock;
static GCond more, finished;
static FoveaCpuJob *head, *tail;
static GThread *executor;

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
    guint threads = fovea_cpu_threads();
    if (n <= 1 || threads <= 1 || g_thread_self() != executor) {
        for (guint task = 0; task < n; task++)
            func(task, data);
        return;
    }
    Region region = {n, 0, func, data};
    GOMP_parallel(region_body, &region, MIN(n, threads), 0);
}

static gpointer execute(gpointer unused)
{
    omp_set_num_threads((int)fovea_cpu_threads());
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
