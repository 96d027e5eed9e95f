/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea restore: pictures, folders of pictures, and videos with their sound.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "picture.h"
#include "restore.h"

static RestoreOptions options = {.strength = 1, .quality = -1};
static char *output, *model_name;
static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
     "The result (.png, .jpg; .mp4, .mkv), or a folder for several", "OUT"},
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model_name,
     "An .onnx file or a model folder (default: Fovea's own, which doubles)", "MODEL"},
    {"device", 'd', 0, G_OPTION_ARG_STRING, &options.device,
     "Device: cpu (the default), vulkan or vulkan:N", "DEVICE"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &options.precision,
     "auto, f32, f16 or bf16 (default auto: f32 on the CPU)", "PRECISION"},
    {"tile-size", 0, 0, G_OPTION_ARG_INT, &options.tile,
     "Side of the tiles that pictures are cut into (default 0: as memory allows)", "PIXELS"},
    {"tile-overlap", 0, 0, G_OPTION_ARG_INT, &options.overlap,
     "Pixels that tiles share (default 0: as many as the model looks at)", "PIXELS"},
    {"strength", 's', 0, G_OPTION_ARG_DOUBLE, &options.strength,
     "Share of the model's picture; the rest is plain scaling, 0..1 (default 1)", "SHARE"},
    {"compare", 'c', 0, G_OPTION_ARG_STRING, &options.compare_name,
     "Half of the result shows plain scaling: none, vertical or horizontal", "HOW"},
    {"quality", 'q', 0, G_OPTION_ARG_INT, &options.quality,
     "Of video: x264's CRF, 0 (best) to 51 (default 20); of JPEG: 1 to 100 (default 95)", "N"},
    {NULL},
};

static const char *description =
    "A picture is a JPEG or PNG file; it comes out upright, with its alpha (PNG) and its colour\n"
    "profile. A folder stands for the JPEG and PNG files in it. Any other file is taken for a "
    "video;\n"
    "its sound goes along, as it is where the new file can hold it. Nothing broken is left behind\n"
    "where something fails. Where one of several fails, it is named and the others are done.\n"
    "\nExamples:\n"
    "  fovea restore holiday.jpg -o larger.png\n"
    "  fovea restore scans/ -o restored/ --strength=0.8\n"
    "  fovea restore old.mp4 -o new.mp4 --quality=18 --compare=vertical\n";

/* One file and where its result goes. */
typedef struct Job {
    char *in, *out;
    gboolean video;
} Job;

static void job_clear(gpointer data)
{
    Job *job = data;
    g_free(job->in);
    g_free(job->out);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Job *)a)->in, ((const Job *)b)->in);
}

static void add_job(GArray *jobs, const char *in, gboolean into_folder)
{
    Job job = {.in = g_strdup(in), .video = picture_kind(in) == PICTURE_NONE};
    g_autofree char *name = g_path_get_basename(in);
    /* A damaged picture is no video. */
    if (job.video && picture_kind_of_name(in) != PICTURE_NONE)
        job.video = FALSE;
    if (!into_folder) {
        job.out = g_strdup(output);
    } else {
        gboolean kept = !job.video || g_str_has_suffix(name, ".mp4") ||
                        g_str_has_suffix(name, ".mkv");
        g_autofree char *file = kept ? g_strdup(name) : g_strconcat(name, ".mp4", NULL);
        job.out = g_build_filename(output, file, NULL);
    }
    g_array_append_val(jobs, job);
}

/* The pictures of a folder, by name. */
static gboolean add_folder(GArray *jobs, const char *folder, GError **error)
{
    GDir *dir = g_dir_open(folder, 0, error);
    guint first = jobs->len;
    const char *name;
    if (dir == NULL)
        return FALSE;
    while ((name = g_dir_read_name(dir)))
        if (picture_kind_of_name(name) != PICTURE_NONE) {
            g_autofree char *path = g_build_filename(folder, name, NULL);
            add_job(jobs, path, TRUE);
        }
    g_dir_close(dir);
    if (jobs->len > first) {
        qsort(&g_array_index(jobs, Job, first), jobs->len - first, sizeof(Job), by_name);
        return TRUE;
    }
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT, "%s has no JPEG or PNG files", folder);
    return FALSE;
}

static gboolean same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* Files of one name from two folders would end up in one. */
static gboolean check_names(const GArray *jobs, GError **error)
{
    GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
    gboolean ok = TRUE;
    for (guint i = 0; i < jobs->len && ok; i++) {
        const Job *job = &g_array_index(jobs, Job, i);
        ok = g_hash_table_add(seen, job->out);
        if (!ok)
            g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                        "Two results would be called %s: restore these files one by one", job->out);
    }
    g_hash_table_destroy(seen);
    return ok;
}

static gboolean list_jobs(GArray *jobs, int n, char **inputs, GError **error)
{
    gboolean into_folder = n > 1 || g_file_test(output, G_FILE_TEST_IS_DIR);
    for (int i = 0; i < n; i++)
        into_folder |= g_file_test(inputs[i], G_FILE_TEST_IS_DIR);
    if (into_folder && g_mkdir_with_parents(output, 0777) != 0) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "The folder %s cannot be made: %s", output,
                    g_strerror(errno));
        return FALSE;
    }
    for (int i = 0; i < n; i++) {
        if (!g_file_test(inputs[i], G_FILE_TEST_IS_DIR))
            add_job(jobs, inputs[i], into_folder);
        else if (!add_folder(jobs, inputs[i], error))
            return FALSE;
    }
    return check_names(jobs, error);
}

static gboolean run_job(const Job *job, RestorePictures *pictures, GError **error)
{
    if (!g_file_test(job->in, G_FILE_TEST_EXISTS)) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "There is no file %s", job->in);
        return FALSE;
    }
    if (same_file(job->in, job->out)) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT,
                    "%s would be written over: name another result", job->in);
        return FALSE;
    }
    if (job->video)
        return restore_video(&options, job->in, job->out, error);
    return restore_picture(pictures, job->in, job->out, error);
}

/* What the options say, or the reason why not (a sentence). */
static const char *check_options(void)
{
    static const char *const compares[] = {"none", "vertical", "horizontal"};
    gboolean known = options.compare_name == NULL;
    for (guint i = 0; i < G_N_ELEMENTS(compares) && !known; i++)
        if (strcmp(options.compare_name, compares[i]) == 0) {
            options.compare = (RestoreCompare)i;
            known = TRUE;
        }
    if (!known)
        return "--compare wants none, vertical or horizontal";
    if (!(options.strength >= 0 && options.strength <= 1))
        return "--strength wants a number from 0 to 1";
    if (options.tile < 0 || options.overlap < 0)
        return "--tile-size and --tile-overlap want a number of pixels, or 0";
    if (options.quality < -1 || options.quality > 100)
        return "--quality wants a number: 0 to 51 for video, 1 to 100 for JPEG";
    return output == NULL ? "`fovea restore` wants a result to write: -o OUT" : NULL;
}

static int run_jobs(GArray *jobs)
{
    RestorePictures *pictures = NULL;
    int status = 0;
    for (guint i = 0; i < jobs->len; i++) {
        const Job *job = &g_array_index(jobs, Job, i);
        GError *error = NULL;
        if (!job->video && pictures == NULL &&
            (pictures = restore_pictures_new(&options, &error)) == NULL) {
            status = command_fail(error); /* no other picture would do better */
            break;
        }
        if (!run_job(job, pictures, &error))
            status = command_fail(error); /* the others still count */
        if (jobs->len > 1)
            command_progress_left("restoring", (i + 1.0) / jobs->len);
    }
    command_progress_end();
    restore_pictures_free(pictures);
    return status;
}

int command_restore(int argc, char **argv)
{
    GError *error = NULL;
    if (!command_parse(&argc, &argv, "IN...", "Makes pictures and videos better or larger.",
                       description, entries))
        return 1;
    if (argc < 2)
        return command_fail_with("`fovea restore` wants a picture, a folder or a video");
    const char *wrong = check_options();
    if (wrong)
        return command_fail_with("%s", wrong);
    g_autofree char *model = fovea_find_model("restore", model_name, &error);
    if (model == NULL)
        return command_fail(error);
    options.model = model;
    GArray *jobs = g_array_new(FALSE, FALSE, sizeof(Job));
    g_array_set_clear_func(jobs, job_clear);
    int status = list_jobs(jobs, argc - 1, argv + 1, &error) ? run_jobs(jobs) : command_fail(error);
    g_array_unref(jobs);
    return status;
}
