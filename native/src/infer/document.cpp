// One document, one direction after the other (or both at once on two threads).
#include <algorithm>
#include <cstring>

#include "base/thread_pool.h"
#include "infer/run.h"

namespace seqmap {
namespace {

constexpr int64_t kChunk = TokenTable::kMost;  // steps whose inputs are prepared together

// Below this much work a second thread costs more than it brings: waking one takes some microseconds.
constexpr int64_t kWorthThread = int64_t{8} << 20;  // bytes of recurrent weights read

// The order in which a direction visits its steps.
struct Visit {
  int64_t length;
  bool backward;
  int64_t at(int64_t i) const { return backward ? length - 1 - i : i; }
  int64_t step() const { return backward ? -1 : 1; }
};

// Gate sums of the inputs of steps first .. first + count, in the order of the visit.
void prepare_inputs(const seqmap_encoder& encoder, int64_t layer, int direction, const Document& document,
                    const char* below, const Visit& visit, int64_t first, int64_t count, const void** rows,
                    Scratch& scratch) {
  if (layer == 0 && encoder.table) {
    encoder.table->gather(encoder.kernels(), document.ids + visit.at(first), visit.step(), count, direction, rows,
                          scratch);
    return;
  }
  const Panels& panels = encoder.cell(layer, direction).input.panels;
  const void* x[kChunk];
  float scale[kChunk];
  float* out[kChunk];
  float* sums = scratch.take<float>(static_cast<size_t>(count * panels.blocks * kColumns));
  char* stored = nullptr;
  const int64_t bytes = stored_input_bytes(encoder);
  if (layer == 0) stored = scratch.take<char>(static_cast<size_t>(count * bytes));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t t = visit.at(first + i);
    rows[i] = out[i] = sums + i * panels.blocks * kColumns;
    if (layer == 0) {
      x[i] = stored + i * bytes;
      scale[i] = store_input(encoder, document, t, stored + i * bytes);
    } else {
      x[i] = below + t * encoder.state_bytes;
    }
  }
  encoder.format().project(panels, count, x, layer == 0 ? scale : nullptr, out);
}

// Whether the caller's memory for states can take padded rows as they are.
bool unpadded(const seqmap_encoder& encoder) { return encoder.width == encoder.size; }

}  // namespace

int64_t stored_input_bytes(const seqmap_encoder& encoder) {
  return padded(padded(encoder.config.input_size) * format_bytes(encoder.config.precision), 64);
}

float store_input(const seqmap_encoder& encoder, const Document& document, int64_t t, void* out) {
  const int64_t size = encoder.config.input_size;
  if (!document.ids) return encoder.format().store_inputs(document.inputs + t * size, out, size);
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  const Embedding& embedding = encoder.embedding;
  float* copy = embedding.format == kFp32 ? nullptr : scratch.take<float>(static_cast<size_t>(size));
  return encoder.format().store_inputs(embedding.row(document.ids[t], copy), out, size);
}

void run_direction(const seqmap_encoder& encoder, int64_t layer, int direction, const Document& document,
                   const char* below, int64_t length, const CellState& state, const LayerOutput& output) {
  const FormatKernels& format = encoder.format();
  const int64_t hidden = encoder.hidden, bytes = format_bytes(encoder.config.precision);
  const Visit visit{length, direction == 1};
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  char* spare[2] = {scratch.take<char>(static_cast<size_t>(hidden * bytes)),
                    scratch.take<char>(static_cast<size_t>(hidden * bytes))};
  format.store_states(state.h, spare[1], hidden);
  SequenceWork work{};
  work.recurrent = &encoder.cell(layer, direction).recurrent.panels;
  work.h = spare[1];
  work.c = state.c;
  work.pool = pool_of(output.totals, direction * hidden);
  const void* rows[kChunk];
  work.inputs = rows;
  work.half = layer == 0 && encoder.table && encoder.table->half();
  for (int64_t first = 0; first < length; first += kChunk) {
    const Scratch::Frame inner(scratch);
    const int64_t t = visit.at(first);
    work.steps = std::min(kChunk, length - first);
    prepare_inputs(encoder, layer, direction, document, below, visit, first, work.steps, rows, scratch);
    if (output.kept) {
      work.kept = output.kept + t * encoder.state_bytes + direction * hidden * bytes;
      work.kept_stride = visit.step() * encoder.state_bytes;
    }
    work.states = output.states ? output.states + t * encoder.width + direction * hidden : state.h;
    work.stride = output.states ? visit.step() * encoder.width : 0;
    const int other = work.h == spare[0];  // a step must not overwrite the state that it reads
    work.spare[0] = spare[other];
    work.spare[1] = spare[1 - other];
    format.sequence(work);
    const int64_t last = work.steps - 1;
    work.h = output.kept ? work.kept + last * work.kept_stride : work.spare[last & 1];
    if (output.states) {
      std::memcpy(state.h, work.states + last * work.stride, static_cast<size_t>(hidden) * 4);
    }
  }
}

void run_document(const seqmap_encoder& encoder, const Document& document) {
  const seqmap_encoder_config& config = encoder.config;
  const int64_t length = document.length;
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  const Totals totals = view_totals(encoder, scratch.take<float>(totals_floats(encoder)), true);
  float* h = scratch.take<float>(static_cast<size_t>(encoder.width));
  float* c = scratch.take<float>(static_cast<size_t>(encoder.width));
  const size_t kept_bytes = static_cast<size_t>(length * encoder.state_bytes);
  char* below = nullptr;
  LayerOutput output{};
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const bool last = layer == config.layers - 1;
    output.kept = !last || encoder.attends() ? scratch.take<char>(kept_bytes) : nullptr;
    if (last) {
      output.totals = totals;
      if (document.states && unpadded(encoder)) {
        output.states = document.states;
      } else if (document.states || encoder.attends()) {
        output.states = scratch.take<float>(static_cast<size_t>(length * encoder.width));
      }
    }
    std::memset(h, 0, static_cast<size_t>(encoder.width) * 4);
    std::memset(c, 0, static_cast<size_t>(encoder.width) * 4);
    const auto run = [&](int d) {
      const CellState state{h + d * encoder.hidden, c + d * encoder.hidden};
      run_direction(encoder, layer, d, document, below, length, state, output);
    };
    const int64_t work = length * static_cast<int64_t>(encoder.cell(layer, 0).recurrent.bytes());
    if (config.directions == 2 && work >= kWorthThread && thread_count() > 1) {
      bool short_of_memory[2] = {false, false};  // tasks must not throw
      parallel(2, [&](int32_t d) {
        try {
          run(d);
        } catch (const std::bad_alloc&) {
          short_of_memory[d] = true;
        }
      });
      if (short_of_memory[0] || short_of_memory[1]) throw std::bad_alloc();
    } else {
      for (int d = 0; d < config.directions; ++d) run(d);
    }
    below = output.kept;
  }
  if (encoder.attends()) attend_to(encoder, output.kept, output.states, length, totals);
  if (document.states && output.states != document.states) {
    for (int64_t t = 0; t < length; ++t) {
      unpad(encoder, output.states + t * encoder.width, document.states + t * encoder.size);
    }
  }
  if (document.pooled || document.logits) {
    float* pooled = document.pooled ? document.pooled : scratch.take<float>(static_cast<size_t>(encoder.pooled_size));
    finish_pooling(encoder, totals, h, length, pooled);
    if (document.logits) apply_head(encoder, pooled, document.logits);
  }
}

}  // namespace seqmap
