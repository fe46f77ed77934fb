#include "base/cpu.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "seqmap_core.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace seqmap {
namespace {

enum class Isa : int32_t { portable, avx2, avx512, neon };

constexpr const char* kIsaNames[] = {"portable", "avx2", "avx512", "neon"};
constexpr int kIsaCount = 4;

bool compiled(Variant variant) {
#define SEQMAP_MATCH(name) \
  if (variant == Variant::name) return true;
  SEQMAP_COMPILED_VARIANTS(SEQMAP_MATCH)
#undef SEQMAP_MATCH
  return false;
}

#if defined(__x86_64__)
// Whether the processor has tile products of bf16 and the system lets this process use them: their registers are 8 KiB a
// thread, so Linux has them asked for (arch_prctl, ARCH_REQ_XCOMP_PERM).
bool has_tiles() {
#if defined(__linux__)
  static const bool granted = [] {
    constexpr unsigned kBf16 = 1u << 22, kTiles = 1u << 24, kOsxsave = 1u << 27, kState = 3u << 17;
    constexpr long kRequest = 0x1023, kTileData = 18;
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsxsave)) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & kBf16) || !(d & kTiles)) return false;
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & kState) == kState && syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
  }();
  return granted;
#else
  return false;
#endif
}

bool cpu_runs(Variant variant) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  switch (variant) {
    case Variant::portable: return true;
    case Variant::avx2: return avx2;
    case Variant::avx512: return avx512;
    case Variant::avx512_vnni: return avx512 && __builtin_cpu_supports("avx512vnni");
#if defined(SEQMAP_KNOWS_AVX512BF16)
    case Variant::avx512_bf16: return avx512 && __builtin_cpu_supports("avx512bf16");
    case Variant::avx512_amx: return avx512 && __builtin_cpu_supports("avx512bf16") && has_tiles();
#endif
#if defined(SEQMAP_KNOWS_AVXVNNI)
    case Variant::avx2_vnni: return avx2 && __builtin_cpu_supports("avxvnni");
#endif
    default: return false;
  }
}
#elif defined(__aarch64__)
bool cpu_runs(Variant variant) {
  switch (variant) {
    case Variant::portable:
    case Variant::neon: return true;
#if defined(__linux__)
    case Variant::neon_dot: return (getauxval(AT_HWCAP) & (1UL << 20)) != 0;  // HWCAP_ASIMDDP
#elif defined(__APPLE__)
    case Variant::neon_dot: return true;  // every Apple arm64 machine has the dot product
#endif
    default: return false;
  }
}
#else
bool cpu_runs(Variant variant) { return variant == Variant::portable; }
#endif

bool usable(Variant variant) { return compiled(variant) && cpu_runs(variant); }

Variant base_variant(Isa isa) {
  switch (isa) {
    case Isa::avx2: return Variant::avx2;
    case Isa::avx512: return Variant::avx512;
    case Isa::neon: return Variant::neon;
    default: return Variant::portable;
  }
}

Isa best_isa() {
  if (usable(Variant::avx512)) return Isa::avx512;
  if (usable(Variant::avx2)) return Isa::avx2;
  if (usable(Variant::neon)) return Isa::neon;
  return Isa::portable;
}

// Index of `name` in kIsaNames, or -1.
int isa_index(const char* name) {
  for (int i = 0; i < kIsaCount; ++i) {
    if (std::strcmp(name, kIsaNames[i]) == 0) return i;
  }
  return -1;
}

struct Choice {
  std::atomic<Isa> isa;
  std::atomic<bool> bf16{true}, amx{true}, vnni{true};

  Choice() : isa(best_isa()) {
    if (const char* name = std::getenv("SEQMAP_ISA")) {
      const int i = isa_index(name);
      if (i >= 0 && usable(base_variant(static_cast<Isa>(i)))) isa = static_cast<Isa>(i);
    }
    if (const char* off = std::getenv("SEQMAP_DISABLE")) {
      bf16 = std::strstr(off, "bf16") == nullptr;
      amx = std::strstr(off, "amx") == nullptr;
      vnni = std::strstr(off, "vnni") == nullptr;
    }
  }
};

Choice& choice() {
  static Choice instance;
  return instance;
}

Variant with_bf16(Isa isa) { return isa == Isa::avx512 ? Variant::avx512_bf16 : base_variant(isa); }
bool runs_tiles(Isa isa) { return isa == Isa::avx512 && usable(Variant::avx512_amx); }

Variant with_vnni(Isa isa) {
  switch (isa) {
    case Isa::avx512: return Variant::avx512_vnni;
    case Isa::avx2: return Variant::avx2_vnni;
    case Isa::neon: return Variant::neon_dot;
    default: return Variant::portable;
  }
}

}  // namespace

const char* variant_name(Variant variant) {
  switch (variant) {
#define SEQMAP_NAME(name) \
  case Variant::name: return #name;
    SEQMAP_ALL_VARIANTS(SEQMAP_NAME)
#undef SEQMAP_NAME
  }
  return "?";
}

Variant current_variant(Work work) {
  const Choice& now = choice();
  const Isa isa = now.isa;
  Variant wanted = base_variant(isa);
  if (work == Work::bf16 && now.bf16) wanted = now.amx && runs_tiles(isa) ? Variant::avx512_amx : with_bf16(isa);
  if (work == Work::int8 && now.vnni) wanted = with_vnni(isa);
  return usable(wanted) ? wanted : base_variant(isa);
}

}  // namespace seqmap

using namespace seqmap;

extern "C" {

int32_t seqmap_abi_version(void) { return SEQMAP_ABI_VERSION; }

const char* seqmap_isa(void) { return kIsaNames[static_cast<int>(choice().isa.load())]; }

int32_t seqmap_isa_available(const char* name) {
  const int i = name ? isa_index(name) : -1;
  return i >= 0 && usable(base_variant(static_cast<Isa>(i)));
}

int32_t seqmap_set_isa(const char* name) {
  if (name == nullptr || std::strcmp(name, "auto") == 0) {
    choice().isa = best_isa();
    return SEQMAP_OK;
  }
  const int i = isa_index(name);
  if (i < 0) return fail(SEQMAP_EINVAL, "unknown instruction set '%s' (known: avx512, avx2, neon, portable)", name);
  if (!usable(base_variant(static_cast<Isa>(i)))) {
    return fail(SEQMAP_EUNAVAIL, "this machine or this build has no '%s'", name);
  }
  choice().isa = static_cast<Isa>(i);
  return SEQMAP_OK;
}

int32_t seqmap_has_feature(const char* name) {
  const Choice& now = choice();
  if (name && std::strcmp(name, "bf16") == 0) return now.bf16 && usable(with_bf16(now.isa)) && now.isa == Isa::avx512;
  if (name && std::strcmp(name, "amx") == 0) return now.amx && now.bf16 && runs_tiles(now.isa);
  if (name && std::strcmp(name, "vnni") == 0) return now.vnni && usable(with_vnni(now.isa)) && now.isa != Isa::portable;
  return 0;
}

int32_t seqmap_set_feature(const char* name, int32_t enabled) {
  if (name && std::strcmp(name, "bf16") == 0) {
    choice().bf16 = enabled != 0;
  } else if (name && std::strcmp(name, "amx") == 0) {
    choice().amx = enabled != 0;
  } else if (name && std::strcmp(name, "vnni") == 0) {
    choice().vnni = enabled != 0;
  } else {
    return fail(SEQMAP_EINVAL, "unknown feature '%s' (known: bf16, amx, vnni)", name ? name : "");
  }
  return SEQMAP_OK;
}

const char* seqmap_variant(const char* work) {
  Work kind = Work::fp32;
  if (work && std::strcmp(work, "bf16") == 0) kind = Work::bf16;
  if (work && std::strcmp(work, "int8") == 0) kind = Work::int8;
  return variant_name(current_variant(kind));
}

}  // extern "C"
