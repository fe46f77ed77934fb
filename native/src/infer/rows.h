// Work on the rows of a matrix, shared among the threads.
#pragma once

#include <cstdint>
#include <new>

#include "base/thread_pool.h"

namespace seqmap {

constexpr int64_t kMostRows = int64_t{1} << 24;  // and columns: what the C ABI takes

// Calls run(begin, end) for pieces of at most `at_once` rows, a single piece on the calling thread. What run throws for
// want of memory goes on to the caller.
template <class Run>
void in_pieces(int64_t rows, int64_t at_once, const Run& run) {
  const int64_t parts = (rows + at_once - 1) / at_once;
  if (parts == 1) return run(int64_t{0}, rows);
  bool failed = false;
  parallel(static_cast<int32_t>(parts), [&](int32_t part) {
    const int64_t begin = part * at_once, end = begin + at_once;
    try {
      run(begin, end < rows ? end : rows);
    } catch (const std::bad_alloc&) {
      __atomic_store_n(&failed, true, __ATOMIC_RELAXED);
    }
  });
  if (failed) throw std::bad_alloc();
}

}  // namespace seqmap
