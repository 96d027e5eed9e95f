/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "subtitles.h"

static void append_clock(GString *out, gint64 time, char mark)
{
    gint64 ms = time / 1000000;
    g_string_append_printf(out, "%02d:%02d:%02d%c%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                           (int)(ms / 1000 % 60), mark, (int)(ms % 1000));
}

/* "-->" in the text would begin another cue. */
static void append_cue_text(GString *out, const char *text, gboolean vtt)
{
    for (const char *c = text; *c; c++) {
        if (vtt && *c == '&')
            g_string_append(out, "&amp;");
        else if (vtt && *c == '<')
            g_string_append(out, "&lt;");
        else if (*c == '-' && c[1] == '-' && c[2] == '>')
            g_string_append(out, "\xe2\x80\x90");
        else
            g_string_append_c(out, *c);
    }
}

static void append_cues(GString *out, const GArray *cues, gboolean vtt, guint *number)
{
    for (guint i = 0; i < cues->len; i++) {
        const FoveaPhrase *cue = &g_array_index(cues, FoveaPhrase, i);
        if (!vtt)
            g_string_append_printf(out, "%u\n", ++*number);
        append_clock(out, cue->start, vtt ? '.' : ',');
        g_string_append(out, " --> ");
        append_clock(out, cue->end, vtt ? '.' : ',');
        g_string_append_c(out, '\n');
        append_cue_text(out, cue->text, vtt);
        g_string_append(out, "\n\n");
    }
}

void subtitles_append(GString *out, const GArray *phrases, gboolean vtt)
{
    g_autoptr(FoveaCaptions) captions = fovea_captions_new();
    GArray *cues = g_array_new(FALSE, FALSE, sizeof(FoveaPhrase));
    guint number = 0;
    if (vtt)
        g_string_append(out, "WEBVTT\n\n");
    for (guint i = 0; i < phrases->len; i++)
        fovea_captions_add(captions, &g_array_index(phrases, FoveaPhrase, i), NULL);
    fovea_captions_settle(captions, G_MAXINT64, cues);
    append_cues(out, cues, vtt, &number);
    g_array_unref(cues);
}
