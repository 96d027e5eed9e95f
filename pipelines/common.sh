# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# Read by the scripts beside it: finds the plugin of a build that is not installed, and models.
# MODEL, DEVICE and THRESHOLD in the environment replace the defaults.
here=$(cd "$(dirname "$0")" && pwd)
if [ -f "$here/../build/plugins/libgstfovea.so" ]; then
    export GST_PLUGIN_PATH="$here/../build/plugins${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
fi
device=${DEVICE:-cpu}

# Each of these sets the variable of its name to an element and its properties.
detect() {
    model=${MODEL:-$("$here/find-model.sh")} || exit 1
    detect="foveadetect model=$model device=$device threshold=${THRESHOLD:-0.5}"
}
restore() { # a model of one's own, or nothing for the default one
    restore="fovearestore device=$device${1:+ model=$1}"
}
transcribe() {
    model=${MODEL:-$("$here/find-model.sh" whisper)} || exit 1
    transcribe="foveatranscribe model=$model device=$device"
}

usage() { sed -n '4s/^# //p' "$0" >&2; exit 2; }

has_sound() { gst-discoverer-1.0 "$1" 2>/dev/null | grep -qi '^ *audio'; }

# Text comes later than the media that it belongs to: foveatranscribe keeps at most 22 s of speech
# that it is not sure of, and a caption waits for its end, at most 7 s. Where text and media meet
# again, media has to wait in a queue that is longer than that, and it waits compressed: as much
# decoded video would take gigabytes.
hold='queue max-size-time=60000000000 max-size-bytes=0 max-size-buffers=0'
# What a parser hands out (a queue alone would take any stream, the wrong one too).
coded_video='video/x-h264;video/x-h265;video/x-vp8;video/x-vp9;video/x-av1;video/mpeg;video/x-divx;video/x-theora;image/jpeg'
coded_audio='audio/mpeg;audio/x-opus;audio/x-vorbis;audio/x-flac;audio/x-ac3;audio/x-raw;audio/x-speex;audio/x-alaw;audio/x-mulaw'
