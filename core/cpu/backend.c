/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The CPU backend: every operator runs, by its reference at the least; the kernels of kernels.list
 * override it one by one. All steps of a process run on one executor thread.
 */
#include "cpu/tile.h"
#include "graph/program.h"

typedef struct {
    const FoveaCpuKernel *kernel; /* NULL: the reference */
    gpointer data;
    FoveaTileProgram *epilogue; /* NULL: none, or the kernel's own business */
} Step;

typedef struct {
    FoveaProgram *program;
    guint first, n;
    Step *steps;
    gsize scratch;
} Compiled;

typedef struct {
    const FoveaView **in, **out; /* room for the widest step */
    guint8 *scratch;
    FoveaInstance *instance;
    const Compiled *compiled;
    FoveaCpuJob job;
    GError *error;
    guint64 *ns; /* by step, where FOVEA_PROFILE=1 */
} State;

/* ---- choosing ---- */

#define KERNEL(name) &fovea_cpu_kernel_##name,
static const FoveaCpuKernel *const kernels[] = {
#include "cpu/kernels/kernels.list"
};
#undef KERNEL

static gboolean names_op(const FoveaCpuKernel *kernel, const FoveaNode *node)
{
    if (kernel->ops == NULL)
        return fovea_node_is_pointwise(node);
    for (guint i = 0; kernel->ops[i] != NULL; i++) {
        if (g_str_equal(kernel->ops[i], node->op->name))
            return TRUE;
    }
    return FALSE;
}

/* Expressions that read tables are the reference's: it reports an index outside its table. */
static gboolean reads_tables(const FoveaNode *node)
{
    for (guint i = 0; node->fx != NULL && i < node->fx->n; i++) {
        if (node->fx->node[i].op == FX_LOAD)
            return TRUE;
    }
    return FALSE;
}

/* The first kernel from `start` on that takes the node; *at is its place. */
static const FoveaCpuKernel *find_from(const FoveaNode *node, guint start, guint *at)
{
    if (reads_tables(node))
        return NULL;
    for (guint i = start; i < G_N_ELEMENTS(kernels); i++) {
        *at = i;
        if (names_op(kernels[i], node) && (kernels[i]->fits == NULL || kernels[i]->fits(node)))
            return kernels[i];
    }
    return NULL;
}

const FoveaCpuKernel *fovea_cpu_find_kernel(const FoveaNode *node)
{
    guint at;
    return find_from(node, 0, &at);
}

static const char *cpu_why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    return NULL;
}

/* Half types are computed and stored in f32: a Cast to f16 inside the graph does not round. */
static FoveaDtype cpu_store(FoveaDevice *device, const FoveaValue *value, FoveaPrecision precision)
{
    gboolean half = value->dtype == FOVEA_DTYPE_F16 || value->dtype == FOVEA_DTYPE_BF16;
    return half ? FOVEA_DTYPE_F32 : value->dtype;
}

static guint32 cpu_strided(const FoveaNode *node)
{
    const FoveaCpuKernel *kernel = fovea_cpu_find_kernel(node);
    return kernel != NULL && kernel->strided != NULL ? kernel->strided(node) : 0xffffffffu;
}

static gboolean cpu_channels_last(FoveaDevice *device, const FoveaNode *node,
                                  FoveaPrecision precision)
{
    const FoveaCpuKernel *kernel = fovea_cpu_find_kernel(node);
    return kernel != NULL && kernel->channels_last != NULL && kernel->channels_last(node);
}

static guint cpu_channel_pad(FoveaDevice *device, FoveaDtype store)
{
    return 1;
}

/* ---- compiling ---- */

void fovea_cpu_view(const FoveaCpuCompile *compile, const FoveaValue *value, FoveaView *view)
{
    const FoveaSyms *syms = compile->program->graph->syms;
    gint64 scalars[FOVEA_MAX_SCALARS] = {0};
    for (guint i = 0; i < fovea_syms_n_scalars(syms); i++)
        scalars[i] = fovea_syms_scalar_capacity(syms, i);
    fovea_place_view(compile->program, FOVEA_SIDE_HOST, value, scalars, view);
}

/* Offers the step to one kernel after the other. A later one must take any window that the first
 * let through: the lowering has asked the first. */
static gboolean compile_step(Compiled *compiled, Step *step, const FoveaNode *node, GError **error)
{
    FoveaCpuCompile compile = {.program = compiled->program, .node = node};
    guint at = 0;
    compile.dynamic = fovea_step_is_dynamic(compiled->program, node);
    for (guint start = 0;; start = at + 1) {
        const FoveaCpuKernel *kernel = step->kernel = find_from(node, start, &at);
        compile.decline = FALSE;
        compile.scratch = 0;
        if (kernel == NULL)
            return TRUE; /* fovea_node_run_ref applies the epilogue too */
        if (kernel->compile != NULL && !kernel->compile(&compile, &step->data, error))
            return FALSE;
        if (!compile.decline)
            break;
        if (kernel->destroy != NULL && step->data != NULL)
            kernel->destroy(step->data);
        step->data = NULL;
    }
    compiled->scratch = MAX(compiled->scratch, compile.scratch);
    if (fovea_node_has_epilogue(node) &&
        (step->kernel->epilogue == NULL || !step->kernel->epilogue(node))) {
        step->epilogue = g_new0(FoveaTileProgram, 1);
        fovea_tile_compile(node->fx, step->epilogue);
    }
    return TRUE;
}

static void cpu_compiled_free(gpointer data)
{
    Compiled *compiled = data;
    for (guint i = 0; i < compiled->n; i++) {
        Step *step = &compiled->steps[i];
        if (step->kernel != NULL && step->kernel->destroy != NULL && step->data != NULL)
            step->kernel->destroy(step->data);
        g_free(step->epilogue);
    }
    g_free(compiled->steps);
    g_free(compiled);
}

typedef struct {
    Compiled *compiled;
    gboolean ok;
    GError **error;
} Compile;

static void compile_job(gpointer data)
{
    Compile *c = data;
    FoveaProgram *program = c->compiled->program;
    for (guint i = 0; c->ok && i < c->compiled->n; i++)
        c->ok = compile_step(c->compiled, &c->compiled->steps[i],
                             program->steps[c->compiled->first + i], c->error);
}

/* On the executor thread: oneDNN fits its primitives to the team of the thread that makes them. */
static gpointer cpu_compile(FoveaProgram *program, guint segment, GError **error)
{
    const FoveaSegment *s = &g_array_index(program->segments, FoveaSegment, segment);
    Compiled *compiled = g_new0(Compiled, 1);
    Compile compile = {compiled, TRUE, error};
    FoveaCpuJob job = {.run = compile_job, .data = &compile};
    *compiled = (Compiled){.program = program, .first = s->first, .n = s->n};
    compiled->steps = g_new0(Step, s->n + 1);
    fovea_cpu_job_submit(&job);
    fovea_cpu_job_wait(&job);
    if (!compile.ok)
        g_clear_pointer(&compiled, cpu_compiled_free);
    return compiled;
}

static guint cpu_n_steps(gpointer compiled)
{
    return ((Compiled *)compiled)->n;
}

/* ---- running ---- */

static void run_job(gpointer data);

static void cpu_state_free(gpointer data)
{
    State *state = data;
    g_free(state->in);
    g_free(state->out);
    g_free(state->ns);
    fovea_free(state->scratch);
    g_clear_error(&state->error);
    g_free(state);
}

static gpointer cpu_state_new(FoveaInstance *instance, guint segment, GError **error)
{
    const FoveaProgram *p = instance->program;
    const FoveaSegment *s = &g_array_index(p->segments, FoveaSegment, segment);
    State *state = g_new0(State, 1);
    guint widest = 1;
    state->instance = instance;
    state->compiled = s->compiled;
    for (guint i = 0; i < s->n; i++) {
        const FoveaNode *node = p->steps[s->first + i];
        widest = MAX(widest, MAX(node->n_in, node->n_out));
    }
    state->in = g_new0(const FoveaView *, widest);
    state->out = g_new0(const FoveaView *, widest);
    state->job.run = run_job;
    state->job.data = state;
    if (g_strcmp0(g_getenv("FOVEA_PROFILE"), "1") == 0)
        state->ns = g_new0(guint64, s->n + 1);
    state->scratch = fovea_try_alloc(state->compiled->scratch, 1, error);
    if (state->scratch == NULL) {
        cpu_state_free(state);
        return NULL;
    }
    return state;
}

void fovea_cpu_run_epilogue(const FoveaCpuRun *run, const FoveaTileProgram *program)
{
    const FoveaNode *node = run->node;
    const FoveaView *args[FOVEA_FX_MAX_ARGS] = {run->out[0]};
    guint n = 1;
    for (guint k = node->fx_base; k < node->n_in && n < FOVEA_FX_MAX_ARGS; k++)
        args[n++] = run->in[k];
    fovea_tile_run(program, args, n, run->out[0]);
}

static gboolean run_step(State *state, const Step *step, const FoveaNode *node)
{
    const FoveaView *views = state->instance->views[FOVEA_SIDE_HOST];
    for (guint k = 0; k < node->n_in; k++)
        state->in[k] = node->in[k] != NULL ? &views[node->in[k]->id] : NULL;
    for (guint k = 0; k < node->n_out; k++)
        state->out[k] = node->out[k] != NULL ? &views[node->out[k]->id] : NULL;
    if (step->kernel == NULL)
        return fovea_node_run_ref(node, state->in, state->out, &state->error);
    FoveaCpuRun run = {node, step->data, state->in, state->out, state->scratch, state->instance};
    if (!step->kernel->run(&run, &state->error))
        return FALSE;
    if (step->epilogue != NULL)
        fovea_cpu_run_epilogue(&run, step->epilogue);
    return TRUE;
}

static void run_job(gpointer data)
{
    State *state = data;
    const Compiled *compiled = state->compiled;
    for (guint i = 0; i < compiled->n; i++) {
        gint64 begin = state->ns != NULL ? g_get_monotonic_time() : 0;
        const FoveaNode *node = compiled->program->steps[compiled->first + i];
        if (!run_step(state, &compiled->steps[i], node))
            return;
        if (state->ns != NULL)
            state->ns[i] = (guint64)(g_get_monotonic_time() - begin) * 1000;
    }
}

static gboolean cpu_submit(FoveaInstance *instance, guint segment, gpointer data, GError **error)
{
    State *state = data;
    g_clear_error(&state->error);
    fovea_cpu_job_submit(&state->job);
    return TRUE;
}

static gboolean cpu_wait(FoveaInstance *instance, guint segment, gpointer data, GError **error)
{
    State *state = data;
    fovea_cpu_job_wait(&state->job);
    if (state->error == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&state->error));
    return FALSE;
}

static void cpu_profile(gpointer data, void (*add)(const char *klass, guint64 ns, gpointer to),
                        gpointer to)
{
    State *state = data;
    const Compiled *compiled = state->compiled;
    for (guint i = 0; state->ns != NULL && i < compiled->n; i++) {
        const FoveaCpuKernel *kernel = compiled->steps[i].kernel;
        const FoveaNode *node = compiled->program->steps[compiled->first + i];
        g_autofree char *klass = kernel != NULL ? g_strdup(kernel->klass)
                                                : g_strconcat("ref:", node->op->name, NULL);
        add(klass, state->ns[i], to);
    }
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
    .compiled_free = cpu_compiled_free,
    .n_steps = cpu_n_steps,
    .state_new = cpu_state_new,
    .state_free = cpu_state_free,
    .submit = cpu_submit,
    .wait = cpu_wait,
    .profile = cpu_profile,
};
