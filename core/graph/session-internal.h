/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/session-internal.h: what lies behind FoveaSession, and moving values from one session to
 * another without going through the caller's memory. Internal.
 */
#pragma once

#include "fovea/session.h"
#include "graph/plan-internal.h"

typedef struct FoveaCarry {
    guint output, input;
    gboolean in_place; /* both share memory: only the size moves on */
    guint8 *spare;     /* else: room for the value between the two */
    guint rank;        /* of the output in the run that ended */
    gint64 dims[FOVEA_MAX_RANK];
} FoveaCarry;

typedef struct FoveaInputState {
    gboolean given;
    gint64 scalars[FOVEA_MAX_SCALARS]; /* what its shape says; -1: nothing */
    void *mapped;                      /* memory handed out by map_input, or NULL */
    gboolean mapped_is_arena;
} FoveaInputState;

struct FoveaSession {
    FoveaPlan *plan;
    FoveaInstance instance;
    gpointer device_arena;
    FoveaInputState *inputs;
    GArray *carries; /* FoveaCarry */
    gboolean in_flight;
    gboolean carry_due;  /* a run has ended and its state has not moved on */
    GHashTable *profile; /* class -> guint64*, where FOVEA_PROFILE=1 */
};

/* Moves carried state on after a run; nothing where that has happened. */
gboolean fovea_session_settle(FoveaSession *session, GError **error);
/* The scalars that this shape of the input means go to `scalars` (-1: not said). */
gboolean fovea_session_read_scalars(const FoveaPlan *plan, guint index, guint rank,
                                    const gint64 *dims, gint64 *scalars, GError **error);
/* Sets the session's scalars from those of one input and refreshes the views where they changed. */
void fovea_session_take_scalars(FoveaSession *session, const gint64 *scalars);

/* An output of the last run of `from` becomes an input of `to`, as by read_output and set_input, but
 * it stays on the device where both are there. The sessions are different ones of one device.
 * Errors: ARGUMENT, SHAPE, RANGE, DEVICE_LOST, NO_MEMORY. */
gboolean fovea_session_feed(FoveaSession *to, guint input, FoveaSession *from, guint output,
                            GError **error);
/* State carried in place along the scalar of this name becomes shorter: its first `size` stay.
 * Errors: ARGUMENT (no such scalar, or longer than it is). */
gboolean fovea_session_truncate(FoveaSession *session, const char *scalar, gint64 size,
                                GError **error);
