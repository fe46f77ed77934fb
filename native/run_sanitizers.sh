#!/bin/sh
# Builds the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer and runs them on every dispatch path.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/sanitize}
cmake -S "$root" -B "$build" -G Ninja -DSEQMAP_TESTS=ON -DSEQMAP_SANITIZE=address,undefined \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O1 >/dev/null
cmake --build "$build" --target seqmap_core_tests
# Buffers kept for reuse are reachable until the process ends: not leaks.
ASAN_OPTIONS=detect_stack_use_after_return=1 "$build/native/tests/seqmap_core_tests"
