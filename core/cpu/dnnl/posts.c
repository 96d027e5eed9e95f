/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Epilogues as oneDNN post-operations: the chain from operand 0 to the result, one operation after
 * the other. What does not fit is left to the tile evaluator.
 */
#include <float.h>

#include "cpu/dnnl/dnnl-internal.h"

typedef struct Chain {
    const FoveaCpuCompile *compile;
    const FoveaExpr *fx;
    const FoveaView *out;
    const dnnl_memory_desc_t *desc;
    gboolean depends[FOVEA_FX_MAX_NODES]; /* on operand 0 */
    FoveaDnnlPosts *posts;
    gboolean line; /* alpha x + beta, not yet appended: products and sums of numbers join */
    float alpha, beta;
    dnnl_alg_kind_t kinds[FOVEA_DNNL_POSTS]; /* of the element-wise operations so far */
    guint n_kinds;
} Chain;

/* oneDNN 2.6 keeps one generated code an algorithm: a second operation of the same kind would take
 * the numbers of the other. */
static gboolean append_eltwise(Chain *c, dnnl_alg_kind_t kind, float alpha, float beta)
{
    if (c->posts->n == FOVEA_DNNL_POSTS)
        return FALSE;
    for (guint i = 0; i < c->n_kinds; i++) {
        if (c->kinds[i] == kind)
            return FALSE;
    }
    c->kinds[c->n_kinds++] = kind;
    c->posts->n++;
    return fovea_dnnl()->post_ops_append_eltwise(c->posts->ops, 1.0f, kind, alpha, beta) ==
           dnnl_success;
}

static gboolean flush_line(Chain *c)
{
    gboolean line = c->line;
    c->line = FALSE;
    return !line || append_eltwise(c, dnnl_eltwise_linear, c->alpha, c->beta);
}

static gboolean eltwise(Chain *c, dnnl_alg_kind_t kind, float alpha, float beta)
{
    if (kind != dnnl_eltwise_linear)
        return flush_line(c) && append_eltwise(c, kind, alpha, beta);
    if (!c->line) {
        c->line = TRUE;
        c->alpha = 1;
        c->beta = 0;
    }
    c->alpha *= alpha;
    c->beta = c->beta * alpha + beta;
    return TRUE;
}

/* An operand of the result's full shape, or one number a channel (axis 1; of a matrix: a column),
 * or one for all. Other broadcasts exist in oneDNN 2.6 but come out wrong in places. */
static gboolean binary(Chain *c, dnnl_alg_kind_t kind, guint number)
{
    const FoveaNode *node = c->compile->node;
    FoveaDnnlPosts *posts = c->posts;
    guint slot = node->fx_base + number - 1, rank = c->out->rank;
    FoveaView view, wide;
    if (!flush_line(c) || number == 0 || slot >= node->n_in || node->in[slot] == NULL ||
        posts->n == FOVEA_DNNL_POSTS)
        return FALSE;
    fovea_cpu_view(c->compile, node->in[slot], &view);
    if (view.dtype != FOVEA_DTYPE_F32 || !fovea_view_broadcast(&view, rank, c->out->dims, &wide))
        return FALSE;
    gboolean full = TRUE, flat = TRUE;
    for (guint i = 0; i < rank; i++) {
        gboolean moves = wide.strides[i] != 0 || wide.dims[i] == 1;
        full &= moves;
        if (!moves)
            wide.dims[i] = 1;
        flat &= wide.dims[i] == 1 || i == 1;
    }
    dnnl_memory_desc_t *desc = &posts->desc[posts->n_binary];
    fovea_dnnl_desc(&wide, desc);
    /* A full operand must lie like the result: implementations read both with one offset. */
    flat &= rank == 2 || rank >= 4;
    if (full ? !fovea_dnnl()->memory_desc_equal(desc, c->desc) : !flat)
        return FALSE;
    posts->slot[posts->n_binary] = slot;
    posts->place[posts->n_binary++] = posts->n++;
    return fovea_dnnl()->post_ops_append_binary(posts->ops, kind, desc) == dnnl_success;
}

static gboolean step(Chain *c, guint at);

/* x op y with x on the chain and y a constant or an operand. */
static gboolean with_other(Chain *c, const FoveaFxNode *node)
{
    gboolean left = c->depends[node->a];
    guint x = left ? node->a : node->b, y = left ? node->b : node->a;
    const FoveaFxNode *other = &c->fx->node[y];
    float k = (float)other->f;
    if (c->depends[y] || other->klass != FOVEA_FX_F || !step(c, x))
        return FALSE;
    if (other->op == FX_CONST) {
        switch (node->op) {
        case FX_ADD: return eltwise(c, dnnl_eltwise_linear, 1, k);
        case FX_SUB: return eltwise(c, dnnl_eltwise_linear, left ? 1 : -1, left ? -k : k);
        case FX_MUL: return eltwise(c, dnnl_eltwise_linear, k, 0);
        case FX_DIV: return left && eltwise(c, dnnl_eltwise_linear, 1 / k, 0);
        case FX_MAX:
            return k == 0 ? eltwise(c, dnnl_eltwise_relu, 0, 0)
                          : eltwise(c, dnnl_eltwise_clip, k, FLT_MAX);
        case FX_MIN: return eltwise(c, dnnl_eltwise_clip, -FLT_MAX, k);
        default: return FALSE;
        }
    }
    if (other->op != FX_ARG)
        return FALSE;
    switch (node->op) {
    case FX_ADD: return binary(c, dnnl_binary_add, (guint)other->i);
    case FX_MUL: return binary(c, dnnl_binary_mul, (guint)other->i);
    case FX_SUB: return left && binary(c, dnnl_binary_sub, (guint)other->i);
    default: return FALSE;
    }
}

/* The operations up to and with node `at`. */
static gboolean step(Chain *c, guint at)
{
    const FoveaFxNode *node = &c->fx->node[at];
    if (node->op == FX_ARG)
        return node->i == 0;
    if (node->op == FX_CAST && node->klass == FOVEA_FX_F &&
        c->fx->node[node->a].klass == FOVEA_FX_F)
        return step(c, node->a);
    if (node->op == FX_SIGMOID)
        return step(c, node->a) && eltwise(c, dnnl_eltwise_logistic, 0, 0);
    if (node->op == FX_TANH)
        return step(c, node->a) && eltwise(c, dnnl_eltwise_tanh, 0, 0);
    if (node->op == FX_MUL && c->depends[node->a] && c->depends[node->b]) {
        const FoveaFxNode *a = &c->fx->node[node->a], *b = &c->fx->node[node->b];
        guint x = b->op == FX_SIGMOID && b->a == node->a   ? node->a
                  : a->op == FX_SIGMOID && a->a == node->b ? node->b
                                                           : G_MAXUINT;
        return x != G_MAXUINT && step(c, x) && eltwise(c, dnnl_eltwise_swish, 1, 0);
    }
    return fovea_fx_arity(node->op) == 2 && node->klass == FOVEA_FX_F && with_other(c, node);
}

gboolean fovea_dnnl_posts(const FoveaCpuCompile *compile, const FoveaView *out,
                          const dnnl_memory_desc_t *desc, FoveaDnnlPosts *posts)
{
    const FoveaExpr *fx = compile->node->fx;
    Chain chain = {.compile = compile, .fx = fx, .out = out, .desc = desc, .posts = posts};
    memset(posts, 0, sizeof *posts);
    if (fx == NULL || fx->n == 0 || fovea_dnnl()->post_ops_create(&posts->ops) != dnnl_success)
        return FALSE;
    for (guint i = 0; i < fx->n; i++) {
        const FoveaFxNode *node = &fx->node[i];
        const guint16 operand[3] = {node->a, node->b, node->c};
        chain.depends[i] = node->op == FX_ARG && node->i == 0;
        for (guint k = 0; k < fovea_fx_arity(node->op); k++)
            chain.depends[i] |= chain.depends[operand[k]];
    }
    if (step(&chain, fx->n - 1) && flush_line(&chain))
        return TRUE;
    fovea_dnnl_posts_clear(posts);
    return FALSE;
}

void fovea_dnnl_posts_clear(FoveaDnnlPosts *posts)
{
    if (posts->ops != NULL)
        fovea_dnnl()->post_ops_destroy(posts->ops);
    memset(posts, 0, sizeof *posts);
}

void fovea_dnnl_add_posts(FoveaDnnlCall *call)
{
    for (guint i = 0; i < call->posts.n_binary; i++)
        fovea_dnnl_add(call,
                       DNNL_ARG_ATTR_MULTIPLE_POST_OP((int)call->posts.place[i]) | DNNL_ARG_SRC_1,
                       &call->posts.desc[i]);
}

void fovea_dnnl_set_posts(FoveaDnnlCall *call, const FoveaCpuRun *run)
{
    for (guint i = 0; i < call->posts.n_binary; i++) {
        gint what = DNNL_ARG_ATTR_MULTIPLE_POST_OP((int)call->posts.place[i]) | DNNL_ARG_SRC_1;
        for (guint k = 0; k < call->n; k++) {
            if (call->args[k].arg == what)
                fovea_dnnl_set(call->args[k].memory, run->in[call->posts.slot[i]]->data);
        }
    }
}

void fovea_dnnl_no_posts(dnnl_primitive_attr_t *attr)
{
    fovea_dnnl()->primitive_attr_destroy(*attr);
    *attr = NULL;
    if (fovea_dnnl()->primitive_attr_create(attr) == dnnl_success)
        fovea_dnnl()->primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
}
