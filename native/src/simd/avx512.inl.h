// AVX-512 (F, BW, VL, DQ): 16 lanes, 32 registers. Included by simd.h inside the variant's namespace.

constexpr int kWidth = 16;
constexpr int kRegisters = 32;

struct Vec { __m512 v; };
struct Words { __m512i v; };

SEQMAP_INLINE Vec set1(float x) { return {_mm512_set1_ps(x)}; }
SEQMAP_INLINE Vec zero() { return {_mm512_setzero_ps()}; }
SEQMAP_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
SEQMAP_INLINE void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
SEQMAP_INLINE __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
// The first n lanes, the others zero; n in [0, kWidth].
SEQMAP_INLINE Vec load_partial(const float* p, int n) { return {_mm512_maskz_loadu_ps(first_lanes(n), p)}; }
SEQMAP_INLINE void store_partial(float* p, Vec a, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), a.v); }
SEQMAP_INLINE Vec keep_first(Vec a, int n) { return {_mm512_maskz_mov_ps(first_lanes(n), a.v)}; }

SEQMAP_INLINE Vec add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec sub(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec mul(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec div(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }     // a*b + c
SEQMAP_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }   // c - a*b
// The smaller of limit and x, and x when x is NaN.
SEQMAP_INLINE Vec min_keep_nan(float limit, Vec x) { return {_mm512_min_ps(_mm512_set1_ps(limit), x.v)}; }
SEQMAP_INLINE Vec max_keep_nan(float limit, Vec x) { return {_mm512_max_ps(_mm512_set1_ps(limit), x.v)}; }
SEQMAP_INLINE Vec larger_lanes(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec round_even(Vec x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
// 2^n for integral n in [-126, 127].
SEQMAP_INLINE Vec exp2_int(Vec n) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtps_epi32(_mm512_add_ps(n.v, _mm512_set1_ps(127.f))), 23))};
}
// 1/x for finite, normal x, to about one unit in the last place.
SEQMAP_INLINE Vec reciprocal(Vec x) {
  const __m512 r = _mm512_rcp14_ps(x.v);
  return {_mm512_fmadd_ps(r, _mm512_fnmadd_ps(x.v, r, _mm512_set1_ps(1.f)), r)};
}

SEQMAP_INLINE Words load_words(const void* p) { return {_mm512_loadu_si512(p)}; }
SEQMAP_INLINE void store_words(void* p, Words a) { _mm512_storeu_si512(p, a.v); }
SEQMAP_INLINE Words set1_word(int32_t x) { return {_mm512_set1_epi32(x)}; }
SEQMAP_INLINE Words or_words(Words a, Words b) { return {_mm512_or_si512(a.v, b.v)}; }
// kWidth 16-bit values, each in a word of its own.
SEQMAP_INLINE Words load_halves(const uint16_t* p) {
  return {_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
SEQMAP_INLINE Words add_words(Words a, Words b) { return {_mm512_add_epi32(a.v, b.v)}; }
SEQMAP_INLINE Vec as_floats(Words a) { return {_mm512_castsi512_ps(a.v)}; }
SEQMAP_INLINE Words as_words(Vec a) { return {_mm512_castps_si512(a.v)}; }
SEQMAP_INLINE Words shift_left_16(Words a) { return {_mm512_slli_epi32(a.v, 16)}; }
SEQMAP_INLINE Words high_halves(Words a) { return {_mm512_and_si512(a.v, _mm512_set1_epi32(-65536))}; }
SEQMAP_INLINE Vec to_floats(Words a) { return {_mm512_cvtepi32_ps(a.v)}; }         // int32 -> float
SEQMAP_INLINE Words round_to_words(Vec a) { return {_mm512_cvtps_epi32(a.v)}; }    // nearest even
// The low bytes of the kWidth words.
SEQMAP_INLINE void store_low_bytes(void* p, Words a) {
  const __m128i bytes = _mm512_cvtepi32_epi8(a.v);
  _mm_storeu_si128(static_cast<__m128i*>(p), bytes);
}

// kWidth floats <-> bf16, round to nearest even, NaN stays NaN.
SEQMAP_INLINE void store_bf16(uint16_t* p, Vec a) {
#if defined(__AVX512BF16__)
  const __m256i half = (__m256i)_mm512_cvtneps_pbh(a.v);
#else
  const __m512i u = _mm512_castps_si512(a.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  __m512i r = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
  r = _mm512_mask_mov_epi32(r, _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), _mm512_set1_epi32(0x7fc00000));
  const __m256i half = _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
#endif
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), half);
}
SEQMAP_INLINE Vec load_bf16(const uint16_t* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
}

#if defined(__AVX512BF16__)
constexpr bool kHasBf16Dot = true;
// acc + a.lo*b.lo + a.hi*b.hi for each word's pair of bf16.
SEQMAP_INLINE Vec dot_bf16(Vec acc, Words a, Words b) {
  return {_mm512_dpbf16_ps(acc.v, (__m512bh)a.v, (__m512bh)b.v)};
}
#else
constexpr bool kHasBf16Dot = false;
#endif

// acc + the four products of each word's unsigned bytes `u` and signed bytes `s`; exact.
SEQMAP_INLINE Words dot_u8s8(Words acc, Words u, Words s) {
#if defined(__AVX512VNNI__)
  return {_mm512_dpbusd_epi32(acc.v, u.v, s.v)};
#else
  const __m512i even_u = _mm512_and_si512(u.v, _mm512_set1_epi16(0xff)), odd_u = _mm512_srli_epi16(u.v, 8);
  const __m512i even_s = _mm512_srai_epi16(_mm512_slli_epi16(s.v, 8), 8), odd_s = _mm512_srai_epi16(s.v, 8);
  const __m512i sum = _mm512_add_epi32(_mm512_madd_epi16(even_u, even_s), _mm512_madd_epi16(odd_u, odd_s));
  return {_mm512_add_epi32(acc.v, sum)};
#endif
}
