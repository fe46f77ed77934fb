/* seqmap native core: plain C ABI over raw pointers.
 *
 * Every function is safe to call from several threads. Functions that can fail return 0 for success and
 * a negative SEQMAP_E* code otherwise; seqmap_last_error() then describes the failure (per calling thread).
 */
#ifndef SEQMAP_CORE_H
#define SEQMAP_CORE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SEQMAP_API __declspec(dllexport)
#else
#define SEQMAP_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a signature or a struct below changes; the Python loader refuses another number. */
#define SEQMAP_ABI_VERSION 6

enum {
  SEQMAP_OK = 0,
  SEQMAP_EINVAL = -1,  /* an argument is out of range */
  SEQMAP_ENOMEM = -2,  /* memory could not be allocated */
  SEQMAP_EUNAVAIL = -3 /* this machine or this build lacks the instruction set */
};

SEQMAP_API int32_t seqmap_abi_version(void);
SEQMAP_API const char* seqmap_last_error(void);

/* ---- instruction sets -------------------------------------------------------------------------------- */

/* Name of the instruction set in use: "avx512", "avx2", "neon" or "portable". */
SEQMAP_API const char* seqmap_isa(void);
/* Forces an instruction set; "auto" (or NULL) goes back to the best one. The environment variable
 * SEQMAP_ISA does the same at load time. */
SEQMAP_API int32_t seqmap_set_isa(const char* name);
/* 1 when this build contains the instruction set and this machine can run it. */
SEQMAP_API int32_t seqmap_isa_available(const char* name);
/* Sub-features: "bf16" (bf16 dot products), "amx" (the same by tiles, in training; nothing without "bf16") and
 * "vnni" (u8 x s8 dot products). Without bf16 or vnni the same arithmetic is emulated. SEQMAP_DISABLE=bf16,amx,vnni
 * does the same at load time. */
SEQMAP_API int32_t seqmap_has_feature(const char* name);
SEQMAP_API int32_t seqmap_set_feature(const char* name, int32_t enabled);
/* Name of the compiled unit ("avx512_bf16", ...) that serves "fp32", "bf16" or "int8" work now. */
SEQMAP_API const char* seqmap_variant(const char* work);

/* ---- threads ----------------------------------------------------------------------------------------- */

/* Number of threads (the caller included) that an operation may use. 0 means one per available core. */
SEQMAP_API int32_t seqmap_set_threads(int32_t threads);
SEQMAP_API int32_t seqmap_threads(void);
/* Works on the threads of another library's OpenMP run time from now on: `team` is its GOMP_parallel, which runs
 * function(data) on so many threads, the caller included. NULL goes back to the core's own threads. Two pools
 * in one process take the cores from each other: threads that have nothing to do spin for a while. */
SEQMAP_API void seqmap_set_team(void (*team)(void (*function)(void*), void* data, unsigned threads, unsigned flags));

/* ---- memory ------------------------------------------------------------------------------------------ */

/* Bytes that the core holds for reuse but does not use at the moment; seqmap_trim gives them back. */
SEQMAP_API int64_t seqmap_cached_bytes(void);
SEQMAP_API void seqmap_trim(void);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_CORE_H */
