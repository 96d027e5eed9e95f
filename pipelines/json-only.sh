#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: json-only.sh VIDEO   writes a JSON line a frame to standard output, and nothing else
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 1 ] || usage
detect
# shellcheck disable=SC2086
exec gst-launch-1.0 -q filesrc location="$1" ! decodebin ! videoconvert ! queue ! \
    $detect ! foveapublish location=- stream="$(basename "$1")" ! fakesink sync=false
