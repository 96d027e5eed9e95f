/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dump-model FILE...: the canonical text of ONNX files, to compare with check_reader.py --dump.
 */
#include <stdio.h>

#include "dump.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = dump_onnx(argv[i], &error);
        if (text == NULL) {
            fprintf(stderr, "%s: %s\n", argv[i], error->message);
            return 1;
        }
        fputs(text, stdout);
    }
    return 0;
}
