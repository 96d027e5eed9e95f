/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <stdlib.h>

#include "fovea/task.h"
#include "task/find-model.h"

#define LEVELS 5 /* folders above libfovea that are looked at: lib/x86_64-linux-gnu and below */
#define MAX_NAMES 4

/* What the default models are called, best first; what a folder holds them in may be left out. */
static const struct {
    const char *task;
    const char *names[MAX_NAMES + 1];
    const char *hint;
} defaults[] = {
    {"detect",
     {"deimv2/deimv2_hgnetv2_femto_coco.onnx", "deimv2_hgnetv2_femto_coco.onnx",
      "deimv2/deimv2_hgnetv2_atto_coco.onnx", "deimv2_hgnetv2_atto_coco.onnx"},
     "pipelines/find-model.sh fetches it"},
    {"restore",
     {"fovea-restore-x2/fovea-restore-x2.onnx", "fovea-restore-x2.onnx"},
     "it lies in models/ of Fovea's sources"},
    {"transcribe",
     {"whisper-tiny.en"},
     "it is the folder onnx-community/whisper-tiny.en of the Hugging Face hub"},
};

/* The folder of the file that this code was loaded from (transfer full), or NULL. */
static char *own_folder(void)
{
    Dl_info info;
    char *path = NULL;
    if (dladdr((void *)(gsize)fovea_model_folders, &info) && info.dli_fname)
        path = realpath(info.dli_fname, NULL);
    if (!path) /* linked statically, and started by another name than the file's */
        path = realpath("/proc/self/exe", NULL);
    if (!path)
        return NULL;
    char *folder = g_path_get_dirname(path);
    free(path);
    return folder;
}

char **fovea_model_folders(void)
{
    const char *models = g_getenv("FOVEA_MODELS"), *shared = g_getenv("FOVEA_SHARED");
    GPtrArray *found = g_ptr_array_new();
    GPtrArray *later = g_ptr_array_new();
    char **named = g_strsplit(models ? models : "", G_SEARCHPATH_SEPARATOR_S, -1);
    for (guint i = 0; named[i]; i++)
        if (*named[i])
            g_ptr_array_add(found, g_strdup(named[i]));
    g_strfreev(named);
    char *above = own_folder();
    for (guint i = 0; above && i < LEVELS && strcmp(above, "/") != 0; i++) {
        g_ptr_array_add(found, g_build_filename(above, "share", "fovea", "models", NULL));
        g_ptr_array_add(found, g_build_filename(above, "models", NULL));
        if (!shared)
            g_ptr_array_add(later, g_build_filename(above, "shared", "models", NULL));
        char *up = g_path_get_dirname(above);
        g_free(above);
        above = up;
    }
    g_free(above);
    if (shared)
        g_ptr_array_add(later, g_build_filename(shared, "models", NULL));
    g_ptr_array_add(later, g_build_filename(g_get_user_cache_dir(), "fovea", "models", NULL));
    g_ptr_array_extend_and_steal(found, later);
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(found, FALSE);
}

static char *not_found(guint task, const char *const *folders, GError **error)
{
    GString *where = g_string_new(NULL);
    for (guint i = 0; folders[i]; i++)
        if (g_file_test(folders[i], G_FILE_TEST_IS_DIR))
            g_string_append_printf(where, "%s%s", where->len ? ", " : "", folders[i]);
    const char *slash = strrchr(defaults[task].names[0], '/');
    fovea_fail(error, FOVEA_ERROR_IO,
               "No model was named, and the default for \"%s\", %s, was not found%s%s: name an "
               ".onnx file or a model folder, or set FOVEA_MODELS to the folder that has the "
               "default (%s).",
               defaults[task].task, slash ? slash + 1 : defaults[task].names[0],
               where->len ? " in " : "", where->str, defaults[task].hint);
    g_string_free(where, TRUE);
    return NULL;
}

char *fovea_default_model(const char *task, const char *const *folders, GError **error)
{
    for (guint t = 0; t < G_N_ELEMENTS(defaults); t++) {
        if (strcmp(defaults[t].task, task) != 0)
            continue;
        for (guint i = 0; folders[i]; i++)
            for (guint n = 0; defaults[t].names[n]; n++) {
                char *path = g_build_filename(folders[i], defaults[t].names[n], NULL);
                if (g_file_test(path, G_FILE_TEST_EXISTS))
                    return path;
                g_free(path);
            }
        return not_found(t, folders, error);
    }
    fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no default model for \"%s\".", task);
    return NULL;
}

char *fovea_find_model(const char *task, const char *model, GError **error)
{
    if (!model || !*model) {
        char **folders = fovea_model_folders();
        char *found = fovea_default_model(task, (const char *const *)folders, error);
        g_strfreev(folders);
        return found;
    }
    if (g_file_test(model, G_FILE_TEST_EXISTS))
        return g_strdup(model);
    fovea_fail(error, FOVEA_ERROR_IO, "There is no model at \"%s\": neither a file nor a folder.",
               model);
    return NULL;
}
