/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * `fovea transcribe` from outside, with whisper-tiny.en: what it writes in each format, and what it
 * says where it cannot. The program's path is in FOVEA_COMMAND.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "../support/command.h"
#include "case.h"

static char *folder, *model;

static int transcribe(char **out, char **err, ...) G_GNUC_NULL_TERMINATED;
static int transcribe(char **out, char **err, ...)
{
    va_list args;
    va_start(args, err);
    int status = command_run("transcribe", out, err, args);
    va_end(args);
    return status;
}

/* Status 1, nothing on stdout, one line on stderr that has these words. */
#define expect_failure(words, ...)                                                                 \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *out_ = NULL, *err_ = NULL;                                                \
        int status_ = transcribe(&out_, &err_, __VA_ARGS__, NULL);                                 \
        command_check_failure(status_, out_, err_, words);                                         \
    }                                                                                              \
    G_STMT_END

static char *clip(const char *name)
{
    return g_build_filename(shared_folder(), "media", "speech", name, NULL);
}

static char *contents(const char *name)
{
    GError *error = NULL;
    char *text = NULL;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* What transformers made of a clip. */
static char *golden(const char *name)
{
    GError *error = NULL;
    g_autofree char *path = g_build_filename(shared_folder(), "golden",
                                             "whisper-tiny.en__transcripts.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonObject *all = json_node_get_object(json_parser_get_root(parser));
    return g_strdup(
        json_object_get_string_member(json_object_get_object_member(all, name), "text"));
}

static void test_formats(void)
{
    static const char *const names[] = {"LJ001-0008.txt", "LJ001-0008.srt", "LJ001-0008.vtt",
                                        "LJ001-0008.jsonl"};
    g_autofree char *file = clip("LJ001-0008.flac"), *want = golden("LJ001-0008.flac");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL), *out = NULL, *err = NULL;
        g_assert_cmpint(transcribe(&out, &err, file, "--model", model, "--output", path, NULL), ==,
                        0);
        g_assert_cmpstr(out, ==, "");
        g_assert_nonnull(strstr(err, "times real time"));
        g_autofree char *got = contents(names[i]);
        g_assert_nonnull(strstr(got, want));
        if (i == 0) {
            g_assert_cmpstr(g_strchomp(got), ==, want);
        } else if (i == 1) {
            g_assert_true(g_str_has_prefix(got, "1\n00:00:00,"));
        } else if (i == 2) {
            g_assert_true(g_str_has_prefix(got, "WEBVTT\n\n"));
        } else {
            g_autoptr(JsonNode) node = json_from_string(got, NULL);
            JsonObject *line = json_node_get_object(node);
            g_assert_cmpstr(json_object_get_string_member(line, "text"), ==, want);
            g_assert_true(json_object_get_boolean_member(line, "final"));
            g_assert_cmpint(json_object_get_int_member(line, "pts") +
                                json_object_get_int_member(line, "duration"),
                            <=, 2000000000);
        }
    }
}

/* Two files into a folder; one that is no sound is told, and the other is written all the same. */
static void test_folder(void)
{
    g_autofree char *good = clip("LJ001-0002.flac"), *want = golden("LJ001-0002.flac");
    g_autofree char *bad = g_build_filename(shared_folder(), "media", "photos", "cat_bowl.jpg",
                                            NULL);
    g_autofree char *into = g_strconcat(folder, "/texts/", NULL), *out = NULL, *err = NULL;
    g_assert_cmpint(transcribe(&out, &err, bad, good, "--model", model, "--output", into,
                               "--format", "txt", NULL),
                    ==, 1);
    g_assert_nonnull(strstr(err, "cat_bowl.jpg"));
    g_autofree char *got = contents("texts/LJ001-0002.txt");
    g_assert_cmpstr(g_strchomp(got), ==, want);
}

static void test_refusals(void)
{
    g_autofree char *file = clip("LJ001-0008.flac");
    g_autofree char *document = g_build_filename(folder, "text.doc", NULL);
    expect_failure("at least one file", "--model", model);
    expect_failure("/nowhere.wav", "/nowhere.wav", "--model", model);
    expect_failure("format", file, "--model", model, "--output", document);
    expect_failure("toaster", file, "--model", model, "--device=toaster");
    expect_failure("/nowhere", file, "--model", "/nowhere");
    expect_failure("preprocessor_config.json", file, "--model", folder);
    g_assert_false(g_file_test(document, G_FILE_TEST_EXISTS));
}

static void test_no_shared(void)
{
    g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("fovea-transcribe-XXXXXX", NULL);
    if (shared_folder() == NULL) {
        g_test_add_func("/transcribe-command", test_no_shared);
        return g_test_run();
    }
    model = g_build_filename(shared_folder(), "models", "whisper-tiny.en", NULL);
    g_test_add_func("/transcribe-command/formats", test_formats);
    g_test_add_func("/transcribe-command/folder", test_folder);
    g_test_add_func("/transcribe-command/refusals", test_refusals);
    return g_test_run();
}
