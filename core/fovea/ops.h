/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops.h: tier 5. The operators one by one: what there is, running one alone, and checking the kernels
 * of a device.
 */
#pragma once

#include "plan.h"

G_BEGIN_DECLS

/** Every operator and attention variant: a JSON array of
 *  {name, kind: operator|attention|variant, systems: [...], devices: [...]} (transfer full).
 *  `devices` names cpu, and vulkan where at least one form of it has a kernel there. */
FOVEA_API char *fovea_ops_describe(void);

/** One attribute of a single operator: its text is parsed as an integer, a list of integers
 *  ("1,2,3"), a number, a list of numbers, or else taken as a string. */
typedef struct FoveaOpAttr {
    const char *name;
    const char *text;
} FoveaOpAttr;

/** Runs operator `name` once. inputs[i] may be NULL (absent optional input). n_outputs 0 means as
 *  many as the operator must have. Returns the outputs as a GPtrArray of FoveaTensor* (transfer
 *  full). Errors: ARGUMENT (no such operator), and those of plans and sessions. */
FOVEA_API GPtrArray *fovea_op_run(const char *name, FoveaDevice *device, FoveaPrecision precision,
                                  const FoveaOpAttr *attrs, guint n_attrs,
                                  FoveaTensor *const *inputs, guint n_inputs, guint n_outputs,
                                  GError **error);

/** One line of a self-test: a kernel case that ran. worst is |error| over the output's range. */
typedef void (*FoveaSelftestFunc)(const char *op, guint index, gboolean passed, double worst,
                                  const char *message, gpointer user_data);

/** Runs every operator's cases on the device and compares with the double-precision reference.
 *  only NULL: all operators. Returns the number of failures, or -1 with an error when the device
 *  cannot be used at all. *n_cases gets the number that ran. */
FOVEA_API gint fovea_selftest(FoveaDevice *device, FoveaPrecision precision, const char *only,
                              FoveaSelftestFunc func, gpointer user_data, guint *n_cases,
                              GError **error);

G_END_DECLS
