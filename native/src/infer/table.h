// The gate sums of the first layer per token: a look-up instead of a matrix product.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "infer/embedding.h"
#include "infer/kernels.h"
#include "infer/memory.h"
#include "infer/pack.h"

namespace seqmap {

// Rows are computed when a token is first met, and kept as long as there is room. Text repeats its words (Zipf), so
// what comes first is mostly what comes often; a token without room is computed each time, with the same bits.
class TokenTable {
 public:
  // `panels`: fp32, one per direction. `half` keeps rows as bf16. The embedding must outlive the table.
  TokenTable(const Embedding& embedding, int64_t vocabulary, std::vector<Packed> panels, bool half, int64_t limit);

  // rows[i] = gate sums for one direction of ids[i * step], for i < count; count <= kMost. Rows without room are
  // taken from `scratch`.
  void gather(const InferKernels& kernels, const int32_t* ids, int64_t step, int64_t count, int direction,
              const void** rows, Scratch& scratch);
  void warm(const InferKernels& kernels);

  int64_t panel_bytes() const;
  int64_t used_bytes() const;
  int64_t limit_bytes() const { return capacity_ * row_bytes(); }
  bool half() const { return half_; }

  static constexpr int64_t kMost = 64;

 private:
  struct Missing {
    int32_t id;
    int64_t place;
  };
  int32_t claim(int32_t id);
  void compute(const InferKernels& kernels, const Missing* missing, int64_t count, int direction, const void** rows,
               Scratch& scratch);
  int64_t side_bytes() const { return width_ * (half_ ? 2 : 4); }
  int64_t row_bytes() const { return side_bytes() * static_cast<int64_t>(panels_.size()); }
  const float* embedded(int32_t id, Scratch& scratch) const;

  Embedding embedding_;
  int64_t vocabulary_;
  std::vector<Packed> panels_;
  bool half_;
  int64_t width_;  // numbers of one direction; a row has those of all
  int64_t capacity_;
  Block rows_;
  // Per token: 0 absent, -1 being computed, else 1 + its row. A row is written before its number is published.
  std::unique_ptr<std::atomic<int32_t>[]> row_of_;
  std::atomic<int64_t> used_{0};
};

}  // namespace seqmap
