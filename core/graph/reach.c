/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The search: the graph is made for a probe, a picture of some size, and boxes of input pixels are
 * carried from its input to its output. Where the boxes of pixels in the middle stay clear of the
 * probe's border, they tell the reach and how often the pattern repeats; else a larger probe is
 * taken, and what does not fit the largest sees everything.
 */
#include "graph/reach.h"

#include "graph/passes/passes.h"
#include "graph/reach-rules.h"

/* Width and height of the probes, one after the other: odd and unequal, so that axes cannot be
 * confused, and that a map stretched to the picture's size shows an odd factor. */
static const gint probes[][2] = {{67, 59}, {131, 117}, {203, 187}, {331, 317}};

typedef struct {
    FoveaGraph *graph;
    gint size[2];            /* of the picture: x, y */
    FoveaReachField *fields; /* by value id */
    guint *uses;             /* reads to come */
    const char *input;
    char *why;     /* the first node with an element that sees all of an axis */
    gboolean leap; /* all at once: its inputs' elements see no more than half */
} Probe;

/* ---- making the graph ---- */

static FoveaGraph *instantiate(const FoveaModel *model, const char *input, const char *output,
                               gint width, gint height, GError **error)
{
    g_autoptr(FoveaGraph) graph = fovea_graph_clone(fovea_model_graph(model));
    FoveaValue *in = fovea_graph_find(graph, input), *out = fovea_graph_find(graph, output);
    FoveaValue *needed = NULL;
    for (guint i = 0; i < graph->outputs->len; i++)
        ((FoveaValue *)g_ptr_array_index(graph->outputs, i))->output = -1;
    g_ptr_array_set_size(graph->outputs, 0);
    fovea_graph_add_output(graph, out);
    fovea_graph_sweep(graph);
    in->rank = 4;
    in->dims[0] = fovea_dim(1);
    in->dims[1] = fovea_dim_is_const(in->dims[1]) && in->dims[1].c > 0 ? in->dims[1] : fovea_dim(3);
    in->dims[2] = fovea_dim(height);
    in->dims[3] = fovea_dim(width);
    return fovea_pass_specialise(graph, &needed, error) ? g_steal_pointer(&graph) : NULL;
}

static gboolean simplify(FoveaGraph *graph, GError **error)
{
    g_autoptr(GHashTable) notes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    FoveaPass pass = {graph, FOVEA_PRECISION_F32, notes};
    gboolean ok = fovea_pass_simplify(&pass, error);
    fovea_graph_sweep(graph);
    return ok;
}

/* ---- carrying boxes ---- */

/* Pixel (x, y) of every channel depends on itself. */
static gboolean input_field(Probe *probe, const FoveaValue *value, FoveaReachField *field,
                            GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    fovea_reach_dims(value, dims);
    if (!fovea_reach_field_new(field, 4, dims, 4 | 8, error))
        return FALSE;
    FoveaReachBox *boxes = fovea_reach_boxes(&field->view);
    for (gint y = 0; y < probe->size[1]; y++) {
        for (gint x = 0; x < probe->size[0]; x++) {
            guint16 *lane = boxes[y * field->view.strides[2] + x * field->view.strides[3]].lane;
            lane[0] = (guint16)(FOVEA_REACH_EDGE - x);
            lane[1] = (guint16)(FOVEA_REACH_EDGE - y);
            lane[2] = (guint16)(x + 1);
            lane[3] = (guint16)(y + 1);
        }
    }
    return TRUE;
}

/* The field of an input of a node: made here for constants and the graph's input. */
static gboolean field_of(Probe *probe, const FoveaValue *value, FoveaReachField *field,
                         GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    FoveaReachField *known = &probe->fields[value->id];
    if (known->memory == NULL) {
        gboolean picture = value->input >= 0 && g_str_equal(value->name, probe->input);
        fovea_reach_dims(value, dims);
        if (!(picture ? input_field(probe, value, known, error)
                      : fovea_reach_field_new(known, (guint)value->rank, dims, 0, error)))
            return FALSE;
    }
    fovea_reach_field_share(field, known, &known->view);
    return TRUE;
}

/* No rule: the union of everything, for every element of every output. */
static gboolean all_of(const FoveaNode *node, const FoveaReachField *in, FoveaReachField *out,
                       GError **error)
{
    static const gint64 none[FOVEA_MAX_RANK] = {0};
    for (guint k = 0; k < node->n_out; k++) {
        gint64 dims[FOVEA_MAX_RANK];
        if (node->out[k] == NULL)
            continue;
        fovea_reach_dims(node->out[k], dims);
        if (!fovea_reach_field_new(&out[k], (guint)node->out[k]->rank, dims, 0, error))
            return FALSE;
        for (guint i = 0; i < node->n_in; i++) {
            if (node->in[i] != NULL)
                fovea_reach_join(in[i].view.rank, in[i].view.dims, in[i].view.data,
                                 in[i].view.strides, out[k].view.data, none);
        }
    }
    return TRUE;
}

/* Windows that slide grow boxes step by step; anything else that makes a box of the whole picture at
 * once does so for a picture of any size (windows of half the probe and more apart). */
static gboolean is_leap(const Probe *probe, const FoveaNode *node, const FoveaReachField *in)
{
    static const char *const slides[] = {"Conv",    "ConvTranspose", "AveragePool",
                                         "MaxPool", "LpPool",        "Resize"};
    for (guint i = 0; i < G_N_ELEMENTS(slides); i++) {
        if (fovea_is_op(node, slides[i]))
            return FALSE;
    }
    for (guint i = 0; i < node->n_in; i++) {
        gint width = 0, height = 0;
        if (node->in[i] != NULL)
            fovea_reach_widest(&in[i], &width, &height);
        if (width > probe->size[0] / 2 || height > probe->size[1] / 2)
            return FALSE;
    }
    return TRUE;
}

static gboolean is_one_of(const FoveaReachField *field, const FoveaReachField *in, guint n)
{
    for (guint i = 0; i < n; i++) {
        if (in[i].memory == field->memory)
            return TRUE;
    }
    return FALSE;
}

static char *describe(const FoveaNode *node, const FoveaValue *value)
{
    const char *name = node->name != NULL && *node->name ? node->name : value->name;
    return g_strdup_printf("%s '%s'", node->op->name, name);
}

static void note_why(Probe *probe, const FoveaNode *node, const FoveaReachField *in,
                     const FoveaReachField *out)
{
    for (guint k = 0; probe->why == NULL && k < node->n_out; k++) {
        gint width, height;
        if (node->out[k] == NULL || is_one_of(&out[k], in, node->n_in))
            continue;
        fovea_reach_widest(&out[k], &width, &height);
        if (width < probe->size[0] && height < probe->size[1])
            continue;
        probe->why = describe(node, node->out[k]);
        probe->leap = is_leap(probe, node, in);
    }
}

static gboolean carry_node(Probe *probe, const FoveaNode *node, GError **error)
{
    g_autofree FoveaReachField *in = g_new0(FoveaReachField, node->n_in + 1);
    g_autofree FoveaReachField *out = g_new0(FoveaReachField, node->n_out + 1);
    FoveaReachRule rule = fovea_reach_rule(node);
    FoveaReachDone done = FOVEA_REACH_ALL;
    gboolean ok = TRUE;
    for (guint k = 0; ok && k < node->n_in; k++)
        ok = node->in[k] == NULL || field_of(probe, node->in[k], &in[k], error);
    if (ok && rule != NULL)
        done = rule(node, in, out, error);
    if (ok && done == FOVEA_REACH_ALL)
        done = all_of(node, in, out, error) ? FOVEA_REACH_DONE : FOVEA_REACH_FAILED;
    ok = ok && done == FOVEA_REACH_DONE;
    if (ok)
        note_why(probe, node, in, out);
    for (guint k = 0; k < node->n_out; k++) {
        if (ok && node->out[k] != NULL)
            probe->fields[node->out[k]->id] = out[k];
        else
            fovea_reach_field_clear(&out[k]);
    }
    for (guint k = 0; k < node->n_in; k++) {
        fovea_reach_field_clear(&in[k]);
        if (node->in[k] != NULL && --probe->uses[node->in[k]->id] == 0)
            fovea_reach_field_clear(&probe->fields[node->in[k]->id]);
    }
    return ok;
}

/* Boxes of the graph's output; none after a leap, for all that is left of the graph leads from there
 * to the output. */
static gboolean carry(Probe *probe, FoveaReachField *out, GError **error)
{
    FoveaGraph *graph = probe->graph;
    const FoveaValue *output = g_ptr_array_index(graph->outputs, 0);
    gboolean ok = TRUE;
    probe->fields = g_new0(FoveaReachField, graph->values->len + 1);
    probe->uses = g_new0(guint, graph->values->len + 1);
    for (guint i = 0; i < graph->values->len; i++) {
        const FoveaValue *value = g_ptr_array_index(graph->values, i);
        if (value != NULL)
            probe->uses[i] = fovea_value_n_uses(value);
    }
    for (const FoveaNode *node = graph->first; ok && !probe->leap && node != NULL;
         node = node->next)
        ok = carry_node(probe, node, error);
    ok = ok && (probe->leap || field_of(probe, output, out, error));
    for (guint i = 0; i < graph->values->len; i++)
        fovea_reach_field_clear(&probe->fields[i]);
    g_clear_pointer(&probe->fields, g_free);
    g_clear_pointer(&probe->uses, g_free);
    return ok;
}

/* ---- reading the result ---- */

/* Along one axis: the lowest and highest input position that the output pixels of each input
 * position depend on. */
typedef struct {
    gint n;
    gint *low, *high;
} Extent;

static void extent_clear(Extent *extent)
{
    g_free(extent->low);
    g_free(extent->high);
}

static void extent_of(const FoveaReachField *field, guint along, gint n, gint scale, Extent *extent)
{
    gint64 dims[FOVEA_MAX_RANK] = {0};
    const gint64 *strides[] = {field->view.strides};
    const FoveaReachBox *boxes = field->view.data;
    guint lane = along == 3 ? 0 : 1;
    FoveaWalk walk;
    *extent = (Extent){n, g_new(gint, n), g_new(gint, n)};
    for (gint i = 0; i < n; i++) {
        extent->low[i] = n;
        extent->high[i] = -1;
    }
    for (guint i = 0; i < 4; i++)
        dims[i] = field->view.strides[i] == 0 && i != along ? 1 : field->view.dims[i];
    fovea_walk_init(&walk, 4, dims, 1, strides);
    do {
        const guint16 *lanes = boxes[walk.at[0]].lane;
        gint at = (gint)walk.index[along] / scale;
        if (lanes[2 + lane] == 0)
            continue; /* depends on nothing */
        extent->low[at] = MIN(extent->low[at], FOVEA_REACH_EDGE - lanes[lane]);
        extent->high[at] = MAX(extent->high[at], lanes[2 + lane] - 1);
    } while (fovea_walk_next(&walk));
    for (gint i = 0; i < n; i++) {
        if (extent->high[i] < 0)
            extent->low[i] = extent->high[i] = i;
    }
}

/* The longest run of positions whose extents stay off both ends. */
static void interior(const Extent *e, gint *from, gint *to)
{
    *from = *to = 0;
    for (gint i = 0, begin = 0; i < e->n; i++) {
        if (e->low[i] <= 0 || e->high[i] >= e->n - 1)
            begin = i + 1;
        else if (i + 1 - begin > *to - *from)
            *from = begin, *to = i + 1;
    }
}

static gboolean repeats(const Extent *e, gint from, gint to, gint period)
{
    for (gint i = from; i + period < to; i++) {
        if (e->low[i] + period != e->low[i + period] || e->high[i] + period != e->high[i + period])
            return FALSE;
    }
    return TRUE;
}

/* FALSE where this probe is too small to tell, or no size would be large enough. */
static gboolean measure(const Extent *e, gint *before, gint *after, gint *period)
{
    gint from, to;
    *before = *after = 0;
    interior(e, &from, &to);
    if (to - from < e->n / 4)
        return FALSE;
    *period = 1;
    while (*period <= (to - from) / 2 && !repeats(e, from, to, *period))
        ++*period;
    if (*period > (to - from) / 2)
        return FALSE;
    for (gint i = from; i < to; i++) {
        *before = MAX(*before, i - e->low[i]);
        *after = MAX(*after, e->high[i] - i);
    }
    /* Near the border a mirrored edge may turn one way into the other. What looks further wraps
     * around. */
    gint both = *before + *after;
    for (gint i = 0; i < e->n; i++) {
        if (i - e->low[i] > both || e->high[i] - i > both)
            return FALSE;
        *before = MAX(*before, i - e->low[i]);
        *after = MAX(*after, e->high[i] - i);
    }
    return TRUE;
}

static gboolean read_scale(const FoveaGraph *graph, gint width, gint height, FoveaReach *reach,
                           GError **error)
{
    const FoveaValue *out = g_ptr_array_index(graph->outputs, 0);
    g_autofree char *type = fovea_value_type_string(out);
    gint64 h = out->rank == 4 ? out->dims[2].c : 0, w = out->rank == 4 ? out->dims[3].c : 0;
    if (h < height || w < width || h % height != 0 || w % width != 0 || h / height > 64 ||
        w / width > 64)
        return fovea_fail(
            error, FOVEA_ERROR_UNSUPPORTED,
            "The output '%s' (%s for an input of %dx%d) is no picture that is a whole "
            "number of times as large as the input",
            out->name, type, width, height);
    reach->scale_x = (gint)(w / width);
    reach->scale_y = (gint)(h / height);
    return TRUE;
}

typedef enum { LARGER, LOCAL, LEAP } Told;

/* One probe: it tells reach and alignment (LOCAL), or that a larger one may. */
static gboolean run_probe(FoveaGraph *graph, const char *input, gint width, gint height,
                          FoveaReach *reach, Told *told, GError **error)
{
    Probe probe = {.graph = graph, .size = {width, height}, .input = input};
    FoveaReachField field = {.memory = NULL};
    Extent x, y;
    g_clear_pointer(&reach->why, g_free);
    if (!read_scale(graph, width, height, reach, error) || !simplify(graph, error))
        return FALSE;
    gboolean ok = carry(&probe, &field, error);
    const FoveaValue *out = g_ptr_array_index(graph->outputs, 0);
    if (ok && probe.why == NULL && out->producer != NULL) /* moved about, bit by bit */
        probe.why = describe(out->producer, out);
    reach->why = probe.why;
    *told = probe.leap ? LEAP : LARGER;
    if (!ok || probe.leap)
        return ok;
    extent_of(&field, 3, width, reach->scale_x, &x);
    extent_of(&field, 2, height, reach->scale_y, &y);
    if (measure(&x, &reach->left, &reach->right, &reach->align_x) &&
        measure(&y, &reach->top, &reach->bottom, &reach->align_y))
        *told = LOCAL;
    extent_clear(&x);
    extent_clear(&y);
    fovea_reach_field_clear(&field);
    return TRUE;
}

/* ---- the whole search ---- */

static gint round_up(gint value, gint multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

gint fovea_common_multiple(gint a, gint b)
{
    gint x = a, y = b;
    while (y != 0) {
        gint rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

static gboolean is_picture(const FoveaModel *model, const char *input, const char *output,
                           GError **error)
{
    const FoveaGraph *graph = fovea_model_graph(model);
    const FoveaValue *in = fovea_graph_find(graph, input), *out = fovea_graph_find(graph, output);
    if (in == NULL || out == NULL || in->input < 0)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "The model has no %s '%s'",
                          in == NULL || in->input < 0 ? "input" : "output",
                          in == NULL || in->input < 0 ? input : output);
    if (in->rank != 4 && in->rank != -1)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The input '%s' is no picture: it has rank %d, not 4", input, in->rank);
    if (in->rank == 4 && in->dims[2].c > 0 && in->dims[3].c > 0)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The input '%s' takes pictures of %" G_GINT64_FORMAT "x%" G_GINT64_FORMAT
                          " only",
                          input, in->dims[3].c, in->dims[2].c);
    return TRUE;
}

/* The smallest multiple that the network takes and gives a picture for, by the first probe; *graph
 * is made for it. 0: none; the error is that of the first. */
static gint find_multiple(const FoveaModel *model, const char *input, const char *output,
                          FoveaGraph **graph, GError **error)
{
    GError *first = NULL;
    for (gint m = 1; m <= 64; m *= 2) {
        GError *cause = NULL;
        FoveaReach reach = {0};
        gint width = round_up(probes[0][0], m), height = round_up(probes[0][1], m);
        *graph = instantiate(model, input, output, width, height, &cause);
        if (*graph != NULL && read_scale(*graph, width, height, &reach, &cause)) {
            g_clear_error(&first);
            return m;
        }
        g_clear_pointer(graph, fovea_graph_free);
        if (g_error_matches(cause, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY))
            g_clear_error(&first);
        if (first != NULL)
            g_clear_error(&cause);
        else
            first = cause;
        if (g_error_matches(first, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY))
            break;
    }
    g_propagate_error(error, first);
    return 0;
}

/* The smallest side in steps that is taken. */
static gboolean find_least(const FoveaModel *model, const char *input, const char *output,
                           gint multiple, FoveaReach *reach, GError **error)
{
    static const gint sizes[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48};
    reach->least = round_up(probes[0][0], multiple);
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        gint size = round_up(sizes[i], multiple);
        GError *cause = NULL;
        g_autoptr(FoveaGraph) graph = instantiate(model, input, output, size, size, &cause);
        FoveaReach small = {0};
        if (graph != NULL && read_scale(graph, size, size, &small, NULL) &&
            small.scale_x == reach->scale_x && small.scale_y == reach->scale_y) {
            reach->least = size;
            break;
        }
        if (g_error_matches(cause, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY)) {
            g_propagate_error(error, cause);
            return FALSE;
        }
        g_clear_error(&cause); /* this size is too small */
    }
    return TRUE;
}

static void settle_whole(FoveaReach *reach)
{
    reach->whole = TRUE;
    reach->left = reach->top = reach->right = reach->bottom = 0;
    reach->align_x = reach->align_y = 1;
}

gboolean fovea_reach_find(const FoveaModel *model, const char *input, const char *output,
                          FoveaReach *reach, GError **error)
{
    Told told = LARGER;
    FoveaGraph *graph = NULL;
    memset(reach, 0, sizeof *reach);
    if (!is_picture(model, input, output, error))
        return FALSE;
    gint multiple = find_multiple(model, input, output, &graph, error);
    for (guint i = 0; multiple > 0 && told != LOCAL && i < G_N_ELEMENTS(probes); i++) {
        if (i > 1 && told == LEAP) /* at two sizes: it is no window */
            break;
        gint width = round_up(probes[i][0], multiple), height = round_up(probes[i][1], multiple);
        if (graph == NULL)
            graph = instantiate(model, input, output, width, height, error);
        gboolean ok = graph != NULL && run_probe(graph, input, width, height, reach, &told, error);
        g_clear_pointer(&graph, fovea_graph_free);
        if (!ok)
            multiple = 0;
    }
    if (multiple == 0) {
        fovea_reach_clear(reach);
        return FALSE;
    }
    if (told == LOCAL) {
        g_clear_pointer(&reach->why, g_free);
        reach->align_x = fovea_common_multiple(reach->align_x, multiple);
        reach->align_y = fovea_common_multiple(reach->align_y, multiple);
    } else {
        settle_whole(reach);
    }
    if (find_least(model, input, output, multiple, reach, error))
        return TRUE;
    fovea_reach_clear(reach);
    return FALSE;
}

void fovea_reach_clear(FoveaReach *reach)
{
    g_clear_pointer(&reach->why, g_free);
}
