/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any model that opens may be planned: shape rules, folding, passes and lowering give a plan or an
 * error, whatever the file claims. Nothing is run and no activation memory is taken.
 */
#include "fovea/plan.h"
#include "fuzz.h"
#include "onnx/model-internal.h"

/* Free dimensions are small, so that sizes stay what the file itself makes of them. */
static FoveaPlan *plan(FoveaModel *model, FoveaDevice *cpu, GError **error)
{
    FoveaInputShape shapes[8] = {0};
    guint n = MIN(fovea_model_n_inputs(model), G_N_ELEMENTS(shapes));
    for (guint i = 0; i < n; i++) {
        const FoveaIo *io = fovea_model_input(model, i);
        shapes[i].name = io->name;
        shapes[i].rank = io->rank >= 0 ? (guint)io->rank : 1;
        for (guint k = 0; k < shapes[i].rank; k++)
            shapes[i].dims[k] = io->rank >= 0 && io->dims[k] >= 0 ? io->dims[k] : 2;
    }
    FoveaPlanParams params = {.shapes = shapes, .n_shapes = n};
    return fovea_plan_new(model, cpu, &params, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FoveaDevice *cpu;
    g_autoptr(GError) error = NULL;
    if (cpu == NULL)
        cpu = fovea_device_open("cpu", NULL);
    GBytes *bytes = g_bytes_new(data, size);
    g_autoptr(FoveaModel)
        model = fovea_model_from_bytes(bytes, "fuzz.onnx", NULL, NULL, NULL, &error);
    g_bytes_unref(bytes);
    if (model == NULL)
        return 0;
    g_autoptr(FoveaPlan) made = plan(model, cpu, &error);
    g_assert_true((made != NULL) != (error != NULL));
    return 0;
}
