/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu/tile.h"

/* ---- preparing ---- */

typedef struct {
    FoveaTileProgram *program;
    gint16 slot_of[FOVEA_FX_MAX_NODES];
    guint last_use[FOVEA_FX_MAX_NODES];
    gboolean busy[FOVEA_TILE_SLOTS];
} Allocator;

static gint take_slot(Allocator *a)
{
    for (gint i = 0; i < FOVEA_TILE_SLOTS; i++) {
        if (!a->busy[i]) {
            a->busy[i] = TRUE;
            return i;
        }
    }
    return -1;
}

static void find_last_uses(const FoveaExpr *fx, guint *last_use)
{
    for (guint i = 0; i < fx->n; i++) {
        const FoveaFxNode *node = &fx->node[i];
        guint arity = fovea_fx_arity(node->op);
        guint16 operand[3] = {node->a, node->b, node->c};
        last_use[i] = i;
        for (guint k = 0; k < arity; k++)
            last_use[operand[k]] = i;
    }
    last_use[fx->n - 1] = G_MAXUINT;
}

static gboolean has_vector_form(const FoveaExpr *fx, const FoveaFxNode *node)
{
    if (node->op == FX_CONST || node->op == FX_ARG)
        return TRUE;
    if (node->op == FX_INDEX || node->op == FX_LOAD)
        return FALSE;
    FoveaFxClass klass = fx->node[node->op == FX_SELECT ? node->b : node->a].klass;
    if (node->op == FX_CAST) /* real to real does nothing; the others are the scalar path's */
        return klass == FOVEA_FX_F && node->klass == FOVEA_FX_F;
    if (node->op >= FX_AND && node->op <= FX_NOT)
        return TRUE;
    return klass == FOVEA_FX_F && fovea_simd()->tile_f[node->op] != NULL;
}

static gboolean place_leaf(Allocator *a, const FoveaFxNode *node, guint i)
{
    FoveaTileProgram *p = a->program;
    gint slot = take_slot(a);
    if (slot < 0)
        return FALSE;
    a->slot_of[i] = (gint16)slot;
    if (node->op == FX_ARG) {
        p->arg_slot[node->i] = (gint16)slot;
        return TRUE;
    }
    p->constant[p->n_const].slot = (guint8)slot;
    p->constant[p->n_const].klass = node->klass;
    p->constant[p->n_const++].node = *node;
    return TRUE;
}

/* Leaves keep their slots for the whole tile loop; results give theirs back after the last use. */
static gboolean place_result(Allocator *a, const FoveaFxNode *node, guint i)
{
    FoveaTileProgram *p = a->program;
    const FoveaExpr *fx = &p->fx;
    guint arity = fovea_fx_arity(node->op);
    guint16 operand[3] = {node->a, node->b, node->c};
    FoveaTileStep *step = &p->step[p->n++];
    *step = (FoveaTileStep){.op = node->op, .i = node->i};
    step->klass = fx->node[node->op == FX_SELECT ? node->b : node->a].klass;
    step->a = (guint8)a->slot_of[node->a];
    step->b = arity > 1 ? (guint8)a->slot_of[node->b] : 0;
    step->c = arity > 2 ? (guint8)a->slot_of[node->c] : 0;
    /* The result gets a slot of its own while the operands are still held: classes differ in size,
     * and a loop must not overwrite what it still reads. */
    gint slot = take_slot(a);
    if (slot < 0)
        return FALSE;
    a->slot_of[i] = (gint16)slot;
    step->r = (guint8)slot;
    for (guint k = 0; k < arity; k++) {
        guint8 op = fx->node[operand[k]].op;
        if (a->last_use[operand[k]] == i && op != FX_ARG && op != FX_CONST)
            a->busy[a->slot_of[operand[k]]] = FALSE;
    }
    return TRUE;
}

void fovea_tile_compile(const FoveaExpr *fx, FoveaTileProgram *program)
{
    Allocator a = {.program = program};
    memset(program, 0, sizeof *program);
    program->fx = *fx;
    program->n_args = fx->n_args;
    for (guint k = 0; k < FOVEA_FX_MAX_ARGS; k++)
        program->arg_slot[k] = -1;
    find_last_uses(fx, a.last_use);
    /* Leaves first: they are filled before the first step and must not share a slot with one. */
    for (guint pass = 0; pass < 2; pass++) {
        for (guint i = 0; i < fx->n && !program->scalar; i++) {
            const FoveaFxNode *node = &fx->node[i];
            gboolean leaf = node->op == FX_CONST || node->op == FX_ARG;
            if (!has_vector_form(fx, node))
                program->scalar = TRUE;
            else if (pass == 0 && leaf)
                program->scalar = !place_leaf(&a, node, i);
            else if (pass == 1 && !leaf)
                program->scalar = !place_result(&a, node, i);
        }
    }
    if (program->scalar)
        return;
    program->result = (guint8)a.slot_of[fx->n - 1];
    program->result_class = fx->node[fx->n - 1].klass;
}

/* ---- running: out is split into rows of the collapsed innermost axis ---- */

typedef struct {
    const FoveaTileProgram *program;
    guint rank, n_args;
    gint64 dims[FOVEA_MAX_RANK];
    gint64 stride[FOVEA_FX_MAX_ARGS + 1][FOVEA_MAX_RANK]; /* the last is out's */
    FoveaDtype dtype[FOVEA_FX_MAX_ARGS + 1];
    guint8 *base[FOVEA_FX_MAX_ARGS + 1];
    gsize size[FOVEA_FX_MAX_ARGS + 1];
    gint64 rows, rows_a_task; /* rows = product of all but the last axis */
    gint64 pieces;            /* tasks that share one row, when rows are long and few */
} Region;

/* Joins axes that all operands walk alike, so that the innermost one is as long as it can be. */
static void collapse(Region *region)
{
    guint n = region->n_args + 1, kept = 0;
    for (guint i = 0; i < region->rank; i++) {
        if (region->dims[i] == 1)
            continue;
        gboolean joins = kept > 0;
        for (guint k = 0; joins && k < n; k++)
            joins = region->stride[k][kept - 1] == region->stride[k][i] * region->dims[i];
        if (joins) {
            region->dims[kept - 1] *= region->dims[i];
            for (guint k = 0; k < n; k++)
                region->stride[k][kept - 1] = region->stride[k][i];
            continue;
        }
        region->dims[kept] = region->dims[i];
        for (guint k = 0; k < n; k++)
            region->stride[k][kept] = region->stride[k][i];
        kept++;
    }
    if (kept == 0) {
        region->dims[0] = 1;
        for (guint k = 0; k < n; k++)
            region->stride[k][0] = 0;
        kept = 1;
    }
    region->rank = kept;
}

/* n elements along one axis into a tile of class F (float) or I, B (gint64). */
static void load_run(FoveaDtype dtype, const guint8 *at, gint64 stride, gint64 n, gboolean real,
                     gpointer tile)
{
    if (real && dtype == FOVEA_DTYPE_F32) {
        const float *from = (const float *)(gconstpointer)at;
        float *to = tile;
        if (stride == 1) {
            memcpy(to, from, (gsize)n * sizeof *to);
            return;
        }
        for (gint64 i = 0; i < n; i++)
            to[i] = from[i * stride];
        return;
    }
    for (gint64 i = 0; i < n; i++) {
        if (real)
            ((float *)tile)[i] = (float)fovea_load_f64(dtype, at, i * stride);
        else
            ((gint64 *)tile)[i] = fovea_load_i64(dtype, at, i * stride);
    }
}

static void store_run(FoveaDtype dtype, guint8 *at, gint64 stride, gint64 n, gboolean real,
                      gconstpointer tile)
{
    if (real && dtype == FOVEA_DTYPE_F32) {
        float *to = (float *)(gpointer)at;
        const float *from = tile;
        if (stride == 1) {
            memcpy(to, from, (gsize)n * sizeof *to);
            return;
        }
        for (gint64 i = 0; i < n; i++)
            to[i * stride] = from[i];
        return;
    }
    for (gint64 i = 0; i < n; i++) {
        if (real)
            fovea_store_f64(dtype, at, i * stride, ((const float *)tile)[i]);
        else
            fovea_store_i64(dtype, at, i * stride, ((const gint64 *)tile)[i]);
    }
}

typedef struct {
    gint64 slot[FOVEA_TILE_SLOTS][FOVEA_TILE]; /* gint64: the wider of the two kinds */
} Tiles;

static void logic(FoveaTileStep step, Tiles *tiles, guint n)
{
    gint64 *r = tiles->slot[step.r];
    const gint64 *a = tiles->slot[step.a], *b = tiles->slot[step.b];
    for (guint i = 0; i < n; i++) {
        switch (step.op) {
        case FX_AND: r[i] = a[i] & b[i]; break;
        case FX_OR: r[i] = a[i] | b[i]; break;
        case FX_XOR: r[i] = a[i] ^ b[i]; break;
        default: r[i] = !a[i]; break;
        }
    }
}

static void evaluate(const FoveaTileProgram *program, Tiles *tiles, guint n)
{
    const FoveaSimd *simd = fovea_simd();
    for (guint i = 0; i < program->n; i++) {
        FoveaTileStep step = program->step[i];
        if (step.op == FX_CAST)
            memcpy(tiles->slot[step.r], tiles->slot[step.a], n * sizeof(float));
        else if (step.op >= FX_AND && step.op <= FX_NOT)
            logic(step, tiles, n);
        else
            simd->tile_f[step.op](tiles->slot[step.r], tiles->slot[step.a], tiles->slot[step.b],
                                  tiles->slot[step.c], n);
    }
}

static void fill_constants(const FoveaTileProgram *program, Tiles *tiles)
{
    for (guint k = 0; k < program->n_const; k++) {
        gint64 *slot = tiles->slot[program->constant[k].slot];
        for (guint i = 0; i < FOVEA_TILE; i++) {
            if (program->constant[k].klass == FOVEA_FX_F)
                ((float *)(gpointer)slot)[i] = (float)program->constant[k].node.f;
            else
                slot[i] = program->constant[k].node.i;
        }
    }
}

/* Where operand k's row begins. */
static guint8 *row_at(const Region *region, guint k, gint64 row)
{
    gint64 at = 0;
    for (guint i = region->rank - 1; i-- > 0;) {
        at += row % region->dims[i] * region->stride[k][i];
        row /= region->dims[i];
    }
    return region->base[k] + at * (gint64)region->size[k];
}

/* One tile: `rows` whole short rows from `row` on, or n elements from `from` on of one row. */
static void run_tile(const Region *region, Tiles *tiles, gint64 row, gint64 rows, gint64 from,
                     gint64 n)
{
    const FoveaTileProgram *program = region->program;
    guint inner = region->rank - 1, o = region->n_args;
    for (guint k = 0; k < region->n_args; k++) {
        if (program->arg_slot[k] < 0)
            continue;
        gboolean real = fovea_dtype_is_float(region->dtype[k]);
        guint8 *tile = (guint8 *)tiles->slot[program->arg_slot[k]];
        gsize width = real ? sizeof(float) : sizeof(gint64);
        for (gint64 r = 0; r < rows; r++)
            load_run(region->dtype[k],
                     row_at(region, k, row + r) +
                         from * region->stride[k][inner] * (gint64)region->size[k],
                     region->stride[k][inner], n, real, tile + (gsize)(r * n) * width);
    }
    evaluate(program, tiles, (guint)(rows * n));
    gboolean real = program->result_class == FOVEA_FX_F;
    const guint8 *result = (const guint8 *)tiles->slot[program->result];
    gsize width = real ? sizeof(float) : sizeof(gint64);
    for (gint64 r = 0; r < rows; r++)
        store_run(region->dtype[o],
                  row_at(region, o, row + r) +
                      from * region->stride[o][inner] * (gint64)region->size[o],
                  region->stride[o][inner], n, real, result + (gsize)(r * n) * width);
}

static void run_task(guint task, gpointer data)
{
    const Region *region = data;
    gint64 length = region->dims[region->rank - 1];
    gint64 first = (gint64)(task / region->pieces) * region->rows_a_task;
    gint64 last = MIN(first + region->rows_a_task, region->rows);
    Tiles tiles;
    fill_constants(region->program, &tiles);
    if (length <= FOVEA_TILE / 2 && region->pieces == 1) {
        gint64 many = FOVEA_TILE / length;
        for (gint64 row = first; row < last; row += many)
            run_tile(region, &tiles, row, MIN(many, last - row), 0, length);
        return;
    }
    gint64 piece = task % region->pieces;
    gint64 begin = length * piece / region->pieces, end = length * (piece + 1) / region->pieces;
    for (gint64 row = first; row < last; row++) {
        for (gint64 from = begin; from < end; from += FOVEA_TILE)
            run_tile(region, &tiles, row, 1, from, MIN(FOVEA_TILE, end - from));
    }
}

/* ---- the path without vectors ---- */

typedef struct {
    const FoveaView *const *args;
    guint n_args;
} Tables;

static FoveaFxValue load_element(guint number, gint64 element, gpointer data)
{
    const Tables *tables = data;
    const FoveaView *view = number < tables->n_args ? tables->args[number] : NULL;
    FoveaFxValue value = {.i = 0};
    if (view == NULL || element < 0 || element >= fovea_view_count(view))
        return value;
    if (fovea_dtype_is_float(view->dtype))
        value.f = fovea_load_f64(view->dtype, view->data, element);
    else
        value.i = fovea_load_i64(view->dtype, view->data, element);
    return value;
}

static void run_scalar(const FoveaTileProgram *program, const FoveaView *wide,
                       const FoveaView *const *args, guint n_args, const FoveaView *out)
{
    const gint64 *strides[FOVEA_FX_MAX_ARGS + 1];
    Tables tables = {args, n_args};
    FoveaWalk walk;
    for (guint k = 0; k < n_args; k++)
        strides[k] = wide[k].strides;
    strides[n_args] = out->strides;
    fovea_walk_init(&walk, out->rank, out->dims, n_args + 1, strides);
    if (walk.empty)
        return;
    gboolean real = program->fx.node[program->fx.n - 1].klass == FOVEA_FX_F;
    do {
        FoveaFxValue value[FOVEA_FX_MAX_ARGS] = {{0}};
        for (guint k = 0; k < n_args; k++) {
            if (fovea_dtype_is_float(wide[k].dtype))
                value[k].f = fovea_load_f64(wide[k].dtype, wide[k].data, walk.at[k]);
            else
                value[k].i = fovea_load_i64(wide[k].dtype, wide[k].data, walk.at[k]);
        }
        FoveaFxValue result = fovea_expr_eval(&program->fx, value, walk.index, load_element,
                                              &tables);
        if (real)
            fovea_store_f64(out->dtype, out->data, walk.at[n_args], result.f);
        else
            fovea_store_i64(out->dtype, out->data, walk.at[n_args], result.i);
    } while (fovea_walk_next(&walk));
}

/* About this many elements a task: below it, starting the team costs more than it saves. */
#define TASK 8192

void fovea_tile_run(const FoveaTileProgram *program, const FoveaView *const *args, guint n_args,
                    const FoveaView *out)
{
    FoveaView wide[FOVEA_FX_MAX_ARGS];
    Region region = {.program = program, .rank = out->rank};
    n_args = MIN(n_args, program->n_args);
    for (guint k = 0; k < n_args; k++) {
        /* An absent optional input (Clip without min) is no operand; it only keeps the numbers. */
        static const double nothing;
        FoveaView absent = {.dtype = FOVEA_DTYPE_F32, .data = (void *)&nothing};
        const FoveaView *arg = args[k] != NULL ? args[k] : &absent;
        if (!fovea_view_broadcast(arg, out->rank, out->dims, &wide[k]))
            return; /* shapes were checked when the plan was made */
    }
    if (program->scalar) {
        run_scalar(program, wide, args, n_args, out);
        return;
    }
    region.n_args = n_args;
    for (guint i = 0; i < out->rank; i++) {
        region.dims[i] = out->dims[i];
        if (out->dims[i] == 0)
            return;
    }
    for (guint k = 0; k <= n_args; k++) {
        const FoveaView *view = k < n_args ? &wide[k] : out;
        memcpy(region.stride[k], view->strides, sizeof region.stride[k]);
        region.dtype[k] = view->dtype;
        region.base[k] = view->data;
        region.size[k] = fovea_dtype_size(view->dtype);
    }
    collapse(&region);
    gint64 length = region.dims[region.rank - 1];
    region.rows = 1;
    for (guint i = 0; i + 1 < region.rank; i++)
        region.rows *= region.dims[i];
    region.pieces = length > 2 * TASK ? (length + TASK - 1) / TASK : 1;
    region.rows_a_task = MAX(TASK / length, 1);
    gint64 tasks = (region.rows + region.rows_a_task - 1) / region.rows_a_task * region.pieces;
    fovea_cpu_parallel((guint)tasks, run_task, &region);
}
