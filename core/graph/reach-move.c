/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes through operators that only move elements. Where strides can say it, the operator's own view
 * does; else the operator's reference moves the boxes as the integers that they fill.
 */
#include "graph/reach-rules.h"

/* Boxes that a reference may move one by one. */
#define MOVED_MAX (1 << 23)

static FoveaReachDone done(gboolean ok)
{
    return ok ? FOVEA_REACH_DONE : FOVEA_REACH_FAILED;
}

/* ---- views ---- */

static gboolean through_window(const FoveaNode *node, guint slot, const FoveaReachField *in,
                               FoveaReachField *out)
{
    FoveaWindow from = {.rank = (gint)in->view.rank}, to;
    for (guint i = 0; i < in->view.rank; i++) {
        from.dims[i] = fovea_dim(in->view.dims[i]);
        from.strides[i] = fovea_dim(in->view.strides[i]);
    }
    if (node->op->view == NULL || !node->op->view(node, slot, &from, &to))
        return FALSE;
    FoveaView view = fovea_view_make(FOVEA_DTYPE_I64, (guint)to.rank, in->view.dims,
                                     fovea_reach_boxes(&in->view) + to.offset.c);
    for (gint i = 0; i < to.rank; i++) {
        view.dims[i] = to.dims[i].c;
        view.strides[i] = to.strides[i].c;
    }
    fovea_reach_field_share(out, in, &view);
    return TRUE;
}

FoveaReachDone fovea_reach_view(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    for (guint k = 0; k < node->n_out; k++) {
        if (node->out[k] != NULL && !through_window(node, k, &in[0], &out[k])) {
            for (guint i = 0; i < k; i++)
                fovea_reach_field_clear(&out[i]);
            return fovea_reach_moved(node, in, out, error);
        }
    }
    return FOVEA_REACH_DONE;
}

FoveaReachDone fovea_reach_flat(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    if (through_window(node, 0, &in[0], &out[0]))
        return FOVEA_REACH_DONE;
    fovea_reach_dims(node->out[0], dims);
    return done(fovea_reach_reshape(&in[0].view, (guint)node->out[0]->rank, dims, &out[0], error));
}

FoveaReachDone fovea_reach_expand(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    FoveaView wide;
    (void)error;
    fovea_reach_dims(node->out[0], dims);
    if (!fovea_view_broadcast(&in[0].view, (guint)node->out[0]->rank, dims, &wide))
        return FOVEA_REACH_ALL;
    fovea_reach_field_share(&out[0], &in[0], &wide);
    return FOVEA_REACH_DONE;
}

/* ---- parts put side by side ---- */

/* All who read the value mix all of its channels at once: which is which need not be told. */
static gboolean channels_are_mixed(const FoveaValue *value)
{
    for (guint i = 0; i < value->uses->len; i++) {
        const FoveaNode *user = g_ptr_array_index(value->uses, i);
        if (!g_str_equal(user->op->name, "Conv") || user->in[0] != value ||
            fovea_node_attr_int(user, "group", 1) != 1)
            return FALSE;
    }
    return value->output < 0;
}

FoveaReachDone fovea_reach_concat(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error)
{
    const FoveaValue *value = node->out[0];
    gint64 dims[FOVEA_MAX_RANK], at = 0;
    guint32 vary = 0;
    guint axis;
    if (!fovea_axis(fovea_node_attr_int(node, "axis", 0), value->rank, FALSE, &axis))
        return FOVEA_REACH_ALL;
    fovea_reach_dims(value, dims);
    for (guint k = 0; k < node->n_in; k++)
        vary |= fovea_reach_vary(&in[k].view);
    vary |= 1u << axis;
    if (axis == 1 && channels_are_mixed(value))
        vary &= ~2u;
    if (!fovea_reach_field_new(&out[0], (guint)value->rank, dims, vary, error))
        return FOVEA_REACH_FAILED;
    const FoveaView *to = &out[0].view;
    for (guint k = 0; k < node->n_in; k++) {
        const FoveaView *from = &in[k].view;
        fovea_reach_join(from->rank, from->dims, from->data, from->strides,
                         fovea_reach_boxes(to) + at * to->strides[axis], to->strides);
        at += from->dims[axis];
    }
    fovea_reach_field_compress(&out[0]);
    return FOVEA_REACH_DONE;
}

/* Gather by known indices: one slice of the data after the other. */
static FoveaReachDone gather_known(const FoveaNode *node, guint axis, const FoveaReachField *in,
                                   FoveaReachField *out, GError **error)
{
    const FoveaTensor *indices = node->in[1]->constant;
    const FoveaView *from = &in[0].view;
    gint64 dims[FOVEA_MAX_RANK], at_strides[FOVEA_MAX_RANK] = {0}, space[FOVEA_MAX_RANK];
    guint n_index = (guint)node->in[1]->rank, rank = (guint)node->out[0]->rank;
    guint32 inside = fovea_reach_vary(from), vary = 0;
    fovea_reach_dims(node->out[0], dims);
    for (guint i = 0; i < rank; i++) {
        guint source = i < axis ? i : i < axis + n_index ? axis : i - n_index + 1;
        vary |= inside & 1u << source ? 1u << i : 0;
    }
    if (!fovea_reach_field_new(&out[0], rank, dims, vary, error))
        return FOVEA_REACH_FAILED;
    const FoveaView *to = &out[0].view;
    memcpy(space, from->dims, sizeof space);
    space[axis] = 1;
    for (guint i = 0; i < from->rank; i++)
        at_strides[i] = i < axis ? to->strides[i] : i > axis ? to->strides[i + n_index - 1] : 0;
    const gint64 *walked[] = {to->strides + axis};
    FoveaWalk walk;
    fovea_walk_init(&walk, n_index, indices->dims, 1, walked);
    if (walk.empty)
        return FOVEA_REACH_DONE;
    gint64 n = 0;
    do {
        gint64 index = fovea_load_i64(indices->dtype, indices->data, n++);
        index += index < 0 ? from->dims[axis] : 0;
        if (index >= 0 && index < from->dims[axis])
            fovea_reach_join(from->rank, space,
                             fovea_reach_boxes(from) + index * from->strides[axis], from->strides,
                             fovea_reach_boxes(to) + walk.at[0], at_strides);
    } while (fovea_walk_next(&walk));
    return FOVEA_REACH_DONE;
}

/* Indices that are computed choose among all slices of the axis. */
static FoveaReachDone gather_any(const FoveaNode *node, guint axis, const FoveaReachField *in,
                                 FoveaReachField *out, GError **error)
{
    FoveaReachField any, chosen;
    FoveaView one = {.dtype = FOVEA_DTYPE_I64}, wide = {.dtype = FOVEA_DTYPE_I64};
    gint64 dims[FOVEA_MAX_RANK];
    guint n_index = (guint)node->in[1]->rank, rank = (guint)node->out[0]->rank;
    fovea_reach_dims(node->out[0], dims);
    if (!fovea_reach_reduce(&in[0].view, 1u << axis, &any, error))
        return FOVEA_REACH_FAILED;
    if (!fovea_reach_reduce(&in[1].view, (1u << in[1].view.rank) - 1, &chosen, error)) {
        fovea_reach_field_clear(&any);
        return FOVEA_REACH_FAILED;
    }
    wide = fovea_view_make(FOVEA_DTYPE_I64, rank, dims, any.view.data);
    for (guint i = 0; i < rank; i++)
        wide.strides[i] = i < axis             ? any.view.strides[i]
                          : i < axis + n_index ? 0
                                               : any.view.strides[i - n_index + 1];
    one = fovea_view_make(FOVEA_DTYPE_I64, 0, dims, chosen.view.data);
    gboolean ok = fovea_reach_field_new(&out[0], rank, dims, fovea_reach_vary(&wide), error);
    if (ok) {
        fovea_reach_join_view(&wide, &out[0]);
        fovea_reach_join_view(&one, &out[0]);
    }
    fovea_reach_field_clear(&any);
    fovea_reach_field_clear(&chosen);
    return done(ok);
}

FoveaReachDone fovea_reach_gather(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error)
{
    guint axis;
    if (!fovea_axis(fovea_node_attr_int(node, "axis", 0), node->in[0]->rank, FALSE, &axis))
        return FOVEA_REACH_ALL;
    return node->in[1]->constant != NULL ? gather_known(node, axis, in, out, error)
                                         : gather_any(node, axis, in, out, error);
}

/* ---- moved by the reference ---- */

static const struct {
    const char *name;
    guint32 data;  /* inputs whose elements move */
    guint32 steer; /* inputs that say where, and must be known */
} movers[] = {
    {"CenterCropPad", 1, 2},  {"DepthToSpace", 1, 0},
    {"GatherElements", 1, 2}, {"GatherND", 1, 2},
    {"Pad", 1 | 4, 2 | 8},    {"ReverseSequence", 1, 2},
    {"ScatterND", 1 | 4, 2},  {"ScatterElements", 1 | 4, 2},
    {"Slice", 1, 30},         {"SpaceToDepth", 1, 0},
    {"Split", 1, 2},          {"Tile", 1, 2},
    {"Transpose", 1, 0},      {"Trilu", 1, 2},
};

typedef struct {
    FoveaView views[8];
    const FoveaView *in[8];
} Moved;

static gboolean prepare(const FoveaNode *node, const FoveaReachField *in, Moved *moved)
{
    const char *reduction = fovea_node_attr_string(node, "reduction", "none");
    guint which = 0;
    while (which < G_N_ELEMENTS(movers) && !g_str_equal(movers[which].name, node->op->name))
        which++;
    if (which == G_N_ELEMENTS(movers) || node->op->ref == NULL || node->n_in > 8 ||
        !g_str_equal(reduction, "none"))
        return FALSE;
    for (guint k = 0; k < node->n_in; k++) {
        if (node->in[k] == NULL)
            continue;
        if (movers[which].data & 1u << k)
            moved->views[k] = in[k].view;
        else if ((movers[which].steer & 1u << k) && node->in[k]->constant != NULL)
            moved->views[k] = fovea_view_of_tensor(node->in[k]->constant);
        else
            return FALSE;
        moved->in[k] = &moved->views[k];
    }
    return TRUE;
}

/* Runs the reference into new fields of the dims given (one set an output). */
static FoveaReachDone run_moved(const FoveaNode *node, const Moved *moved,
                                gint64 (*dims)[FOVEA_MAX_RANK], FoveaReachField *out,
                                GError **error)
{
    g_autofree const FoveaView **views = g_new0(const FoveaView *, node->n_out + 1);
    GError *cause = NULL;
    gboolean ok = TRUE;
    for (guint k = 0; k < node->n_out; k++) {
        gint64 count = 0;
        if (node->out[k] != NULL &&
            (!fovea_shape_count((guint)node->out[k]->rank, dims[k], &count) || count > MOVED_MAX))
            return FOVEA_REACH_ALL;
    }
    for (guint k = 0; ok && k < node->n_out; k++) {
        if (node->out[k] == NULL)
            continue;
        ok = fovea_reach_field_new(&out[k], (guint)node->out[k]->rank, dims[k], ~0u, &cause);
        views[k] = &out[k].view;
    }
    /* The reference writes C order, also along axes of size 1. */
    ok = ok && fovea_node_run_ref(node, moved->in, views, &cause);
    for (guint k = 0; k < node->n_out; k++) {
        if (!ok)
            fovea_reach_field_clear(&out[k]);
        else if (node->out[k] != NULL)
            fovea_reach_field_compress(&out[k]);
    }
    if (ok)
        return FOVEA_REACH_DONE;
    if (g_error_matches(cause, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY)) {
        g_propagate_error(error, cause);
        return FOVEA_REACH_FAILED;
    }
    g_clear_error(&cause);
    return FOVEA_REACH_ALL;
}

FoveaReachDone fovea_reach_moved(const FoveaNode *node, const FoveaReachField *in,
                                 FoveaReachField *out, GError **error)
{
    g_autofree gint64(*dims)[FOVEA_MAX_RANK] = g_malloc0_n(node->n_out + 1, sizeof *dims);
    Moved moved = {0};
    if (!prepare(node, in, &moved))
        return FOVEA_REACH_ALL;
    for (guint k = 0; k < node->n_out; k++) {
        if (node->out[k] != NULL)
            fovea_reach_dims(node->out[k], dims[k]);
    }
    return run_moved(node, &moved, dims, out, error);
}

/* Channels that are alike: each pixel becomes a block. */
FoveaReachDone fovea_reach_depth(const FoveaNode *node, const FoveaReachField *in,
                                 FoveaReachField *out, GError **error)
{
    gint64 block = fovea_node_attr_int(node, "blocksize", 1), dims[FOVEA_MAX_RANK];
    const FoveaView *v = &in[0].view;
    if (v->strides[1] != 0)
        return fovea_reach_moved(node, in, out, error);
    fovea_reach_dims(node->out[0], dims);
    FoveaView blocks = {.dtype = FOVEA_DTYPE_I64,
                        .rank = 6,
                        .dims = {v->dims[0], dims[1], v->dims[2], block, v->dims[3], block},
                        .strides = {v->strides[0], 0, v->strides[2], 0, v->strides[3], 0},
                        .data = v->data};
    return done(fovea_reach_reshape(&blocks, 4, dims, &out[0], error));
}

/* Pads at known places, bit i of *axes where axis i has one. */
static gboolean padded_axes(const FoveaNode *node, guint32 *axes)
{
    gint64 pads[2 * FOVEA_MAX_RANK], named[FOVEA_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    guint n, n_axes;
    if (!fovea_infer_const_ints(node->graph, node, 1, pads, 2 * FOVEA_MAX_RANK, &n, NULL) ||
        !fovea_infer_const_ints(node->graph, node, 3, named, FOVEA_MAX_RANK, &n_axes, NULL))
        return FALSE;
    *axes = 0;
    for (guint k = 0; k < n / 2; k++) {
        guint axis;
        if (!fovea_axis(named[k], node->in[0]->rank, FALSE, &axis))
            return FALSE;
        if (pads[k] != 0 || pads[n / 2 + k] != 0)
            *axes |= 1u << axis;
    }
    return TRUE;
}

/* Axes that are neither padded nor differ are moved as one element. */
FoveaReachDone fovea_reach_pad(const FoveaNode *node, const FoveaReachField *in,
                               FoveaReachField *out, GError **error)
{
    gint64 dims[1][FOVEA_MAX_RANK] = {{0}};
    Moved moved = {0};
    guint32 padded;
    if (!prepare(node, in, &moved) || !padded_axes(node, &padded))
        return FOVEA_REACH_ALL;
    fovea_reach_dims(node->out[0], dims[0]);
    for (guint i = 0; i < in[0].view.rank; i++) {
        if (!(padded & 1u << i) && moved.views[0].strides[i] == 0 && dims[0][i] > 1)
            dims[0][i] = moved.views[0].dims[i] = 1;
    }
    FoveaReachDone result = run_moved(node, &moved, dims, out, error);
    if (result == FOVEA_REACH_DONE)
        fovea_reach_dims(node->out[0], out[0].view.dims); /* their strides are 0 */
    return result;
}
