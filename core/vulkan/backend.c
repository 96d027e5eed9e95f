/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vulkan/fx-spirv.h"
#include "vulkan/vk.h"

/* The type in which kernels see a value; NONE: they do not. */
FoveaDtype fovea_vk_store_type(FoveaDevice *device, const FoveaValue *value,
                               FoveaPrecision precision)
{
    switch (value->dtype) {
    case FOVEA_DTYPE_F32:
    case FOVEA_DTYPE_F16:
    case FOVEA_DTYPE_BF16:
        return precision == FOVEA_PRECISION_F16 && !value->keep_f32 && device->info.f16
                   ? FOVEA_DTYPE_F16
                   : FOVEA_DTYPE_F32;
    case FOVEA_DTYPE_I64:
    case FOVEA_DTYPE_I32: return FOVEA_DTYPE_I32;
    case FOVEA_DTYPE_BOOL:
    case FOVEA_DTYPE_U8:
    case FOVEA_DTYPE_I8: return value->dtype;
    default: return FOVEA_DTYPE_NONE;
    }
}

/* Values of other types can still lie in device memory, untouched. */
static FoveaDtype store(FoveaDevice *device, const FoveaValue *value, FoveaPrecision precision)
{
    FoveaDtype type = fovea_vk_store_type(device, value, precision);
    return type != FOVEA_DTYPE_NONE ? type : value->dtype;
}

static const char *type_why_not(FoveaDevice *device, const FoveaNode *node,
                                FoveaPrecision precision)
{
    for (guint i = 0; i < node->n_in + node->n_out; i++) {
        const FoveaValue *value = i < node->n_in ? node->in[i] : node->out[i - node->n_in];
        if (value == NULL || fovea_vk_store_type(device, value, precision) != FOVEA_DTYPE_NONE)
            continue;
        switch (value->dtype) {
        case FOVEA_DTYPE_F64: return "f64 is not supported";
        case FOVEA_DTYPE_U64:
        case FOVEA_DTYPE_U32: return "unsigned integers of 32 and 64 bits are not supported";
        default: return "16-bit integers are not supported";
        }
    }
    return NULL;
}

/* Views need no kernel: they only rename memory. */
static gboolean has_kernel(const FoveaOp *op)
{
    const FoveaNode bare = {.op = op};
    return op->is_view || fovea_vk_kernel_of(&bare) != NULL;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    const FoveaVkKernel *kernel = fovea_vk_kernel_of(node);
    if (kernel == NULL)
        return "there is no kernel for this operator";
    const char *why = type_why_not(device, node, precision);
    if (why == NULL && kernel->why_not != NULL)
        why = kernel->why_not(device, node, precision);
    if (why == NULL && fovea_node_has_epilogue(node))
        why = fovea_vk_fx_why_not(node->fx);
    return why;
}

static guint32 strided(const FoveaNode *node)
{
    const FoveaVkKernel *kernel = fovea_vk_kernel_of(node);
    return kernel == NULL ? 0 : kernel->strided == NULL ? G_MAXUINT32 : kernel->strided(node);
}

static gboolean channels_last(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    const FoveaVkKernel *kernel = fovea_vk_kernel_of(node);
    return kernel != NULL && kernel->channels_last != NULL &&
           kernel->channels_last(device, node, precision);
}

/* Whole vectors of eight halves. What lies in the padding is undefined; no kernel reads it. */
static guint channel_pad(FoveaDevice *device, FoveaDtype type)
{
    return type == FOVEA_DTYPE_F16 ? 8 : 1;
}

static guint n_steps(gpointer compiled)
{
    return ((FoveaVkCompiled *)compiled)->dispatches->len;
}

const FoveaBackend *fovea_vulkan_backend(void)
{
    static const FoveaBackend backend = {
        .name = "vulkan",
        .side = FOVEA_SIDE_DEVICE,
        .has_kernel = has_kernel,
        .why_not = why_not,
        .store = store,
        .strided = strided,
        .channels_last = channels_last,
        .channel_pad = channel_pad,
        .compile = fovea_vk_compile,
        .compiled_free = fovea_vk_compiled_free,
        .n_steps = n_steps,
        .state_new = fovea_vk_state_new,
        .state_free = fovea_vk_state_free,
        .submit = fovea_vk_submit,
        .wait = fovea_vk_wait,
        .profile = fovea_vk_profile,
        .arena_new = fovea_vk_arena_new,
        .arena_free = fovea_vk_arena_free,
        .upload = fovea_vk_upload,
        .download = fovea_vk_download,
        .copy = fovea_vk_copy,
    };
    return &backend;
}
