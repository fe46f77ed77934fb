// Convolutions over the frames and bands of steps, one step after the other.
#include "seqmap_convolution.h"

#include <cstring>
#include <new>

#include "base/error.h"
#include "infer/kernels.h"
#include "infer/memory.h"
#include "infer/rows.h"

using namespace seqmap;

namespace {

constexpr int64_t kStepsAtOnce = 64;  // of one thread
constexpr int64_t kMost = 1 << 12;    // of any size: numbers of all steps fit into 64 bits

size_t count_of(int64_t n) { return static_cast<size_t>(n); }

// What a layer leaves, and what it reads once zeros stand at either end of its bands.
int64_t rows_of(const seqmap_convolution& layer) { return layer.frames - layer.height + 1; }
int64_t columns_of(const seqmap_convolution& layer) { return (layer.bands + 1) / 2; }
int64_t padded_of(const seqmap_convolution& layer) { return (layer.bands + layer.width - 1) * layer.channels; }

bool sound(const seqmap_convolution& layer) {
  for (const int64_t size : {layer.frames, layer.bands, layer.channels, layer.filters, layer.height, layer.width}) {
    if (size < 1 || size > kMost) return false;
  }
  return layer.weight && layer.bias && layer.height <= layer.frames && layer.width % 2 == 1;
}

bool follows(const seqmap_convolution& after, const seqmap_convolution& before) {
  return after.frames == rows_of(before) && after.bands == columns_of(before) && after.channels == before.filters;
}

// Puts (frames, bands, channels) between zeros; returns where the first band lies.
float* between_zeros(const seqmap_convolution& layer, float* room) {
  std::memset(room, 0, count_of(layer.frames * padded_of(layer)) * sizeof(float));
  return room + layer.width / 2 * layer.channels;
}

void run_step(const seqmap_convolution* layers, int64_t count, const float* x, float* y) {
  const InferKernels& kernels = infer_kernels(current_variant(Work::fp32));
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  float* room = scratch.take<float>(count_of(layers->frames * padded_of(*layers)));
  float* inside = between_zeros(*layers, room);
  const int64_t given = layers->bands * layers->channels;
  for (int64_t f = 0; f < layers->frames; ++f) {
    std::memcpy(inside + f * padded_of(*layers), x + f * given, count_of(given) * sizeof(float));
  }
  for (int64_t k = 0; k < count; ++k) {
    const seqmap_convolution& layer = layers[k];
    const int64_t rows = rows_of(layer), columns = columns_of(layer), row = columns * layer.filters;
    const bool last = k + 1 == count;
    const int64_t stride = last ? row : padded_of(layers[k + 1]);
    float* next = scratch.take<float>(count_of(rows * stride));
    float* to = last ? next : between_zeros(layers[k + 1], next);
    kernels.convolve({rows, columns, layer.filters, layer.height, layer.width * layer.channels, padded_of(layer),
                      2 * layer.channels, layer.weight, layer.bias, room, to, stride});
    room = next;
  }
  const seqmap_convolution& final = layers[count - 1];
  const int64_t places = rows_of(final) * columns_of(final);
  for (int64_t f = 0; f < final.filters; ++f) {
    for (int64_t p = 0; p < places; ++p) y[f * places + p] = room[p * final.filters + f];
  }
}

}  // namespace

int32_t seqmap_convolution_run(const seqmap_convolution* layers, int64_t count, const float* x, int64_t steps, float* y) {
  if (!layers || count < 1 || count > kMost) return fail(SEQMAP_EINVAL, "there are no convolutions");
  for (int64_t k = 0; k < count; ++k) {
    if (!sound(layers[k])) return fail(SEQMAP_EINVAL, "convolution %d cannot be", static_cast<int>(k));
    if (k && !follows(layers[k], layers[k - 1])) {
      return fail(SEQMAP_EINVAL, "convolution %d does not take what the one before gives", static_cast<int>(k));
    }
  }
  if (steps < 0 || steps > kMostRows) return fail(SEQMAP_EINVAL, "steps out of range");
  if (steps == 0) return SEQMAP_OK;
  if (!x || !y) return fail(SEQMAP_EINVAL, "a required pointer is null");
  const seqmap_convolution& last = layers[count - 1];
  const int64_t in = layers->frames * layers->bands * layers->channels;
  const int64_t out = rows_of(last) * columns_of(last) * last.filters;
  try {
    in_pieces(steps, kStepsAtOnce, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) run_step(layers, count, x + s * in, y + s * out);
    });
  } catch (const std::bad_alloc&) {
    return fail(SEQMAP_ENOMEM, "not enough memory");
  }
  return SEQMAP_OK;
}
