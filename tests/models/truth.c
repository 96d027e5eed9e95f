/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "truth.h"

static FoveaTensor *answer(Truth *t)
{
    g_autoptr(GError) error = NULL;
    fovea_session_set_input(t->session, 0, t->picture, &error);
    g_assert_no_error(error);
    fovea_session_run(t->session, &error);
    g_assert_no_error(error);
    FoveaTensor *out = fovea_session_get_output(t->session, 0, &error);
    g_assert_no_error(error);
    return out;
}

void truth_make(Truth *t, FoveaPlan *plan, const FoveaReach *reach)
{
    g_autoptr(GError) error = NULL;
    const gint64 *dims = fovea_plan_input(plan, 0)->dims;
    GRand *random = g_rand_new_with_seed(5);
    *t = (Truth){.plan = plan,
                 .width = (gint)dims[3],
                 .height = (gint)dims[2],
                 .scale_x = reach->scale_x,
                 .scale_y = reach->scale_y};
    t->session = fovea_session_new(t->plan, &error);
    g_assert_no_error(error);
    t->picture = fovea_tensor_new(FOVEA_DTYPE_F32, 4, dims, &error);
    g_assert_no_error(error);
    float *values = fovea_tensor_data_mut(t->picture);
    for (gsize i = 0; i < fovea_tensor_n_elements(t->picture); i++)
        values[i] = (float)g_rand_double(random);
    g_rand_free(random);
    t->base = answer(t);
}

void truth_clear(Truth *t)
{
    fovea_tensor_unref(t->base);
    fovea_tensor_unref(t->picture);
    fovea_session_free(t->session);
    fovea_plan_unref(t->plan);
}

FoveaRect truth_changed_by(Truth *t, gint x, gint y)
{
    float *values = fovea_tensor_data_mut(t->picture), kept[3];
    gsize plane = (gsize)t->width * t->height, at = (gsize)y * t->width + x;
    for (guint c = 0; c < 3; c++) {
        kept[c] = values[c * plane + at];
        values[c * plane + at] += c == 1 ? -8 : 8;
    }
    g_autoptr(FoveaTensor) out = answer(t);
    for (guint c = 0; c < 3; c++)
        values[c * plane + at] = kept[c];
    const float *a = fovea_tensor_data(t->base), *b = fovea_tensor_data(out);
    gint width = t->width * t->scale_x, height = t->height * t->scale_y;
    FoveaRect rect = {t->width, t->height, 0, 0};
    for (guint c = 0; c < 3; c++) {
        for (gint v = 0; v < height; v++) {
            for (gint u = 0; u < width; u++, a++, b++) {
                gint px = u / t->scale_x, py = v / t->scale_y;
                if (*a == *b)
                    continue;
                rect.x0 = MIN(rect.x0, px);
                rect.y0 = MIN(rect.y0, py);
                rect.x1 = MAX(rect.x1, px + 1);
                rect.y1 = MAX(rect.y1, py + 1);
            }
        }
    }
    return rect;
}

static void travel(Truth *t, gint x, gint y, FoveaReach *far)
{
    FoveaRect rect = truth_changed_by(t, x, y);
    far->left = MAX(far->left, rect.x1 - 1 - x);
    far->top = MAX(far->top, rect.y1 - 1 - y);
    far->right = MAX(far->right, x - rect.x0);
    far->bottom = MAX(far->bottom, y - rect.y0);
}

FoveaReach truth_travelled(Truth *t, const FoveaReach *reach)
{
    FoveaReach far = {0};
    for (gint k = 0; k < MAX(reach->align_x, reach->align_y); k++)
        travel(t, t->width / 2 + k, t->height / 2 + k, &far);
    return far;
}

FoveaReach truth_travelled_anywhere(Truth *t)
{
    FoveaReach far = {0};
    for (gint k = 0; k < MAX(t->width, t->height); k++)
        travel(t, k % t->width, k % t->height, &far);
    return far;
}

gboolean truth_is_enough(const FoveaReach *said, const FoveaReach *far)
{
    return far->left <= said->left && far->top <= said->top && far->right <= said->right &&
           far->bottom <= said->bottom;
}
