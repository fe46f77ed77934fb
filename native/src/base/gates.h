// The one place that knows the order of the gates and how gate rows are packed.
//
// Outside (torch's nn.LSTM, the archive): a weight has 4H rows, i | f | g | o, H rows each.
// Inside: rows are interleaved so that one vector register holds the same gate of `width` neighbouring units and four
// consecutive registers hold the four gates of those units:
//
//   packed row  (unit / width) * 4*width + gate * width + unit % width      width = kWidth of the variant
//
// H is padded to a multiple of width; padded rows are zero. (static: a copy per unit, see simd/simd.h.)
#pragma once

#include <cstdint>

namespace seqmap {

enum Gate : int { kInput = 0, kForget = 1, kCell = 2, kOutput = 3 };
constexpr int kGates = 4;

// Row of the torch layout for `gate` of `unit`.
static constexpr int64_t outer_row(int gate, int64_t unit, int64_t hidden) { return gate * hidden + unit; }

// Row of the packed layout for `gate` of `unit`.
static constexpr int64_t packed_row(int gate, int64_t unit, int64_t width) {
  return unit / width * kGates * width + gate * width + unit % width;
}

// The gate and the unit of a packed row; the unit may lie in the padding (>= hidden).
static constexpr int packed_gate(int64_t row, int64_t width) { return static_cast<int>(row / width % kGates); }
static constexpr int64_t packed_unit(int64_t row, int64_t width) { return row / (kGates * width) * width + row % width; }

}  // namespace seqmap
