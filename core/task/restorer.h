/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/restorer.h: what lies behind FoveaRestorer and its streams. Internal to the task room.
 */
#pragma once

#include "fovea/task.h"
#include "graph/reach.h"
#include "media/planes.h"
#include "media/preprocess.h"
#include "media/scaler.h"
#include "media/tiles.h"
#include "task/restore-config.h"
#include "task/size-plans.h"

struct FoveaRestorer {
    gatomicrefcount refs;
    FoveaDevice *device;
    FoveaModel *model;
    FoveaRestoreConfig config;
    FoveaPrecision precision;
    FoveaReach reach;
    FoveaRestorerInfo info;
    const char *input, *output; /* names; the model's */
    FoveaDtype dtype;           /* of the input: f32 or u8 */

    /* For a guess at larger sizes, from the plan made at loading: bytes for each pixel of the
     * network's input, of all activations and of the largest one. */
    double bytes_per_pixel, largest_per_pixel;

    FoveaSizePlans plans;
};

/* The plan for a network input of this size, kept or made now (transfer full). */
FoveaPlan *fovea_restorer_plan_for(FoveaRestorer *restorer, gint width, gint height,
                                   const FoveaRestorerStreamParams *params, GError **error);
/* A side that the network takes: `size` padded. */
gint fovea_restorer_padded(const FoveaRestorer *restorer, gint size);
/* Input positions at which tiles may begin. */
gint fovea_restorer_align(const FoveaRestorer *restorer);

/* What the stream has for tiles of one size. */
typedef struct FoveaRestorerShape {
    gint width, height;
    FoveaPlan *plan;
    FoveaSession *session;
    FoveaPreprocess *pre;
    FoveaTensor *tensor; /* NULL where the session maps its input */
    guint input, output;
} FoveaRestorerShape;

struct FoveaRestorerStream {
    FoveaRestorer *restorer;
    gint width, height; /* of the pictures that come in */
    gint scale;
    FoveaTiling across, down; /* of the padded picture */
    FoveaRestorerShape shapes[4];
    guint n_shapes;

    void *raw;  /* a tile's output as the session gives it; NULL: it is f32 */
    float *out; /* three planes of the largest tile */
    float
        *band; /* blended rows of tiles, three planes of band_rows full rows; NULL: tiles are cut */
    gint band_rows, band_y, band_n; /* rows band_y .. band_y + band_n - 1 of the result */
    FoveaScaler *scaler;            /* made when first needed, as the rows for it are */
    float *plain;
    gint64 time_pre, time_plan, time_post;
};

/* The shape of tile (i across, k down). */
FoveaRestorerShape *fovea_restorer_shape(FoveaRestorerStream *stream, guint i, guint k);
