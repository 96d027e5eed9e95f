/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * session.h: tier 5. What one stream owns: activation memory and state. One thread at a time.
 *
 * Nothing is allocated, compiled or recorded by set_input, run and read_output after the first run.
 */
#pragma once

#include "plan.h"

G_BEGIN_DECLS

typedef struct FoveaSession FoveaSession;

/** Errors: NO_MEMORY, DEVICE_LOST. */
FOVEA_API FoveaSession *fovea_session_new(FoveaPlan *plan, GError **error);
FOVEA_API void fovea_session_free(FoveaSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaSession, fovea_session_free)
FOVEA_API FoveaPlan *fovea_session_plan(FoveaSession *session);

/** Copies the tensor in, converting its element type where the plan stores another. Its shape must
 *  be the plan's; in bounded dimensions it sets the scalar, which must then agree in all inputs.
 *  Errors: SHAPE, RANGE (above the capacity; an integer that does not fit the device). */
FOVEA_API gboolean fovea_session_set_input(FoveaSession *session, guint index,
                                           const FoveaTensor *tensor, GError **error);
/** Host memory of a static f32 or 8-bit input in C order, to be written in place of set_input
 *  before each run (NULL: not mappable, use set_input). */
FOVEA_API void *fovea_session_map_input(FoveaSession *session, guint index);

/** State: after each run, output `output` becomes input `input` of the next, in place where the
 *  graph appends along a bounded dimension. The input's first value comes from set_input. The state
 *  moves on with the next set_input or run: read the outputs before. */
FOVEA_API gboolean fovea_session_carry(FoveaSession *session, guint output, guint input,
                                       GError **error);

/** Runs once and waits. Errors: ARGUMENT (an input was never set), RANGE (an index was outside its
 *  tensor, or state is at its capacity), DEVICE_LOST, NO_MEMORY. After RANGE the state is as it was before the call. */
FOVEA_API gboolean fovea_session_run(FoveaSession *session, GError **error);
/** The same in two halves: submit queues the run, wait ends it. One run in flight a session. */
FOVEA_API gboolean fovea_session_submit(FoveaSession *session, GError **error);
FOVEA_API gboolean fovea_session_wait(FoveaSession *session, GError **error);

/** The output's shape in the last run. dims has room for FOVEA_MAX_RANK. Returns the rank. */
FOVEA_API guint fovea_session_output_shape(FoveaSession *session, guint index, gint64 *dims);
/** Copies an output of the last run to data (C order, the model's element type).
 *  Errors: ARGUMENT when size is not the output's. */
FOVEA_API gboolean fovea_session_read_output(FoveaSession *session, guint index, void *data,
                                             gsize size, GError **error);
/** The same as a new tensor (this one allocates). */
FOVEA_API FoveaTensor *fovea_session_get_output(FoveaSession *session, guint index, GError **error);

/** Time of the last run on the device by kernel class, in nanoseconds, where the session was made
 *  with FOVEA_PROFILE=1 in the environment: a JSON object (transfer full), or NULL. */
FOVEA_API char *fovea_session_profile(FoveaSession *session);

G_END_DECLS
