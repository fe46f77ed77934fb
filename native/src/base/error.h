// Failures cross the C ABI as a code plus a message kept per thread.
#pragma once

#include <cstdint>

namespace seqmap {

// Stores the formatted message for seqmap_last_error() and returns `code`.
__attribute__((format(printf, 2, 3))) int32_t fail(int32_t code, const char* format, ...);

}  // namespace seqmap
