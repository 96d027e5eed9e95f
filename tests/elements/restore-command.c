/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * restore-command.c: `fovea restore` on pictures, folders and videos. The program's path is in
 * FOVEA_COMMAND.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "../../pipelines/fovea/picture.h"
#include "bus.h"
#include "restore-run.h"

static char *folder; /* of this test's own */

static char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

typedef struct Said {
    char *out, *err;
    int status;
} Said;

/* `fovea restore ARGUMENTS --model=...`; paths in them are relative to the folder. */
static Said restore(const char *arguments)
{
    char *line = g_strdup_printf("%s restore %s --model=%s", g_getenv("FOVEA_COMMAND"), arguments,
                                 MODEL);
    char **argv;
    GError *error = NULL;
    Said said;
    int wait;
    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    g_spawn_sync(folder, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &said.out, &said.err, &wait,
                 &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(wait));
    said.status = WEXITSTATUS(wait);
    g_test_message("%s -> %d %s%s", line, said.status, said.out, said.err);
    g_strfreev(argv);
    g_free(line);
    return said;
}

static void said_clear(Said *said)
{
    g_free(said->out);
    g_free(said->err);
}

static void expect_ok(const char *arguments)
{
    Said said = restore(arguments);
    if (said.status != 0)
        g_error("%s: %s", arguments, said.err);
    g_assert_cmpstr(said.err, ==, "");
    said_clear(&said);
}

/* Status 1 and one line on stderr that has these words. */
static void expect_failure(const char *arguments, const char *words)
{
    Said said = restore(arguments);
    g_assert_cmpint(said.status, ==, 1);
    if (!strstr(said.err, words))
        g_error("\"%s\" does not say \"%s\"", said.err, words);
    g_assert_true(strchr(said.err, '\n') == said.err + strlen(said.err) - 1);
    said_clear(&said);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Nothing but these files lies in the folder `name`, in this order. */
static void expect_files(const char *name, const char *expected)
{
    char *path = in_folder(name);
    GDir *dir = g_dir_open(path, 0, NULL);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *entry;
    g_assert_nonnull(dir);
    while ((entry = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(entry));
    g_dir_close(dir);
    g_ptr_array_sort(names, by_name);
    GString *all = g_string_new(NULL);
    for (guint i = 0; i < names->len; i++)
        g_string_append_printf(all, "%s%s", i ? " " : "", (char *)names->pdata[i]);
    g_assert_cmpstr(all->str, ==, expected);
    g_string_free(all, TRUE);
    g_ptr_array_unref(names);
    g_free(path);
}

/* ---- pictures ---- */

/* Red grows to the right, green downwards, alpha with both. */
static void make_picture(const char *name, gint width, gint height, guint bytes, gboolean icc)
{
    GError *error = NULL;
    Picture picture = {0};
    char *path = in_folder(name);
    guint8 profile[128] = {0};
    g_assert_true(picture_alloc(&picture, path, (gsize)width, (gsize)height, bytes, &error));
    for (gint y = 0; y < height; y++)
        for (gint x = 0; x < width; x++) {
            guint8 *at = picture.memory + ((gsize)y * width + x) * bytes;
            at[0] = (guint8)(4 * x);
            at[1] = (guint8)(4 * y);
            at[2] = 50;
            if (bytes == 4)
                at[3] = (guint8)(100 + x + y);
        }
    /* The least that libpng takes for a profile: its length, version, class, spaces, signature. */
    memcpy(profile, "\0\0\1\0", 4);
    profile[8] = 2;
    memcpy(profile + 12, "mntrRGB XYZ ", 12);
    memcpy(profile + 36, "acsp", 4);
    memcpy(profile + 68, "\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d", 12);
    if (icc) {
        guint8 whole[256] = {0};
        memcpy(whole, profile, sizeof profile);
        memcpy(whole + 128, "\0\0\0\1cprt\0\0\0\x90\0\0\0\x10", 16);
        memcpy(whole + 144, "text", 4);
        for (guint i = 160; i < sizeof whole; i++) /* libpng takes none that shrinks too well */
            whole[i] = (guint8)(i * i * 37);
        picture_set_icc(&picture, whole, sizeof whole);
    }
    g_assert_true(picture_write(&picture, path, path, 95, &error));
    g_assert_no_error(error);
    picture_clear(&picture);
    g_free(path);
}

static Picture read_picture(const char *name)
{
    GError *error = NULL;
    Picture picture;
    char *path = in_folder(name);
    picture_read(path, &picture, &error);
    g_assert_no_error(error);
    g_free(path);
    return picture;
}

static const guint8 *pixel(const Picture *picture, gint x, gint y)
{
    guint bytes = picture->image.format == FOVEA_PIXEL_RGBA ? 4 : 3;
    return picture->memory + ((gsize)y * picture->image.width + x) * bytes;
}

/* Twice the size, the negative; alpha scaled, the profile kept. */
static void test_picture(void)
{
    make_picture("a.png", 40, 30, 4, TRUE);
    expect_ok("a.png -o b.png");
    Picture from = read_picture("a.png"), to = read_picture("b.png");
    g_assert_cmpint(to.image.width, ==, 80);
    g_assert_cmpint(to.image.height, ==, 60);
    g_assert_cmpint(to.image.format, ==, FOVEA_PIXEL_RGBA);
    g_assert_cmpmem(from.icc, from.icc_size, to.icc, to.icc_size);
    g_assert_cmpuint(to.icc_size, ==, 256);
    for (gint y = 6; y < 54; y += 7)
        for (gint x = 6; x < 74; x += 5) {
            const guint8 *p = pixel(&to, x, y);
            g_assert_cmpint(ABS(p[0] - (255 - 4 * (x / 2))), <=, 1);
            g_assert_cmpint(ABS(p[1] - (255 - 4 * (y / 2))), <=, 1);
            g_assert_cmpint(ABS(p[2] - 205), <=, 1);
            g_assert_cmpint(ABS(p[3] - (100 + (x + y) / 2)), <=, 1);
        }
    picture_clear(&from);
    picture_clear(&to);
}

static void test_options(void)
{
    make_picture("o.png", 40, 30, 3, FALSE);
    expect_ok("o.png -o plain.png --strength=0");
    expect_ok("o.png -o half.png --compare=vertical --tile-size=16 --tile-overlap=4");
    Picture plain = read_picture("plain.png"), half = read_picture("half.png");
    for (gint y = 4; y < 56; y += 9) {
        g_assert_cmpint(ABS(pixel(&plain, 20, y)[0] - 40), <=, 3);
        g_assert_cmpint(ABS(pixel(&half, 20, y)[0] - pixel(&plain, 20, y)[0]), <=, 1);
        g_assert_cmpint(pixel(&half, 40, y)[0], ==, 255);
        g_assert_cmpint(pixel(&half, 41, y)[2], ==, 255);
        g_assert_cmpint(ABS(pixel(&half, 60, y)[0] - 135), <=, 1);
    }
    picture_clear(&plain);
    picture_clear(&half);
    expect_failure("o.png", "-o OUT");
    expect_failure("-o x.png", "a picture");
    expect_failure("o.png -o x.png --strength=2", "--strength");
    expect_failure("o.png -o x.png --compare=diagonal", "--compare");
    expect_failure("o.png -o x.png --device=quantum", "quantum");
    expect_failure("o.png -o x.bmp", ".png");
    expect_failure("o.png -o o.png", "written over");
    expect_failure("no.png -o x.png", "no.png");
    expect_failure("o.png -o /dev/full", "ends with");
}

/* A camera's JPEG that lies on its side comes out upright, and as a JPEG again. */
static void test_rotation(void)
{
    static const guint8 exif[] = "\xff\xe1\x00\x22"
                                 "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"
                                 "\0\0\0\x01\0\x06\0\0\0\0\0\0";
    char *plain = in_folder("flat.jpg"), *turned = in_folder("side.jpg"), *bytes;
    gsize length;
    make_picture("flat.jpg", 48, 20, 3, TRUE);
    g_assert_true(g_file_get_contents(plain, &bytes, &length, NULL));
    GString *file = g_string_new_len(bytes, 2);
    g_string_append_len(file, (const char *)exif, sizeof exif - 1);
    g_string_append_len(file, bytes + 2, (gssize)length - 2);
    g_assert_true(g_file_set_contents(turned, file->str, (gssize)file->len, NULL));
    expect_ok("side.jpg -o up.jpg --quality=98");
    Picture to = read_picture("up.jpg");
    g_assert_cmpint(to.image.width, ==, 40);
    g_assert_cmpint(to.image.height, ==, 96);
    g_assert_cmpuint(to.icc_size, ==, 256);
    /* Red grew to the right; a turn clockwise makes that downwards. */
    g_assert_cmpint(ABS(pixel(&to, 20, 60)[0] - (255 - 4 * 30)), <, 8);
    picture_clear(&to);
    g_string_free(file, TRUE);
    g_free(bytes);
    g_free(plain);
    g_free(turned);
}

/* The good ones of a folder are done, the bad one is named. */
static void test_folder(void)
{
    char *in = in_folder("in"), *bad = in_folder("in/b.png"), *other = in_folder("in/readme.txt");
    g_assert_cmpint(g_mkdir(in, 0700), ==, 0);
    make_picture("in/a.png", 20, 10, 3, FALSE);
    make_picture("in/c.jpg", 12, 12, 3, FALSE);
    make_picture("in/d.png", 20, 10, 3, FALSE);
    g_assert_true(g_file_set_contents(bad, "no picture", -1, NULL));
    g_assert_true(g_file_set_contents(other, "no picture", -1, NULL));
    expect_failure("in -o out/new", "in/b.png");
    expect_files("out/new", "a.png c.jpg d.png");
    Picture d = read_picture("out/new/d.png");
    g_assert_cmpint(d.image.width, ==, 40);
    picture_clear(&d);
    g_unlink(bad);
    expect_failure("in a.png -o out/more", "out/more/a.png");
    expect_ok("in o.png -o out/more");
    expect_files("out/more", "a.png c.jpg d.png o.png");
    g_free(in);
    g_free(bad);
    g_free(other);
}

/* ---- videos ---- */

/* Elements that these tests make films with. */
static gboolean no_encoders(void)
{
    static const char *const needed[] = {"x264enc", "avenc_aac", "avdec_h264", "mp4mux",
                                         "matroskamux"};
    for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
        GstElementFactory *factory = gst_element_factory_find(needed[i]);
        if (!factory) {
            char *why = g_strdup_printf("GStreamer has no %s", needed[i]);
            g_test_skip(why);
            g_free(why);
            return TRUE;
        }
        gst_object_unref(factory);
    }
    return FALSE;
}

/* Two seconds of a ball, with its own aspect and frame rate, and a tone. */
static void make_video(const char *name, const char *mux, const char *sound)
{
    char *path = in_folder(name);
    char *launch = g_strdup_printf(
        "videotestsrc num-buffers=24 pattern=ball ! video/x-raw,format=I420,width=48,height=32,"
        "framerate=12/1,pixel-aspect-ratio=4/3 ! x264enc key-int-max=6 ! h264parse ! %s name=m ! "
        "filesink location=%s audiotestsrc num-buffers=94 samplesperbuffer=1024 ! "
        "audio/x-raw,rate=48000,channels=1 ! %s ! m.",
        mux, path, sound);
    g_assert_no_error(play_launch(launch));
    g_free(launch);
    g_free(path);
}

/* One stream of a file. */
typedef struct Stream {
    guint n;
    GstClockTime first, last; /* running times */
    GChecksum *bytes;
    GstCaps *caps;
} Stream;

static void on_buffer(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
    Stream *s = data;
    GstMapInfo map;
    GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
    const GstSegment *segment;
    gst_event_parse_segment(event, &segment);
    s->last = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (s->n++ == 0)
        s->first = s->last;
    gst_event_unref(event);
    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
    g_checksum_update(s->bytes, map.data, (gssize)map.size);
    gst_buffer_unmap(buffer, &map);
    if (!s->caps)
        s->caps = gst_pad_get_current_caps(pad);
}

typedef struct Film {
    Stream video, sound; /* frames; compressed sound */
} Film;

static Film read_film(const char *name)
{
    Film film = {{.bytes = g_checksum_new(G_CHECKSUM_SHA1)},
                 {.bytes = g_checksum_new(G_CHECKSUM_SHA1)}};
    char *path = in_folder(name);
    char *launch = g_strdup_printf(
        "filesrc location=%s ! %s name=d d.video_0 ! queue ! h264parse ! avdec_h264 ! fakesink "
        "name=v signal-handoffs=true d.audio_0 ! queue ! fakesink name=a signal-handoffs=true",
        path, g_str_has_suffix(name, ".mkv") ? "matroskademux" : "qtdemux");
    GstElement *pipeline = parse_pipeline(launch);
    GstElement *v = named(pipeline, "v"), *a = named(pipeline, "a");
    g_signal_connect(v, "handoff", G_CALLBACK(on_buffer), &film.video);
    g_signal_connect(a, "handoff", G_CALLBACK(on_buffer), &film.sound);
    gst_object_unref(v);
    gst_object_unref(a);
    g_assert_no_error(play(pipeline));
    g_free(launch);
    g_free(path);
    return film;
}

static void film_clear(Film *film)
{
    g_checksum_free(film->video.bytes);
    g_checksum_free(film->sound.bytes);
    gst_clear_caps(&film->video.caps);
    gst_clear_caps(&film->sound.caps);
}

/* Within a millisecond: what a Matroska file can say. */
static void same_time(GstClockTime a, GstClockTime b)
{
    g_assert_cmpint(ABS(GST_CLOCK_DIFF(a, b)), <=, GST_MSECOND);
}

static void check_film(const char *from_name, const char *to_name, gboolean same_sound)
{
    Film from = read_film(from_name), to = read_film(to_name);
    GstVideoInfo info;
    g_assert_cmpuint(from.video.n, ==, 24);
    g_assert_cmpuint(to.video.n, ==, 24);
    same_time(to.video.first, from.video.first);
    same_time(to.video.last, from.video.last);
    g_assert_true(gst_video_info_from_caps(&info, to.video.caps));
    g_assert_cmpint(info.width, ==, 96);
    g_assert_cmpint(info.height, ==, 64);
    g_assert_cmpint(info.par_n * 3, ==, info.par_d * 4);
    g_assert_cmpint(info.fps_n, ==, 12 * info.fps_d);
    g_assert_cmpuint(to.sound.n, >, 80);
    if (same_sound) {
        g_assert_cmpuint(to.sound.n, ==, from.sound.n);
        g_assert_cmpstr(g_checksum_get_string(to.sound.bytes), ==,
                        g_checksum_get_string(from.sound.bytes));
        same_time(to.sound.last, from.sound.last);
    }
    film_clear(&from);
    film_clear(&to);
}

/* Frames, times, aspect and sound of a film are as they were, in either container. */
static void test_video(void)
{
    if (no_encoders())
        return;
    make_video("v.mp4", "mp4mux", "avenc_aac");
    expect_ok("v.mp4 -o large.mp4 --quality=30");
    check_film("v.mp4", "large.mp4", TRUE);
    expect_ok("v.mp4 -o large.mkv --compare=horizontal");
    check_film("v.mp4", "large.mkv", TRUE);
}

/* Sound that the new file cannot hold is encoded anew. */
static void test_sound(void)
{
    if (no_encoders())
        return;
    make_video("pcm.mkv", "matroskamux", "identity");
    expect_ok("pcm.mkv -o pcm.mp4");
    check_film("pcm.mkv", "pcm.mp4", FALSE);
    expect_ok("pcm.mkv -o pcm2.mkv");
    check_film("pcm.mkv", "pcm2.mkv", TRUE);
}

/* What is no video is said so, and nothing is left. */
static void test_bad_video(void)
{
    char *out = in_folder("bad-out"), *text = in_folder("text.mp4"), *wave = in_folder("tone.wav");
    g_assert_cmpint(g_mkdir(out, 0700), ==, 0);
    g_assert_true(g_file_set_contents(text, "This is no film at all.\n", -1, NULL));
    char *launch = g_strdup_printf("audiotestsrc num-buffers=20 ! wavenc ! filesink location=%s",
                                   wave);
    g_assert_no_error(play_launch(launch));
    expect_failure("text.mp4 -o bad-out/x.mp4", "text.mp4");
    expect_failure("tone.wav -o bad-out/y.mp4", "no video");
    expect_failure("text.mp4 -o bad-out/z.avi", ".mkv");
    expect_files("bad-out", "");
    g_free(launch);
    g_free(wave);
    g_free(text);
    g_free(out);
}

/* A full disk: one sentence. */
static void test_full(void)
{
    if (no_encoders())
        return;
    char *link = in_folder("full.png"), *film = in_folder("full.mp4");
    g_assert_cmpint(symlink("/dev/full", link), ==, 0);
    g_assert_cmpint(symlink("/dev/full", film), ==, 0);
    make_picture("f.png", 100, 80, 3, FALSE);
    expect_failure("f.png -o full.png", "No space left");
    make_video("f.mp4", "mp4mux", "avenc_aac");
    expect_failure("f.mp4 -o full.mp4", "no space left");
    g_free(link);
    g_free(film);
}

/* Ctrl-C in the middle leaves nothing. */
static void test_interrupt(void)
{
    if (no_encoders())
        return;
    char *in = in_folder("long.mkv"), *out = in_folder("stopped");
    char *launch = g_strdup_printf(
        "videotestsrc num-buffers=400 ! "
        "video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
        "x264enc speed-preset=ultrafast ! h264parse ! matroskamux ! filesink location=%s",
        in);
    g_assert_no_error(play_launch(launch));
    g_assert_cmpint(g_mkdir(out, 0700), ==, 0);
    char *argv[] = {(char *)g_getenv("FOVEA_COMMAND"),
                    "restore",
                    "long.mkv",
                    "-o",
                    "stopped/x.mkv",
                    "--model=" HEAVY,
                    NULL};
    GPid pid;
    GError *error = NULL;
    g_spawn_async(folder, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
    g_assert_no_error(error);
    gboolean begun = FALSE;
    for (guint i = 0; i < 6000 && !begun; i++) {
        GDir *dir = g_dir_open(out, 0, NULL);
        begun = g_dir_read_name(dir) != NULL;
        g_dir_close(dir);
        g_usleep(10000);
    }
    g_assert_true(begun);
    g_usleep(50000);
    int wait;
    kill(pid, SIGINT);
    g_assert_cmpint(waitpid(pid, &wait, 0), ==, pid);
    g_assert_true(WIFSIGNALED(wait) && WTERMSIG(wait) == SIGINT);
    expect_files("stopped", "");
    g_free(launch);
    g_free(out);
    g_free(in);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("fovea-restore-XXXXXX", NULL);
    g_assert_nonnull(folder);
    g_test_add_func("/restore-command/picture", test_picture);
    g_test_add_func("/restore-command/options", test_options);
    g_test_add_func("/restore-command/rotation", test_rotation);
    g_test_add_func("/restore-command/folder", test_folder);
    g_test_add_func("/restore-command/video", test_video);
    g_test_add_func("/restore-command/sound", test_sound);
    g_test_add_func("/restore-command/bad-video", test_bad_video);
    g_test_add_func("/restore-command/full", test_full);
    g_test_add_func("/restore-command/interrupt", test_interrupt);
    int result = g_test_run();
    char *command[] = {"rm", "-r", folder, NULL};
    g_spawn_sync(NULL, command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
    g_free(folder);
    return result;
}
