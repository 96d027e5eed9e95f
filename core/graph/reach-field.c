/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/reach-field.h"

/* Elements of a field at most (64 MiB). */
#define FIELD_MAX (1 << 23)

typedef struct {
    FoveaReachBox *boxes;
} Block;

static void block_clear(gpointer block)
{
    fovea_free(((Block *)block)->boxes);
}

gboolean fovea_reach_field_new(FoveaReachField *field, guint rank, const gint64 *dims, guint32 vary,
                               GError **error)
{
    gint64 n = 1, step = 1;
    guint keep = rank;
    memset(field, 0, sizeof *field);
    for (guint i = 0; i < rank; i++) {
        if (dims[i] == 0) /* nothing there: one box that nobody reads */
            vary = 0;
    }
    for (guint i = 0; i < rank; i++) {
        gint64 next;
        if (!(vary & 1u << i) || dims[i] == 1)
            continue;
        if (!fovea_mul_i64(n, dims[i], &next) || next > FIELD_MAX) {
            keep = i;
            break;
        }
        n = next;
    }
    Block *block = g_rc_box_new0(Block);
    field->memory = (char *)block;
    block->boxes = fovea_try_alloc((gsize)n, sizeof *block->boxes, error);
    if (block->boxes == NULL) {
        fovea_reach_field_clear(field);
        return FALSE;
    }
    field->view = fovea_view_make(FOVEA_DTYPE_I64, rank, dims, block->boxes);
    for (guint i = rank; i-- > 0;) {
        gboolean differs = (vary & 1u << i) && dims[i] > 1 && i < keep;
        field->view.strides[i] = differs ? step : 0;
        step *= differs ? dims[i] : 1;
    }
    return TRUE;
}

void fovea_reach_field_share(FoveaReachField *field, const FoveaReachField *of,
                             const FoveaView *view)
{
    *field = (FoveaReachField){*view, g_rc_box_acquire(of->memory)};
}

void fovea_reach_field_clear(FoveaReachField *field)
{
    if (field->memory != NULL)
        g_rc_box_release_full(field->memory, block_clear);
    field->memory = NULL;
}

guint32 fovea_reach_vary(const FoveaView *view)
{
    guint32 vary = 0;
    for (guint i = 0; i < view->rank; i++)
        vary |= view->strides[i] != 0 && view->dims[i] > 1 ? 1u << i : 0;
    return vary;
}

/* ---- walking ---- */

/* Axes of size 1 dropped, axes that lie one in the other merged, the last one apart. */
typedef struct {
    guint rank;
    gint64 dims[FOVEA_MAX_RANK + 1];
    gint64 strides[2][FOVEA_MAX_RANK + 1];
} Loop;

static void loop_init(Loop *loop, guint rank, const gint64 *dims, const gint64 *a, const gint64 *b)
{
    loop->rank = 0;
    for (guint i = 0; i < rank; i++) {
        if (dims[i] == 1)
            continue;
        guint last = loop->rank - 1;
        if (loop->rank > 0 && loop->strides[0][last] == a[i] * dims[i] &&
            loop->strides[1][last] == b[i] * dims[i])
            loop->dims[last] *= dims[i];
        else
            loop->dims[last = loop->rank++] = dims[i];
        loop->strides[0][last] = a[i];
        loop->strides[1][last] = b[i];
    }
    if (loop->rank == 0) {
        loop->rank = 1;
        loop->dims[0] = 1;
        loop->strides[0][0] = loop->strides[1][0] = 0;
    }
}

/* The greater of each lane, four at once: no lane uses its top bit, which tells here which of the two
 * is greater. */
static inline FoveaReachBox joined(FoveaReachBox a, FoveaReachBox b)
{
    const guint64 top = G_GUINT64_CONSTANT(0x8000800080008000);
    guint64 first = ((a.bits | top) - b.bits) & top; /* where a >= b */
    first |= first - (first >> 15);
    return (FoveaReachBox){(a.bits & first) | (b.bits & ~first)};
}

static void join_row(gint64 n, const FoveaReachBox *from, gint64 from_step, FoveaReachBox *to,
                     gint64 to_step)
{
    if (from_step == 1 && to_step == 1) {
        for (gint64 i = 0; i < n; i++)
            to[i] = joined(to[i], from[i]);
    } else if (to_step == 0) {
        FoveaReachBox sum = *to;
        for (gint64 i = 0; i < n; i++)
            sum = joined(sum, from[i * from_step]);
        *to = sum;
    } else {
        for (gint64 i = 0; i < n; i++)
            to[i * to_step] = joined(to[i * to_step], from[i * from_step]);
    }
}

void fovea_reach_join(guint rank, const gint64 *dims, const FoveaReachBox *from,
                      const gint64 *from_strides, FoveaReachBox *to, const gint64 *to_strides)
{
    gint64 shrunk[FOVEA_MAX_RANK] = {0};
    Loop loop;
    for (guint i = 0; i < rank; i++) /* the same box into the same box: once is enough */
        shrunk[i] = from_strides[i] == 0 && to_strides[i] == 0 ? MIN(dims[i], 1) : dims[i];
    loop_init(&loop, rank, shrunk, from_strides, to_strides);
    guint outer = loop.rank - 1;
    const gint64 *strides[] = {loop.strides[0], loop.strides[1]};
    FoveaWalk walk;
    fovea_walk_init(&walk, outer, loop.dims, 2, strides);
    if (walk.empty || loop.dims[outer] == 0)
        return;
    do {
        join_row(loop.dims[outer], from + walk.at[0], loop.strides[0][outer], to + walk.at[1],
                 loop.strides[1][outer]);
    } while (fovea_walk_next(&walk));
}

void fovea_reach_join_view(const FoveaView *from, FoveaReachField *to)
{
    FoveaView wide;
    if (fovea_view_broadcast(from, to->view.rank, to->view.dims, &wide))
        fovea_reach_join(wide.rank, wide.dims, wide.data, wide.strides, to->view.data,
                         to->view.strides);
}

gboolean fovea_reach_reduce(const FoveaView *from, guint32 axes, FoveaReachField *to,
                            GError **error)
{
    gint64 dims[FOVEA_MAX_RANK] = {0};
    for (guint i = 0; i < from->rank; i++)
        dims[i] = axes & 1u << i ? MIN(from->dims[i], 1) : from->dims[i];
    if (!fovea_reach_field_new(to, from->rank, dims, fovea_reach_vary(from) & ~axes, error))
        return FALSE;
    fovea_reach_join(from->rank, from->dims, from->data, from->strides, to->view.data,
                     to->view.strides);
    return TRUE;
}

/* ---- equal elements ---- */

static gboolean is_constant_along(const FoveaView *view, guint axis)
{
    gint64 dims[FOVEA_MAX_RANK] = {0};
    const FoveaReachBox *boxes = view->data;
    gint64 step = view->strides[axis];
    Loop loop;
    for (guint i = 0; i < view->rank; i++)
        dims[i] = view->strides[i] == 0 ? MIN(view->dims[i], 1) : view->dims[i];
    dims[axis]--;
    loop_init(&loop, view->rank, dims, view->strides, view->strides);
    guint outer = loop.rank - 1;
    const gint64 *strides[] = {loop.strides[0]};
    FoveaWalk walk;
    fovea_walk_init(&walk, outer, loop.dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        const FoveaReachBox *row = boxes + walk.at[0];
        for (gint64 i = 0; i < loop.dims[outer]; i++, row += loop.strides[0][outer]) {
            if (row[0].bits != row[step].bits)
                return FALSE;
        }
    } while (fovea_walk_next(&walk));
    return TRUE;
}

void fovea_reach_field_compress(FoveaReachField *field)
{
    for (guint i = 0; i < field->view.rank; i++) {
        if (field->view.strides[i] != 0 && field->view.dims[i] > 1 &&
            is_constant_along(&field->view, i))
            field->view.strides[i] = 0;
    }
}

void fovea_reach_widest(const FoveaReachField *field, gint *width, gint *height)
{
    const FoveaView *view = &field->view;
    const FoveaReachBox *boxes = view->data;
    gint64 dims[FOVEA_MAX_RANK] = {0};
    Loop loop;
    for (guint i = 0; i < view->rank; i++)
        dims[i] = view->strides[i] == 0 ? MIN(view->dims[i], 1) : view->dims[i];
    loop_init(&loop, view->rank, dims, view->strides, view->strides);
    guint outer = loop.rank - 1;
    const gint64 *strides[] = {loop.strides[0]};
    FoveaWalk walk;
    *width = *height = 0;
    fovea_walk_init(&walk, outer, loop.dims, 1, strides);
    if (walk.empty)
        return;
    do {
        const FoveaReachBox *box = boxes + walk.at[0];
        for (gint64 i = 0; i < loop.dims[outer]; i++, box += loop.strides[0][outer]) {
            *width = MAX(*width, box->lane[0] + box->lane[2] - FOVEA_REACH_EDGE);
            *height = MAX(*height, box->lane[1] + box->lane[3] - FOVEA_REACH_EDGE);
        }
    } while (fovea_walk_next(&walk));
}

/* ---- other dims ---- */

/* Splits both shapes into groups with equal products (ones join the group before). Axes of a group
 * whose boxes are all equal stay so: bit o of *vary says that output axis o may differ, and
 * shrunk[i] is 1 where input axis i need not be walked. */
static void match_groups(const FoveaView *from, guint rank, const gint64 *dims, gint64 *shrunk,
                         guint32 *vary)
{
    guint i = 0, o = 0;
    *vary = 0;
    while (i < from->rank || o < rank) {
        guint i0 = i, o0 = o;
        gint64 a = i < from->rank ? from->dims[i++] : 1, b = o < rank ? dims[o++] : 1;
        while (a != b && (i < from->rank || o < rank)) {
            if (a < b ? i < from->rank : o >= rank)
                a *= from->dims[i++];
            else
                b *= dims[o++];
        }
        gboolean differs = FALSE;
        for (guint k = i0; k < i; k++)
            differs |= from->strides[k] != 0 && from->dims[k] > 1;
        for (guint k = i0; k < i; k++)
            shrunk[k] = differs ? from->dims[k] : 1;
        for (guint k = o0; differs && k < o; k++)
            *vary |= 1u << k;
    }
}

gboolean fovea_reach_reshape(const FoveaView *from, guint rank, const gint64 *dims,
                             FoveaReachField *to, GError **error)
{
    gint64 shrunk[FOVEA_MAX_RANK] = {0}, count;
    guint32 vary;
    if (fovea_view_count(from) == 0)
        return fovea_reach_field_new(to, rank, dims, 0, error);
    match_groups(from, rank, dims, shrunk, &vary);
    if (!fovea_reach_field_new(to, rank, dims, vary, error))
        return FALSE;
    if (!fovea_shape_count(from->rank, shrunk, &count) || count > FIELD_MAX) {
        /* Too large to be told apart: all of it for everybody. */
        FoveaView one = *from;
        gint64 none[FOVEA_MAX_RANK] = {0};
        memset(to->view.strides, 0, sizeof to->view.strides);
        fovea_reach_join(one.rank, one.dims, one.data, one.strides, to->view.data, none);
        return TRUE;
    }
    const gint64 *strides[] = {from->strides};
    const FoveaReachBox *boxes = from->data;
    FoveaReachBox *out = to->view.data;
    FoveaWalk walk;
    fovea_walk_init(&walk, from->rank, shrunk, 1, strides);
    do {
        *out++ = boxes[walk.at[0]];
    } while (fovea_walk_next(&walk));
    return TRUE;
}
