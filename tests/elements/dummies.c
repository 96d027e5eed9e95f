/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "dummies.h"

/* ---- numbers in pictures ---- */

GstBuffer *number_frame(guint number, gint width, gint height)
{
    gint stride = GST_ROUND_UP_4(width);
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, (gsize)stride * height, NULL);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    for (gint y = 0; y < height; y++)
        for (gint x = 0; x < width; x++)
            map.data[y * stride + x] = (number >> (x * 16 / width)) & 1 ? 235 : 16;
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = number * FRAME_TIME;
    GST_BUFFER_DURATION(buffer) = FRAME_TIME;
    GST_BUFFER_OFFSET(buffer) = number;
    return buffer;
}

gint number_read(GstBuffer *buffer, const GstVideoInfo *info)
{
    GstVideoFrame frame;
    gint number = 0;
    if (!gst_video_frame_map(&frame, info, buffer, GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return -1;
    const guint8 *row = GST_VIDEO_FRAME_PLANE_DATA(&frame, 0);
    row += GST_VIDEO_FRAME_HEIGHT(&frame) / 2 * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    for (gint bit = 0; bit < 16; bit++)
        if (row[(2 * bit + 1) * GST_VIDEO_FRAME_WIDTH(&frame) / 32] > 128)
            number |= 1 << bit;
    gst_video_frame_unmap(&frame);
    return number;
}

gint number_attached(GstBuffer *buffer)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    fovea_buffer_get_detections(buffer, found);
    gint id = found->len == 1 ? g_array_index(found, FoveaDetection, 0).label_id : -1;
    g_array_unref(found);
    return id;
}

guint64 stat_of(GstElement *element, const char *name)
{
    GstStructure *stats;
    guint64 value = G_MAXUINT64;
    g_object_get(element, "stats", &stats, NULL);
    g_assert_true(gst_structure_get_uint64(stats, name, &value));
    gst_structure_free(stats);
    return value;
}

GstHarness *dummy_harness(const char *factory, gboolean live, const char *caps)
{
    GstElement *element = gst_element_factory_make(factory, NULL);
    g_assert_nonnull(element);
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    gst_harness_set_live(h, live);
    if (caps)
        gst_harness_set_src_caps_str(h, caps);
    return h;
}

glong resident_kib(void)
{
    glong pages = 0, size = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    g_assert_nonnull(file);
    g_assert_cmpint(fscanf(file, "%ld %ld", &size, &pages), ==, 2);
    fclose(file);
    return pages * 4;
}

glong peak_kib(void)
{
    struct rusage usage;
    g_assert_cmpint(getrusage(RUSAGE_SELF, &usage), ==, 0);
    return usage.ru_maxrss;
}

/* ---- what all dummies share ---- */

typedef struct DummyClass {
    FoveaElementClass parent_class;
} DummyClass;

static GType dummy_get_type(void);
G_DEFINE_ABSTRACT_TYPE(Dummy, dummy, FOVEA_TYPE_ELEMENT)
#define DUMMY(object) ((Dummy *)(object))

/* As long as the test says. Media that waits for a dummy that is held waits for ever: that is told
 * after a while. */
static void stay(gint *hold, GCancellable *cancellable)
{
    gint64 end = g_get_monotonic_time() + (gint64)(GUARD / 1000);
    while (g_atomic_int_get(hold) && !g_cancellable_is_cancelled(cancellable)) {
        if (g_get_monotonic_time() > end)
            g_error("The dummy is held, and the test does not go on: it seems to wait for it.");
        g_usleep(1000);
    }
}

void dummy_wait_busy(Dummy *dummy)
{
    while (!g_atomic_int_get(&dummy->in_process))
        g_usleep(100);
}

void dummy_release(gint *hold)
{
    g_atomic_int_set(hold, 0);
}

static gboolean dummy_load(FoveaElement *element, GCancellable *cancellable, GError **error)
{
    Dummy *self = DUMMY(element);
    g_atomic_int_inc(&self->loads);
    stay(&self->hold_load, cancellable);
    if (g_cancellable_set_error_if_cancelled(cancellable, error)) {
        g_atomic_int_inc(&self->cancelled_loads);
        return FALSE;
    }
    for (guint ms = 0; ms < self->load_ms; ms += 5) {
        fovea_element_progress("sleep", ms / (double)self->load_ms, self);
        if (g_cancellable_set_error_if_cancelled(cancellable, error)) {
            g_atomic_int_inc(&self->cancelled_loads);
            return FALSE;
        }
        g_usleep(5000);
    }
    if (self->load_fail)
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "The dummy does not want to load.");
    return !self->load_fail;
}

static void dummy_unload(FoveaElement *element)
{
    g_atomic_int_inc(&DUMMY(element)->unloads);
}

static gboolean dummy_drain(FoveaElement *element, GError **error)
{
    g_atomic_int_inc(&DUMMY(element)->drains);
    return TRUE;
}

static void dummy_reset(FoveaElement *element)
{
    g_atomic_int_inc(&DUMMY(element)->resets);
}

static gboolean dummy_set_caps(FoveaElement *element, GstCaps *in, GstCaps *out, GError **error)
{
    g_atomic_int_inc(&DUMMY(element)->caps_changes);
    return TRUE;
}

/* Takes its time; gives up when the stream is flushed. */
static gboolean work(FoveaElement *element, GError **error)
{
    Dummy *self = DUMMY(element);
    gint n = g_atomic_int_add(&self->processed, 1) + 1;
    g_atomic_int_set(&self->in_process, 1);
    if (self->delay_us)
        g_usleep(self->delay_us);
    stay(&self->hold, NULL);
    g_atomic_int_set(&self->in_process, 0);
    if (self->fail_every && n % (gint)self->fail_every == 0) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_FAILED, "The dummy dislikes frame %d.", n);
        return FALSE;
    }
    return TRUE;
}

static void dummy_finalize(GObject *object)
{
    g_array_unref(DUMMY(object)->windows);
    g_array_unref(DUMMY(object)->first);
    G_OBJECT_CLASS(dummy_parent_class)->finalize(object);
}

static void dummy_class_init(DummyClass *klass)
{
    FoveaElementClass *element = &klass->parent_class;
    G_OBJECT_CLASS(klass)->finalize = dummy_finalize;
    element->load = dummy_load;
    element->unload = dummy_unload;
    element->drain = dummy_drain;
    element->reset = dummy_reset;
    element->set_caps = dummy_set_caps;
    element->task = "dummy";
}

static void dummy_init(Dummy *self)
{
    self->windows = g_array_new(FALSE, FALSE, sizeof(FoveaWindow));
    self->first = g_array_new(FALSE, FALSE, sizeof(gint16));
    self->settle_lag = -1;
    self->window = 400;
    self->hop = 400;
}

#define DUMMY_TYPE(Name, name)                                                                     \
    typedef Dummy Name;                                                                            \
    typedef DummyClass Name##Class;                                                                \
    static GType name##_get_type(void);                                                            \
    G_DEFINE_TYPE(Name, name, dummy_get_type())                                                    \
    static void name##_init(Name *self)                                                            \
    {                                                                                              \
    }

#define VIDEO_CAPS                                                                                 \
    "video/x-raw,format={GRAY8,NV12,I420,RGB},width=[1,16384],height=[1,16384],"                   \
    "framerate=[0/1,2147483647/1]"

static void describe(gpointer klass, const char *name)
{
    gst_element_class_set_static_metadata(klass, name, "Test", "A task without a model", "Fovea");
}

/* ---- number: reads the number in the picture, attaches it ---- */

DUMMY_TYPE(DummyNumber, dummy_number)

static gboolean number_process(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    gint number = number_read(frame->buffer, frame->info); /* before the delay, as a copy */
    if (!work(element, error))
        return FALSE;
    FoveaDetection d = {.label_id = number, .label = "number", .score = 0.5f, .x1 = 8, .y1 = 4};
    fovea_buffer_add_detection(frame->buffer, &d);
    fovea_element_report_times(element, 1000, 2000, 3000);
    fovea_element_report_import(element, "host");
    return TRUE;
}

static void dummy_number_class_init(DummyNumberClass *klass)
{
    describe(klass, "number");
    klass->parent_class.process = number_process;
    fovea_element_class_setup(&klass->parent_class, VIDEO_CAPS, VIDEO_CAPS, NULL);
}

/* ---- regions: counts what upstream attached ---- */

DUMMY_TYPE(DummyRegions, dummy_regions)

static gboolean regions_process(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    Dummy *self = DUMMY(element);
    if (!work(element, error))
        return FALSE;
    self->regions = (gint)frame->n_regions;
    for (guint i = 0; i < frame->n_regions; i++) {
        if (i < G_N_ELEMENTS(self->rects))
            self->rects[i] = frame->regions[i].rect;
        gst_video_region_of_interest_meta_add_param(
            frame->regions[i].meta,
            gst_structure_new("classification", "index", G_TYPE_UINT, i, NULL));
    }
    return TRUE;
}

static void dummy_regions_class_init(DummyRegionsClass *klass)
{
    describe(klass, "regions");
    klass->parent_class.mode = FOVEA_MODE_REGIONS;
    klass->parent_class.process = regions_process;
    fovea_element_class_setup(&klass->parent_class, VIDEO_CAPS, VIDEO_CAPS, NULL);
}

/* ---- twice: makes a frame of twice the size (GRAY8) ---- */

DUMMY_TYPE(DummyTwice, dummy_twice)

/* One size on the other side: an integer or a range. */
static void scale_field(GstStructure *s, const char *field, gboolean up)
{
    const GValue *value = gst_structure_get_value(s, field);
    if (!value)
        return;
    if (G_VALUE_HOLDS_INT(value)) {
        gint v = g_value_get_int(value);
        gst_structure_set(s, field, G_TYPE_INT, up ? v * 2 : v / 2, NULL);
    } else if (GST_VALUE_HOLDS_INT_RANGE(value)) {
        gint low = gst_value_get_int_range_min(value), high = gst_value_get_int_range_max(value);
        high = up ? MIN(high, G_MAXINT / 2) * 2 : high / 2;
        gst_structure_set(s, field, GST_TYPE_INT_RANGE, up ? low * 2 : (low + 1) / 2,
                          MAX(high, (low + 1) / 2 + 1), NULL);
    }
}

static GstCaps *twice_transform(FoveaElement *element, GstPadDirection direction, GstCaps *caps)
{
    GstCaps *out = gst_caps_copy(caps);
    for (guint i = 0; i < gst_caps_get_size(out); i++) {
        scale_field(gst_caps_get_structure(out, i), "width", direction == GST_PAD_SINK);
        scale_field(gst_caps_get_structure(out, i), "height", direction == GST_PAD_SINK);
    }
    return out;
}

static gboolean twice_pass(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    GstVideoFrame in, out;
    g_atomic_int_inc(&DUMMY(element)->passed);
    if (!gst_video_frame_map(&in, frame->info, frame->buffer, GST_MAP_READ))
        return FALSE;
    if (!gst_video_frame_map(&out, frame->out_info, frame->out, GST_MAP_WRITE)) {
        gst_video_frame_unmap(&in);
        return FALSE;
    }
    for (gint y = 0; y < GST_VIDEO_FRAME_HEIGHT(&out); y++) {
        const guint8 *from = GST_VIDEO_FRAME_PLANE_DATA(&in, 0);
        guint8 *to = GST_VIDEO_FRAME_PLANE_DATA(&out, 0);
        from += y / 2 * GST_VIDEO_FRAME_PLANE_STRIDE(&in, 0);
        to += y * GST_VIDEO_FRAME_PLANE_STRIDE(&out, 0);
        for (gint x = 0; x < GST_VIDEO_FRAME_WIDTH(&out); x++)
            to[x] = from[x / 2];
    }
    gst_video_frame_unmap(&in);
    gst_video_frame_unmap(&out);
    return TRUE;
}

static gboolean twice_process(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    if (!work(element, error) || !twice_pass(element, frame, error))
        return FALSE;
    g_atomic_int_add(&DUMMY(element)->passed, -1);
    return TRUE;
}

static void dummy_twice_class_init(DummyTwiceClass *klass)
{
    static const char caps[] = "video/x-raw,format=GRAY8,width=[1,16384],height=[1,16384],"
                               "framerate=[0/1,2147483647/1]";
    describe(klass, "twice");
    klass->parent_class.passthrough = FALSE;
    klass->parent_class.transform_caps = twice_transform;
    klass->parent_class.process = twice_process;
    klass->parent_class.pass = twice_pass;
    fovea_element_class_setup(&klass->parent_class, caps, caps, NULL);
}

/* ---- text: a text each so many frames ---- */

#define TEXT_CAPS "text/x-raw,format=utf8"

DUMMY_TYPE(DummyText, dummy_text)

static gboolean text_process(FoveaElement *element, FoveaFrame *frame, GError **error)
{
    Dummy *self = DUMMY(element);
    if (!work(element, error))
        return FALSE;
    GstClockTime pts = GST_BUFFER_PTS(frame->buffer);
    if (self->text_every && frame->number % self->text_every == 0) {
        char text[32];
        g_snprintf(text, sizeof text, "text %" G_GUINT64_FORMAT, frame->number);
        fovea_element_push_text(element, text, pts, 2 * FRAME_TIME);
    }
    if (self->settle_lag >= 0)
        fovea_element_settle_text(element, pts > (GstClockTime)self->settle_lag
                                               ? pts - (GstClockTime)self->settle_lag
                                               : 0);
    return TRUE;
}

static void dummy_text_class_init(DummyTextClass *klass)
{
    describe(klass, "text");
    klass->parent_class.process = text_process;
    fovea_element_class_setup(&klass->parent_class, VIDEO_CAPS, VIDEO_CAPS, TEXT_CAPS);
}

/* ---- window: remembers its windows of sound ---- */

#define AUDIO_CAPS "audio/x-raw,format=S16LE,layout=interleaved,rate=[1,96000],channels=[1,8]"

DUMMY_TYPE(DummyWindow, dummy_window)

static gboolean window_set_caps(FoveaElement *element, GstCaps *in, GstCaps *out, GError **error)
{
    Dummy *self = DUMMY(element);
    fovea_element_set_window(element, self->window, self->hop);
    return dummy_set_caps(element, in, out, error);
}

static gboolean window_process(FoveaElement *element, const FoveaWindow *window, GError **error)
{
    Dummy *self = DUMMY(element);
    gint16 first;
    memcpy(&first, window->data, sizeof first);
    GST_OBJECT_LOCK(self);
    g_array_append_val(self->windows, *window);
    g_array_append_val(self->first, first);
    GST_OBJECT_UNLOCK(self);
    return work(element, error);
}

static void dummy_window_class_init(DummyWindowClass *klass)
{
    describe(klass, "window");
    klass->parent_class.mode = FOVEA_MODE_WINDOW;
    klass->parent_class.set_caps = window_set_caps;
    klass->parent_class.process_window = window_process;
    fovea_element_class_setup(&klass->parent_class, AUDIO_CAPS, AUDIO_CAPS, NULL);
}

/* ---- speech: a window of sound says something, later ---- */

DUMMY_TYPE(DummySpeech, dummy_speech)

/* Takes its time, unless the stream is flushed. */
static gboolean listen(FoveaElement *element, GError **error)
{
    Dummy *self = DUMMY(element);
    g_atomic_int_set(&self->in_process, 1);
    GCancellable *cancellable = fovea_element_cancellable(element);
    for (guint us = 0; us < self->delay_us && !g_cancellable_is_cancelled(cancellable); us += 2000)
        g_usleep(2000);
    stay(&self->hold, cancellable);
    gboolean cancelled = g_cancellable_set_error_if_cancelled(cancellable, error);
    g_atomic_int_set(&self->in_process, 0);
    if (cancelled)
        g_atomic_int_inc(&self->cancelled);
    return !cancelled;
}

static gboolean speech_process(FoveaElement *element, const FoveaWindow *window, GError **error)
{
    Dummy *self = DUMMY(element);
    char text[32];
    if (!listen(element, error))
        return FALSE;
    GST_OBJECT_LOCK(self);
    g_array_append_val(self->windows, *window);
    GST_OBJECT_UNLOCK(self);
    gint n = g_atomic_int_add(&self->processed, 1);
    if (self->text_every && n % (gint)self->text_every == 0) {
        g_snprintf(text, sizeof text, "text %d", n);
        fovea_element_push_text(element, text, window->pts, window->duration);
    }
    if (self->settle_lag >= 0)
        fovea_element_settle_text(element, window->pts > (GstClockTime)self->settle_lag
                                               ? window->pts - (GstClockTime)self->settle_lag
                                               : 0);
    return TRUE;
}

static gboolean speech_drain(FoveaElement *element, GError **error)
{
    Dummy *self = DUMMY(element);
    g_atomic_int_inc(&self->drains);
    if (self->text_every && self->windows->len > 0) {
        const FoveaWindow *last = &g_array_index(self->windows, FoveaWindow,
                                                 self->windows->len - 1);
        fovea_element_push_text(element, "the end", last->pts + last->duration, GST_SECOND);
    }
    return TRUE;
}

static void dummy_speech_class_init(DummySpeechClass *klass)
{
    describe(klass, "speech");
    klass->parent_class.mode = FOVEA_MODE_WINDOW;
    klass->parent_class.set_caps = window_set_caps;
    klass->parent_class.process_window = speech_process;
    klass->parent_class.drain = speech_drain;
    fovea_element_class_setup(&klass->parent_class, AUDIO_CAPS, AUDIO_CAPS, TEXT_CAPS);
}

void dummies_register(void)
{
    gst_element_register(NULL, "dummynumber", GST_RANK_NONE, dummy_number_get_type());
    gst_element_register(NULL, "dummyregions", GST_RANK_NONE, dummy_regions_get_type());
    gst_element_register(NULL, "dummytwice", GST_RANK_NONE, dummy_twice_get_type());
    gst_element_register(NULL, "dummytext", GST_RANK_NONE, dummy_text_get_type());
    gst_element_register(NULL, "dummyspeech", GST_RANK_NONE, dummy_speech_get_type());
    gst_element_register(NULL, "dummywindow", GST_RANK_NONE, dummy_window_get_type());
}
