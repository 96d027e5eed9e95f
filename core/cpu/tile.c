/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running tiles. The elements are walked in the order in which the output lies in memory (a
 * channels-last map is walked channels last), and operands that lie alike are read in place.
 */
#include "cpu/tile.h"

#define SLOT_BYTES (FOVEA_TILE * sizeof(gint64))

/* The output's axes from the widest stride to the narrowest, neighbours joined where all views
 * allow it. View k < n is operand k; view n is the output. */
typedef struct Nest {
    const FoveaTileProgram *program;
    const FoveaSimd *simd;
    guint rank, n;
    gint64 dims[FOVEA_MAX_RANK], total, inner;
    gint64 strides[FOVEA_FX_MAX_ARGS + 1][FOVEA_MAX_RANK];
    guint axis[FOVEA_MAX_RANK];             /* of the output */
    gboolean linear[FOVEA_FX_MAX_ARGS + 1]; /* lies in exactly this order, without gaps */
    gboolean still[FOVEA_FX_MAX_ARGS + 1];  /* one element for all */
    FoveaDtype dtype[FOVEA_FX_MAX_ARGS + 1];
    guint8 *data[FOVEA_FX_MAX_ARGS + 1];
} Nest;

static void insert_axis(Nest *nest, const FoveaView *wide, guint axis)
{
    guint at = nest->rank;
    gint64 step = ABS(wide[nest->n].strides[axis]);
    while (at > 0 && ABS(nest->strides[nest->n][at - 1]) < step)
        at--;
    for (guint i = nest->rank; i > at; i--) {
        nest->dims[i] = nest->dims[i - 1];
        nest->axis[i] = nest->axis[i - 1];
        for (guint k = 0; k <= nest->n; k++)
            nest->strides[k][i] = nest->strides[k][i - 1];
    }
    nest->dims[at] = wide[nest->n].dims[axis];
    nest->axis[at] = axis;
    for (guint k = 0; k <= nest->n; k++)
        nest->strides[k][at] = wide[k].strides[axis];
    nest->rank++;
}

static void join_axes(Nest *nest)
{
    guint to = 0;
    for (guint i = 1; i < nest->rank; i++) {
        gboolean joins = !nest->program->uses_index;
        for (guint k = 0; k <= nest->n && joins; k++)
            joins = nest->strides[k][to] == nest->strides[k][i] * nest->dims[i];
        if (joins) {
            nest->dims[to] *= nest->dims[i];
        } else {
            to++;
            nest->dims[to] = nest->dims[i];
            nest->axis[to] = nest->axis[i];
        }
        for (guint k = 0; k <= nest->n; k++)
            nest->strides[k][to] = nest->strides[k][i];
    }
    nest->rank = MIN(to + 1, nest->rank);
}

/* wide[0..n-1]: operands broadcast to the output, wide[n]: the output. */
static void nest_init(Nest *nest, const FoveaTileProgram *program, const FoveaView *wide, guint n)
{
    const FoveaView *out = &wide[n];
    memset(nest, 0, sizeof *nest);
    nest->program = program;
    nest->simd = fovea_simd();
    nest->n = n;
    nest->total = 1;
    for (guint i = 0; i < out->rank; i++) {
        nest->total *= out->dims[i];
        if (out->dims[i] != 1)
            insert_axis(nest, wide, i);
    }
    if (nest->rank == 0) {
        nest->rank = 1;
        nest->dims[0] = 1;
    } else {
        join_axes(nest);
    }
    nest->inner = nest->dims[nest->rank - 1];
    for (guint k = 0; k <= n; k++) {
        gint64 step = 1;
        nest->linear[k] = nest->still[k] = TRUE;
        for (guint i = nest->rank; i-- > 0;) {
            nest->linear[k] &= nest->strides[k][i] == step;
            nest->still[k] &= nest->strides[k][i] == 0;
            step *= nest->dims[i];
        }
        nest->dtype[k] = wide[k].dtype;
        nest->data[k] = wide[k].data;
    }
}

/* ---- reading and writing tiles: class F floats, classes I and B gint64 ---- */

static void load_run(void *to, FoveaDtype dtype, const guint8 *data, gint64 at, gint64 stride,
                     guint n)
{
    float *f = to;
    gint64 *w = to;
    switch (dtype) {
    case FOVEA_DTYPE_F32:
        if (stride == 1) {
            memcpy(f, (const float *)(gconstpointer)data + at, n * sizeof *f);
        } else {
            for (guint i = 0; i < n; i++)
                f[i] = ((const float *)(gconstpointer)data)[at + i * stride];
        }
        break;
    case FOVEA_DTYPE_BOOL:
        for (guint i = 0; i < n; i++)
            w[i] = data[at + i * stride] != 0;
        break;
    default:
        for (guint i = 0; i < n && !fovea_dtype_is_float(dtype); i++)
            w[i] = fovea_load_i64(dtype, data, at + i * stride);
        for (guint i = 0; i < n && fovea_dtype_is_float(dtype); i++)
            f[i] = (float)fovea_load_f64(dtype, data, at + i * stride);
        break;
    }
}

static void store_run(const void *from, gboolean real, FoveaDtype dtype, guint8 *data, gint64 at,
                      gint64 stride, guint n)
{
    const float *f = from;
    const gint64 *w = from;
    if (real && dtype == FOVEA_DTYPE_F32) {
        for (guint i = 0; i < n; i++)
            ((float *)(gpointer)data)[at + i * stride] = f[i];
        return;
    }
    for (guint i = 0; i < n; i++) {
        if (real)
            fovea_store_f64(dtype, data, at + i * stride, (double)f[i]);
        else
            fovea_store_i64(dtype, data, at + i * stride, w[i]);
    }
}

/* Where a tile begins: index along each axis of the nest, and each view's element there. */
typedef struct Spot {
    gint64 index[FOVEA_MAX_RANK];
    gint64 at[FOVEA_FX_MAX_ARGS + 1];
} Spot;

static void spot_at(const Nest *nest, gint64 position, Spot *spot)
{
    memset(spot->at, 0, sizeof spot->at);
    for (guint i = nest->rank; i-- > 0;) {
        spot->index[i] = position % nest->dims[i];
        position /= nest->dims[i];
        for (guint k = 0; k <= nest->n; k++)
            spot->at[k] += spot->index[i] * nest->strides[k][i];
    }
}

/* Moves an index on by `run` elements of the innermost axis, and the element of one view with it. */
static gint64 move_on(const Nest *nest, gint64 *index, gint64 at, guint view, guint run)
{
    guint i = nest->rank - 1;
    const gint64 *strides = nest->strides[view];
    index[i] += run;
    at += run * strides[i];
    while (index[i] == nest->dims[i]) {
        at -= index[i] * strides[i];
        index[i] = 0;
        if (i == 0)
            break;
        i--;
        index[i]++;
        at += strides[i];
    }
    return at;
}

/* The tile of view k lies together in memory. */
static gboolean together(const Nest *nest, const Spot *spot, guint k, guint n)
{
    guint inner = nest->rank - 1;
    return nest->dtype[k] == FOVEA_DTYPE_F32 &&
           (nest->linear[k] ||
            (nest->strides[k][inner] == 1 && spot->index[inner] + n <= nest->inner));
}

static void *load_arg(const Nest *nest, const Spot *spot, guint k, void *room, guint n)
{
    gint64 stride = nest->strides[k][nest->rank - 1], at = spot->at[k];
    gint64 index[FOVEA_MAX_RANK];
    gsize size = fovea_dtype_is_float(nest->dtype[k]) ? sizeof(float) : sizeof(gint64);
    if (together(nest, spot, k, n))
        return (float *)(gpointer)nest->data[k] + at;
    if (nest->still[k]) {
        load_run(room, nest->dtype[k], nest->data[k], at, 0, n);
        return room;
    }
    memcpy(index, spot->index, sizeof index);
    for (guint done = 0, run; done < n; done += run) {
        run = (guint)MIN((gint64)(n - done), nest->inner - index[nest->rank - 1]);
        load_run((guint8 *)room + done * size, nest->dtype[k], nest->data[k], at, stride, run);
        at = move_on(nest, index, at, k, run);
    }
    return room;
}

static void store_out(const Nest *nest, const Spot *spot, const void *from, guint n)
{
    gboolean real = nest->program->result_class == FOVEA_FX_F;
    guint k = nest->n;
    gint64 stride = nest->strides[k][nest->rank - 1], at = spot->at[k];
    gint64 index[FOVEA_MAX_RANK];
    gsize size = real ? sizeof(float) : sizeof(gint64);
    memcpy(index, spot->index, sizeof index);
    for (guint done = 0, run; done < n; done += run) {
        run = (guint)MIN((gint64)(n - done), nest->inner - index[nest->rank - 1]);
        store_run((const guint8 *)from + done * size, real, nest->dtype[k], nest->data[k], at,
                  stride, run);
        at = move_on(nest, index, at, k, run);
    }
}

static void load_index(const Nest *nest, const Spot *spot, gint64 axis, gint64 *to, guint n)
{
    gint64 index[FOVEA_MAX_RANK];
    gint at = -1;
    for (guint i = 0; i < nest->rank; i++)
        at = nest->axis[i] == axis && nest->dims[i] != 1 ? (gint)i : at;
    memcpy(index, spot->index, sizeof index);
    for (guint i = 0; i < n; i++) {
        to[i] = at >= 0 ? index[at] : 0;
        move_on(nest, index, 0, nest->n, 1);
    }
}

/* ---- operations that are not float loops ---- */

static gint64 integer(guint op, gint64 x, gint64 y)
{
    gboolean hazard = y == 0 || (y == -1 && x == G_MININT64);
    gint64 r;
    switch (op) {
    case FX_ADD: return (gint64)((guint64)x + (guint64)y);
    case FX_SUB: return (gint64)((guint64)x - (guint64)y);
    case FX_MUL: return (gint64)((guint64)x * (guint64)y);
    case FX_DIV: return hazard ? (y == 0 ? 0 : x) : x / y;
    case FX_FMOD: return hazard ? 0 : x % y;
    case FX_MOD: r = hazard ? 0 : x % y; return r != 0 && (r < 0) != (y < 0) ? r + y : r;
    case FX_MIN: return MIN(x, y);
    case FX_MAX: return MAX(x, y);
    case FX_NEG: return (gint64)(0 - (guint64)x);
    case FX_ABS: return x < 0 ? (gint64)(0 - (guint64)x) : x;
    case FX_EQ: return x == y;
    case FX_LT: return x < y;
    case FX_LE: return x <= y;
    case FX_AND: return x & y;
    case FX_OR: return x | y;
    case FX_XOR: return x ^ y;
    case FX_NOT: return !x;
    default: return 0;
    }
}

static void cast(const FoveaTileStep *step, void *r, const void *a, guint n)
{
    const float *f = a;
    const gint64 *w = a;
    FoveaDtype to = (FoveaDtype)step->i;
    gboolean narrow = step->to == FOVEA_FX_I && to != FOVEA_DTYPE_I64;
    for (guint i = 0; i < n; i++) {
        if (step->to == FOVEA_FX_F)
            ((float *)r)[i] = step->klass == FOVEA_FX_F ? f[i] : (float)w[i];
        else if (step->to == FOVEA_FX_B)
            ((gint64 *)r)[i] = step->klass == FOVEA_FX_F ? f[i] != 0 : w[i] != 0;
        else if (narrow) {
            guint64 bits = 0;
            fovea_store_i64(to, &bits, 0, w[i]);
            ((gint64 *)r)[i] = fovea_load_i64(to, &bits, 0);
        } else {
            ((gint64 *)r)[i] = w[i];
        }
    }
}

static void operate(const Nest *nest, const FoveaTileStep *step, void *r, void *const *at, guint n)
{
    const gint64 *a = at[step->a], *b = at[step->b], *c = at[step->c];
    gint64 *w = r;
    if (step->op == FX_CAST) {
        cast(step, r, a, n);
    } else if (step->op == FX_SELECT && step->klass != FOVEA_FX_F) {
        for (guint i = 0; i < n; i++)
            w[i] = a[i] ? b[i] : c[i];
    } else if (step->klass != FOVEA_FX_F) {
        guint arity = fovea_fx_arity(step->op);
        for (guint i = 0; i < n; i++)
            w[i] = integer(step->op, a[i], arity > 1 ? b[i] : 0);
    } else {
        nest->simd->tile_f[step->op](r, a, b, c, n);
    }
}

/* ---- running ---- */

static void fill_constants(const FoveaTileProgram *program, void *const *room)
{
    for (guint k = 0; k < program->n_const; k++) {
        gint64 *w = room[program->constant[k].slot];
        float *f = (float *)(gpointer)w;
        for (guint i = 0; i < FOVEA_TILE; i++) {
            if (program->constant[k].klass == FOVEA_FX_F)
                f[i] = (float)program->constant[k].node.f;
            else
                w[i] = program->constant[k].node.i;
        }
    }
}

static void run_tile(const Nest *nest, const Spot *spot, void *const *room, guint n)
{
    const FoveaTileProgram *program = nest->program;
    gboolean direct = program->n > 0 && program->result_class == FOVEA_FX_F &&
                      together(nest, spot, nest->n, n);
    void *at[FOVEA_TILE_SLOTS];
    memcpy(at, room, sizeof at);
    for (guint k = 0; k < nest->n; k++) {
        gint slot = program->arg_slot[k];
        if (slot >= 0)
            at[slot] = load_arg(nest, spot, k, room[slot], n);
    }
    for (guint i = 0; i < program->n; i++) {
        const FoveaTileStep *step = &program->step[i];
        void *r = at[step->r];
        if (direct && i + 1 == program->n)
            r = (float *)(gpointer)nest->data[nest->n] + spot->at[nest->n];
        if (step->op == FX_INDEX)
            load_index(nest, spot, step->i, r, n);
        else
            operate(nest, step, r, at, n);
    }
    if (!direct)
        store_out(nest, spot, at[program->result], n);
}

/* A tile does not cross the end of a long innermost row, so that it can be read in place. */
static void run_range(gint64 first, gint64 last, gpointer data)
{
    const Nest *nest = data;
    gint64 memory[FOVEA_TILE_SLOTS * FOVEA_TILE];
    void *room[FOVEA_TILE_SLOTS];
    gboolean rows = nest->inner >= FOVEA_TILE / 4;
    Spot spot;
    for (guint i = 0; i < FOVEA_TILE_SLOTS; i++)
        room[i] = memory + i * FOVEA_TILE;
    fill_constants(nest->program, room);
    for (gint64 at = first; at < last;) {
        gint64 n = MIN(FOVEA_TILE, last - at);
        spot_at(nest, at, &spot);
        if (rows)
            n = MIN(n, nest->inner - spot.index[nest->rank - 1]);
        run_tile(nest, &spot, room, (guint)n);
        at += n;
    }
}

void fovea_tile_run(const FoveaTileProgram *program, const FoveaView *const *args, guint n_args,
                    const FoveaView *out)
{
    FoveaView wide[FOVEA_FX_MAX_ARGS + 1];
    Nest nest;
    n_args = MIN(n_args, program->n_args);
    for (guint k = 0; k < n_args; k++) {
        /* An absent optional input (Clip without min) is no operand; it only keeps the numbers. */
        static const double nothing;
        FoveaView absent = {.dtype = FOVEA_DTYPE_F32, .data = (void *)&nothing};
        const FoveaView *arg = args[k] != NULL ? args[k] : &absent;
        if (!fovea_view_broadcast(arg, out->rank, out->dims, &wide[k]))
            return; /* shapes were checked when the plan was made */
    }
    wide[n_args] = *out;
    if (program->scalar) {
        fovea_tile_run_scalar(program, wide, args, n_args, out);
        return;
    }
    nest_init(&nest, program, wide, n_args);
    fovea_cpu_for(nest.total, MAX(320000 / program->work, FOVEA_TILE), run_range, &nest);
}
