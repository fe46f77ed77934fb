#include "base/buffer_pool.h"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#include "seqmap_core.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace seqmap {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
// The header in front of each buffer, one alignment unit so that the data stays aligned.
struct Header {
  size_t bytes;
};
static_assert(sizeof(Header) <= kAlignment, "header must fit before the data");

// Idle buffers by size. What is kept never exceeds the largest amount that was in use at one time.
class Pool {
 public:
  void* take(size_t bytes) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      auto fit = idle_.lower_bound(bytes);
      if (fit != idle_.end() && fit->first <= 2 * bytes) {
        void* block = fit->second;
        idle_bytes_ -= fit->first;
        count_use(fit->first);
        idle_.erase(fit);
        return block;
      }
      count_use(bytes);
    }
    return allocate(bytes);
  }

  void give(void* block) {
    const size_t bytes = static_cast<Header*>(block)->bytes;
    std::lock_guard<std::mutex> lock(mutex_);
    used_bytes_ -= bytes;
    try {
      idle_.emplace(bytes, block);
      idle_bytes_ += bytes;
    } catch (const std::bad_alloc&) {
      std::free(block);
    }
    while (idle_bytes_ > peak_bytes_) drop_smallest();
  }

  void trim() {
    std::lock_guard<std::mutex> lock(mutex_);
    while (!idle_.empty()) drop_smallest();
    peak_bytes_ = used_bytes_;
  }

  size_t idle_bytes() {
    std::lock_guard<std::mutex> lock(mutex_);
    return idle_bytes_;
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  void* allocate(size_t bytes) {
    const bool huge = bytes >= 2 * kHugePage;
    const size_t unit = huge ? kHugePage : kAlignment;
    void* block = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
    if (block == nullptr) {
      std::lock_guard<std::mutex> lock(mutex_);
      used_bytes_ -= bytes;
      return nullptr;
    }
#if defined(__linux__)
    if (huge) madvise(block, bytes, MADV_HUGEPAGE);  // advice only: a refusal costs nothing
#endif
    static_cast<Header*>(block)->bytes = bytes;
    return block;
  }

  void count_use(size_t bytes) {
    used_bytes_ += bytes;
    if (used_bytes_ > peak_bytes_) peak_bytes_ = used_bytes_;
  }

  void drop_smallest() {
    auto first = idle_.begin();
    idle_bytes_ -= first->first;
    std::free(first->second);
    idle_.erase(first);
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> idle_;
  size_t idle_bytes_ = 0, used_bytes_ = 0, peak_bytes_ = 0;
};

// Never destroyed, so that buffers released while the process ends still find it. A fork waits for the
// lock, so that the child never inherits it locked.
Pool& pool() {
  static Pool* const instance = [] {
    Pool* fresh = new Pool;
    return fresh;
  }();
#if !defined(_WIN32)
  static const int hooked = pthread_atfork([] { pool().lock(); }, [] { pool().unlock(); }, [] { pool().unlock(); });
  (void)hooked;
#endif
  return *instance;
}

// Steps of an eighth of a power of two: similar batches share buffers.
size_t round_up(size_t bytes) {
  size_t step = kAlignment;
  while (step * 16 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

}  // namespace

void* acquire_bytes(size_t bytes) {
  if (bytes > SIZE_MAX / 4) return nullptr;
  void* block = pool().take(round_up(bytes + kAlignment));
  return block == nullptr ? nullptr : static_cast<char*>(block) + kAlignment;
}

void release_bytes(void* pointer) {
  if (pointer != nullptr) pool().give(static_cast<char*>(pointer) - kAlignment);
}

}  // namespace seqmap

extern "C" {

int64_t seqmap_cached_bytes(void) { return static_cast<int64_t>(seqmap::pool().idle_bytes()); }

void seqmap_trim(void) { seqmap::pool().trim(); }

}  // extern "C"
