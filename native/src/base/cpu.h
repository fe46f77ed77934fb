// Which instruction sets this machine has, and which compiled unit serves which kind of work.
//
// Kernels are templates compiled once per *variant*: an instruction set plus the sub-features its
// translation unit may use. CMake decides which variants a build contains (compiled_variants.h).
//
// A unit (src/*/unit.cpp) defines a constant table of its kernels inside seqmap::SEQMAP_VARIANT; see
// lstm/kernels.h for how the rest of the core picks one. The tables are plain data: code that ran at load time could
// already hold an instruction that the machine lacks.
#pragma once

#include <cstdint>

#include "compiled_variants.h"

// Every variant there is, in no particular order: X(name).
#define SEQMAP_ALL_VARIANTS(X) \
  X(portable)                  \
  X(avx2)                      \
  X(avx2_vnni)                 \
  X(avx512)                    \
  X(avx512_vnni)               \
  X(avx512_bf16)               \
  X(avx512_amx)                \
  X(neon)                      \
  X(neon_dot)

namespace seqmap {

enum class Variant : int32_t {
#define SEQMAP_ENUMERATE(name) name,
  SEQMAP_ALL_VARIANTS(SEQMAP_ENUMERATE)
#undef SEQMAP_ENUMERATE
};

// The kind of arithmetic an operation is made of; it decides which sub-feature its variant should have.
enum class Work { fp32, bf16, int8 };

const char* variant_name(Variant variant);

// The variant that serves `work` under the instruction set and the sub-features chosen at present.
Variant current_variant(Work work);

}  // namespace seqmap
