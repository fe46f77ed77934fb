#include "infer/pack.h"

#include <cmath>
#include <cstring>

namespace seqmap {
namespace {

uint16_t to_bf16(float x) {
  uint32_t u;
  std::memcpy(&u, &x, sizeof u);
  if (x != x) return 0x7fc0;
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

float value(const Source& source, int64_t row, int64_t k) {
  const int64_t column = source.column_of[k];
  return row < 0 || column < 0 ? 0.f : source.weight[row * source.columns + column];
}

// The four bytes, two bf16 or one float of one row from place k on, as one word.
uint32_t word(const Source& source, int64_t row, int64_t k, int format, float inverse) {
  uint32_t bits = 0;
  if (format == kFp32) {
    const float w = value(source, row, k);
    std::memcpy(&bits, &w, sizeof bits);
  } else if (format == kBf16) {
    bits = to_bf16(value(source, row, k)) | static_cast<uint32_t>(to_bf16(value(source, row, k + 1))) << 16;
  } else {
    for (int i = 0; i < 4; ++i) {
      const long q = std::lrintf(value(source, row, k + i) * inverse);
      bits |= (static_cast<uint32_t>(q) & 0xff) << (8 * i);
    }
  }
  return bits;
}

// What the bytes of a packed row sum up to.
int32_t byte_sum(const uint32_t* words, int64_t depth) {
  int32_t sum = 0;
  for (int64_t k = 0; k < depth; ++k) {
    for (int i = 0; i < 4; ++i) sum += static_cast<int8_t>(words[k * kColumns] >> (8 * i));
  }
  return sum;
}

}  // namespace

Packed pack(const Source& source, int format) {
  const int64_t columns = static_cast<int64_t>(source.row_of.size());
  const int64_t per_word = 4 / format_bytes(format);
  const int64_t depth = static_cast<int64_t>(source.column_of.size()) / per_word;
  Packed packed;
  packed.memory = Block(static_cast<size_t>(columns) * static_cast<size_t>(depth + 3) * 4);
  uint32_t* words = packed.memory.as<uint32_t>();
  float* bias = reinterpret_cast<float*>(words + columns * depth);
  float* scale = bias + columns;
  int32_t* start = reinterpret_cast<int32_t*>(scale + columns);
  for (int64_t c = 0; c < columns; ++c) {
    const int64_t row = source.row_of[c];
    uint32_t* out = words + c / kColumns * depth * kColumns + c % kColumns;
    float largest = 0.f;
    if (format == kInt8) {
      for (int64_t k = 0; k < depth * per_word; ++k) largest = std::fmax(largest, std::fabs(value(source, row, k)));
    }
    const float inverse = largest > 0.f ? 127.f / largest : 0.f;
    for (int64_t k = 0; k < depth; ++k) out[k * kColumns] = word(source, row, k * per_word, format, inverse);
    bias[c] = row < 0 || source.bias == nullptr ? 0.f : source.bias[row];
    if (format == kInt8) {
      scale[c] = largest / 127.f / (source.states ? 127.f : 1.f);
      start[c] = -128 * byte_sum(out, depth);
    }
  }
  packed.panels = {words, depth, columns / kColumns, bias, scale, start};
  return packed;
}

std::vector<int64_t> gate_rows(int64_t hidden) {
  std::vector<int64_t> rows(static_cast<size_t>(padded(hidden) * kGates));
  for (int64_t c = 0; c < static_cast<int64_t>(rows.size()); ++c) {
    const int64_t unit = packed_unit(c, kUnits);
    rows[c] = unit < hidden ? outer_row(packed_gate(c, kUnits), unit, hidden) : -1;
  }
  return rows;
}

std::vector<int64_t> plain_rows(int64_t rows) {
  std::vector<int64_t> map(static_cast<size_t>(padded(rows, kColumns)), -1);
  for (int64_t r = 0; r < rows; ++r) map[r] = r;
  return map;
}

std::vector<int64_t> padded_columns(int64_t size, int64_t parts) {
  std::vector<int64_t> map(static_cast<size_t>(padded(size) * parts), -1);
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t i = 0; i < size; ++i) map[part * padded(size) + i] = part * size + i;
  }
  return map;
}

}  // namespace seqmap
