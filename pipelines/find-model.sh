#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: find-model.sh [atto|femto]   prints the path of a DEIMv2 detection model
#
# Looked for in the folders of $FOVEA_MODELS (separated by ':'), then in ../shared/models beside the project, then among earlier
# downloads; else it is downloaded from its public home and checked against the hash below.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
size=${1:-femto}
case $size in
atto) pixels=320 sum=b114aa6610ac7c2bd9b3186ffb001afa872430db957407ef2473f7148d00646e ;;
femto) pixels=416 sum=c6ad358f750132b891165e034c2ba507abefc5ebe1c1d2732a0acbcacc47e52c ;;
*) echo "usage: find-model.sh [atto|femto]" >&2; exit 2 ;;
esac
name=deimv2_hgnetv2_${size}_coco
home=Kazuhito00/DEIMv2-ONNX-Sample/f88d4382abca74edb26ed4c7f46190ac40da0ea5/model
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/fovea/models/deimv2

look_in() {
    if [ -f "$1/$name.onnx" ] && [ -f "$1/$name.json" ]; then
        echo "$1/$name.onnx"
        exit 0
    fi
}
IFS=:
for folder in ${FOVEA_MODELS:-}; do
    look_in "$folder/deimv2"
    look_in "$folder"
done
unset IFS
look_in "${FOVEA_SHARED:-$here/../../shared}/models/deimv2"
look_in "$cache"

part=$cache/$name.onnx.part
fail() {
    rm -f "$part"
    echo "No detection model: $1" >&2
    echo "Put $name.onnx and its .json into a folder and name that folder in FOVEA_MODELS." >&2
    exit 1
}
mkdir -p "$cache" || fail "$cache cannot be made."
command -v curl >/dev/null || fail "none was found, and there is no curl to download one with."
echo "Downloading $name.onnx (DEIMv2, Apache-2.0) ..." >&2
curl -fsSL --max-time 120 -o "$part" "https://raw.githubusercontent.com/$home/$name.onnx" ||
    fail "none was found, and the download of $name.onnx failed."
echo "$sum  $part" | sha256sum -c --quiet - >/dev/null 2>&1 ||
    fail "the file that was downloaded is not $name.onnx as it was published (its SHA-256 differs)."
cp "$here/coco-labels.txt" "$cache/labels.txt"
cat >"$cache/$name.json" <<JSON
{
  "task": "detect", "colour": "rgb", "layout": "NCHW", "input_range": [0, 1],
  "size": [$pixels, $pixels], "resize": "stretch", "activation": "none", "labels": "labels.txt",
  "source": "$home/$name.onnx", "licence": "Apache-2.0"
}
JSON
mv "$part" "$cache/$name.onnx"
echo "$cache/$name.onnx"
