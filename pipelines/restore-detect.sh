#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: restore-detect.sh IN OUT.mp4   restores every frame of a video, then detects in it
#
# The detector finds what is small the better the larger it is. MODEL is its model, RESTORER the
# restorer's. LOCATION: also write JSON lines there.
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 2 ] || usage
detect
restore "${RESTORER:-}"
in=$1 out=$2
set --
[ -z "${LOCATION:-}" ] || set -- foveapublish location="$LOCATION" !
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e filesrc location="$in" ! decodebin ! videoconvert ! \
    video/x-raw,format=I420 ! queue ! \
    $restore ! queue ! $detect ! "$@" foveaoverlay ! queue ! x264enc ! h264parse ! mp4mux ! \
    filesink location="$out"
