// The vector maths over arrays: what the tests of simd/ call, in every variant.
#pragma once

#include <cstdint>

#include "base/cpu.h"

namespace seqmap {

struct ProbeKernels {
  int32_t width;
  void (*sigmoid)(const float* x, float* y, int64_t n);
  void (*tanh)(const float* x, float* y, int64_t n);
  void (*exp)(const float* x, float* y, int64_t n);
  void (*round_bf16)(const float* x, float* y, int64_t n);
  // n words of four bytes each: out[i] = sum of u[4i+k] * s[4i+k].
  void (*dot_u8s8)(const uint8_t* u, const int8_t* s, int32_t* out, int64_t n);
};

#define SEQMAP_DECLARE(name)                  \
  namespace name {                            \
  extern const ProbeKernels probe_kernels;    \
  }
SEQMAP_COMPILED_VARIANTS(SEQMAP_DECLARE)
#undef SEQMAP_DECLARE

static inline const ProbeKernels& probe_kernels(Variant variant) {
  switch (variant) {
#define SEQMAP_CASE(name) \
  case Variant::name: return name::probe_kernels;
    SEQMAP_COMPILED_VARIANTS(SEQMAP_CASE)
#undef SEQMAP_CASE
    default: return portable::probe_kernels;
  }
}

}  // namespace seqmap
