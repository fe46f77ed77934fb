#include "lstm/validate.h"

#include "base/error.h"

namespace seqmap {
namespace {
constexpr int64_t kLargest = int64_t{1} << 30;  // keeps every product of two sizes far from overflow
}

int32_t validate(const seqmap_lstm_input* input) {
  if (input == nullptr) return fail(SEQMAP_EINVAL, "no input");
  const seqmap_lstm_input& in = *input;
  if (in.precision != SEQMAP_FP32 && in.precision != SEQMAP_BF16) {
    return fail(SEQMAP_EINVAL, "precision must be 0 (fp32) or 1 (bf16), not %d", in.precision);
  }
  if (in.directions != 1 && in.directions != 2) {
    return fail(SEQMAP_EINVAL, "directions must be 1 or 2, not %d", in.directions);
  }
  if (in.batch < 0 || in.time < 0 || in.input < 1 || in.hidden < 1 || in.batch > kLargest || in.time > kLargest ||
      in.input > kLargest || in.hidden > kLargest) {
    return fail(SEQMAP_EINVAL, "sizes out of range: batch %lld, time %lld, input %lld, hidden %lld",
                static_cast<long long>(in.batch), static_cast<long long>(in.time), static_cast<long long>(in.input),
                static_cast<long long>(in.hidden));
  }
  for (int64_t b = 0; b < in.batch; ++b) {
    if (in.lengths[b] < 0 || in.lengths[b] > in.time) {
      return fail(SEQMAP_EINVAL, "the length of row %lld is %lld; allowed: 0 to %lld", static_cast<long long>(b),
                  static_cast<long long>(in.lengths[b]), static_cast<long long>(in.time));
    }
  }
  return SEQMAP_OK;
}

}  // namespace seqmap
