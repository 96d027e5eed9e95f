/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lines.h"

#include <math.h>
#include <string.h>

/* ---- JSON ---- */

static void append_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const guchar *at = (const guchar *)text; *at; at++) {
        switch (*at) {
        case '"': g_string_append(out, "\\\""); break;
        case '\\': g_string_append(out, "\\\\"); break;
        case '\n': g_string_append(out, "\\n"); break;
        case '\t': g_string_append(out, "\\t"); break;
        default:
            if (*at < 0x20)
                g_string_append_printf(out, "\\u%04x", *at);
            else
                g_string_append_c(out, (gchar)*at);
        }
    }
    g_string_append_c(out, '"');
}

static void append_valid_string(GString *out, const char *text)
{
    char *valid = g_utf8_make_valid(text ? text : "", -1);
    append_string(out, valid);
    g_free(valid);
}

static void append_number(GString *out, const char *format, gdouble value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append(out, g_ascii_formatd(buffer, sizeof buffer, format, value));
}

static void append_time(GString *out, GstClockTime time)
{
    if (GST_CLOCK_TIME_IS_VALID(time))
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, time);
    else
        g_string_append(out, "null");
}

/* FALSE where nothing of the detection lies in the frame. */
static gboolean clip(const PublishFrame *frame, const FoveaDetection *d, gdouble box[4])
{
    const gdouble raw[4] = {d->x0, d->y0, d->x1, d->y1};
    for (guint i = 0; i < 4; i++) {
        if (!isfinite(raw[i]) || !isfinite(d->score))
            return FALSE;
        box[i] = CLAMP(raw[i], 0, i % 2 ? frame->height : frame->width);
    }
    return box[2] > box[0] && box[3] > box[1];
}

static void append_detection(GString *out, const FoveaDetection *d, const gdouble box[4])
{
    g_string_append(out, "{\"label\": ");
    append_valid_string(out, d->label);
    g_string_append_printf(out, ", \"label_id\": %d, \"score\": ", d->label_id);
    append_number(out, "%.4f", d->score);
    g_string_append(out, ", \"box\": [");
    for (guint i = 0; i < 4; i++) {
        if (i > 0)
            g_string_append(out, ", ");
        append_number(out, "%.3f", box[i]);
    }
    g_string_append(out, "]}");
}

void publish_line_detections(GString *out, const PublishFrame *frame)
{
    gboolean first = TRUE;
    g_string_append(out, "{\"stream\": ");
    append_valid_string(out, frame->stream);
    g_string_append_printf(out, ", \"frame\": %" G_GUINT64_FORMAT ", \"pts\": ", frame->frame);
    append_time(out, frame->pts);
    g_string_append_printf(out, ", \"width\": %d, \"height\": %d, \"analysed\": %s, ", frame->width,
                           frame->height, frame->analysed ? "true" : "false");
    g_string_append(out, "\"detections\": [");
    for (guint i = 0; i < frame->detections->len; i++) {
        const FoveaDetection *d = &g_array_index(frame->detections, FoveaDetection, i);
        gdouble box[4];
        if (!clip(frame, d, box))
            continue;
        if (!first)
            g_string_append(out, ", ");
        append_detection(out, d, box);
        first = FALSE;
    }
    g_string_append(out, "]}\n");
}

void publish_line_text(GString *out, const PublishText *text)
{
    g_string_append(out, "{\"stream\": ");
    append_valid_string(out, text->stream);
    g_string_append(out, ", \"pts\": ");
    append_time(out, text->pts);
    g_string_append(out, ", \"duration\": ");
    append_time(out, text->duration);
    g_string_append(out, ", \"text\": ");
    append_string(out, text->text);
    g_string_append_printf(out, ", \"final\": %s}\n", text->final ? "true" : "false");
}

/* ---- subtitles ---- */

static void append_clock(GString *out, GstClockTime time, char decimal_mark)
{
    guint64 ms = time / GST_MSECOND;
    g_string_append_printf(
        out, "%02" G_GUINT64_FORMAT ":%02" G_GUINT64_FORMAT ":%02" G_GUINT64_FORMAT "%c%03u",
        ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, decimal_mark, (guint)(ms % 1000));
}

/* Both formats end a cue at an empty line, so empty lines within the text are dropped. */
static void append_cue_text(GString *out, const char *text, gboolean escape)
{
    char **lines = g_strsplit_set(text, "\r\n", -1);
    for (char **line = lines; *line; line++) {
        g_strstrip(*line);
        if (!**line)
            continue;
        for (const char *at = *line; *at; at++) {
            if (escape && *at == '&')
                g_string_append(out, "&amp;");
            else if (escape && *at == '<')
                g_string_append(out, "&lt;");
            else if (escape && *at == '>')
                g_string_append(out, "&gt;");
            else
                g_string_append_c(out, *at);
        }
        g_string_append_c(out, '\n');
    }
    g_string_append_c(out, '\n');
    g_strfreev(lines);
}

void publish_cue_srt(GString *out, guint64 number, GstClockTime start, GstClockTime end,
                     const char *text)
{
    g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", number);
    append_clock(out, start, ',');
    g_string_append(out, " --> ");
    append_clock(out, end, ',');
    g_string_append_c(out, '\n');
    append_cue_text(out, text, FALSE);
}

void publish_cue_vtt(GString *out, GstClockTime start, GstClockTime end, const char *text)
{
    append_clock(out, start, '.');
    g_string_append(out, " --> ");
    append_clock(out, end, '.');
    g_string_append_c(out, '\n');
    append_cue_text(out, text, TRUE);
}
