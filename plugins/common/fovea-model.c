/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>

#include "common/fovea-model.h"
#include "fovea/task.h"

char *fovea_element_find_model(FoveaElement *self, GError **error)
{
    char *named = fovea_element_dup_model(self);
    char *path = fovea_find_model(FOVEA_ELEMENT_GET_CLASS(self)->task, named, error);
    g_free(named);
    return path;
}

gboolean fovea_element_check_model(FoveaElement *self, GError **error)
{
    char *path = fovea_element_find_model(self, error);
    g_free(path);
    return path != NULL;
}

typedef struct Job {
    FoveaModelRequest request;
    const char *device;
    FoveaModelMake make;
} Job;

static gpointer run_job(gpointer data, GCancellable *cancellable, GError **error)
{
    Job *job = data;
    job->request.device = fovea_device_open(job->device, error);
    if (!job->request.device)
        return NULL;
    gpointer object = job->make(&job->request, error);
    fovea_device_unref(job->request.device);
    return object;
}

/* When and how large: a file that was replaced has another. */
static char *stamp(const char *path)
{
    GStatBuf info;
    if (g_stat(path, &info) != 0)
        return g_strdup("");
    return g_strdup_printf("%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, (gint64)info.st_mtime,
                           (gint64)info.st_size);
}

static char *make_key(const Job *job)
{
    const FoveaModelRequest *r = &job->request;
    char *path = g_canonicalize_filename(r->model, NULL), *when = stamp(r->model);
    char *precision = g_strdup_printf("%d", r->precision);
    char *key = fovea_shared_key(FOVEA_ELEMENT_GET_CLASS(r->element)->task, path, when, job->device,
                                 precision, r->extra ? r->extra : "", NULL);
    g_free(path);
    g_free(when);
    g_free(precision);
    return key;
}

FoveaShared *fovea_element_share_model(FoveaElement *self, const char *extra, FoveaModelMake make,
                                       GDestroyNotify destroy, GCancellable *cancellable,
                                       GError **error)
{
    char *model = fovea_element_find_model(self, error);
    if (!model)
        return NULL;
    char *device = fovea_element_dup_device(self);
    Job job = {.request = {.element = self,
                           .model = model,
                           .extra = extra,
                           .precision = fovea_element_get_precision(self),
                           .cancellable = cancellable},
               .device = device ? device : "cpu",
               .make = make};
    char *key = make_key(&job);
    FoveaShared *shared = fovea_shared_acquire(key, run_job, &job, destroy, cancellable, error);
    g_free(key);
    g_free(device);
    g_free(model);
    return shared;
}
