/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea bench: how long a model takes.
 */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "job.h"

static gint runs = 50, warm_up = 5, threads;
static gboolean as_json;
static const GOptionEntry entries[] = {
    JOB_ENTRIES,
    {"runs", 'n', 0, G_OPTION_ARG_INT, &runs, "Runs that are timed (default 50)", "N"},
    {"warm-up", 0, 0, G_OPTION_ARG_INT, &warm_up, "Runs before these (default 5)", "N"},
    {"threads", 't', 0, G_OPTION_ARG_INT, &threads, "Threads for CPU work (default: all)", "N"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object", NULL},
    {NULL},
};

static const char *description =
    "Inputs that are not given are made up: a fixed random sequence in -1..1 for floats, zeros "
    "for\n"
    "integers. A run is: queue, compute, wait; its inputs are there already and its outputs are "
    "not\n"
    "read. peak_bytes is what one session and the weights occupy on the device; rss_bytes is the\n"
    "largest resident size of this process. With FOVEA_PROFILE=1 the time by kernel class is told\n"
    "too.\n"
    "\nExample:\n"
    "  fovea bench model.onnx --device=cpu --threads=2 --runs=100 --json\n";

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static gboolean measure(Job *job, double *times, GError **error)
{
    for (gint i = -warm_up; i < runs; i++) {
        double start = now_ms();
        if (!fovea_session_run(job->session, error))
            return FALSE;
        if (i >= 0)
            times[i] = now_ms() - start;
    }
    qsort(times, runs, sizeof *times, compare);
    return TRUE;
}

/* What `auto` became (transfer full). */
static char *precision_of(const FoveaPlan *plan)
{
    g_autofree char *text = fovea_plan_describe(plan);
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return g_strdup("?");
    return g_strdup(
        json_object_get_string_member_with_default(json_node_get_object(node), "precision", "?"));
}

static void print(const Job *job, const char *model, const double *times)
{
    const FoveaPlanStats *stats = fovea_plan_stats(job->plan);
    const FoveaDeviceInfo *info = fovea_device_info(job->device);
    double median = (times[(runs - 1) / 2] + times[runs / 2]) / 2,
           p95 = times[(runs - 1) * 95 / 100];
    guint64 peak = stats->activation_bytes + stats->weight_bytes;
    g_autofree char *profile = fovea_session_profile(job->session);
    g_autofree char *precision = precision_of(job->plan);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (!as_json) {
        printf("%s on %s (%s), %s\n", model, info->spec, info->name, precision);
        printf("  median %.3f ms, 95 %% below %.3f ms, best %.3f ms of %d runs\n", median, p95,
               times[0], runs);
        printf("  opened in %.0f ms, planned in %.0f ms\n", job->open_ms, job->plan_ms);
        printf("  %u nodes, %u steps, %u on the CPU for want of a kernel\n", stats->nodes,
               stats->steps, stats->fallback_nodes);
        printf("  %.1f MiB activations, %.1f MiB weights\n", stats->activation_bytes / 1048576.0,
               stats->weight_bytes / 1048576.0);
        if (profile)
            printf("  time by kernel class: %s\n", profile);
        return;
    }
    g_autofree char *name = command_json_string(model);
    g_autofree char *device = command_json_string(info->spec);
    g_autofree char *device_name = command_json_string(info->name);
    printf("{\"model\": %s, \"device\": %s, \"device_name\": %s, \"precision\": \"%s\", "
           "\"runs\": %d, \"median_ms\": %.4f, \"p95_ms\": %.4f, \"min_ms\": %.4f, "
           "\"open_ms\": %.2f, \"plan_ms\": %.2f, \"peak_bytes\": %" G_GUINT64_FORMAT
           ", \"activation_bytes\": %" G_GUINT64_FORMAT ", \"weight_bytes\": %" G_GUINT64_FORMAT
           ", \"rss_bytes\": %" G_GUINT64_FORMAT
           ", \"nodes\": %u, \"steps\": %u, \"segments\": %u, \"fallback_nodes\": %u",
           name, device, device_name, precision, runs, median, p95, times[0], job->open_ms,
           job->plan_ms, peak, stats->activation_bytes, stats->weight_bytes,
           (guint64)usage.ru_maxrss * 1024, stats->nodes, stats->steps, stats->segments,
           stats->fallback_nodes);
    if (profile)
        printf(", \"profile\": %s", profile);
    printf("}\n");
}

int command_bench(int argc, char **argv)
{
    GError *error = NULL;
    Job job;
    if (!command_parse(&argc, &argv, "MODEL", "Measures how long a model takes.", description,
                       entries))
        return 1;
    if (argc != 2)
        return command_fail_with("`fovea bench` wants one model (an .onnx file or a model folder)");
    if (runs < 1 || runs > 10000000 || warm_up < 0 || threads < 0)
        return command_fail_with("--runs wants at least 1, --warm-up and --threads at least 0");
    if (threads > 0)
        fovea_cpu_set_threads(threads);
    job_options.make_up = TRUE;
    g_autofree double *times = g_new0(double, runs);
    gboolean ok = job_open(&job, argv[1], &error) && job_plan(&job, &error) &&
                  job_fill(&job, &error) && measure(&job, times, &error);
    if (ok)
        print(&job, argv[1], times);
    job_clear(&job);
    return ok ? 0 : command_fail(error);
}
