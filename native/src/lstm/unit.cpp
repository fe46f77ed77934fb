// The training kernels; compiled once per variant.
#include "base/gates.h"
#include "lstm/kernels.h"
#include "simd/simd.h"

namespace seqmap {
namespace SEQMAP_VARIANT {
namespace {

// clang-format off: the order matters
#include "lstm/product.inl.h"
#include "lstm/pack.inl.h"
#include "lstm/forward.inl.h"
#include "lstm/backward.inl.h"
#if defined(__AMX_BF16__)
#include "lstm/tiles.inl.h"
#endif
// clang-format on

void sum(const float* const* parts, int32_t count, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = static_cast<int>(smaller(n - i, kWidth));
    Vec total = load_partial(parts[0] + i, lanes);
    for (int32_t p = 1; p < count; ++p) total = add(total, load_partial(parts[p] + i, lanes));
    store_partial(out + i, total, lanes);
  }
}

}  // namespace

extern const LstmKernels lstm_kernels = {
    kWidth,
    kForwardChunk,
    kBackwardChunk,
    {Fp32::kPerWord, pack_forward<Fp32>, pack_backward<Fp32>, forward<Fp32>, backward<Fp32>},
    {Bf16::kPerWord, pack_forward<Bf16>, pack_backward<Bf16>, forward<Bf16>, backward<Bf16>},
    sum,
};

}  // namespace SEQMAP_VARIANT
}  // namespace seqmap
