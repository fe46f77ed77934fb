// exp, sigmoid and tanh to a few units in the last place. Any input is allowed: what saturates saturates, and
// NaN stays NaN. Included by simd.h inside the variant's namespace.

// Where exp is cut off: beyond it fp32 would overflow, and sigmoid and tanh are 0 or 1 to fp32 anyway.
constexpr float kExpLimit = 80.f;

// x = n ln 2 + r with |r| <= ln 2 / 2; returns expm1(r) and sets scale = 2^n. Needs |x| <= kExpLimit.
SEQMAP_INLINE Vec expm1_reduced(Vec x, Vec* scale) {
  const Vec n = round_even(mul(x, set1(1.44269504088896341f)));
  Vec r = fnma(n, set1(0.693359375f), x);  // ln 2 in two parts, the first with few bits
  r = fnma(n, set1(-2.12194440e-4f), r);
  Vec p = set1(1.9875691500e-4f);  // Cephes expf
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  *scale = exp2_int(n);
  return fma(p, mul(r, r), r);
}

SEQMAP_INLINE Vec clamp(Vec x, float limit) { return max_keep_nan(-limit, min_keep_nan(limit, x)); }

// exp(x), with x cut to [-kExpLimit, kExpLimit].
SEQMAP_INLINE Vec exp_clamped(Vec x) {
  Vec scale;
  const Vec q = expm1_reduced(clamp(x, kExpLimit), &scale);
  return fma(scale, q, scale);
}

SEQMAP_INLINE Vec sigmoid(Vec x) {
  const Vec e = exp_clamped(sub(zero(), x));
  return reciprocal(add(set1(1.f), e));
}

// tanh(x) = -expm1(-2x) / (2 + expm1(-2x)): relative accuracy for small x too.
SEQMAP_INLINE Vec tanh(Vec x) {
  Vec scale;
  const Vec q = expm1_reduced(clamp(mul(x, set1(-2.f)), kExpLimit), &scale);
  const Vec e = fma(scale, q, sub(scale, set1(1.f)));
  return mul(sub(zero(), e), reciprocal(add(set1(2.f), e)));
}
