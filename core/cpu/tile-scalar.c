/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tile evaluator's path for expressions that have no vector form: element by element.
 */
#include "cpu/tile.h"

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

void fovea_tile_run_scalar(const FoveaTileProgram *program, const FoveaView *wide,
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
