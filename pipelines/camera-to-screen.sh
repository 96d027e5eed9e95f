#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: camera-to-screen.sh [/dev/videoN]   shows a camera with what is detected in it
#
# A frame that would come late is shown without being analysed; the last boxes stay for HOLD ms.
# SOURCE and SINK replace camera and screen by other elements.
set -eu
. "$(dirname "$0")/common.sh"
detect
# shellcheck disable=SC2086
exec gst-launch-1.0 -q ${SOURCE:-v4l2src device="${1:-/dev/video0}"} ! decodebin ! videoconvert ! \
    $detect ! foveaoverlay hold="${HOLD:-500}" ! videoconvert ! ${SINK:-autovideosink sync=false}
