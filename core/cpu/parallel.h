/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/parallel.h: the one team of threads. Internal.
 *
 * Debian's oneDNN computes with libgomp. Ours enters the same library the same way from every
 * compiler (clang's own OpenMP would bring a second runtime), so that a process has one team. All
 * CPU steps run on one executor thread, whose team it is.
 */
#pragma once

#include "base/base.h"

/* Calls func(task, data) for task 0..n-1, spread over the team; returns when all are done. Only
 * from the executor thread (elsewhere it runs them one after the other). */
void fovea_cpu_parallel(guint n, void (*func)(guint task, gpointer data), gpointer data);

/* Loads libgomp, telling it how long idle threads spin: about a millisecond, then they sleep. That
 * bridges the steps of one run that one thread does alone (waking a thread at each step cost more
 * than it saved: tests/bench/RESULTS.md). Once; before anything else loads it. The user's
 * OMP_WAIT_POLICY or GOMP_SPINCOUNT is left alone. */
void fovea_cpu_prepare_threads(void);

/* body(first, last, data) over parts of 0..n with at least `grain` items each. */
typedef void (*FoveaCpuRange)(gint64 first, gint64 last, gpointer data);
void fovea_cpu_for(gint64 n, gint64 grain, FoveaCpuRange body, gpointer data);

/* Work for the executor thread. The caller owns the job and may not free it before
 * fovea_cpu_job_wait returned. Nothing is allocated. */
typedef struct FoveaCpuJob {
    void (*run)(gpointer data);
    gpointer data;
    gboolean done;
    struct FoveaCpuJob *next;
} FoveaCpuJob;

void fovea_cpu_job_submit(FoveaCpuJob *job);
void fovea_cpu_job_wait(FoveaCpuJob *job);
