/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/dim.h"

#define LIMIT ((gint64)1 << 62)
#define MAX_TERMS 6

typedef enum { ATOM_SCALAR, ATOM_MUL, ATOM_DIV, ATOM_MOD, ATOM_MIN, ATOM_MAX } AtomKind;

typedef struct {
    AtomKind kind;
    guint scalar;
    FoveaDim a, b;
} Atom;

typedef struct {
    guint atom;
    gint64 coefficient;
} Term;

typedef struct {
    guint n;
    Term term[MAX_TERMS]; /* ascending atoms */
} Sum;

struct FoveaSyms {
    gatomicrefcount refs;
    guint n_scalars;
    char *name[FOVEA_MAX_SCALARS];
    gint64 capacity[FOVEA_MAX_SCALARS];
    GArray *atoms; /* Atom */
    GArray *sums;  /* Sum; index 0 is the empty one */
};

FoveaSyms *fovea_syms_new(void)
{
    FoveaSyms *syms = g_new0(FoveaSyms, 1);
    Sum empty = {0};
    g_atomic_ref_count_init(&syms->refs);
    syms->atoms = g_array_new(FALSE, TRUE, sizeof(Atom));
    syms->sums = g_array_new(FALSE, TRUE, sizeof(Sum));
    g_array_append_val(syms->sums, empty);
    return syms;
}

FoveaSyms *fovea_syms_copy(const FoveaSyms *from)
{
    FoveaSyms *syms = fovea_syms_new();
    syms->n_scalars = from->n_scalars;
    for (guint i = 0; i < from->n_scalars; i++) {
        syms->name[i] = g_strdup(from->name[i]);
        syms->capacity[i] = from->capacity[i];
    }
    g_array_set_size(syms->sums, 0);
    g_array_append_vals(syms->atoms, from->atoms->data, from->atoms->len);
    g_array_append_vals(syms->sums, from->sums->data, from->sums->len);
    return syms;
}

FoveaSyms *fovea_syms_ref(FoveaSyms *syms)
{
    g_atomic_ref_count_inc(&syms->refs);
    return syms;
}

void fovea_syms_unref(FoveaSyms *syms)
{
    if (syms == NULL || !g_atomic_ref_count_dec(&syms->refs))
        return;
    for (guint i = 0; i < syms->n_scalars; i++)
        g_free(syms->name[i]);
    g_array_free(syms->atoms, TRUE);
    g_array_free(syms->sums, TRUE);
    g_free(syms);
}

gint fovea_syms_scalar(FoveaSyms *syms, const char *name, gint64 capacity, GError **error)
{
    for (guint i = 0; i < syms->n_scalars; i++) {
        if (g_str_equal(syms->name[i], name))
            return (gint)i;
    }
    if (syms->n_scalars == FOVEA_MAX_SCALARS) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "More than %d bounded dimensions are not supported",
                   FOVEA_MAX_SCALARS);
        return -1;
    }
    syms->name[syms->n_scalars] = g_strdup(name);
    syms->capacity[syms->n_scalars] = capacity;
    return (gint)syms->n_scalars++;
}

guint fovea_syms_n_scalars(const FoveaSyms *syms)
{
    return syms->n_scalars;
}

const char *fovea_syms_scalar_name(const FoveaSyms *syms, guint index)
{
    return syms->name[index];
}

gint64 fovea_syms_scalar_capacity(const FoveaSyms *syms, guint index)
{
    return syms->capacity[index];
}

static const Sum *sum_at(const FoveaSyms *syms, guint32 terms)
{
    return &g_array_index(syms->sums, Sum, terms);
}

static const Atom *atom_at(const FoveaSyms *syms, guint atom)
{
    return &g_array_index(syms->atoms, Atom, atom);
}

static guint32 intern_sum(FoveaSyms *syms, const Sum *sum)
{
    for (guint i = 0; i < syms->sums->len; i++) {
        const Sum *have = sum_at(syms, i);
        gboolean same = have->n == sum->n;
        for (guint k = 0; same && k < sum->n; k++)
            same = have->term[k].atom == sum->term[k].atom &&
                   have->term[k].coefficient == sum->term[k].coefficient;
        if (same)
            return i;
    }
    g_array_append_val(syms->sums, *sum);
    return syms->sums->len - 1;
}

static FoveaDim from_atom(FoveaSyms *syms, const Atom *atom)
{
    guint found = syms->atoms->len;
    for (guint i = 0; i < syms->atoms->len; i++) {
        const Atom *have = atom_at(syms, i);
        if (have->kind == atom->kind && have->scalar == atom->scalar &&
            fovea_dim_equal(have->a, atom->a) && fovea_dim_equal(have->b, atom->b)) {
            found = i;
            break;
        }
    }
    if (found == syms->atoms->len)
        g_array_append_val(syms->atoms, *atom);
    Sum sum = {.n = 1, .term = {{found, 1}}};
    return (FoveaDim){0, intern_sum(syms, &sum)};
}

FoveaDim fovea_dim_scalar(FoveaSyms *syms, guint index)
{
    Atom atom = {.kind = ATOM_SCALAR, .scalar = index};
    return from_atom(syms, &atom);
}

static gint64 clamp_add(gint64 a, gint64 b)
{
    gint64 r;
    if (!fovea_add_i64(a, b, &r))
        r = a > 0 ? LIMIT : -LIMIT;
    return CLAMP(r, -LIMIT, LIMIT);
}

static gint64 clamp_mul(gint64 a, gint64 b)
{
    gint64 r;
    if (!fovea_mul_i64(a, b, &r))
        r = (a > 0) == (b > 0) ? LIMIT : -LIMIT;
    return CLAMP(r, -LIMIT, LIMIT);
}

static gint64 floor_div(gint64 a, gint64 b)
{
    if (b == 0)
        return 0;
    gint64 q = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

/* a + scale * b. A sum of too many terms becomes an opaque saturated size, which is refused. */
static FoveaDim add_scaled(FoveaSyms *syms, FoveaDim a, FoveaDim b, gint64 scale)
{
    FoveaDim out = {clamp_add(a.c, clamp_mul(b.c, scale)), 0};
    if (a.terms == 0 && (b.terms == 0 || scale == 0))
        return out;
    const Sum *x = sum_at(syms, a.terms), *y = sum_at(syms, b.terms);
    Sum sum = {0};
    guint i = 0, k = 0;
    while (i < x->n || (k < y->n && scale != 0)) {
        Term term;
        gboolean take_x = k >= y->n || (i < x->n && x->term[i].atom <= y->term[k].atom);
        gboolean take_y = i >= x->n || (k < y->n && y->term[k].atom <= x->term[i].atom);
        term.atom = take_x ? x->term[i].atom : y->term[k].atom;
        term.coefficient = take_x ? x->term[i].coefficient : 0;
        if (take_y)
            term.coefficient = clamp_add(term.coefficient,
                                         clamp_mul(y->term[k].coefficient, scale));
        i += take_x;
        k += take_y;
        if (term.coefficient == 0)
            continue;
        if (sum.n == MAX_TERMS)
            return fovea_dim(LIMIT);
        sum.term[sum.n++] = term;
    }
    out.terms = intern_sum(syms, &sum);
    return out;
}

FoveaDim fovea_dim_add(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    return add_scaled(syms, a, b, 1);
}

FoveaDim fovea_dim_sub(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    return add_scaled(syms, a, b, -1);
}

FoveaDim fovea_dim_mul(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    if (b.terms == 0)
        return add_scaled(syms, fovea_dim(0), a, b.c);
    if (a.terms == 0)
        return add_scaled(syms, fovea_dim(0), b, a.c);
    Atom atom = {.kind = ATOM_MUL, .a = a, .b = b};
    return from_atom(syms, &atom);
}

FoveaDim fovea_dim_div(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    if (a.terms == 0 && b.terms == 0)
        return fovea_dim(floor_div(a.c, b.c));
    if (fovea_dim_equal(a, b))
        return fovea_dim(1);
    if (b.terms == 0 && b.c != 0) {
        const Sum *x = sum_at(syms, a.terms);
        Sum sum = *x;
        gboolean even = TRUE;
        for (guint i = 0; i < sum.n; i++) {
            even &= sum.term[i].coefficient % b.c == 0;
            sum.term[i].coefficient /= b.c;
        }
        if (even)
            return (FoveaDim){floor_div(a.c, b.c), intern_sum(syms, &sum)};
    }
    /* A multiple of b by a whole number: a = q * b. */
    if (a.terms != 0 && b.terms != 0 && sum_at(syms, a.terms)->n == sum_at(syms, b.terms)->n) {
        gint64 q = sum_at(syms, a.terms)->term[0].coefficient /
                   sum_at(syms, b.terms)->term[0].coefficient;
        if (q != 0 && fovea_dim_equal(fovea_dim_mul(syms, b, fovea_dim(q)), a))
            return fovea_dim(q);
    }
    Atom atom = {.kind = ATOM_DIV, .a = a, .b = b};
    return from_atom(syms, &atom);
}

FoveaDim fovea_dim_mod(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    if (a.terms == 0 && b.terms == 0)
        return fovea_dim(b.c == 0 ? 0 : a.c - floor_div(a.c, b.c) * b.c);
    Atom atom = {.kind = ATOM_MOD, .a = a, .b = b};
    return from_atom(syms, &atom);
}

static FoveaDim extreme(FoveaSyms *syms, FoveaDim a, FoveaDim b, AtomKind kind)
{
    gint64 low, high;
    fovea_dim_bounds(syms, fovea_dim_sub(syms, a, b), &low, &high);
    if (high <= 0)
        return kind == ATOM_MIN ? a : b;
    if (low >= 0)
        return kind == ATOM_MIN ? b : a;
    Atom atom = {.kind = kind, .a = a, .b = b};
    return from_atom(syms, &atom);
}

FoveaDim fovea_dim_min(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    return extreme(syms, a, b, ATOM_MIN);
}

FoveaDim fovea_dim_max(FoveaSyms *syms, FoveaDim a, FoveaDim b)
{
    return extreme(syms, a, b, ATOM_MAX);
}

static gint64 apply(AtomKind kind, gint64 a, gint64 b)
{
    switch (kind) {
    case ATOM_MUL: return clamp_mul(a, b);
    case ATOM_DIV: return floor_div(a, b);
    case ATOM_MOD: return b == 0 ? 0 : a - floor_div(a, b) * b;
    case ATOM_MIN: return MIN(a, b);
    case ATOM_MAX: return MAX(a, b);
    case ATOM_SCALAR: break;
    }
    return 0;
}

gint64 fovea_dim_eval(const FoveaSyms *syms, FoveaDim a, const gint64 *scalars)
{
    if (a.terms == 0)
        return a.c;
    const Sum *sum = sum_at(syms, a.terms);
    gint64 value = a.c;
    for (guint i = 0; i < sum->n; i++) {
        const Atom *atom = atom_at(syms, sum->term[i].atom);
        gint64 x = atom->kind == ATOM_SCALAR
                       ? scalars[atom->scalar]
                       : apply(atom->kind, fovea_dim_eval(syms, atom->a, scalars),
                               fovea_dim_eval(syms, atom->b, scalars));
        value = clamp_add(value, clamp_mul(sum->term[i].coefficient, x));
    }
    return value;
}

static void atom_bounds(const FoveaSyms *syms, const Atom *atom, gint64 *low, gint64 *high)
{
    if (atom->kind == ATOM_SCALAR) {
        *low = 0;
        *high = syms->capacity[atom->scalar];
        return;
    }
    gint64 al, ah, bl, bh;
    fovea_dim_bounds(syms, atom->a, &al, &ah);
    fovea_dim_bounds(syms, atom->b, &bl, &bh);
    if (atom->kind == ATOM_MOD) {
        gint64 m = MAX(ABS(bl), ABS(bh));
        *low = bl >= 0 ? 0 : -m;
        *high = m;
        return;
    }
    if (atom->kind == ATOM_DIV && bl <= 0) { /* the divisor may be 0 or negative */
        *high = MAX(ABS(al), ABS(ah));
        *low = -*high;
        return;
    }
    gint64 corner[4] = {apply(atom->kind, al, bl), apply(atom->kind, al, bh),
                        apply(atom->kind, ah, bl), apply(atom->kind, ah, bh)};
    *low = MIN(MIN(corner[0], corner[1]), MIN(corner[2], corner[3]));
    *high = MAX(MAX(corner[0], corner[1]), MAX(corner[2], corner[3]));
}

void fovea_dim_bounds(const FoveaSyms *syms, FoveaDim a, gint64 *low, gint64 *high)
{
    *low = *high = a.c;
    if (a.terms == 0)
        return;
    const Sum *sum = sum_at(syms, a.terms);
    for (guint i = 0; i < sum->n; i++) {
        gint64 l, h, k = sum->term[i].coefficient;
        atom_bounds(syms, atom_at(syms, sum->term[i].atom), &l, &h);
        *low = clamp_add(*low, clamp_mul(k, k > 0 ? l : h));
        *high = clamp_add(*high, clamp_mul(k, k > 0 ? h : l));
    }
}

gboolean fovea_dim_is_scalar(const FoveaSyms *syms, FoveaDim a, guint *index)
{
    if (a.c != 0 || a.terms == 0)
        return FALSE;
    const Sum *sum = sum_at(syms, a.terms);
    if (sum->n != 1 || sum->term[0].coefficient != 1)
        return FALSE;
    const Atom *atom = atom_at(syms, sum->term[0].atom);
    if (atom->kind != ATOM_SCALAR)
        return FALSE;
    *index = atom->scalar;
    return TRUE;
}

char *fovea_dim_to_string(const FoveaSyms *syms, FoveaDim a)
{
    static const char *const names[] = {"", "mul", "div", "mod", "min", "max"};
    GString *text = g_string_new(NULL);
    const Sum *sum = sum_at(syms, a.terms);
    for (guint i = 0; i < sum->n; i++) {
        const Atom *atom = atom_at(syms, sum->term[i].atom);
        if (i > 0)
            g_string_append_c(text, '+');
        if (sum->term[i].coefficient != 1)
            g_string_append_printf(text, "%" G_GINT64_FORMAT "*", sum->term[i].coefficient);
        if (atom->kind == ATOM_SCALAR) {
            g_string_append(text, syms->name[atom->scalar]);
        } else {
            g_autofree char *x = fovea_dim_to_string(syms, atom->a);
            g_autofree char *y = fovea_dim_to_string(syms, atom->b);
            g_string_append_printf(text, "%s(%s,%s)", names[atom->kind], x, y);
        }
    }
    if (sum->n == 0 || a.c != 0)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, sum->n > 0 && a.c > 0 ? "+" : "", a.c);
    return g_string_free(text, FALSE);
}
