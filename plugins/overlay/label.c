/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "label.h"

#include <pango/pangocairo.h>

/* Labels with scores in percent: a few classes times a hundred. */
#define CACHE_TEXTS 512
/* Characters of a label that are looked at; more never fit into a picture. */
#define LABEL_CHARS 200

struct OverlayLabels {
    PangoFontMap *map;
    PangoContext *context;
    GHashTable *cache; /* text -> CachedMask */
    char *font;
    gint line_height, max_width;
};

typedef struct CachedMask {
    OverlayMask mask;
    cairo_surface_t *surface;
} CachedMask;

static void cached_mask_free(gpointer data)
{
    CachedMask *cached = data;
    if (cached->surface)
        cairo_surface_destroy(cached->surface);
    g_free(cached);
}

OverlayLabels *overlay_labels_new(void)
{
    OverlayLabels *labels = g_new0(OverlayLabels, 1);
    /* A font map of our own: the default one belongs to a thread, and streaming threads change. */
    labels->map = pango_cairo_font_map_new();
    labels->context = pango_font_map_create_context(labels->map);
    labels->cache = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cached_mask_free);
    return labels;
}

void overlay_labels_free(OverlayLabels *labels)
{
    if (!labels)
        return;
    g_hash_table_unref(labels->cache);
    g_object_unref(labels->context);
    g_object_unref(labels->map);
    g_free(labels->font);
    g_free(labels);
}

void overlay_labels_set_font(OverlayLabels *labels, const char *font, gint line_height,
                             gint max_width)
{
    if (g_strcmp0(labels->font, font) == 0 && labels->line_height == line_height &&
        labels->max_width == max_width)
        return;
    g_free(labels->font);
    labels->font = g_strdup(font);
    labels->line_height = line_height;
    labels->max_width = max_width;
    g_hash_table_remove_all(labels->cache);
}

static PangoLayout *layout_text(OverlayLabels *labels, const char *text)
{
    PangoLayout *layout = pango_layout_new(labels->context);
    PangoFontDescription *font = pango_font_description_from_string(labels->font);
    /* A line of common fonts is about 1.2 times their size. */
    pango_font_description_set_absolute_size(font, labels->line_height * PANGO_SCALE / 1.2);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_layout_set_text(layout, text, -1);
    pango_font_description_free(font);

    PangoRectangle logical;
    pango_layout_get_pixel_extents(layout, NULL, &logical);
    if (logical.width > labels->max_width)
        pango_layout_set_width(layout, labels->max_width * PANGO_SCALE);
    return layout;
}

static CachedMask *render(OverlayLabels *labels, const char *text)
{
    CachedMask *cached = g_new0(CachedMask, 1);
    PangoLayout *layout = layout_text(labels, text);
    PangoRectangle logical;
    pango_layout_get_pixel_extents(layout, NULL, &logical);
    gint width = CLAMP(logical.width, 0, labels->max_width);
    gint height = CLAMP(logical.height, 0, 2 * labels->line_height);
    if (width > 0 && height > 0) {
        cached->surface = cairo_image_surface_create(CAIRO_FORMAT_A8, width, height);
        cairo_t *cairo = cairo_create(cached->surface);
        cairo_move_to(cairo, -logical.x, -logical.y);
        pango_cairo_show_layout(cairo, layout);
        cairo_destroy(cairo);
        cairo_surface_flush(cached->surface);
        if (cairo_surface_status(cached->surface) == CAIRO_STATUS_SUCCESS)
            cached->mask = (OverlayMask){.width = width,
                                         .height = height,
                                         .stride = cairo_image_surface_get_stride(cached->surface),
                                         .data = cairo_image_surface_get_data(cached->surface)};
    }
    g_object_unref(layout);
    return cached;
}

const OverlayMask *overlay_labels_get(OverlayLabels *labels, const char *text)
{
    if (!text || !text[0] || labels->line_height < 1 || labels->max_width < 1)
        return NULL;
    CachedMask *cached = g_hash_table_lookup(labels->cache, text);
    if (!cached) {
        if (g_hash_table_size(labels->cache) >= CACHE_TEXTS)
            g_hash_table_remove_all(labels->cache);
        char *valid = g_utf8_make_valid(text, -1);
        char *start = g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), LABEL_CHARS));
        cached = render(labels, start);
        g_free(start);
        g_free(valid);
        g_hash_table_insert(labels->cache, g_strdup(text), cached);
    }
    return cached->mask.data ? &cached->mask : NULL;
}
