#include "infer/pooling.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace seqmap {
namespace {

bool keeps_sum(const seqmap_encoder& encoder) {
  return encoder.config.pooling == SEQMAP_POOL_MEAN || encoder.config.pooling == SEQMAP_POOL_MEAN_MAX;
}
bool keeps_max(const seqmap_encoder& encoder) {
  return encoder.config.pooling == SEQMAP_POOL_MAX || encoder.config.pooling == SEQMAP_POOL_MEAN_MAX;
}

}  // namespace

int64_t totals_floats(const seqmap_encoder& encoder) {
  const int64_t vectors = keeps_sum(encoder) + keeps_max(encoder) + encoder.attends();
  return vectors * encoder.width + (encoder.attends() ? kUnits : 0);
}

Totals view_totals(const seqmap_encoder& encoder, float* memory, bool fresh) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  const int64_t width = encoder.width;
  Totals totals{};
  const auto take = [&](float value, int64_t count) {
    float* view = memory;
    memory += count;
    if (fresh) std::fill(view, view + count, value);
    return view;
  };
  if (keeps_sum(encoder)) totals.sum = take(0.f, width);
  if (keeps_max(encoder)) totals.max = take(kLowest, width);
  if (encoder.attends()) {
    totals.attended = take(0.f, width);
    totals.largest = take(0.f, kUnits);
    if (fresh) totals.largest[0] = kLowest;
  }
  return totals;
}

void attend_to(const seqmap_encoder& encoder, const char* kept, const float* states, int64_t count,
               const Totals& totals) {
  constexpr int64_t kChunk = 32;
  const InferKernels& kernels = encoder.kernels();
  const auto project = encoder.format().project;
  const int64_t columns = static_cast<int64_t>(encoder.context.size());
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  float* projected = scratch.take<float>(static_cast<size_t>(kChunk * columns));
  const void* x[kChunk];
  float* out[kChunk];
  float scores[kChunk];
  float& largest = totals.largest[0];
  float& weight = totals.largest[1];
  for (int64_t first = 0; first < count; first += kChunk) {
    const int64_t n = std::min(kChunk, count - first);
    for (int64_t i = 0; i < n; ++i) {
      x[i] = kept + (first + i) * encoder.state_bytes;
      out[i] = projected + i * columns;
    }
    project(encoder.attention.panels, n, x, nullptr, out);
    kernels.attend(out, encoder.context.data(), columns, n, scores);
    for (int64_t i = 0; i < n; ++i) {
      // A softmax that never overflows: what was summed shrinks when a larger score comes.
      const float top = std::max(largest, scores[i]);
      const float keep = std::exp(largest - top), gain = std::exp(scores[i] - top);
      kernels.blend(totals.attended, states + (first + i) * encoder.width, keep, gain, encoder.width);
      weight = weight * keep + gain;
      largest = top;
    }
  }
}

void unpad(const seqmap_encoder& encoder, const float* padded, float* out) {
  const int64_t units = encoder.config.hidden;
  for (int64_t d = 0; d < encoder.config.directions; ++d) {
    std::memcpy(out + d * units, padded + d * encoder.hidden, static_cast<size_t>(units) * 4);
  }
}

void finish_pooling(const seqmap_encoder& encoder, const Totals& totals, const float* last, int64_t count,
                    float* pooled) {
  const int64_t size = encoder.size;
  if (count == 0) {
    std::fill(pooled, pooled + encoder.pooled_size, 0.f);
    return;
  }
  switch (encoder.config.pooling) {
    case SEQMAP_POOL_MEAN:
    case SEQMAP_POOL_MEAN_MAX:
      unpad(encoder, totals.sum, pooled);
      for (int64_t i = 0; i < size; ++i) pooled[i] /= static_cast<float>(count);
      if (totals.max) unpad(encoder, totals.max, pooled + size);
      break;
    case SEQMAP_POOL_MAX:
      unpad(encoder, totals.max, pooled);
      break;
    case SEQMAP_POOL_ATTENTION:
      unpad(encoder, totals.attended, pooled);
      for (int64_t i = 0; i < size; ++i) pooled[i] /= totals.largest[1];
      break;
    default:
      unpad(encoder, last, pooled);
  }
}

void apply_head(const seqmap_encoder& encoder, const float* pooled, float* logits) {
  encoder.kernels().dense(encoder.head_weight.data(), encoder.head_bias.data(), pooled, logits, encoder.config.classes,
                          encoder.pooled_size);
}

}  // namespace seqmap
