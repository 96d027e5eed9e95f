/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Values from session to session, and state made shorter.
 */
#include "graph/session-internal.h"

/* Writes the value where `to` keeps it, on each side. */
static gboolean move(FoveaInstance *to, const FoveaValue *input, FoveaInstance *from,
                     const FoveaValue *output, GError **error)
{
    const FoveaPlace *host = &from->program->place[FOVEA_SIDE_HOST][output->id];
    const FoveaPlace *device = &from->program->place[FOVEA_SIDE_DEVICE][output->id];
    gboolean on_device = output->constant == NULL && device->used &&
                         !(host->used && output->producer == NULL);
    FoveaView view = {0};
    if (output->constant != NULL)
        view = fovea_view_of_tensor(output->constant);
    else if (!on_device)
        view = from->views[FOVEA_SIDE_HOST][output->id];
    if (to->program->place[FOVEA_SIDE_HOST][input->id].used) {
        const FoveaView *target = &to->views[FOVEA_SIDE_HOST][input->id];
        if (!on_device)
            fovea_view_copy(&view, target);
        else if (!fovea_vulkan_backend()->download(from, output, target, error))
            return FALSE;
    }
    if (!to->program->place[FOVEA_SIDE_DEVICE][input->id].used)
        return TRUE;
    return on_device ? fovea_vulkan_backend()->copy(to, input, from, output, error)
                     : fovea_vulkan_backend()->upload(to, input, &view, error);
}

gboolean fovea_session_feed(FoveaSession *to, guint input, FoveaSession *from, guint output,
                            GError **error)
{
    gint64 dims[FOVEA_MAX_RANK], scalars[FOVEA_MAX_SCALARS];
    if (to == from || input >= to->plan->n_inputs || output >= from->plan->n_outputs)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "Output %u of one session cannot become input %u of another", output,
                          input);
    if (to->in_flight || from->in_flight)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "A run is in flight: wait for it first");
    const FoveaValue *source = from->plan->output_values[output];
    const FoveaValue *target = to->plan->input_values[input];
    if (source->dtype != target->dtype)
        return fovea_fail(error, FOVEA_ERROR_SHAPE, "Output '%s' is %s, but input '%s' is %s",
                          source->name, fovea_dtype_name(source->dtype), target->name,
                          fovea_dtype_name(target->dtype));
    guint rank = fovea_session_output_shape(from, output, dims);
    if (!fovea_session_settle(to, error) ||
        !fovea_session_read_scalars(to->plan, input, rank, dims, scalars, error))
        return FALSE;
    fovea_session_take_scalars(to, scalars);
    if (!move(&to->instance, target, &from->instance, source, error))
        return FALSE;
    memcpy(to->inputs[input].scalars, scalars, sizeof scalars);
    to->inputs[input].given = TRUE;
    return TRUE;
}

static gboolean is_carried_in_place(const FoveaSession *session, guint input)
{
    for (guint i = 0; i < session->carries->len; i++) {
        const FoveaCarry *carry = &g_array_index(session->carries, FoveaCarry, i);
        if (carry->input == input && carry->in_place)
            return TRUE;
    }
    return FALSE;
}

gboolean fovea_session_truncate(FoveaSession *session, const char *scalar, gint64 size,
                                GError **error)
{
    const FoveaSyms *syms = session->plan->program.graph->syms;
    guint k = 0, n = fovea_syms_n_scalars(syms);
    while (k < n && !g_str_equal(fovea_syms_scalar_name(syms, k), scalar))
        k++;
    if (k == n || session->in_flight)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no state along '%s' to shorten",
                          scalar);
    if (!fovea_session_settle(session, error))
        return FALSE;
    for (guint i = 0; i < session->plan->n_inputs; i++) {
        gint64 have = session->inputs[i].scalars[k];
        if (have < 0)
            continue;
        /* Memory is laid out at capacity there, so that a shorter value begins at the same place. */
        if (!is_carried_in_place(session, i))
            return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                              "'%s' is not carried in place: it cannot be shortened",
                              session->plan->inputs[i].name);
        if (size < 0 || have < size)
            return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                              "'%s' is %" G_GINT64_FORMAT
                              " long and cannot be shortened to %" G_GINT64_FORMAT,
                              session->plan->inputs[i].name, have, size);
    }
    for (guint i = 0; i < session->plan->n_inputs; i++) {
        if (session->inputs[i].scalars[k] >= 0)
            session->inputs[i].scalars[k] = size;
    }
    return TRUE;
}
