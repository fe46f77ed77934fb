// Forward over the rows of one part. Included by unit.cpp inside the variant's namespace.
//
// A chunk of steps is projected by one product (task.projection), then its steps run one after another: for each group
// of units the recurrent product goes on in the registers that hold the projection, and the gates are applied to them.

// Tokens of a chunk: enough for full tiles, few enough that the projection stays near. 48 to 192 differ by 3% at most.
constexpr int64_t kForwardChunk = 48;

// Where the states before and after step s lie: all of them when kept, else two places in turn.
SEQMAP_INLINE int64_t states_before(const LstmPart& part, int64_t s, bool keep) {
  if (!keep) return (s & 1) * part.rows;
  return s == 0 ? 0 : part.rows + part.offset[s - 1];
}
SEQMAP_INLINE int64_t states_after(const LstmPart& part, int64_t s, bool keep) {
  return keep ? part.rows + part.offset[s] : ((s + 1) & 1) * part.rows;
}

template <class F>
void start_states(const LstmForwardTask& task) {
  const LstmPart& part = task.part;
  const int64_t padded = round_up(task.hidden, kWidth);
  auto* hidden = static_cast<typename F::Stored*>(task.hiddens);
  for (int64_t r = 0; r < part.rows; ++r) {
    convert_state<F>(task.h0, part.row[r], task.hidden, hidden + r * padded);
    convert_state<Fp32>(task.c0, part.row[r], task.hidden, task.cells + r * padded);
  }
}

// projection = bias + x * w_ih^T for the steps [s0, s1).
template <class F>
void project(const LstmForwardTask& task, int64_t s0, int64_t s1) {
  gather_inputs<F>(task, s0, s1);
  const int64_t tokens = task.part.offset[s1] - task.part.offset[s0];
  const int64_t row_words = round_up(task.input, kWidth) / F::kPerWord, words = word_count<F>(task.input);
  const int64_t groups = round_up(task.hidden, kWidth) / kWidth, gate_rows = groups * kGates * kWidth;
  const auto* x = static_cast<const uint32_t*>(task.x_chunk);
  for (int64_t b = 0; b < groups; ++b) {
    const int64_t column = b * kGates * kWidth;
    const uint32_t* panel = task.w_ih + column * words;
    for_row_tiles(tokens, [&](int64_t r0, auto tile_rows) {
      constexpr int R = decltype(tile_rows)::value;
      Vec acc[R][kGates];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int g = 0; g < kGates; ++g) acc[r][g] = load(task.bias + column + g * kWidth);
      }
      accumulate<F>(acc, x + r0 * row_words, row_words, 1, panel, words);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int g = 0; g < kGates; ++g) store(task.projection + (r0 + r) * gate_rows + column + g * kWidth, acc[r][g]);
      }
    });
  }
}

// The activated gates of one vector of units, by Gate, from their sums: all four at once, as
// sigmoid(x) = 1 / (2 + expm1(-x)) and tanh(x) = -expm1(-2x) / (2 + expm1(-2x)).
SEQMAP_INLINE Group<kGates> activate(const float* sums) {
  Group<kGates> x;
  const Vec minus_one = set1(-1.f), minus_two = set1(-2.f);
#pragma GCC unroll 4
  for (int g = 0; g < kGates; ++g) x.v[g] = mul(load(sums + g * kWidth), g == kCell ? minus_two : minus_one);
  const Group<kGates> e = expm1_clamped(x);
  Group<kGates> gates = reciprocal(add(constant<Group<kGates>>(2.f), e));
  gates.v[kCell] = mul(gates.v[kCell], mul(e.v[kCell], minus_one));
  return gates;
}

// One step: where its rows' states and gates lie.
template <class F>
struct StepPlaces {
  const LstmForwardTask& task;
  int64_t step, padded;
  const float* cells_before;
  float* cells_after;
  const typename F::Stored* hiddens_before;
  typename F::Stored *hiddens_after, *gates;

  StepPlaces(const LstmForwardTask& the_task, int64_t s)
      : task(the_task), step(s), padded(round_up(task.hidden, kWidth)) {
    const int64_t before = states_before(task.part, s, task.keep), after = states_after(task.part, s, task.keep);
    auto* hiddens = static_cast<typename F::Stored*>(task.hiddens);
    cells_before = task.cells + before * padded;
    cells_after = task.cells + after * padded;
    hiddens_before = hiddens + before * padded;
    hiddens_after = hiddens + after * padded;
    gates = task.keep ? static_cast<typename F::Stored*>(task.gates) + task.part.offset[s] * kGates * padded : nullptr;
  }
};

// Applies the gates to the sums (N, 4V) of one vector of units and the rows [r0, r0 + N).
template <class F, int N>
SEQMAP_INLINE void apply_to_rows(const StepPlaces<F>& at, int64_t unit, int64_t r0, const float* sums) {
  const LstmForwardTask& task = at.task;
  const int lanes = static_cast<int>(smaller(task.hidden - unit, kWidth));
  Group<kGates> gates[N];
  Group<N> cell;
#pragma GCC unroll 2
  for (int r = 0; r < N; ++r) {
    gates[r] = activate(sums + r * kGates * kWidth);
    const Vec before = load(at.cells_before + (r0 + r) * at.padded + unit);
    cell.v[r] = fma(gates[r].v[kForget], before, mul(gates[r].v[kInput], gates[r].v[kCell]));
    // Units of the padding stay zero even beside an infinite input.
    if (lanes < kWidth) cell.v[r] = keep_first(cell.v[r], lanes);
  }
  const Group<N> squashed = tanh(cell);
#pragma GCC unroll 2
  for (int r = 0; r < N; ++r) {
    const int64_t row = r0 + r, place = row * at.padded + unit;
    Vec hidden = mul(gates[r].v[kOutput], squashed.v[r]);
    if (lanes < kWidth) hidden = keep_first(hidden, lanes);
    float* y = task.y + task.part.row[row] * task.y_batch_stride +
               time_of(task.part, row, at.step) * task.y_time_stride + unit;
    if (lanes == kWidth) {
      store(y, hidden);
    } else {
      store_partial(y, hidden, lanes);
    }
    store(at.cells_after + place, cell.v[r]);
    F::put(at.hiddens_after + place, hidden);
    if (at.gates != nullptr) {
      auto* kept = at.gates + place * kGates;
#pragma GCC unroll 4
      for (int g = 0; g < kGates; ++g) F::put(kept + g * kWidth, gates[r].v[g]);
    }
  }
}

// The same for any number of rows. Not inlined: the constants of the functions would take registers from the product
// that comes before.
template <class F>
__attribute__((noinline)) void apply_gates(const StepPlaces<F>& at, int64_t unit, int64_t r0, int64_t count,
                                           const float* sums) {
  int64_t r = 0;
  for (; r + 2 <= count; r += 2) apply_to_rows<F, 2>(at, unit, r0 + r, sums + r * kGates * kWidth);
  if (r < count) apply_to_rows<F, 1>(at, unit, r0 + r, sums + r * kGates * kWidth);
}

template <class F>
void forward_step(const LstmForwardTask& task, int64_t s, const float* projection) {
  const StepPlaces<F> at(task, s);
  const int64_t rows = task.part.offset[s + 1] - task.part.offset[s];
  const int64_t gate_rows = kGates * at.padded, row_words = at.padded / F::kPerWord;
  const int64_t words = word_count<F>(task.hidden);
  const bool recur = s > 0 || task.h0 != nullptr;
  const auto* left = reinterpret_cast<const uint32_t*>(at.hiddens_before);
  for (int64_t unit = 0; unit < at.padded; unit += kWidth) {
    const int64_t column = unit * kGates;
    const uint32_t* panel = task.w_hh + column * words;
    for_row_tiles(rows, [&](int64_t r0, auto tile_rows) {
      constexpr int R = decltype(tile_rows)::value;
      Vec acc[R][kGates];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int g = 0; g < kGates; ++g) acc[r][g] = load(projection + (r0 + r) * gate_rows + column + g * kWidth);
      }
      if (recur) accumulate<F>(acc, left + r0 * row_words, row_words, 1, panel, words);
      alignas(64) float sums[R * kGates * kWidth];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (int g = 0; g < kGates; ++g) store(sums + (r * kGates + g) * kWidth, acc[r][g]);
      }
      apply_gates<F>(at, unit, r0, R, sums);
    });
  }
}

// Rows whose last step is s: their final states, and zeros behind them.
void finish_rows(const LstmForwardTask& task, int64_t s) {
  const LstmPart& part = task.part;
  const int64_t padded = round_up(task.hidden, kWidth), bytes = task.hidden * static_cast<int64_t>(sizeof(float));
  const int64_t rows = part.offset[s + 1] - part.offset[s];
  const int64_t going_on = s + 1 < part.steps ? part.offset[s + 2] - part.offset[s + 1] : 0;
  for (int64_t r = going_on; r < rows; ++r) {
    float* y = task.y + part.row[r] * task.y_batch_stride;
    const int64_t place = part.row[r] * task.hidden;
    const float* cell = task.cells + (states_after(part, s, task.keep) + r) * padded;
    if (task.h_n) std::memcpy(task.h_n + place, y + time_of(part, r, s) * task.y_time_stride, bytes);
    if (task.c_n) std::memcpy(task.c_n + place, cell, bytes);
    for (int64_t t = part.length[r]; t < task.time; ++t) std::memset(y + t * task.y_time_stride, 0, bytes);
  }
}

template <class F>
void forward(const LstmForwardTask& task) {
  const FlushDenormals flush;
  const LstmPart& part = task.part;
  const int64_t gate_rows = kGates * round_up(task.hidden, kWidth);
  start_states<F>(task);
  for (int64_t s0 = 0, s1; s0 < part.steps; s0 = s1) {
    s1 = s0 + 1;
    while (s1 < part.steps && part.offset[s1 + 1] - part.offset[s0] <= kForwardChunk) ++s1;
    project<F>(task, s0, s1);
    for (int64_t s = s0; s < s1; ++s) {
      forward_step<F>(task, s, task.projection + (part.offset[s] - part.offset[s0]) * gate_rows);
      finish_rows(task, s);
    }
  }
}
