// The tokens' vectors, read in place in the format that the archive stores them in.
#pragma once

#include <cstdint>
#include <cstring>

#include "infer/kernels.h"

namespace seqmap {

struct Embedding {
  const void* data;    // [vocabulary][size]: float, bf16 or int8
  const float* scale;  // int8: per token, what one unit of a stored number stands for
  int64_t size;
  Format format;

  // The vector of a token: where it lies, or written to `copy` (size floats).
  const float* row(int32_t id, float* copy) const {
    const int64_t first = id * size;
    if (format == kFp32) return static_cast<const float*>(data) + first;
    if (format == kBf16) {
      const uint16_t* half = static_cast<const uint16_t*>(data) + first;
      for (int64_t i = 0; i < size; ++i) {
        const uint32_t bits = static_cast<uint32_t>(half[i]) << 16;
        std::memcpy(copy + i, &bits, sizeof bits);
      }
    } else {
      const int8_t* bytes = static_cast<const int8_t*>(data) + first;
      for (int64_t i = 0; i < size; ++i) copy[i] = static_cast<float>(bytes[i]) * scale[id];
    }
    return copy;
  }
};

}  // namespace seqmap
