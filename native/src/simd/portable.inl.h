// Any target of GCC or Clang, through their vector extension: 4 lanes; the compiler maps them to what there is
// (SSE2 on a plain x86-64). Included by simd.h inside the variant's namespace.

constexpr int kWidth = 4;
constexpr int kRegisters = 16;

typedef float FloatLanes __attribute__((vector_size(16)));
typedef int32_t IntLanes __attribute__((vector_size(16)));
typedef uint32_t UintLanes __attribute__((vector_size(16)));

struct Vec { FloatLanes v; };
struct Words { IntLanes v; };

SEQMAP_INLINE FloatLanes splat(float x) { return FloatLanes{x, x, x, x}; }
SEQMAP_INLINE FloatLanes pick(IntLanes mask, FloatLanes a, FloatLanes b) {
  return (FloatLanes)(((IntLanes)a & mask) | ((IntLanes)b & ~mask));
}

SEQMAP_INLINE Vec set1(float x) { return {splat(x)}; }
SEQMAP_INLINE Vec zero() { return {splat(0.f)}; }
SEQMAP_INLINE Vec load(const float* p) {
  Vec a;
  std::memcpy(&a.v, p, sizeof a.v);
  return a;
}
SEQMAP_INLINE void store(float* p, Vec a) { std::memcpy(p, &a.v, sizeof a.v); }
// The first n lanes, the others zero; n in [0, kWidth].
SEQMAP_INLINE Vec load_partial(const float* p, int n) {
  Vec a = zero();
  for (int i = 0; i < n; ++i) a.v[i] = p[i];
  return a;
}
SEQMAP_INLINE void store_partial(float* p, Vec a, int n) {
  for (int i = 0; i < n; ++i) p[i] = a.v[i];
}
SEQMAP_INLINE Vec keep_first(Vec a, int n) {
  const IntLanes kept = IntLanes{0, 1, 2, 3} < IntLanes{n, n, n, n};
  return {(FloatLanes)((IntLanes)a.v & kept)};
}

SEQMAP_INLINE Vec add(Vec a, Vec b) { return {a.v + b.v}; }
SEQMAP_INLINE Vec sub(Vec a, Vec b) { return {a.v - b.v}; }
SEQMAP_INLINE Vec mul(Vec a, Vec b) { return {a.v * b.v}; }
SEQMAP_INLINE Vec div(Vec a, Vec b) { return {a.v / b.v}; }
SEQMAP_INLINE Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
SEQMAP_INLINE Vec fnma(Vec a, Vec b, Vec c) { return {c.v - a.v * b.v}; }
// The smaller of limit and x, and x when x is NaN.
SEQMAP_INLINE Vec min_keep_nan(float limit, Vec x) { return {pick(x.v > splat(limit), splat(limit), x.v)}; }
SEQMAP_INLINE Vec max_keep_nan(float limit, Vec x) { return {pick(x.v < splat(limit), splat(limit), x.v)}; }
SEQMAP_INLINE Vec larger_lanes(Vec a, Vec b) { return {pick(a.v > b.v, a.v, b.v)}; }
// Adding and taking away 1.5 * 2^23 leaves the nearest integer, for |x| < 2^22.
SEQMAP_INLINE Vec round_even(Vec x) {
  const FloatLanes magic = splat(12582912.f);
  FloatLanes sum = x.v + magic;
  asm("" : "+m"(sum));  // keeps the compiler from folding the two additions
  return {sum - magic};
}
SEQMAP_INLINE IntLanes to_int(FloatLanes a) {
  IntLanes r;
  for (int i = 0; i < kWidth; ++i) {
    const bool fits = a[i] >= -2147483648.f && a[i] < 2147483648.f;  // false for NaN: a defined result
    r[i] = fits ? static_cast<int32_t>(a[i]) : INT32_MIN;
  }
  return r;
}
// 2^n for integral n in [-126, 127].
SEQMAP_INLINE Vec exp2_int(Vec n) { return {(FloatLanes)((UintLanes)to_int(n.v + splat(127.f)) << 23)}; }
// 1/x for finite, normal x, to about one unit in the last place.
SEQMAP_INLINE Vec reciprocal(Vec x) { return {splat(1.f) / x.v}; }

SEQMAP_INLINE Words load_words(const void* p) {
  Words a;
  std::memcpy(&a.v, p, sizeof a.v);
  return a;
}
SEQMAP_INLINE void store_words(void* p, Words a) { std::memcpy(p, &a.v, sizeof a.v); }
SEQMAP_INLINE Words set1_word(int32_t x) { return {IntLanes{x, x, x, x}}; }
SEQMAP_INLINE Words or_words(Words a, Words b) { return {a.v | b.v}; }
// kWidth 16-bit values, each in a word of its own.
SEQMAP_INLINE Words load_halves(const uint16_t* p) {
  return {IntLanes{p[0], p[1], p[2], p[3]}};
}
SEQMAP_INLINE Words add_words(Words a, Words b) { return {a.v + b.v}; }
SEQMAP_INLINE Vec as_floats(Words a) { return {(FloatLanes)a.v}; }
SEQMAP_INLINE Words as_words(Vec a) { return {(IntLanes)a.v}; }
SEQMAP_INLINE Words shift_left_16(Words a) { return {(IntLanes)((UintLanes)a.v << 16)}; }
SEQMAP_INLINE Words high_halves(Words a) { return {a.v & IntLanes{-65536, -65536, -65536, -65536}}; }
SEQMAP_INLINE Vec to_floats(Words a) {
  Vec r;
  for (int i = 0; i < kWidth; ++i) r.v[i] = static_cast<float>(a.v[i]);
  return r;
}
SEQMAP_INLINE Words round_to_words(Vec a) { return {to_int(round_even(a).v)}; }
// The low bytes of the kWidth words.
SEQMAP_INLINE void store_low_bytes(void* p, Words a) {
  for (int i = 0; i < kWidth; ++i) static_cast<uint8_t*>(p)[i] = static_cast<uint8_t>(a.v[i]);
}

// kWidth floats <-> bf16, round to nearest even, NaN stays NaN.
SEQMAP_INLINE void store_bf16(uint16_t* p, Vec a) {
  const UintLanes u = (UintLanes)a.v;
  const UintLanes r = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
  for (int i = 0; i < kWidth; ++i) p[i] = a.v[i] == a.v[i] ? static_cast<uint16_t>(r[i]) : uint16_t{0x7fc0};
}
SEQMAP_INLINE Vec load_bf16(const uint16_t* p) {
  const UintLanes u = {p[0], p[1], p[2], p[3]};
  return {(FloatLanes)(u << 16)};
}

constexpr bool kHasBf16Dot = false;

// acc + the four products of each word's unsigned bytes `u` and signed bytes `s`; exact.
SEQMAP_INLINE Words dot_u8s8(Words acc, Words u, Words s) {
  for (int byte = 0; byte < 4; ++byte) {
    const IntLanes ub = (IntLanes)(((UintLanes)u.v >> (8 * byte)) & 0xff);
    const IntLanes sb = (IntLanes)((UintLanes)s.v << (24 - 8 * byte)) >> 24;
    acc.v += ub * sb;
  }
  return acc;
}
