/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "task/postprocess.h"

gsize fovea_postprocess_room(guint queries, guint classes, guint top_k)
{
    return MAX(queries, MIN((gsize)top_k, (gsize)queries * classes));
}

/* Better first: a total order, so that results do not depend on the order of insertion. */
static gboolean better(const FoveaCandidate *a, const FoveaCandidate *b)
{
    return a->score > b->score || (a->score == b->score && a->index < b->index);
}

/* Restores the heap below i; the root is the worst candidate. */
static void sift_down(FoveaCandidate *heap, gsize n, gsize i)
{
    for (;;) {
        gsize worst = i, child = 2 * i + 1;
        for (gsize c = child; c < MIN(child + 2, n); c++)
            if (better(&heap[worst], &heap[c]))
                worst = c;
        if (worst == i)
            return;
        FoveaCandidate held = heap[i];
        heap[i] = heap[worst];
        heap[worst] = held;
        i = worst;
    }
}

/* Adds to the best `limit` so far. */
static gsize keep(FoveaCandidate *heap, gsize n, gsize limit, FoveaCandidate candidate)
{
    if (n == limit) {
        if (n > 0 && better(&candidate, &heap[0])) {
            heap[0] = candidate;
            sift_down(heap, n, 0);
        }
        return n;
    }
    gsize i = n;
    heap[i] = candidate;
    while (i > 0 && better(&heap[(i - 1) / 2], &heap[i])) {
        FoveaCandidate held = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = held;
        i = (i - 1) / 2;
    }
    return n + 1;
}

/* A heap becomes a list, best first. */
static void sort_heap(FoveaCandidate *heap, gsize n)
{
    while (n > 1) {
        FoveaCandidate worst = heap[0];
        heap[0] = heap[--n];
        heap[n] = worst;
        sift_down(heap, n, 0);
    }
}

/* Best class of a query after softmax with the background last. FALSE: not a number. */
static gboolean softmax_best(const float *logits, guint classes, float *score, guint *label)
{
    guint best = 0;
    double sum = 0;
    float top = logits[0];
    if (classes < 2)
        return FALSE;
    for (guint c = 1; c < classes; c++) {
        top = MAX(top, logits[c]);
        if (c + 1 < classes && logits[c] > logits[best])
            best = c;
    }
    for (guint c = 0; c < classes; c++)
        sum += exp((double)logits[c] - top);
    *score = (float)(exp((double)logits[best] - top) / sum);
    *label = best;
    return isfinite(*score);
}

static float sigmoid(float x)
{
    return (float)(1 / (1 + exp(-(double)x)));
}

/* Maps, clips and appends one box; drops it where nothing is left. */
static void emit(const FoveaPostprocess *post, const FoveaBoxMap *map,
                 const FoveaDetectParams *params, gint64 label, float score, const double box[4],
                 GArray *detections)
{
    guint n_labels = post->labels ? post->labels->len : 0;
    gboolean known = label >= 0 && label < n_labels;
    if (!(score >= params->threshold) || label < 0 || label > G_MAXINT ||
        (params->classes && !(known && params->classes[label])))
        return;
    double x0 = (box[0] - map->from_x) * map->scale_x + map->to_x;
    double y0 = (box[1] - map->from_y) * map->scale_y + map->to_y;
    double x1 = (box[2] - map->from_x) * map->scale_x + map->to_x;
    double y1 = (box[3] - map->from_y) * map->scale_y + map->to_y;
    if (!isfinite(x0) || !isfinite(y0) || !isfinite(x1) || !isfinite(y1))
        return;
    FoveaDetection found = {
        .label_id = (gint)label,
        .label = known ? post->labels->pdata[label] : "",
        .score = score,
        .x0 = (float)CLAMP(x0, 0, map->width),
        .y0 = (float)CLAMP(y0, 0, map->height),
        .x1 = (float)CLAMP(x1, 0, map->width),
        .y1 = (float)CLAMP(y1, 0, map->height),
    };
    if (found.x1 > found.x0 && found.y1 > found.y0)
        g_array_append_val(detections, found);
}

/* The pairs of query and class with the highest logits. */
static gsize choose_sigmoid(const FoveaPostprocess *post, const FoveaRawDetections *raw,
                            float threshold)
{
    gsize n = 0, pairs = (gsize)raw->queries * raw->classes;
    gsize limit = MIN(post->top_k ? post->top_k : raw->queries, pairs);
    /* Logits well below the threshold need no exp; emit() decides exactly. */
    float least = threshold > 0 && threshold < 1 ? logf(threshold / (1 - threshold)) - 0.01f
                                                 : -INFINITY;
    for (gsize i = 0; i < pairs; i++)
        if (raw->logits[i] >= least)
            n = keep(post->scratch, n, limit, (FoveaCandidate){raw->logits[i], (guint32)i});
    sort_heap(post->scratch, n);
    return n;
}

/* One candidate a query, by softmax or as the network scored it. */
static gsize choose_queries(const FoveaPostprocess *post, const FoveaRawDetections *raw)
{
    gsize n = 0;
    for (guint q = 0; q < raw->queries; q++) {
        float score = 0;
        guint label;
        if (post->kind == FOVEA_SCORES_GIVEN)
            score = raw->scores[q];
        else if (!softmax_best(raw->logits + (gsize)q * raw->classes, raw->classes, &score, &label))
            continue;
        if (!isnan(score))
            n = keep(post->scratch, n, raw->queries, (FoveaCandidate){score, q});
    }
    sort_heap(post->scratch, n);
    return n;
}

void fovea_postprocess_run(const FoveaPostprocess *post, const FoveaRawDetections *raw,
                           const FoveaBoxMap *map, const FoveaDetectParams *params,
                           GArray *detections)
{
    gboolean pairs = post->kind == FOVEA_SCORES_SIGMOID;
    gsize n = pairs ? choose_sigmoid(post, raw, params->threshold) : choose_queries(post, raw);

    g_array_set_size(detections, 0);
    for (gsize i = 0; i < n; i++) {
        FoveaCandidate c = post->scratch[i];
        guint query = pairs ? c.index / raw->classes : c.index, best = 0;
        const float *b = raw->boxes + (gsize)query * 4;
        double box[4] = {b[0], b[1], b[2], b[3]};
        gint64 label = pairs ? c.index % raw->classes : 0;
        float score = pairs ? sigmoid(c.score) : c.score;
        if (post->kind == FOVEA_SCORES_GIVEN) {
            label = raw->labels[query];
        } else {
            double w = box[2] / 2, h = box[3] / 2, x = box[0], y = box[1];
            box[0] = x - w;
            box[1] = y - h;
            box[2] = x + w;
            box[3] = y + h;
        }
        if (post->kind == FOVEA_SCORES_SOFTMAX) {
            softmax_best(raw->logits + (gsize)query * raw->classes, raw->classes, &score, &best);
            label = best;
        }
        emit(post, map, params, label, score, box, detections);
    }
}
