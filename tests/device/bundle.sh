#!/bin/sh
# Packs what a machine with a GPU needs to check Fovea into .carry/ (git-ignored, at most 60 MiB):
# the command, the test programs, the libraries they need, the Vulkan loader, and the goldens and zoo
# entries of the first models. usage: tests/device/bundle.sh [BUILD_DIR]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build}
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
for model in deimv2; do cp -r "$shared/models/$model" "$out/shared/models/"; done
for golden in deimv2__deimv2_hgnetv2_atto_coco deimv2__deimv2_hgnetv2_femto_coco; do
    cp -r "$shared/golden/$golden" "$out/shared/golden/"
done
for entry in vit_cls swin detr deformable_detr rt_detr whisper_decoder_past; do
    cp -r "$shared/zoo/$entry" "$out/shared/zoo/"
done
cp -r "$root/tests/models/data" "$out/"
chmod -R u+w "$out"
cp "$root/tests/device/run.sh" "$out/"
size=$(du -sm "$out" | cut -f1)
echo "bundle: $out, $size MiB"
[ "$size" -le 60 ] || { echo "bundle: more than 60 MiB" >&2; exit 1; }
