// Dispatch, threads, buffers and the packing of gates.
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "base/buffer_pool.h"
#include "base/gates.h"
#include "base/thread_pool.h"
#include "check.h"
#include "seqmap_core.h"

using namespace seqmap;

TEST(abi_and_errors) {
  CHECK(seqmap_abi_version() == SEQMAP_ABI_VERSION);
  CHECK(seqmap_set_isa("mmx") == SEQMAP_EINVAL);
  CHECK(std::strstr(seqmap_last_error(), "mmx") != nullptr);
  CHECK(seqmap_set_feature("sse", 1) == SEQMAP_EINVAL);
  CHECK(seqmap_set_threads(-1) == SEQMAP_EINVAL);
}

TEST(every_path_can_be_forced) {
  int paths = 0;
  for_every_path([&](const std::string& name) {
    CHECK(name.rfind(seqmap_isa(), 0) == 0);
    CHECK(std::strncmp(seqmap_variant("int8"), seqmap_isa(), std::strlen(seqmap_isa())) == 0);
    ++paths;
  });
  CHECK(paths >= 2);
}

TEST(gate_packing_is_a_permutation) {
  for (int64_t width : {4, 8, 16}) {
    const int64_t hidden = 32;
    std::vector<int> seen(kGates * hidden, 0);
    for (int gate = 0; gate < kGates; ++gate) {
      for (int64_t unit = 0; unit < hidden; ++unit) {
        const int64_t row = packed_row(gate, unit, width);
        ++seen[static_cast<size_t>(row)];
        CHECK(packed_gate(row, width) == gate && packed_unit(row, width) == unit);
      }
    }
    for (int count : seen) CHECK(count == 1);
  }
}

TEST(every_task_runs_once) {
  for (int threads : {1, 2, 5}) {
    CHECK(seqmap_set_threads(threads) == SEQMAP_OK);
    for (int round = 0; round < 200; ++round) {
      const int count = round % 17;
      std::vector<std::atomic<int>> hits(17);
      for (auto& hit : hits) hit = 0;
      parallel(count, [&](int i) { ++hits[static_cast<size_t>(i)]; });
      for (int i = 0; i < 17; ++i) CHECK(hits[static_cast<size_t>(i)] == (i < count ? 1 : 0));
    }
  }
  seqmap_set_threads(0);
}

TEST(callers_from_several_threads) {
  seqmap_set_threads(2);
  std::atomic<int> total{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        parallel(3, [&](int) { parallel(2, [&](int) { ++total; }); });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(total == 4 * 300 * 3 * 2);
  seqmap_set_threads(0);
}

TEST(buffers_are_reused_and_given_back) {
  seqmap_trim();
  void* first = acquire_bytes(100000);
  CHECK(reinterpret_cast<uintptr_t>(first) % 64 == 0);
  release_bytes(first);
  CHECK(seqmap_cached_bytes() >= 100000);
  void* again = acquire_bytes(99000);
  CHECK(again == first);
  void* other = acquire_bytes(99000);
  CHECK(other != again);
  release_bytes(other);
  release_bytes(again);
  seqmap_trim();
  CHECK(seqmap_cached_bytes() == 0);
  CHECK(acquire_bytes(SIZE_MAX / 2) == nullptr);
}
