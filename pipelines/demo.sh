#!/bin/bash
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: pipelines/demo.sh [cpu|vulkan|vulkan:N]
#
# Installs what is missing (Debian), builds, and detects objects in a clip of pedestrians: an
# annotated MP4 and JSON lines in out/, and one line of what was seen.
#
# FOVEA_MODELS  folder with the model      CLIP  another video      OUT  another folder than out/
set -eu
cd "$(dirname "$0")/.."
root=$PWD
device=${1:-cpu}
out=${OUT:-$root/out}
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/fovea

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
    local shared=${FOVEA_SHARED:-$root/../shared}/media/video/vtest.mp4
    if [ -n "${CLIP:-}" ]; then
        echo "$CLIP"
    elif ! debian_clip; then
        [ -f "$shared" ] && echo "$shared"
    fi
}

tests/support/install.sh build demo
[ -f build/build.ninja ] || meson setup build >/dev/null || {
    echo "The build could not be configured: see build/meson-logs/meson-log.txt." >&2
    exit 1
}
echo "Building ..."
ninja -C build --quiet
model=$(pipelines/find-model.sh "${MODEL_SIZE:-femto}")
clip=$(find_clip) || {
    echo "No clip: Debian's opencv-doc is not to be had; name a video in CLIP." >&2
    exit 1
}
mkdir -p "$out"
rm -f "$out/demo.mp4" "$out/demo.jsonl"
echo "Detecting in $clip with $(basename "$model") on $device ..."
export GST_PLUGIN_PATH=$root/build/plugins${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
start=$(date +%s.%N)
gst-launch-1.0 -q filesrc location="$clip" ! decodebin ! videoconvert ! queue ! \
    foveadetect model="$model" device="$device" ! foveaoverlay ! \
    foveapublish location="$out/demo.jsonl" ! queue ! \
    x264enc speed-preset=veryfast ! h264parse ! mp4mux ! filesink location="$out/demo.mp4"
end=$(date +%s.%N)
echo "Annotated clip: $out/demo.mp4"
echo "JSON lines:     $out/demo.jsonl"
awk -v seconds="$(awk "BEGIN { print $end - $start }")" '
    { frames++; people += gsub(/"label": "person"/, ""); others += gsub(/"label": /, "") }
    END {
        if (!frames) { print "No frame came out."; exit 1 }
        printf "%d frames, %.1f people a frame, %.1f other objects a frame, %.1f frames a second\n",
            frames, people / frames, others / frames, frames / seconds
    }' "$out/demo.jsonl"
