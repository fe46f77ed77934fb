#include "infer/table.h"

#include <algorithm>
#include <cstring>

namespace seqmap {

TokenTable::TokenTable(const Embedding& embedding, int64_t vocabulary, std::vector<Packed> panels, bool half,
                       int64_t limit)
    : embedding_(embedding), vocabulary_(vocabulary), panels_(std::move(panels)), half_(half) {
  width_ = panels_[0].panels.blocks * kColumns;
  capacity_ = std::min(vocabulary, std::max<int64_t>(limit, 0) / row_bytes());
  rows_ = Block(static_cast<size_t>(capacity_ * row_bytes()));
  row_of_ = std::make_unique<std::atomic<int32_t>[]>(static_cast<size_t>(vocabulary));
  for (int64_t i = 0; i < vocabulary; ++i) row_of_[i].store(0, std::memory_order_relaxed);
}

void TokenTable::gather(const InferKernels& kernels, const int32_t* ids, int64_t step, int64_t count, int direction,
                        const void** rows, Scratch& scratch) {
  const int64_t row_size = row_bytes();
  const char* base = rows_.as<char>() + direction * side_bytes() - row_size;  // rows count from 1
  Missing missing[kMost];
  int64_t absent = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t id = ids[i * step];
    const int32_t row = row_of_[id].load(std::memory_order_acquire);
    if (row > 0) {
      rows[i] = base + row * row_size;
    } else {
      missing[absent++] = {id, i};
    }
  }
  if (absent > 0) compute(kernels, missing, absent, direction, rows, scratch);
}

// Claims a row for a token; returns its number counted from 1, or 0 when there is no room or another thread has
// claimed one.
int32_t TokenTable::claim(int32_t id) {
  int32_t absent = 0;
  if (used_.load(std::memory_order_relaxed) >= capacity_) return 0;
  if (!row_of_[id].compare_exchange_strong(absent, -1, std::memory_order_acquire)) return 0;
  const int64_t row = used_.fetch_add(1, std::memory_order_relaxed);
  if (row < capacity_) return static_cast<int32_t>(row) + 1;
  used_.fetch_sub(1, std::memory_order_relaxed);
  row_of_[id].store(0, std::memory_order_relaxed);
  return 0;
}

void TokenTable::compute(const InferKernels& kernels, const Missing* missing, int64_t count, int direction,
                         const void** rows, Scratch& scratch) {
  // Every token once: those that a row was claimed for, and those that this call computes for itself alone.
  struct Group {
    int64_t count = 0;
    int32_t ids[kMost];
    int32_t row[kMost];
    char* place[kMost];  // where the numbers go, of one direction or of all
    const void* x[kMost];
    float* out[kMost];
  };
  Group claimed, own;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t id = missing[i].id;
    const int64_t c = std::find(claimed.ids, claimed.ids + claimed.count, id) - claimed.ids;
    const int64_t o = std::find(own.ids, own.ids + own.count, id) - own.ids;
    const int32_t row = c < claimed.count || o < own.count ? 0 : claim(id);
    if (row > 0) {
      claimed.ids[c] = id;
      claimed.row[c] = row;
      claimed.place[c] = rows_.as<char>() + (row - 1) * row_bytes();
      ++claimed.count;
    } else if (c == claimed.count && o == own.count) {
      own.ids[o] = id;
      own.place[o] = scratch.take<char>(static_cast<size_t>(side_bytes()));
      ++own.count;
    }
    rows[missing[i].place] = c < claimed.count ? claimed.place[c] + direction * side_bytes() : own.place[o];
  }
  const auto fill = [&](Group& group, int side, int64_t offset) {
    for (int64_t k = 0; k < group.count; ++k) {
      group.out[k] = half_ ? scratch.take<float>(static_cast<size_t>(width_))
                           : reinterpret_cast<float*>(group.place[k] + offset);
    }
    kernels.formats[kFp32].project(panels_[side].panels, group.count, group.x, nullptr, group.out);
    for (int64_t k = 0; half_ && k < group.count; ++k) {
      kernels.formats[kBf16].store_states(group.out[k], group.place[k] + offset, width_);
    }
  };
  for (Group* group : {&claimed, &own}) {
    for (int64_t k = 0; k < group->count; ++k) group->x[k] = embedded(group->ids[k], scratch);
  }
  fill(own, direction, 0);
  for (int side = 0; side < static_cast<int>(panels_.size()); ++side) fill(claimed, side, side * side_bytes());
  for (int64_t k = 0; k < claimed.count; ++k) {
    row_of_[claimed.ids[k]].store(claimed.row[k], std::memory_order_release);
  }
}

// A row of the embedding, padded to a multiple of kUnits.
const float* TokenTable::embedded(int32_t id, Scratch& scratch) const {
  const int64_t size = embedding_.size;
  if (embedding_.format == kFp32 && size % kUnits == 0) return embedding_.row(id, nullptr);
  float* copy = scratch.take<float>(padded(size));
  const float* row = embedding_.row(id, copy);
  if (row != copy) std::memcpy(copy, row, static_cast<size_t>(size) * 4);
  std::memset(copy + size, 0, static_cast<size_t>(padded(size) - size) * 4);
  return copy;
}

void TokenTable::warm(const InferKernels& kernels) {
  Scratch& scratch = Scratch::mine();
  const int64_t last = std::min(vocabulary_, capacity_);
  for (int64_t first = 0; first < last; first += kMost) {
    const Scratch::Frame frame(scratch);
    int32_t ids[kMost];
    const void* rows[kMost];
    const int64_t count = std::min(kMost, last - first);
    for (int64_t i = 0; i < count; ++i) ids[i] = static_cast<int32_t>(first + i);
    gather(kernels, ids, 1, count, 0, rows, scratch);
  }
}

int64_t TokenTable::panel_bytes() const {
  size_t total = 0;
  for (const Packed& panels : panels_) total += panels.bytes();
  return static_cast<int64_t>(total);
}

int64_t TokenTable::used_bytes() const { return std::min(used_.load(), capacity_) * row_bytes(); }

}  // namespace seqmap
