#!/bin/sh
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: find-model.sh [femto|atto|whisper]   prints the path of a model: DEIMv2 (detection), Whisper
#
# Looked for in the folders of $FOVEA_MODELS (separated by ':'), then in ../shared/models beside
# the project, then among earlier downloads. DEIMv2 is downloaded else, from its public home, and
# checked against the hash below. (The default restorer is part of Fovea: models/.)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-femto}
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/fovea/models

# everywhere COMMAND: COMMAND FOLDER for every folder of models
everywhere() {
    IFS=:
    for folder in ${FOVEA_MODELS:-}; do
        unset IFS
        "$1" "$folder"
    done
    unset IFS
    "$1" "${FOVEA_SHARED:-$here/../../shared}/models"
    "$1" "$cache"
}

# ---- Whisper: a folder as transformers.js lays it out; nothing is downloaded, since nobody
# ---- publishes hashes to check it against
whisper=whisper-tiny.en
find_whisper() {
    for name in encoder_model decoder_model_merged; do
        [ -f "$1/$whisper/onnx/$name.onnx" ] || [ -f "$1/$whisper/onnx/${name}_fp16.onnx" ] ||
            return 0
    done
    echo "$1/$whisper"
    exit 0
}
if [ "$what" = whisper ]; then
    everywhere find_whisper
    cat >&2 <<END
No speech model: there is no $whisper in FOVEA_MODELS or $cache. To get it (MIT licence, about 150 MB) from the Hugging Face hub:
    for file in config.json generation_config.json preprocessor_config.json tokenizer.json \\
            onnx/encoder_model.onnx onnx/decoder_model_merged.onnx; do
        curl -fL --create-dirs -o $cache/$whisper/\$file \\
            https://huggingface.co/onnx-community/$whisper/resolve/main/\$file
    done
END
    exit 1
fi

# ---- DEIMv2
case $what in
atto) pixels=320 sum=b114aa6610ac7c2bd9b3186ffb001afa872430db957407ef2473f7148d00646e ;;
femto) pixels=416 sum=c6ad358f750132b891165e034c2ba507abefc5ebe1c1d2732a0acbcacc47e52c ;;
*) echo "usage: find-model.sh [femto|atto|whisper]" >&2; exit 2 ;;
esac
name=deimv2_hgnetv2_${what}_coco
home=Kazuhito00/DEIMv2-ONNX-Sample/f88d4382abca74edb26ed4c7f46190ac40da0ea5/model
find_deimv2() {
    for folder in "$1/deimv2" "$1"; do
        if [ -f "$folder/$name.onnx" ] && [ -f "$folder/$name.json" ]; then
            echo "$folder/$name.onnx"
            exit 0
        fi
    done
}
everywhere find_deimv2

cache=$cache/deimv2
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
