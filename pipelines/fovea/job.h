/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model made ready to run from the options that run, bench and inspect share.
 */
#pragma once

#include "command.h"

/* Zero is the default; strings belong to GOption. */
typedef struct JobOptions {
    char *device;     /* NULL: cpu */
    char *precision;  /* NULL: auto */
    char **inputs;    /* NAME=FILE.npy */
    char **shapes;    /* NAME=1x3x320x320 */
    char **bounds;    /* NAME=CAPACITY */
    char *outputs;    /* a,b */
    gboolean make_up; /* inputs that are not given are made up, not an error */
} JobOptions;

/* The entries of JobOptions for a GOptionEntry array of its own group. */
extern JobOptions job_options;
#define JOB_ENTRIES                                                                                \
    {"device",                                                                                     \
     'd',                                                                                          \
     0,                                                                                            \
     G_OPTION_ARG_STRING,                                                                          \
     &job_options.device,                                                                          \
     "Device: cpu (the default), vulkan or vulkan:N",                                              \
     "DEVICE"},                                                                                    \
        {"precision",                                                                              \
         'p',                                                                                      \
         0,                                                                                        \
         G_OPTION_ARG_STRING,                                                                      \
         &job_options.precision,                                                                   \
         "auto, f32, f16 or bf16 (default auto: f32 on the CPU)",                                  \
         "PRECISION"},                                                                             \
        {"input",                                                                                  \
         'i',                                                                                      \
         0,                                                                                        \
         G_OPTION_ARG_FILENAME_ARRAY,                                                              \
         &job_options.inputs,                                                                      \
         "Value of an input, from a .npy file",                                                    \
         "NAME=FILE.npy"},                                                                         \
        {"shape",                                                                                  \
         's',                                                                                      \
         0,                                                                                        \
         G_OPTION_ARG_STRING_ARRAY,                                                                \
         &job_options.shapes,                                                                      \
         "Shape of an input that is not given (it is made up)",                                    \
         "NAME=1x3x320x320"},                                                                      \
        {"bound",                                                                                  \
         'b',                                                                                      \
         0,                                                                                        \
         G_OPTION_ARG_STRING_ARRAY,                                                                \
         &job_options.bounds,                                                                      \
         "A named dimension that may change up to CAP",                                            \
         "NAME=CAP"},                                                                              \
    {                                                                                              \
        "outputs", 0, 0, G_OPTION_ARG_STRING, &job_options.outputs,                                \
            "Compute these values of the graph only", "NAME,..."                                   \
    }

typedef struct Job {
    FoveaDevice *device;
    FoveaModel *model;
    FoveaPrecision precision;
    FoveaPlan *plan;
    FoveaSession *session;
    GHashTable *tensors; /* input name -> FoveaTensor, as given */
    GArray *shapes;      /* FoveaInputShape */
    GArray *values;      /* FoveaInputValue */
    GArray *bounds;      /* FoveaBoundedDim */
    GPtrArray *names;    /* strings that the arrays above point to */
    char **outputs;
    double open_ms, plan_ms;
} Job;

/* The steps, in order; each returns FALSE with an error. job_clear frees what there is. */
gboolean job_open(Job *job, const char *model, GError **error);
gboolean job_plan(Job *job, GError **error);
gboolean job_fill(Job *job, GError **error);
void job_clear(Job *job);

/* "[1,3,S,?]" of a declared input or output (transfer full). */
char *job_shape_text(const FoveaIo *io);
