/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One stream of a detector: its session, its preprocessing, and the way of one picture.
 */
#include <time.h>

#include "task/detector.h"
#include "task/postprocess.h"
#include "tensor/view.h"

/* One output, read into memory that is kept. */
typedef struct Output {
    gint index;
    FoveaDtype dtype; /* of the model */
    gsize n;
    void *raw;     /* as the session gives it; NULL where it is read straight into `data` */
    void *data;    /* float, or gint64 for labels */
    gsize n_bytes; /* of what the session gives */
} Output;

struct FoveaDetectorStream {
    FoveaDetector *detector;
    FoveaPlan *plan;
    FoveaSession *session;
    FoveaPreprocess *pre;
    gint width, height; /* of the network's input */

    gint image_index, mask_index, sizes_index;
    FoveaTensor *image; /* NULL where the session maps its input */
    FoveaTensor *mask, *sizes;
    FoveaPlacement mask_is; /* what was last given to the session */
    gint64 sizes_are[2];

    Output boxes, logits, scores, labels;
    guint queries, classes;
    FoveaCandidate *scratch;
    gint64 time_pre, time_plan, time_post;
};

static gint64 now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void output_clear(Output *output)
{
    fovea_free(output->raw);
    fovea_free(output->data);
    memset(output, 0, sizeof *output);
}

/* Everything that depends on the network's size. */
static void stream_clear(FoveaDetectorStream *s)
{
    g_clear_pointer(&s->session, fovea_session_free);
    g_clear_pointer(&s->plan, fovea_plan_unref);
    g_clear_pointer(&s->pre, fovea_preprocess_free);
    g_clear_pointer(&s->image, fovea_tensor_unref);
    g_clear_pointer(&s->mask, fovea_tensor_unref);
    g_clear_pointer(&s->sizes, fovea_tensor_unref);
    output_clear(&s->boxes);
    output_clear(&s->logits);
    output_clear(&s->scores);
    output_clear(&s->labels);
    g_clear_pointer(&s->scratch, fovea_free);
    s->width = s->height = 0;
    memset(&s->mask_is, 0, sizeof s->mask_is);
    memset(s->sizes_are, 0, sizeof s->sizes_are);
}

/* Finds an output and makes room for it. Its shape must end in queries, or queries x last. */
static gboolean output_init(FoveaDetectorStream *s, Output *output, const char *name, gint64 last,
                            gboolean integer, GError **error)
{
    if (name == NULL)
        return TRUE;
    output->index = fovea_plan_find_output(s->plan, name);
    if (output->index < 0)
        return fovea_fail(error, FOVEA_ERROR_MODEL, "The plan lost its output %s", name);
    const FoveaIo *io = fovea_plan_output(s->plan, output->index);
    gint tail = last ? 2 : 1;
    gint64 lead = 1, queries = io->rank >= tail ? io->dims[io->rank - tail] : 0;
    for (gint i = 0; i < io->rank - tail; i++)
        lead *= io->dims[i];
    if (lead != 1 || queries < 1 || queries > G_MAXINT32 || (s->queries && queries != s->queries) ||
        (last > 0 && io->dims[io->rank - 1] != last))
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model's output %s has a shape that is no detector's", name);
    s->queries = queries;
    output->n = queries;
    if (last) {
        gint64 inner = io->dims[io->rank - 1];
        if (inner < 1 || inner > G_MAXUINT32 / queries)
            return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                              "The model's output %s is empty or too large", name);
        output->n *= inner;
    }
    output->dtype = io->dtype;
    output->n_bytes = output->n * fovea_dtype_size(io->dtype);
    output->data = fovea_try_alloc(output->n, integer ? sizeof(gint64) : sizeof(float), error);
    if (output->data == NULL)
        return FALSE;
    if (io->dtype == (integer ? FOVEA_DTYPE_I64 : FOVEA_DTYPE_F32))
        return TRUE;
    output->raw = fovea_try_alloc(output->n_bytes, 1, error);
    return output->raw != NULL;
}

static gboolean read_output(FoveaDetectorStream *s, Output *output, GError **error)
{
    if (output->n == 0)
        return TRUE;
    void *to = output->raw ? output->raw : output->data;
    if (!fovea_session_read_output(s->session, output->index, to, output->n_bytes, error))
        return FALSE;
    if (output->raw == NULL)
        return TRUE;
    gboolean floats = fovea_dtype_is_float(output->dtype);
    for (gsize i = 0; i < output->n; i++) {
        if (output != &s->labels)
            ((float *)output->data)[i] = (float)fovea_load_f64(output->dtype, output->raw, i);
        else if (!floats)
            ((gint64 *)output->data)[i] = fovea_load_i64(output->dtype, output->raw, i);
        else {
            double v = fovea_load_f64(output->dtype, output->raw, i);
            ((gint64 *)output->data)[i] = v >= 0 && v < G_MAXINT32 ? (gint64)v : -1;
        }
    }
    return TRUE;
}

static FoveaTensor *tensor_for(FoveaDetectorStream *s, const char *name, FoveaDtype dtype,
                               guint rank, const gint64 *dims, gint *index, GError **error)
{
    *index = fovea_plan_find_input(s->plan, name);
    if (*index >= 0)
        return fovea_tensor_new(dtype, rank, dims, error);
    fovea_fail(error, FOVEA_ERROR_MODEL, "The model does not use its input %s", name);
    return NULL;
}

static gboolean inputs_init(FoveaDetectorStream *s, GError **error)
{
    const FoveaDetector *d = s->detector;
    const gint64 picture[4] = {1, 3, s->height, s->width}, mask[3] = {1, s->height, s->width};
    const gint64 sizes[2] = {1, 2};
    s->image = tensor_for(s, d->image, d->image_dtype, 4, picture, &s->image_index, error);
    if (s->image == NULL)
        return FALSE;
    if (fovea_session_map_input(s->session, s->image_index) != NULL)
        g_clear_pointer(&s->image, fovea_tensor_unref);
    s->mask_index = d->mask ? fovea_plan_find_input(s->plan, d->mask) : -1;
    s->sizes_index = d->sizes ? fovea_plan_find_input(s->plan, d->sizes) : -1;
    if (s->mask_index >= 0) { /* a graph may have dropped it */
        FoveaDtype dtype = fovea_plan_input(s->plan, s->mask_index)->dtype;
        s->mask = tensor_for(s, d->mask, dtype, 3, mask, &s->mask_index, error);
        if (s->mask == NULL)
            return FALSE;
    }
    if (s->sizes_index >= 0) {
        FoveaDtype dtype = fovea_plan_input(s->plan, s->sizes_index)->dtype;
        s->sizes = tensor_for(s, d->sizes, dtype, 2, sizes, &s->sizes_index, error);
        if (s->sizes == NULL)
            return FALSE;
    }
    return TRUE;
}

static gboolean outputs_init(FoveaDetectorStream *s, GError **error)
{
    const FoveaDetector *d = s->detector;
    s->queries = s->classes = 0;
    if (!output_init(s, &s->boxes, d->out_boxes, 4, FALSE, error) ||
        !output_init(s, &s->logits, d->out_logits, -1, FALSE, error))
        return FALSE;
    if (d->out_logits)
        s->classes = s->logits.n / s->queries;
    else if (!output_init(s, &s->scores, d->out_scores, 0, FALSE, error) ||
             !output_init(s, &s->labels, d->out_labels, 0, TRUE, error))
        return FALSE;
    s->scratch = fovea_try_alloc(fovea_postprocess_room(s->queries, s->classes, d->config.top_k),
                                 sizeof(FoveaCandidate), error);
    return s->scratch != NULL;
}

/* Makes the stream ready for a network input of this size. */
static gboolean stream_resize(FoveaDetectorStream *s, gint width, gint height, GError **error)
{
    if (s->session && s->width == width && s->height == height)
        return TRUE;
    stream_clear(s);
    FoveaPreprocessParams pre = s->detector->config.pre;
    pre.width = width;
    pre.height = height;
    pre.dtype = s->detector->image_dtype;
    s->plan = fovea_detector_plan_for(s->detector, width, height, NULL, error);
    if (s->plan == NULL || (s->session = fovea_session_new(s->plan, error)) == NULL ||
        (s->pre = fovea_preprocess_new(&pre, error)) == NULL) {
        stream_clear(s);
        return FALSE;
    }
    s->width = width;
    s->height = height;
    if (inputs_init(s, error) && outputs_init(s, error))
        return TRUE;
    stream_clear(s);
    return FALSE;
}

FoveaDetectorStream *fovea_detector_stream_new(FoveaDetector *detector, GError **error)
{
    FoveaDetectorStream *s = g_new0(FoveaDetectorStream, 1);
    FoveaPlacement place;
    gint width, height;
    s->detector = fovea_detector_ref(detector);
    fovea_detect_geometry(&detector->config, detector->model_width, detector->model_height, 1920,
                          1080, &width, &height, &place);
    if (!stream_resize(s, width, height, error))
        g_clear_pointer(&s, fovea_detector_stream_free);
    return s;
}

void fovea_detector_stream_free(FoveaDetectorStream *stream)
{
    if (stream == NULL)
        return;
    stream_clear(stream);
    fovea_detector_unref(stream->detector);
    g_free(stream);
}

/* pixel_mask: 1 where there is picture. */
static gboolean give_mask(FoveaDetectorStream *s, const FoveaPlacement *place, GError **error)
{
    if (s->mask == NULL || memcmp(place, &s->mask_is, sizeof *place) == 0)
        return TRUE;
    FoveaDtype dtype = fovea_tensor_dtype(s->mask);
    guint8 *data = fovea_tensor_data_mut(s->mask);
    memset(data, 0, fovea_tensor_n_bytes(s->mask));
    for (gint y = place->y; y < place->y + place->height; y++)
        for (gint x = place->x; x < place->x + place->width; x++) {
            gint64 at = (gint64)y * s->width + x;
            if (fovea_dtype_is_float(dtype))
                fovea_store_f64(dtype, data, at, 1);
            else
                fovea_store_i64(dtype, data, at, 1);
        }
    if (!fovea_session_set_input(s->session, s->mask_index, s->mask, error))
        return FALSE;
    s->mask_is = *place;
    return TRUE;
}

static gboolean give_sizes(FoveaDetectorStream *s, gint width, gint height, GError **error)
{
    if (s->sizes == NULL || (s->sizes_are[0] == width && s->sizes_are[1] == height))
        return TRUE;
    FoveaDtype dtype = fovea_tensor_dtype(s->sizes);
    const gint values[2] = {width, height};
    for (guint i = 0; i < 2; i++) {
        if (fovea_dtype_is_float(dtype))
            fovea_store_f64(dtype, fovea_tensor_data_mut(s->sizes), i, values[i]);
        else
            fovea_store_i64(dtype, fovea_tensor_data_mut(s->sizes), i, values[i]);
    }
    if (!fovea_session_set_input(s->session, s->sizes_index, s->sizes, error))
        return FALSE;
    s->sizes_are[0] = width;
    s->sizes_are[1] = height;
    return TRUE;
}

static gboolean give_image(FoveaDetectorStream *s, const FoveaImage *image, const FoveaRect *region,
                           const FoveaPlacement *place, GError **error)
{
    void *to = s->image ? fovea_tensor_data_mut(s->image)
                        : fovea_session_map_input(s->session, s->image_index);
    if (!fovea_preprocess_run(s->pre, image, region, place, to, error))
        return FALSE;
    return s->image == NULL || fovea_session_set_input(s->session, s->image_index, s->image, error);
}

/* How the network's boxes lie in the picture. Deployed networks give pixels of the sizes they were
 * told; raw ones fractions: of what pixel_mask leaves, where there is one, else of all. */
static void map_boxes(const FoveaDetectorStream *s, const FoveaImage *image,
                      const FoveaRect *region, const FoveaPlacement *place, gboolean stretched,
                      FoveaBoxMap *map)
{
    double width = region->x1 - region->x0, height = region->y1 - region->y0;
    *map = (FoveaBoxMap){0, 0, width, height, region->x0, region->y0, image->width, image->height};
    if (s->detector->out_logits == NULL) {
        map->scale_x = stretched ? 1 : width / place->width;
        map->scale_y = stretched ? 1 : height / place->height;
        map->from_x = place->x;
        map->from_y = place->y;
    } else if (s->mask == NULL) {
        map->scale_x = width * s->width / place->width;
        map->scale_y = height * s->height / place->height;
        map->from_x = (double)place->x / s->width;
        map->from_y = (double)place->y / s->height;
    }
}

static gboolean find_region(const FoveaImage *image, const FoveaRect *given, FoveaRect *region,
                            GError **error)
{
    if (!fovea_image_check(image, error))
        return FALSE;
    *region = given ? *given : (FoveaRect){0, 0, image->width, image->height};
    if (region->x0 < 0 || region->y0 < 0 || region->x1 > image->width ||
        region->y1 > image->height || region->x0 >= region->x1 || region->y0 >= region->y1)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The region %d,%d..%d,%d is empty or outside the picture of %d x %d",
                          region->x0, region->y0, region->x1, region->y1, image->width,
                          image->height);
    return TRUE;
}

gboolean fovea_detector_stream_run(FoveaDetectorStream *s, const FoveaImage *image,
                                   const FoveaDetectParams *params, GArray *detections,
                                   GError **error)
{
    static const FoveaDetectParams defaults = {0};
    const FoveaDetector *d = s->detector;
    FoveaRect region;
    FoveaPlacement place;
    FoveaBoxMap map;
    gint width, height;
    params = params ? params : &defaults;
    g_array_set_size(detections, 0);
    if (!find_region(image, params->region, &region, error))
        return FALSE;
    gint from_width = region.x1 - region.x0, from_height = region.y1 - region.y0;
    fovea_detect_geometry(&d->config, d->model_width, d->model_height, from_width, from_height,
                          &width, &height, &place);
    if (!stream_resize(s, width, height, error))
        return FALSE;
    gboolean stretched = place.width == width && place.height == height;

    gint64 start = now();
    if (!give_image(s, image, &region, &place, error) || !give_mask(s, &place, error) ||
        !give_sizes(s, stretched ? from_width : width, stretched ? from_height : height, error))
        return FALSE;
    gint64 filled = now();
    if (!fovea_session_run(s->session, error))
        return FALSE;
    gint64 ran = now();
    if (!read_output(s, &s->boxes, error) || !read_output(s, &s->logits, error) ||
        !read_output(s, &s->scores, error) || !read_output(s, &s->labels, error))
        return FALSE;
    map_boxes(s, image, &region, &place, stretched, &map);
    FoveaPostprocess post = {d->config.scores, d->config.top_k, d->labels, s->scratch};
    FoveaRawDetections raw = {s->queries,     s->classes,     s->boxes.data,
                              s->logits.data, s->scores.data, s->labels.data};
    fovea_postprocess_run(&post, &raw, &map, params, detections);
    s->time_pre = filled - start;
    s->time_plan = ran - filled;
    s->time_post = now() - ran;
    return TRUE;
}

void fovea_detector_stream_times(const FoveaDetectorStream *stream, gint64 *pre, gint64 *plan,
                                 gint64 *post)
{
    *pre = stream->time_pre;
    *plan = stream->time_plan;
    *post = stream->time_post;
}
