// seqmap_lstm_forward: packs the weights, deals the rows to tasks and runs them.
#include <algorithm>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/thread_pool.h"
#include "lstm/saved.h"
#include "lstm/validate.h"

namespace seqmap {
namespace {

struct PackedWeights {
  Buffer<uint32_t> w_ih, w_hh;
  Buffer<float> bias;
};

class Forward {
 public:
  Forward(const seqmap_lstm_input& in, const seqmap_lstm_direction* directions, bool keep)
      : in_(in),
        directions_(directions),
        keep_(keep),
        mode_{current_variant(in.precision == SEQMAP_BF16 ? Work::bf16 : Work::fp32), in.precision},
        sizes_(in, mode_.width()) {
    const int32_t per_direction = std::max(1, thread_count() / in.directions);
    parts_ = deal_rows(in.lengths, in.batch, per_direction);
  }

  bool run() {
    if (!allocate()) return false;
    if (!parts_.empty()) {
      pack();
      parallel(task_count(), [this](int32_t i) { run_part(i); });
    }
    for (int32_t d = 0; d < in_.directions; ++d) pass_empty_rows(directions_[d]);
    return true;
  }

  // Hands over what backward needs.
  void save(seqmap_lstm_saved& saved) {
    saved.mode = mode_;
    saved.directions = in_.directions;
    saved.batch = in_.batch;
    saved.time = in_.time;
    saved.input = in_.input;
    saved.hidden = in_.hidden;
    for (int32_t d = 0; d < in_.directions; ++d) saved.reverse[d] = directions_[d].reverse != 0;
    saved.parts = std::move(parts_);
    saved.states = std::move(states_);
  }

 private:
  int32_t task_count() const { return in_.directions * static_cast<int32_t>(parts_.size()); }

  bool allocate() {
    if (parts_.empty()) return true;
    weights_.resize(static_cast<size_t>(in_.directions));
    for (PackedWeights& weights : weights_) {
      const size_t rows = static_cast<size_t>(sizes_.gate_rows);
      if (!weights.w_ih.reset(rows * static_cast<size_t>(mode_.words(sizes_.input)))) return false;
      if (!weights.w_hh.reset(rows * static_cast<size_t>(mode_.words(sizes_.hidden)))) return false;
      if (!weights.bias.reset(rows)) return false;
    }
    states_.resize(static_cast<size_t>(task_count()));
    scratch_.resize(states_.size());
    for (size_t i = 0; i < states_.size(); ++i) {
      if (!allocate_part(parts_[i % parts_.size()], states_[i], scratch_[i])) return false;
    }
    return true;
  }

  struct Scratch {
    Buffer<char> x_chunk;
    Buffer<float> projection;
  };

  bool allocate_part(const Rows& rows, LstmStates& states, Scratch& scratch) {
    const size_t count = static_cast<size_t>(rows.count()), tokens = static_cast<size_t>(rows.tokens());
    const size_t kept = keep_ ? count + tokens : 2 * count, hidden = static_cast<size_t>(sizes_.hidden_padded);
    const size_t gate_rows = static_cast<size_t>(sizes_.gate_rows), bytes = mode_.stored_bytes();
    const size_t chunk = std::max(count, static_cast<size_t>(mode_.kernels().forward_chunk));
    return (!keep_ || states.gates.reset(tokens * gate_rows * bytes)) && states.cells.reset(kept * hidden) &&
           states.hiddens.reset(kept * hidden * bytes) &&
           scratch.x_chunk.reset(chunk * static_cast<size_t>(sizes_.input_padded) * bytes) &&
           scratch.projection.reset(chunk * gate_rows);
  }

  // Every task packs a share of each matrix.
  void pack() {
    const int32_t shares = thread_count();
    const int64_t groups = sizes_.hidden_padded / mode_.width();
    parallel(shares * in_.directions, [&](int32_t i) {
      const seqmap_lstm_direction& direction = directions_[i / shares];
      PackedWeights& packed = weights_[static_cast<size_t>(i / shares)];
      const int64_t share = i % shares, first = groups * share / shares, last = groups * (share + 1) / shares;
      const LstmFormat& format = mode_.format();
      format.pack_forward(direction.w_ih, sizes_.hidden, sizes_.input, first, last, packed.w_ih.get());
      format.pack_forward(direction.w_hh, sizes_.hidden, sizes_.hidden, first, last, packed.w_hh.get());
      if (share == 0) pack_bias(direction.bias, packed.bias.get());
    });
  }

  void pack_bias(const float* bias, float* packed) const {
    for (int64_t row = 0; row < sizes_.gate_rows; ++row) {
      const int64_t unit = packed_unit(row, mode_.width());
      const int gate = packed_gate(row, mode_.width());
      packed[row] = unit < sizes_.hidden ? bias[outer_row(gate, unit, sizes_.hidden)] : 0.f;
    }
  }

  void run_part(int32_t i) {
    const size_t d = static_cast<size_t>(i) / parts_.size(), part = static_cast<size_t>(i) % parts_.size();
    const seqmap_lstm_direction& direction = directions_[d];
    LstmStates& states = states_[static_cast<size_t>(i)];
    Scratch& scratch = scratch_[static_cast<size_t>(i)];
    LstmForwardTask task{};
    task.part = view(parts_[part], direction.reverse != 0);
    task.input = sizes_.input;
    task.hidden = sizes_.hidden;
    task.time = in_.time;
    task.x = in_.x;
    task.x_batch_stride = in_.x_batch_stride;
    task.x_time_stride = in_.x_time_stride;
    task.w_ih = weights_[d].w_ih.get();
    task.w_hh = weights_[d].w_hh.get();
    task.bias = weights_[d].bias.get();
    task.h0 = direction.h0;
    task.c0 = direction.c0;
    task.y = direction.y;
    task.y_batch_stride = direction.y_batch_stride;
    task.y_time_stride = direction.y_time_stride;
    task.h_n = direction.h_n;
    task.c_n = direction.c_n;
    task.keep = keep_;
    task.gates = states.gates.get();
    task.cells = states.cells.get();
    task.hiddens = states.hiddens.get();
    task.x_chunk = scratch.x_chunk.get();
    task.projection = scratch.projection.get();
    mode_.format().forward(task);
  }

  // Rows without tokens: no output, and the initial states are the final ones.
  void pass_empty_rows(const seqmap_lstm_direction& direction) const {
    const size_t bytes = static_cast<size_t>(in_.hidden) * sizeof(float);
    const auto copy = [&](float* target, const float* source, int64_t b) {
      if (target == nullptr) return;
      if (source != nullptr) {
        std::memcpy(target + b * in_.hidden, source + b * in_.hidden, bytes);
      } else {
        std::memset(target + b * in_.hidden, 0, bytes);
      }
    };
    for (int64_t b = 0; b < in_.batch; ++b) {
      if (in_.lengths[b] != 0) continue;
      copy(direction.h_n, direction.h0, b);
      copy(direction.c_n, direction.c0, b);
      for (int64_t t = 0; t < in_.time; ++t) {
        std::memset(direction.y + b * direction.y_batch_stride + t * direction.y_time_stride, 0, bytes);
      }
    }
  }

  const seqmap_lstm_input& in_;
  const seqmap_lstm_direction* directions_;
  bool keep_;
  LstmMode mode_;
  LstmSizes sizes_;
  std::vector<Rows> parts_;
  std::vector<PackedWeights> weights_;
  std::vector<LstmStates> states_;
  std::vector<Scratch> scratch_;
};

}  // namespace
}  // namespace seqmap

extern "C" int32_t seqmap_lstm_forward(const seqmap_lstm_input* input, const seqmap_lstm_direction* directions,
                                       seqmap_lstm_saved** saved) {
  using namespace seqmap;
  const int32_t code = validate(input);
  if (code != SEQMAP_OK) return code;
  try {
    Forward forward(*input, directions, saved != nullptr);
    if (!forward.run()) return fail(SEQMAP_ENOMEM, "not enough memory for the activations of this batch");
    if (saved != nullptr) {
      *saved = new seqmap_lstm_saved{};
      forward.save(**saved);
    }
  } catch (const std::bad_alloc&) {
    return fail(SEQMAP_ENOMEM, "not enough memory for the activations of this batch");
  }
  return SEQMAP_OK;
}

extern "C" void seqmap_lstm_free(seqmap_lstm_saved* saved) { delete saved; }
