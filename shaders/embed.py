#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes C out of compiled shaders.

embed.py header OUTPUT NAME...         the enumeration FoveaVkShader
embed.py source OUTPUT FILE.spv...     the modules, in the same order
"""
import os
import struct
import sys

NOTE = '/* Made by shaders/embed.py from the list in shaders/meson.build. */\n'


def header(names):
    lines = [NOTE, '#pragma once\n', '#include <glib.h>\n', 'typedef enum FoveaVkShader {\n']
    lines += [f'    FOVEA_VK_SHADER_{name},\n' for name in names]
    lines += ['    FOVEA_VK_N_SHADERS\n', '} FoveaVkShader;\n',
              'typedef struct FoveaVkModule {\n    const char *name;\n    const guint32 *code;\n'
              '    guint n_words;\n} FoveaVkModule;\n',
              'extern const FoveaVkModule fovea_vk_modules[FOVEA_VK_N_SHADERS];\n']
    return lines


def source(files):
    lines = [NOTE, '#include "vk-shaders.h"\n']
    table = []
    for path in files:
        name = os.path.basename(path)[:-len('.spv')]
        data = open(path, 'rb').read()
        words = struct.unpack(f'<{len(data) // 4}I', data)
        lines.append(f'static const guint32 {name}_code[] = {{\n')
        for at in range(0, len(words), 12):
            lines.append(','.join(hex(w) for w in words[at:at + 12]) + ',\n')
        lines.append('};\n')
        table.append(f'    {{"{name}", {name}_code, {len(words)}}},\n')
    lines += ['const FoveaVkModule fovea_vk_modules[FOVEA_VK_N_SHADERS] = {\n', *table, '};\n']
    return lines


def main():
    kind, output = sys.argv[1:3]
    lines = header(sys.argv[3:]) if kind == 'header' else source(sys.argv[3:])
    with open(output, 'w', encoding='ascii') as out:
        out.writelines(lines)


main()
