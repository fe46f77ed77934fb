// Compiled once per variant.
#include "infer/kernels.h"
#include "probe/kernels.h"
#include "simd/simd.h"

namespace seqmap {
namespace SEQMAP_VARIANT {
namespace {

#include "infer/cell.inl.h"
#include "infer/formats.inl.h"

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


float read_floats(const float* data, int64_t n, int64_t times) {
  const FlushDenormals flush;
  constexpr int kStreams = 8;
  Vec sums[kStreams];
#pragma GCC unroll 8
  for (int k = 0; k < kStreams; ++k) sums[k] = zero();
  for (int64_t time = 0; time < times; ++time) {
    for (int64_t i = 0; i < n; i += kStreams * kWidth) {
#pragma GCC unroll 8
      for (int k = 0; k < kStreams; ++k) sums[k] = add(sums[k], load(data + i + k * kWidth));
    }
  }
  float lanes[kWidth], total = 0.f;
  for (int k = 0; k < kStreams; ++k) {
    store(lanes, sums[k]);
    total += lanes[0];
  }
  return total;
}

template <class Sum>
Sum no_sum();
template <>
inline Vec no_sum<Vec>() { return zero(); }
template <>
inline FormatInt8::Sum no_sum<FormatInt8::Sum>() { return FormatInt8::to_sum(set1_word(0)); }

// Of sums that are all alike: keeps the compiler from leaving any out.
SEQMAP_INLINE Vec blend_sums(Vec a, Vec b) { return add(mul(a, set1(0.5f)), mul(b, set1(0.5f))); }
SEQMAP_INLINE FormatInt8::Sum blend_sums(FormatInt8::Sum a, FormatInt8::Sum b) { return {a.v | b.v}; }

// As many sums as the kernels keep, in the same pattern: every row times every panel, with no two products alike.
template <class F>
int64_t peak(int64_t steps, uint32_t row, uint32_t panel, float* sink) {
  const FlushDenormals flush;
  constexpr int kRows = kRegisters == 32 ? 6 : 2, kPanels = 4, kTurns = 16;
  uint32_t rows[kTurns + kRows], panels[kPanels * kWidth];
  for (uint32_t& word : rows) word = row;
  for (uint32_t& word : panels) word = panel;
  typename F::Panel b[kPanels];
#pragma GCC unroll 8
  for (int g = 0; g < kPanels; ++g) b[g] = F::panel(panels + g * kWidth);
  typename F::Sum sums[kRows][kPanels];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int g = 0; g < kPanels; ++g) sums[r][g] = no_sum<typename F::Sum>();
  }
  for (int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const typename F::Row a = F::row(rows + step % kTurns + r);
#pragma GCC unroll 8
      for (int g = 0; g < kPanels; ++g) sums[r][g] = F::madd(sums[r][g], a, b[g]);
    }
  }
  // One by one, not as an array: sums whose address is taken would live in memory.
  typename F::Sum total = sums[0][0];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int g = 0; g < kPanels; ++g) total = blend_sums(total, sums[r][g]);
  }
  std::memcpy(sink, &total, sizeof total);
  return steps * kRows * kPanels * kWidth * F::kPerWord;
}

// 1 times 1 in fp32 and bf16; 0 times 0 in bytes, whose sums would overflow.
int64_t peak_fp32(int64_t steps, float* sink) { return peak<FormatFp32>(steps, 0x3f800000u, 0x3f800000u, sink); }
int64_t peak_bf16(int64_t steps, float* sink) { return peak<FormatBf16>(steps, 0x3f803f80u, 0x3f803f80u, sink); }
int64_t peak_int8(int64_t steps, float* sink) { return peak<FormatInt8>(steps, 0x80808080u, 0u, sink); }

}  // namespace

extern const ProbeKernels probe_kernels = {kWidth, map_sigmoid, map_tanh, map_exp, map_round_bf16, words_dot,
                                           read_floats, {peak_fp32, peak_bf16, peak_int8}};

}  // namespace SEQMAP_VARIANT
}  // namespace seqmap
