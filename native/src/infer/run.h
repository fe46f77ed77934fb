// Running an encoder. Everything here may throw std::bad_alloc; ids have been checked.
#pragma once

#include <cstdint>

#include "infer/encoder.h"
#include "infer/pooling.h"

namespace seqmap {

// A document: ids, or vectors of config.input_size numbers, and where its results go (null: not wanted).
struct Document {
  const int32_t* ids;
  const float* inputs;
  int64_t length;
  float* states;  // (length, D)
  float* pooled;
  float* logits;
};

// The state of one direction of one layer.
struct CellState {
  float* h;
  float* c;
};

// Where the states of a layer go, step by step.
struct LayerOutput {
  char* kept;     // as the format stores them, rows of encoder.state_bytes; or null
  float* states;  // as floats, rows of encoder.width; or null
  Totals totals;  // of the last layer
};

// Runs `length` steps of one direction of one layer and renews `state`. The inputs are the document's for layer 0,
// else `below`, the kept states of the layer below.
void run_direction(const seqmap_encoder& encoder, int64_t layer, int direction, const Document& document,
                   const char* below, int64_t length, const CellState& state, const LayerOutput& output);

void run_document(const seqmap_encoder& encoder, const Document& document);

// Documents in lock-step, so that weights are read once for all of them. Sorted by length, the longest first; none is
// empty.
void run_group(const seqmap_encoder& encoder, const Document* documents, int64_t count);

// Any documents, over threads.
void run_documents(const seqmap_encoder& encoder, const Document* documents, int64_t count);

// Inputs of a document that no table holds, as the format stores them.
int64_t stored_input_bytes(const seqmap_encoder& encoder);
float store_input(const seqmap_encoder& encoder, const Document& document, int64_t t, void* out);

}  // namespace seqmap
