// One vector abstraction for every kernel; include only from units compiled per variant.
//
// The build defines SEQMAP_VARIANT (the namespace, e.g. avx512_bf16) and the compiler flags of that variant.
// Everything here, and every kernel, lives in seqmap::SEQMAP_VARIANT: if two variants shared one inline
// function, the linker might keep the copy with instructions that the machine lacks. For the same reason
// kernels use no std:: templates.
//
// Vec    kWidth floats                    Words  kWidth 32-bit words: one float, two bf16 or four bytes each
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if !defined(SEQMAP_VARIANT)
#error "compile kernels per variant: see native/CMakeLists.txt"
#endif

#define SEQMAP_INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && !defined(SEQMAP_PORTABLE)
#include <arm_neon.h>
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace seqmap {
namespace SEQMAP_VARIANT {

#if defined(SEQMAP_PORTABLE)
#include "simd/portable.inl.h"
#elif defined(__AVX512F__)
#include "simd/avx512.inl.h"
#elif defined(__AVX2__)
#include "simd/avx2.inl.h"
#elif defined(__ARM_NEON)
#include "simd/neon.inl.h"
#else
#include "simd/portable.inl.h"
#endif

#include "simd/common.inl.h"
#include "simd/dot.inl.h"
#include "simd/group.inl.h"
#include "simd/math.inl.h"

}  // namespace SEQMAP_VARIANT
}  // namespace seqmap
