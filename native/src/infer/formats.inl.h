// The three number formats as the panel kernels see them. Included by unit.cpp inside the variant's namespace.
//
//   begin, end   open and close a sum; `input` is added in the first or in the second, as costs least
//   put_state    stores kWidth states
//   cell         the LSTM cell, as exact as the format deserves

// Gate sums as a table holds them.
SEQMAP_INLINE Vec load_sums(const float* p) { return load(p); }
SEQMAP_INLINE Vec load_sums(const uint16_t* p) { return load_bf16(p); }

template <class Base>
struct FloatFormat : Base {
  using Sum = Vec;
  template <class Input>
  SEQMAP_INLINE Sum begin(const Panels&, int64_t, const Input* input) {
    return load_sums(input);
  }
  template <class Input>
  SEQMAP_INLINE Vec end(Sum sum, const Panels&, int64_t, const Input*) {
    return sum;
  }
  SEQMAP_INLINE Vec end_scaled(Sum sum, const Panels&, int64_t, const float*, float) { return sum; }
  SEQMAP_INLINE void put_state(void* p, int64_t unit, Vec h) {
    Base::put(static_cast<typename Base::Stored*>(p) + unit, h);
  }
};
struct FormatFp32 : FloatFormat<Fp32> {
  SEQMAP_INLINE Vec cell(Vec i, Vec f, Vec g, Vec o, Vec* c) { return exact_cell(i, f, g, o, c); }
};
struct FormatBf16 : FloatFormat<Bf16> {
  SEQMAP_INLINE Vec cell(Vec i, Vec f, Vec g, Vec o, Vec* c) { return quick_cell(i, f, g, o, c); }
};

// A stored byte is 128 + round(127 h). The sums are integers and exact: every path gives the same bits.
struct FormatInt8 {
  using Stored = uint8_t;
  // Plain integers: GCC keeps sums of the intrinsics' own type, which may alias anything, in memory.
  typedef int32_t Lanes __attribute__((vector_size(4 * kWidth)));
  struct Sum { Lanes v; };
  using Panel = Words;
  static constexpr int kPerWord = 4;

  SEQMAP_INLINE Sum to_sum(Words a) { return {(Lanes)a.v}; }
  SEQMAP_INLINE Words to_words(Sum a) { return {(decltype(Words::v))a.v}; }

#if defined(SEQMAP_PORTABLE) || defined(__AVX512VNNI__) || defined(__AVXVNNI__)
  // The dot product takes the stored bytes as they are; `start` takes the 128 out again.
  static constexpr bool kOffset = true;
  using Row = Words;
  SEQMAP_INLINE Row row(const uint32_t* p) { return set1_word(static_cast<int32_t>(*p)); }
  SEQMAP_INLINE Sum madd(Sum sum, Row a, Panel b) { return to_sum(dot_u8s8(to_words(sum), a, b)); }
#elif defined(__AVX512F__)
  // maddubs adds two products in 16 bits, which saturates for bytes above 127: |h| times the weight with h's sign
  // stays below 2 * 127 * 127.
  static constexpr bool kOffset = false;
  struct Row { __m512i magnitude; __mmask64 negative; };
  SEQMAP_INLINE Row row(const uint32_t* p) {
    const __m512i h = _mm512_set1_epi32(static_cast<int32_t>(*p ^ 0x80808080u));
    return {_mm512_abs_epi8(h), _mm512_movepi8_mask(h)};
  }
  SEQMAP_INLINE Sum madd(Sum sum, Row a, Panel b) {
    const __m512i turned = _mm512_mask_sub_epi8(b.v, a.negative, _mm512_setzero_si512(), b.v);
    const __m512i pairs = _mm512_maddubs_epi16(a.magnitude, turned);
    return {sum.v + (Lanes)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1))};
  }
#elif defined(__AVX2__)
  static constexpr bool kOffset = false;  // as above
  struct Row { __m256i magnitude, h; };
  SEQMAP_INLINE Row row(const uint32_t* p) {
    const __m256i h = _mm256_set1_epi32(static_cast<int32_t>(*p ^ 0x80808080u));
    return {_mm256_abs_epi8(h), h};
  }
  SEQMAP_INLINE Sum madd(Sum sum, Row a, Panel b) {
    const __m256i pairs = _mm256_maddubs_epi16(a.magnitude, _mm256_sign_epi8(b.v, a.h));
    return {sum.v + (Lanes)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))};
  }
#else  // NEON
  static constexpr bool kOffset = false;
  using Row = int8x16_t;
  SEQMAP_INLINE Row row(const uint32_t* p) { return vreinterpretq_s8_u32(vdupq_n_u32(*p ^ 0x80808080u)); }
  SEQMAP_INLINE Sum madd(Sum sum, Row a, Panel b) {
    const int8x16_t w = vreinterpretq_s8_s32(b.v);
#if defined(__ARM_FEATURE_DOTPROD)
    return {(Lanes)vdotq_s32((int32x4_t)sum.v, w, a)};
#else
    const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(w), vget_low_s8(a)));
    const int32x4_t high = vpaddlq_s16(vmull_s8(vget_high_s8(w), vget_high_s8(a)));
    return {sum.v + (Lanes)vpaddq_s32(low, high)};
#endif
  }
#endif

  SEQMAP_INLINE Panel panel(const uint32_t* p) { return load_words(p); }
  template <class Input>
  SEQMAP_INLINE Sum begin(const Panels& panels, int64_t column, const Input*) {
    return to_sum(kOffset ? load_words(panels.start + column) : set1_word(0));
  }
  template <class Input>
  SEQMAP_INLINE Vec end(Sum sum, const Panels& panels, int64_t column, const Input* input) {
    return fma(to_floats(to_words(sum)), load(panels.scale + column), load_sums(input));
  }
  SEQMAP_INLINE Vec end_scaled(Sum sum, const Panels& panels, int64_t column, const float* input, float scale) {
    return fma(to_floats(to_words(sum)), mul(load(panels.scale + column), set1(scale)), load(input));
  }
  SEQMAP_INLINE Vec cell(Vec i, Vec f, Vec g, Vec o, Vec* c) { return quick_cell(i, f, g, o, c); }
  SEQMAP_INLINE void put_state(void* p, int64_t unit, Vec h) {
    const Words rounded = add_words(round_to_words(mul(h, set1(127.f))), set1_word(128));
    store_low_bytes(static_cast<uint8_t*>(p) + unit, rounded);
  }
};
