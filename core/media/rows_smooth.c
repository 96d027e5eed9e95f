/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of a picture at its own size, with chroma of half size interpolated linearly between the
 * places where its samples are sited.
 */
#include "media/rows.h"

/* Pixels that are worked at once: loops of a fixed length become vectors. Even. */
#define BLOCK 64
#define HALF (BLOCK / 2)

/* One component: rows whose samples lie `step` bytes apart, blended (1 - w) * near + w * far. */
typedef struct Chroma {
    const guint8 *near, *far;
    gint step, last; /* index of the last sample of a row */
    float w;
} Chroma;

/* Sources of component k (1: Cb, 2: Cr) for row y. Vertically a sample is sited between two rows:
 * each is a quarter of the way to the next sample. */
static void find_chroma(const FoveaImage *image, const FoveaPixelLayout *layout, gint y, guint k,
                        Chroma *chroma)
{
    gint rows = fovea_pixel_rows(layout, 1, image->height);
    gint near = y / 2, far = CLAMP(y % 2 ? near + 1 : near - 1, 0, rows - 1);
    guint plane = layout->kind == FOVEA_KIND_I420 ? k : 1;
    *chroma = (Chroma){.last = (image->width - 1) / 2, .w = 0.25f};
    if (layout->kind == FOVEA_KIND_YUY2) {
        const guint8 *row = image->plane[0] + (gsize)y * image->stride[0];
        chroma->near = chroma->far = row + (k == 1 ? 1 : 3);
        chroma->step = 4;
        return;
    }
    chroma->near = image->plane[plane] + (gsize)near * image->stride[plane];
    chroma->far = image->plane[plane] + (gsize)far * image->stride[plane];
    chroma->step = 1;
    if (layout->kind == FOVEA_KIND_NV12) {
        chroma->near += k - 1;
        chroma->far += k - 1;
        chroma->step = 2;
    }
}

/* BLOCK pixels from the even column x on; those beyond the picture repeat its last sample. */
static inline __attribute__((always_inline)) void chroma_block(const Chroma *chroma, gint x,
                                                               float to[BLOCK])
{
    guint8 near[HALF + 1], far[HALF + 1];
    float v[HALF + 1], odd[HALF];
    gint first = x / 2, count = MIN(HALF + 1, chroma->last - first + 1);
    gsize step = chroma->step, at = (gsize)first * step;
    for (gint i = 0; i < count; i++, at += step) {
        near[i] = chroma->near[at];
        far[i] = chroma->far[at];
    }
    for (gint i = count; i < HALF + 1; i++) {
        near[i] = near[count - 1];
        far[i] = far[count - 1];
    }
    for (gint i = 0; i < HALF; i++)
        v[i] = near[i] + chroma->w * (float)(far[i] - near[i]);
    v[HALF] = near[HALF] + chroma->w * (float)(far[HALF] - near[HALF]);
    for (gint i = 0; i < HALF; i++)
        odd[i] = 0.5f * (v[i] + v[i + 1]);
    for (gint i = 0; i < HALF; i++) {
        to[2 * i] = v[i];
        to[2 * i + 1] = odd[i];
    }
}

static void luma_row(const guint8 *row, gint step, gint n, float *to)
{
    for (gint i = 0; i < n; i++)
        to[i] = row[(gsize)i * step];
}

static inline __attribute__((always_inline)) void smooth_any(const FoveaImage *image, gint y,
                                                             gint x0, gint n, float *const out[3])
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    gint luma_step = layout->bytes, odd = x0 & 1;
    luma_row(image->plane[0] + (gsize)y * image->stride[0] + (gsize)x0 * luma_step, luma_step, n,
             out[0]);
    for (guint k = 1; k < 3; k++) {
        Chroma chroma;
        float block[BLOCK];
        find_chroma(image, layout, y, k, &chroma);
        /* Blocks begin at even columns: the first may begin one column early. */
        for (gint at = -odd; at < n; at += BLOCK) {
            gint skip = at < 0 ? 1 : 0;
            chroma_block(&chroma, x0 + at, block);
            memcpy(out[k] + at + skip, block + skip,
                   (gsize)(MIN(BLOCK, n - at) - skip) * sizeof *block);
        }
    }
}

#if defined(__x86_64__) || defined(__i386__)
/* The same for processors with AVX2. */
static __attribute__((target("avx2"))) void smooth_avx2(const FoveaImage *image, gint y, gint x0,
                                                        gint n, float *const out[3])
{
    smooth_any(image, y, x0, n, out);
}
#endif

void fovea_row_smooth(const FoveaImage *image, gint y, gint x0, gint n, float *const out[3])
{
#if defined(__x86_64__) || defined(__i386__)
    if (fovea_rows_avx2()) {
        smooth_avx2(image, y, x0, n, out);
        return;
    }
#endif
    smooth_any(image, y, x0, n, out);
}
