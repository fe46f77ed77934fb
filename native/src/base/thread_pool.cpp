#include "base/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "seqmap_core.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace seqmap {
namespace {

constexpr int32_t kMaxThreads = 256;
// About 20-50 microseconds: long enough to bridge the gap between two layers of a step, short enough to
// give the core back to other libraries' threads.
constexpr int kSpins = 2000;

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool inside_task = false;

// One round of work. Workers share the object, so that a late one never sees the next round's fields.
struct Round {
  void (*task)(void*, int32_t) = nullptr;
  void* context = nullptr;
  int32_t count = 0;
};

class Pool {
 public:
  // Precondition: the caller holds `busy`.
  void run(int32_t threads, int32_t count, void (*task)(void*, int32_t), void* context) {
    const int32_t helpers = grow((threads < count ? threads : count) - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      round_ = {task, context, count};
      next_.store(0, std::memory_order_relaxed);
      wanted_ = helpers;
      active_.store(helpers, std::memory_order_relaxed);
      epoch_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work(round_);
    for (int i = 0; active_.load(std::memory_order_acquire) != 0; ++i) {
      if (i < kSpins) {
        pause_cpu();
      } else {
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [&] { return active_.load(std::memory_order_acquire) == 0; });
      }
    }
  }

  std::mutex busy;

 private:
  // Starts workers up to `helpers`; returns how many of those asked for there are.
  int32_t grow(int32_t helpers) {
    try {
      for (; workers_ < helpers; ++workers_) {
        std::thread(&Pool::serve, this, workers_, epoch_.load()).detach();
      }
    } catch (const std::exception&) {  // the system gives no more threads: go on with those there are
      return workers_;
    }
    return helpers;
  }

  void work(const Round& round) {
    inside_task = true;
    for (int32_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < round.count;) round.task(round.context, i);
    inside_task = false;
  }

  // The life of worker number `id`; `seen` is the last epoch it has nothing to do with.
  void serve(int32_t id, uint64_t seen) {
    for (;;) {
      for (int i = 0; i < kSpins && epoch_.load(std::memory_order_acquire) == seen; ++i) pause_cpu();
      Round round;
      bool mine;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return epoch_.load(std::memory_order_relaxed) != seen; });
        seen = epoch_.load(std::memory_order_relaxed);
        mine = id < wanted_;
        round = round_;
      }
      if (!mine) continue;
      work(round);
      if (active_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Round round_;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int32_t> next_{0}, active_{0};
  int32_t wanted_ = 0;
  int32_t workers_ = 0;
};

// GOMP_parallel, or whatever has its signature: runs function(data) on `threads` threads, the caller included.
using Team = void (*)(void (*function)(void*), void* data, unsigned threads, unsigned flags);
std::atomic<Team> the_team{nullptr};

struct TeamRound {
  void (*task)(void*, int32_t);
  void* context;
  int32_t count;
  std::atomic<int32_t> next{0};
};

void work_in_team(void* data) {
  TeamRound& round = *static_cast<TeamRound*>(data);
  inside_task = true;
  for (int32_t i; (i = round.next.fetch_add(1, std::memory_order_relaxed)) < round.count;) round.task(round.context, i);
  inside_task = false;
}

// Never destroyed: workers may still be asleep in it when the process ends. A forked child has no workers
// and perhaps a locked mutex, so it starts with a fresh pool and leaks the old one.
std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
  static std::once_flag once;
  std::call_once(once, [] {
    the_pool = new Pool;
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, [] {
      the_pool = new Pool;
      the_team = nullptr;  // its threads stayed behind in the parent
      inside_task = false;
    });
#endif
  });
  return *the_pool;
}

int32_t available_cores() {
  const unsigned n = std::thread::hardware_concurrency();  // honours the affinity mask
  return n == 0 ? 1 : static_cast<int32_t>(n < kMaxThreads ? n : kMaxThreads);
}

int32_t initial_threads() {
  if (const char* text = std::getenv("SEQMAP_THREADS")) {
    const int n = std::atoi(text);
    if (n >= 1 && n <= kMaxThreads) return n;
  }
  return available_cores();
}

std::atomic<int32_t>& threads() {
  static std::atomic<int32_t> value{initial_threads()};
  return value;
}

}  // namespace

int32_t thread_count() { return threads().load(std::memory_order_relaxed); }

void parallel_for(int32_t count, void (*task)(void*, int32_t), void* context) {
  const int32_t limit = thread_count();
  if (count > 1 && limit > 1 && !inside_task) {
    Pool& workers = pool();
    if (const Team team = the_team.load(std::memory_order_acquire)) {
      TeamRound round{task, context, count};
      team(work_in_team, &round, static_cast<unsigned>(limit < count ? limit : count), 0);
      return;
    }
    std::unique_lock<std::mutex> lock(workers.busy, std::try_to_lock);
    if (lock.owns_lock()) {
      workers.run(limit, count, task, context);
      return;
    }
  }
  for (int32_t i = 0; i < count; ++i) task(context, i);
}

}  // namespace seqmap

extern "C" {

int32_t seqmap_set_threads(int32_t count) {
  if (count < 0 || count > seqmap::kMaxThreads) {
    return seqmap::fail(SEQMAP_EINVAL, "threads must be 0 (one per core) to %d, not %d", seqmap::kMaxThreads, count);
  }
  seqmap::threads() = count == 0 ? seqmap::available_cores() : count;
  return SEQMAP_OK;
}

int32_t seqmap_threads(void) { return seqmap::thread_count(); }

void seqmap_set_team(void (*team)(void (*)(void*), void*, unsigned, unsigned)) {
  seqmap::pool();  // so that a forked child knows that the team is gone
  seqmap::the_team = team;
}

}  // extern "C"
