/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lowering: decides for each node where it runs, for each value where it lies, and cuts the result
 * into segments. Nodes that only rename memory (Reshape, Transpose, Slice ...) become windows onto
 * their input and vanish; where a kernel cannot read a window, a Copy is put before it.
 */
#include "graph/plan-internal.h"

typedef struct {
    FoveaProgram *p;
    FoveaGraph *graph;
    FoveaSyms *syms;
    const FoveaBackend *device; /* NULL: everything on the CPU */
    GPtrArray *steps;
    GPtrArray *refused;
    GArray *capacity; /* by value id: gint64, capacity of an append-in-place axis + 1, or 0 */
    GArray *axis;     /* by value id: guint, that axis */
} Lower;

/* ---- windows ---- */

static void contiguous_strides(FoveaSyms *syms, gint rank, const FoveaDim *dims, FoveaDim *strides)
{
    FoveaDim step = fovea_dim(1);
    for (gint i = rank; i-- > 0;) {
        strides[i] = step;
        if (!fovea_dim_is(dims[i], 0))
            step = fovea_dim_mul(syms, step, dims[i]);
    }
}

static void place_window(const FoveaPlace *place, const FoveaValue *value, FoveaWindow *window)
{
    window->rank = value->rank;
    window->offset = place->offset;
    memcpy(window->dims, value->dims, sizeof window->dims);
    memcpy(window->strides, place->strides, sizeof window->strides);
}

static gboolean is_contiguous(FoveaSyms *syms, const FoveaPlace *place, const FoveaValue *value)
{
    FoveaDim plain[FOVEA_MAX_RANK];
    contiguous_strides(syms, value->rank, value->dims, plain);
    for (gint i = 0; i < value->rank; i++) {
        if (!fovea_dim_is(value->dims[i], 1) && !fovea_dim_equal(plain[i], place->strides[i]))
            return FALSE;
    }
    return TRUE;
}

/* Channels-last: the channel axis is the one that lies closest together. */
static gboolean is_channels_last(const FoveaPlace *place, const FoveaValue *value)
{
    if (value->rank < 3 || value->rank > 5 || !place->used)
        return FALSE;
    return fovea_dim_is(place->strides[1], 1) && !fovea_dim_is(value->dims[1], 1) &&
           !fovea_dim_is(place->strides[value->rank - 1], 1);
}

/* ---- places ---- */

static FoveaPlace *place_of(Lower *l, FoveaSide side, const FoveaValue *value)
{
    return &l->p->place[side][value->id];
}

static const FoveaBackend *backend_of(Lower *l, FoveaSide side)
{
    return side == FOVEA_SIDE_DEVICE ? l->device : &fovea_cpu_backend;
}

static gboolean reserve(Lower *l, guint n_values)
{
    FoveaProgram *p = l->p;
    guint room = p->n_values;
    if (n_values <= room)
        return TRUE;
    guint grown = MAX(n_values, room * 2);
    for (guint side = 0; side < 2; side++) {
        p->place[side] = g_renew(FoveaPlace, p->place[side], grown);
        memset(p->place[side] + room, 0, (grown - room) * sizeof(FoveaPlace));
    }
    p->host_constant = g_renew(FoveaTensor *, p->host_constant, grown);
    memset(p->host_constant + room, 0, (grown - room) * sizeof(FoveaTensor *));
    g_array_set_size(l->capacity, grown);
    g_array_set_size(l->axis, grown);
    p->n_values = grown;
    return TRUE;
}

/* Gives the value memory of its own. pad_channels 0: C order, else channels-last. */
static gboolean make_root(Lower *l, FoveaSide side, FoveaValue *value, guint pad_channels,
                          GError **error)
{
    FoveaPlace *place = place_of(l, side, value);
    FoveaDim dims[FOVEA_MAX_RANK];
    memcpy(dims, value->dims, sizeof dims);
    if (fovea_dtype_size(value->dtype) == 0 || value->rank < 0)
        return fovea_fail(error, FOVEA_ERROR_MODEL, "'%s' has no element type or shape",
                          value->name);
    place->used = TRUE;
    place->root = value;
    place->offset = fovea_dim(0);
    place->store = backend_of(l, side)->store(l->p->device, value, l->p->precision);
    if (g_array_index(l->capacity, gint64, value->id) > 0)
        dims[g_array_index(l->axis, guint, value->id)] =
            fovea_dim(g_array_index(l->capacity, gint64, value->id));
    if (pad_channels > 0) {
        gint64 padded = (dims[1].c + pad_channels - 1) / pad_channels * pad_channels;
        FoveaDim step = fovea_dim(padded);
        place->strides[1] = fovea_dim(1);
        for (gint i = value->rank; i-- > 2;) {
            place->strides[i] = step;
            step = fovea_dim_mul(l->syms, step, dims[i]);
        }
        place->strides[0] = step;
        dims[1] = fovea_dim(padded);
    } else {
        contiguous_strides(l->syms, value->rank, dims, place->strides);
    }
    gint64 elements = 1;
    gboolean fits = TRUE;
    for (gint i = 0; i < value->rank; i++)
        fits &= fovea_mul_i64(elements, fovea_dim_max_value(l->syms, dims[i]), &elements) &&
                elements <= G_MAXINT64 / 64;
    if (!fits)
        return fovea_fail(error, FOVEA_ERROR_NO_MEMORY, "'%s' would be too large", value->name);
    place->elements = elements;
    place->first = G_MAXUINT;
    place->last = 0;
    return TRUE;
}

static gboolean make_constant(Lower *l, FoveaSide side, FoveaValue *value, GError **error)
{
    FoveaPlace *place = place_of(l, side, value);
    if (!make_root(l, side, value, 0, error))
        return FALSE;
    if (side != FOVEA_SIDE_HOST || place->store == value->dtype ||
        l->p->host_constant[value->id] != NULL)
        return TRUE;
    l->p->host_constant[value->id] = fovea_tensor_convert(value->constant, place->store, error);
    return l->p->host_constant[value->id] != NULL;
}

static FoveaSegment *last_segment(Lower *l)
{
    GArray *segments = l->p->segments;
    return segments->len > 0 ? &g_array_index(segments, FoveaSegment, segments->len - 1) : NULL;
}

/* The segment that the next step of `side` belongs to. */
static FoveaSegment *segment_for(Lower *l, FoveaSide side)
{
    FoveaSegment *segment = last_segment(l);
    if (segment == NULL || segment->side != side) {
        FoveaSegment fresh = {.side = side, .first = l->steps->len};
        fresh.bring = g_ptr_array_new();
        g_array_append_val(l->p->segments, fresh);
        segment = last_segment(l);
    }
    return segment;
}

static void touch(Lower *l, FoveaSide side, const FoveaValue *value, guint step)
{
    FoveaPlace *root = place_of(l, side, place_of(l, side, value)->root);
    root->first = MIN(root->first, step);
    root->last = MAX(root->last, step);
}

static gboolean is_scalars(const FoveaNode *node)
{
    return node != NULL && g_str_equal(node->op->name, "Scalars");
}

static gboolean lower_step(Lower *l, FoveaNode *node, GError **error);

/* Makes sure that the value can be read on this side. A value of the other side is brought over
 * before the segment begins. Scalars become a step only here, when a kernel wants to read them:
 * most only told a shape. */
static gboolean ensure(Lower *l, FoveaSide side, FoveaValue *value, GError **error)
{
    FoveaSide other = side == FOVEA_SIDE_HOST ? FOVEA_SIDE_DEVICE : FOVEA_SIDE_HOST;
    if (is_scalars(value->producer) && !place_of(l, side, value)->used &&
        !place_of(l, other, value)->used && !lower_step(l, value->producer, error))
        return FALSE;
    if (place_of(l, side, value)->used)
        return TRUE;
    if (value->constant != NULL)
        return make_constant(l, side, value, error);
    if (!make_root(l, side, value, 0, error))
        return FALSE;
    if (value->input >= 0 && value->producer == NULL)
        return TRUE; /* set_input writes to every side that has a place */
    if (!place_of(l, other, value)->used)
        return fovea_fail(error, FOVEA_ERROR_MODEL, "'%s' is used but never computed", value->name);
    FoveaSegment *segment = segment_for(l, side);
    g_ptr_array_add(segment->bring, value);
    touch(l, side, value, segment->first);
    touch(l, other, value, segment->first);
    return TRUE;
}

/* ---- append in place ---- */

/* Concat(past, new) along a bounded axis of a graph input that only it extends: the result shares
 * the memory of past, which is laid out at capacity. */
static void recognise_append(Lower *l, FoveaNode *node)
{
    const FoveaOp *append = fovea_op_find("Append");
    guint axis, scalar;
    if (node->op == append) /* one that stands alone (self-test): nothing is laid out for it */
        node->op = fovea_op_find("Concat");
    if (append == NULL || !g_str_equal(node->op->name, "Concat") || node->n_in != 2)
        return;
    FoveaValue *past = node->in[0], *out = node->out[0];
    if (past == node->in[1] || past->input < 0 || past->producer != NULL ||
        past->constant != NULL || g_array_index(l->capacity, gint64, past->id) != 0 ||
        !fovea_axis(fovea_node_attr_int(node, "axis", 0), past->rank, FALSE, &axis) ||
        !fovea_dim_is_scalar(l->syms, past->dims[axis], &scalar))
        return;
    for (gint i = 0; i < past->rank; i++) {
        if (i != (gint)axis && !fovea_dim_is_const(past->dims[i]))
            return;
    }
    node->op = append;
    fovea_node_set_int(node, "axis", axis);
    g_array_index(l->capacity, gint64, past->id) = fovea_dim_max_value(l->syms, out->dims[axis]);
    g_array_index(l->axis, guint, past->id) = axis;
}

static void lower_append(Lower *l, FoveaNode *node, FoveaSide side)
{
    FoveaPlace *past = place_of(l, side, node->in[0]), *out = place_of(l, side, node->out[0]);
    *out = *past;
    out->root = past->root;
}

/* ---- nodes ---- */

static FoveaSide side_of(Lower *l, const FoveaNode *node)
{
    if (l->device == NULL)
        return FOVEA_SIDE_HOST;
    const char *why = l->device->why_not(l->p->device, node, l->p->precision);
    if (why == NULL)
        return FOVEA_SIDE_DEVICE;
    g_ptr_array_add(l->refused, g_strdup_printf("%s '%s': %s", node->op->name, node->name, why));
    return FOVEA_SIDE_HOST;
}

/* Where the memory of a view node's input is. */
static FoveaSide side_of_input(Lower *l, const FoveaValue *value)
{
    if (place_of(l, FOVEA_SIDE_DEVICE, value)->used)
        return FOVEA_SIDE_DEVICE;
    if (place_of(l, FOVEA_SIDE_HOST, value)->used)
        return FOVEA_SIDE_HOST;
    return l->device != NULL ? FOVEA_SIDE_DEVICE : FOVEA_SIDE_HOST;
}

static void push_step(Lower *l, FoveaNode *node, FoveaSide side)
{
    FoveaSegment *segment = segment_for(l, side);
    guint step = l->steps->len;
    g_ptr_array_add(l->steps, node);
    segment->n++;
    for (guint i = 0; i < node->n_in; i++) {
        if (node->in[i] != NULL)
            touch(l, side, node->in[i], step);
    }
    for (guint i = 0; i < node->n_out; i++) {
        if (node->out[i] != NULL)
            touch(l, side, node->out[i], step);
    }
}

/* A Copy of `value` to C order before `node`; returns the copy, or NULL with an error. */
static FoveaValue *copy_before(Lower *l, FoveaNode *node, FoveaValue *value, FoveaSide side,
                               GError **error)
{
    FoveaValue *copy = fovea_graph_add_value(l->graph, NULL);
    copy->dtype = value->dtype;
    copy->rank = value->rank;
    memcpy(copy->dims, value->dims, sizeof copy->dims);
    copy->keep_f32 = value->keep_f32;
    reserve(l, l->graph->values->len);
    if (!make_root(l, side, copy, 0, error))
        return NULL;
    FoveaNode *step = fovea_graph_add_node(l->graph, fovea_op_find("Copy"), "", &value, 1, &copy, 1,
                                           node);
    push_step(l, step, side);
    return copy;
}

/* TRUE where the node became a window; FALSE without an error where it cannot be one. */
static gboolean lower_view(Lower *l, FoveaNode *node, FoveaSide side)
{
    FoveaPlace made[32];
    FoveaWindow in, out;
    if (node->op->view == NULL || node->n_out > G_N_ELEMENTS(made))
        return FALSE;
    const FoveaPlace *from = place_of(l, side, node->in[0]);
    place_window(from, node->in[0], &in);
    for (guint i = 0; i < node->n_out; i++) {
        memset(&out, 0, sizeof out);
        if (node->out[i] == NULL)
            continue;
        if (!node->op->view(node, i, &in, &out))
            return FALSE;
        made[i] = *from;
        made[i].offset = out.offset;
        memcpy(made[i].strides, out.strides, sizeof out.strides);
    }
    for (guint i = 0; i < node->n_out; i++) {
        if (node->out[i] != NULL)
            *place_of(l, side, node->out[i]) = made[i];
    }
    return TRUE;
}

static gboolean lower_inputs(Lower *l, FoveaNode *node, FoveaSide side, GError **error)
{
    guint32 strided = backend_of(l, side)->strided(node);
    for (guint i = 0; i < node->n_in; i++) {
        FoveaValue *value = node->in[i];
        if (value == NULL)
            continue;
        if (!ensure(l, side, value, error))
            return FALSE;
        gboolean free_form = strided & (1u << MIN(i, 30));
        if (free_form || is_contiguous(l->syms, place_of(l, side, value), value))
            continue;
        FoveaValue *copy = copy_before(l, node, value, side, error);
        if (copy == NULL)
            return FALSE;
        for (guint k = i; k < node->n_in; k++) {
            if (node->in[k] == value && !(strided & (1u << MIN(k, 30))))
                fovea_node_set_input(node, k, copy);
        }
    }
    return TRUE;
}

/* Channel padding of output 0, or 0 for C order. */
static guint output_layout(Lower *l, FoveaNode *node, FoveaSide side)
{
    const FoveaBackend *backend = backend_of(l, side);
    FoveaValue *out = node->out[0];
    gboolean last = FALSE;
    if (!(backend->strided(node) & 0x80000000u) || out == NULL || out->rank < 3 || out->rank > 5 ||
        !fovea_dim_is_const(out->dims[1]) || out->dims[1].c < 1)
        return 0;
    gboolean concat = g_str_equal(node->op->name, "Concat");
    if (concat || fovea_node_is_pointwise(node)) {
        /* Follow the operands of the full shape: all of a Concat's, one of a pointwise node's. */
        guint follow = 0, full = 0;
        for (guint i = 0; i < node->n_in; i++) {
            FoveaValue *in = node->in[i];
            if (in == NULL || in->rank != out->rank || in->constant != NULL)
                continue;
            if (!concat && !fovea_value_same_shape(in, out))
                continue;
            /* Tokens [B,T,C] that were turned are no feature map: what reads them wants C order. */
            full++;
            follow += (in->rank > 3 || side == FOVEA_SIDE_DEVICE) &&
                      is_channels_last(place_of(l, side, in), in);
        }
        last = concat ? follow > 0 && follow == full : follow > 0;
    } else if (backend->channels_last != NULL) {
        last = backend->channels_last(l->p->device, node, l->p->precision);
    }
    return last ? MAX(backend->channel_pad(l->p->device,
                                           backend->store(l->p->device, out, l->p->precision)),
                      1)
                : 0;
}

static gboolean lower_step(Lower *l, FoveaNode *node, GError **error)
{
    FoveaSide side = side_of(l, node);
    if (!lower_inputs(l, node, side, error))
        return FALSE;
    if (g_str_equal(node->op->name, "Append") &&
        g_array_index(l->capacity, gint64, node->in[0]->id) > 0) {
        lower_append(l, node, side);
    } else {
        for (guint i = 0; i < node->n_out; i++) {
            guint pad = i == 0 ? output_layout(l, node, side) : 0;
            if (node->out[i] != NULL && !make_root(l, side, node->out[i], pad, error))
                return FALSE;
        }
    }
    push_step(l, node, side);
    return TRUE;
}

static gboolean lower_node(Lower *l, FoveaNode *node, GError **error)
{
    if (is_scalars(node))
        return TRUE;
    if (!node->op->is_view)
        return lower_step(l, node, error);
    FoveaSide side = side_of_input(l, node->in[0]);
    if (!ensure(l, side, node->in[0], error))
        return FALSE;
    if (lower_view(l, node, side))
        return TRUE;
    /* From C order every Reshape is a window again; what is no window even then is a step. */
    if (!is_contiguous(l->syms, place_of(l, side, node->in[0]), node->in[0])) {
        FoveaValue *copy = copy_before(l, node, node->in[0], side, error);
        if (copy == NULL)
            return FALSE;
        fovea_node_set_input(node, 0, copy);
        if (lower_view(l, node, side))
            return TRUE;
    }
    return lower_step(l, node, error);
}

/* Inputs live from the first step and outputs to the last: they are set and read between runs, and
 * an input keeps its value from run to run. */
static gboolean keep_ends(Lower *l, GError **error)
{
    guint last = l->steps->len;
    for (guint i = 0; i < l->graph->values->len; i++) {
        FoveaValue *value = g_ptr_array_index(l->graph->values, i);
        gboolean input = value->input >= 0 && value->producer == NULL && value->constant == NULL;
        if (value->output >= 0 && !place_of(l, FOVEA_SIDE_HOST, value)->used &&
            !place_of(l, FOVEA_SIDE_DEVICE, value)->used &&
            !ensure(l, side_of_input(l, value), value, error))
            return FALSE;
        for (FoveaSide side = FOVEA_SIDE_HOST; side <= FOVEA_SIDE_DEVICE; side++) {
            if (!place_of(l, side, value)->used)
                continue;
            if (input)
                touch(l, side, value, 0);
            if (input || value->output >= 0)
                touch(l, side, value, last);
        }
    }
    return TRUE;
}

static void find_dynamic(Lower *l)
{
    for (guint i = 0; i < l->p->n_steps && !l->p->dynamic; i++)
        l->p->dynamic = fovea_step_is_dynamic(l->p, l->p->steps[i]);
}

gboolean fovea_lower(FoveaProgram *program, const FoveaBackend *device_backend, GPtrArray *refused,
                     GError **error)
{
    Lower l = {.p = program,
               .graph = program->graph,
               .syms = program->graph->syms,
               .device = device_backend,
               .refused = refused};
    gboolean ok = TRUE;
    l.steps = g_ptr_array_new();
    l.capacity = g_array_new(FALSE, TRUE, sizeof(gint64));
    l.axis = g_array_new(FALSE, TRUE, sizeof(guint));
    program->segments = g_array_new(FALSE, TRUE, sizeof(FoveaSegment));
    reserve(&l, program->graph->values->len + 16);
    for (FoveaNode *node = program->graph->first; node != NULL; node = node->next)
        recognise_append(&l, node);
    for (FoveaNode *node = program->graph->first, *next; ok && node != NULL; node = next) {
        next = node->next;
        ok = lower_node(&l, node, error);
    }
    ok = ok && keep_ends(&l, error);
    g_array_free(l.capacity, TRUE);
    g_array_free(l.axis, TRUE);
    program->n_steps = l.steps->len;
    program->steps = (FoveaNode **)(gpointer)g_ptr_array_free(l.steps, FALSE);
    if (ok)
        find_dynamic(&l);
    return ok;
}

/* ---- views ---- */

void fovea_place_view(const FoveaProgram *program, FoveaSide side, const FoveaValue *value,
                      const gint64 *scalars, FoveaView *view)
{
    const FoveaPlace *place = &program->place[side][value->id];
    const FoveaSyms *syms = program->graph->syms;
    view->dtype = place->store;
    view->rank = (guint)value->rank;
    view->data = NULL;
    view->offset = fovea_dim_eval(syms, place->offset, scalars);
    for (gint i = 0; i < value->rank; i++) {
        view->dims[i] = fovea_dim_eval(syms, value->dims[i], scalars);
        view->strides[i] = fovea_dim_eval(syms, place->strides[i], scalars);
    }
}

static gboolean value_is_dynamic(const FoveaProgram *program, const FoveaValue *value)
{
    if (value == NULL)
        return FALSE;
    for (guint i = 0; value->content != NULL && value->constant == NULL && i < value->n_content;
         i++) {
        if (!fovea_dim_is_const(value->content[i]))
            return TRUE;
    }
    for (FoveaSide side = FOVEA_SIDE_HOST; side <= FOVEA_SIDE_DEVICE; side++) {
        const FoveaPlace *place = &program->place[side][value->id];
        if (!place->used)
            continue;
        gboolean fixed = fovea_dim_is_const(place->offset);
        for (gint i = 0; i < value->rank; i++)
            fixed &= fovea_dim_is_const(value->dims[i]) && fovea_dim_is_const(place->strides[i]);
        if (!fixed)
            return TRUE;
    }
    return FALSE;
}

gboolean fovea_step_is_dynamic(const FoveaProgram *program, const FoveaNode *step)
{
    for (guint i = 0; i < step->n_in; i++) {
        if (value_is_dynamic(program, step->in[i]))
            return TRUE;
    }
    for (guint i = 0; i < step->n_out; i++) {
        if (value_is_dynamic(program, step->out[i]))
            return TRUE;
    }
    return FALSE;
}
