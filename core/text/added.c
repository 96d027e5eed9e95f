/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Added tokens: found in the text before it is cut and merged.
 */
#include "text/tokenizer-internal.h"

gint fovea_added_compare(gconstpointer a, gconstpointer b)
{
    const FoveaAdded *one = a, *other = b;
    gint order = memcmp(one->content, other->content, MIN(one->length, other->length));
    return order ? order : (one->length > other->length) - (one->length < other->length);
}
