/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transcribe-overload.c: live sound that comes faster than any model hears it. The oldest is
 * skipped and counted; all of it passes; what was heard has its own words at its own times.
 */
#include <string.h>

#include "bus.h"
#include "dummies.h"
#include "speech-run.h"

#define STEP 1600 /* samples of a buffer: 0.1 s */
#define STEP_TIME (GST_SECOND / 10)
#define STRAY GST_SECOND /* what a time may be off by */

/* Where a recording lies. */
typedef struct Place {
    char *words;
    GstClockTime start, end;
} Place;

/* What left the element as sound. */
typedef struct Passed {
    GChecksum *sum;
    guint buffers;
    GstClockTime next;
} Passed;

static GstPadProbeReturn note_passed(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    Passed *passed = data;
    GstMapInfo map;
    g_assert_cmpuint(GST_BUFFER_PTS(buffer), ==, passed->next);
    passed->next = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
    passed->buffers++;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    g_checksum_update(passed->sum, map.data, (gssize)map.size);
    gst_buffer_unmap(buffer, &map);
    return GST_PAD_PROBE_OK;
}

static void clear_place(gpointer data)
{
    g_free(((Place *)data)->words);
}

/* The recordings with a second between them, two after the last; whole buffers. */
static GArray *burst(const char *const *names, GstClockTime from, GArray *places)
{
    GArray *all = g_array_new(FALSE, TRUE, sizeof(gfloat));
    for (; *names; names++) {
        GArray *samples = speech_samples(*names);
        Place place = {speech_truth(*names), from + (GstClockTime)all->len * GST_SECOND / 16000, 0};
        g_array_append_vals(all, samples->data, samples->len);
        place.end = from + (GstClockTime)all->len * GST_SECOND / 16000;
        g_array_append_val(places, place);
        g_array_set_size(all, (all->len / STEP + (names[1] ? 10 : 20)) * STEP);
        g_array_unref(samples);
    }
    return all;
}

/* The final captions that start near a place, as words (transfer full). */
static char *words_at(Heard *heard, const Place *place)
{
    GString *all = g_string_new(NULL);
    g_mutex_lock(&heard->lock);
    for (guint i = 0; i < heard->captions->len; i++) {
        const Caption *c = &g_array_index(heard->captions, Caption, i);
        if (c->final && c->start + STRAY >= place->start && c->start < place->end)
            g_string_append_printf(all, "%s ", c->text);
    }
    g_mutex_unlock(&heard->lock);
    char *words = plain_words(all->str);
    g_string_free(all, TRUE);
    return words;
}

/* The last recording of a burst is among what was not skipped: it is heard whole. */
static void wait_for(Heard *heard, const Place *place)
{
    char *words = words_at(heard, place);
    while (*words == 0) { /* the test's own time limit ends it */
        g_free(words);
        g_usleep(10000);
        words = words_at(heard, place);
    }
    g_test_message("%s", words);
    g_assert_cmpfloat(word_error_rate(place->words, words), <=, 0.25);
    g_free(words);
}

static gboolean says(const char *truth, const char *word)
{
    char **words = g_strsplit(truth, " ", -1);
    gboolean found = g_strv_contains((const char *const *)words, word);
    g_strfreev(words);
    return found;
}

/* Words of a caption are said where it stands; a piece that begins within a word may be misheard. */
static void check_places(const Heard *heard, const GArray *places)
{
    guint right = 0, all = 0;
    for (guint i = 0; i < heard->captions->len; i++) {
        const Caption *c = &g_array_index(heard->captions, Caption, i);
        char *plain = plain_words(c->text), **words = g_strsplit(plain, " ", -1);
        for (char **word = words; *word; word++) {
            gboolean here = FALSE;
            for (guint k = 0; k < places->len; k++) {
                const Place *p = &g_array_index(places, Place, k);
                here |= p->start < c->end + STRAY && p->end + STRAY > c->start &&
                        says(p->words, *word);
            }
            right += here;
            all++;
        }
        g_strfreev(words);
        g_free(plain);
    }
    g_test_message("%u of %u words are said where they stand", right, all);
    g_assert_cmpuint(all, >=, 7);
    g_assert_cmpuint(right * 2, >=, all); /* at wrong times hardly any would be */
}

static guint overload_messages(GstBus *bus, guint64 *skipped)
{
    GstMessage *message;
    guint n = 0;
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT))) {
        if (gst_message_has_name(message, "fovea-overload")) {
            const GstStructure *s = gst_message_get_structure(message);
            g_assert_true(gst_structure_get_uint64(s, "skipped", skipped));
            n++;
        }
        gst_message_unref(message);
    }
    return n;
}

static void test_overload(void)
{
    static const char *const bursts[2][7] = {
        {"jfk.wav", "libri_2412-153948-0000.flac", "librivox_0870.flac", "cards_005.flac",
         "LJ001-0002.flac"},
        {"libri_1088-134315-0000.flac", "libri_2412-153948-0001.flac", "LJ001-0006.flac",
         "librivox_0930.flac", "LJ001-0008.flac"}};
    static const gfloat silence[STEP];
    if (no_shared())
        return;
    speech_keep_model();
    GstElement *element = speech_element();
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    gst_util_set_object_arg(G_OBJECT(element), "text-timing", "spoken");
    GChecksum *pushed = g_checksum_new(G_CHECKSUM_SHA256);
    Passed passed = {.sum = g_checksum_new(G_CHECKSUM_SHA256)};
    GArray *places = g_array_new(FALSE, FALSE, sizeof(Place));
    g_array_set_clear_func(places, clear_place);
    GstPad *pad = gst_element_get_static_pad(element, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, note_passed, &passed, NULL);
    gst_object_unref(pad);
    Talk talk = talk_new_live(element);
    guint64 before = 0;
    for (guint i = 0; i < 2; i++) {
        GArray *sound = burst(bursts[i], talk.position, places);
        g_checksum_update(pushed, (const guchar *)sound->data, (gssize)sound->len * 4);
        talk_push(&talk, (const gfloat *)(gpointer)sound->data, sound->len, STEP);
        for (guint k = 0; k < 30; k++) /* of silence, below */
            g_checksum_update(pushed, (const guchar *)silence, sizeof silence);
        while (stat_of(talk.h->element, "backlog-time") > 0)
            g_usleep(1000);
        talk_silence(&talk, 3); /* it keeps up with these, and knows that nothing follows */
        wait_for(talk.heard, &g_array_index(places, Place, places->len - 1));
        guint64 skipped = stat_of(talk.h->element, "skipped");
        g_assert_cmpuint(stat_of(talk.h->element, "skipped-time"), ==, skipped * STEP_TIME);
        g_assert_cmpuint(skipped - before, >=, 100); /* of more than 300, with 80 that may wait */
        g_assert_cmpuint(skipped, <, talk.position / STEP_TIME);
        before = skipped;
        g_array_unref(sound);
    }
    g_assert_cmpuint(talk.position, >, 60 * GST_SECOND);
    talk_end(&talk);
    g_assert_cmpuint(passed.buffers, ==, talk.position / STEP_TIME);
    g_assert_cmpstr(g_checksum_get_string(passed.sum), ==, g_checksum_get_string(pushed));
    guint64 told = 0;
    g_assert_cmpuint(overload_messages(bus, &told), >=, 1);
    g_assert_cmpuint(told, >=, 1);
    g_assert_cmpuint(told, <=, before);
    heard_check_shape(talk.heard);
    check_places(talk.heard, places);
    g_array_unref(places);
    g_checksum_free(pushed);
    g_checksum_free(passed.sum);
    gst_element_set_bus(talk.h->element, NULL);
    talk_free(&talk);
    gst_object_unref(bus);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    register_plugin();
    g_test_add_func("/transcribe-overload/bursts", test_overload);
    return g_test_run();
}
