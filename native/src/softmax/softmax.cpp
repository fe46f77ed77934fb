// Rows of a softmax over threads.
#include "seqmap_softmax.h"

#include <cstring>

#include "base/buffer_pool.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "softmax/kernels.h"

using namespace seqmap;

namespace {

constexpr int64_t kMost = int64_t{1} << 30;
constexpr int64_t kFewRows = 8;  // of a thread, at least: waking one takes as long

}  // namespace

int32_t seqmap_softmax_loss(void* scores, int32_t precision, const float* bias, const int64_t* truth, int64_t rows,
                            int64_t columns, float smoothing, float* dbias, double* loss) {
  if (precision != 0 && precision != 1) return fail(SEQMAP_EINVAL, "precision must be 0 (fp32) or 1 (bf16), not %d", precision);
  if (rows < 0 || rows > kMost || columns < 1 || columns > kMost) return fail(SEQMAP_EINVAL, "sizes out of range");
  if (!(smoothing >= 0.f && smoothing < 1.f)) return fail(SEQMAP_EINVAL, "smoothing must be in [0, 1)");
  if (!loss) return fail(SEQMAP_EINVAL, "a required pointer is null");
  *loss = 0;
  if (rows == 0) return SEQMAP_OK;
  if (!scores || !bias || !truth || !dbias) return fail(SEQMAP_EINVAL, "a required pointer is null");
  for (int64_t r = 0; r < rows; ++r) {
    if (truth[r] < 0 || truth[r] >= columns) return fail(SEQMAP_EINVAL, "row %d has no such column", static_cast<int>(r));
  }
  const int64_t most = (rows + kFewRows - 1) / kFewRows, threads = thread_count();
  const int64_t parts = threads < most ? threads : most;
  const size_t width = static_cast<size_t>(columns), bytes = precision == 0 ? 4 : 2;
  // Of each part: scratch, its share of the gradient of the bias, its loss.
  Buffer<float> room(static_cast<size_t>(parts) * 2 * width);
  Buffer<double> losses(static_cast<size_t>(parts));
  if (!room || !losses) return fail(SEQMAP_ENOMEM, "not enough memory");
  const auto row = softmax_kernels(current_variant(precision == 1 ? Work::bf16 : Work::fp32)).row[precision];
  parallel(static_cast<int32_t>(parts), [&](int32_t part) {
    float* own = room.get() + static_cast<size_t>(part) * 2 * width;
    std::memset(own + width, 0, width * sizeof(float));
    const SoftmaxRow what{bias, columns, smoothing, own + width, own};
    double total = 0;
    for (int64_t r = rows * part / parts; r < rows * (part + 1) / parts; ++r) {
      total += row(what, static_cast<char*>(scores) + static_cast<size_t>(r) * width * bytes, truth[r]);
    }
    losses.get()[part] = total;
  });
  for (int64_t part = 0; part < parts; ++part) {
    const float* own = room.get() + (static_cast<size_t>(part) * 2 + 1) * width;
    for (size_t i = 0; i < width; ++i) dbias[i] += own[i];
    *loss += losses.get()[part];
  }
  return SEQMAP_OK;
}
