/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-load.c: loading on a thread of its own, from NULL->READY on. Progress messages tell an
 * application when PLAYING is worth while; the streaming task waits before the first caps.
 */
#include "common/fovea-element-private.h"

#define PROGRESS_CODE "load"

static void post_progress(FoveaElement *self, GstProgressType type, const char *text)
{
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_progress(GST_OBJECT(self), type, PROGRESS_CODE, text));
}

void fovea_element_progress(const char *stage, double fraction, gpointer data)
{
    FoveaElement *self = data;
    FoveaElementPrivate *p = fovea_element_priv(self);
    gint percent = (gint)(CLAMP(fraction, 0.0, 1.0) * 100);
    /* One message each 5 %, so that a bus nobody reads does not fill. */
    if (g_strcmp0(stage, p->progress_stage) == 0 && percent < p->progress_percent + 5)
        return;
    g_free(p->progress_stage);
    p->progress_stage = g_strdup(stage);
    p->progress_percent = percent;
    char *text = g_strdup_printf("%s: %d %%", stage, percent);
    post_progress(self, GST_PROGRESS_TYPE_CONTINUE, text);
    g_free(text);
}

/* The GStreamer error that an application most likely treats right. */
static void error_class(const GError *error, GQuark *domain, gint *code)
{
    *domain = GST_LIBRARY_ERROR;
    *code = GST_LIBRARY_ERROR_INIT;
    if (error->domain != FOVEA_ERROR)
        return;
    switch ((FoveaError)error->code) {
    case FOVEA_ERROR_IO:
        *domain = GST_RESOURCE_ERROR;
        *code = GST_RESOURCE_ERROR_NOT_FOUND;
        break;
    case FOVEA_ERROR_ARGUMENT:
        *domain = GST_LIBRARY_ERROR;
        *code = GST_LIBRARY_ERROR_SETTINGS;
        break;
    case FOVEA_ERROR_MODEL:
    case FOVEA_ERROR_UNSUPPORTED:
    case FOVEA_ERROR_SHAPE:
    case FOVEA_ERROR_NEED_VALUE:
        *domain = GST_RESOURCE_ERROR;
        *code = GST_RESOURCE_ERROR_READ;
        break;
    case FOVEA_ERROR_DEVICE:
    case FOVEA_ERROR_DEVICE_LOST:
    case FOVEA_ERROR_NO_MEMORY:
        *domain = GST_RESOURCE_ERROR;
        *code = GST_RESOURCE_ERROR_FAILED;
        break;
    default: break;
    }
}

void fovea_element_post_error(FoveaElement *self, GstMessageType type, const GError *error)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    GQuark domain;
    gint code;
    error_class(error, &domain, &code);
    GST_OBJECT_LOCK(self);
    char *debug = g_strdup_printf("%s %d (model \"%s\", device \"%s\")",
                                  g_quark_to_string(error->domain), error->code,
                                  p->model ? p->model : "", p->device ? p->device : "");
    GST_OBJECT_UNLOCK(self);
    gst_element_message_full(GST_ELEMENT(self), type, domain, code, g_strdup(error->message), debug,
                             __FILE__, GST_FUNCTION, __LINE__);
}

static gpointer load_thread(gpointer data)
{
    FoveaElement *self = data;
    FoveaElementPrivate *p = fovea_element_priv(self);
    GError *error = NULL;
    post_progress(self, GST_PROGRESS_TYPE_START, "Loading the model");
    gboolean ok = FOVEA_ELEMENT_GET_CLASS(self)->load(self, p->load_cancel, &error);
    gboolean cancelled = g_cancellable_is_cancelled(p->load_cancel);
    if (!ok && !error)
        error = g_error_new_literal(FOVEA_ERROR, FOVEA_ERROR_FAILED, "The model did not load.");
    if (!ok && !cancelled) /* before anybody sees the state, so that this error is the first */
        fovea_element_post_error(self, GST_MESSAGE_ERROR, error);

    g_mutex_lock(&p->lock);
    p->load_state = ok ? FOVEA_LOAD_DONE : FOVEA_LOAD_FAILED;
    g_cond_broadcast(&p->changed);
    g_mutex_unlock(&p->lock);
    if (ok)
        post_progress(self, GST_PROGRESS_TYPE_COMPLETE, "The model is ready");
    else
        post_progress(self, cancelled ? GST_PROGRESS_TYPE_CANCELED : GST_PROGRESS_TYPE_ERROR,
                      error->message);
    g_clear_error(&error);
    return NULL;
}

gboolean fovea_element_load_start(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    GError *error = NULL;
    if (klass->check && !klass->check(self, &error)) {
        fovea_element_post_error(self, GST_MESSAGE_ERROR, error);
        g_clear_error(&error);
        return FALSE;
    }
    g_mutex_lock(&p->lock);
    p->stale = FALSE;
    p->load_state = klass->load ? FOVEA_LOAD_RUNNING : FOVEA_LOAD_DONE;
    g_mutex_unlock(&p->lock);
    if (!klass->load)
        return TRUE;
    p->load_cancel = g_cancellable_new();
    g_clear_pointer(&p->progress_stage, g_free);
    p->loader = g_thread_try_new("fovea-load", load_thread, self, &error);
    if (!p->loader) {
        fovea_element_post_error(self, GST_MESSAGE_ERROR, error);
        g_clear_error(&error);
        g_clear_object(&p->load_cancel);
        p->load_state = FOVEA_LOAD_NONE;
        return FALSE;
    }
    return TRUE;
}

void fovea_element_load_stop(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    FoveaElementClass *klass = FOVEA_ELEMENT_GET_CLASS(self);
    if (p->load_cancel)
        g_cancellable_cancel(p->load_cancel);
    if (p->loader)
        g_thread_join(p->loader);
    p->loader = NULL;
    g_clear_object(&p->load_cancel);
    if (p->load_state != FOVEA_LOAD_NONE && klass->unload)
        klass->unload(self);
    p->load_state = FOVEA_LOAD_NONE;
}

gboolean fovea_element_load_wait(FoveaElement *self)
{
    FoveaElementPrivate *p = fovea_element_priv(self);
    g_mutex_lock(&p->lock);
    while (p->load_state == FOVEA_LOAD_RUNNING && !p->stopping)
        g_cond_wait(&p->changed, &p->lock);
    gboolean ready = p->load_state == FOVEA_LOAD_DONE;
    g_mutex_unlock(&p->lock);
    return ready;
}
