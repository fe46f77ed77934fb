// The vector maths over arrays, which the tests of simd/ call, and what the machine can do at best, which `seqmap bench`
// compares with. In every variant.
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
  // Reads n floats front to back (a multiple of 256), `times` times; the sum keeps the compiler from leaving it out.
  float (*read)(const float* data, int64_t n, int64_t times);
  // Multiplies and adds in registers alone, `steps` times; returns the number of products. By number format: fp32,
  // bf16, int8.
  int64_t (*peak[3])(int64_t steps, float* sink);
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
