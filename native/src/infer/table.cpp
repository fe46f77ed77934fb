#include "infer/table.h"

#include <algorithm>
#include <cstring>

namespace seqmap {

TokenTable::TokenTable(const float* embedding, int64_t vocabulary, int64_t size, std::vector<Packed> panels,
                       int64_t limit)
    : embedding_(embedding), vocabulary_(vocabulary), size_(size), panels_(std::move(panels)) {
  width_ = panels_[0].panels.blocks * kColumns;
  row_floats_ = width_ * static_cast<int64_t>(panels_.size());
  capacity_ = std::min(vocabulary, std::max<int64_t>(limit, 0) / (row_floats_ * 4));
  rows_ = Block(static_cast<size_t>(capacity_ * row_floats_) * 4);
  row_of_ = std::make_unique<std::atomic<int32_t>[]>(static_cast<size_t>(vocabulary));
  for (int64_t i = 0; i < vocabulary; ++i) row_of_[i].store(0, std::memory_order_relaxed);
}

void TokenTable::gather(const InferKernels& kernels, const int32_t* ids, int64_t step, int64_t count, int direction,
                        const float** rows, Scratch& scratch) {
  const float* base = rows_.as<float>() + direction * width_;
  Missing missing[kMost];
  int64_t absent = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t id = ids[i * step];
    const int32_t row = row_of_[id].load(std::memory_order_acquire);
    if (row > 0) {
      rows[i] = base + (row - 1) * row_floats_;
    } else {
      missing[absent++] = {id, i};
    }
  }
  if (absent > 0) compute(kernels, missing, absent, direction, rows, scratch);
}

void TokenTable::compute(const InferKernels& kernels, const Missing* missing, int64_t count, int direction,
                         const float** rows, Scratch& scratch) {
  // Tokens that this call claimed a row for, and tokens that it computes for itself alone.
  struct Group {
    int64_t count = 0;
    int32_t ids[kMost];
    int32_t row[kMost];
    const void* x[kMost];
    float* out[kMost];
  };
  Group claimed, own;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t id = missing[i].id;
    const float** place = rows + missing[i].place;
    const int32_t* again = std::find(claimed.ids, claimed.ids + claimed.count, id);
    const int32_t* own_again = std::find(own.ids, own.ids + own.count, id);
    int32_t expected = 0;
    if (again != claimed.ids + claimed.count) {
      *place = claimed.out[again - claimed.ids] + direction * width_;
    } else if (own_again != own.ids + own.count) {
      *place = own.out[own_again - own.ids];
    } else if (used_.load(std::memory_order_relaxed) < capacity_ &&
               row_of_[id].compare_exchange_strong(expected, -1, std::memory_order_acquire)) {
      const int64_t row = used_.fetch_add(1, std::memory_order_relaxed);
      if (row < capacity_) {
        const int64_t k = claimed.count++;
        claimed.ids[k] = id;
        claimed.row[k] = static_cast<int32_t>(row) + 1;
        claimed.out[k] = rows_.as<float>() + row * row_floats_;
        *place = claimed.out[k] + direction * width_;
        continue;
      }
      used_.fetch_sub(1, std::memory_order_relaxed);
      row_of_[id].store(0, std::memory_order_relaxed);
      const int64_t k = own.count++;
      own.ids[k] = id;
      *place = own.out[k] = scratch.take<float>(width_);
    } else {
      const int64_t k = own.count++;
      own.ids[k] = id;
      *place = own.out[k] = scratch.take<float>(width_);
    }
  }
  const auto project = kernels.formats[kFp32].project;
  for (Group* group : {&claimed, &own}) {
    for (int64_t k = 0; k < group->count; ++k) group->x[k] = embedded(group->ids[k], scratch);
  }
  project(panels_[direction].panels, own.count, own.x, nullptr, own.out);
  for (const Packed& panels : panels_) {
    project(panels.panels, claimed.count, claimed.x, nullptr, claimed.out);
    for (int64_t k = 0; k < claimed.count; ++k) claimed.out[k] += width_;
  }
  for (int64_t k = 0; k < claimed.count; ++k) {
    row_of_[claimed.ids[k]].store(claimed.row[k], std::memory_order_release);
  }
}

// A row of the embedding, padded to a multiple of kUnits.
const float* TokenTable::embedded(int32_t id, Scratch& scratch) const {
  const float* row = embedding_ + id * size_;
  if (size_ % kUnits == 0) return row;
  float* copy = scratch.take<float>(padded(size_));
  std::memcpy(copy, row, static_cast<size_t>(size_) * 4);
  std::memset(copy + size_, 0, static_cast<size_t>(padded(size_) - size_) * 4);
  return copy;
}

void TokenTable::warm(const InferKernels& kernels) {
  Scratch& scratch = Scratch::mine();
  const int64_t last = std::min(vocabulary_, capacity_);
  for (int64_t first = 0; first < last; first += kMost) {
    const Scratch::Frame frame(scratch);
    int32_t ids[kMost];
    const float* rows[kMost];
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

int64_t TokenTable::used_bytes() const { return std::min(used_.load(), capacity_) * row_floats_ * 4; }

}  // namespace seqmap
