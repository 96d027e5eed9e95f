#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: restore-camera.sh [/dev/videoN]   shows a camera, half restored and half plainly scaled
#
# A frame that would come late is plainly scaled as a whole. COMPARE: vertical, horizontal or none.
# SOURCE and SINK replace camera and screen by other elements.
set -eu
. "$(dirname "$0")/common.sh"
restore "${MODEL:-}"
# shellcheck disable=SC2086
exec gst-launch-1.0 -q ${SOURCE:-v4l2src device="${1:-/dev/video0}"} ! decodebin ! videoconvert ! \
    $restore compare="${COMPARE:-vertical}" ! videoconvert ! ${SINK:-autovideosink sync=false}
