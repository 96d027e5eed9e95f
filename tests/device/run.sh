#!/bin/bash
# Runs on the machine with the GPU, from the folder that bundle.sh made: parity of every kernel, the
# goldens and zoo entries at f32 and f16, and timings by kernel class. Ends with
# 'N passed, N failed, N skipped'. usage: run.sh [DEVICE]   (default: vulkan)
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ -d "$here/bin" ] || here=$(cd "$here/../../.carry" && pwd)
device=${1:-vulkan}
export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FOVEA_SHARED=$here/shared FOVEA_NEED_DEVICE=1 G_TEST_SRCDIR=$here
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$(mktemp -d)}
icd=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
[ -e "$icd" ] && [ -z "${VK_DRIVER_FILES:-}" ] && export VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd
passed=0 failed=0 skipped=0
logs=${OUT:-$here}

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
tap fx timeout 60 "$here/bin/test-fx" -k
tap steps timeout 60 "$here/bin/models-whisper-steps" -k
for precision in f32 f16; do
    tap "parity-$precision" timeout 150 "$here/bin/device-parity" -k "$device" "$precision"
    tap "golden-$precision" timeout 150 "$here/bin/models-golden" -k "--device=$device" "--precision=$precision"
    grep -E '^# \|' "$logs/golden-$precision.log"
done
for model in models/deimv2/deimv2_hgnetv2_atto_coco.onnx models/deimv2/deimv2_hgnetv2_femto_coco.onnx \
             zoo/vit_cls/model.onnx zoo/swin/model.onnx; do
    for precision in f32 f16; do
        echo "== bench $model $precision"
        timeout 60 "$here/bin/fovea" bench "$FOVEA_SHARED/$model" "--device=$device" \
            "--precision=$precision" --runs 100 --json
        FOVEA_PROFILE=1 timeout 60 "$here/bin/fovea" bench "$FOVEA_SHARED/$model" "--device=$device" \
            "--precision=$precision" --runs 20 --json | grep -o '"profile".*'
    done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
