/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A golden or zoo entry of $FOVEA_SHARED: a model, inputs, and what must come out.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "compare.h"

typedef struct NamedTensor {
    char *name;
    FoveaTensor *tensor;
} NamedTensor;

typedef struct Case {
    char *folder, *model;       /* paths */
    GArray *inputs, *outputs;   /* NamedTensor */
    double atol, rtol;          /* of f32, where meta.json gives them, else 0 */
    JsonObject *atol_by_output; /* or NULL */
    gboolean topk_rows;
    JsonParser *parser; /* keeps meta.json */
} Case;

/* Loads golden/NAME or zoo/NAME; second takes the entry's `alt` run. */
gboolean case_load(Case *c, const char *kind, const char *name, gboolean second, GError **error);
void case_clear(Case *c);
/* TRUE where meta.json has a second run. */
gboolean case_has_second(const Case *c);
FoveaTensor *case_output(const Case *c, const char *name);
void case_tolerance(const Case *c, const char *output, FoveaPrecision precision, Tolerance *t);

/* Plan parameters that give all inputs; the arrays belong to the caller (g_free). */
void case_params(const Case *c, FoveaPlanParams *params);
/* Sets every input that the session still wants. */
gboolean case_set_inputs(const Case *c, FoveaSession *session, GError **error);
/* $FOVEA_SHARED, or ../shared beside the project; NULL: there is none. */
const char *shared_folder(void);
/* The device; NULL, and the test is skipped, where there is no such GPU. The CPU is always there. */
FoveaDevice *open_or_skip(const char *device);
