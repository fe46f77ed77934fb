// NEON on aarch64: 4 lanes, 32 registers. Included by simd.h inside the variant's namespace.

constexpr int kWidth = 4;
constexpr int kRegisters = 32;

struct Vec { float32x4_t v; };
struct Words { int32x4_t v; };

SEQMAP_INLINE Vec set1(float x) { return {vdupq_n_f32(x)}; }
SEQMAP_INLINE Vec zero() { return {vdupq_n_f32(0.f)}; }
SEQMAP_INLINE Vec load(const float* p) { return {vld1q_f32(p)}; }
SEQMAP_INLINE void store(float* p, Vec a) { vst1q_f32(p, a.v); }
// The first n lanes, the others zero; n in [0, kWidth].
SEQMAP_INLINE Vec load_partial(const float* p, int n) {
  float lanes[kWidth] = {0.f, 0.f, 0.f, 0.f};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
SEQMAP_INLINE void store_partial(float* p, Vec a, int n) {
  float lanes[kWidth];
  store(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
SEQMAP_INLINE Vec keep_first(Vec a, int n) {
  float lanes[kWidth];
  store(lanes, a);
  return load_partial(lanes, n);
}

SEQMAP_INLINE Vec add(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
SEQMAP_INLINE Vec sub(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
SEQMAP_INLINE Vec mul(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
SEQMAP_INLINE Vec div(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
SEQMAP_INLINE Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }    // a*b + c
SEQMAP_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {vfmsq_f32(c.v, a.v, b.v)}; }   // c - a*b
// The smaller of limit and x, and x when x is NaN (vminq and vmaxq return NaN for NaN).
SEQMAP_INLINE Vec min_keep_nan(float limit, Vec x) { return {vminq_f32(vdupq_n_f32(limit), x.v)}; }
SEQMAP_INLINE Vec max_keep_nan(float limit, Vec x) { return {vmaxq_f32(vdupq_n_f32(limit), x.v)}; }
SEQMAP_INLINE Vec larger_lanes(Vec a, Vec b) { return {vmaxq_f32(a.v, b.v)}; }
SEQMAP_INLINE Vec round_even(Vec x) { return {vrndnq_f32(x.v)}; }
// 2^n for integral n in [-126, 127].
SEQMAP_INLINE Vec exp2_int(Vec n) {
  return {vreinterpretq_f32_s32(vshlq_n_s32(vcvtq_s32_f32(vaddq_f32(n.v, vdupq_n_f32(127.f))), 23))};
}
// 1/x for finite, normal x, to about one unit in the last place.
SEQMAP_INLINE Vec reciprocal(Vec x) { return {vdivq_f32(vdupq_n_f32(1.f), x.v)}; }

SEQMAP_INLINE Words load_words(const void* p) {
  return {vreinterpretq_s32_u8(vld1q_u8(static_cast<const uint8_t*>(p)))};
}
SEQMAP_INLINE void store_words(void* p, Words a) {
  vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_s32(a.v));
}
SEQMAP_INLINE Words set1_word(int32_t x) { return {vdupq_n_s32(x)}; }
SEQMAP_INLINE Words or_words(Words a, Words b) { return {vorrq_s32(a.v, b.v)}; }
// kWidth 16-bit values, each in a word of its own.
SEQMAP_INLINE Words load_halves(const uint16_t* p) {
  return {vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p)))};
}
SEQMAP_INLINE Words add_words(Words a, Words b) { return {vaddq_s32(a.v, b.v)}; }
SEQMAP_INLINE Vec as_floats(Words a) { return {vreinterpretq_f32_s32(a.v)}; }
SEQMAP_INLINE Words as_words(Vec a) { return {vreinterpretq_s32_f32(a.v)}; }
SEQMAP_INLINE Words shift_left_16(Words a) { return {vshlq_n_s32(a.v, 16)}; }
SEQMAP_INLINE Words high_halves(Words a) { return {vandq_s32(a.v, vdupq_n_s32(-65536))}; }
SEQMAP_INLINE Vec to_floats(Words a) { return {vcvtq_f32_s32(a.v)}; }          // int32 -> float
SEQMAP_INLINE Words round_to_words(Vec a) { return {vcvtnq_s32_f32(a.v)}; }    // nearest even
// The low bytes of the kWidth words.
SEQMAP_INLINE void store_low_bytes(void* p, Words a) {
  const uint16x4_t half = vmovn_u32(vreinterpretq_u32_s32(a.v));
  const uint8x8_t bytes = vmovn_u16(vcombine_u16(half, half));
  vst1_lane_u32(static_cast<uint32_t*>(p), vreinterpret_u32_u8(bytes), 0);
}

// kWidth floats <-> bf16, round to nearest even, NaN stays NaN.
SEQMAP_INLINE void store_bf16(uint16_t* p, Vec a) {
  const uint32x4_t u = vreinterpretq_u32_f32(a.v);
  const uint32x4_t odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
  const uint32x4_t r = vaddq_u32(vaddq_u32(u, vdupq_n_u32(0x7fff)), odd);
  const uint32x4_t picked = vbslq_u32(vceqq_f32(a.v, a.v), r, vdupq_n_u32(0x7fc00000));
  vst1_u16(p, vshrn_n_u32(picked, 16));
}
SEQMAP_INLINE Vec load_bf16(const uint16_t* p) {
  return {vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16))};
}

constexpr bool kHasBf16Dot = false;

// acc + the four products of each word's unsigned bytes `u` and signed bytes `s`; exact.
SEQMAP_INLINE Words dot_u8s8(Words acc, Words u, Words s) {
#if defined(__ARM_FEATURE_DOTPROD)
  // The instruction has no mixed signs: u = (u - 128) + 128, and the second part is 128 * sum(s).
  const int8x16_t shifted = vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(u.v), vdupq_n_u8(0x80)));
  const int8x16_t signed_bytes = vreinterpretq_s8_s32(s.v);
  const int32x4_t sum = vdotq_s32(vdupq_n_s32(0), signed_bytes, vdupq_n_s8(1));
  return {vdotq_s32(vaddq_s32(acc.v, vshlq_n_s32(sum, 7)), shifted, signed_bytes)};
#else
  const uint8x16_t ub = vreinterpretq_u8_s32(u.v);
  const int8x16_t sb = vreinterpretq_s8_s32(s.v);
  const int16x8_t low_u = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(ub))), low_s = vmovl_s8(vget_low_s8(sb));
  const int16x8_t high_u = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(ub))), high_s = vmovl_s8(vget_high_s8(sb));
  const int32x4_t first = vmull_s16(vget_low_s16(low_u), vget_low_s16(low_s));
  const int32x4_t second = vmull_s16(vget_high_s16(low_u), vget_high_s16(low_s));
  const int32x4_t third = vmull_s16(vget_low_s16(high_u), vget_low_s16(high_s));
  const int32x4_t fourth = vmull_s16(vget_high_s16(high_u), vget_high_s16(high_s));
  return {vaddq_s32(acc.v, vpaddq_s32(vpaddq_s32(first, second), vpaddq_s32(third, fourth)))};
#endif
}
