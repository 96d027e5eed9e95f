/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * base.h: tier 0. Errors, log messages, version. Everything else stands on it.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#if defined(_WIN32)
#define FOVEA_API
#else
/** Marks what libfovea exports; everything else is hidden. */
#define FOVEA_API __attribute__((visibility("default")))
#endif

#define FOVEA_VERSION_MAJOR 0
#define FOVEA_VERSION_MINOR 1
#define FOVEA_VERSION_MICRO 0

/** Domain of every GError that libfovea sets. */
#define FOVEA_ERROR (fovea_error_quark())
FOVEA_API GQuark fovea_error_quark(void);

typedef enum FoveaError {
    FOVEA_ERROR_FAILED = 0,  /* none of the others */
    FOVEA_ERROR_IO,          /* a file or socket could not be read or written */
    FOVEA_ERROR_MODEL,       /* the model file is malformed or contradicts itself */
    FOVEA_ERROR_UNSUPPORTED, /* well-formed, but we have no code for it */
    FOVEA_ERROR_SHAPE,       /* shapes or types do not fit together */
    FOVEA_ERROR_ARGUMENT,    /* the caller's argument is wrong */
    FOVEA_ERROR_NEED_VALUE,  /* a shape depends on an input whose value is not bound */
    FOVEA_ERROR_RANGE,       /* an index or scalar is outside its range at run time */
    FOVEA_ERROR_DEVICE,      /* device missing, or it lacks a feature */
    FOVEA_ERROR_DEVICE_LOST, /* the device stopped answering */
    FOVEA_ERROR_NO_MEMORY,   /* host or device memory is exhausted */
    FOVEA_ERROR_CANCELLED,   /* the caller's GCancellable fired */
} FoveaError;

typedef enum FoveaLogLevel {
    FOVEA_LOG_ERROR = 0,
    FOVEA_LOG_WARNING,
    FOVEA_LOG_INFO,
    FOVEA_LOG_DEBUG,
} FoveaLogLevel;

/** Receives one message (no newline at its end). May be called from any thread. */
typedef void (*FoveaLogFunc)(FoveaLogLevel level, const char *room, const char *message,
                             gpointer user_data);

/** Sets the process-wide log callback; NULL restores the default (warnings and errors to stderr;
 *  the environment variable FOVEA_DEBUG=0..3 sets the level of the default). */
FOVEA_API void fovea_log_set(FoveaLogFunc func, gpointer user_data);

/** Called with a stage ("read", "plan", "compile") and its progress 0..1, on the calling thread. */
typedef void (*FoveaProgressFunc)(const char *stage, double fraction, gpointer user_data);

/** "0.1.0", plus the build's description after a space where known. */
FOVEA_API const char *fovea_version(void);

G_END_DECLS
