/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea-model.h: the model of an element: which one, loaded once for all elements that want it.
 */
#pragma once

#include "common/fovea-element.h"
#include "common/fovea-shared.h"

G_BEGIN_DECLS

/* Path of the model: what the property names, else the default of the class's task (transfer
 * full). NULL with an error. */
char *fovea_element_find_model(FoveaElement *self, GError **error);
/* Fits FoveaElementClass.check: there is such a model. */
gboolean fovea_element_check_model(FoveaElement *self, GError **error);

/* What is to be made. */
typedef struct FoveaModelRequest {
    FoveaElement *element; /* progress is posted as its own */
    const char *model;
    const char *extra; /* or NULL */
    FoveaDevice *device;
    FoveaPrecision precision;
    GCancellable *cancellable;
} FoveaModelRequest;
typedef gpointer (*FoveaModelMake)(const FoveaModelRequest *request, GError **error);

/* For load(): the object of this model, device, precision and `extra` (a property that it depends
 * on, or NULL), made where no element has it yet. A model file that was replaced since is another
 * one. NULL with an error. */
FoveaShared *fovea_element_share_model(FoveaElement *self, const char *extra, FoveaModelMake make,
                                       GDestroyNotify destroy, GCancellable *cancellable,
                                       GError **error);

G_END_DECLS
