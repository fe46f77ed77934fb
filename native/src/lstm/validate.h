// Checks of what crosses the C ABI; shared by forward and backward.
#pragma once

#include "seqmap_lstm.h"

namespace seqmap {

// SEQMAP_OK, or the code of a failure whose message is stored.
int32_t validate(const seqmap_lstm_input* input);

}  // namespace seqmap
