/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tests of tokenizers share: the folder of models and media, and data/tokenizer.json.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "text/tokenizer.h"

/* The path of a file of shared/ (transfer full), or NULL where the whole folder is not there. */
char *shared_file(const char *name);
/* g_test_skip with the reason, and TRUE, where shared/ is not there. */
gboolean shared_missing(void);

/* data/tokenizer.json; *parser keeps it alive. */
JsonObject *tokenizer_data(JsonParser **parser);
/* The text of a case's tokenizer.json (transfer full); NULL: it is Whisper's. */
char *tokenizer_file(JsonObject *of);
/* A tokenizer from the text of its file. */
FoveaTokenizer *tokenizer_from(const char *text, gssize length, GError **error);
