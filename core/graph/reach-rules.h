/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/reach-rules.h: what each operator does to the boxes of its inputs. Internal to the search of
 * graph/reach.h.
 */
#pragma once

#include "graph/reach-field.h"

typedef enum FoveaReachDone {
    FOVEA_REACH_DONE,
    FOVEA_REACH_ALL,    /* no rule says it: each element depends on all of all inputs */
    FOVEA_REACH_FAILED, /* NO_MEMORY */
} FoveaReachDone;

/* Fields of the outputs from those of the inputs (an absent input's view has memory NULL; absent
 * outputs are skipped). All shapes are numbers. On ALL and FAILED no output has been made. */
typedef FoveaReachDone (*FoveaReachRule)(const FoveaNode *node, const FoveaReachField *in,
                                         FoveaReachField *out, GError **error);

/* NULL: none. */
FoveaReachRule fovea_reach_rule(const FoveaNode *node);

/* Rules in files of their own. */
FoveaReachDone fovea_reach_conv(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_conv_transpose(const FoveaNode *node, const FoveaReachField *in,
                                          FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_pool(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_resize(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_view(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_flat(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_expand(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_concat(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_gather(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_depth(const FoveaNode *node, const FoveaReachField *in,
                                 FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_pad(const FoveaNode *node, const FoveaReachField *in,
                               FoveaReachField *out, GError **error);
FoveaReachDone fovea_reach_moved(const FoveaNode *node, const FoveaReachField *in,
                                 FoveaReachField *out, GError **error);

/* Sizes of a value, all numbers. */
static inline void fovea_reach_dims(const FoveaValue *value, gint64 *dims)
{
    for (gint i = 0; i < value->rank; i++)
        dims[i] = value->dims[i].c;
}
