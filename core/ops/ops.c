/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of operators, made from ops.list.
 */
#include "ops/op.h"

#define OP(name) &fovea_op_##name,
static const FoveaOp *const table[] = {
#include "ops/ops.list"
    NULL,
};
#undef OP

const FoveaOp *const *fovea_ops(guint *n)
{
    *n = G_N_ELEMENTS(table) - 1;
    return table;
}

const FoveaOp *fovea_op_find(const char *name)
{
    static gsize once;
    static GHashTable *by_name;
    if (g_once_init_enter(&once)) {
        by_name = g_hash_table_new(g_str_hash, g_str_equal);
        for (guint i = 0; table[i] != NULL; i++)
            g_hash_table_insert(by_name, (gpointer)table[i]->name, (gpointer)table[i]);
        g_once_init_leave(&once, 1);
    }
    return g_hash_table_lookup(by_name, name);
}
