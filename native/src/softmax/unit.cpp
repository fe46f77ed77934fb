// The softmax of one row; compiled once per variant.
#include "softmax/kernels.h"

#include <cmath>

#include "simd/simd.h"

namespace seqmap {
namespace SEQMAP_VARIANT {
namespace {

struct Floats {
  using Value = float;
  static float one(float x) { return x; }
  static float from(float x) { return x; }
  SEQMAP_INLINE Vec whole(const float* p) { return load(p); }
  SEQMAP_INLINE void put(float* p, Vec a) { store(p, a); }
};

struct Halves {
  using Value = uint16_t;
  static float one(uint16_t x) { return from_bf16(x); }
  static uint16_t from(float x) { return to_bf16(x); }
  SEQMAP_INLINE Vec whole(const uint16_t* p) { return load_bf16(p); }
  SEQMAP_INLINE void put(uint16_t* p, Vec a) { store_bf16(p, a); }
};

template <class F>
SEQMAP_INLINE Vec some(const typename F::Value* p, int lanes) {
  if (lanes == kWidth) return F::whole(p);
  float values[kWidth] = {};
  for (int i = 0; i < lanes; ++i) values[i] = F::one(p[i]);
  return load(values);
}

template <class F>
SEQMAP_INLINE void put_some(typename F::Value* p, Vec a, int lanes) {
  if (lanes == kWidth) return F::put(p, a);
  float values[kWidth];
  store(values, a);
  for (int i = 0; i < lanes; ++i) p[i] = F::from(values[i]);
}

template <class Function>
SEQMAP_INLINE void over(int64_t columns, Function function) {
  int64_t i = 0;
  for (; i + kWidth <= columns; i += kWidth) function(i, Int<kWidth>::value);
  if (i < columns) function(i, static_cast<int>(columns - i));
}

template <class F>
double row(const SoftmaxRow& what, void* given, int64_t truth) {
  const FlushDenormals flush;
  auto* scores = static_cast<typename F::Value*>(given);
  const int64_t columns = what.columns;
  const float share = what.smoothing / static_cast<float>(columns);

  // With the bias, kept: rounded again they would differ from what the loss is of.
  Vec total = zero(), highest = set1(-3e38f);
  float most = -3e38f;
  over(columns, [&](int64_t i, int lanes) {
    const Vec s = add(some<F>(scores + i, lanes), load_partial(what.bias + i, lanes));
    store_partial(what.room + i, s, lanes);
    total = add(total, s);
    if (lanes == kWidth) {
      highest = larger_lanes(highest, s);
    } else {
      for (int k = 0; k < lanes; ++k) most = what.room[i + k] > most ? what.room[i + k] : most;
    }
  });
  float lanes_of_highest[kWidth];
  store(lanes_of_highest, highest);
  for (int k = 0; k < kWidth; ++k) most = lanes_of_highest[k] > most ? lanes_of_highest[k] : most;
  const float right = what.room[truth];

  Vec mass = zero();
  over(columns, [&](int64_t i, int lanes) {
    const Vec e = exp_clamped(sub(load_partial(what.room + i, lanes), set1(most)));
    store_partial(what.room + i, e, lanes);
    mass = add(mass, keep_first(e, lanes));
  });
  const float whole = sum_lanes(mass);
  const Vec inverse = set1(1.f / whole), lowered = set1(share);
  // The truth's own part goes where the row is read next.
  what.room[truth] -= (1.f - what.smoothing) * whole;
  over(columns, [&](int64_t i, int lanes) {
    const Vec gradient = sub(mul(load_partial(what.room + i, lanes), inverse), lowered);
    store_partial(what.dbias + i, add(load_partial(what.dbias + i, lanes), gradient), lanes);
    put_some<F>(scores + i, gradient, lanes);
  });
  return std::log(static_cast<double>(whole)) + most - (1.f - what.smoothing) * static_cast<double>(right) -
         static_cast<double>(share) * sum_lanes(total);
}

}  // namespace

extern const SoftmaxKernels softmax_kernels = {{row<Floats>, row<Halves>}};

}  // namespace SEQMAP_VARIANT
}  // namespace seqmap
