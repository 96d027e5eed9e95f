#!/bin/bash
# Runs on the machine with the GPU, in the folder that bundle.sh made (it unpacks what lies there):
# parity of every kernel, the goldens and zoo entries at f32 and f16, and timings by kernel class.
# Ends with 'N passed, N failed, N skipped'. usage: run.sh [DEVICE]   (default: vulkan)
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ -f "$here/bundle.tar.xz" ] || here=$(cd "$here/../../.carry" && pwd)
archive=$here/bundle.tar.xz
here=$(mktemp -d)
tar -C "$here" -xJf "$archive" 2>/dev/null ||
    python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$archive" "$here" || exit 1
chmod +x "$here"/bin/*
device=${1:-vulkan}
export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FOVEA_SHARED=$here/shared FOVEA_NEED_DEVICE=1 G_TEST_SRCDIR=$here
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$(mktemp -d)}
icd=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
[ -e "$icd" ] && [ -z "${VK_DRIVER_FILES:-}" ] && export VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd
passed=0 failed=0 skipped=0
logs=${OUT:-$here}
speech=$(grep -c ^speech "$here/what")

# Counts the TAP lines of one program and shows those that failed.
tap() {
    name=$1
    shift
    "$@" >"$logs/$name.log" 2>&1
    rc=$?
    p=$(grep -cE '^ok [0-9]+' "$logs/$name.log")
    s=$(grep -cE '^ok [0-9]+.*# SKIP' "$logs/$name.log")
    f=$(grep -cE '^not ok [0-9]+' "$logs/$name.log")
    [ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    passed=$((passed + p - s)) failed=$((failed + f)) skipped=$((skipped + s))
    echo "== $name: $((p - s)) passed, $f failed, $s skipped (exit $rc)"
    grep -E '^not ok|^Bail|ERROR|error:' "$logs/$name.log" | head -${SHOW:-15}
}

"$here/bin/fovea" devices
[ "$speech" -gt 0 ] || tap fx timeout 60 "$here/bin/test-fx" -k
[ "$speech" -gt 0 ] || tap steps timeout 60 "$here/bin/models-whisper-steps" -k
if [ "$speech" -gt 0 ]; then
    python3 -c 'import lzma, shutil, sys
shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' /tmp/fovea-decoder.xz \
        "$FOVEA_SHARED/models/whisper-tiny.en/onnx/decoder_model_merged_fp16.onnx" || exit 1
    FOVEA_TEST_FULL=1 tap whisper timeout 200 "$here/bin/models-whisper" -k
    grep -E '^# [a-z]' "$logs/whisper.log" | head -20
fi
for precision in f32 f16; do
    [ "$speech" -gt 0 ] ||
        tap "parity-$precision" timeout 150 "$here/bin/device-parity" -k "$device" "$precision"
    # Only what travelled is tested.
    skip=
    for name in $("$here/bin/models-golden" -l "--device=$device" "--precision=$precision" |
        sed -n 's,^/golden/\([^/]*\)/.*/.*,\1,p' | sort -u); do
        tr ' ' '\n' <"$here/what" | grep -qxF "$name" ||
            skip="$skip -s /golden/$name/$device/$precision"
    done
    # shellcheck disable=SC2086
    tap "golden-$precision" timeout 150 "$here/bin/models-golden" -k $skip \
        "--device=$device" "--precision=$precision"
    grep -E '^# \|' "$logs/golden-$precision.log"
done

# bench MODEL [OPTION]...: milliseconds, then the GPU's time by kernel class.
bench() {
    local model=$FOVEA_SHARED/$1
    shift
    for precision in f32 f16; do
        echo "== bench $(echo "$model $*" | cut -c 1-90) $precision"
        timeout 60 "$here/bin/fovea" bench "$model" "$@" "--device=$device" \
            "--precision=$precision" --runs 100 --json
        FOVEA_PROFILE=1 timeout 60 "$here/bin/fovea" bench "$model" "$@" "--device=$device" \
            "--precision=$precision" --runs 20 --json | grep -o '"profile".*'
    done
}
if [ "$speech" -gt 0 ]; then
    # A prefill of 4 tokens, then a step over a past of 64.
    decoder=models/whisper-tiny.en/onnx/decoder_model_merged_fp16.onnx
    empty=() past=()
    for layer in 0 1 2 3; do
        for part in key value; do
            name=past_key_values.$layer
            empty+=(--shape "$name.decoder.$part=1x6x0x64" --shape "$name.encoder.$part=1x6x0x64")
            past+=(--shape "$name.decoder.$part=1x6x64x64" --shape "$name.encoder.$part=1x6x1500x64")
        done
    done
    no=$FOVEA_SHARED/golden/whisper-tiny.en__decoder_prefill/in_use_cache_branch.npy
    { head -c -1 "$no" && printf '\1'; } >"$here/yes.npy"
    bench "$decoder" --shape input_ids=1x4 --shape encoder_hidden_states=1x1500x384 \
        --input "use_cache_branch=$no" "${empty[@]}"
    bench "$decoder" --shape input_ids=1x1 --shape encoder_hidden_states=1x1500x384 \
        --input "use_cache_branch=$here/yes.npy" "${past[@]}"
else
    bench models/deimv2/deimv2_hgnetv2_atto_coco.onnx
    bench models/deimv2/deimv2_hgnetv2_femto_coco.onnx
    bench zoo/vit_cls/model.onnx
    bench zoo/swin/model.onnx
    bench models/whisper-tiny.en/onnx/encoder_model_fp16.onnx
    for model in ntire2024_esr/team38_span_ch28_slim ntire2022_esr/team30_scet \
        ntire2022_esr/team20_mobilesr camixersr/CAMixerSR_S_x4 iat/iat_lol_v1; do
        bench "models/$model.onnx" --shape input=1x3x180x320
    done
    [ ! -d "$FOVEA_SHARED/models/fovea-restore-x2" ] ||
        bench models/fovea-restore-x2/fovea-restore-x2.onnx --shape input=1x3x360x640
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
