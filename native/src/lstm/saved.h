// What forward keeps for backward, and the sizes that follow from the shape and the variant.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffer_pool.h"
#include "base/gates.h"
#include "lstm/kernels.h"
#include "lstm/plan.h"
#include "seqmap_lstm.h"

namespace seqmap {

static inline int64_t pad_to(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// The variant and the number format that serve a call.
struct LstmMode {
  Variant variant;
  int32_t precision;

  const LstmKernels& kernels() const { return lstm_kernels(variant); }
  const LstmFormat& format() const { return precision == SEQMAP_BF16 ? kernels().bf16 : kernels().fp32; }
  int64_t width() const { return kernels().width; }
  size_t stored_bytes() const { return sizeof(uint32_t) / static_cast<size_t>(format().per_word); }
  int64_t words(int64_t values) const { return pad_to(values, format().per_word) / format().per_word; }
};

// Padded sizes.
struct LstmSizes {
  int64_t input, hidden, input_padded, hidden_padded, gate_rows;

  LstmSizes(const seqmap_lstm_input& in, int64_t width)
      : input(in.input),
        hidden(in.hidden),
        input_padded(pad_to(in.input, width)),
        hidden_padded(pad_to(in.hidden, width)),
        gate_rows(kGates * hidden_padded) {}
};

// The states and activations of one part of one direction.
struct LstmStates {
  Buffer<char> gates, hiddens;
  Buffer<float> cells;
};

inline LstmPart view(const Rows& rows, bool reverse) {
  return {rows.count(), rows.steps(), reverse, rows.row.data(), rows.length.data(), rows.offset.data()};
}

}  // namespace seqmap

struct seqmap_lstm_saved {
  seqmap::LstmMode mode;
  int32_t directions;
  int64_t batch, time, input, hidden;
  bool reverse[2];
  std::vector<seqmap::Rows> parts;         // the same for both directions
  std::vector<seqmap::LstmStates> states;  // direction-major: [direction * parts + part]
};
