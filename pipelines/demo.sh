#!/bin/bash
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: pipelines/demo.sh [cpu|vulkan|vulkan:N]
#
# Installs what is missing (Debian), builds, and makes in out/ from real footage: a clip restored
# by the default model, beside plain scaling; a clip with what was detected; captions. Each part
# says in a line what it made, or what is missing and how to get it. The exit status is 0 when at
# least one part worked and none broke.
#
# CLIP  another video    OUT  another folder than out/    FOVEA_MODELS  folders of models, with ':'
set -eu
cd "$(dirname "$0")/.."
root=$PWD
device=${1:-cpu}
out=${OUT:-$root/out}
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/fovea
shared=${FOVEA_SHARED:-$root/../shared}

# Debian's opencv-doc has a clip of pedestrians. Only that file is taken from the package: it is
# large, and many systems leave documentation out when they install.
debian_clip() {
    local installed deb=$cache/deb
    installed=$(dpkg -L opencv-doc 2>/dev/null | grep '/vtest\.avi' | head -n 1) || true
    case $installed in
    *.gz) mkdir -p "$cache" && gzip -dc "$installed" >"$cache/vtest.avi" && echo "$cache/vtest.avi" ;;
    ?*) [ -f "$installed" ] && echo "$installed" ;;
    *)
        if [ ! -f "$cache/vtest.avi" ]; then
            echo "Fetching the clip from Debian's opencv-doc (95 MB) ..." >&2
            rm -rf "$deb"
            mkdir -p "$deb" && chmod 755 "$deb" || return 1
            (cd "$deb" && timeout 300 apt-get download -qq opencv-doc >/dev/null 2>&1) || return 1
            dpkg-deb --fsys-tarfile "$deb"/opencv-doc_*.deb |
                tar -xO --wildcards './usr/share/doc/opencv-doc/*/vtest.avi' >"$deb/vtest.avi" 2>/dev/null
            [ -s "$deb/vtest.avi" ] || return 1
            mv "$deb/vtest.avi" "$cache/vtest.avi"
            rm -rf "$deb"
        fi
        echo "$cache/vtest.avi"
        ;;
    esac
}

find_clip() {
    if [ -n "${CLIP:-}" ]; then
        echo "$CLIP"
    elif [ -f "$shared/media/video/vtest.mp4" ]; then
        echo "$shared/media/video/vtest.mp4"
    else
        debian_clip
    fi
}

describe() { gst-discoverer-1.0 "$1" 2>/dev/null; }
has_sound() { describe "$1" | grep -qi '^ *audio'; }
number() { describe "$1" | sed -n "s/^ *$2: *\([0-9]*\).*/\1/p" | head -n 1; }
x264() { echo x264enc speed-preset=veryfast pass=qual quantizer="$1" ! h264parse; }
title() { echo textoverlay text="$1" font-desc=Sans,20 valignment=top halignment=left shaded-background=true; }
say() { printf '%-10s %s\n' "$1:" "$2"; }

# The middle of the clip at twice its size, plainly scaled and restored.
restored() {
    local width height size=video/x-raw
    width=$(number "$clip" Width) height=$(number "$clip" Height)
    [ -n "$width" ] && [ -n "$height" ] || { say Restored "broke: $clip is no video"; return 1; }
    width=$((width < 384 ? width / 2 * 2 : 384)) height=$((height < 288 ? height / 2 * 2 : 288))
    size=$size,width=$width,height=$height
    # shellcheck disable=SC2046
    gst-launch-1.0 -q -e filesrc location="$clip" ! decodebin ! videoconvert ! \
        videocrop top=-1 bottom=-1 left=-1 right=-1 ! "$size" ! identity eos-after=101 ! tee name=t \
        compositor name=c sink_1::xpos=$((2 * width)) ! videoconvert ! video/x-raw,format=I420 ! \
        $(x264 18) ! mp4mux ! filesink location="$out/restored.mp4" \
        t. ! queue ! fovearestore device="$device" strength=0 ! $(title bicubic) ! queue ! c.sink_0 \
        t. ! queue ! fovearestore device="$device" ! $(title Fovea) ! queue ! c.sink_1 ||
        { say Restored "broke: see above"; return 1; }
    say Restored "$out/restored.mp4 (the middle of $(basename "$clip"), left plainly scaled, right by fovea-restore-x2)"
}

detected() {
    local model start end
    model=$(pipelines/find-model.sh "${MODEL_SIZE:-femto}" 2>/dev/null) || {
        say Detected "nothing: no detection model; pipelines/find-model.sh downloads one or says why not"
        return 2
    }
    start=$(date +%s.%N)
    # shellcheck disable=SC2046
    gst-launch-1.0 -q filesrc location="$clip" ! decodebin ! videoconvert ! queue ! \
        foveadetect model="$model" device="$device" ! foveaoverlay ! \
        foveapublish location="$out/detected.jsonl" ! queue ! \
        $(x264 22) ! mp4mux ! filesink location="$out/detected.mp4" ||
        { say Detected "broke: see above"; return 1; }
    end=$(date +%s.%N)
    say Detected "$out/detected.mp4, .jsonl ($(awk -v start="$start" -v end="$end" '
        { frames++; people += gsub(/"label": "person"/, ""); others += gsub(/"label": /, "") }
        END {
            if (!frames) { print "no frame came out"; exit 1 }
            printf "%d frames, %.1f people and %.1f other objects a frame, %.1f frames a second",
                frames, people / frames, others / frames, frames / (end - start)
        }' "$out/detected.jsonl"))" || return 1
}

# Speech over the clip: what is said in the shared recordings, with pauses.
talk() {
    local file sound='audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=44100,channels=1,layout=interleaved'
    local part=()
    for file in jfk.wav librivox_0870.flac librivox_0880.flac LJ001-0004.flac; do
        part+=(filesrc location="$shared/media/speech/$file" ! decodebin ! $sound ! c.
            audiotestsrc wave=silence num-buffers=60 ! $sound ! c.)
    done
    # shellcheck disable=SC2046,SC2086
    gst-launch-1.0 -q -e matroskamux name=m ! filesink location="$1" \
        concat name=c ! $sound ! audioconvert ! avenc_aac ! \
        queue max-size-time=60000000000 max-size-bytes=0 max-size-buffers=0 ! m. "${part[@]}" \
        filesrc location="$clip" ! decodebin ! videoconvert ! videoscale add-borders=true ! \
        video/x-raw,width=640,height=480,pixel-aspect-ratio=1/1 ! $(x264 22) ! queue ! m.
}

captions() {
    local model film=$clip made=
    model=$(pipelines/find-model.sh whisper 2>/dev/null) || {
        say Captions "nothing: no Whisper; \`pipelines/find-model.sh whisper\` says how to get it"
        return 2
    }
    if ! has_sound "$clip"; then
        [ -d "$shared/media/speech" ] || {
            say Captions "nothing: $(basename "$clip") has no sound; name a video with speech in CLIP"
            return 2
        }
        made=$out/talk.mkv film=$made
        talk "$film" || { say Captions "broke: see above"; return 1; }
    fi
    MODEL=$model DEVICE=$device LOCATION=$out/captions.srt \
        pipelines/caption-to-mp4.sh "$film" "$out/captioned.mp4" ||
        { say Captions "broke: see above"; return 1; }
    [ -z "$made" ] || rm -f "$made"
    say Captions "$out/captioned.mp4, captions.srt ($(grep -c -- '-->' "$out/captions.srt") captions)"
}

tests/support/install.sh build demo
[ -f build/build.ninja ] || meson setup build >/dev/null || {
    echo "The build could not be configured: see build/meson-logs/meson-log.txt." >&2
    exit 1
}
echo "Building ..."
ninja -C build --quiet
export GST_PLUGIN_PATH=$root/build/plugins${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
clip=$(find_clip) || {
    echo "No clip: Debian's opencv-doc is not to be had; name a video in CLIP." >&2
    exit 1
}
mkdir -p "$out"
cd "$out"
rm -f restored.mp4 detected.mp4 detected.jsonl captioned.mp4 captions.srt
cd "$root"
echo "Working on $clip on $device ..."
worked=0 broke=0
for part in restored detected captions; do
    status=0
    $part || status=$?
    case $status in
    0) worked=$((worked + 1)) ;;
    2) ;;
    *) broke=$((broke + 1)) ;;
    esac
done
[ "$worked" -gt 0 ] && [ "$broke" = 0 ]
