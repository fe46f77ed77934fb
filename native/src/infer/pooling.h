// How the states of a sequence become one vector, as running totals: the same for whole documents and for streams.
#pragma once

#include <cstdint>

#include "infer/encoder.h"

namespace seqmap {

// Views of the totals of one document or stream; null where the pooling does not need them.
struct Totals {
  float* sum;       // (width)
  float* max;       // (width)
  float* attended;  // (width): sum of exp(score - largest) * state
  float* largest;   // the largest score so far, then the sum of exp(score - largest)
};

// Floats that the totals of one sequence take.
int64_t totals_floats(const seqmap_encoder& encoder);
// Lays the totals out in `memory`; `fresh` sets them to those of the empty sequence.
Totals view_totals(const seqmap_encoder& encoder, float* memory, bool fresh);

// The statistics of one direction that the cell kernel keeps up.
inline Pool pool_of(const Totals& totals, int64_t offset) {
  return {totals.sum ? totals.sum + offset : nullptr, totals.max ? totals.max + offset : nullptr};
}

// Adds `count` states to the attention's totals: `kept` as the format stores them, `states` as floats, both with
// rows of encoder.width numbers.
void attend_to(const seqmap_encoder& encoder, const char* kept, const float* states, int64_t count,
               const Totals& totals);

// The pooled vector (encoder.pooled_size) after `count` states, of which `last` (width) is the last per direction.
void finish_pooling(const seqmap_encoder& encoder, const Totals& totals, const float* last, int64_t count,
                    float* pooled);

void apply_head(const seqmap_encoder& encoder, const float* pooled, float* logits);

// Drops the padding between directions: (width) -> (size).
void unpad(const seqmap_encoder& encoder, const float* padded, float* out);

}  // namespace seqmap
