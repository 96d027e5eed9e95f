/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea transcribe: what is said in recordings and videos, as text or subtitles.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "sound.h"
#include "subtitles.h"

typedef enum Format { FORMAT_TXT, FORMAT_SRT, FORMAT_VTT, FORMAT_JSONL, FORMAT_NONE } Format;
static const char *const format_names[] = {"txt", "srt", "vtt", "jsonl"};

static char *model, *device_name, *precision_name, *format_name, *output;
static const GOptionEntry entries[] = {
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
     "A model folder as transformers.js lays it out (default: whisper-tiny.en)", "FOLDER"},
    {"device", 'd', 0, G_OPTION_ARG_STRING, &device_name,
     "Device: cpu (the default), vulkan or vulkan:N", "DEVICE"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision_name,
     "auto, f32, f16 or bf16 (default auto: f32 on the CPU)", "PRECISION"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
     "Where to write; the ending says the format: .txt, .srt, .vtt, .jsonl (default: print)",
     "OUT"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &format_name,
     "txt, srt, vtt or jsonl, where no ending says it (default txt)", "FORMAT"},
    {NULL},
};

static const char *description =
    "FILE is anything with sound that GStreamer decodes. Text (txt) has a line a sentence or so;\n"
    "srt and vtt are subtitles of two lines of 42 characters; jsonl has a line a phrase:\n"
    "{stream, pts, duration, text, final}, times in nanoseconds. For several files OUT is a "
    "folder,\n"
    "and each gets its name there. Where no --model is named, whisper-tiny.en is looked for in\n"
    "FOVEA_MODELS, models/, ../shared/models and among earlier downloads.\n"
    "\nExamples:\n"
    "  fovea transcribe talk.mp4 --output talk.srt\n"
    "  fovea transcribe *.wav --output texts/ --format txt\n";

typedef struct Work {
    FoveaDevice *device;
    FoveaTranscriber *transcriber;
    FoveaTranscriberStream *stream;
    GArray *phrases;
    Format format;
    gboolean folder; /* OUT is one */
} Work;

static gboolean prepare(Work *work, GError **error)
{
    FoveaTranscriberParams params = {.progress = command_progress};
    if (precision_name && !fovea_precision_parse(precision_name, &params.precision, error))
        return FALSE;
    g_autofree char *found = fovea_find_model("transcribe", model, error);
    if (found == NULL)
        return FALSE;
    params.model = found;
    work->phrases = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    work->device = fovea_device_open(device_name, error);
    if (work->device == NULL)
        return FALSE;
    work->transcriber = fovea_transcriber_new(work->device, &params, error);
    command_progress_end();
    if (work->transcriber == NULL)
        return FALSE;
    work->stream = fovea_transcriber_stream_new(work->transcriber, NULL, error);
    return work->stream != NULL;
}

static void work_clear(Work *work)
{
    fovea_transcriber_stream_free(work->stream);
    fovea_transcriber_unref(work->transcriber);
    g_clear_pointer(&work->device, fovea_device_unref);
    g_clear_pointer(&work->phrases, g_array_unref);
}

/* ---- formats ---- */

static void append_lines(GString *out, const GArray *phrases, const char *path)
{
    g_autofree char *name = g_path_get_basename(path), *stream = command_json_string(name);
    for (guint i = 0; i < phrases->len; i++) {
        const FoveaPhrase *p = &g_array_index(phrases, FoveaPhrase, i);
        g_autofree char *text = command_json_string(p->text);
        g_string_append_printf(
            out,
            "{\"stream\": %s, \"pts\": %" G_GINT64_FORMAT ", \"duration\": %" G_GINT64_FORMAT
            ", \"text\": %s, \"final\": %s}\n",
            stream, p->start, p->end - p->start, text, p->final ? "true" : "false");
    }
}

static char *in_format(const Work *work, const char *path)
{
    GString *out = g_string_new(NULL);
    const GArray *phrases = work->phrases;
    if (work->format == FORMAT_JSONL)
        append_lines(out, phrases, path);
    else if (work->format != FORMAT_TXT)
        subtitles_append(out, phrases, work->format == FORMAT_VTT);
    for (guint i = 0; work->format == FORMAT_TXT && i < phrases->len; i++)
        g_string_append_printf(out, "%s\n", g_array_index(phrases, FoveaPhrase, i).text);
    return g_string_free(out, FALSE);
}

/* ---- files ---- */

static Format format_of(const char *name)
{
    for (guint i = 0; name && i < G_N_ELEMENTS(format_names); i++)
        if (g_ascii_strcasecmp(name, format_names[i]) == 0)
            return (Format)i;
    return FORMAT_NONE;
}

/* OUT, or OUT/NAME.srt where OUT is a folder (transfer full). */
static char *output_path(const Work *work, const char *path)
{
    if (!work->folder)
        return g_strdup(output);
    g_autofree char *name = g_path_get_basename(path);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = 0;
    g_autofree char *file = g_strdup_printf("%s.%s", name, format_names[work->format]);
    return g_build_filename(output, file, NULL);
}

/* A file is written under another name and then renamed; what is no ordinary file is written to. */
static gboolean write_out(const char *to, const char *text, GError **error)
{
    gboolean special = g_file_test(to, G_FILE_TEST_EXISTS) &&
                       !g_file_test(to, G_FILE_TEST_IS_REGULAR);
    if (!special)
        return g_file_set_contents(to, text, -1, error);
    FILE *file = fopen(to, "w");
    gboolean ok = file && fputs(text, file) >= 0;
    ok = file && fclose(file) == 0 && ok;
    if (!ok)
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s could not be written", to);
    return ok;
}

static gboolean transcribe(Work *work, const char *path, gboolean name_it, GError **error)
{
    Sound sound;
    FoveaTranscribeWholeParams params = {.timestamps = work->format != FORMAT_TXT,
                                         .progress = command_progress};
    if (!sound_read(path, FOVEA_TRANSCRIBE_RATE, &sound, error))
        return FALSE;
    gint64 start = g_get_monotonic_time();
    gboolean ok = fovea_transcriber_stream_whole(work->stream, sound.samples, sound.n, &params,
                                                 work->phrases, error);
    double took = (double)(g_get_monotonic_time() - start) * 1e-6;
    double seconds = (double)sound.n / FOVEA_TRANSCRIBE_RATE;
    sound_clear(&sound);
    command_progress_end();
    if (!ok)
        return FALSE;
    g_autofree char *text = in_format(work, path);
    fprintf(stderr, "fovea: %s: %.1f s of sound in %.1f s, %.1f times real time\n", path, seconds,
            took, seconds / MAX(took, 1e-3));
    if (output == NULL || g_str_equal(output, "-")) {
        if (name_it && work->format == FORMAT_TXT)
            printf("%s:\n", path);
        fputs(text, stdout);
        return TRUE;
    }
    g_autofree char *to = output_path(work, path);
    return write_out(to, text, error);
}

/* What OUT and --format mean together. */
static int choose_format(Work *work, int files)
{
    const char *dot = output ? strrchr(output, '.') : NULL;
    gboolean prints = output == NULL || g_str_equal(output, "-");
    work->format = format_name ? format_of(format_name) : FORMAT_TXT;
    if (work->format == FORMAT_NONE)
        return command_fail_with("--format is txt, srt, vtt or jsonl, not %s", format_name);
    if (!prints && files > 1 && g_mkdir_with_parents(output, 0777) != 0)
        return command_fail_with("The folder %s for the texts cannot be made: %s", output,
                                 g_strerror(errno));
    work->folder = !prints && g_file_test(output, G_FILE_TEST_IS_DIR);
    if (prints || work->folder)
        return 0;
    if (format_name == NULL && dot != NULL && format_of(dot + 1) != FORMAT_NONE)
        work->format = format_of(dot + 1);
    else if (format_name == NULL)
        return command_fail_with("%s says no format: it ends in none of .txt, .srt, .vtt and "
                                 ".jsonl, and there is no --format",
                                 output);
    return 0;
}

int command_transcribe(int argc, char **argv)
{
    GError *error = NULL;
    Work work = {0};
    if (!command_parse(&argc, &argv, "FILE...", "Writes down what is said in sound and videos.",
                       description, entries))
        return 1;
    if (argc < 2)
        return command_fail_with("`fovea transcribe` wants at least one file");
    if (choose_format(&work, argc - 1) != 0)
        return 1;
    gboolean ok = prepare(&work, &error);
    int status = ok ? 0 : command_fail(error);
    for (int i = 1; ok && i < argc; i++) {
        error = NULL;
        if (!transcribe(&work, argv[i], argc > 2, &error))
            status = command_fail(error); /* the other files still count */
    }
    work_clear(&work);
    return status;
}
