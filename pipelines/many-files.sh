#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: many-files.sh OUT.jsonl VIDEO...   detects in several videos at once, in one process
#
# Elements with the same model and device share one engine: the model is read and compiled once.
# All lines go into one file; "stream" says which video a line is about.
set -eu
. "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || usage
detect
out=$1
shift
# The branches are added to the arguments, the videos taken off their front.
n=$#
while [ "$n" -gt 0 ]; do
    # shellcheck disable=SC2086
    set -- "$@" filesrc location="$1" ! decodebin ! videoconvert ! queue ! $detect ! \
        foveapublish location="$out" stream="$(basename "$1")" ! fakesink sync=false
    shift
    n=$((n - 1))
done
exec gst-launch-1.0 -q "$@"
