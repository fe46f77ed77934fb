// exp, sigmoid and tanh to a few units in the last place, of a Vec or of a Group. Any input is allowed: what saturates
// saturates, and NaN stays NaN. Included by simd.h inside the variant's namespace.

// Where exp is cut off: beyond it fp32 would overflow, and sigmoid and tanh are 0 or 1 to fp32 anyway.
constexpr float kExpLimit = 80.f;

// x = n ln 2 + r with |r| <= ln 2 / 2; returns expm1(r) and sets scale = 2^n. Needs |x| <= kExpLimit.
template <class T>
SEQMAP_INLINE T expm1_reduced(T x, T* scale) {
  const T n = round_even(mul(x, constant<T>(1.44269504088896341f)));
  T r = fnma(n, constant<T>(0.693359375f), x);  // ln 2 in two parts, the first with few bits
  r = fnma(n, constant<T>(-2.12194440e-4f), r);
  T p = fma(constant<T>(1.9875691500e-4f), r, constant<T>(1.3981999507e-3f));  // Cephes expf
  p = fma(p, r, constant<T>(8.3334519073e-3f));
  p = fma(p, r, constant<T>(4.1665795894e-2f));
  p = fma(p, r, constant<T>(1.6666665459e-1f));
  p = fma(p, r, constant<T>(5.0000001201e-1f));
  *scale = exp2_int(n);
  return fma(p, mul(r, r), r);
}

template <class T>
SEQMAP_INLINE T clamp(T x, float limit) {
  return max_keep_nan(-limit, min_keep_nan(limit, x));
}

// exp(x), with x cut to [-kExpLimit, kExpLimit].
template <class T>
SEQMAP_INLINE T exp_clamped(T x) {
  T scale;
  const T q = expm1_reduced(clamp(x, kExpLimit), &scale);
  return fma(scale, q, scale);
}

// exp(x) - 1, with x cut likewise; relative accuracy for small x too.
template <class T>
SEQMAP_INLINE T expm1_clamped(T x) {
  T scale;
  const T q = expm1_reduced(clamp(x, kExpLimit), &scale);
  return fma(scale, q, sub(scale, constant<T>(1.f)));
}

template <class T>
SEQMAP_INLINE T sigmoid(T x) {
  const T e = exp_clamped(mul(x, constant<T>(-1.f)));
  return reciprocal(add(constant<T>(1.f), e));
}

// tanh(x) = -expm1(-2x) / (2 + expm1(-2x))
template <class T>
SEQMAP_INLINE T tanh(T x) {
  const T e = expm1_clamped(mul(x, constant<T>(-2.f)));
  return mul(mul(e, constant<T>(-1.f)), reciprocal(add(constant<T>(2.f), e)));
}
