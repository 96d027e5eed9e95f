#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: json-only.sh VIDEO   writes a JSON line a frame to standard output, and nothing else
set -eu
[ $# = 1 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
. "$(dirname "$0")/common.sh"
# shellcheck disable=SC2086
exec gst-launch-1.0 -q filesrc location="$1" ! decodebin ! videoconvert ! queue ! \
    $detect ! foveapublish location=- stream="$(basename "$1")" ! fakesink sync=false
