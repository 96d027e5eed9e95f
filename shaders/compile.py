#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiles one GLSL compute shader and checks the result.

compile.py GLSLANG SPIRV_VAL|- INCLUDE_DIR SOURCE OUTPUT DEPFILE [-Dname=value]...
"""
import subprocess
import sys


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        sys.exit(1)


def main():
    glslang, val, include, source, output, depfile = sys.argv[1:7]
    run([glslang, '-V', '--quiet', '--target-env', 'vulkan1.2', '-I' + include, *sys.argv[7:],
         '--depfile', depfile, '-o', output, source])
    if val != '-':
        run([val, '--target-env', 'vulkan1.2', output])


main()
