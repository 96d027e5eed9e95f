/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The CPU backend: every operator has a kernel here, its reference at the least. Faster kernels
 * override it one by one.
 */
#include "graph/program.h"

typedef struct {
    FoveaProgram *program;
    guint first, n;
} Compiled;

typedef struct {
    const FoveaView **in, **out; /* room for the widest step */
} State;

static const char *cpu_why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    return NULL;
}

/* Half types are computed and stored in f32: a Cast to f16 inside the graph does not round. */
static FoveaDtype cpu_store(FoveaDevice *device, const FoveaValue *value, FoveaPrecision precision)
{
    return value->dtype == FOVEA_DTYPE_F16 || value->dtype == FOVEA_DTYPE_BF16 ? FOVEA_DTYPE_F32
                                                                               : value->dtype;
}

static guint32 cpu_strided(const FoveaNode *node)
{
    return 0xffffffffu; /* references read any window */
}

static gboolean cpu_channels_last(FoveaDevice *device, const FoveaNode *node,
                                  FoveaPrecision precision)
{
    return FALSE;
}

static guint cpu_channel_pad(FoveaDevice *device, FoveaDtype store)
{
    return 1;
}

static gpointer cpu_compile(FoveaProgram *program, guint segment, GError **error)
{
    const FoveaSegment *s = &g_array_index(program->segments, FoveaSegment, segment);
    Compiled *compiled = g_new0(Compiled, 1);
    *compiled = (Compiled){program, s->first, s->n};
    return compiled;
}

static guint cpu_n_steps(gpointer compiled)
{
    return ((Compiled *)compiled)->n;
}

static gpointer cpu_state_new(FoveaInstance *instance, guint segment, GError **error)
{
    const FoveaProgram *p = instance->program;
    const FoveaSegment *s = &g_array_index(p->segments, FoveaSegment, segment);
    State *state = g_new0(State, 1);
    guint widest = 1;
    for (guint i = 0; i < s->n; i++) {
        const FoveaNode *node = p->steps[s->first + i];
        widest = MAX(widest, MAX(node->n_in, node->n_out));
    }
    state->in = g_new0(const FoveaView *, widest);
    state->out = g_new0(const FoveaView *, widest);
    return state;
}

static void cpu_state_free(gpointer data)
{
    State *state = data;
    g_free(state->in);
    g_free(state->out);
    g_free(state);
}

/* past and the result share memory: only the new part is written. */
static void run_append(const FoveaNode *node, const FoveaView *const *in,
                       const FoveaView *const *out)
{
    guint axis;
    FoveaView part = *in[1];
    if (!fovea_axis(fovea_node_attr_int(node, "axis", 0), (gint)out[0]->rank, FALSE, &axis))
        return;
    memcpy(part.strides, out[0]->strides, sizeof part.strides);
    part.dtype = out[0]->dtype;
    part.data = (guint8 *)out[0]->data +
                out[0]->strides[axis] * in[0]->dims[axis] * (gint64)fovea_dtype_size(part.dtype);
    fovea_view_copy(in[1], &part);
}

static void run_scalars(const FoveaInstance *instance, const FoveaNode *node, const FoveaView *out)
{
    const FoveaValue *value = node->out[0];
    for (guint i = 0; i < value->n_content; i++)
        fovea_store_i64(
            out->dtype, out->data, i,
            fovea_dim_eval(instance->program->graph->syms, value->content[i], instance->scalars));
}

static gboolean cpu_submit(FoveaInstance *instance, guint segment, gpointer data, GError **error)
{
    const FoveaProgram *p = instance->program;
    const FoveaSegment *s = &g_array_index(p->segments, FoveaSegment, segment);
    State *state = data;
    const FoveaView *views = instance->views[FOVEA_SIDE_HOST];
    for (guint i = 0; i < s->n; i++) {
        const FoveaNode *node = p->steps[s->first + i];
        for (guint k = 0; k < node->n_in; k++)
            state->in[k] = node->in[k] != NULL ? &views[node->in[k]->id] : NULL;
        for (guint k = 0; k < node->n_out; k++)
            state->out[k] = node->out[k] != NULL ? &views[node->out[k]->id] : NULL;
        if (g_str_equal(node->op->name, "Append"))
            run_append(node, state->in, state->out);
        else if (g_str_equal(node->op->name, "Scalars"))
            run_scalars(instance, node, state->out[0]);
        else if (!fovea_node_run_ref(node, state->in, state->out, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean cpu_wait(FoveaInstance *instance, guint segment, gpointer state, GError **error)
{
    return TRUE;
}

const FoveaBackend fovea_cpu_backend = {
    .name = "cpu",
    .side = FOVEA_SIDE_HOST,
    .why_not = cpu_why_not,
    .store = cpu_store,
    .strided = cpu_strided,
    .channels_last = cpu_channels_last,
    .channel_pad = cpu_channel_pad,
    .compile = cpu_compile,
    .compiled_free = g_free,
    .n_steps = cpu_n_steps,
    .state_new = cpu_state_new,
    .state_free = cpu_state_free,
    .submit = cpu_submit,
    .wait = cpu_wait,
};
