// An encoder as it is kept: packed weights and the token table. Running it is run.h's part.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "infer/kernels.h"
#include "infer/memory.h"
#include "infer/pack.h"
#include "infer/table.h"
#include "seqmap_infer.h"

struct seqmap_encoder {
  struct Cell {
    seqmap::Packed input;  // empty for the first layer when there is a table
    seqmap::Packed recurrent;
  };

  // Throws std::bad_alloc.
  seqmap_encoder(const seqmap_encoder_config& config, const seqmap_encoder_weights& weights);

  const seqmap::InferKernels& kernels() const;
  const Cell& cell(int64_t layer, int direction) const { return cells[layer * config.directions + direction]; }
  const seqmap::FormatKernels& format() const { return kernels().formats[config.precision]; }
  bool attends() const { return config.pooling == SEQMAP_POOL_ATTENTION; }

  seqmap_encoder_config config;
  int64_t hidden;         // padded units of one direction
  int64_t width;          // padded numbers per state: directions * hidden
  int64_t size;           // D = directions * config.hidden
  int64_t pooled_size;    // D, or 2 D for mean-max
  int64_t state_bytes;    // stored bytes per state: width in the encoder's format
  std::vector<Cell> cells;
  seqmap::Embedding embedding;
  std::unique_ptr<seqmap::TokenTable> table;
  seqmap::Packed attention;
  std::vector<float> context;  // padded like the columns of `attention`
  std::vector<float> head_weight, head_bias;
};

// Checks what a caller gave; returns 0 or stores a message and returns a code.
int32_t check_encoder(const seqmap_encoder_config* config, const seqmap_encoder_weights* weights);
