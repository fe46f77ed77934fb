// What follows from the primitives alone. Included by simd.h inside the variant's namespace.

SEQMAP_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
SEQMAP_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
SEQMAP_INLINE int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

SEQMAP_INLINE float sum_lanes(Vec a) {
  float lanes[kWidth], total = 0.f;
  store(lanes, a);
  for (int i = 0; i < kWidth; ++i) total += lanes[i];
  return total;
}

// Asks for `bytes` at `distance` bytes from p ahead of their use; the place need not exist.
SEQMAP_INLINE void prefetch(const void* p, int64_t distance, int64_t bytes) {
  const uintptr_t place = reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(distance);
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(reinterpret_cast<const void*>(place + static_cast<uintptr_t>(i)), 0, 2);
}

// A compile-time number to pass to a generic lambda.
template <int N>
struct Int { static constexpr int value = N; };

// Rounds like store_bf16.
SEQMAP_INLINE uint16_t to_bf16(float x) {
  uint32_t u;
  std::memcpy(&u, &x, sizeof u);
  if (x != x) return 0x7fc0;
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}
SEQMAP_INLINE float from_bf16(uint16_t half) {
  const uint32_t u = static_cast<uint32_t>(half) << 16;
  float x;
  std::memcpy(&x, &u, sizeof x);
  return x;
}

// While it lives, this thread flushes denormals to zero: they cost hundreds of cycles each and carry nothing.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }  // FTZ and DAZ
  ~FlushDenormals() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(saved_ | (uint64_t{1} << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
  FlushDenormals() : saved_(0) {}
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  unsigned saved_;
#else
  uint64_t saved_;
#endif
};
