/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What has to do with bounded dimensions: Append and Scalars.
 */
#include "cpu/kernel.h"

/* Where the lowering laid past and the result over each other only the new part is written. */
static gboolean append_run(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *past = run->in[0], *fresh = run->in[1], *out = run->out[0];
    guint axis;
    FoveaView part = *fresh;
    if (!fovea_axis(fovea_node_attr_int(run->node, "axis", 0), (gint)out->rank, FALSE, &axis))
        return TRUE;
    gint64 skip = out->strides[axis] * past->dims[axis] * (gint64)fovea_dtype_size(out->dtype);
    memcpy(part.strides, out->strides, sizeof part.strides);
    part.dtype = out->dtype;
    part.data = (guint8 *)out->data + skip;
    fovea_view_copy(fresh, &part);
    if (past->data == out->data)
        return TRUE;
    FoveaView old = *past;
    memcpy(old.strides, out->strides, sizeof old.strides);
    old.dtype = out->dtype;
    old.data = out->data;
    fovea_view_copy(past, &old);
    return TRUE;
}

static const char *const append_ops[] = {"Append", NULL};

const FoveaCpuKernel fovea_cpu_kernel_append = {
    .ops = append_ops,
    .klass = "copy",
    .run = append_run,
};

static gboolean scalars_run(const FoveaCpuRun *run, GError **error)
{
    const FoveaValue *value = run->node->out[0];
    const FoveaSyms *syms = run->instance->program->graph->syms;
    for (guint i = 0; i < value->n_content; i++)
        fovea_store_i64(run->out[0]->dtype, run->out[0]->data, i,
                        fovea_dim_eval(syms, value->content[i], run->instance->scalars));
    return TRUE;
}

static const char *const scalars_ops[] = {"Scalars", NULL};

const FoveaCpuKernel fovea_cpu_kernel_scalars = {
    .ops = scalars_ops,
    .klass = "scalars",
    .run = scalars_run,
};
