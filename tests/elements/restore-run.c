/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "bus.h"
#include "common/fovea-video.h"
#include "dummies.h"
#include "restore-run.h"

GstVideoInfo video_info(const char *text)
{
    GstVideoInfo info;
    GstCaps *caps = gst_caps_from_string(text);
    g_assert_true(gst_video_info_from_caps(&info, caps));
    gst_caps_unref(caps);
    return info;
}

/* ---- pictures ---- */

typedef guint8 (*Shade)(guint c, gint x, gint y, gconstpointer data);

static GstBuffer *draw(const GstVideoInfo *info, Shade shade, gconstpointer data)
{
    GstVideoFrame frame;
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
    gst_buffer_memset(buffer, 0, 0, GST_VIDEO_INFO_SIZE(info));
    g_assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_WRITE));
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); c++) {
        gint stride = GST_VIDEO_FRAME_COMP_STRIDE(&frame, c);
        gint step = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);
        guint8 *at = GST_VIDEO_FRAME_COMP_DATA(&frame, c);
        for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (gint x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                at[y * stride + x * step] = shade(c, x, y, data);
    }
    gst_video_frame_unmap(&frame);
    return buffer;
}

static guint8 moving(guint c, gint x, gint y, gconstpointer data)
{
    guint number = *(const guint *)data;
    double wave = sin(0.31 * x + 0.5 * number) + cos(0.23 * y + c) + 0.5 * sin(0.11 * (x + y));
    return (guint8)(c == 3 ? 60 + (x + y) % 120 : 128 + 28 * wave);
}

GstBuffer *picture(const GstVideoInfo *info, guint number)
{
    GstBuffer *buffer = draw(info, moving, &number);
    GST_BUFFER_PTS(buffer) = number * FRAME_TIME;
    GST_BUFFER_DURATION(buffer) = FRAME_TIME;
    return buffer;
}

static guint8 constant(guint c, gint x, gint y, gconstpointer data)
{
    return c < 3 ? ((const guint8 *)data)[c] : 255;
}

GstBuffer *plain_picture(const GstVideoInfo *info, const guint8 colour[3])
{
    return draw(info, constant, colour);
}

guint8 sample_at(const GstVideoInfo *info, GstBuffer *buffer, guint c, gint x, gint y)
{
    GstVideoFrame frame;
    g_assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
    const guint8 *at = GST_VIDEO_FRAME_COMP_DATA(&frame, c);
    guint8 value = at[y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) +
                      x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)];
    gst_video_frame_unmap(&frame);
    return value;
}

static gint difference_in(GstVideoFrame *a, GstVideoFrame *b, guint c, const FoveaRect *where)
{
    gint width = GST_VIDEO_FRAME_COMP_WIDTH(a, c), height = GST_VIDEO_FRAME_COMP_HEIGHT(a, c);
    gint fx = (GST_VIDEO_FRAME_WIDTH(a) + width - 1) / width;
    gint fy = (GST_VIDEO_FRAME_HEIGHT(a) + height - 1) / height, worst = 0;
    for (gint y = 0; y < height; y++)
        for (gint x = 0; x < width; x++) {
            if (where && (x * fx < where->x0 || x * fx >= where->x1 || y * fy < where->y0 ||
                          y * fy >= where->y1))
                continue;
            const guint8 *p = GST_VIDEO_FRAME_COMP_DATA(a, c), *q = GST_VIDEO_FRAME_COMP_DATA(b, c);
            p += y * GST_VIDEO_FRAME_COMP_STRIDE(a, c) + x * GST_VIDEO_FRAME_COMP_PSTRIDE(a, c);
            q += y * GST_VIDEO_FRAME_COMP_STRIDE(b, c) + x * GST_VIDEO_FRAME_COMP_PSTRIDE(b, c);
            worst = MAX(worst, ABS(*p - *q));
        }
    return worst;
}

gint difference(const GstVideoInfo *info, GstBuffer *a, GstBuffer *b, const FoveaRect *where)
{
    GstVideoFrame first, second;
    gint worst = 0;
    g_assert_true(gst_video_frame_map(&first, info, a, GST_MAP_READ));
    g_assert_true(gst_video_frame_map(&second, info, b, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&first); c++)
        worst = MAX(worst, difference_in(&first, &second, c, where));
    gst_video_frame_unmap(&first);
    gst_video_frame_unmap(&second);
    return worst;
}

/* ---- the element ---- */

GstHarness *restore_harness(const char *properties, const char *caps)
{
    char *launch = g_strdup_printf("fovearestore %s", properties);
    GstElement *element = parse_pipeline(launch);
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    g_free(launch);
    gst_harness_set_live(h, FALSE);
    if (caps)
        gst_harness_set_src_caps_str(h, caps);
    return h;
}

GstVideoInfo out_info(GstHarness *h)
{
    GstVideoInfo info;
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    g_assert_nonnull(caps);
    g_assert_true(gst_video_info_from_caps(&info, caps));
    gst_caps_unref(caps);
    return info;
}

/* ---- the same without GStreamer ---- */

void reference_init(Reference *self, gint width, gint height)
{
    GError *error = NULL;
    FoveaRestorerParams params = {.model = MODEL};
    FoveaRestorerStreamParams size = {.width = width, .height = height};
    self->device = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    self->restorer = fovea_restorer_new(self->device, &params, &error);
    g_assert_no_error(error);
    self->stream = fovea_restorer_stream_new(self->restorer, &size, &error);
    g_assert_no_error(error);
}

void reference_clear(Reference *self)
{
    fovea_restorer_stream_free(self->stream);
    fovea_restorer_unref(self->restorer);
    fovea_device_unref(self->device);
}

GstBuffer *reference_run(Reference *self, const GstVideoInfo *in, GstBuffer *buffer,
                         const GstVideoInfo *out, const FoveaRestoreParams *params)
{
    GError *error = NULL;
    GstVideoFrame from, to;
    FoveaImage image, result;
    GstBuffer *made = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(out), NULL);
    gst_buffer_memset(made, 0, 0, GST_VIDEO_INFO_SIZE(out));
    g_assert_true(fovea_frame_map(&from, &image, in, buffer, GST_MAP_READ, &error));
    g_assert_true(fovea_frame_map(&to, &result, out, made, GST_MAP_WRITE, &error));
    gboolean ok = params ? fovea_restorer_stream_run(self->stream, &image, params, &result, &error)
                         : fovea_restorer_stream_pass(self->stream, &image, &result, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    gst_video_frame_unmap(&from);
    gst_video_frame_unmap(&to);
    return made;
}
