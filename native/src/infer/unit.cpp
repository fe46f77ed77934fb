// Compiled once per variant.
#include "infer/kernels.h"
#include "simd/simd.h"

namespace seqmap {
namespace SEQMAP_VARIANT {
namespace {

SEQMAP_INLINE void prefetch(const void* p) { __builtin_prefetch(p); }

#include "infer/cell.inl.h"
#include "infer/formats.inl.h"
#include "infer/panels.inl.h"
#include "infer/sequence.inl.h"

template <class F>
void store_states(const float* x, void* out, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) F::put_state(out, i, load(x + i));
}

// The first `lanes` of kWidth floats; negative counts are none.
SEQMAP_INLINE Vec load_up_to(const float* x, int64_t lanes) {
  if (lanes >= kWidth) return load(x);
  return lanes <= 0 ? zero() : load_partial(x, static_cast<int>(lanes));
}

SEQMAP_INLINE void store_up_to(float* p, Vec a, int64_t lanes) {
  if (lanes >= kWidth) {
    store(p, a);
  } else if (lanes > 0) {
    store_partial(p, a, static_cast<int>(lanes));
  }
}

SEQMAP_INLINE float dot_product(const float* a, const float* b, int64_t n) {
  Vec total = zero(), other = zero();
  int64_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
    total = fma(load(a + i), load(b + i), total);
    other = fma(load(a + i + kWidth), load(b + i + kWidth), other);
  }
  for (; i < n; i += kWidth) total = fma(load_up_to(a + i, n - i), load_up_to(b + i, n - i), total);
  return sum_lanes(add(total, other));
}

#include "infer/convolution.inl.h"
#include "infer/multi_head.inl.h"

template <class F>
float store_inputs(const float* x, void* out, int64_t n) {
  for (int64_t i = 0; i < round_up(n, kUnits); i += kWidth) F::put_state(out, i, load_up_to(x + i, n - i));
  return 1.f;
}

// int8: the largest magnitude of the row becomes 127.
template <>
float store_inputs<FormatInt8>(const float* x, void* out, int64_t n) {
  Vec largest = zero();
  for (int64_t i = 0; i < n; i += kWidth) {
    const Vec a = load_up_to(x + i, n - i);
    largest = larger_lanes(largest, larger_lanes(a, sub(zero(), a)));
  }
  float lanes[kWidth], most = 0.f;
  store(lanes, largest);
  for (int i = 0; i < kWidth; ++i) most = lanes[i] > most ? lanes[i] : most;
  const float inverse = most > 0.f ? 1.f / most : 0.f;
  for (int64_t i = 0; i < round_up(n, kUnits); i += kWidth) {
    FormatInt8::put_state(out, i, mul(load_up_to(x + i, n - i), set1(inverse)));
  }
  return most / 127.f;
}

void attend(const float* const* x, const float* context, int64_t width, int64_t rows, float* out) {
  const FlushDenormals flush;
  for (int64_t r = 0; r < rows; ++r) {
    Vec total = zero();
    for (int64_t i = 0; i < width; i += kWidth) {
      const Vec e = tanh_part(load(x[r] + i));
      total = fma(load(context + i), div(sub(zero(), e), add(set1(2.f), e)), total);
    }
    out[r] = sum_lanes(total);
  }
}

void blend(float* total, const float* x, float keep, float gain, int64_t n) {
  for (int64_t i = 0; i < n; i += kWidth) {
    store(total + i, fma(set1(gain), load(x + i), mul(set1(keep), load(total + i))));
  }
}

void dense(const float* weight, const float* bias, const float* x, float* y, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    y[r] = bias[r] + dot_product(weight + r * columns, x, columns);
  }
}

void cell(const float* sums, int64_t hidden, float* c, float* h) {
  const FlushDenormals flush;
  for (int64_t i = 0; i < hidden; i += kWidth) {
    const int64_t lanes = hidden - i;
    Vec gates[kGates];
    for (int g = 0; g < kGates; ++g) gates[g] = load_up_to(sums + g * hidden + i, lanes);
    Vec now = load_up_to(c + i, lanes);
    const Vec state = exact_cell(gates[kInput], gates[kForget], gates[kCell], gates[kOutput], &now);
    store_up_to(c + i, now, lanes);
    store_up_to(h + i, state, lanes);
  }
}

float exp_sum(const float* x, float most, int64_t n) {
  const FlushDenormals flush;
  Vec total = zero(), other = zero();
  int64_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
    total = add(total, exp_clamped(sub(load(x + i), set1(most))));
    other = add(other, exp_clamped(sub(load(x + i + kWidth), set1(most))));
  }
  float sum = sum_lanes(add(total, other));
  for (; i < n; i += kWidth) {
    float part[kWidth];
    store(part, exp_clamped(sub(load_up_to(x + i, n - i), set1(most))));
    for (int64_t k = 0; k < kWidth && i + k < n; ++k) sum += part[k];
  }
  return sum;
}

// A variant with a sub-feature is only ever asked to run that one's format (see current_variant): the loops of the
// others, which take most of the time to compile, are left out. Projections and stores serve the token table too.
constexpr bool serves(Format format) {
#if defined(SEQMAP_ONLY)
  return format == SEQMAP_ONLY;
#else
  static_cast<void>(format);
  return true;
#endif
}

template <class F, Format format>
constexpr FormatKernels format_kernels() {
  if constexpr (serves(format)) {
    return {project<F>, sequence<F>, lockstep<F>, store_states<F>, store_inputs<F>};
  } else {
    return {project<F>, nullptr, nullptr, store_states<F>, store_inputs<F>};
  }
}

}  // namespace

extern const InferKernels infer_kernels = {
    {format_kernels<FormatFp32, kFp32>(), format_kernels<FormatBf16, kBf16>(), format_kernels<FormatInt8, kInt8>()},
    attend,
    blend,
    dense,
    cell,
    exp_sum,
    multi_head,
    layer_norm,
    convolve};

}  // namespace SEQMAP_VARIANT
}  // namespace seqmap
