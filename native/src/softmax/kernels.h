// What the softmax in training asks of a compiled variant.
#pragma once

#include <cstdint>

#include "base/cpu.h"

namespace seqmap {

// One row: what does not differ between rows, and where results go.
struct SoftmaxRow {
  const float* bias;   // (columns)
  int64_t columns;
  float smoothing;
  float* dbias;        // (columns), the gradient is added
  float* room;         // (columns) scratch
};

struct SoftmaxKernels {
  // Replaces scores by their gradient; returns the row's loss. By format: fp32, bf16.
  double (*row[2])(const SoftmaxRow& what, void* scores, int64_t truth);
};

#define SEQMAP_DECLARE(name)                     \
  namespace name {                               \
  extern const SoftmaxKernels softmax_kernels;   \
  }
SEQMAP_FLOAT_VARIANTS(SEQMAP_DECLARE)
#undef SEQMAP_DECLARE

static inline const SoftmaxKernels& softmax_kernels(Variant variant) {
  switch (variant) {
#define SEQMAP_CASE(name) \
  case Variant::name: return name::softmax_kernels;
    SEQMAP_FLOAT_VARIANTS(SEQMAP_CASE)
#undef SEQMAP_CASE
    default: return portable::softmax_kernels;
  }
}

}  // namespace seqmap
