// What the deployed encoder asks of a compiled variant: matrix products on packed panels, fused with the LSTM cell.
//
// The layout is the same for every instruction set: blocks of 16 units, thus 64 columns of gates, and every number
// format is seen as 32-bit words along the summed dimension (one float, two bf16 or four bytes). A product sums in
// the same order whatever the number of rows, so a document gives the same bits alone, in a batch and in pieces.
#pragma once

#include <cstdint>

#include "base/cpu.h"
#include "base/gates.h"

namespace seqmap {

constexpr int64_t kUnits = 16;                  // units in a block
constexpr int64_t kColumns = kGates * kUnits;   // columns in a block

enum Format : int { kFp32 = 0, kBf16 = 1, kInt8 = 2 };
constexpr int kFormats = 3;
constexpr int64_t format_bytes(int format) { return format == kFp32 ? 4 : format == kBf16 ? 2 : 1; }

// A packed matrix: columns = bias + scale * (start + row . words).
struct Panels {
  const uint32_t* words = nullptr;  // [block][depth][kColumns]
  int64_t depth = 0;                // words along the summed dimension
  int64_t blocks = 0;
  const float* bias = nullptr;      // [blocks * kColumns]; null for recurrent weights
  const float* scale = nullptr;     // int8: value of one unit of the integer sum; includes 1/127 for states
  const int32_t* start = nullptr;   // int8: -128 * (sum of the column), since a stored byte is value + 128
};

// Where running statistics of the states go; a null pointer leaves one out.
struct Pool {
  float* sum;
  float* max;
};

// Consecutive steps of one sequence.
struct SequenceWork {
  const Panels* recurrent;
  int64_t steps;
  const void* const* inputs;   // per step: the gate sums without the recurrent part, blocks * kColumns numbers
  bool half;                   // they are bf16, else fp32
  const void* h;               // the state before the first step, as the format stores it
  void* spare[2];              // where states go by turns when they are not kept
  char* kept;                  // where states are kept as the format stores them, or null
  int64_t kept_stride;         // bytes from one step to the next
  float* c;
  float* states;               // where states go as floats
  int64_t stride;              // floats from one step to the next; 0 keeps the last state alone
  Pool pool;
};

// One step of several sequences.
struct LockstepWork {
  const Panels* recurrent;
  const Panels* input;           // null: `sums` holds the gate sums of the inputs
  int64_t rows;
  const void* const* sums;       // as `inputs` above
  bool half;
  const void* const* upcoming;   // the sums of the next step, to be fetched ahead; set where `sums` is
  const void* const* x;          // inputs as the format stores them
  const float* x_scale;          // their scales, or null where the panel's scale is all
  const void* const* h;
  void* const* next;
  float* const* c;
  float* const* states;
  const Pool* pools;             // one per row, or null
};

// One query of an attention with several heads (Vaswani et al. 2017, §3.2.2).
struct HeadsWork {
  int64_t places, heads, size;   // size: numbers of one head
  const float* query;            // heads * size, scaled
  const float* keys;             // place p is at p * stride
  const float* values;
  int64_t stride;
  const float* shut;             // added to the scores of the places, or null
  float* scores;                 // room for one number a place
  float* context;                // heads * size out
  float* weights;                // mean over the heads, one a place, out
};

// A convolution of one step, whose bands already stand between zeros.
struct ConvolveWork {
  int64_t rows, columns, filters;  // what comes out
  int64_t height, segment;         // frames of a window, and numbers of each: bands * channels
  int64_t frame, step;             // numbers from frame to frame, and from a window to the next one of the same frames
  const float* weight;             // (height, segment, filters)
  const float* bias;
  const float* x;
  float* y;                        // (columns, filters) of each row
  int64_t y_row;                   // numbers from row to row
};

struct FormatKernels {
  // out[r][column] = the panels applied to row r.
  void (*project)(const Panels& panels, int64_t rows, const void* const* x, const float* x_scale, float* const* out);
  void (*sequence)(const SequenceWork& work);
  void (*lockstep)(const LockstepWork& work);
  // Stores states (|x| <= 1); n is a multiple of kUnits.
  void (*store_states)(const float* x, void* out, int64_t n);
  // Stores n inputs of any size, padded to a multiple of kUnits; returns their scale.
  float (*store_inputs)(const float* x, void* out, int64_t n);
};

struct InferKernels {
  FormatKernels formats[kFormats];
  // out[r] = sum of context * tanh(x[r]) over `width` columns.
  void (*attend)(const float* const* x, const float* context, int64_t width, int64_t rows, float* out);
  // total = keep * total + gain * x
  void (*blend)(float* total, const float* x, float keep, float gain, int64_t n);
  // y = bias + weight (rows, columns) x
  void (*dense)(const float* weight, const float* bias, const float* x, float* y, int64_t rows, int64_t columns);
  // The LSTM cell on one row of gate sums, i f g o of `hidden` each; renews c.
  void (*cell)(const float* sums, int64_t hidden, float* c, float* h);
  // Sum of exp(x - most); x - most <= 0.
  float (*exp_sum)(const float* x, float most, int64_t n);
  void (*multi_head)(const HeadsWork& work);
  // y = weight * (x - mean) / sqrt(variance + floor) + bias
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float floor, int64_t width, float* y);
  // Through tanh.
  void (*convolve)(const ConvolveWork& work);
};

#define SEQMAP_DECLARE(name)              \
  namespace name {                        \
  extern const InferKernels infer_kernels; \
  }
SEQMAP_COMPILED_VARIANTS(SEQMAP_DECLARE)
#undef SEQMAP_DECLARE

inline const InferKernels& infer_kernels(Variant variant) {
  switch (variant) {
#define SEQMAP_CASE(name) \
  case Variant::name: return name::infer_kernels;
    SEQMAP_COMPILED_VARIANTS(SEQMAP_CASE)
#undef SEQMAP_CASE
    default: return portable::infer_kernels;
  }
}

}  // namespace seqmap
