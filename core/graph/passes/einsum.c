/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Einsum: a sum of products of two operands is a MatMul between Transposes and Reshapes, which all
 * that follows knows (attention above all). Labels that both operands and the output have are
 * batch dims, those of one operand and the output are its rows or columns, those of both operands
 * alone are summed. Left as they are: diagonals, labels summed over one operand alone, sizes that
 * broadcast, and sizes that change from run to run.
 */
#include "graph/passes/passes.h"
#include "ops/einsum.h"

typedef struct Group {
    guint n;
    guint8 label[FOVEA_MAX_RANK];
    gint64 size; /* product */
} Group;

typedef struct Product {
    Group batch, rows, columns, sum;
    gint64 size[256]; /* by label; 0: not met */
} Product;

static gint find(const FoveaEinsumTerm *term, guint label)
{
    for (guint i = 0; i < term->n; i++) {
        if (term->label[i] == label)
            return (gint)i;
    }
    return -1;
}

static gboolean sizes(Product *p, const FoveaEinsumTerm *term, const FoveaValue *value)
{
    for (guint i = 0; i < term->n; i++) {
        guint8 label = term->label[i];
        if (find(term, label) != (gint)i || !fovea_dim_is_const(value->dims[i]) ||
            value->dims[i].c <= 0)
            return FALSE;
        if (p->size[label] != 0 && p->size[label] != value->dims[i].c)
            return FALSE;
        p->size[label] = value->dims[i].c;
    }
    return TRUE;
}

static void add(Product *p, Group *group, guint8 label)
{
    group->label[group->n++] = label;
    group->size *= p->size[label];
}

static gboolean split(Product *p, const FoveaEinsum *e)
{
    const FoveaEinsumTerm *a = &e->term[0], *b = &e->term[1];
    for (guint i = 0; i < e->out.n; i++) {
        guint8 label = e->out.label[i];
        gboolean in_a = find(a, label) >= 0, in_b = find(b, label) >= 0;
        if (find(&e->out, label) != (gint)i)
            return FALSE;
        add(p, in_a && in_b ? &p->batch : in_a ? &p->rows : &p->columns, label);
    }
    for (guint i = 0; i < e->sum.n; i++) {
        if (find(a, e->sum.label[i]) < 0 || find(b, e->sum.label[i]) < 0)
            return FALSE;
        add(p, &p->sum, e->sum.label[i]);
    }
    return p->batch.n + 2 <= FOVEA_MAX_RANK;
}

/* value as [batch..., first, second], each of the two groups one dim. */
static FoveaValue *operand(FoveaNode *node, const Product *p, const FoveaEinsumTerm *term,
                           FoveaValue *value, const Group *first, const Group *second)
{
    const Group *groups[3] = {&p->batch, first, second};
    guint8 perm[FOVEA_MAX_RANK];
    gint64 dims[FOVEA_MAX_RANK];
    guint n = 0;
    for (guint g = 0; g < 3; g++) {
        for (guint i = 0; i < groups[g]->n; i++)
            perm[n++] = (guint8)find(term, groups[g]->label[i]);
    }
    FoveaValue *moved = fovea_make_transpose(node->graph, node, value, perm);
    for (guint i = 0; i < p->batch.n; i++)
        dims[i] = p->size[p->batch.label[i]];
    dims[p->batch.n] = first->size;
    dims[p->batch.n + 1] = second->size;
    return moved != NULL ? fovea_make_reshape(node->graph, node, moved, p->batch.n + 2, dims)
                         : NULL;
}

/* [batch..., rows, columns] to the output's order. */
static FoveaValue *result(FoveaNode *node, const Product *p, const FoveaEinsumTerm *out,
                          FoveaValue *value)
{
    const Group *groups[3] = {&p->batch, &p->rows, &p->columns};
    FoveaEinsumTerm have = {0};
    gint64 dims[FOVEA_MAX_RANK];
    guint8 perm[FOVEA_MAX_RANK];
    for (guint g = 0; g < 3; g++) {
        for (guint i = 0; i < groups[g]->n; i++) {
            dims[have.n] = p->size[groups[g]->label[i]];
            have.label[have.n++] = groups[g]->label[i];
        }
    }
    for (guint i = 0; i < out->n; i++)
        perm[i] = (guint8)find(&have, out->label[i]);
    value = fovea_make_reshape(node->graph, node, value, have.n, dims);
    return value != NULL ? fovea_make_transpose(node->graph, node, value, perm) : NULL;
}

static void rewrite(FoveaPass *pass, FoveaNode *node)
{
    FoveaEinsum e;
    Product p = {.batch.size = 1, .rows.size = 1, .columns.size = 1, .sum.size = 1};
    if (node->fx != NULL || !fovea_einsum_of(node, &e) || e.n_terms != 2 ||
        !sizes(&p, &e.term[0], node->in[0]) || !sizes(&p, &e.term[1], node->in[1]) ||
        !split(&p, &e))
        return;
    FoveaValue *in[2] = {operand(node, &p, &e.term[0], node->in[0], &p.rows, &p.sum),
                         operand(node, &p, &e.term[1], node->in[1], &p.sum, &p.columns)};
    if (in[0] == NULL || in[1] == NULL)
        return;
    FoveaNode *product = fovea_make_node(pass->graph, node, "MatMul", node->name, in, 2);
    FoveaValue *out = product != NULL ? fovea_finish_node(product) : NULL;
    if (out != NULL)
        out = result(node, &p, &e.out, out);
    if (out == NULL)
        return;
    fovea_replace_node(pass->graph, node, out);
    fovea_pass_note(pass, "Einsum as MatMul");
}

gboolean fovea_pass_einsum(FoveaPass *pass, GError **error)
{
    (void)error;
    for (FoveaNode *node = pass->graph->first, *next; node != NULL; node = next) {
        next = node->next;
        if (fovea_is_op(node, "Einsum"))
            rewrite(pass, node);
    }
    return TRUE;
}
