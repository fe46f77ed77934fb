// The LSTM cell on kWidth units, from additions, products and divisions alone: with fused multiply-add the result
// has the same bits on every instruction set. Included by unit.cpp inside the variant's namespace.

// p 2^n for integral n below 127. AVX-512 takes any n; the others want `at_least_exp2` before.
#if defined(__AVX512F__) && !defined(SEQMAP_PORTABLE)
SEQMAP_INLINE Vec scale_by_power(Vec p, Vec n) { return {_mm512_scalef_ps(p.v, n.v)}; }
SEQMAP_INLINE Vec at_least_exp2(Vec y) { return y; }
#else
SEQMAP_INLINE Vec scale_by_power(Vec p, Vec n) { return mul(p, exp2_int(n)); }
SEQMAP_INLINE Vec at_least_exp2(Vec y) { return max_keep_nan(-40.f, y); }  // 1 + 2^-40 is 1 to fp32
#endif

// Beyond it a gate is 0 or 1 to fp32; three factors 1 + e^28 still fit into an fp32.
constexpr float kGateLimit = 28.f;

// exp(-x) - 1 = scale * (1 + q) - 1, by Cephes' expf on -x = n ln 2 - r.
SEQMAP_INLINE Vec negative_expm1(Vec x, Vec* scale) {
  x = clamp(x, kGateLimit);
  const Vec n = round_even(mul(x, set1(-1.44269504088896341f)));
  Vec r = fma(n, set1(0.693359375f), x);  // ln 2 in two parts, the first with few bits
  r = fma(n, set1(-2.12194440e-4f), r);
  Vec p = set1(1.9875691500e-4f);  // the odd powers change sign with r
  p = fma(p, r, set1(-1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(-4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(-5.0000001201e-1f));
  *scale = scale_by_power(set1(1.f), n);
  // exp(-r) - 1 = r^2 P(-r) - r, and P's sign is turned too
  return fnma(p, mul(r, r), sub(zero(), r));
}

// 1 + exp(-x): the divisor of the logistic function.
SEQMAP_INLINE Vec sigmoid_divisor(Vec x) {
  Vec scale;
  const Vec q = negative_expm1(x, &scale);
  return add(fma(scale, q, scale), set1(1.f));
}

// exp(-2x) - 1, exact to fp32 for small x too: tanh(x) = -e / (2 + e).
SEQMAP_INLINE Vec tanh_part(Vec x) {
  Vec scale;
  const Vec q = negative_expm1(add(x, x), &scale);
  return fma(scale, q, sub(scale, set1(1.f)));
}

// The gates i, f, g, o come before their nonlinearity. Both cells return h and renew c (Hochreiter & Schmidhuber 1997;
// Gers et al. 2000), with one division for each:
//   c = c / F + (1 - e) / (I G)    with F = 1 + exp(-f), I = 1 + exp(-i), G = 1 + e, e = exp(-2g)
SEQMAP_INLINE Vec exact_cell(Vec i, Vec f, Vec g, Vec o, Vec* c) {
  const Vec input = sigmoid_divisor(i), forget = sigmoid_divisor(f), output = sigmoid_divisor(o);
  const Vec e = tanh_part(g);
  const Vec ig = mul(input, add(set1(2.f), e));
  *c = div(fnma(e, forget, mul(*c, ig)), mul(ig, forget));
  const Vec ec = tanh_part(*c);
  return div(sub(zero(), ec), mul(output, add(set1(2.f), ec)));
}

// 2^(factor x) to about 1e-4 of itself, and exactly 1 for 0: padding stays zero.
SEQMAP_INLINE Vec quick_power(Vec x, float factor) {
  constexpr float kLimit = 40.f;  // kGateLimit in powers of two
  const Vec y = at_least_exp2(min_keep_nan(kLimit, mul(x, set1(factor))));
  const Vec n = round_even(y);
  const Vec f = sub(y, n);
  Vec p = set1(5.500905781e-02f);  // least relative error of degree 3 on [-1/2, 1/2]: 1.01e-4
  p = fma(p, f, set1(2.422109747e-01f));
  p = fma(p, f, set1(6.932828980e-01f));
  p = fma(p, f, set1(1.f));
  return scale_by_power(p, n);
}

// For formats whose own rounding is a hundred times coarser: half of the instructions.
SEQMAP_INLINE Vec quick_cell(Vec i, Vec f, Vec g, Vec o, Vec* c) {
  constexpr float kLog2E = 1.44269504088896341f;
  const Vec one = set1(1.f);
  const Vec input = add(one, quick_power(i, -kLog2E)), forget = add(one, quick_power(f, -kLog2E));
  const Vec output = add(one, quick_power(o, -kLog2E));
  const Vec e = quick_power(g, -2.f * kLog2E);
  const Vec ig = mul(input, add(one, e));
  *c = div(fma(sub(one, e), forget, mul(*c, ig)), mul(ig, forget));
  const Vec ec = quick_power(*c, -2.f * kLog2E);
  return div(sub(one, ec), mul(output, add(one, ec)));
}
