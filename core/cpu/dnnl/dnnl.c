/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>

#include "cpu/dnnl/dnnl-internal.h"

static gboolean load(FoveaDnnl *d)
{
    const char *name = "libdnnl.so." G_STRINGIFY(DNNL_VERSION_MAJOR);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fovea_log(FOVEA_LOG_WARNING, "cpu",
                  "oneDNN (%s) was not found: convolutions and products are slow", name);
        return FALSE;
    }
#define F(name)                                                                                    \
    *(void **)&d->name = dlsym(library, "dnnl_" #name);                                            \
    if (d->name == NULL)                                                                           \
        return FALSE;
    FOVEA_DNNL_FUNCTIONS(F)
#undef F
    return d->engine_create(&d->engine, dnnl_cpu, 0) == dnnl_success &&
           d->stream_create(&d->stream, d->engine, dnnl_stream_default_flags) == dnnl_success;
}

const FoveaDnnl *fovea_dnnl(void)
{
    static FoveaDnnl table;
    static gsize state; /* 1: there, 2: not there */
    if (g_once_init_enter(&state)) {
        gboolean wanted = g_strcmp0(g_getenv("FOVEA_DNNL"), "0") != 0;
        fovea_cpu_prepare_threads();
        g_once_init_leave(&state, wanted && load(&table) ? 1 : 2);
    }
    return state == 1 ? &table : NULL;
}

gboolean fovea_dnnl_fail(dnnl_status_t status, const FoveaNode *node, GError **error)
{
    if (status == dnnl_success)
        return TRUE;
    return fovea_node_fail(
        node, error, status == dnnl_out_of_memory ? FOVEA_ERROR_NO_MEMORY : FOVEA_ERROR_FAILED,
        "oneDNN reports error %d", (int)status);
}

void fovea_dnnl_desc(const FoveaView *view, dnnl_memory_desc_t *desc)
{
    dnnl_dims_t dims, strides;
    gint64 step = 1;
    for (guint i = view->rank; i-- > 0;) {
        dims[i] = view->dims[i];
        strides[i] = view->dims[i] == 1 ? step : view->strides[i];
        step = MAX(step, strides[i] * MAX(view->dims[i], 1));
    }
    fovea_dnnl()->memory_desc_init_by_strides(desc, (int)view->rank, dims, dnnl_f32, strides);
}

dnnl_memory_t fovea_dnnl_add(FoveaDnnlCall *call, gint what, const dnnl_memory_desc_t *desc)
{
    const FoveaDnnl *d = fovea_dnnl();
    dnnl_memory_t memory = NULL;
    if (call->n == G_N_ELEMENTS(call->args) ||
        d->memory_create(&memory, desc, d->engine, DNNL_MEMORY_NONE) != dnnl_success)
        return NULL;
    call->args[call->n++] = (dnnl_exec_arg_t){what, memory};
    return memory;
}

void fovea_dnnl_set(dnnl_memory_t memory, void *data)
{
    if (memory != NULL)
        fovea_dnnl()->memory_set_data_handle(memory, data);
}

gboolean fovea_dnnl_finish(FoveaDnnlCall *call, dnnl_primitive_desc_t pd, const FoveaNode *node,
                           GError **error)
{
    const FoveaDnnl *d = fovea_dnnl();
    const dnnl_memory_desc_t *scratch = d->primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    call->scratchpad_bytes = scratch != NULL ? d->memory_desc_get_size(scratch) : 0;
    if (call->scratchpad_bytes > 0)
        call->scratchpad = fovea_dnnl_add(call, DNNL_ARG_SCRATCHPAD, scratch);
    dnnl_status_t status = d->primitive_create(&call->primitive, pd);
    d->primitive_desc_destroy(pd);
    return fovea_dnnl_fail(status, node, error);
}

void fovea_dnnl_run(FoveaDnnlCall *call, void *scratchpad)
{
    const FoveaDnnl *d = fovea_dnnl();
    fovea_dnnl_set(call->scratchpad, scratchpad);
    d->primitive_execute(call->primitive, d->stream, (int)call->n, call->args);
}

void fovea_dnnl_clear(FoveaDnnlCall *call)
{
    const FoveaDnnl *d = fovea_dnnl();
    for (guint i = 0; i < call->n; i++)
        d->memory_destroy(call->args[i].memory);
    if (call->primitive != NULL)
        d->primitive_destroy(call->primitive);
    fovea_dnnl_posts_clear(&call->posts);
}

gboolean fovea_dnnl_is_slow(dnnl_primitive_desc_t pd)
{
    const char *text = NULL;
    if (fovea_dnnl()->primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &text) != dnnl_success)
        return TRUE;
    return text == NULL || strstr(text, "ref") != NULL;
}

/* ---- packed weights ---- */

typedef struct Pack {
    const dnnl_memory_desc_t *from, *to;
    gpointer packed;
    gsize bytes;
    const FoveaTensor *tensor;
    dnnl_status_t status;
} Pack;

static dnnl_status_t reorder(Pack *pack, void *packed)
{
    const FoveaDnnl *d = fovea_dnnl();
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_status_t status = d->reorder_primitive_desc_create(&pd, pack->from, d->engine, pack->to,
                                                            d->engine, NULL);
    if (status == dnnl_success)
        status = d->primitive_create(&primitive, pd);
    if (status == dnnl_success)
        status = d->memory_create(&from, pack->from, d->engine, pack->tensor->data);
    if (status == dnnl_success)
        status = d->memory_create(&to, pack->to, d->engine, packed);
    if (status == dnnl_success) {
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
        status = d->primitive_execute(primitive, d->stream, 2, args);
        d->stream_wait(d->stream);
    }
    if (from != NULL)
        d->memory_destroy(from);
    if (to != NULL)
        d->memory_destroy(to);
    if (primitive != NULL)
        d->primitive_destroy(primitive);
    if (pd != NULL)
        d->primitive_desc_destroy(pd);
    return status;
}

static gpointer pack_now(const FoveaTensor *tensor, gpointer data, gsize *bytes, GError **error)
{
    Pack *pack = data;
    gpointer packed = fovea_try_alloc(pack->bytes, 1, error);
    if (packed == NULL)
        return NULL;
    pack->tensor = tensor;
    pack->status = reorder(pack, packed);
    if (pack->status != dnnl_success) {
        fovea_fail(error, FOVEA_ERROR_FAILED, "oneDNN could not pack weights (error %d)",
                   (int)pack->status);
        fovea_free(packed);
        return NULL;
    }
    *bytes = pack->bytes;
    return packed;
}

void *fovea_dnnl_weights(FoveaProgram *program, const FoveaTensor *tensor,
                         const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *desc,
                         GError **error)
{
    const FoveaDnnl *d = fovea_dnnl();
    g_autoptr(FoveaTensor) wide = NULL;
    if (tensor->dtype == FOVEA_DTYPE_F32 && d->memory_desc_equal(from, desc))
        return tensor->data;
    if (tensor->dtype != FOVEA_DTYPE_F32) {
        tensor = wide = fovea_tensor_convert(tensor, FOVEA_DTYPE_F32, error);
        if (wide == NULL)
            return NULL;
    }
    /* In this major version the description is a plain struct: its bytes name the layout. */
    g_autofree char *a = g_compute_checksum_for_data(G_CHECKSUM_MD5, (const guchar *)from,
                                                     sizeof *from);
    g_autofree char *b = g_compute_checksum_for_data(G_CHECKSUM_MD5, (const guchar *)desc,
                                                     sizeof *desc);
    g_autofree char *layout = g_strconcat("dnnl/", a, b, NULL);
    Pack pack = {.from = from, .to = desc, .bytes = d->memory_desc_get_size(desc)};
    return fovea_weights_get(program->weights, tensor, layout, pack_now, &pack, fovea_free, error);
}
