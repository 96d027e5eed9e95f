#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: file-to-mp4.sh IN OUT.mp4   draws what is detected into every frame of a video
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 2 ] || usage
detect
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e filesrc location="$1" ! decodebin ! videoconvert ! queue ! \
    $detect ! foveaoverlay ! queue ! x264enc ! h264parse ! mp4mux ! filesink location="$2"
