// What a packed matrix of the C ABI holds.
#pragma once

#include <cstdint>

#include "infer/pack.h"

struct seqmap_dense {
  seqmap::Packed packed;
  int64_t outputs, inputs;
  int format;
};
