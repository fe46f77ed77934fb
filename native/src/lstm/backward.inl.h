// Backward over the rows of one part. Included by unit.cpp inside the variant's namespace.
//
// Steps run from the last to the first in chunks; the gate gradients of a chunk stay in the second-level cache, where
// the input's gradient and the weights' gradients are taken from them by two large products.

// Tokens of a chunk: the longer, the fewer times the weights' gradients are read and written, but the panels of a
// chunk (left and right operand) should stay in the second-level cache. 128 is 2% better at hidden 128 and 5% worse at
// 256; 512 gains nothing.
constexpr int64_t kBackwardChunk = 256;

// Tile of the product of the weights' gradients: rows of gates times vectors of columns.
constexpr int kGradRows = 4;
constexpr int kGradVecs = kRegisters >= 32 ? 4 : 2;

// From the gradients of h and c after a step to those of the gates' sums and of c before it.
struct GateGradients {
  Vec i, f, g, o, c_before;
};
SEQMAP_INLINE GateGradients deactivate(Vec i, Vec f, Vec g, Vec o, Vec c, Vec c_before, Vec dh, Vec dc_later) {
  const Vec one = set1(1.f), tanh_c = tanh(c);
  const Vec dc = fma(mul(dh, o), fnma(tanh_c, tanh_c, one), dc_later);
  GateGradients d;
  d.i = mul(mul(dc, g), fnma(i, i, i));
  d.f = mul(mul(dc, c_before), fnma(f, f, f));
  d.g = mul(mul(dc, i), fnma(g, g, one));
  d.o = mul(mul(dh, tanh_c), fnma(o, o, o));
  d.c_before = mul(dc, f);
  return d;
}

// The elementwise half of a step; d_gates is where its first row goes.
template <class F>
void backward_gates(const LstmBackwardTask& task, int64_t s, typename F::Stored* d_gates) {
  const LstmPart& part = task.part;
  const int64_t padded = round_up(task.hidden, kWidth), gate_rows = kGates * padded;
  const int64_t rows = part.offset[s + 1] - part.offset[s];
  const auto* gates = static_cast<const typename F::Stored*>(task.gates) + part.offset[s] * gate_rows;
  const float* cells = task.cells + states_after(part, s, true) * padded;
  const float* cells_before = task.cells + states_before(part, s, true) * padded;
  for (int64_t r = 0; r < rows; ++r) {
    const float* dy = task.dy ? task.dy + part.row[r] * task.dy_batch_stride + time_of(part, r, s) * task.dy_time_stride
                              : nullptr;
    for (int64_t unit = 0; unit < padded; unit += kWidth) {
      const int64_t column = unit * kGates, place = r * padded + unit;
      const auto* gate = gates + r * gate_rows + column;
      // What the step before will need lies in front of this step's.
      constexpr int64_t kBytes = sizeof(typename F::Stored), kFloat = sizeof(float);
      prefetch(gate, -rows * gate_rows * kBytes, kGates * kWidth * kBytes);
      if (dy) prefetch(dy + unit, (part.reverse ? kFloat : -kFloat) * task.dy_time_stride, kWidth * kFloat);
      Vec dh = load(task.dh + place);
      if (dy != nullptr) {
        const int64_t lanes = task.hidden - unit;
        dh = add(dh, lanes >= kWidth ? load(dy + unit) : load_partial(dy + unit, static_cast<int>(lanes)));
      }
      const GateGradients d = deactivate(
          F::take(gate + kInput * kWidth), F::take(gate + kForget * kWidth), F::take(gate + kCell * kWidth),
          F::take(gate + kOutput * kWidth), load(cells + place), load(cells_before + place), dh, load(task.dc + place));
      store(task.dc + place, d.c_before);
      auto* out = d_gates + r * gate_rows + column;
      F::put(out + kInput * kWidth, d.i);
      F::put(out + kForget * kWidth, d.f);
      F::put(out + kCell * kWidth, d.g);
      F::put(out + kOutput * kWidth, d.o);
      if (task.d_bias != nullptr) {
        float* bias = task.d_bias + column;
        store(bias + kInput * kWidth, add(load(bias + kInput * kWidth), d.i));
        store(bias + kForget * kWidth, add(load(bias + kForget * kWidth), d.f));
        store(bias + kCell * kWidth, add(load(bias + kCell * kWidth), d.g));
        store(bias + kOutput * kWidth, add(load(bias + kOutput * kWidth), d.o));
      }
    }
  }
}

// One step: the gates, then dh of the step before = d_gates * w_hh.
template <class F>
void backward_step(const LstmBackwardTask& task, int64_t s, typename F::Stored* d_gates) {
  backward_gates<F>(task, s, d_gates);
  const int64_t padded = round_up(task.hidden, kWidth), gate_rows = kGates * padded;
  const int64_t rows = task.part.offset[s + 1] - task.part.offset[s];
  if (s == 0 && !task.first_state) return;
  const int64_t words = gate_rows / F::kPerWord;
  multiply<F>(reinterpret_cast<const uint32_t*>(d_gates), words, rows, task.w_hh_t, words, padded, task.dh_rows);
}

// dx = d_gates * w_ih for the tokens of the steps [s0, s1).
template <class F>
void input_gradient(const LstmBackwardTask& task, int64_t s0, int64_t s1) {
  const LstmPart& part = task.part;
  int64_t token = 0;
  for (int64_t s = s0; s < s1; ++s) {
    for (int64_t r = 0; r < part.offset[s + 1] - part.offset[s]; ++r, ++token) {
      task.dx_rows[token] = task.dx + part.row[r] * task.dx_batch_stride + time_of(part, r, s) * task.dx_time_stride;
    }
  }
  const int64_t words = kGates * round_up(task.hidden, kWidth) / F::kPerWord;
  multiply<F>(static_cast<const uint32_t*>(task.d_gates), words, token, task.w_ih_t, words, task.input, task.dx_rows);
}

// The left operand of the weights' gradients: d_gates transposed, in panels of kGradRows gate rows.
template <class F>
void pack_left(const LstmBackwardTask& task, int64_t tokens) {
  const int64_t gate_rows = kGates * round_up(task.hidden, kWidth), words = word_count<F>(tokens);
  const auto* rows = static_cast<const typename F::Stored*>(task.d_gates);
  alignas(64) uint32_t column[kWidth];
  for (int64_t k = 0; k < words; ++k) {
    const auto* first = rows + k * F::kPerWord * gate_rows;
    const auto* second = first + (F::kPerWord - 1) * gate_rows;
    for (int64_t m = 0; m < gate_rows; m += kWidth) {
      pair_words(first + m, second + m, column);
      for (int part = 0; part < kWidth / kGradRows; ++part) {
        const int64_t panel = m / kGradRows + part;
        std::memcpy(task.left + (panel * words + k) * kGradRows, column + part * kGradRows,
                    sizeof(uint32_t) * kGradRows);
      }
    }
  }
}

// Copies token rows into the vectors [v0, v0 + padded/V) of the right operand's panels. row(k) gives token k's row;
// odd counts end with a pair of one row and zeros.
template <class F, class RowOf>
SEQMAP_INLINE void pack_right(const LstmBackwardTask& task, int64_t tokens, int64_t v0, int64_t vecs,
                              int64_t all_vecs, const RowOf& row) {
  const int64_t words = word_count<F>(tokens);
  static const typename F::Stored nothing[kWidth] = {};
  for (int64_t k = 0; k < words; ++k) {
    const auto* first = row(k * F::kPerWord);
    const bool whole = k * F::kPerWord + F::kPerWord <= tokens;
    const auto* second = whole ? row(k * F::kPerWord + F::kPerWord - 1) : nothing;
    for (int64_t v = 0; v < vecs; ++v) {
      const int64_t group = (v0 + v) / kGradVecs, within = (v0 + v) % kGradVecs;
      const int64_t group_vecs = smaller(all_vecs - group * kGradVecs, kGradVecs);
      uint32_t* target = task.right + (group * kGradVecs * words + k * group_vecs + within) * kWidth;
      pair_words(first + v * kWidth, whole ? second + v * kWidth : nothing, target);
    }
  }
}

// The right operand: inputs and hidden states before each step, side by side.
template <class F>
void pack_chunk(const LstmBackwardTask& task, int64_t s0, int64_t s1) {
  using Stored = typename F::Stored;
  const LstmPart& part = task.part;
  const int64_t tokens = part.offset[s1] - part.offset[s0];
  const int64_t input = round_up(task.input, kWidth), hidden = round_up(task.hidden, kWidth);
  const int64_t input_vecs = input / kWidth, vecs = input_vecs + hidden / kWidth;
  const int64_t gate_rows = kGates * hidden;
  auto* d_gates = static_cast<Stored*>(task.d_gates);
  // An odd count ends with a pair of one row and zeros.
  if (tokens % F::kPerWord) std::memset(d_gates + tokens * gate_rows, 0, sizeof(Stored) * static_cast<size_t>(gate_rows));
  pack_left<F>(task, tokens);
  gather_inputs<F>(task, s0, s1);
  const auto* x = static_cast<const Stored*>(task.x_chunk);
  pack_right<F>(task, tokens, 0, input_vecs, vecs, [&](int64_t k) { return x + k * input; });
  const auto* hiddens = static_cast<const Stored*>(task.hiddens);
  int64_t s = s0;
  pack_right<F>(task, tokens, input_vecs, hidden / kWidth, vecs, [&](int64_t k) {
    const int64_t token = part.offset[s0] + k;
    while (part.offset[s + 1] <= token) ++s;  // tokens are asked for in order
    return hiddens + (states_before(part, s, true) + token - part.offset[s]) * hidden;
  });
}

// d_weight += d_gates^T * [x, h]; the first chunk writes instead of adding.
template <class F>
void weight_gradient(const LstmBackwardTask& task, int64_t tokens, bool first) {
  const int64_t gate_rows = kGates * round_up(task.hidden, kWidth), words = word_count<F>(tokens);
  const int64_t columns = round_up(task.input, kWidth) + round_up(task.hidden, kWidth), vecs = columns / kWidth;
  for_panels<kGradVecs>(vecs, [&](int64_t v0, auto panel_vecs) {
    constexpr int NV = decltype(panel_vecs)::value;
    const uint32_t* panel = task.right + v0 * kWidth * words;
    for (int64_t m = 0; m < gate_rows; m += kGradRows) {
      float* out = task.d_weight + m * columns + v0 * kWidth;
      Vec acc[kGradRows][NV];
      clear(acc);
      accumulate<F>(acc, task.left + m * words, 1, kGradRows, panel, words);
#pragma GCC unroll 8
      for (int r = 0; r < kGradRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) {
          float* place = out + r * columns + v * kWidth;
          store(place, first ? acc[r][v] : add(load(place), acc[r][v]));
        }
      }
    }
  });
}

void start_gradients(const LstmBackwardTask& task) {
  const int64_t padded = round_up(task.hidden, kWidth);
  for (int64_t r = 0; r < task.part.rows; ++r) {
    task.dh_rows[r] = task.dh + r * padded;
    convert_state<Fp32>(task.dh_n, task.part.row[r], task.hidden, task.dh + r * padded);
    convert_state<Fp32>(task.dc_n, task.part.row[r], task.hidden, task.dc + r * padded);
  }
  if (task.d_bias) std::memset(task.d_bias, 0, sizeof(float) * static_cast<size_t>(kGates * padded));
}

void finish_gradients(const LstmBackwardTask& task) {
  const int64_t padded = round_up(task.hidden, kWidth);
  const size_t bytes = sizeof(float) * static_cast<size_t>(task.hidden);
  for (int64_t r = 0; r < task.part.rows; ++r) {
    const int64_t place = task.part.row[r] * task.hidden;
    if (task.dh0) std::memcpy(task.dh0 + place, task.dh + r * padded, bytes);
    if (task.dc0) std::memcpy(task.dc0 + place, task.dc + r * padded, bytes);
  }
}

template <class F>
void backward(const LstmBackwardTask& task) {
  const FlushDenormals flush;
  const LstmPart& part = task.part;
  const int64_t gate_rows = kGates * round_up(task.hidden, kWidth);
  start_gradients(task);
  for (int64_t s1 = part.steps, s0; s1 > 0; s1 = s0) {
    s0 = s1 - 1;
    while (s0 > 0 && part.offset[s1] - part.offset[s0 - 1] <= kBackwardChunk) --s0;
    const int64_t tokens = part.offset[s1] - part.offset[s0];
    for (int64_t s = s1 - 1; s >= s0; --s) {
      const int64_t place = (part.offset[s] - part.offset[s0]) * gate_rows;
      backward_step<F>(task, s, static_cast<typename F::Stored*>(task.d_gates) + place);
    }
    if (task.dx) input_gradient<F>(task, s0, s1);
    if (task.d_weight) {
      pack_chunk<F>(task, s0, s1);
      weight_gradient<F>(task, tokens, s1 == part.steps);
    }
  }
  finish_gradients(task);
}
