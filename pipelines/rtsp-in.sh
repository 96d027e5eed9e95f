#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: rtsp-in.sh rtsp://HOST/PATH   JSON lines of what is detected in a network camera's stream
#
# LATENCY: milliseconds that rtspsrc waits for late packets (200). LOCATION: where lines go (-).
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 1 ] || usage
detect
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e rtspsrc location="$1" latency="${LATENCY:-200}" ! decodebin ! \
    videoconvert ! $detect ! foveapublish location="${LOCATION:--}" stream="$1" ! \
    fakesink sync=false
