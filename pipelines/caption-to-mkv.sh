#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: caption-to-mkv.sh IN OUT.mkv   adds a subtitle track with what is said to a video
#
# Pictures and sound go along as they are. matroskamux writes in order of time, so both wait for
# the text in queues ($hold in common.sh). Its pads are named, since a queue does not say what it
# carries; and filesink is not waited for at the start (async=false), since nothing reaches it
# before the first text is settled.
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 2 ] || usage
transcribe
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e filesrc location="$1" ! parsebin name=p \
    matroskamux name=m ! filesink async=false location="$2" \
    p. ! "$coded_video" ! $hold ! m.video_0 \
    p. ! "$coded_audio" ! tee name=sound ! $hold ! m.audio_0 \
    sound. ! queue ! decodebin ! audioconvert ! $transcribe name=t \
    t.src ! fakesink sync=false async=false \
    t.text ! queue ! m.subtitle_0
