/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Copies between windows, and the operators that are nothing else: Copy, Identity, Reshape and its
 * kin, Transpose, Expand, Slice, Split, Concat, Tile, DepthToSpace and SpaceToDepth.
 */
#include "cpu/kernels/copy.h"
#include "ops/support.h"

/* Both views with axes of size 1 dropped, from the widest stride of `to` to the narrowest,
 * neighbours joined where both allow it. */
typedef struct Plan {
    guint rank, size;                                                  /* size: bytes an element */
    gint64 dims[FOVEA_MAX_RANK], a[FOVEA_MAX_RANK], b[FOVEA_MAX_RANK]; /* strides from, to */
    const guint8 *from;
    guint8 *to;
    gint across; /* the axis along which `from` lies together, when it is not the last; or -1 */
} Plan;

static void add_axis(Plan *p, gint64 n, gint64 a, gint64 b)
{
    guint at = p->rank;
    if (n == 1)
        return;
    while (at > 0 && ABS(p->b[at - 1]) < ABS(b))
        at--;
    for (guint i = p->rank; i > at; i--) {
        p->dims[i] = p->dims[i - 1];
        p->a[i] = p->a[i - 1];
        p->b[i] = p->b[i - 1];
    }
    p->dims[at] = n;
    p->a[at] = a;
    p->b[at] = b;
    p->rank++;
}

static void join_axes(Plan *p)
{
    guint to = 0;
    for (guint i = 1; i < p->rank; i++) {
        if (p->a[to] == p->a[i] * p->dims[i] && p->b[to] == p->b[i] * p->dims[i]) {
            p->dims[to] *= p->dims[i];
        } else {
            to++;
            p->dims[to] = p->dims[i];
        }
        p->a[to] = p->a[i];
        p->b[to] = p->b[i];
    }
    p->rank = MIN(to + 1, p->rank);
    if (p->rank == 0) {
        p->rank = 1;
        p->dims[0] = 1;
        p->a[0] = p->b[0] = 1;
    }
}

#define RUN(Type, name)                                                                            \
    static void name(Type *to, gint64 b, const Type *from, gint64 a, gint64 n)                     \
    {                                                                                              \
        for (gint64 i = 0; i < n; i++)                                                             \
            to[i * b] = from[i * a];                                                               \
    }                                                                                              \
    /* rows x n, `from` together along rows, `to` along n */                                       \
    static void name##_turned(Type *to, gint64 row_b, const Type *from, gint64 a, gint64 rows,     \
                              gint64 n)                                                            \
    {                                                                                              \
        for (gint64 i0 = 0; i0 < n; i0 += 16)                                                      \
            for (gint64 r = 0; r < rows; r++)                                                      \
                for (gint64 i = i0; i < MIN(i0 + 16, n); i++)                                      \
                    to[r * row_b + i] = from[r + i * a];                                           \
    }

RUN(guint8, run1)
RUN(guint16, run2)
RUN(guint32, run4)
RUN(guint64, run8)

static void copy_run(const Plan *p, guint8 *to, const guint8 *from, gint64 n)
{
    gint64 a = p->a[p->rank - 1], b = p->b[p->rank - 1];
    if (a == 1 && b == 1) {
        memcpy(to, from, (gsize)n * p->size);
        return;
    }
    switch (p->size) {
    case 1: run1(to, b, from, a, n); break;
    case 2: run2((guint16 *)(gpointer)to, b, (const guint16 *)(gconstpointer)from, a, n); break;
    case 4: run4((guint32 *)(gpointer)to, b, (const guint32 *)(gconstpointer)from, a, n); break;
    default: run8((guint64 *)(gpointer)to, b, (const guint64 *)(gconstpointer)from, a, n); break;
    }
}

static void copy_turned(const Plan *p, guint8 *to, const guint8 *from, gint64 rows)
{
    gint64 a = p->a[p->rank - 1], b = p->b[p->across], n = p->dims[p->rank - 1];
    switch (p->size) {
    case 1: run1_turned(to, b, from, a, rows, n); break;
    case 2:
        run2_turned((guint16 *)(gpointer)to, b, (const guint16 *)(gconstpointer)from, a, rows, n);
        break;
    case 4:
        run4_turned((guint32 *)(gpointer)to, b, (const guint32 *)(gconstpointer)from, a, rows, n);
        break;
    default:
        run8_turned((guint64 *)(gpointer)to, b, (const guint64 *)(gconstpointer)from, a, rows, n);
        break;
    }
}

/* Blocks along one axis but the last: 16 elements of `across`, single ones of the others. */
static gint64 axis_blocks(const Plan *p, guint i)
{
    return (gint)i == p->across ? (p->dims[i] + 15) / 16 : p->dims[i];
}

/* Short rows that lie together on both sides: pieces of 16 or 8 bytes, without a call a row. */
static void copy_short(const Plan *p, guint8 *to, const guint8 *from, gint64 rows)
{
    guint outer = p->rank - 2;
    gint64 bytes = p->dims[p->rank - 1] * p->size;
    gint64 a = p->a[outer] * p->size, b = p->b[outer] * p->size;
    if (bytes % 16 != 0) {
        for (gint64 r = 0; r < rows; r++, from += a, to += b) {
            for (gint64 i = 0; i < bytes; i += 8)
                memcpy(to + i, from + i, 8);
        }
        return;
    }
    for (gint64 r = 0; r < rows; r++, from += a, to += b) {
        for (gint64 i = 0; i < bytes; i += 16)
            memcpy(to + i, from + i, 16);
    }
}

/* Rows first..last: a row is the last axis (and, turned, a block of 16 along `across`). */
static void copy_rows(gint64 first, gint64 last, gpointer data)
{
    const Plan *p = data;
    guint inner = p->rank - 1;
    gint64 index[FOVEA_MAX_RANK] = {0}, step_a[FOVEA_MAX_RANK], step_b[FOVEA_MAX_RANK];
    gint64 a = 0, b = 0, left = first;
    for (guint i = inner; i-- > 0;) {
        gint64 n = axis_blocks(p, i), wide = (gint)i == p->across ? 16 : 1;
        step_a[i] = p->a[i] * wide;
        step_b[i] = p->b[i] * wide;
        index[i] = left % n;
        left /= n;
        a += index[i] * step_a[i];
        b += index[i] * step_b[i];
    }
    gboolean brief = inner > 0 && p->across < 0 && p->a[inner] == 1 && p->b[inner] == 1 &&
                     p->dims[inner] * p->size <= 1024 && p->dims[inner] * p->size % 8 == 0;
    for (gint64 row = first; row < last; row++) {
        if (brief) { /* up to the end of the last axis but one */
            gint64 rows = MIN(p->dims[inner - 1] - index[inner - 1], last - row);
            copy_short(p, p->to + b * p->size, p->from + a * p->size, rows);
            row += rows - 1;
            index[inner - 1] += rows - 1;
            a += (rows - 1) * step_a[inner - 1];
            b += (rows - 1) * step_b[inner - 1];
        } else if (p->across >= 0)
            copy_turned(p, p->to + b * p->size, p->from + a * p->size,
                        MIN(16, p->dims[p->across] - 16 * index[p->across]));
        else
            copy_run(p, p->to + b * p->size, p->from + a * p->size, p->dims[inner]);
        for (guint i = inner; i-- > 0;) {
            a += step_a[i];
            b += step_b[i];
            if (++index[i] < axis_blocks(p, i))
                break;
            a -= index[i] * step_a[i];
            b -= index[i] * step_b[i];
            index[i] = 0;
        }
    }
}

void fovea_cpu_copy(const FoveaView *from, const FoveaView *to)
{
    Plan p = {.size = (guint)fovea_dtype_size(to->dtype), .across = -1};
    gint64 rows = 1, total = 1;
    if (from->dtype != to->dtype) {
        fovea_view_copy(from, to);
        return;
    }
    for (guint i = 0; i < to->rank; i++) {
        add_axis(&p, to->dims[i], from->strides[i], to->strides[i]);
        total *= to->dims[i];
    }
    if (total == 0)
        return;
    join_axes(&p);
    p.from = from->data;
    p.to = to->data;
    guint inner = p.rank - 1;
    for (guint i = 0; i < inner && p.b[inner] == 1 && p.a[inner] != 1; i++) {
        if (p.a[i] == 1 && p.dims[i] >= 4)
            p.across = (gint)i;
    }
    for (guint i = 0; i < inner; i++)
        rows *= axis_blocks(&p, i);
    fovea_cpu_for(rows, MAX(rows * 32768 / total, 1), copy_rows, &p);
}

gboolean fovea_cpu_same_layout(const FoveaView *from, const FoveaView *to)
{
    for (guint i = 0; i < from->rank; i++) {
        if (from->dims[i] != 1 && from->strides[i] != to->strides[i])
            return FALSE;
    }
    return TRUE;
}

/* ---- operators ---- */

static gboolean same_types(const FoveaNode *node)
{
    const FoveaValue *in = node->in[0];
    return in != NULL && node->out[0] != NULL && in->dtype == node->out[0]->dtype;
}

/* Reshape and its kin as steps: elements keep their C order, so one side has to be in C order. */
static gboolean run_reshape(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *in = run->in[0], *out = run->out[0];
    FoveaView flat;
    if (fovea_view_is_contiguous(out)) {
        flat = fovea_view_make(in->dtype, in->rank, in->dims, out->data);
        fovea_cpu_copy(in, &flat);
        return TRUE;
    }
    if (fovea_view_is_contiguous(in)) {
        flat = fovea_view_make(out->dtype, out->rank, out->dims, in->data);
        fovea_cpu_copy(&flat, out);
        return TRUE;
    }
    return run->node->op->ref(run->node, run->in, run->out, error);
}

static gboolean run_copy(const FoveaCpuRun *run, GError **error)
{
    fovea_cpu_copy(run->in[0], run->out[0]);
    return TRUE;
}

static gboolean run_transpose(const FoveaCpuRun *run, GError **error)
{
    guint n = 0;
    const gint64 *perm = fovea_node_attr_ints(run->node, "perm", &n);
    const FoveaView *in = run->in[0];
    FoveaView turned = *in;
    for (guint i = 0; i < in->rank; i++) {
        guint from = perm != NULL ? (guint)perm[i] : in->rank - 1 - i;
        turned.dims[i] = in->dims[from];
        turned.strides[i] = in->strides[from];
    }
    fovea_cpu_copy(&turned, run->out[0]);
    return TRUE;
}

static gboolean run_expand(const FoveaCpuRun *run, GError **error)
{
    FoveaView wide;
    if (!fovea_view_broadcast(run->in[0], run->out[0]->rank, run->out[0]->dims, &wide))
        return run->node->op->ref(run->node, run->in, run->out, error);
    fovea_cpu_copy(&wide, run->out[0]);
    return TRUE;
}

static gboolean run_concat(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *out = run->out[0];
    guint axis = fovea_node_axis(run->node, 0, out->rank), n = fovea_node_n_own(run->node);
    gint64 at = 0;
    for (guint k = 0; k < n; k++) {
        const FoveaView *in = run->in[k];
        FoveaView part = *out;
        part.dims[axis] = in->dims[axis];
        part.data = (guint8 *)out->data +
                    at * out->strides[axis] * (gint64)fovea_dtype_size(out->dtype);
        at += in->dims[axis];
        fovea_cpu_copy(in, &part);
    }
    return TRUE;
}

/* Both sides seen as [n, c, h, i, w, j], with i and j the places inside a block. */
static gboolean run_depth(const FoveaCpuRun *run, GError **error)
{
    gboolean to_space = g_str_equal(run->node->op->name, "DepthToSpace");
    gboolean crd = g_str_equal(fovea_node_attr_string(run->node, "mode", "DCR"), "CRD");
    const FoveaView *space = run->out[0], *depth = run->in[0];
    gint64 b = fovea_node_attr_int(run->node, "blocksize", 1);
    if (!to_space) {
        space = run->in[0];
        depth = run->out[0];
    }
    gint64 c = space->dims[1], k = depth->strides[1];
    FoveaView s = {.dtype = space->dtype,
                   .rank = 6,
                   .dims = {space->dims[0], c, depth->dims[2], b, depth->dims[3], b},
                   .strides = {space->strides[0], space->strides[1], b * space->strides[2],
                               space->strides[2], b * space->strides[3], space->strides[3]},
                   .data = space->data};
    FoveaView d = s;
    gint64 strides[] = {depth->strides[0],       crd ? b * b * k : k, depth->strides[2],
                        crd ? b * k : b * c * k, depth->strides[3],   crd ? k : c * k};
    d.data = depth->data;
    memcpy(d.strides, strides, sizeof strides);
    fovea_cpu_copy(to_space ? &d : &s, to_space ? &s : &d);
    return TRUE;
}

/* Pad with a constant: the whole is filled, then the middle copied. */
static gboolean fits_pad(const FoveaNode *node)
{
    return same_types(node) &&
           g_str_equal(fovea_node_attr_string(node, "mode", "constant"), "constant");
}

static gboolean pad_channels_last(const FoveaNode *node)
{
    return node->out[0]->rank == 4 && !fovea_dim_is(node->out[0]->dims[1], 1);
}

static gboolean run_pad(const FoveaCpuRun *run, GError **error)
{
    static const gint64 zero;
    const FoveaNode *node = run->node;
    const FoveaView *in = run->in[0], *out = run->out[0], *axes = fovea_own_view(node, run->in, 3);
    const FoveaView *value = fovea_own_view(node, run->in, 2), *pads = run->in[1];
    FoveaView fill = {.dtype = out->dtype, .data = (void *)&zero}, wide, from = *in, to = *out;
    gint64 size = (gint64)fovea_dtype_size(out->dtype), n = fovea_view_count(pads) / 2;
    if (value != NULL)
        fill.data = value->data;
    if (fovea_view_broadcast(&fill, out->rank, out->dims, &wide))
        fovea_cpu_copy(&wide, out);
    for (gint64 k = 0; k < n; k++) {
        guint axis = (guint)k;
        gint64 at = axes != NULL ? fovea_load_i64(axes->dtype, axes->data, k * axes->strides[0])
                                 : k;
        gint64 before = fovea_load_i64(pads->dtype, pads->data, k * pads->strides[0]), skip = 0;
        if (!fovea_axis(at, (gint)in->rank, FALSE, &axis))
            return TRUE;        /* checked when the plan was made */
        skip = MAX(-before, 0); /* of the input; the output begins `before` earlier */
        before = MAX(before, 0);
        from.dims[axis] = MAX(MIN(in->dims[axis] - skip, out->dims[axis] - before), 0);
        from.data = (guint8 *)from.data + skip * in->strides[axis] * size;
        to.data = (guint8 *)to.data + before * out->strides[axis] * size;
    }
    memcpy(to.dims, from.dims, sizeof to.dims);
    fovea_cpu_copy(&from, &to);
    return TRUE;
}

static const char *const pad_ops[] = {"Pad", NULL};

const FoveaCpuKernel fovea_cpu_kernel_pad = {
    .ops = pad_ops,
    .klass = "copy",
    .fits = fits_pad,
    .channels_last = pad_channels_last,
    .run = run_pad,
};

#define COPY_KERNEL(name, run_func, ...)                                                           \
    static const char *const name##_ops[] = {__VA_ARGS__, NULL};                                   \
    const FoveaCpuKernel fovea_cpu_kernel_##name = {                                               \
        .ops = name##_ops,                                                                         \
        .klass = "copy",                                                                           \
        .fits = same_types,                                                                        \
        .run = run_func,                                                                           \
    }

COPY_KERNEL(copy, run_copy, "Copy", "Identity");
COPY_KERNEL(reshape, run_reshape, "Reshape", "Flatten", "Squeeze", "Unsqueeze");
COPY_KERNEL(transpose, run_transpose, "Transpose");
COPY_KERNEL(expand, run_expand, "Expand");
COPY_KERNEL(concat, run_concat, "Concat");
COPY_KERNEL(depth, run_depth, "DepthToSpace", "SpaceToDepth");
