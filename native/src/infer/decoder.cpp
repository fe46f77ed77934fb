// Layer norm and a step of a Transformer decoder's layer.
#include <cstring>
#include <new>

#include "base/error.h"
#include "infer/dense.h"
#include "infer/kernels.h"
#include "infer/memory.h"
#include "infer/rows.h"
#include "seqmap_dense.h"

using namespace seqmap;

namespace {

constexpr int64_t kRowsAtOnce = 16;  // of one thread
constexpr float kNormFloor = 1e-5f;  // torch's default

size_t count(int64_t n) { return static_cast<size_t>(n); }

const InferKernels& float_kernels() { return infer_kernels(current_variant(Work::fp32)); }

void norm_rows(const float* x, int64_t rows, int64_t width, const float* weight, const float* bias, float* y) {
  const InferKernels& kernels = float_kernels();
  for (int64_t r = 0; r < rows; ++r) kernels.layer_norm(x + r * width, weight, bias, kNormFloor, width, y + r * width);
}

void add_rows(const float* x, int64_t n, float* total) {
  for (int64_t i = 0; i < n; ++i) total[i] += x[i];
}

// What the rows of an attention have in common; keys and values stand side by side.
struct Attention {
  int64_t rows, queries, places, heads, width;
  const float* query;
  int64_t query_stride;
  const float *pairs, *shut;
  float *context, *shares;

  void run(int64_t begin, int64_t end) const {
    const InferKernels& kernels = float_kernels();
    Scratch& scratch = Scratch::mine();
    const Scratch::Frame frame(scratch);
    float* scores = scratch.take<float>(count(places));
    for (int64_t r = begin; r < end; ++r) {
      const int64_t group = r / queries;
      const float* keys = pairs + group * places * 2 * width;
      kernels.multi_head({places, heads, width / heads, query + r * query_stride, keys, keys + width, 2 * width,
                          shut ? shut + group * places : nullptr, scores, context + r * width, shares + r * places});
    }
  }
};

// Throws std::bad_alloc.
void attend(const Attention& attention) {
  in_pieces(attention.rows, kRowsAtOnce, [&](int64_t begin, int64_t end) { attention.run(begin, end); });
}

bool shaped(const seqmap_dense* dense, int64_t outputs, int64_t inputs) {
  return dense && dense->outputs == outputs && dense->inputs == inputs;
}

// Whether the products of a layer fit each other.
bool fits(const seqmap_decoder_layer& layer) {
  if (!layer.query || !layer.feed1 || layer.heads < 1) return false;
  for (const float* norm : layer.norms) {
    if (!norm) return false;
  }
  const int64_t width = layer.query->outputs, inner = layer.feed1->outputs;
  return width % layer.heads == 0 && shaped(layer.own, 3 * width, width) && shaped(layer.own_output, width, width) &&
         shaped(layer.query, width, width) && shaped(layer.output, width, width) && shaped(layer.feed1, inner, width) &&
         shaped(layer.feed2, width, inner);
}

// One step, in scratch memory.
struct LayerStep {
  const seqmap_decoder_layer& layer;
  int64_t sentences, hypotheses, steps, places;
  const float *past, *source, *shut;
  float *x, *after, *shares;

  int32_t run() const {
    const int64_t rows = sentences * hypotheses, width = layer.query->outputs, inner = layer.feed1->outputs;
    Scratch& scratch = Scratch::mine();
    const Scratch::Frame frame(scratch);
    float* here = scratch.take<float>(count(rows * width));
    float* context = scratch.take<float>(count(rows * width));
    float* wide = scratch.take<float>(count(rows * (3 * width > inner ? 3 * width : inner)));
    float* unseen = scratch.take<float>(count(rows * (steps + 1)));

    norm_rows(x, rows, width, layer.norms[0], layer.norms[1], here);
    if (const int32_t code = seqmap_dense_run(layer.own, here, rows, wide)) return code;
    for (int64_t r = 0; r < rows; ++r) {
      float* to = after + r * (steps + 1) * 2 * width;
      if (steps) std::memcpy(to, past + r * steps * 2 * width, count(steps * 2 * width) * sizeof(float));
      std::memcpy(to + steps * 2 * width, wide + (3 * r + 1) * width, count(2 * width) * sizeof(float));
    }
    attend({rows, 1, steps + 1, layer.heads, width, wide, 3 * width, after, nullptr, context, unseen});
    if (const int32_t code = seqmap_dense_run(layer.own_output, context, rows, here)) return code;
    add_rows(here, rows * width, x);

    norm_rows(x, rows, width, layer.norms[2], layer.norms[3], here);
    if (const int32_t code = seqmap_dense_run(layer.query, here, rows, wide)) return code;
    attend({rows, hypotheses, places, layer.heads, width, wide, width, source, shut, context, shares});
    if (const int32_t code = seqmap_dense_run(layer.output, context, rows, here)) return code;
    add_rows(here, rows * width, x);

    norm_rows(x, rows, width, layer.norms[4], layer.norms[5], here);
    if (const int32_t code = seqmap_dense_run(layer.feed1, here, rows, wide)) return code;
    for (int64_t i = 0; i < rows * inner; ++i) wide[i] = wide[i] < 0.f ? 0.f : wide[i];  // NaN stays
    if (const int32_t code = seqmap_dense_run(layer.feed2, wide, rows, here)) return code;
    add_rows(here, rows * width, x);
    return SEQMAP_OK;
  }
};

}  // namespace

int32_t seqmap_dense_norm(const float* x, int64_t rows, int64_t width, const float* weight, const float* bias,
                          float* y) {
  if (rows < 0 || rows > kMostRows || width < 1 || width > kMostRows) return fail(SEQMAP_EINVAL, "sizes out of range");
  if (rows == 0) return SEQMAP_OK;
  if (!x || !weight || !bias || !y) return fail(SEQMAP_EINVAL, "a required pointer is null");
  norm_rows(x, rows, width, weight, bias, y);
  return SEQMAP_OK;
}

int32_t seqmap_decoder_layer_step(const seqmap_decoder_layer* layer, int64_t sentences, int64_t hypotheses,
                                  int64_t steps, int64_t places, float* x, const float* past, float* after,
                                  const float* source, const float* shut, float* shares) {
  if (!layer || !fits(*layer)) return fail(SEQMAP_EINVAL, "the products of the layer do not fit each other");
  for (const int64_t size : {sentences, hypotheses, places}) {
    if (size < 1 || size > kMostRows) return fail(SEQMAP_EINVAL, "sizes out of range");
  }
  if (steps < 0 || steps > kMostRows || sentences * hypotheses > kMostRows) return fail(SEQMAP_EINVAL, "sizes out of range");
  if (!x || (steps && !past) || !after || !source || !shut || !shares) {
    return fail(SEQMAP_EINVAL, "a required pointer is null");
  }
  try {
    return LayerStep{*layer, sentences, hypotheses, steps, places, past, source, shut, x, after, shares}.run();
  } catch (const std::bad_alloc&) {
    return fail(SEQMAP_ENOMEM, "not enough memory");
  }
}
