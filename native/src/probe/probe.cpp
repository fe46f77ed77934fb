// The C entry of the probe kernels; not part of the public header.
#include <cstring>

#include "base/error.h"
#include "probe/kernels.h"
#include "seqmap_core.h"

extern "C" SEQMAP_API int32_t seqmap_probe_map(const char* name, const char* work, const float* x, float* y, int64_t n);

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
