/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which model is taken where none is named, and what is said where there is none.
 */
#include <glib/gstdio.h>
#include <unistd.h>

#include "folder.h"
#include "fovea/task.h"
#include "task/find-model.h"

static char *root;

static char *make(const char *name)
{
    char *path = g_build_filename(root, name, NULL), *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    g_free(folder);
    return path;
}

static char *find(const char *task, const char *model)
{
    GError *error = NULL;
    char *path = fovea_find_model(task, model, &error);
    g_assert_no_error(error);
    return path;
}

static void expect_failure(const char *task, const char *model, FoveaError code, const char *words)
{
    GError *error = NULL;
    g_assert_null(fovea_find_model(task, model, &error));
    expect_refusal(error, code, words);
    g_error_free(error);
}

static void test_named(void)
{
    char *file = make("named/a.onnx"), *found = find("detect", file);
    g_assert_cmpstr(found, ==, file);
    expect_failure("detect", "/no/such.onnx", FOVEA_ERROR_IO, "no model at \"/no/such.onnx\"");
    expect_failure("juggle", NULL, FOVEA_ERROR_ARGUMENT, "juggle");
    g_free(found);
    g_free(file);
}

/* The first folder that has one; in it the better of two. */
static void test_order(void)
{
    char *atto = make("one/deimv2_hgnetv2_atto_coco.onnx");
    char *femto = make("two/deimv2/deimv2_hgnetv2_femto_coco.onnx");
    char *other = make("two/deimv2/deimv2_hgnetv2_atto_coco.onnx");
    char *restore = make("two/fovea-restore-x2/fovea-restore-x2.onnx");
    char *both = g_strdup_printf("/no/such::%s/one:%s/two", root, root);
    char *second = g_strdup_printf("%s/two", root);
    g_setenv("FOVEA_MODELS", both, TRUE);
    char *found = find("detect", NULL);
    g_assert_cmpstr(found, ==, atto);
    g_free(found);
    found = find("restore", "");
    g_assert_cmpstr(found, ==, restore);
    g_free(found);
    g_setenv("FOVEA_MODELS", second, TRUE);
    found = find("detect", "");
    g_assert_cmpstr(found, ==, femto);
    g_free(found);
    g_unsetenv("FOVEA_MODELS");
    g_free(second);
    g_free(both);
    g_free(restore);
    g_free(other);
    g_free(femto);
    g_free(atto);
}

/* The sentence names the file, the folders that exist, and what to do. */
static void test_none(void)
{
    const char *folders[] = {"/no/such", root, NULL};
    GError *error = NULL;
    g_assert_null(fovea_default_model("transcribe", folders, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "whisper-tiny.en"));
    g_assert_nonnull(strstr(error->message, root));
    g_assert_null(strstr(error->message, "/no/such"));
    g_assert_nonnull(strstr(error->message, "FOVEA_MODELS"));
    g_error_free(error);
}

/* Built in its sources, Fovea finds its own models/; FOVEA_SHARED stands for ../shared. */
static void test_folders(void)
{
    g_setenv("FOVEA_SHARED", "/somewhere/else", TRUE);
    char **folders = fovea_model_folders();
    char *own = g_canonicalize_filename(FOVEA_SOURCE_ROOT "/models", NULL);
    g_assert_true(g_strv_contains((const char *const *)folders, own));
    g_assert_true(g_strv_contains((const char *const *)folders, "/somewhere/else/models"));
    g_strfreev(folders);
    g_free(own);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_unsetenv("FOVEA_MODELS");
    root = g_dir_make_tmp("fovea-find-XXXXXX", NULL);
    g_test_add_func("/find-model/named", test_named);
    g_test_add_func("/find-model/order", test_order);
    g_test_add_func("/find-model/none", test_none);
    g_test_add_func("/find-model/folders", test_folders);
    int result = g_test_run();
    char *command[] = {"rm", "-r", root, NULL};
    g_spawn_sync(NULL, command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
    g_free(root);
    return result;
}
