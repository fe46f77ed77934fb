#include "infer/encoder.h"

#include "base/error.h"

using namespace seqmap;

namespace {

Packed pack_gates(const float* weight, const float* bias, int64_t hidden, int64_t columns, std::vector<int64_t> places,
                  bool states, int format) {
  return pack({weight, columns, gate_rows(hidden), std::move(places), bias, states}, format);
}

}  // namespace

seqmap_encoder::seqmap_encoder(const seqmap_encoder_config& given, const seqmap_encoder_weights& weights)
    : config(given),
      embedding{weights.embedding, weights.embedding_scale, given.input_size, static_cast<Format>(given.embedding)} {
  const int64_t units = config.hidden, directions = config.directions, format = config.precision;
  hidden = padded(units);
  width = directions * hidden;
  size = directions * units;
  pooled_size = config.pooling == SEQMAP_POOL_MEAN_MAX ? 2 * size : size;
  state_bytes = width * format_bytes(static_cast<int>(format));
  const bool tabled = config.vocabulary > 0 && config.table != SEQMAP_TABLE_NONE;
  std::vector<Packed> exact;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (int64_t d = 0; d < directions; ++d) {
      const int64_t k = layer * directions + d;
      const int64_t columns = layer == 0 ? config.input_size : size;
      const std::vector<int64_t> places =
          layer == 0 ? padded_columns(columns, 1) : padded_columns(units, directions);
      Cell made;
      if (layer == 0 && tabled) {
        exact.push_back(pack_gates(weights.w_ih[k], weights.bias[k], units, columns, places, false, kFp32));
      } else {
        made.input = pack_gates(weights.w_ih[k], weights.bias[k], units, columns, places, layer > 0,
                                static_cast<int>(format));
      }
      made.recurrent = pack_gates(weights.w_hh[k], nullptr, units, units, padded_columns(units, 1), true,
                                  static_cast<int>(format));
      cells.push_back(std::move(made));
    }
  }
  if (tabled) {
    const int64_t whole = int64_t{config.vocabulary} * width * kGates * 4;
    // Beside the rounding of int8 that of the table hardly shows (the error grows by 4%), and its rows push half as
    // much of the weights out of the nearest cache: a step takes 4% less.
    const bool smaller = format == kInt8 || (format == kBf16 && whole > config.table_bytes);
    const bool half = config.table == SEQMAP_TABLE_BF16 || (config.table == SEQMAP_TABLE_AUTO && smaller);
    table = std::make_unique<TokenTable>(embedding, config.vocabulary, std::move(exact), half, config.table_bytes);
  }
  if (attends()) {
    attention = pack({weights.attention_weight, size, plain_rows(config.attention), padded_columns(units, directions),
                      weights.attention_bias, true},
                     static_cast<int>(format));
    context.assign(weights.attention_context, weights.attention_context + config.attention);
    context.resize(static_cast<size_t>(padded(config.attention, kColumns)), 0.f);
  }
  if (config.classes > 0) {
    head_weight.assign(weights.head_weight, weights.head_weight + config.classes * pooled_size);
    head_bias.assign(weights.head_bias, weights.head_bias + config.classes);
  }
}

const InferKernels& seqmap_encoder::kernels() const {
  constexpr Work kWorks[] = {Work::fp32, Work::bf16, Work::int8};
  return infer_kernels(current_variant(kWorks[config.precision]));
}

int32_t check_encoder(const seqmap_encoder_config* config, const seqmap_encoder_weights* weights) {
  constexpr int32_t kMost = 1 << 20;  // keeps every product of sizes far from overflow
  if (config == nullptr || weights == nullptr) return fail(SEQMAP_EINVAL, "an encoder needs a configuration and weights");
  const seqmap_encoder_config& c = *config;
  if (c.bytes != static_cast<int32_t>(sizeof c)) return fail(SEQMAP_EINVAL, "the configuration has another version");
  if (c.hidden < 1 || c.hidden > kMost) return fail(SEQMAP_EINVAL, "hidden must be 1 to %d, not %d", kMost, c.hidden);
  if (c.input_size < 1 || c.input_size > kMost) {
    return fail(SEQMAP_EINVAL, "input_size must be 1 to %d, not %d", kMost, c.input_size);
  }
  if (c.layers < 1 || c.layers > 1024) return fail(SEQMAP_EINVAL, "layers must be 1 to 1024, not %d", c.layers);
  if (c.directions < 1 || c.directions > 2) return fail(SEQMAP_EINVAL, "directions must be 1 or 2, not %d", c.directions);
  if (c.vocabulary < 0) return fail(SEQMAP_EINVAL, "vocabulary must not be negative: %d", c.vocabulary);
  if (c.pooling < SEQMAP_POOL_NONE || c.pooling > SEQMAP_POOL_ATTENTION) {
    return fail(SEQMAP_EINVAL, "unknown pooling %d", c.pooling);
  }
  if (c.precision < SEQMAP_FP32 || c.precision > SEQMAP_INT8) return fail(SEQMAP_EINVAL, "unknown precision %d", c.precision);
  if (c.embedding < SEQMAP_FP32 || c.embedding > SEQMAP_INT8) {
    return fail(SEQMAP_EINVAL, "unknown format %d of the embedding", c.embedding);
  }
  if (c.table < SEQMAP_TABLE_AUTO || c.table > SEQMAP_TABLE_BF16) return fail(SEQMAP_EINVAL, "unknown table %d", c.table);
  if (c.classes < 0 || c.classes > (1 << 24)) return fail(SEQMAP_EINVAL, "classes must be 0 to %d, not %d", 1 << 24, c.classes);
  const bool attends = c.pooling == SEQMAP_POOL_ATTENTION;
  if (attends ? (c.attention < 1 || c.attention > kMost) : c.attention != 0) {
    return fail(SEQMAP_EINVAL, "attention has %d rows for pooling %d", c.attention, c.pooling);
  }
  if (c.classes > 0 && c.pooling == SEQMAP_POOL_NONE) return fail(SEQMAP_EINVAL, "a head needs pooling");
  bool whole = weights->w_ih && weights->w_hh && weights->bias && (c.vocabulary == 0 || weights->embedding);
  whole = whole && (c.vocabulary == 0 || c.embedding != SEQMAP_INT8 || weights->embedding_scale);
  for (int32_t k = 0; whole && k < c.layers * c.directions; ++k) {
    whole = weights->w_ih[k] && weights->w_hh[k] && weights->bias[k];
  }
  whole = whole && (!attends || (weights->attention_weight && weights->attention_bias && weights->attention_context));
  whole = whole && (c.classes == 0 || (weights->head_weight && weights->head_bias));
  return whole ? SEQMAP_OK : fail(SEQMAP_EINVAL, "a weight is missing");
}
