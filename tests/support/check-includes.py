#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the arrows of docs/design.md: which room may include which.

usage: check-includes.py [ROOT]      list every include that breaks an arrow; 1 if there is one
       check-includes.py --tap ROOT  the same as TAP, after provoking each kind of violation
"""
import os
import re
import sys
import tempfile

# Rooms of core/ and the rooms they may include beside themselves, base, tensor and core/fovea.
CORE = {
    'base': set(),
    'tensor': set(),
    'graph': {'ops', 'attention'},
    'ops': {'graph', 'attention'},
    'attention': {'graph', 'ops'},
    'onnx': {'graph', 'ops'},
    'cpu': {'ops', 'attention', 'graph'},
    'vulkan': {'ops', 'attention', 'graph'},
    'media': set(),
    'text': set(),
    'task': {'graph', 'media', 'text'},
}
EVERYWHERE = {'base', 'tensor', 'fovea'}
# Headers of the system that only some places may see: pattern -> path prefixes.
SYSTEM = [
    (re.compile(r'^gst/'), ('plugins/', 'pipelines/', 'tests/')),
    (re.compile(r'^vulkan/'), ('core/vulkan/', 'tests/')),
    (re.compile(r'^(dnnl|oneapi/)'), ('core/cpu/', 'tests/')),
    (re.compile(r'^(cairo|pango)'), ('pipelines/fovea/', 'plugins/', 'tests/')),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    """(line number, bracket, name) of every include of a file."""
    with open(path, encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1), match.group(2)


def target(root, path, name):
    """The file of the project that an include means, relative to root; None: not the project's."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    if os.path.exists(os.path.join(root, beside)):
        return beside
    # The include directories of the build are core/ and plugins/.
    for base in ('core', 'plugins'):
        if os.path.exists(os.path.join(root, base, name)):
            return os.path.normpath(os.path.join(base, name))
    first = name.split('/')[0]
    if '/' in name and (first in CORE or first == 'fovea'):
        return os.path.normpath(os.path.join('core', name))  # a header made by the build
    return None


def core_problem(room, to):
    if not to.startswith('core/'):
        return 'core includes nothing outside core'
    other = to.split('/')[1]
    if room == 'fovea':
        return None if other == 'fovea' else 'public headers include public headers only'
    if other == room or other in EVERYWHERE and not (room == 'base' and other == 'tensor'):
        return None
    if other in CORE.get(room, set()):
        return None
    return f'{room} must not include {other}'


def problem(path, bracket, name, to):
    """What is wrong with an include, or None."""
    for pattern, places in SYSTEM:
        if pattern.match(name) and to is None and not path.startswith(places):
            return f'<{name}> belongs to {", ".join(p for p in places if p != "tests/")} only'
    if to is None:
        return None
    parts = path.split('/')
    if parts[0] == 'core':
        return core_problem(parts[1], to)
    if parts[0] == 'plugins':
        own = 'plugins/' + parts[1] + '/'
        ok = to.startswith(('core/fovea/', 'plugins/common/', own)) or '/' not in to[len('plugins/'):]
        # common/ serves the tasks, not the other way round
        return None if ok else 'plugins include core/fovea and plugins/common only'
    if parts[0] == 'pipelines':
        ok = to.startswith(('core/fovea/', 'pipelines/'))
        return None if ok else 'pipelines include core/fovea only'
    return None


def check(root):
    found = []
    for top in ('core', 'plugins', 'pipelines'):
        for folder, _, files in os.walk(os.path.join(root, top)):
            for file in sorted(files):
                if not file.endswith(('.c', '.h')):
                    continue
                path = os.path.relpath(os.path.join(folder, file), root)
                for number, bracket, name in includes(os.path.join(root, path)):
                    wrong = problem(path, bracket, name, target(root, path, name))
                    if wrong:
                        found.append(f'{path}:{number}: "{name}": {wrong}')
    return found


# One bad include each: file, its include.
PROVOKED = [
    ('core/graph/a.c', '<gst/gst.h>'),
    ('core/task/a.c', '"cpu/cpu.h"'),
    ('core/task/a.c', '"vulkan/device.h"'),
    ('core/graph/a.c', '"cpu/cpu.h"'),
    ('core/cpu/a.c', '<vulkan/vulkan.h>'),
    ('core/base/a.c', '"tensor/view.h"'),
    ('core/media/a.c', '"../task/task.h"'),
    ('core/fovea/a.h', '"base/base.h"'),
    ('plugins/detect/a.c', '"graph/graph.h"'),
    ('plugins/detect/a.c', '"overlay/b.h"'),
    ('plugins/detect/a.c', '<vulkan/vulkan.h>'),
    ('pipelines/a.c', '"base/base.h"'),
    ('pipelines/fovea/a.c', '"common/meta.h"'),
]
GOOD = [
    ('core/vulkan/a.c', '<vulkan/vulkan.h>'),
    ('core/task/a.c', '"fovea/task.h"'),
    ('core/onnx/a.c', '"graph/graph.h"'),
    ('plugins/detect/a.c', '"common/meta.h"'),
    ('plugins/detect/a.c', '<gst/gst.h>'),
    ('pipelines/a.c', '<fovea/fovea.h>'),
]
HEADERS = ['core/base/base.h', 'core/tensor/view.h', 'core/graph/graph.h', 'core/cpu/cpu.h',
           'core/vulkan/device.h', 'core/task/task.h', 'core/fovea/task.h', 'core/fovea/fovea.h',
           'plugins/common/meta.h', 'plugins/overlay/b.h']


def try_one(file, include):
    with tempfile.TemporaryDirectory() as root:
        for path in HEADERS + [file]:
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), 'w', encoding='utf-8') as out:
                out.write(f'#include {include}\n' if path == file else '')
        return check(root)


def tap(root):
    failed = False
    number = 0
    print(f'1..{len(PROVOKED) + len(GOOD) + 1}')
    for cases, caught in ((PROVOKED, True), (GOOD, False)):
        for file, include in cases:
            number += 1
            ok = bool(try_one(file, include)) == caught
            failed |= not ok
            verb = 'refuses' if caught else 'accepts'
            print(f'{"ok" if ok else "not ok"} {number} {verb} {include} in {file}')
    found = check(root)
    for line in found:
        print('# ' + line)
    print(f'{"not ok" if found else "ok"} {number + 1} every include follows the arrows')
    return 1 if failed or found else 0


def main():
    arguments = sys.argv[1:]
    root = [a for a in arguments if a != '--tap'] or [
        os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')]
    if '--tap' in arguments:
        return tap(root[0])
    found = check(root[0])
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
