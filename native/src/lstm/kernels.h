// The training kernels of one variant: what they are given, and the table of them. Plain data only.
//
// Layouts (V = width of the variant, Hp and Ip = hidden and input size padded to a multiple of V; "stored" is float, or
// bf16 as uint16_t; a word is one float or two bf16):
//
//   rows of a part   its batch rows by descending length; row r takes part in steps 0 .. length[r]-1
//   packed tokens    step 0's rows, then step 1's, ...: token offset[s] + r
//   states           `rows` initial states, then one per packed token                   (rows + tokens, Hp)
//   gates            activations i, f, g, o in packed row order (base/gates.h)          (tokens, 4Hp)
//   panels           the right operand of a product: columns in groups of four vectors  (groups, words of K, 4V)
#pragma once

#include <cstdint>

#include "base/cpu.h"

namespace seqmap {

// The rows of one direction that one task runs, and the steps they take.
struct LstmPart {
  int32_t rows, steps;
  bool reverse;
  const int32_t* row;     // (rows) place in the batch
  const int32_t* length;  // (rows) descending, all > 0
  const int64_t* offset;  // (steps + 1) first packed token of each step
};

struct LstmForwardTask {
  LstmPart part;
  int64_t input, hidden, time;
  const float* x;
  int64_t x_batch_stride, x_time_stride;
  const uint32_t *w_ih, *w_hh;  // panels by pack_forward
  const float* bias;            // (4Hp) packed order
  const float *h0, *c0;
  float* y;
  int64_t y_batch_stride, y_time_stride;
  float *h_n, *c_n;
  bool keep;       // false: states hold two steps only, gates are not written
  void* gates;     // (tokens, 4Hp) stored
  float* cells;    // (rows + tokens, Hp), or (2 * rows, Hp)
  void* hiddens;   // the same, stored
  void* x_chunk;   // (chunk tokens, Ip) stored
  float* projection;  // (chunk tokens, 4Hp)
};

struct LstmBackwardTask {
  LstmPart part;
  int64_t input, hidden;
  const float* x;
  int64_t x_batch_stride, x_time_stride;
  const uint32_t *w_ih_t, *w_hh_t;  // panels by pack_backward
  const float* dy;
  int64_t dy_batch_stride, dy_time_stride;
  const float *dh_n, *dc_n;
  float *dh0, *dc0;
  float* dx;
  int64_t dx_batch_stride, dx_time_stride;
  bool first_state;  // dh0 is wanted: step 0 takes part in the recurrent products
  const void* gates;
  const float* cells;
  const void* hiddens;
  float* d_weight;   // (4Hp, Ip + Hp), or NULL
  float* d_bias;     // (4Hp), or NULL
  float *dh, *dc;    // (rows, Hp)
  void* d_gates;     // (chunk tokens, 4Hp) stored
  void* x_chunk;     // (chunk tokens, Ip) stored
  uint32_t *left, *right;  // panels of the chunk for the weights' gradients
  float** dh_rows;         // (rows)
  float** dx_rows;         // (chunk tokens)
};

// The kernels of one number format.
struct LstmFormat {
  int32_t per_word;  // values in a word
  // Panels of the groups [first, last) of the right operand that is `weight` transposed, gate rows interleaved.
  void (*pack_forward)(const float* weight, int64_t hidden, int64_t columns, int64_t first, int64_t last,
                       uint32_t* panels);
  // Panels of the groups [first, last) of the right operand that is `weight` itself, gate rows interleaved.
  void (*pack_backward)(const float* weight, int64_t hidden, int64_t columns, int64_t first, int64_t last,
                        uint32_t* panels);
  void (*forward)(const LstmForwardTask& task);
  void (*backward)(const LstmBackwardTask& task);
};

struct LstmKernels {
  int32_t width;
  int64_t forward_chunk, backward_chunk;  // tokens; the buffers hold `rows` more
  LstmFormat fp32, bf16;
  // out[i] = sum over the parts of parts[p][i].
  void (*sum)(const float* const* parts, int32_t count, int64_t n, float* out);
};

#define SEQMAP_DECLARE(name)               \
  namespace name {                         \
  extern const LstmKernels lstm_kernels;   \
  }
SEQMAP_FLOAT_VARIANTS(SEQMAP_DECLARE)
#undef SEQMAP_DECLARE

static inline const LstmKernels& lstm_kernels(Variant variant) {
  switch (variant) {
#define SEQMAP_CASE(name) \
  case Variant::name: return name::lstm_kernels;
    SEQMAP_FLOAT_VARIANTS(SEQMAP_CASE)
#undef SEQMAP_CASE
    default: return portable::lstm_kernels;
  }
}

}  // namespace seqmap
