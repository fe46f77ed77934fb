// How a batch of rows with lengths is dealt to tasks.
#pragma once

#include <cstdint>
#include <vector>

namespace seqmap {

// The rows of one task by descending length, and where the packed tokens of each step begin.
struct Rows {
  std::vector<int32_t> row, length;
  std::vector<int64_t> offset;

  int64_t tokens() const { return offset.back(); }
  int32_t count() const { return static_cast<int32_t>(row.size()); }
  int32_t steps() const { return static_cast<int32_t>(offset.size()) - 1; }
};

// Deals the rows that have tokens to at most `parts` tasks with about the same number of tokens each.
std::vector<Rows> deal_rows(const int64_t* lengths, int64_t batch, int32_t parts);

}  // namespace seqmap
