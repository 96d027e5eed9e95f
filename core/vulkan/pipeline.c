/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cache.h"
#include "vulkan/fx-spirv.h"
#include "vulkan/vk.h"

/* ---- keys ---- */

static guint key_hash(gconstpointer data)
{
    const FoveaVkPipelineKey *key = data;
    guint hash = key->shader * 31 + key->n_spec;
    for (guint i = 0; i < key->n_spec; i++)
        hash = hash * 16777619u ^ key->spec[i];
    for (guint i = 0; key->fx != NULL && i < key->fx->n; i++) {
        const FoveaFxNode *node = &key->fx->node[i];
        hash = (hash * 16777619u ^ node->op) * 16777619u ^ node->a;
        hash = (hash * 16777619u ^ node->b) * 16777619u ^ (guint)node->i;
    }
    return hash;
}

static gboolean fx_equal(const FoveaExpr *a, const FoveaExpr *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->n == b->n && memcmp(a->node, b->node, a->n * sizeof a->node[0]) == 0;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    const FoveaVkPipelineKey *x = a, *y = b;
    return x->shader == y->shader && x->n_spec == y->n_spec &&
           memcmp(x->spec_set, y->spec_set, sizeof x->spec_set) == 0 &&
           memcmp(x->spec, y->spec, x->n_spec * sizeof x->spec[0]) == 0 && fx_equal(x->fx, y->fx);
}

static void pipeline_free(gpointer data)
{
    FoveaVkPipeline *pipeline = data;
    if (pipeline->pipeline != VK_NULL_HANDLE)
        vkDestroyPipeline(pipeline->device->device, pipeline->pipeline, NULL);
    g_clear_error(&pipeline->error);
    g_free(pipeline->key.fx);
    g_free(pipeline);
}

/* ---- layouts and the cache on disk ---- */

static VkResult make_set_layout(FoveaVkDevice *device, guint n, VkDescriptorSetLayout *out)
{
    VkDescriptorSetLayoutBinding bindings[FOVEA_VK_MAX_BINDINGS];
    for (guint i = 0; i < n; i++)
        bindings[i] =
            (VkDescriptorSetLayoutBinding){.binding = i,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                           .descriptorCount = 1,
                                           .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = n,
        .pBindings = bindings};
    return vkCreateDescriptorSetLayout(device->device, &info, NULL, out);
}

static VkResult make_layout(FoveaVkDevice *device, guint n)
{
    VkResult result = make_set_layout(device, n, &device->set_layout[n]);
    VkDescriptorSetLayout sets[] = {device->set_layout[n], device->common_layout};
    VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                .size = FOVEA_VK_PUSH_WORDS * 4};
    VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                       .setLayoutCount = 2,
                                       .pSetLayouts = sets,
                                       .pushConstantRangeCount = 1,
                                       .pPushConstantRanges = &push};
    if (result != VK_SUCCESS)
        return result;
    return vkCreatePipelineLayout(device->device, &info, NULL, &device->layout[n]);
}

/* Drivers name what their caches are good for by this UUID. */
static char *cache_name(FoveaVkDevice *device)
{
    VkPhysicalDeviceProperties p;
    GString *name = g_string_new(
        "pipelines-" G_STRINGIFY(FOVEA_VERSION_MAJOR) "-" G_STRINGIFY(FOVEA_VERSION_MINOR) "-");
    vkGetPhysicalDeviceProperties(device->physical, &p);
    g_string_append_printf(name, "%04x-%04x-%08x-", p.vendorID, p.deviceID, p.driverVersion);
    for (guint i = 0; i < VK_UUID_SIZE; i++)
        g_string_append_printf(name, "%02x", p.pipelineCacheUUID[i]);
    return g_string_free(name, FALSE);
}

static void save_cache(FoveaVkDevice *device)
{
    size_t size = 0;
    GError *error = NULL;
    if (!device->cache_dirty || device->cache == VK_NULL_HANDLE ||
        vkGetPipelineCacheData(device->device, device->cache, &size, NULL) != VK_SUCCESS)
        return;
    void *data = fovea_try_alloc(size, 1, &error);
    if (data != NULL &&
        vkGetPipelineCacheData(device->device, device->cache, &size, data) == VK_SUCCESS) {
        char *name = cache_name(device);
        fovea_cache_write(name, data, size);
        g_free(name);
    }
    device->cache_dirty = FALSE;
    g_clear_error(&error);
    fovea_free(data);
}

gboolean fovea_vk_pipelines_init(FoveaVkDevice *device, GError **error)
{
    VkResult result = make_set_layout(device, 2, &device->common_layout);
    for (guint n = 0; n <= FOVEA_VK_MAX_BINDINGS && result == VK_SUCCESS; n++)
        result = make_layout(device, n);
    char *name = cache_name(device);
    GBytes *bytes = fovea_cache_read(name);
    g_free(name);
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    if (bytes != NULL)
        info.pInitialData = g_bytes_get_data(bytes, &info.initialDataSize);
    if (result == VK_SUCCESS)
        result = vkCreatePipelineCache(device->device, &info, NULL, &device->cache);
    g_clear_pointer(&bytes, g_bytes_unref);
    device->pipelines = g_hash_table_new_full(key_hash, key_equal, NULL, pipeline_free);
    return fovea_vk_check(device, result, "prepare its pipelines", error);
}

void fovea_vk_pipelines_clear(FoveaVkDevice *device)
{
    save_cache(device);
    g_clear_pointer(&device->pipelines, g_hash_table_unref);
    vkDestroyPipelineCache(device->device, device->cache, NULL);
    for (guint n = 0; n <= FOVEA_VK_MAX_BINDINGS; n++) {
        vkDestroyPipelineLayout(device->device, device->layout[n], NULL);
        vkDestroyDescriptorSetLayout(device->device, device->set_layout[n], NULL);
    }
    vkDestroyDescriptorSetLayout(device->device, device->common_layout, NULL);
}

/* ---- modules ---- */

static guint count_bindings(const FoveaVkModule *module)
{
    enum { OP_DECORATE = 71, BINDING = 33, DESCRIPTOR_SET = 34 };
    guint n = 0;
    guint8 *set = g_malloc0(module->code[3]);
    for (guint pass = 0; pass < 2; pass++) {
        for (guint at = 5; at < module->n_words; at += module->code[at] >> 16) {
            const guint32 *w = module->code + at;
            if ((w[0] & 0xffff) != OP_DECORATE)
                continue;
            if (pass == 0 && w[2] == DESCRIPTOR_SET)
                set[w[1]] = (guint8)w[3];
            if (pass == 1 && w[2] == BINDING && set[w[1]] == 0)
                n = MAX(n, w[3] + 1);
        }
    }
    g_free(set);
    return n;
}

guint fovea_vk_module_bindings(FoveaVkDevice *device, FoveaVkShader shader)
{
    if (device->module_bindings[shader] == 0)
        device->module_bindings[shader] = 1 + count_bindings(&fovea_vk_modules[shader]);
    return device->module_bindings[shader] - 1;
}

static VkResult create_pipeline(FoveaVkPipeline *pipeline, const guint32 *code, guint n_words)
{
    FoveaVkDevice *device = pipeline->device;
    const FoveaVkPipelineKey *key = &pipeline->key;
    VkSpecializationMapEntry entries[G_N_ELEMENTS(key->spec)];
    guint n = 0;
    for (guint i = 0; i < key->n_spec; i++) {
        if (key->spec_set[i / 32] & 1u << (i % 32))
            entries[n++] = (VkSpecializationMapEntry){i, i * 4, 4};
    }
    VkSpecializationInfo spec = {n, entries, key->n_spec * 4, key->spec};
    VkShaderModuleCreateInfo module = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                       .codeSize = n_words * 4,
                                       .pCode = code};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = "main",
                  .pSpecializationInfo = &spec},
        .layout = device->layout[pipeline->n_bindings]};
    VkResult result = vkCreateShaderModule(device->device, &module, NULL, &info.stage.module);
    if (result != VK_SUCCESS)
        return result;
    result = vkCreateComputePipelines(device->device, device->cache, 1, &info, NULL,
                                      &pipeline->pipeline);
    vkDestroyShaderModule(device->device, info.stage.module, NULL);
    return result;
}

static void compile_one(FoveaVkPipeline *pipeline)
{
    FoveaVkDevice *device = pipeline->device;
    const FoveaVkModule *module = &fovea_vk_modules[pipeline->key.shader];
    guint n_words;
    char *doing = NULL;
    guint32 *code = fovea_vk_fx_module(module->code, module->n_words, pipeline->key.fx,
                                       device->float_controls, &n_words, &pipeline->error);
    if (code == NULL)
        return;
    VkResult result = create_pipeline(pipeline, code, n_words);
    if (result != VK_SUCCESS)
        doing = g_strdup_printf("compile the shader '%s'", module->name);
    fovea_vk_check(device, result, doing, &pipeline->error);
    g_free(doing);
    g_free(code);
}

/* ---- compiling in parallel ---- */

typedef struct Batch {
    GMutex lock;
    GCond one_done;
    guint done;
    gint stop; /* atomic: skip what has not begun */
} Batch;

static void compile_job(gpointer data, gpointer user_data)
{
    Batch *batch = user_data;
    if (!g_atomic_int_get(&batch->stop))
        compile_one(data);
    g_mutex_lock(&batch->lock);
    batch->done++;
    g_cond_signal(&batch->one_done);
    g_mutex_unlock(&batch->lock);
}

/* Progress and cancellation are served on the calling thread while the others compile. */
static void wait_for_jobs(Batch *batch, guint total, const FoveaProgram *program)
{
    guint shown = 0;
    g_mutex_lock(&batch->lock);
    while (batch->done < total) {
        g_cond_wait_until(&batch->one_done, &batch->lock, g_get_monotonic_time() + 50000);
        guint done = batch->done;
        g_mutex_unlock(&batch->lock);
        if (program != NULL && program->cancellable != NULL &&
            g_cancellable_is_cancelled(program->cancellable))
            g_atomic_int_set(&batch->stop, 1);
        if (program != NULL && program->progress != NULL && done > shown)
            program->progress("compile", (double)done / total, program->progress_data);
        shown = done;
        g_mutex_lock(&batch->lock);
    }
    g_mutex_unlock(&batch->lock);
}

static gboolean compile_all(FoveaVkDevice *device, GPtrArray *todo, const FoveaProgram *program,
                            GError **error)
{
    Batch batch = {0};
    gboolean ok = TRUE;
    gint64 start = g_get_monotonic_time();
    g_mutex_init(&batch.lock);
    g_cond_init(&batch.one_done);
    guint threads = MIN(g_get_num_processors(), todo->len);
    GThreadPool *pool = g_thread_pool_new(compile_job, &batch, (gint)threads, FALSE, NULL);
    for (guint i = 0; i < todo->len; i++)
        g_thread_pool_push(pool, g_ptr_array_index(todo, i), NULL);
    wait_for_jobs(&batch, todo->len, program);
    g_thread_pool_free(pool, FALSE, TRUE);
    for (guint i = 0; i < todo->len && ok; i++) {
        FoveaVkPipeline *pipeline = g_ptr_array_index(todo, i);
        if (pipeline->error != NULL) {
            g_propagate_error(error, g_steal_pointer(&pipeline->error));
            ok = FALSE;
        }
    }
    if (ok && g_atomic_int_get(&batch.stop))
        ok = fovea_fail(error, FOVEA_ERROR_CANCELLED, "Compiling was cancelled.");
    g_mutex_clear(&batch.lock);
    g_cond_clear(&batch.one_done);
    fovea_log(FOVEA_LOG_DEBUG, "vulkan", "%u pipelines compiled in %d ms", todo->len,
              (int)((g_get_monotonic_time() - start) / 1000));
    return ok;
}

static FoveaVkPipeline *pipeline_new(FoveaVkDevice *device, const FoveaVkPipelineKey *key)
{
    FoveaVkPipeline *pipeline = g_new0(FoveaVkPipeline, 1);
    pipeline->device = device;
    pipeline->key = *key;
    pipeline->key.fx = g_memdup2(key->fx, key->fx != NULL ? sizeof *key->fx : 0);
    pipeline->n_bindings = fovea_vk_module_bindings(device, key->shader);
    return pipeline;
}

gboolean fovea_vk_pipelines(FoveaVkDevice *device, const FoveaVkPipelineKey *const *keys, guint n,
                            FoveaVkPipeline **out, const FoveaProgram *program, GError **error)
{
    GPtrArray *todo = g_ptr_array_new();
    GHashTable *fresh = g_hash_table_new(key_hash, key_equal);
    gboolean ok = TRUE;
    g_mutex_lock(&device->queue_lock);
    for (guint i = 0; i < n; i++) {
        out[i] = g_hash_table_lookup(device->pipelines, keys[i]);
        if (out[i] == NULL)
            out[i] = g_hash_table_lookup(fresh, keys[i]);
        if (out[i] == NULL) {
            out[i] = pipeline_new(device, keys[i]);
            g_hash_table_insert(fresh, &out[i]->key, out[i]);
            g_ptr_array_add(todo, out[i]);
        }
    }
    g_mutex_unlock(&device->queue_lock);
    if (todo->len > 0)
        ok = compile_all(device, todo, program, error);
    g_mutex_lock(&device->queue_lock);
    for (guint i = 0; i < todo->len; i++) {
        FoveaVkPipeline *mine = g_ptr_array_index(todo, i);
        FoveaVkPipeline *other = g_hash_table_lookup(device->pipelines, &mine->key);
        if (ok && other == NULL)
            g_hash_table_insert(device->pipelines, &mine->key, mine);
        for (guint k = 0; ok && other != NULL && k < n; k++)
            out[k] = out[k] == mine ? other : out[k]; /* another plan was faster */
        if (!ok || other != NULL)
            pipeline_free(mine);
    }
    device->cache_dirty |= ok && todo->len > 0;
    g_mutex_unlock(&device->queue_lock);
    g_hash_table_unref(fresh);
    g_ptr_array_unref(todo);
    return ok;
}
