#!/bin/bash
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: tests/run.sh [--full]
#
# Installs what is missing (Debian), builds with gcc and clang, runs every test, the checks of
# format and includes, and the unit, element and fuzz tests under AddressSanitizer and UBSan. The last
# line is `N passed, N failed, N skipped`; the exit status is not 0 when anything failed.
#
# --full        every test with clang's build and under the sanitizers too, and eleven minutes of
#               sound through captions (gcc only)
# FOVEA_SHARED  the folder of models, goldens and media (../shared beside the project)
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
root=$PWD
passed=0 failed=0 skipped=0 full=
log=$root/build/run-logs

for argument in "$@"; do
    case $argument in
    --full) full=1 ;;
    *) sed -n '3,14s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done

say() { printf '\n== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

# check NAME COMMAND...: one test of its own; its output is shown when it fails.
check() {
    local name=$1 out=$log/${1// /-}.log
    shift
    if "$@" >"$out" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $name"
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        { grep -n ' error: ' "$out" | head -n 20; tail -n 25 "$out"; } | sed 's/^/    /'
        return 1
    fi
}

# setup FOLDER OPTION...: configures a build folder, or brings an old one up to date.
setup() {
    local folder=$1
    shift
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" -Dwerror=true "$@"
    else
        meson setup "$folder" -Dwerror=true "$@"
    fi
}

build() { setup "$@" && ninja -C "$1"; }

# tests FOLDER OPTION...: runs meson's tests and counts their sub-tests.
tests() {
    local folder=$1 out
    shift
    out=$log/$folder-tests.log
    rm -f "$folder/meson-logs/testlog.json"
    meson test -C "$folder" --no-rebuild --print-errorlogs "$@" >"$out" 2>&1
    local status=$?
    python3 tests/support/tap-count.py "$folder/meson-logs/testlog.json" >"$out.counts" ||
        echo "0 1 0" >"$out.counts"
    local p f s
    read -r p f s <<<"$(tail -n 1 "$out.counts")"
    # Meson says that something failed and the counts do not: believe meson.
    [ "$status" = 0 ] || [ "$f" != 0 ] || f=1
    head -n -1 "$out.counts"
    [ "$f" = 0 ] || tail -n 100 "$out" | sed 's/^/    /'
    echo "$folder: $p passed, $f failed, $s skipped"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

format() {
    git ls-files '*.c' '*.h' 2>/dev/null | grep . >"$log/files" ||
        find core plugins pipelines tests -name '*.[ch]' >"$log/files"
    xargs -r clang-format-14 --dry-run -Werror <"$log/files"
}

# Every element that the plugin registers can be inspected, and has a sentence for each property.
inspect() {
    local element elements
    export GST_REGISTRY=$log/registry.bin GST_PLUGIN_PATH=$root/build/plugins
    rm -f "$GST_REGISTRY"
    elements=$(gst-inspect-1.0 fovea | sed -n 's/^  \(fovea[a-z]*\): .*/\1/p')
    [ -n "$elements" ] || { echo "the plugin registers no element"; return 1; }
    for element in $elements; do
        echo "$element"
        gst-inspect-1.0 "$element" >"$log/inspect-$element" || return 1
        grep -q 'Element Properties' "$log/inspect-$element" || return 1
    done
    unset GST_REGISTRY GST_PLUGIN_PATH
}

# A program of somebody else's builds against what `meson install` and pkg-config give.
installed() {
    local prefix=$log/prefix flags
    rm -rf "$prefix"
    DESTDIR=$prefix meson install -C build --no-rebuild --quiet || return 1
    local pc
    pc=$(find "$prefix" -name fovea.pc) && [ -n "$pc" ] || return 1
    sed -i "s|^prefix=.*|prefix=${pc%/lib/*}|" "$pc"
    flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags --libs fovea) || return 1
    # shellcheck disable=SC2086
    cc -o "$log/embed-engine" pipelines/embed-engine.c $flags || return 1
    LD_LIBRARY_PATH=$(dirname "$(dirname "$pc")") "$log/embed-engine" --version
}

# The README's first command, on a short clip: all three parts.
demo() {
    local made=$log/demo
    CLIP=$FOVEA_SHARED/media/video/store-aisle-detection-preview.mp4 OUT=$made MODEL_SIZE=atto \
        pipelines/demo.sh | tee "$log/demo.txt" || return 1
    grep -q '^Restored: .*restored.mp4' "$log/demo.txt" && [ -s "$made/restored.mp4" ] &&
        grep -q '^Detected: .* [1-9][0-9]*\.[0-9] people' "$log/demo.txt" &&
        [ -s "$made/detected.mp4" ] &&
        grep -q '^Captions: .*[1-9][0-9]* captions' "$log/demo.txt" &&
        [ -s "$made/captioned.mp4" ] && grep -qi 'country' "$made/captions.srt"
}

# Without models and recordings, only what is Fovea's own is made, and the rest says what it lacks.
bare_demo() {
    CLIP=$FOVEA_SHARED/media/video/person-bicycle-car-detection-preview.mp4 OUT=$log/bare \
        FOVEA_SHARED=/nowhere FOVEA_MODELS='' XDG_CACHE_HOME=$log/bare/cache \
        https_proxy=http://127.0.0.1:9 pipelines/demo.sh | tee "$log/bare.txt" || return 1
    [ -s "$log/bare/restored.mp4" ] && grep -q '^Detected: *nothing: ' "$log/bare.txt" &&
        grep -q '^Captions: *nothing: ' "$log/bare.txt"
}

mkdir -p "$log"
say "packages"
tests/support/install.sh build demo test || exit 1
export FOVEA_SHARED=${FOVEA_SHARED:-$root/../shared}
if [ -d "$FOVEA_SHARED" ]; then
    FOVEA_SHARED=$(cd "$FOVEA_SHARED" && pwd)
    echo "shared: $FOVEA_SHARED"
else
    echo "shared: $FOVEA_SHARED is not there; tests that need it are skipped"
fi

say "format"
check "format" format

say "gcc"
if check "build with gcc" build build; then
    [ -z "$full" ] || export FOVEA_TEST_FULL=1
    tests build
    unset FOVEA_TEST_FULL
    check "inspect the elements" inspect
    check "build against the installed library" installed
    if [ -d "$FOVEA_SHARED" ]; then
        check "demo" demo
        check "demo without models" bare_demo
    else
        skipped=$((skipped + 1))
        echo "skipped: demo: no model"
    fi
fi

say "clang"
if CC=clang-14 check "build with clang" build build-clang; then
    if [ -n "$full" ]; then
        tests build-clang
    else
        tests build-clang --suite unit --suite onnx --suite fuzz
    fi
fi

say "sanitizers"
if check "build with sanitizers" build build-asan -Db_sanitize=address,undefined; then
    # Exact stacks, for the suppressions, need the slow unwinder; but lavapipe's compiler allocates
    # under a lock that this unwinder takes, and hangs. What runs there is not searched for leaks.
    # gcc 12's search for leaks stumbles over the thread-local memory of threads that are still
    # there at the end, if it follows __tls_get_addr.
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    LSAN_OPTIONS=suppressions=$root/tests/support/lsan.supp:print_suppressions=0 \
        ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0:intercept_tls_get_addr=0 \
        tests build-asan --suite unit --suite elements --suite fuzz --no-suite lavapipe \
        --timeout-multiplier 4
    ASAN_OPTIONS=detect_leaks=0 tests build-asan --suite lavapipe --timeout-multiplier 4
    # (The pipelines' scripts load the plugin into programs that have no sanitizer.)
    if [ -n "$full" ]; then
        ASAN_OPTIONS=detect_leaks=0 tests build-asan --suite onnx --suite models --suite device \
            --timeout-multiplier 8
    fi
fi

say "end"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
