/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/einsum.c: Einsum.
 *
 * Math    out[...] = sum over the letters that are not in the output of the product of all
 *         operands, each read at its letters; "..." are leading dims that broadcast
 * Shape   by `equation`; without "->" the output has "..." and the letters that occur once, sorted
 * Types   floats, summed in double; integers through double
 * Errors  SHAPE: malformed equation, sizes of one letter differ
 * Source  ONNX Einsum-12
 */
#include "ops/einsum.h"

#include "ops/support.h"

#define MAX_TERMS FOVEA_EINSUM_TERMS
#define ELLIPSIS 128 /* label of the last dim of "..."; the one before is 129, and so on */
#define N_LABELS (ELLIPSIS + FOVEA_MAX_RANK)

typedef FoveaEinsumTerm Term;
typedef FoveaEinsum Equation;

static gboolean push(Term *term, guint label)
{
    if (term->n == FOVEA_MAX_RANK)
        return FALSE;
    term->label[term->n++] = (guint8)label;
    return TRUE;
}

static gboolean has(const Term *term, guint label)
{
    for (guint i = 0; i < term->n; i++) {
        if (term->label[i] == label)
            return TRUE;
    }
    return FALSE;
}

/* One term up to a comma, an arrow or the end; "..." stands for `wide` dims. */
static gboolean parse_term(const char **text, gint wide, Term *term)
{
    const char *p = *text;
    gboolean dots = FALSE;
    for (; *p != '\0' && *p != ',' && *p != '-'; p++) {
        if (*p == ' ')
            continue;
        if (strncmp(p, "...", 3) == 0 && !dots && wide >= 0) {
            for (gint i = wide; i-- > 0;) {
                if (!push(term, ELLIPSIS + (guint)i))
                    return FALSE;
            }
            dots = TRUE;
            p += 2;
        } else if (!g_ascii_isalpha(*p) || !push(term, (guint8)*p)) {
            return FALSE;
        }
    }
    *text = p;
    return TRUE;
}

static guint letters(const char *text)
{
    guint n = 0;
    for (; *text != '\0' && *text != ',' && *text != '-'; text++)
        n += g_ascii_isalpha(*text) != 0;
    return n;
}

static gboolean implicit_output(Equation *e, gint wide)
{
    guint count[N_LABELS] = {0};
    for (guint t = 0; t < e->n_terms; t++) {
        for (guint i = 0; i < e->term[t].n; i++)
            count[e->term[t].label[i]]++;
    }
    for (gint i = wide; i-- > 0;) {
        if (!push(&e->out, ELLIPSIS + (guint)i))
            return FALSE;
    }
    for (guint c = 0; c < ELLIPSIS; c++) {
        if (count[c] == 1 && !push(&e->out, c))
            return FALSE;
    }
    return TRUE;
}

static gboolean parse(const char *text, const guint *ranks, guint n, Equation *e)
{
    gint widest = 0;
    memset(e, 0, sizeof *e);
    for (guint k = 0; k < n; k++) {
        gint wide = (gint)ranks[k] - (gint)letters(text);
        if (k == MAX_TERMS || !parse_term(&text, wide, &e->term[k]) || e->term[k].n != ranks[k] ||
            (k + 1 < n && *text != ','))
            return FALSE;
        e->n_terms++;
        for (guint i = 0; i < e->term[k].n; i++)
            widest = MAX(widest, (gint)e->term[k].label[i] - ELLIPSIS + 1);
        text += k + 1 < n;
    }
    if (*text == '\0') {
        if (!implicit_output(e, widest))
            return FALSE;
    } else {
        if (strncmp(text, "->", 2) != 0)
            return FALSE;
        text += 2;
        if (!parse_term(&text, widest, &e->out) || *text != '\0')
            return FALSE;
    }
    for (guint k = 0; k < n; k++) {
        for (guint i = 0; i < e->term[k].n; i++) {
            guint label = e->term[k].label[i];
            if (!has(&e->out, label) && !has(&e->sum, label) && !push(&e->sum, label))
                return FALSE;
        }
    }
    return TRUE;
}

gboolean fovea_einsum_of(const FoveaNode *node, FoveaEinsum *einsum)
{
    guint n = fovea_node_n_own(node), ranks[MAX_TERMS] = {0};
    for (guint k = 0; k < MIN(n, MAX_TERMS); k++)
        ranks[k] = node->in[k] != NULL ? (guint)node->in[k]->rank : 0;
    return n <= MAX_TERMS && parse(fovea_node_attr_string(node, "equation", ""), ranks, n, einsum);
}

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const char *text = fovea_node_attr_string(node, "equation", "");
    guint n = fovea_node_n_own(node);
    FoveaDim size[N_LABELS], dims[FOVEA_MAX_RANK];
    gboolean known[N_LABELS] = {FALSE};
    Equation e;
    if (!fovea_einsum_of(node, &e))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the equation \"%s\" does not fit the inputs", text);
    for (guint k = 0; k < n; k++) {
        for (guint i = 0; i < e.term[k].n; i++) {
            guint label = e.term[k].label[i];
            FoveaDim have = node->in[k]->dims[i];
            if (!known[label] || fovea_dim_is(size[label], 1))
                size[label] = have;
            else if (!fovea_dim_equal(size[label], have) && !fovea_dim_is(have, 1))
                return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                       "sizes of one letter differ in \"%s\"", text);
            known[label] = TRUE;
        }
    }
    for (guint i = 0; i < e.out.n; i++) {
        if (!known[e.out.label[i]])
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the output of \"%s\" has a letter of no input", text);
        dims[i] = size[e.out.label[i]];
    }
    return fovea_infer_set(node->out[0], node->in[0]->dtype, (gint)e.out.n, dims);
}

/* Strides of a C-order operand along the labels of `along`; a letter met twice is a diagonal. */
static void strides_along(const Term *term, const FoveaView *view, const Term *along, gint64 *out)
{
    gint64 own[FOVEA_MAX_RANK];
    fovea_strides_contiguous(view->rank, view->dims, own);
    for (guint i = 0; i < along->n; i++) {
        out[i] = 0;
        for (guint k = 0; k < term->n; k++)
            out[i] += term->label[k] == along->label[i] && view->dims[k] != 1 ? own[k] : 0;
    }
}

typedef struct Sum {
    guint n;
    double *data[MAX_TERMS];
    gint64 at_out[MAX_TERMS][FOVEA_MAX_RANK], at_sum[MAX_TERMS][FOVEA_MAX_RANK];
    gint64 sizes[FOVEA_MAX_RANK]; /* of the summed letters */
} Sum;

static double sum_products(const Sum *s, guint rank, const gint64 *base)
{
    const gint64 *strides[MAX_TERMS];
    double total = 0;
    FoveaWalk walk;
    for (guint k = 0; k < s->n; k++)
        strides[k] = s->at_sum[k];
    fovea_walk_init(&walk, rank, s->sizes, s->n, strides);
    if (walk.empty)
        return 0;
    do {
        double product = 1;
        for (guint k = 0; k < s->n; k++)
            product *= s->data[k][base[k] + walk.at[k]];
        total += product;
    } while (fovea_walk_next(&walk));
    return total;
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    Sum s = {.n = MIN(fovea_node_n_own(node), MAX_TERMS)};
    guint ranks[MAX_TERMS] = {0};
    const gint64 *strides[MAX_TERMS];
    Equation e;
    FoveaWalk walk;
    gint64 at = 0;
    gboolean ok = TRUE;
    g_autoptr(FoveaDoubles) z = fovea_ref_room(fovea_view_count(out[0]), error);
    for (guint k = 0; k < s.n; k++)
        ranks[k] = in[k]->rank;
    if (z == NULL)
        return FALSE;
    if (!parse(fovea_node_attr_string(node, "equation", ""), ranks, s.n, &e))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "malformed equation");
    for (guint i = 0; i < e.sum.n; i++)
        s.sizes[i] = 1;
    for (guint k = 0; k < s.n; k++) {
        strides_along(&e.term[k], in[k], &e.out, s.at_out[k]);
        strides_along(&e.term[k], in[k], &e.sum, s.at_sum[k]);
        strides[k] = s.at_out[k];
        for (guint i = 0; i < e.term[k].n; i++)
            for (guint j = 0; j < e.sum.n; j++) {
                if (e.sum.label[j] == e.term[k].label[i] && in[k]->dims[i] != 1)
                    s.sizes[j] = in[k]->dims[i];
            }
        s.data[k] = ok ? fovea_ref_load(in[k], error) : NULL;
        ok &= s.data[k] != NULL;
    }
    fovea_walk_init(&walk, out[0]->rank, out[0]->dims, s.n, strides);
    if (ok && !walk.empty) {
        do
            z[at++] = sum_products(&s, e.sum.n, walk.at);
        while (fovea_walk_next(&walk));
        fovea_ref_store(z, out[0]);
    }
    for (guint k = 0; k < s.n; k++)
        fovea_free(s.data[k]);
    return ok;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        const char *equation;
        guint n, rank[3];
        gint64 dims[3][4];
    } cases[] = {
        {"ij->i", 1, {2}, {{7, 9}}},
        {"ii", 1, {2}, {{5, 5}}},
        {"ij,jk->ik", 2, {2, 2}, {{7, 9}, {9, 5}}},
        {"bhtd,bhsd->bhts", 2, {4, 4}, {{2, 3, 5, 8}, {2, 3, 7, 8}}},
        {"...ij, ...jk -> ...ik", 2, {3, 2}, {{3, 5, 4}, {4, 6}}},
        {"i,j,k->kji", 3, {1, 1, 1}, {{3}, {4}, {5}}},
        {"...ii->...i", 1, {3}, {{2, 4, 4}}},
        {"bxi,oij,byj->boxy", 3, {3, 3, 3}, {{2, 3, 4}, {5, 4, 6}, {2, 7, 6}}},
    };
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    for (guint k = 0; k < cases[index].n; k++)
        fovea_sample_f32(s, k, cases[index].rank[k], cases[index].dims[k], -1, 1);
    fovea_node_set_string(s->node, "equation", cases[index].equation);
    return TRUE;
}

const FoveaOp fovea_op_Einsum = {
    .name = "Einsum",
    .min_in = 1,
    .max_in = 255,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
