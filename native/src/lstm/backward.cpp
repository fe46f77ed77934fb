// seqmap_lstm_backward: packs the weights, runs the parts of forward backwards and sums what they found.
#include <algorithm>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/thread_pool.h"
#include "lstm/saved.h"
#include "lstm/validate.h"

namespace seqmap {
namespace {

class Backward {
 public:
  Backward(const seqmap_lstm_saved& saved, const seqmap_lstm_input& in, const seqmap_lstm_gradient* directions,
           float* dx)
      : saved_(saved), in_(in), directions_(directions), dx_(dx), mode_(saved.mode), sizes_(in, mode_.width()) {}

  bool run() {
    if (!allocate()) return false;
    if (!saved_.parts.empty()) {
      pack();
      parallel(task_count(), [this](int32_t i) { run_part(i); });
    }
    const int32_t shares = thread_count();
    parallel(shares, [&](int32_t share) {
      for (int32_t d = 0; d < in_.directions; ++d) sum_weights(d, share, shares);
      if (dx_) complete_dx(share, shares);
    });
    for (int32_t d = 0; d < in_.directions; ++d) pass_empty_rows(directions_[d]);
    return true;
  }

 private:
  struct PackedWeights {
    Buffer<uint32_t> w_ih, w_hh;
  };
  struct Scratch {
    Buffer<float> d_weight, d_bias, dh, dc;
    Buffer<char> d_gates, x_chunk;
    Buffer<uint32_t> left, right;
    Buffer<float*> dh_rows, dx_rows;
  };

  size_t part_count() const { return saved_.parts.size(); }
  int32_t task_count() const { return in_.directions * static_cast<int32_t>(part_count()); }
  int64_t columns() const { return sizes_.input_padded + sizes_.hidden_padded; }
  static bool wants_weights(const seqmap_lstm_gradient& direction) {
    return direction.dw_ih != nullptr || direction.dw_hh != nullptr;
  }

  bool allocate() {
    if (saved_.parts.empty()) return true;
    const size_t words = static_cast<size_t>(mode_.words(sizes_.gate_rows));
    weights_.resize(static_cast<size_t>(in_.directions));
    for (PackedWeights& weights : weights_) {
      if (dx_ && !weights.w_ih.reset(words * static_cast<size_t>(sizes_.input_padded))) return false;
      if (!weights.w_hh.reset(words * static_cast<size_t>(sizes_.hidden_padded))) return false;
    }
    const size_t elements = static_cast<size_t>(in_.batch * in_.time * in_.input);
    if (dx_ && in_.directions == 2 && !second_dx_.reset(elements)) return false;
    scratch_.resize(static_cast<size_t>(task_count()));
    for (size_t i = 0; i < scratch_.size(); ++i) {
      if (!allocate_part(saved_.parts[i % part_count()], directions_[i / part_count()], scratch_[i])) return false;
    }
    return true;
  }

  bool allocate_part(const Rows& rows, const seqmap_lstm_gradient& direction, Scratch& scratch) {
    const size_t count = static_cast<size_t>(rows.count()), gate_rows = static_cast<size_t>(sizes_.gate_rows);
    // One token more than a chunk: pairs of tokens end with a row of zeros.
    const size_t chunk = std::max(count, static_cast<size_t>(mode_.kernels().backward_chunk)) + 1;
    const size_t chunk_words = static_cast<size_t>(mode_.words(static_cast<int64_t>(chunk)));
    const size_t states = count * static_cast<size_t>(sizes_.hidden_padded), bytes = mode_.stored_bytes();
    bool ok = scratch.dh.reset(states) && scratch.dc.reset(states) &&
              scratch.d_gates.reset(chunk * gate_rows * bytes) && scratch.dh_rows.reset(count) &&
              scratch.dx_rows.reset(chunk);
    if (direction.dbias) ok = ok && scratch.d_bias.reset(gate_rows);
    if (wants_weights(direction)) {
      const size_t width = static_cast<size_t>(columns());
      ok = ok && scratch.d_weight.reset(gate_rows * width) && scratch.left.reset(gate_rows * chunk_words) &&
           scratch.right.reset(width * chunk_words) &&
           scratch.x_chunk.reset(chunk * static_cast<size_t>(sizes_.input_padded) * bytes);
    }
    return ok;
  }

  // Every task packs a share of each matrix.
  void pack() {
    const int32_t shares = thread_count();
    const int64_t group = kGates * mode_.width();
    parallel(shares * in_.directions, [&](int32_t i) {
      const seqmap_lstm_gradient& direction = directions_[i / shares];
      PackedWeights& packed = weights_[static_cast<size_t>(i / shares)];
      const int64_t share = i % shares;
      const auto pack = [&](const float* weight, int64_t wide, int64_t padded, uint32_t* panels) {
        const int64_t groups = pad_to(padded, group) / group;
        mode_.format().pack_backward(weight, sizes_.hidden, wide, groups * share / shares,
                                     groups * (share + 1) / shares, panels);
      };
      if (dx_) pack(direction.w_ih, sizes_.input, sizes_.input_padded, packed.w_ih.get());
      pack(direction.w_hh, sizes_.hidden, sizes_.hidden_padded, packed.w_hh.get());
    });
  }

  void run_part(int32_t i) {
    const size_t d = static_cast<size_t>(i) / part_count(), part = static_cast<size_t>(i) % part_count();
    const seqmap_lstm_gradient& direction = directions_[d];
    const LstmStates& states = saved_.states[static_cast<size_t>(i)];
    Scratch& scratch = scratch_[static_cast<size_t>(i)];
    LstmBackwardTask task{};
    task.part = view(saved_.parts[part], saved_.reverse[d]);
    task.input = sizes_.input;
    task.hidden = sizes_.hidden;
    task.x = in_.x;
    task.x_batch_stride = in_.x_batch_stride;
    task.x_time_stride = in_.x_time_stride;
    task.w_ih_t = weights_[d].w_ih.get();
    task.w_hh_t = weights_[d].w_hh.get();
    task.dy = direction.dy;
    task.dy_batch_stride = direction.dy_batch_stride;
    task.dy_time_stride = direction.dy_time_stride;
    task.dh_n = direction.dh_n;
    task.dc_n = direction.dc_n;
    task.dh0 = direction.dh0;
    task.dc0 = direction.dc0;
    task.dx = dx_ == nullptr ? nullptr : d == 0 ? dx_ : second_dx_.get();
    task.dx_batch_stride = in_.time * in_.input;
    task.dx_time_stride = in_.input;
    task.first_state = direction.dh0 != nullptr;
    task.gates = states.gates.get();
    task.cells = states.cells.get();
    task.hiddens = states.hiddens.get();
    task.d_weight = scratch.d_weight.get();
    task.d_bias = scratch.d_bias.get();
    task.dh = scratch.dh.get();
    task.dc = scratch.dc.get();
    task.d_gates = scratch.d_gates.get();
    task.x_chunk = scratch.x_chunk.get();
    task.left = scratch.left.get();
    task.right = scratch.right.get();
    task.dh_rows = scratch.dh_rows.get();
    task.dx_rows = scratch.dx_rows.get();
    mode_.format().backward(task);
  }

  // Sums the parts of a share of the gate rows and puts them in torch's order.
  void sum_weights(int32_t d, int32_t share, int32_t shares) const {
    const seqmap_lstm_gradient& direction = directions_[d];
    const size_t parts = part_count(), first_task = static_cast<size_t>(d) * parts;
    std::vector<const float*> rows(parts);
    const auto sum = [&](Buffer<float> Scratch::*member, int64_t offset, int64_t n, float* out) {
      if (out == nullptr) return;
      for (size_t p = 0; p < parts; ++p) rows[p] = (scratch_[first_task + p].*member).get() + offset;
      if (parts == 0) {
        std::memset(out, 0, static_cast<size_t>(n) * sizeof(float));
      } else {
        mode_.kernels().sum(rows.data(), static_cast<int32_t>(parts), n, out);
      }
    };
    const auto row_of = [](float* matrix, int64_t row, int64_t n) { return matrix ? matrix + row * n : nullptr; };
    const int64_t last = sizes_.gate_rows * (share + 1) / shares;
    for (int64_t row = sizes_.gate_rows * share / shares; row < last; ++row) {
      const int64_t unit = packed_unit(row, mode_.width());
      if (unit >= sizes_.hidden) continue;
      const int64_t outer = outer_row(packed_gate(row, mode_.width()), unit, sizes_.hidden);
      sum(&Scratch::d_weight, row * columns(), sizes_.input, row_of(direction.dw_ih, outer, sizes_.input));
      sum(&Scratch::d_weight, row * columns() + sizes_.input_padded, sizes_.hidden,
          row_of(direction.dw_hh, outer, sizes_.hidden));
      sum(&Scratch::d_bias, row, 1, row_of(direction.dbias, outer, 1));
    }
  }

  // Adds the second direction and clears what lies beyond the lengths.
  void complete_dx(int32_t share, int32_t shares) const {
    const int64_t last = in_.batch * (share + 1) / shares;
    for (int64_t b = in_.batch * share / shares; b < last; ++b) {
      float* row = dx_ + b * in_.time * in_.input;
      const int64_t valid = in_.lengths[b] * in_.input, all = in_.time * in_.input;
      if (second_dx_ && valid > 0) {
        const float* both[2] = {row, second_dx_.get() + b * all};
        mode_.kernels().sum(both, 2, valid, row);
      }
      std::memset(row + valid, 0, static_cast<size_t>(all - valid) * sizeof(float));
    }
  }

  // Rows without tokens pass the gradient of the final state on to the initial one.
  void pass_empty_rows(const seqmap_lstm_gradient& direction) const {
    const size_t bytes = static_cast<size_t>(in_.hidden) * sizeof(float);
    const auto pass = [&](float* target, const float* source, int64_t b) {
      if (target == nullptr) return;
      if (source != nullptr) {
        std::memcpy(target + b * in_.hidden, source + b * in_.hidden, bytes);
      } else {
        std::memset(target + b * in_.hidden, 0, bytes);
      }
    };
    for (int64_t b = 0; b < in_.batch; ++b) {
      if (in_.lengths[b] != 0) continue;
      pass(direction.dh0, direction.dh_n, b);
      pass(direction.dc0, direction.dc_n, b);
    }
  }

  const seqmap_lstm_saved& saved_;
  const seqmap_lstm_input& in_;
  const seqmap_lstm_gradient* directions_;
  float* dx_;
  LstmMode mode_;
  LstmSizes sizes_;
  std::vector<PackedWeights> weights_;
  std::vector<Scratch> scratch_;
  Buffer<float> second_dx_;
};

// Whether backward was given the batch of forward.
bool same_batch(const seqmap_lstm_saved& saved, const seqmap_lstm_input& in) {
  if (saved.directions != in.directions || saved.batch != in.batch || saved.time != in.time ||
      saved.input != in.input || saved.hidden != in.hidden || saved.mode.precision != in.precision) {
    return false;
  }
  for (const Rows& rows : saved.parts) {
    for (size_t r = 0; r < rows.row.size(); ++r) {
      if (in.lengths[rows.row[r]] != rows.length[r]) return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace seqmap

extern "C" int32_t seqmap_lstm_backward(const seqmap_lstm_saved* saved, const seqmap_lstm_input* input,
                                        const seqmap_lstm_gradient* directions, float* dx) {
  using namespace seqmap;
  const int32_t code = validate(input);
  if (code != SEQMAP_OK) return code;
  if (saved == nullptr || !same_batch(*saved, *input)) {
    return fail(SEQMAP_EINVAL, "backward was called with another batch than forward");
  }
  try {
    Backward backward(*saved, *input, directions, dx);
    if (!backward.run()) return fail(SEQMAP_ENOMEM, "not enough memory for the gradients of this batch");
  } catch (const std::bad_alloc&) {
    return fail(SEQMAP_ENOMEM, "not enough memory for the gradients of this batch");
  }
  return SEQMAP_OK;
}
