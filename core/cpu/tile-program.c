/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Preparing an expression for tiles: which slot holds what.
 */
#include "cpu/tile.h"

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

static gboolean knows_integer(guint op)
{
    switch (op) {
    case FX_ADD:
    case FX_SUB:
    case FX_MUL:
    case FX_DIV:
    case FX_MOD:
    case FX_FMOD:
    case FX_MIN:
    case FX_MAX:
    case FX_NEG:
    case FX_ABS:
    case FX_EQ:
    case FX_LT:
    case FX_LE: return TRUE;
    default: return FALSE;
    }
}

static gboolean has_vector_form(const FoveaExpr *fx, const FoveaFxNode *node)
{
    if (node->op <= FX_INDEX)
        return TRUE;
    if (node->op == FX_LOAD)
        return FALSE;
    FoveaFxClass klass = fx->node[node->op == FX_SELECT ? node->b : node->a].klass;
    if (node->op == FX_CAST) /* real to integer saturates: the scalar path's */
        return klass != FOVEA_FX_F || node->klass != FOVEA_FX_I;
    if ((node->op >= FX_AND && node->op <= FX_NOT) || node->op == FX_SELECT)
        return TRUE;
    if (klass == FOVEA_FX_F)
        return fovea_simd()->tile_f[node->op] != NULL;
    return klass == FOVEA_FX_I ? knows_integer(node->op) : node->op == FX_EQ;
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
    *step = (FoveaTileStep){.op = node->op, .i = node->i, .to = node->klass};
    if (arity > 0)
        step->klass = fx->node[node->op == FX_SELECT ? node->b : node->a].klass;
    step->a = arity > 0 ? (guint8)a->slot_of[node->a] : 0;
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

/* Rough cost of one element, in sixteenths of a nanosecond. */
static guint work_of(const FoveaFxNode *node)
{
    if (node->klass == FOVEA_FX_I)
        return 16;
    switch (node->op) {
    case FX_EXP:
    case FX_LOG:
    case FX_TANH:
    case FX_ERF:
    case FX_SIGMOID: return 12;
    case FX_DIV:
    case FX_SQRT:
    case FX_RECIP: return 4;
    case FX_POW:
    case FX_SIN:
    case FX_COS: return 150;
    default: return 2;
    }
}

void fovea_tile_compile(const FoveaExpr *fx, FoveaTileProgram *program)
{
    Allocator a = {.program = program};
    memset(program, 0, sizeof *program);
    program->fx = *fx;
    program->n_args = fx->n_args;
    program->work = 4;
    for (guint i = 0; i < fx->n; i++)
        program->uses_index |= fx->node[i].op == FX_INDEX;
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
    for (guint i = 0; i < fx->n; i++)
        program->work += work_of(&fx->node[i]);
}
