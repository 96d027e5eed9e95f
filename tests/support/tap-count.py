#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the sub-tests of one `meson test` run.

usage: tap-count.py TESTLOG.json     prints failures and skips, then `passed failed skipped`
       tap-count.py --self-test      shows that failures, crashes and empty runs are seen
"""
import json
import os
import re
import sys
import tempfile

LINE = re.compile(r'^(ok|not ok)\b[ \t]*(\d*)[ \t]*-?[ \t]*([^#\n]*)(#\s*(SKIP|TODO)\b(.*))?', re.I)


def one_test(entry):
    """(passed, failed, skipped, lines to print) of one test program."""
    passed = failed = skipped = 0
    lines = []
    name, result = entry['name'], entry['result']
    for text in (entry.get('stdout') or '').splitlines():
        match = LINE.match(text)
        if not match:
            continue
        verdict, _, what, _, directive, reason = match.groups()
        if directive and directive.upper() == 'SKIP':
            skipped += 1
            lines.append(f'skipped: {name}: {what.strip()}: {(reason or "").strip()}')
        elif verdict.lower() == 'ok' or directive:
            passed += 1
        else:
            failed += 1
            lines.append(f'FAILED: {name}: {what.strip()}')
    if result == 'SKIP' and not passed + failed + skipped:
        skipped = 1
        lines.append(f'skipped: {name}')
    elif result not in ('OK', 'EXPECTEDFAIL', 'SKIP') and not failed:
        # A crash, a time-out, a missing plan: no sub-test says so.
        failed = 1
        lines.append(f'FAILED: {name}: {result} (exit {entry.get("returncode")})')
        lines += ['    ' + text for text in (entry.get('stderr') or '').splitlines()[-8:]]
    elif result in ('OK', 'EXPECTEDFAIL') and not passed + failed + skipped:
        passed = 1
    return passed, failed, skipped, lines


def count(path):
    total = [0, 0, 0]
    out = []
    tests = 0
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            if not line.strip():
                continue
            *numbers, lines = one_test(json.loads(line))
            total = [a + b for a, b in zip(total, numbers)]
            out += lines
            tests += 1
    if tests == 0:
        total[1] += 1
        out.append('FAILED: no test was run')
    return total, out


def self_test():
    cases = [
        ({'stdout': 'ok 1 /a\nok 2 /b # SKIP no GPU\n', 'result': 'OK'}, [1, 0, 1]),
        ({'stdout': 'ok 1 /a\nnot ok 2 /b\n', 'result': 'FAIL'}, [1, 1, 0]),
        ({'stdout': 'ok 1 /a\n', 'result': 'ERROR', 'returncode': -11}, [1, 1, 0]),
        ({'stdout': '', 'result': 'TIMEOUT'}, [0, 1, 0]),
        ({'stdout': '', 'result': 'OK'}, [1, 0, 0]),
        ({'stdout': '', 'result': 'SKIP'}, [0, 0, 1]),
        (None, [0, 1, 0]),
    ]
    bad = 0
    print(f'1..{len(cases)}')
    for number, (entry, expected) in enumerate(cases, 1):
        with tempfile.NamedTemporaryFile('w', delete=False) as file:
            file.write(json.dumps({'name': 'x', **entry}) + '\n' if entry else '')
        total, _ = count(file.name)
        os.unlink(file.name)
        bad += total != expected
        print(f'{"ok" if total == expected else "not ok"} {number} {entry and entry["result"]}')
    return 1 if bad else 0


def main():
    if sys.argv[1:] == ['--self-test']:
        return self_test()
    total, lines = count(sys.argv[1])
    for line in lines:
        print(line)
    print(*total)
    return 0


if __name__ == '__main__':
    sys.exit(main())
