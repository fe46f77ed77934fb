#!/bin/sh
# Builds the C++ tests with AddressSanitizer and UndefinedBehaviorSanitizer and runs them on every dispatch path of this
# machine. What was built stays, and what has passed is not run again until something changes. Where there is no compiler
# or no sanitizer run time, it says so and ends well.
#   native/run_sanitizers.sh [build folder]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/sanitize}
tests=$build/native/tests/seqmap_core_tests
passed=$build/passed
compiler=${CXX:-c++}

skip() {
  echo "sanitizers: SKIPPED: $1"
  exit 0
}
mkdir -p "$build"
probe=$build/probe
echo 'int main() { return 0; }' > "$probe.cpp"
for tool in cmake ninja; do
  command -v $tool >/dev/null || skip "there is no $tool"
done
"$compiler" "$probe.cpp" -o "$probe" 2>/dev/null || skip "no C++ compiler ($compiler)"
"$compiler" -fsanitize=address,undefined "$probe.cpp" -o "$probe" 2>/dev/null && "$probe" 2>/dev/null ||
  skip "$compiler has no run time of AddressSanitizer and UBSan"

cmake -S "$root" -B "$build" -G Ninja -DSEQMAP_TESTS=ON -DSEQMAP_SANITIZE=address,undefined \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O1 >/dev/null
cmake --build "$build" --target seqmap_core_tests >"$build/log" 2>&1 || {
  cat "$build/log"
  exit 1
}
if [ "$passed" -nt "$tests" ]; then
  echo "sanitizers: nothing has changed since they passed"
  exit 0
fi
rm -f "$passed"
echo "sanitizers: the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer"
# Buffers kept for reuse are reachable until the process ends: not leaks.
ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 "$tests"
touch "$passed"
