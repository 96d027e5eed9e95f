/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A session: memory, scalars, carried state, and the run over the plan's segments.
 */
#include "graph/device-internal.h"
#include "graph/session-internal.h"

/* ---- views ---- */

static void refresh_host(FoveaSession *session, const FoveaValue *value, FoveaView *view)
{
    const FoveaProgram *p = session->instance.program;
    const FoveaPlace *place = &p->place[FOVEA_SIDE_HOST][value->id];
    const FoveaValue *root = place->root;
    guint8 *base;
    if (root->constant != NULL) {
        const FoveaTensor *own = p->host_constant[root->id];
        base = (own != NULL ? own : root->constant)->data;
    } else {
        base = session->instance.host_arena + p->place[FOVEA_SIDE_HOST][root->id].arena_offset;
    }
    view->data = base + view->offset * (gint64)fovea_dtype_size(view->dtype);
}

static void refresh_views(FoveaSession *session)
{
    FoveaInstance *instance = &session->instance;
    const FoveaProgram *p = instance->program;
    for (guint i = 0; i < p->graph->values->len; i++) {
        const FoveaValue *value = g_ptr_array_index(p->graph->values, i);
        for (FoveaSide side = FOVEA_SIDE_HOST; side <= FOVEA_SIDE_DEVICE; side++) {
            if (!p->place[side][i].used)
                continue;
            fovea_place_view(p, side, value, instance->scalars, &instance->views[side][i]);
            if (side == FOVEA_SIDE_HOST)
                refresh_host(session, value, &instance->views[side][i]);
        }
    }
}

/* ---- making ---- */

static gboolean make_states(FoveaSession *session, GError **error)
{
    FoveaInstance *instance = &session->instance;
    FoveaProgram *p = instance->program;
    instance->backend_state = g_new0(gpointer, p->segments->len + 1);
    for (guint i = 0; i < p->segments->len; i++) {
        FoveaSide side = g_array_index(p->segments, FoveaSegment, i).side;
        instance->backend_state[i] = fovea_side_backend(side)->state_new(instance, i, error);
        if (instance->backend_state[i] == NULL)
            return FALSE;
    }
    return TRUE;
}

static gboolean make_memory(FoveaSession *session, GError **error)
{
    FoveaInstance *instance = &session->instance;
    FoveaProgram *p = instance->program;
    for (guint side = 0; side < 2; side++)
        instance->views[side] = g_new0(FoveaView, p->n_values + 1);
    instance->host_arena = fovea_try_alloc(p->arena_bytes[FOVEA_SIDE_HOST], 1, error);
    if (instance->host_arena == NULL)
        return FALSE;
    if (p->device->info.kind != FOVEA_DEVICE_VULKAN)
        return TRUE;
    session->device_arena = fovea_vulkan_backend()->arena_new(instance, error);
    instance->device_arena = session->device_arena;
    return session->device_arena != NULL;
}

FoveaSession *fovea_session_new(FoveaPlan *plan, GError **error)
{
    FoveaSession *session = g_new0(FoveaSession, 1);
    session->plan = fovea_plan_ref(plan);
    session->instance.program = &plan->program;
    session->inputs = g_new0(FoveaInputState, plan->n_inputs + 1);
    session->carries = g_array_new(FALSE, FALSE, sizeof(FoveaCarry));
    for (guint i = 0; i < plan->n_inputs; i++)
        memset(session->inputs[i].scalars, 0xff, sizeof session->inputs[i].scalars);
    /* Everything that is made once is made at capacity. */
    for (guint i = 0; i < fovea_syms_n_scalars(plan->program.graph->syms); i++)
        session->instance.scalars[i] = fovea_syms_scalar_capacity(plan->program.graph->syms, i);
    if (!make_memory(session, error))
        goto fail;
    refresh_views(session);
    if (!make_states(session, error))
        goto fail;
    if (g_strcmp0(g_getenv("FOVEA_PROFILE"), "1") == 0)
        session->profile = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return session;
fail:
    fovea_session_free(session);
    return NULL;
}

void fovea_session_free(FoveaSession *session)
{
    if (session == NULL)
        return;
    FoveaInstance *instance = &session->instance;
    FoveaProgram *p = instance->program;
    if (session->in_flight)
        fovea_session_wait(session, NULL);
    for (guint i = 0; instance->backend_state != NULL && i < p->segments->len; i++) {
        FoveaSide side = g_array_index(p->segments, FoveaSegment, i).side;
        if (instance->backend_state[i] != NULL)
            fovea_side_backend(side)->state_free(instance->backend_state[i]);
    }
    if (session->device_arena != NULL)
        fovea_vulkan_backend()->arena_free(session->device_arena);
    for (guint i = 0; i < session->plan->n_inputs; i++) {
        if (!session->inputs[i].mapped_is_arena)
            fovea_free(session->inputs[i].mapped);
    }
    g_clear_pointer(&session->profile, g_hash_table_destroy);
    fovea_free(instance->host_arena);
    for (guint i = 0; i < session->carries->len; i++)
        fovea_free(g_array_index(session->carries, FoveaCarry, i).spare);
    g_free(instance->backend_state);
    g_free(instance->views[0]);
    g_free(instance->views[1]);
    g_free(session->inputs);
    g_array_free(session->carries, TRUE);
    fovea_plan_unref(session->plan);
    g_free(session);
}

FoveaPlan *fovea_session_plan(FoveaSession *session)
{
    return session->plan;
}

/* ---- moving values in and out ---- */

static gboolean write_value(FoveaSession *session, const FoveaValue *value, const FoveaView *from,
                            GError **error)
{
    FoveaInstance *instance = &session->instance;
    const FoveaProgram *p = instance->program;
    if (p->place[FOVEA_SIDE_HOST][value->id].used)
        fovea_view_copy(from, &instance->views[FOVEA_SIDE_HOST][value->id]);
    if (p->place[FOVEA_SIDE_DEVICE][value->id].used)
        return fovea_vulkan_backend()->upload(instance, value, from, error);
    return TRUE;
}

/* Constants are read where they lie, everything else on the side that made it. */
static gboolean read_value(FoveaSession *session, const FoveaValue *value, const FoveaView *to,
                           GError **error)
{
    FoveaInstance *instance = &session->instance;
    const FoveaProgram *p = instance->program;
    if (value->constant != NULL) {
        FoveaView from = fovea_view_of_tensor(value->constant);
        fovea_view_copy(&from, to);
        return TRUE;
    }
    const FoveaPlace *device = &p->place[FOVEA_SIDE_DEVICE][value->id];
    const FoveaPlace *host = &p->place[FOVEA_SIDE_HOST][value->id];
    if (device->used && !(host->used && value->producer == NULL))
        return fovea_vulkan_backend()->download(instance, value, to, error);
    fovea_view_copy(&instance->views[FOVEA_SIDE_HOST][value->id], to);
    return TRUE;
}

/* The scalars that this shape of the input means go to `scalars` (-1: not said). */
gboolean fovea_session_read_scalars(const FoveaPlan *plan, guint index, guint rank,
                                    const gint64 *dims, gint64 *scalars, GError **error)
{
    const FoveaValue *value = plan->input_values[index];
    const FoveaSyms *syms = plan->program.graph->syms;
    guint scalar;
    memset(scalars, 0xff, FOVEA_MAX_SCALARS * sizeof *scalars);
    if ((gint)rank != value->rank)
        return fovea_fail(error, FOVEA_ERROR_SHAPE, "Input '%s' has rank %d, not %u", value->name,
                          value->rank, rank);
    for (guint k = 0; k < rank; k++) {
        if (!fovea_dim_is_scalar(syms, value->dims[k], &scalar)) {
            if (value->dims[k].c == dims[k])
                continue;
            g_autofree char *want = fovea_value_type_string(value);
            g_autofree char *have = fovea_shape_to_string(rank, dims);
            return fovea_fail(error, FOVEA_ERROR_SHAPE, "Input '%s' is %s, not %s", value->name,
                              want, have);
        }
        if (scalars[scalar] >= 0 && scalars[scalar] != dims[k])
            return fovea_fail(error, FOVEA_ERROR_SHAPE, "Input '%s' gives '%s' two sizes",
                              value->name, fovea_syms_scalar_name(syms, scalar));
        if (dims[k] > fovea_syms_scalar_capacity(syms, scalar))
            return fovea_fail(error, FOVEA_ERROR_RANGE,
                              "'%s' would be %" G_GINT64_FORMAT
                              ", but this plan's capacity is %" G_GINT64_FORMAT,
                              fovea_syms_scalar_name(syms, scalar), dims[k],
                              fovea_syms_scalar_capacity(syms, scalar));
        scalars[scalar] = dims[k];
    }
    return TRUE;
}

/* The scalars that sizes of a value carried in place mean; above the capacity too: the next run says
 * that. */
static void next_scalars(const FoveaPlan *plan, const FoveaValue *value, const gint64 *dims,
                         gint64 *scalars)
{
    guint scalar;
    for (gint k = 0; k < value->rank; k++) {
        if (fovea_dim_is_scalar(plan->program.graph->syms, value->dims[k], &scalar))
            scalars[scalar] = dims[k];
    }
}

/* Sets the session's scalars from those of one input and refreshes the views where they changed. */
void fovea_session_take_scalars(FoveaSession *session, const gint64 *scalars)
{
    gboolean changed = FALSE;
    for (guint i = 0; i < FOVEA_MAX_SCALARS; i++) {
        if (scalars[i] < 0 || scalars[i] == session->instance.scalars[i])
            continue;
        session->instance.scalars[i] = scalars[i];
        changed = TRUE;
    }
    if (changed)
        refresh_views(session);
}

static gboolean types_agree(FoveaDtype have, FoveaDtype want)
{
    return have == want || (fovea_dtype_is_float(have) && fovea_dtype_is_float(want));
}

/* State moves on when the next run is prepared, so that the outputs of this one can still be read.
 * All sizes and values are taken before the first is written: writing changes the views. */
gboolean fovea_session_settle(FoveaSession *session, GError **error)
{
    const FoveaPlan *plan = session->plan;
    GArray *carries = session->carries;
    if (!session->carry_due)
        return TRUE;
    session->carry_due = FALSE;
    for (guint i = 0; i < carries->len; i++) {
        FoveaCarry *carry = &g_array_index(carries, FoveaCarry, i);
        const FoveaValue *from = plan->output_values[carry->output];
        carry->rank = fovea_session_output_shape(session, carry->output, carry->dims);
        FoveaView spare = fovea_view_make(from->dtype, carry->rank, carry->dims, carry->spare);
        if (!carry->in_place && !read_value(session, from, &spare, error))
            return FALSE;
    }
    for (guint i = 0; i < carries->len; i++) {
        const FoveaCarry *carry = &g_array_index(carries, FoveaCarry, i);
        const FoveaValue *to = plan->input_values[carry->input];
        FoveaInputState *input = &session->inputs[carry->input];
        FoveaView spare = fovea_view_make(to->dtype, carry->rank, carry->dims, carry->spare);
        if (carry->in_place) {
            next_scalars(plan, to, carry->dims, input->scalars);
            continue;
        }
        gint64 scalars[FOVEA_MAX_SCALARS];
        if (!fovea_session_read_scalars(plan, carry->input, carry->rank, carry->dims, scalars,
                                        error))
            return FALSE;
        fovea_session_take_scalars(session, scalars);
        if (!write_value(session, to, &spare, error))
            return FALSE;
        memcpy(input->scalars, scalars, sizeof scalars);
    }
    return TRUE;
}

gboolean fovea_session_set_input(FoveaSession *session, guint index, const FoveaTensor *tensor,
                                 GError **error)
{
    const FoveaPlan *plan = session->plan;
    gint64 scalars[FOVEA_MAX_SCALARS];
    if (index >= plan->n_inputs)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no input %u", index);
    const FoveaValue *value = plan->input_values[index];
    if (session->in_flight)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "A run is in flight: wait for it first");
    if (!types_agree(tensor->dtype, value->dtype))
        return fovea_fail(error, FOVEA_ERROR_SHAPE, "Input '%s' is %s, not %s", value->name,
                          fovea_dtype_name(value->dtype), fovea_dtype_name(tensor->dtype));
    if (!fovea_session_settle(session, error))
        return FALSE;
    if (!fovea_session_read_scalars(plan, index, tensor->rank, tensor->dims, scalars, error))
        return FALSE;
    fovea_session_take_scalars(session, scalars);
    FoveaView from = fovea_view_of_tensor(tensor);
    if (!write_value(session, value, &from, error))
        return FALSE;
    memcpy(session->inputs[index].scalars, scalars, sizeof scalars);
    session->inputs[index].given = TRUE;
    return TRUE;
}

void *fovea_session_map_input(FoveaSession *session, guint index)
{
    const FoveaPlan *plan = session->plan;
    if (index >= plan->n_inputs)
        return NULL;
    FoveaInputState *input = &session->inputs[index];
    const FoveaValue *value = plan->input_values[index];
    const FoveaProgram *p = &plan->program;
    const FoveaPlace *host = &p->place[FOVEA_SIDE_HOST][value->id];
    gsize size = fovea_dtype_size(value->dtype);
    if (!fovea_value_is_fixed(value) || (value->dtype != FOVEA_DTYPE_F32 && size != 1))
        return NULL;
    if (input->mapped == NULL) {
        const FoveaView *view = &session->instance.views[FOVEA_SIDE_HOST][value->id];
        input->mapped_is_arena = host->used && !p->place[FOVEA_SIDE_DEVICE][value->id].used &&
                                 host->store == value->dtype && fovea_view_is_contiguous(view);
        input->mapped = input->mapped_is_arena
                            ? view->data
                            : fovea_try_alloc((gsize)fovea_value_count(value).c, size, NULL);
    }
    input->given = input->mapped != NULL;
    return input->mapped;
}

/* TRUE where an output extends an input in place (Append), on every side where the input lies. */
static gboolean shares_memory(const FoveaProgram *p, const FoveaValue *from, const FoveaValue *to)
{
    gboolean shares = from->constant == NULL;
    for (FoveaSide side = FOVEA_SIDE_HOST; side <= FOVEA_SIDE_DEVICE; side++) {
        const FoveaPlace *a = &p->place[side][from->id], *b = &p->place[side][to->id];
        shares &= !b->used || (a->used && a->root == b->root);
    }
    return shares;
}

gboolean fovea_session_carry(FoveaSession *session, guint output, guint input, GError **error)
{
    const FoveaPlan *plan = session->plan;
    if (output >= plan->n_outputs || input >= plan->n_inputs)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no output %u or no input %u",
                          output, input);
    const FoveaValue *from = plan->output_values[output], *to = plan->input_values[input];
    if (from->rank != to->rank || from->dtype != to->dtype)
        return fovea_fail(error, FOVEA_ERROR_SHAPE, "Output '%s' cannot become input '%s'",
                          from->name, to->name);
    FoveaCarry carry = {.output = output, .input = input};
    carry.in_place = shares_memory(&plan->program, from, to);
    gsize bytes = fovea_dtype_size(to->dtype);
    for (gint i = 0; i < from->rank; i++)
        bytes *= (gsize)MAX(fovea_dim_max_value(plan->program.graph->syms, from->dims[i]), 1);
    if (!carry.in_place) {
        carry.spare = fovea_try_alloc(bytes, 1, error);
        if (carry.spare == NULL)
            return FALSE;
    }
    g_array_append_val(session->carries, carry);
    return TRUE;
}

/* ---- running ---- */

static gboolean check_inputs(FoveaSession *session, gint64 *scalars, GError **error)
{
    const FoveaPlan *plan = session->plan;
    const FoveaSyms *syms = plan->program.graph->syms;
    memset(scalars, 0xff, FOVEA_MAX_SCALARS * sizeof *scalars);
    for (guint i = 0; i < plan->n_inputs; i++) {
        const FoveaInputState *input = &session->inputs[i];
        if (!input->given)
            return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "Input '%s' was never set",
                              plan->inputs[i].name);
        for (guint k = 0; k < FOVEA_MAX_SCALARS; k++) {
            if (input->scalars[k] < 0)
                continue;
            if (scalars[k] >= 0 && scalars[k] != input->scalars[k])
                return fovea_fail(error, FOVEA_ERROR_SHAPE,
                                  "The inputs disagree about '%s': %" G_GINT64_FORMAT
                                  " and %" G_GINT64_FORMAT,
                                  fovea_syms_scalar_name(syms, k), scalars[k], input->scalars[k]);
            scalars[k] = input->scalars[k];
            if (scalars[k] > fovea_syms_scalar_capacity(syms, k))
                return fovea_fail(error, FOVEA_ERROR_RANGE,
                                  "'%s' is at its capacity of %" G_GINT64_FORMAT
                                  ": the state cannot grow further",
                                  fovea_syms_scalar_name(syms, k),
                                  fovea_syms_scalar_capacity(syms, k));
        }
    }
    return TRUE;
}

static gboolean push_mapped(FoveaSession *session, GError **error)
{
    const FoveaPlan *plan = session->plan;
    for (guint i = 0; i < plan->n_inputs; i++) {
        const FoveaInputState *input = &session->inputs[i];
        const FoveaValue *value = plan->input_values[i];
        if (input->mapped == NULL || input->mapped_is_arena)
            continue;
        gint64 dims[FOVEA_MAX_RANK];
        for (gint k = 0; k < value->rank; k++)
            dims[k] = value->dims[k].c;
        FoveaView from = fovea_view_make(value->dtype, (guint)value->rank, dims, input->mapped);
        if (!write_value(session, value, &from, error))
            return FALSE;
    }
    return TRUE;
}

/* Brings the values that a segment needs from the other side; all earlier segments are done. */
static gboolean bring(FoveaSession *session, const FoveaSegment *segment, GError **error)
{
    FoveaInstance *instance = &session->instance;
    for (guint i = 0; i < segment->bring->len; i++) {
        const FoveaValue *value = g_ptr_array_index(segment->bring, i);
        const FoveaView *host = &instance->views[FOVEA_SIDE_HOST][value->id];
        gboolean ok = segment->side == FOVEA_SIDE_HOST
                          ? fovea_vulkan_backend()->download(instance, value, host, error)
                          : fovea_vulkan_backend()->upload(instance, value, host, error);
        if (!ok)
            return FALSE;
    }
    return TRUE;
}

static void add_profile(const char *klass, guint64 ns, gpointer data)
{
    GHashTable *profile = data;
    guint64 *total = g_hash_table_lookup(profile, klass);
    if (total == NULL) {
        total = g_new0(guint64, 1);
        g_hash_table_insert(profile, g_strdup(klass), total);
    }
    *total += ns;
}

gboolean fovea_session_submit(FoveaSession *session, GError **error)
{
    FoveaInstance *instance = &session->instance;
    FoveaProgram *p = instance->program;
    gint64 scalars[FOVEA_MAX_SCALARS];
    if (session->in_flight)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "A run is in flight: wait for it first");
    if (!fovea_session_settle(session, error) || !check_inputs(session, scalars, error))
        return FALSE;
    fovea_session_take_scalars(session, scalars);
    if (!push_mapped(session, error))
        return FALSE;
    if (session->profile != NULL)
        g_hash_table_remove_all(session->profile);
    for (guint i = 0; i < p->segments->len; i++) {
        const FoveaSegment *segment = &g_array_index(p->segments, FoveaSegment, i);
        const FoveaBackend *backend = fovea_side_backend(segment->side);
        gpointer state = instance->backend_state[i];
        if (!bring(session, segment, error) || !backend->submit(instance, i, state, error))
            return FALSE;
        /* The next segment may need what this one makes. */
        if (i + 1 < p->segments->len && !backend->wait(instance, i, state, error))
            return FALSE;
    }
    session->in_flight = TRUE;
    return TRUE;
}

gboolean fovea_session_wait(FoveaSession *session, GError **error)
{
    FoveaInstance *instance = &session->instance;
    FoveaProgram *p = instance->program;
    guint n = p->segments->len;
    if (!session->in_flight)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no run to wait for");
    session->in_flight = FALSE;
    if (n > 0) {
        FoveaSide side = g_array_index(p->segments, FoveaSegment, n - 1).side;
        if (!fovea_side_backend(side)->wait(instance, n - 1, instance->backend_state[n - 1], error))
            return FALSE;
    }
    session->carry_due = TRUE;
    for (guint i = 0; session->profile != NULL && i < n; i++) {
        FoveaSide side = g_array_index(p->segments, FoveaSegment, i).side;
        if (fovea_side_backend(side)->profile != NULL)
            fovea_side_backend(side)->profile(instance->backend_state[i], add_profile,
                                              session->profile);
    }
    return TRUE;
}

gboolean fovea_session_run(FoveaSession *session, GError **error)
{
    return fovea_session_submit(session, error) && fovea_session_wait(session, error);
}

/* ---- outputs ---- */

guint fovea_session_output_shape(FoveaSession *session, guint index, gint64 *dims)
{
    const FoveaPlan *plan = session->plan;
    if (index >= plan->n_outputs)
        return 0;
    const FoveaValue *value = plan->output_values[index];
    for (gint i = 0; i < value->rank; i++)
        dims[i] = fovea_dim_eval(plan->program.graph->syms, value->dims[i],
                                 session->instance.scalars);
    return (guint)value->rank;
}

gboolean fovea_session_read_output(FoveaSession *session, guint index, void *data, gsize size,
                                   GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    if (index >= session->plan->n_outputs)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no output %u", index);
    const FoveaValue *value = session->plan->output_values[index];
    guint rank = fovea_session_output_shape(session, index, dims);
    FoveaView to = fovea_view_make(value->dtype, rank, dims, data);
    gsize bytes = (gsize)fovea_view_count(&to) * fovea_dtype_size(value->dtype);
    if (bytes != size)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "Output '%s' has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT,
                          value->name, bytes, size);
    return bytes == 0 || read_value(session, value, &to, error);
}

FoveaTensor *fovea_session_get_output(FoveaSession *session, guint index, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    if (index >= session->plan->n_outputs) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no output %u", index);
        return NULL;
    }
    guint rank = fovea_session_output_shape(session, index, dims);
    FoveaTensor *tensor = fovea_tensor_new(session->plan->outputs[index].dtype, rank, dims, error);
    if (tensor != NULL && !fovea_session_read_output(session, index, tensor->data,
                                                     fovea_tensor_n_bytes(tensor), error))
        g_clear_pointer(&tensor, fovea_tensor_unref);
    return tensor;
}

char *fovea_session_profile(FoveaSession *session)
{
    if (session->profile == NULL)
        return NULL;
    GString *text = g_string_new("{");
    GHashTableIter iter;
    gpointer klass, ns;
    g_hash_table_iter_init(&iter, session->profile);
    while (g_hash_table_iter_next(&iter, &klass, &ns))
        g_string_append_printf(text, "%s\"%s\": %" G_GUINT64_FORMAT, text->len > 1 ? ", " : "",
                               (const char *)klass, *(guint64 *)ns);
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}
