// Compiled once per variant.
#include "probe/kernels.h"
#include "simd/simd.h"

namespace seqmap {
namespace SEQMAP_VARIANT {
namespace {

template <class Function>
SEQMAP_INLINE void map(const float* x, float* y, int64_t n, Function function) {
  const FlushDenormals flush;
  for (int64_t i = 0; i < n; i += kWidth) {
    const int lanes = static_cast<int>(smaller(n - i, kWidth));
    store_partial(y + i, function(load_partial(x + i, lanes)), lanes);
  }
}

void map_sigmoid(const float* x, float* y, int64_t n) {
  map(x, y, n, [](Vec a) { return sigmoid(a); });
}
void map_tanh(const float* x, float* y, int64_t n) {
  map(x, y, n, [](Vec a) { return tanh(a); });
}
void map_exp(const float* x, float* y, int64_t n) {
  map(x, y, n, [](Vec a) { return exp_clamped(a); });
}
void map_round_bf16(const float* x, float* y, int64_t n) {
  map(x, y, n, [](Vec a) {
    uint16_t half[kWidth];
    store_bf16(half, a);
    return load_bf16(half);
  });
}
void words_dot(const uint8_t* u, const int8_t* s, int32_t* out, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) {
    const size_t lanes = static_cast<size_t>(smaller(n - i, kWidth));
    int32_t a[kWidth] = {}, b[kWidth] = {}, sum[kWidth];
    std::memcpy(a, u + 4 * i, 4 * lanes);
    std::memcpy(b, s + 4 * i, 4 * lanes);
    store_words(sum, dot_u8s8(set1_word(0), load_words(a), load_words(b)));
    std::memcpy(out + i, sum, 4 * lanes);
  }
}

}  // namespace

extern const ProbeKernels probe_kernels = {kWidth, map_sigmoid, map_tanh, map_exp, map_round_bf16, words_dot};

}  // namespace SEQMAP_VARIANT
}  // namespace seqmap
