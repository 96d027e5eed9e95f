#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: caption-to-srt.sh IN OUT.srt   writes down what is said, with times (or OUT.vtt, OUT.jsonl)
#
# `fovea transcribe IN --output OUT.srt` does the same with progress, from the whole file at once.
set -eu
. "$(dirname "$0")/common.sh"
[ $# = 2 ] || usage
transcribe
# shellcheck disable=SC2086
exec gst-launch-1.0 -q -e filesrc location="$1" ! \
    decodebin caps=audio/x-raw expose-all-streams=false ! audioconvert ! $transcribe name=t \
    t.src ! fakesink sync=false async=false \
    t.text ! foveapublish location="$2" stream="$(basename "$1")" ! fakesink sync=false async=false
