#include "base/error.h"

#include <cstdarg>
#include <cstdio>

#include "seqmap_core.h"

namespace seqmap {
namespace {
thread_local char last_message[512] = "";
}

int32_t fail(int32_t code, const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::vsnprintf(last_message, sizeof last_message, format, args);
  va_end(args);
  return code;
}

}  // namespace seqmap

extern "C" const char* seqmap_last_error(void) { return seqmap::last_message; }
