/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/resize.c: Resize. Indices and weights along each axis are computed once, in double,
 * by the operator's own code, and lie in a table beside the weights.
 */
#include "ops/resize.h"
#include "vulkan/kernels/common.h"

#define AXES 3 /* that are resized at once */

typedef struct ResizeData {
    guint n;          /* axes that are resized */
    guint axis[AXES]; /* ascending */
    guint taps[AXES];
    guint start[AXES]; /* in the table */
} ResizeData;

/* An axis that does nothing: one output place, one tap of weight 1. It leads the table. */
static const gint32 nothing[2] = {0, 0x3f800000};

static gboolean resized(const ResizeData *data, guint axis)
{
    for (guint k = 0; k < data->n; k++) {
        if (data->axis[k] == axis)
            return TRUE;
    }
    return FALSE;
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    const ResizeData *data = f->data;
    gint64 smallest = G_MAXINT64, smallest_rest = G_MAXINT64;
    FoveaVkWalk rest;
    (void)error;
    fovea_vk_walk_init(&rest, 2);
    for (guint i = 0; i < x->rank; i++) {
        const gint64 strides[2] = {x->strides[i], out->strides[i]};
        gboolean walked = !resized(data, i);
        if (walked)
            fovea_vk_walk_axis(&rest, x->dims[i], strides);
        if (out->dims[i] > 1 && walked)
            smallest_rest = MIN(smallest_rest, ABS(strides[1]));
        else if (out->dims[i] > 1)
            smallest = MIN(smallest, ABS(strides[1]));
    }
    fovea_vk_walk_sort(&rest, 1);
    fovea_vk_word(f, x->offset);
    fovea_vk_word(f, out->offset);
    fovea_vk_word_float(f, (float)fovea_node_attr_float(f->node, "extrapolation_value", 0));
    fovea_vk_word(f, smallest_rest < smallest);
    for (guint k = 0; k < AXES; k++) {
        gboolean real = k < data->n;
        guint axis = data->axis[k];
        fovea_vk_word(f, real ? out->dims[axis] : 1);
        fovea_vk_word(f, real ? data->taps[k] : 1);
        fovea_vk_word(f, real ? data->start[k] : 0);
        fovea_vk_word(f, real ? x->strides[axis] : 0);
        fovea_vk_word(f, real ? out->strides[axis] : 0);
    }
    fovea_vk_walk_words(f, &rest);
    fovea_vk_groups(f, fovea_view_count(out), 128);
    return TRUE;
}

static gboolean append(GArray *table, const FoveaResizeAxis *axis, GError **error)
{
    gint64 n = axis->out * axis->taps;
    if (n > (1 << 24))
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "Resize needs a table of %" G_GINT64_FORMAT " taps", n);
    for (gint64 i = 0; i < n; i++) {
        gint32 index = (gint32)axis->index[i];
        g_array_append_val(table, index);
    }
    for (gint64 i = 0; i < n; i++) {
        float weight = (float)axis->weight[i];
        g_array_append_val(table, weight);
    }
    return TRUE;
}

/* The table of all axes, and where each begins. */
static FoveaTensor *make_table(FoveaVkBuilder *builder, const FoveaNode *node, ResizeData *data,
                               GError **error)
{
    FoveaView views[4], out;
    const FoveaView *in[4] = {NULL};
    g_autoptr(GArray) table = g_array_new(FALSE, FALSE, 4);
    g_array_append_vals(table, nothing, 2);
    fovea_vk_view(builder, node->in[0], &views[0]);
    fovea_vk_view(builder, node->out[0], &out);
    in[0] = &views[0];
    for (guint k = 1; k < MIN(fovea_node_n_own(node), 4); k++) {
        if (node->in[k] == NULL || node->in[k]->constant == NULL)
            continue;
        views[k] = fovea_view_of_tensor(node->in[k]->constant);
        in[k] = &views[k];
    }
    for (guint axis = 0; axis < views[0].rank; axis++) {
        FoveaResizeAxis taps;
        if (!fovea_resize_axis(node, in, &out, axis, &taps, error))
            return NULL;
        if (taps.identity)
            continue;
        gboolean ok = data->n < AXES && append(table, &taps, error);
        if (ok) {
            data->axis[data->n] = axis;
            data->taps[data->n] = taps.taps;
            data->start[data->n++] = table->len - (guint)(2 * taps.out * taps.taps);
        } else if (data->n == AXES) {
            fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "Resize along more than three axes");
        }
        fovea_resize_axis_clear(&taps);
        if (!ok)
            return NULL;
    }
    g_autoptr(GBytes) bytes = g_bytes_new(table->data, table->len * 4);
    return fovea_tensor_new_from_bytes(FOVEA_DTYPE_I32, 1, (const gint64[]){table->len}, bytes,
                                       error);
}

static gpointer pack_table(const FoveaTensor *tensor, gpointer user_data, gsize *bytes,
                           GError **error)
{
    (void)user_data;
    *bytes = fovea_tensor_n_bytes(tensor);
    gpointer copy = fovea_try_alloc(*bytes, 1, error);
    if (copy != NULL)
        memcpy(copy, fovea_tensor_data(tensor), *bytes);
    return copy;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_resize, fill, NULL);
    ResizeData *data = fovea_vk_data(d, sizeof *data);
    g_autoptr(FoveaTensor) table = make_table(builder, node, data, error);
    FoveaVkBuffer *buffer =
        table != NULL ? fovea_vk_weights(builder, table, "vk/taps", pack_table, NULL, error) : NULL;
    if (buffer == NULL)
        return FALSE;
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_spec(d, 1, FOVEA_DTYPE_I32);
    fovea_vk_bind_buffer(d, 1, buffer);
    fovea_vk_output(builder, d, 2, node->out[0]);
    fovea_vk_option(d, 0, g_str_equal(fovea_node_attr_string(node, "mode", "nearest"), "nearest"));
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    const FoveaValue *x = node->in[0], *out = node->out[0], *roi = fovea_own_in(node, 1);
    gboolean crop = g_str_equal(fovea_node_attr_string(node, "coordinate_transformation_mode", ""),
                                "tf_crop_and_resize");
    gboolean stretch =
        g_str_equal(fovea_node_attr_string(node, "keep_aspect_ratio_policy", "stretch"), "stretch");
    const FoveaValue *sizes = fovea_own_in(node, 3);
    guint changed = 0;
    (void)device;
    (void)precision;
    if (x->rank > FOVEA_MAX_RANK - 1)
        return "rank too high";
    for (gint i = 0; i < x->rank; i++) {
        gboolean fixed = fovea_dim_is_const(x->dims[i]) && fovea_dim_is_const(out->dims[i]);
        if (!fixed && !fovea_dim_equal(x->dims[i], out->dims[i]))
            return "sizes that change from run to run";
        changed += !fovea_dim_equal(x->dims[i], out->dims[i]);
    }
    if (changed > AXES || (crop && x->rank > AXES + 1))
        return "more than three axes";
    if ((crop && roi != NULL && roi->constant == NULL) ||
        (!stretch && sizes != NULL && sizes->constant == NULL))
        return "a region or sizes that are computed at run time";
    return NULL;
}

static gboolean channels_last(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    return fovea_dim_is_const(node->out[0]->dims[1]) && node->out[0]->dims[1].c >= 4;
}

static const char *const ops[] = {"Resize", NULL};
const FoveaVkKernel fovea_vk_kernel_resize = {
    .ops = ops,
    .klass = "resize",
    .why_not = why_not,
    .channels_last = channels_last,
    .emit = emit,
};
