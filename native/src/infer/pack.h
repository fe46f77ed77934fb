// Weights as the archive holds them -> panels as the kernels read them.
#pragma once

#include <cstdint>
#include <vector>

#include "infer/kernels.h"
#include "infer/memory.h"

namespace seqmap {

// Panels with the memory they live in.
struct Packed {
  Panels panels;
  Block memory;

  size_t bytes() const { return memory.bytes(); }
};

// A matrix in row-major order and where its rows and columns go. -1 in a map means padding (zero).
struct Source {
  const float* weight;            // (any, columns)
  int64_t columns;
  std::vector<int64_t> row_of;    // packed column -> row of `weight`; a multiple of kColumns
  std::vector<int64_t> column_of; // packed place along the sum -> column of `weight`; a multiple of kUnits
  const float* bias;              // per row of `weight`, or null
  bool states;                    // the inputs are states, stored with the fixed scale 1/127
};

Packed pack(const Source& source, int format);

// Packed columns of the gates of `hidden` units.
std::vector<int64_t> gate_rows(int64_t hidden);
// Packed columns of a plain matrix with `rows` rows.
std::vector<int64_t> plain_rows(int64_t rows);
// Packed places of `parts` vectors of `size` values, each padded by itself.
std::vector<int64_t> padded_columns(int64_t size, int64_t parts);

inline int64_t padded(int64_t n, int64_t unit = kUnits) { return (n + unit - 1) / unit * unit; }

}  // namespace seqmap
