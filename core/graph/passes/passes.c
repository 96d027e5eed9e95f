/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The passes in their order. Each gets a graph whose shapes are known and leaves one.
 */
#include "graph/passes/passes.h"

static const struct {
    const char *name;
    gboolean (*run)(FoveaPass *pass, GError **error);
} passes[] = {
    {"einsum", fovea_pass_einsum},
    {"simplify", fovea_pass_simplify},
    {"norms", fovea_pass_norms},
    {"attention", fovea_pass_attention},
    {"linear attention", fovea_pass_linear_attention},
    {"deformable", fovea_pass_deformable},
    {"fold-conv", fovea_pass_fold_conv},
    {"simplify again", fovea_pass_simplify},
    {"precision", fovea_pass_precision},
    {"pointwise", fovea_pass_pointwise},
    {"epilogue", fovea_pass_epilogue},
};

void fovea_pass_note(FoveaPass *pass, const char *text)
{
    gpointer count = g_hash_table_lookup(pass->notes, text);
    g_hash_table_insert(pass->notes, g_strdup(text), GUINT_TO_POINTER(GPOINTER_TO_UINT(count) + 1));
}

/* "3 self, 5 LayerNormalization", in alphabetical order. */
static char *notes_text(GHashTable *notes)
{
    GString *text = g_string_new(NULL);
    GList *keys = g_list_sort(g_hash_table_get_keys(notes), (GCompareFunc)strcmp);
    for (GList *l = keys; l != NULL; l = l->next)
        g_string_append_printf(text, "%s%u %s", text->len ? ", " : "",
                               GPOINTER_TO_UINT(g_hash_table_lookup(notes, l->data)),
                               (char *)l->data);
    g_list_free(keys);
    return g_string_free(text, text->len == 0);
}

gboolean fovea_passes_run(FoveaGraph *graph, FoveaPrecision precision, GArray *records,
                          GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(passes); i++) {
        GHashTable *notes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        FoveaPass pass = {graph, precision, notes};
        FoveaPassRecord record = {.name = passes[i].name, .before = graph->n_nodes};
        gboolean done = passes[i].run(&pass, error);
        fovea_graph_sweep(graph);
        record.after = graph->n_nodes;
        record.note = notes_text(notes);
        g_array_append_val(records, record);
        g_hash_table_destroy(notes);
        if (!done)
            return FALSE;
    }
    return TRUE;
}
