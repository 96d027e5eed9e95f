/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-stats.c: what the property `stats` says.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fovea-element-private.h"

static int compare(const void *a, const void *b)
{
    guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
    return (x > y) - (x < y);
}

void fovea_stats_latency(FoveaElementPrivate *p, gint64 arrival)
{
    gint64 now = g_get_monotonic_time();
    g_mutex_lock(&p->lock);
    p->stats.latency[p->stats.n_latency++ % FOVEA_STATS_SAMPLES] = (guint64)MAX(now - arrival, 0) *
                                                                   1000;
    g_mutex_unlock(&p->lock);
}

GstStructure *fovea_stats_snapshot(FoveaElement *self)
{
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    FoveaElementPrivate *p = fovea_element_priv(self);
    guint64 sorted[FOVEA_STATS_SAMPLES], p50 = 0, p95 = 0;
    g_mutex_lock(&p->lock);
    FoveaStats s = p->stats;
    guint waiting = p->waiting + p->worker.waiting;
    GstClockTime backlog = p->worker.time;
    g_mutex_unlock(&p->lock);

    gsize n = (gsize)MIN(s.n_latency, FOVEA_STATS_SAMPLES);
    if (n > 0) {
        memcpy(sorted, s.latency, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare);
        p50 = sorted[n / 2];
        p95 = sorted[MIN(n - 1, n * 95 / 100)];
    }
    guint64 runs = MAX(s.runs, 1);
    GstStructure *stats = gst_structure_new(
        "fovea-stats", "frames", G_TYPE_UINT64, s.frames, "inferred", G_TYPE_UINT64, s.inferred,
        "dropped", G_TYPE_UINT64, s.dropped, "skipped", G_TYPE_UINT64, s.skipped, "errors",
        G_TYPE_UINT64, s.errors, "queue-depth", G_TYPE_UINT, waiting, "latency-p50", G_TYPE_UINT64,
        p50, "latency-p95", G_TYPE_UINT64, p95, "preprocess-time", G_TYPE_UINT64,
        (guint64)s.pre / runs, "plan-time", G_TYPE_UINT64, (guint64)s.plan / runs,
        "postprocess-time", G_TYPE_UINT64, (guint64)s.post / runs, "import", G_TYPE_STRING,
        s.import ? s.import : "none", "skipped-time", G_TYPE_UINT64, s.skipped_time, "backlog-time",
        G_TYPE_UINT64, backlog, NULL);
    if (klass->add_stats)
        klass->add_stats(self, stats);
    return stats;
}

void fovea_element_report_times(FoveaElement *self, gint64 pre, gint64 plan, gint64 post)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    p->stats.runs++;
    p->stats.pre += pre;
    p->stats.plan += plan;
    p->stats.post += post;
    g_mutex_unlock(&p->lock);
}

void fovea_element_report_import(FoveaElement *self, const char *path)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    p->stats.import = g_intern_string(path);
    g_mutex_unlock(&p->lock);
}
