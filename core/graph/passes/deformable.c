/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Deformable attention, as exporters write it: GridSample per level, the levels put side by side
 * (Concat along the points, or stacked and reshaped), times weights, summed over all points. One
 * DeformableAttention takes its place, which never holds the samples.
 */
#include "attention/spec.h"
#include "graph/passes/passes.h"

#define MAX_LEVELS 8

typedef struct Levels {
    FoveaNode *sample[MAX_LEVELS];
    guint n;
} Levels;

static gboolean same_sampling(const FoveaNode *a, const FoveaNode *b)
{
    return g_str_equal(fovea_node_attr_string(a, "mode", "linear"),
                       fovea_node_attr_string(b, "mode", "linear")) &&
           g_str_equal(fovea_node_attr_string(a, "padding_mode", "zeros"),
                       fovea_node_attr_string(b, "padding_mode", "zeros")) &&
           fovea_node_attr_int(a, "align_corners", 0) == fovea_node_attr_int(b, "align_corners", 0);
}

static gboolean add_level(Levels *levels, FoveaNode *sample)
{
    if (sample == NULL || levels->n == MAX_LEVELS || sample->out[0]->rank != 4 ||
        (levels->n > 0 && !same_sampling(sample, levels->sample[0])))
        return FALSE;
    levels->sample[levels->n++] = sample;
    return TRUE;
}

/* GridSample [N,D,T,P], or it with an axis of 1 put before the points. */
static FoveaNode *sampled(const FoveaValue *value, gboolean stacked)
{
    if (!stacked)
        return fovea_made_by_alone(value, "GridSample");
    if (value == NULL || value->producer == NULL || !fovea_is_reshape(value->producer) ||
        fovea_value_n_uses(value) != 1 || value->rank != 5 || !fovea_dim_is(value->dims[3], 1))
        return NULL;
    FoveaNode *sample = fovea_made_by_alone(value->producer->in[0], "GridSample");
    if (sample == NULL || sample->out[0]->rank != 4 ||
        !fovea_dim_equal(sample->out[0]->dims[3], value->dims[4]) ||
        !fovea_dim_equal(sample->out[0]->dims[2], value->dims[2]))
        return NULL;
    return sample;
}

/* value [N,D,T,sum of points] is made of samples only. */
static gboolean find_levels(const FoveaValue *value, Levels *levels)
{
    guint axis;
    gboolean stacked = FALSE;
    if (value->rank != 4 || fovea_value_n_uses(value) != 1 || value->producer == NULL)
        return FALSE;
    FoveaNode *single = fovea_made_by(value, "GridSample");
    if (single != NULL)
        return add_level(levels, single);
    FoveaNode *join = fovea_made_by(value, "Concat");
    if (join == NULL && fovea_is_reshape(value->producer)) {
        join = fovea_made_by_alone(value->producer->in[0], "Concat");
        stacked = TRUE;
        if (join == NULL) { /* one level, stacked alone */
            FoveaNode *one = sampled(value->producer->in[0], TRUE);
            return add_level(levels, one);
        }
    }
    if (join == NULL || join->out[0]->rank != (stacked ? 5 : 4) ||
        !fovea_axis(fovea_node_attr_int(join, "axis", 0), join->out[0]->rank, FALSE, &axis) ||
        axis != 3)
        return FALSE;
    for (gint i = 0; stacked && i < 3; i++) {
        if (!fovea_dim_equal(join->out[0]->dims[i], value->dims[i]))
            return FALSE;
    }
    for (guint i = 0; i < join->n_in; i++) {
        if (!add_level(levels, sampled(join->in[i], stacked)))
            return FALSE;
    }
    return TRUE;
}

/* Weights [N,1,T,points]. */
static gboolean fits_weights(const FoveaValue *weights, const FoveaValue *values)
{
    return weights->rank == 4 && fovea_dim_equal(weights->dims[0], values->dims[0]) &&
           fovea_dim_is(weights->dims[1], 1) &&
           fovea_dim_equal(weights->dims[2], values->dims[2]) &&
           fovea_dim_equal(weights->dims[3], values->dims[3]);
}

static void build(FoveaPass *pass, FoveaNode *sum, FoveaValue *weights, const Levels *levels)
{
    FoveaValue *in[1 + 2 * MAX_LEVELS] = {weights};
    const FoveaNode *first = levels->sample[0];
    for (guint i = 0; i < levels->n; i++) {
        in[1 + 2 * i] = levels->sample[i]->in[0];
        in[2 + 2 * i] = levels->sample[i]->in[1];
    }
    FoveaNode *node = fovea_make_node(pass->graph, sum, "DeformableAttention", sum->name, in,
                                      1 + 2 * levels->n);
    if (node == NULL)
        return;
    FoveaAttention spec = {.pattern = FOVEA_ATTN_DEFORMABLE, .kind = "deformable", .scale = 1};
    node->spec = g_memdup2(&spec, sizeof spec);
    fovea_node_set_int(node, "levels", levels->n);
    fovea_node_set_string(node, "mode", fovea_node_attr_string(first, "mode", "linear"));
    fovea_node_set_string(node, "padding_mode",
                          fovea_node_attr_string(first, "padding_mode", "zeros"));
    fovea_node_set_int(node, "align_corners", fovea_node_attr_int(first, "align_corners", 0));
    FoveaValue *out = fovea_finish_node(node);
    if (out == NULL || !fovea_value_same_shape(out, sum->out[0]))
        return;
    fovea_graph_replace(pass->graph, sum->out[0], out);
    fovea_pass_note(pass, "deformable attention");
}

static void recognise(FoveaPass *pass, FoveaNode *sum)
{
    guint32 axes;
    FoveaNode *product = fovea_made_by_alone(sum->in[0], "Mul");
    if (product == NULL || product->out[0]->rank != 4 || !fovea_reduce_axes(sum, &axes) ||
        axes != 1u << 3 || fovea_node_attr_int(sum, "keepdims", 1) != 0)
        return;
    for (guint i = 0; i < 2; i++) {
        Levels levels = {.n = 0};
        if (!fits_weights(product->in[1 - i], product->in[i]) ||
            !find_levels(product->in[i], &levels))
            continue;
        build(pass, sum, product->in[1 - i], &levels);
        return;
    }
}

gboolean fovea_pass_deformable(FoveaPass *pass, GError **error)
{
    for (FoveaNode *node = pass->graph->first, *next; node != NULL; node = next) {
        next = node->next;
        if (fovea_is_op(node, "ReduceSum") && node->fx == NULL)
            recognise(pass, node);
    }
    return TRUE;
}
