#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: caption-to-mp4.sh IN OUT.mp4   draws what is said into a video
#
# textoverlay shows a text only if it comes no later than its first picture, so it waits for text;
# the pictures queue meanwhile, compressed ($hold in common.sh). LOCATION: also write the captions
# there (.srt, .vtt, .jsonl).
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 2 ] || usage
transcribe
in=$1 out=$2
set --
[ -z "${LOCATION:-}" ] || set -- foveapublish location="$LOCATION" !
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e filesrc location="$in" ! parsebin name=p \
    mp4mux name=m ! filesink location="$out" \
    p. ! "$coded_video" ! $hold ! decodebin ! videoconvert ! \
    textoverlay name=o font-desc="${FONT:-Sans 18}" shaded-background=true ! videoconvert ! \
    video/x-raw,format=I420 ! x264enc ! h264parse ! queue ! m. \
    p. ! "$coded_audio" ! queue ! decodebin ! audioconvert ! $transcribe name=t \
    t.src ! audioconvert ! audioresample ! avenc_aac ! $hold ! m. \
    t.text ! "$@" queue ! o.text_sink
