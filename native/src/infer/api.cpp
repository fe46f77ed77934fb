// The C entries of deployed encoders.
#include <cstring>
#include <new>
#include <vector>

#include "base/error.h"
#include "infer/encoder.h"
#include "infer/run.h"
#include "seqmap_infer.h"

using namespace seqmap;

namespace {

// The head of a stream's state; the floats behind it are [layer][h, c] (hidden each) and the totals.
struct StreamHead {
  uint32_t magic;
  uint32_t shape;  // of everything that decides the layout
  int64_t tokens;
  int64_t unused[6];  // keeps the floats aligned to 64 bytes
};
static_assert(sizeof(StreamHead) == 64, "the layout is written to files");

constexpr uint32_t kMagic = 0x53514d31;  // "1MQS"

uint32_t shape_of(const seqmap_encoder& encoder) {
  const seqmap_encoder_config& c = encoder.config;
  uint32_t hash = 2166136261u;  // FNV-1a
  for (int32_t value : {c.input_size, c.hidden, c.layers, c.pooling, c.attention, c.precision}) {
    hash = (hash ^ static_cast<uint32_t>(value)) * 16777619u;
  }
  return hash;
}

struct Stream {
  StreamHead* head;
  float* cells;
  float* totals;

  Stream(const seqmap_encoder& encoder, void* state)
      : head(static_cast<StreamHead*>(state)),
        cells(reinterpret_cast<float*>(head + 1)),
        totals(cells + encoder.config.layers * 2 * encoder.hidden) {}
  CellState cell(const seqmap_encoder& encoder, int64_t layer) const {
    float* h = cells + layer * 2 * encoder.hidden;
    return {h, h + encoder.hidden};
  }
};

int32_t bad_id(const seqmap_encoder& encoder, int64_t place, int32_t id) {
  return fail(SEQMAP_EINVAL, "token %lld has id %d; the vocabulary has %d", static_cast<long long>(place), id,
              encoder.config.vocabulary);
}

int32_t check_ids(const seqmap_encoder& encoder, const int32_t* ids, int64_t count) {
  const uint32_t size = static_cast<uint32_t>(encoder.config.vocabulary);
  uint32_t worst = 0;  // without a branch per token
  for (int64_t i = 0; i < count; ++i) worst |= static_cast<uint32_t>(static_cast<uint32_t>(ids[i]) >= size);
  for (int64_t i = 0; worst != 0 && i < count; ++i) {
    if (static_cast<uint32_t>(ids[i]) >= size) return bad_id(encoder, i, ids[i]);
  }
  return SEQMAP_OK;
}

int32_t check_inputs(const seqmap_encoder& encoder, const int32_t* ids, const float* inputs, int64_t count) {
  if (count == 0) return SEQMAP_OK;
  if (encoder.config.vocabulary > 0) {
    return ids ? check_ids(encoder, ids, count) : fail(SEQMAP_EINVAL, "this encoder takes token ids");
  }
  return inputs ? SEQMAP_OK : fail(SEQMAP_EINVAL, "this encoder takes vectors");
}

int32_t check_stream(const seqmap_encoder& encoder, const StreamHead& head) {
  if (encoder.config.directions != 1) return fail(SEQMAP_EINVAL, "an encoder of two directions cannot stream");
  if (head.magic != kMagic || head.shape != shape_of(encoder)) {
    return fail(SEQMAP_EINVAL, "this is no state of a stream of this encoder");
  }
  return SEQMAP_OK;
}

int32_t check_results(const seqmap_encoder& encoder, const float* pooled, const float* logits) {
  if (pooled && encoder.config.pooling == SEQMAP_POOL_NONE) return fail(SEQMAP_EINVAL, "this encoder has no pooling");
  if (logits && encoder.config.classes == 0) return fail(SEQMAP_EINVAL, "this encoder has no head");
  return SEQMAP_OK;
}

// Feeds at most kMost tokens through all layers.
void feed_chunk(const seqmap_encoder& encoder, const Stream& stream, const Document& document) {
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  const int64_t length = document.length;
  const char* below = nullptr;
  LayerOutput output{};
  for (int64_t layer = 0; layer < encoder.config.layers; ++layer) {
    const bool last = layer == encoder.config.layers - 1;
    output.kept = !last || encoder.attends()
                      ? scratch.take<char>(static_cast<size_t>(length * encoder.state_bytes))
                      : nullptr;
    if (last) {
      output.totals = view_totals(encoder, stream.totals, false);
      if (document.states || encoder.attends()) {
        output.states = scratch.take<float>(static_cast<size_t>(length * encoder.width));
      }
    }
    run_direction(encoder, layer, 0, document, below, length, stream.cell(encoder, layer), output);
    below = output.kept;
  }
  if (encoder.attends()) attend_to(encoder, output.kept, output.states, length, output.totals);
  for (int64_t t = 0; document.states && t < length; ++t) {
    unpad(encoder, output.states + t * encoder.width, document.states + t * encoder.size);
  }
}

int32_t out_of_memory() { return fail(SEQMAP_ENOMEM, "not enough memory"); }

}  // namespace

extern "C" {

int32_t seqmap_encoder_create(const seqmap_encoder_config* config, const seqmap_encoder_weights* weights,
                              seqmap_encoder** encoder) {
  if (const int32_t code = check_encoder(config, weights)) return code;
  try {
    *encoder = new seqmap_encoder(*config, *weights);
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
  return SEQMAP_OK;
}

void seqmap_encoder_destroy(seqmap_encoder* encoder) { delete encoder; }

int32_t seqmap_encoder_warm(seqmap_encoder* encoder) {
  try {
    if (encoder->table) encoder->table->warm(encoder->kernels());
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
  return SEQMAP_OK;
}

int64_t seqmap_encoder_bytes(const seqmap_encoder* encoder, int32_t what) {
  if (what == 1) return encoder->table ? encoder->table->used_bytes() : 0;
  if (what == 2) return encoder->table ? encoder->table->limit_bytes() : 0;
  int64_t total = encoder->table ? encoder->table->panel_bytes() : 0;
  for (const seqmap_encoder::Cell& cell : encoder->cells) {
    total += static_cast<int64_t>(cell.input.bytes() + cell.recurrent.bytes());
  }
  return total + static_cast<int64_t>(encoder->attention.bytes());
}

int32_t seqmap_encoder_run(const seqmap_encoder* encoder, const int32_t* ids, const float* inputs,
                           const int64_t* offsets, int64_t documents, float* states, float* pooled, float* logits) {
  if (documents < 0) return fail(SEQMAP_EINVAL, "a negative number of documents");
  for (int64_t k = 0; k < documents; ++k) {
    if (offsets[k + 1] < offsets[k] || offsets[0] != 0) return fail(SEQMAP_EINVAL, "offsets must rise from 0");
  }
  const int64_t tokens = documents > 0 ? offsets[documents] : 0;
  if (const int32_t code = check_inputs(*encoder, ids, inputs, tokens)) return code;
  if (const int32_t code = check_results(*encoder, pooled, logits)) return code;
  const bool vectors = encoder->config.vocabulary == 0;
  try {
    std::vector<Document> work(static_cast<size_t>(documents));
    for (int64_t k = 0; k < documents; ++k) {
      work[k] = {vectors ? nullptr : ids + offsets[k],
                 vectors ? inputs + offsets[k] * encoder->config.input_size : nullptr,
                 offsets[k + 1] - offsets[k],
                 states ? states + offsets[k] * encoder->size : nullptr,
                 pooled ? pooled + k * encoder->pooled_size : nullptr,
                 logits ? logits + k * encoder->config.classes : nullptr};
    }
    if (documents > 0) run_documents(*encoder, work.data(), documents);
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
  return SEQMAP_OK;
}

int32_t seqmap_encoder_document(const seqmap_encoder* encoder, const int32_t* ids, int64_t count, float* out) {
  if (count < 0) return fail(SEQMAP_EINVAL, "a negative number of tokens");
  if (encoder->config.vocabulary == 0) return fail(SEQMAP_EINVAL, "this encoder takes vectors");
  if (encoder->config.pooling == SEQMAP_POOL_NONE) return fail(SEQMAP_EINVAL, "this encoder has no pooling");
  if (const int32_t code = check_ids(*encoder, ids, count)) return code;
  const bool head = encoder->config.classes > 0;
  try {
    run_document(*encoder, {ids, nullptr, count, nullptr, head ? nullptr : out, head ? out : nullptr});
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
  return SEQMAP_OK;
}

int64_t seqmap_encoder_state_bytes(const seqmap_encoder* encoder) {
  const int64_t floats = encoder->config.layers * 2 * encoder->hidden + totals_floats(*encoder);
  return static_cast<int64_t>(sizeof(StreamHead)) + floats * 4;
}

int32_t seqmap_encoder_state_init(const seqmap_encoder* encoder, void* state) {
  if (encoder->config.directions != 1) return fail(SEQMAP_EINVAL, "an encoder of two directions cannot stream");
  std::memset(state, 0, static_cast<size_t>(seqmap_encoder_state_bytes(encoder)));
  const Stream stream(*encoder, state);
  stream.head->magic = kMagic;
  stream.head->shape = shape_of(*encoder);
  view_totals(*encoder, stream.totals, true);
  return SEQMAP_OK;
}

int32_t seqmap_encoder_feed(const seqmap_encoder* encoder, void* state, const int32_t* ids, const float* inputs,
                            int64_t count, float* states) {
  if (count < 0) return fail(SEQMAP_EINVAL, "a negative number of tokens");
  const Stream stream(*encoder, state);
  if (const int32_t code = check_stream(*encoder, *stream.head)) return code;
  if (const int32_t code = check_inputs(*encoder, ids, inputs, count)) return code;
  const bool vectors = encoder->config.vocabulary == 0;
  try {
    for (int64_t first = 0; first < count; first += TokenTable::kMost) {
      const int64_t length = count - first < TokenTable::kMost ? count - first : TokenTable::kMost;
      feed_chunk(*encoder, stream,
                 {vectors ? nullptr : ids + first, vectors ? inputs + first * encoder->config.input_size : nullptr,
                  length, states ? states + first * encoder->size : nullptr, nullptr, nullptr});
      stream.head->tokens += length;
    }
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
  return SEQMAP_OK;
}

int32_t seqmap_encoder_step(const seqmap_encoder* encoder, void* state, int32_t id, float* out) {
  return seqmap_encoder_feed(encoder, state, &id, nullptr, 1, out);
}

int32_t seqmap_encoder_result(const seqmap_encoder* encoder, const void* state, float* pooled, float* logits) {
  const Stream stream(*encoder, const_cast<void*>(state));  // only read
  if (const int32_t code = check_stream(*encoder, *stream.head)) return code;
  if (const int32_t code = check_results(*encoder, pooled, logits)) return code;
  try {
    Scratch& scratch = Scratch::mine();
    const Scratch::Frame frame(scratch);
    if (pooled == nullptr) pooled = scratch.take<float>(static_cast<size_t>(encoder->pooled_size));
    const float* last = stream.cell(*encoder, encoder->config.layers - 1).h;
    finish_pooling(*encoder, view_totals(*encoder, stream.totals, false), last, stream.head->tokens, pooled);
    if (logits) apply_head(*encoder, pooled, logits);
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
  return SEQMAP_OK;
}

}  // extern "C"
