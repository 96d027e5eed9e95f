/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Any bytes may come as a model: opening them succeeds or gives an error, and never reads outside.
 * Built as a libFuzzer target (-Dfuzz=true, clang), and with replay.c as a test of the corpus.
 */
#include "fuzz.h"
#include "onnx/model-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    /* A copy of exactly this size, so that a read past its end is seen. */
    GBytes *bytes = g_bytes_new(data, size);
    g_autoptr(FoveaModel)
        model = fovea_model_from_bytes(bytes, "fuzz.onnx", NULL, NULL, NULL, &error);
    g_bytes_unref(bytes);
    g_assert_true((model != NULL) != (error != NULL));
    if (model != NULL)
        g_free(fovea_model_describe(model));
    return 0;
}
