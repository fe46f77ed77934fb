// A small persistent pool: the caller works too, workers spin shortly and then sleep.
#pragma once

#include <cstdint>

namespace seqmap {

// Runs task(context, i) for every i in [0, count), on up to seqmap_threads() threads, and returns when all
// are done. Tasks are handed out in order. A call made while another caller holds the pool, or from within
// a task, runs on the calling thread alone. Tasks must not throw.
void parallel_for(int32_t count, void (*task)(void* context, int32_t index), void* context);

int32_t thread_count();

// The same for a callable: parallel([&](int i) { ... }, count).
template <class Callable>
void parallel(int32_t count, Callable&& callable) {
  parallel_for(
      count, [](void* context, int32_t index) { (*static_cast<Callable*>(context))(index); },
      const_cast<void*>(static_cast<const void*>(&callable)));
}

}  // namespace seqmap
