#!/bin/sh
# Packs what a machine with a GPU needs to check Fovea into .carry/ (git-ignored, at most 60 MiB):
# run.sh, and one archive with the command, the test programs, the libraries they need, the Vulkan
# loader, and goldens and zoo entries. usage: tests/device/bundle.sh [BUILD_DIR] [speech]
# With `speech` it is Whisper instead. Its decoder is too large to travel with the rest: it lies in
# .carry-decoder/ and goes in a call of its own before, that leaves it where run.sh looks:
#   cp .carry-decoder/decoder.xz /tmp/fovea-decoder.xz
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build}
what=${2:-pictures}
shared=${FOVEA_SHARED:-$root/../shared}
out=$root/.carry
[ -d "$shared/zoo" ] || { echo "bundle: $shared has no zoo: set FOVEA_SHARED" >&2; exit 1; }

rm -rf "$out"
mkdir -p "$out/bin" "$out/lib" "$out/shared/models" "$out/shared/golden" "$out/shared/zoo"
cp "$build/pipelines/fovea/fovea" "$build/tests/kernels/device-parity" \
   "$build/tests/kernels/test-fx" "$build/tests/models/models-golden" \
   "$build/tests/models/models-whisper-steps" "$out/bin/"
strip --strip-debug "$out"/bin/*
cp -L "$build/core/libfovea.so.0" "$out/lib/"
strip --strip-debug "$out/lib/libfovea.so.0"
# The C library and what belongs to it come from the machine itself.
for program in "$out"/bin/*; do
    LD_LIBRARY_PATH=$out/lib ldd "$program"
done | awk '$3 ~ /^\// {print $3}' | sort -u |
    grep -Ev '/(libc|libm|libpthread|libdl|librt|ld-linux[^/]*|libfovea)\.so' |
    while read -r library; do cp -L "$library" "$out/lib/"; done
# What NVIDIA's driver asks for beside the loader.
for library in libX11.so.6 libXext.so.6 libxcb.so.1 libXau.so.6 libXdmcp.so.6 libGLdispatch.so.0; do
    path=$(ldconfig -p | awk -v l="$library" '$1 == l {print $NF; exit}')
    [ -z "$path" ] || cp -L "$path" "$out/lib/"
done
case $what in
speech)
    goldens="whisper-tiny.en__decoder_prefill whisper-tiny.en__encoder" entries=vit_cls
    model=models/whisper-tiny.en
    mkdir -p "$out/shared/$model/onnx" "$out/shared/media/speech" "$out-decoder"
    cp "$shared/$model"/*.json "$out/shared/$model/"
    cp "$shared/$model/onnx/encoder_model_fp16.onnx" "$out/shared/$model/onnx/"
    xz -6 -c "$shared/$model/onnx/decoder_model_merged_fp16.onnx" >"$out-decoder/decoder.xz"
    cp "$shared/media/speech/jfk.wav" "$out/shared/media/speech/"
    cp "$shared/golden/whisper-tiny.en__transcripts.json" "$out/shared/golden/"
    rm "$out/bin/device-parity" "$out/bin/test-fx" "$out/bin/models-whisper-steps"
    cp "$build/tests/models/models-whisper" "$out/bin/"
    strip --strip-debug "$out/bin/models-whisper"
    ;;
*)
    goldens="deimv2__deimv2_hgnetv2_atto_coco deimv2__deimv2_hgnetv2_femto_coco
        camixersr__CAMixerSR_S_x4 camixersr__CAMixerSR_S_x4_37x29 iat__iat_exposure
        iat__iat_exposure_97x61 iat__iat_lol_v1 iat__iat_lol_v1_97x61 ntire2022_esr__team20_mobilesr
        ntire2022_esr__team20_mobilesr_97x61 ntire2022_esr__team30_scet
        ntire2022_esr__team30_scet_37x29 ntire2024_esr__team38_span_ch28_slim
        whisper-tiny.en__encoder"
    entries="vit_cls swin detr deformable_detr rt_detr whisper_decoder_past"
    cp -r "$shared/models/deimv2" "$out/shared/models/"
    for model in camixersr/CAMixerSR_S_x4 iat/iat_lol_v1 iat/iat_exposure \
        ntire2022_esr/team20_mobilesr ntire2022_esr/team30_scet \
        ntire2024_esr/team38_span_ch28_slim whisper-tiny.en/onnx/encoder_model_fp16; do
        mkdir -p "$out/shared/models/$(dirname "$model")"
        cp "$shared/models/$model.onnx" "$out/shared/models/$(dirname "$model")/"
    done
    [ ! -d "$root/models/fovea-restore-x2" ] ||
        cp -r "$root/models/fovea-restore-x2" "$out/shared/models/"
    ;;
esac
for golden in $goldens; do cp -r "$shared/golden/$golden" "$out/shared/golden/"; done
for entry in $entries; do cp -r "$shared/zoo/$entry" "$out/shared/zoo/"; done
echo "$what" $goldens $entries >"$out/what" # run.sh tests these
cp -r "$root/tests/models/data" "$out/"
chmod -R u+w "$out"
XZ_OPT=-9e tar -C "$out" -cJf "$out.tar.xz" .
rm -rf "$out"
mkdir "$out"
mv "$out.tar.xz" "$out/bundle.tar.xz"
cp "$root/tests/device/run.sh" "$out/"
size=$(du -sm "$out" | cut -f1)
echo "bundle: $out, $size MiB"
[ "$size" -le 60 ] || { echo "bundle: more than 60 MiB" >&2; exit 1; }
