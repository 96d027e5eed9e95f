#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: caption-microphone.sh   writes down what a microphone hears, a JSON line a caption
#
# A line with "final": false is what was understood so far; the next line replaces it.
# WINDOW=1 also shows the captions in a window. SOURCE and SINK replace microphone and screen by
# other elements. LOCATION: where lines go (-).
set -eu
. "$(dirname "$0")/common.sh"
transcribe
if [ -n "${WINDOW:-}" ]; then
    # The window does not wait for text: what is said appears as soon as it is understood.
    # shellcheck disable=SC2086
    set -- o.text_sink videotestsrc is-live=true pattern=black ! \
        video/x-raw,width=960,height=200,framerate=15/1 ! textoverlay name=o wait-text=false \
        font-desc="Sans 32" valignment=center ! videoconvert ! ${SINK:-autovideosink}
else
    set -- fakesink sync=false async=false
fi
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e ${SOURCE:-autoaudiosrc} ! queue ! audioconvert ! \
    $transcribe name=t partial-results=true \
    t.src ! fakesink sync=false async=false \
    t.text ! foveapublish location="${LOCATION:--}" stream=microphone ! queue ! "$@"
