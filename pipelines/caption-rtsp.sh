#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: caption-rtsp.sh rtsp://HOST/PATH   shows a network stream with live captions drawn in
#
# DELAY=0: pictures are not delayed, and a caption appears as soon as it is understood. DELAY=MS:
# pictures and sound are shown that much later, and captions with the words that they are.
# LATENCY: milliseconds that rtspsrc waits for late packets (200). LOCATION: also write JSON lines
# there. SINK and AUDIO_SINK replace screen and loudspeaker by other elements.
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 1 ] || usage
transcribe
url=$1 wait=false
[ "${DELAY:-0}" = 0 ] || wait=true
set --
[ -z "${LOCATION:-}" ] || set -- foveapublish location="$LOCATION" stream="$url" !
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e rtspsrc name=r location="$url" latency="${LATENCY:-200}" \
    r. ! application/x-rtp,media=video ! $hold ! decodebin ! videoconvert ! \
    textoverlay name=o wait-text=$wait font-desc="${FONT:-Sans 18}" shaded-background=true ! \
    videoconvert ! queue ! ${SINK:-autovideosink} \
    r. ! application/x-rtp,media=audio ! queue ! decodebin ! audioconvert ! \
    $transcribe name=t max-latency="${DELAY:-0}" \
    t.src ! $hold ! audioconvert ! audioresample ! ${AUDIO_SINK:-autoaudiosink} \
    t.text ! "$@" queue ! o.text_sink
