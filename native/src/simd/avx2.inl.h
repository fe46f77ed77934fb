// AVX2 + FMA: 8 lanes, 16 registers. Included by simd.h inside the variant's namespace.

constexpr int kWidth = 8;
constexpr int kRegisters = 16;

struct Vec { __m256 v; };
struct Words { __m256i v; };

SEQMAP_INLINE Vec set1(float x) { return {_mm256_set1_ps(x)}; }
SEQMAP_INLINE Vec zero() { return {_mm256_setzero_ps()}; }
SEQMAP_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
SEQMAP_INLINE void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
SEQMAP_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first n lanes, the others zero; n in [0, kWidth].
SEQMAP_INLINE Vec load_partial(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
SEQMAP_INLINE void store_partial(float* p, Vec a, int n) { _mm256_maskstore_ps(p, first_lanes(n), a.v); }
SEQMAP_INLINE Vec keep_first(Vec a, int n) { return {_mm256_and_ps(a.v, _mm256_castsi256_ps(first_lanes(n)))}; }

SEQMAP_INLINE Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }     // a*b + c
SEQMAP_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }   // c - a*b
// The smaller of limit and x, and x when x is NaN.
SEQMAP_INLINE Vec min_keep_nan(float limit, Vec x) { return {_mm256_min_ps(_mm256_set1_ps(limit), x.v)}; }
SEQMAP_INLINE Vec max_keep_nan(float limit, Vec x) { return {_mm256_max_ps(_mm256_set1_ps(limit), x.v)}; }
SEQMAP_INLINE Vec larger_lanes(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
SEQMAP_INLINE Vec round_even(Vec x) {
  return {_mm256_round_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
// 2^n for integral n in [-126, 127].
SEQMAP_INLINE Vec exp2_int(Vec n) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtps_epi32(_mm256_add_ps(n.v, _mm256_set1_ps(127.f))), 23))};
}
// 1/x for finite, normal x, to about one unit in the last place.
SEQMAP_INLINE Vec reciprocal(Vec x) { return {_mm256_div_ps(_mm256_set1_ps(1.f), x.v)}; }

SEQMAP_INLINE Words load_words(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
SEQMAP_INLINE void store_words(void* p, Words a) { _mm256_storeu_si256(static_cast<__m256i*>(p), a.v); }
SEQMAP_INLINE Words set1_word(int32_t x) { return {_mm256_set1_epi32(x)}; }
SEQMAP_INLINE Words or_words(Words a, Words b) { return {_mm256_or_si256(a.v, b.v)}; }
// kWidth 16-bit values, each in a word of its own.
SEQMAP_INLINE Words load_halves(const uint16_t* p) {
  return {_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
SEQMAP_INLINE Words add_words(Words a, Words b) { return {_mm256_add_epi32(a.v, b.v)}; }
SEQMAP_INLINE Vec as_floats(Words a) { return {_mm256_castsi256_ps(a.v)}; }
SEQMAP_INLINE Words as_words(Vec a) { return {_mm256_castps_si256(a.v)}; }
SEQMAP_INLINE Words shift_left_16(Words a) { return {_mm256_slli_epi32(a.v, 16)}; }
SEQMAP_INLINE Words high_halves(Words a) { return {_mm256_and_si256(a.v, _mm256_set1_epi32(-65536))}; }
SEQMAP_INLINE Vec to_floats(Words a) { return {_mm256_cvtepi32_ps(a.v)}; }         // int32 -> float
SEQMAP_INLINE Words round_to_words(Vec a) { return {_mm256_cvtps_epi32(a.v)}; }    // nearest even
// The low 16 bits of each word, in order.
SEQMAP_INLINE __m128i low_halves(__m256i a) {
  const __m256i kept = _mm256_and_si256(a, _mm256_set1_epi32(0xffff));
  return _mm_packus_epi32(_mm256_castsi256_si128(kept), _mm256_extracti128_si256(kept, 1));
}
// The low bytes of the kWidth words.
SEQMAP_INLINE void store_low_bytes(void* p, Words a) {
  const __m128i half = _mm_and_si128(low_halves(a.v), _mm_set1_epi16(0xff));
  _mm_storel_epi64(static_cast<__m128i*>(p), _mm_packus_epi16(half, half));
}

// kWidth floats <-> bf16, round to nearest even, NaN stays NaN.
SEQMAP_INLINE void store_bf16(uint16_t* p, Vec a) {
  const __m256i u = _mm256_castps_si256(a.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  const __m256i r = _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q));
  const __m256i picked = _mm256_blendv_epi8(r, _mm256_set1_epi32(0x7fc00000), nan);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), low_halves(_mm256_srli_epi32(picked, 16)));
}
SEQMAP_INLINE Vec load_bf16(const uint16_t* p) {
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16))};
}

constexpr bool kHasBf16Dot = false;

// acc + the four products of each word's unsigned bytes `u` and signed bytes `s`; exact (maddubs would
// saturate).
SEQMAP_INLINE Words dot_u8s8(Words acc, Words u, Words s) {
#if defined(__AVXVNNI__)
  return {_mm256_dpbusd_avx_epi32(acc.v, u.v, s.v)};
#else
  const __m256i even_u = _mm256_and_si256(u.v, _mm256_set1_epi16(0xff)), odd_u = _mm256_srli_epi16(u.v, 8);
  const __m256i even_s = _mm256_srai_epi16(_mm256_slli_epi16(s.v, 8), 8), odd_s = _mm256_srai_epi16(s.v, 8);
  const __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(even_u, even_s), _mm256_madd_epi16(odd_u, odd_s));
  return {_mm256_add_epi32(acc.v, sum)};
#endif
}
