#!/bin/bash
# Builds the programs of scripts/device-check.sh so that they run on another Linux machine of the same architecture
# with a C library at least as new, and puts them into a folder together with a Vulkan loader and the libraries that
# NVIDIA's driver asks for. It is run from the root of a checkout: scripts/device-check.sh FOLDER, or FOLDER.tar.gz,
# which is the same packed.
#   scripts/device-kit.sh FOLDER [BUILD]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: scripts/device-kit.sh FOLDER [BUILD]}
build=${2:-$root/build/device-kit-build}
libraries=$(dirname "$(find /usr/lib -name libutf8proc.a | head -n 1)")

cmake -S "$root/native" -B "$build" -G 'Unix Makefiles' -DCMAKE_BUILD_TYPE=Release -DSLUICE_ADDON=OFF \
  -DSLUICE_TEST_DATA_DIR=native/engine/testdata -DCMAKE_CXX_FLAGS='-ffunction-sections -fdata-sections' \
  -DCMAKE_EXE_LINKER_FLAGS='-static-libstdc++ -static-libgcc -Wl,--gc-sections' \
  -DUTF8PROC_LIBRARY="$libraries/libutf8proc.a" -DZLIB_LIBRARY="$libraries/libz.a" >/dev/null
cmake --build "$build" --parallel "${KIT_JOBS:-$(nproc)}" --target sluice_tests bench_ops bench_gpu bench_paint seeded_model

rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib"
for program in engine/sluice_tests engine/bench_ops engine/bench_gpu engine/bench_paint examples/seeded_model; do
  strip -o "$folder/bin/$(basename "$program")" "$build/$program"
done
# Where a library is not installed here it is not carried; a machine with a desktop's driver has them.
for library in libvulkan.so.1 libEGL.so.1 libGLdispatch.so.0 libOpenGL.so.0 libGL.so.1 libGLX.so.0 libGLESv2.so.2 \
  libX11.so.6 libX11-xcb.so.1 libxcb.so.1 libXext.so.6 libXau.so.6 libXdmcp.so.6 libbsd.so.0 libmd.so.0 \
  libwayland-client.so.0; do
  found=$(find /usr/lib "$(dirname "$libraries")" -name "$library" 2>/dev/null | head -n 1)
  [ -n "$found" ] && cp -L "$found" "$folder/lib/$library"
done
tar -C "$folder" -czf "$folder.tar.gz" bin lib
du -sh "$folder" "$folder.tar.gz"
