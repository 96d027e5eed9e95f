/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/weights.h"

/* Contents are compared by two independent 64-bit hashes and the shape: a plan that folds a
 * constant makes a new tensor each time, and that must still be found. */
typedef struct {
    guint64 hash[2];
    gsize bytes;
    char *layout;
} Key;

typedef struct {
    gpointer packed;
    gsize bytes;
    GDestroyNotify destroy;
} Item;

struct FoveaWeights {
    gatomicrefcount refs;
    GMutex lock;
    GHashTable *items;
    guint64 bytes;
};

static guint key_hash(gconstpointer data)
{
    const Key *key = data;
    return (guint)(key->hash[0] ^ key->hash[0] >> 32) ^ g_str_hash(key->layout);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    const Key *x = a, *y = b;
    return x->hash[0] == y->hash[0] && x->hash[1] == y->hash[1] && x->bytes == y->bytes &&
           g_str_equal(x->layout, y->layout);
}

static void key_free(gpointer data)
{
    g_free(((Key *)data)->layout);
    g_free(data);
}

static void item_free(gpointer data)
{
    Item *item = data;
    if (item->destroy != NULL)
        item->destroy(item->packed);
    g_free(item);
}

static guint64 mix(guint64 x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}

static void hash_tensor(const FoveaTensor *tensor, Key *key)
{
    const guint8 *data = tensor->data;
    gsize bytes = fovea_tensor_n_bytes(tensor);
    guint64 a = 0x9e3779b97f4a7c15u + tensor->dtype, b = 0xc2b2ae3d27d4eb4fu + tensor->rank;
    for (guint i = 0; i < tensor->rank; i++)
        a = mix(a + (guint64)tensor->dims[i]);
    for (gsize i = 0; i < bytes; i += 8) {
        guint64 word = 0;
        memcpy(&word, data + i, MIN(bytes - i, 8));
        a = (a ^ word) * 0x9fb21c651e98df25u;
        a ^= a >> 29;
        b = (b + word) * 0xff51afd7ed558ccdu;
        b ^= b >> 31;
    }
    key->hash[0] = mix(a);
    key->hash[1] = mix(b);
    key->bytes = bytes;
}

FoveaWeights *fovea_weights_new(void)
{
    FoveaWeights *weights = g_new0(FoveaWeights, 1);
    g_atomic_ref_count_init(&weights->refs);
    g_mutex_init(&weights->lock);
    weights->items = g_hash_table_new_full(key_hash, key_equal, key_free, item_free);
    return weights;
}

FoveaWeights *fovea_weights_ref(FoveaWeights *weights)
{
    g_atomic_ref_count_inc(&weights->refs);
    return weights;
}

void fovea_weights_unref(FoveaWeights *weights)
{
    if (weights == NULL || !g_atomic_ref_count_dec(&weights->refs))
        return;
    g_hash_table_destroy(weights->items);
    g_mutex_clear(&weights->lock);
    g_free(weights);
}

gpointer fovea_weights_get(FoveaWeights *weights, const FoveaTensor *tensor, const char *layout,
                           FoveaPackFunc pack, gpointer user_data, GDestroyNotify destroy,
                           GError **error)
{
    Key probe = {.layout = (char *)layout};
    hash_tensor(tensor, &probe);
    g_mutex_lock(&weights->lock);
    Item *item = g_hash_table_lookup(weights->items, &probe);
    if (item == NULL) {
        gsize bytes = 0;
        gpointer packed = pack(tensor, user_data, &bytes, error);
        if (packed != NULL) {
            Key *key = g_memdup2(&probe, sizeof probe);
            key->layout = g_strdup(layout);
            item = g_new0(Item, 1);
            item->packed = packed;
            item->bytes = bytes;
            item->destroy = destroy;
            weights->bytes += bytes;
            g_hash_table_insert(weights->items, key, item);
        }
    }
    g_mutex_unlock(&weights->lock);
    return item != NULL ? item->packed : NULL;
}

guint64 fovea_weights_bytes(FoveaWeights *weights)
{
    g_mutex_lock(&weights->lock);
    guint64 bytes = weights->bytes;
    g_mutex_unlock(&weights->lock);
    return bytes;
}
