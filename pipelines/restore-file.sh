#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: restore-file.sh IN OUT.mp4   makes a video better or larger; its sound goes along
#
# CRF: x264's quality, 0 (best) to 50 (20). `fovea restore IN -o OUT.mp4` does the same with
# progress, and keeps the sound as it is where this script encodes it anew.
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 2 ] || usage
restore "${MODEL:-}"
in=$1 out=$2
set --
if has_sound "$in"; then
    # It waits for the pictures, which the encoder looks at two seconds ahead.
    # shellcheck disable=SC2086
    set -- d. ! audioconvert ! audioresample ! avenc_aac ! $hold ! m.
fi
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e filesrc location="$in" ! decodebin name=d mp4mux name=m ! \
    filesink location="$out" d. ! videoconvert ! video/x-raw,format=I420 ! queue ! $restore ! queue ! \
    x264enc pass=qual quantizer="${CRF:-20}" ! h264parse ! queue ! m. "$@"
