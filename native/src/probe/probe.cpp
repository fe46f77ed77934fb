// The C entries of the probe kernels; not part of the public header.
#include <cstring>

#include "base/error.h"
#include "probe/kernels.h"
#include "seqmap_core.h"

extern "C" {
SEQMAP_API int32_t seqmap_probe_map(const char* name, const char* work, const float* x, float* y, int64_t n);
// Reads memory front to back; returns the bytes that were read.
SEQMAP_API int64_t seqmap_probe_read(const float* data, int64_t floats, int64_t times);
// Products of numbers of a format (0 fp32, 1 bf16, 2 int8) in registers alone; returns how many.
SEQMAP_API int64_t seqmap_probe_peak(int32_t format, int64_t steps);
}

int32_t seqmap_probe_map(const char* name, const char* work, const float* x, float* y, int64_t n) {
  using namespace seqmap;
  const Work kind = std::strcmp(work, "bf16") == 0 ? Work::bf16 : Work::fp32;
  const ProbeKernels& kernels = probe_kernels(current_variant(kind));
  if (std::strcmp(name, "sigmoid") == 0) {
    kernels.sigmoid(x, y, n);
  } else if (std::strcmp(name, "tanh") == 0) {
    kernels.tanh(x, y, n);
  } else if (std::strcmp(name, "exp") == 0) {
    kernels.exp(x, y, n);
  } else if (std::strcmp(name, "round_bf16") == 0) {
    kernels.round_bf16(x, y, n);
  } else {
    return fail(SEQMAP_EINVAL, "unknown probe '%s'", name);
  }
  return SEQMAP_OK;
}

int64_t seqmap_probe_read(const float* data, int64_t floats, int64_t times) {
  using namespace seqmap;
  const int64_t whole = floats / 256 * 256;
  volatile float sink = probe_kernels(current_variant(Work::fp32)).read(data, whole, times);
  static_cast<void>(sink);
  return whole * 4 * times;
}

int64_t seqmap_probe_peak(int32_t format, int64_t steps) {
  using namespace seqmap;
  constexpr Work kWorks[] = {Work::fp32, Work::bf16, Work::int8};
  if (format < 0 || format > 2) return fail(SEQMAP_EINVAL, "unknown number format %d", format);
  float sink[32 * 16];
  return probe_kernels(current_variant(kWorks[format])).peak[format](steps, sink);
}
