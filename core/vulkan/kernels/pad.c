/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/pad.c: Pad in all its modes, negative pads too.
 */
#include "vulkan/kernels/common.h"

typedef struct PadAxis {
    gint64 out, in, before, stride_in, stride_out;
} PadAxis;

/* Pads before each axis; FALSE where they are not known. */
static gboolean before_of(const FoveaVkFill *f, guint rank, gint64 *before)
{
    gint64 pads[2 * FOVEA_MAX_RANK], axes[FOVEA_MAX_RANK];
    guint n = 0, n_axes = 0, axis;
    memset(before, 0, rank * sizeof *before);
    if (!fovea_vk_ints(f, 1, pads, 2 * FOVEA_MAX_RANK, &n))
        return FALSE;
    if (fovea_own_in(f->node, 3) == NULL) {
        if (n != 2 * rank)
            return FALSE;
        memcpy(before, pads, rank * sizeof *before);
        return TRUE;
    }
    if (!fovea_vk_ints(f, 3, axes, FOVEA_MAX_RANK, &n_axes) || n != 2 * n_axes)
        return FALSE;
    for (guint i = 0; i < n_axes; i++) {
        if (!fovea_axis(axes[i], (gint)rank, FALSE, &axis))
            return FALSE;
        before[axis] = pads[i];
    }
    return TRUE;
}

static gboolean whole(const PadAxis *axis)
{
    return axis->before == 0 && axis->in == axis->out;
}

/* In the order in which the result lies; axes that lie together and are not padded are joined. */
static guint join(PadAxis *axes, guint n)
{
    guint rank = 0;
    for (guint i = 1; i < n; i++) {
        for (guint k = i; k > 0 && ABS(axes[k].stride_out) > ABS(axes[k - 1].stride_out); k--) {
            PadAxis t = axes[k];
            axes[k] = axes[k - 1];
            axes[k - 1] = t;
        }
    }
    for (guint i = 0; i < n; i++) {
        PadAxis *a = rank > 0 ? &axes[rank - 1] : NULL, b = axes[i];
        if (whole(&b) && b.out == 1)
            continue;
        if (a != NULL && whole(a) && whole(&b) && a->stride_in == b.stride_in * b.in &&
            a->stride_out == b.stride_out * b.out) {
            b.in *= a->in;
            b.out *= a->out;
            *a = b;
        } else {
            axes[rank++] = b;
        }
    }
    return rank;
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0), *value = fovea_vk_own(f, 2);
    gint64 before[FOVEA_MAX_RANK];
    PadAxis axes[FOVEA_MAX_RANK];
    if (!before_of(f, x->rank, before))
        return fovea_node_fail(f->node, error, FOVEA_ERROR_NEED_VALUE, "the pads are not known");
    for (guint i = 0; i < x->rank; i++)
        axes[i] = (PadAxis){out->dims[i], x->dims[i], before[i], x->strides[i], out->strides[i]};
    guint rank = join(axes, x->rank);
    fovea_vk_word(f, fovea_view_count(out));
    fovea_vk_word(f, rank);
    fovea_vk_word(f, x->offset);
    fovea_vk_word(f, value != NULL ? value->offset : 0);
    fovea_vk_word(f, out->offset);
    for (guint i = 0; i < rank; i++) {
        fovea_vk_word(f, axes[i].out);
        fovea_vk_word(f, axes[i].in);
        fovea_vk_word(f, axes[i].before);
        fovea_vk_word(f, axes[i].stride_in);
        fovea_vk_word(f, axes[i].stride_out);
    }
    fovea_vk_groups(f, fovea_view_count(out), 128);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = fovea_node_attr_string(node, "mode", "constant");
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_pad, fill, NULL);
    (void)error;
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_input(builder, d, 1, fovea_own_in(node, 2));
    fovea_vk_output(builder, d, 2, node->out[0]);
    for (guint k = 0; k < G_N_ELEMENTS(modes); k++) {
        if (g_str_equal(mode, modes[k]))
            fovea_vk_option(d, 0, k);
    }
    fovea_vk_option(d, 1, fovea_own_in(node, 2) != NULL);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    FoveaDim content[FOVEA_MAX_CONTENT];
    guint n;
    const FoveaValue *axes = fovea_own_in(node, 3);
    (void)device;
    (void)precision;
    if (!fovea_infer_content(node->graph, node->in[1], content, &n) ||
        (axes != NULL && !fovea_infer_content(node->graph, axes, content, &n)))
        return "pads that are computed at run time";
    return NULL;
}

static const char *const ops[] = {"Pad", NULL};
const FoveaVkKernel fovea_vk_kernel_pad = {
    .ops = ops,
    .klass = "copy",
    .why_not = why_not,
    .emit = emit,
};
