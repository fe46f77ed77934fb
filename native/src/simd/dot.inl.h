// The two number formats of a matrix product, seen as 32-bit words along the summed dimension: one float, or a
// pair of bf16. With this view fp32 and bf16 share every layout and every loop. Included by simd.h inside the
// variant's namespace.
//
//   Row       a broadcast word of the left operand     Panel     kWidth words of the right operand
//   madd      acc + row * panel, summed over what one word holds

struct Fp32 {
  using Stored = float;
  static constexpr int kPerWord = 1;
  using Row = Vec;
  using Panel = Vec;

  SEQMAP_INLINE Row row(const uint32_t* p) {
    float x;
    std::memcpy(&x, p, sizeof x);
    return set1(x);
  }
  SEQMAP_INLINE Panel panel(const uint32_t* p) { return as_floats(load_words(p)); }
  SEQMAP_INLINE Vec madd(Vec acc, Row a, Panel b) { return fma(a, b, acc); }
  SEQMAP_INLINE void put(Stored* p, Vec a) { store(p, a); }
  SEQMAP_INLINE Vec take(const Stored* p) { return load(p); }
  SEQMAP_INLINE Stored convert(float x) { return x; }
};

#if defined(__AVX512BF16__) && !defined(SEQMAP_PORTABLE)
struct Bf16 {
  using Stored = uint16_t;
  static constexpr int kPerWord = 2;
  using Row = Words;
  using Panel = Words;

  SEQMAP_INLINE Row row(const uint32_t* p) { return set1_word(static_cast<int32_t>(*p)); }
  SEQMAP_INLINE Panel panel(const uint32_t* p) { return load_words(p); }
  SEQMAP_INLINE Vec madd(Vec acc, Row a, Panel b) { return dot_bf16(acc, a, b); }
  SEQMAP_INLINE void put(Stored* p, Vec a) { store_bf16(p, a); }
  SEQMAP_INLINE Vec take(const Stored* p) { return load_bf16(p); }
  SEQMAP_INLINE Stored convert(float x) { return to_bf16(x); }
};
#else
// No dot product of bf16 here: widen both halves to fp32, so that what is rounded stays the same.
struct Bf16 {
  using Stored = uint16_t;
  static constexpr int kPerWord = 2;
  struct Row { Vec low, high; };
  struct Panel { Vec low, high; };

  SEQMAP_INLINE Row row(const uint32_t* p) {
    return {set1(from_bf16(static_cast<uint16_t>(*p))), set1(from_bf16(static_cast<uint16_t>(*p >> 16)))};
  }
  SEQMAP_INLINE Panel panel(const uint32_t* p) {
    const Words both = load_words(p);
    return {as_floats(shift_left_16(both)), as_floats(high_halves(both))};
  }
  SEQMAP_INLINE Vec madd(Vec acc, Row a, Panel b) { return fma(a.high, b.high, fma(a.low, b.low, acc)); }
  SEQMAP_INLINE void put(Stored* p, Vec a) { store_bf16(p, a); }
  SEQMAP_INLINE Vec take(const Stored* p) { return load_bf16(p); }
  SEQMAP_INLINE Stored convert(float x) { return to_bf16(x); }
};
#endif
