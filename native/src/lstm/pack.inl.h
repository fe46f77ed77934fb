// Packing of weights and rows. Included by unit.cpp inside the variant's namespace.

// Four vectors of columns make a panel; a word holds kPerWord values of the summed dimension.
template <class F>
SEQMAP_INLINE int64_t word_count(int64_t values) {
  return (values + F::kPerWord - 1) / F::kPerWord;
}

// n floats as stored values, zero up to `padded`, which is a multiple of the width.
template <class F>
SEQMAP_INLINE void convert_row(const float* source, int64_t n, int64_t padded, typename F::Stored* target) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) F::put(target + i, load(source + i));
  for (; i < padded; i += kWidth) F::put(target + i, load_partial(source + i, static_cast<int>(larger(n - i, 0))));
}

// Row `row` of states (batch, hidden) as a padded row; zeros where there are no states.
template <class F>
SEQMAP_INLINE void convert_state(const float* states, int64_t row, int64_t hidden, typename F::Stored* target) {
  const int64_t padded = round_up(hidden, kWidth);
  if (states != nullptr) {
    convert_row<F>(states + row * hidden, hidden, padded, target);
  } else {
    std::memset(target, 0, sizeof(*target) * static_cast<size_t>(padded));
  }
}

SEQMAP_INLINE Words paired(const uint16_t* a, const uint16_t* b) {
  return or_words(load_halves(a), shift_left_16(load_halves(b)));
}

// Words of the rows a and b, which follow each other in the summed dimension: with one value a word there is no b.
SEQMAP_INLINE void pair_words(const float* a, const float*, uint32_t* words) {
  store_words(words, load_words(a));
}
SEQMAP_INLINE void pair_words(const uint16_t* a, const uint16_t* b, uint32_t* words) {
  store_words(words, paired(a, b));
}

// The panels for x * weight^T: group b holds the four gates of the units [b*V, b*V + V).
template <class F>
void pack_forward(const float* weight, int64_t hidden, int64_t columns, int64_t first, int64_t last,
                  uint32_t* panels) {
  constexpr int kLanes = kGates * kWidth;
  const int64_t words = word_count<F>(columns);
  alignas(64) typename F::Stored values[kWidth];
  alignas(64) uint32_t converted[kWidth];
  for (int64_t b = first; b < last; ++b) {
    uint32_t* panel = panels + b * words * kLanes;
    // Tiles of kWidth columns: what is written strided stays in the nearest cache.
    for (int64_t k = 0; k < columns; k += kWidth) {
      const int filled = static_cast<int>(smaller(columns - k, kWidth));
      const int64_t tile_words = word_count<F>(filled);
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        const int64_t row = b * kLanes + lane;
        const int64_t unit = packed_unit(row, kWidth);
        Vec value = zero();
        if (unit < hidden) {
          const float* source = weight + outer_row(packed_gate(row, kWidth), unit, hidden) * columns + k;
          value = filled == kWidth ? load(source) : load_partial(source, filled);
        }
        F::put(values, value);
        std::memcpy(converted, values, sizeof values);
        uint32_t* target = panel + k / F::kPerWord * kLanes + lane;
        for (int64_t w = 0; w < tile_words; ++w) target[w * kLanes] = converted[w];
      }
    }
  }
}

// The panels for d_gates * weight: group q holds the columns [q*4V, q*4V + 4V), the last one perhaps fewer vectors.
template <class F>
void pack_backward(const float* weight, int64_t hidden, int64_t columns, int64_t first, int64_t last,
                   uint32_t* panels) {
  const int64_t gate_rows = kGates * round_up(hidden, kWidth);
  const int64_t words = word_count<F>(gate_rows);
  const int64_t vecs = round_up(columns, kWidth) / kWidth;
  for (int64_t q = first; q < last; ++q) {
    const int64_t panel_vecs = smaller(vecs - q * kPanelVecs, kPanelVecs);
    uint32_t* target = panels + q * kPanelVecs * kWidth * words;
    for (int64_t row = 0; row < gate_rows; row += F::kPerWord) {
      for (int64_t v = 0; v < panel_vecs; ++v, target += kWidth) {
        const int64_t column = (q * kPanelVecs + v) * kWidth;
        const int filled = static_cast<int>(smaller(columns - column, kWidth));
        alignas(64) typename F::Stored values[F::kPerWord][kWidth];
        for (int i = 0; i < F::kPerWord; ++i) {
          const int64_t unit = packed_unit(row + i, kWidth);
          Vec value = zero();
          if (unit < hidden) {
            const float* source = weight + outer_row(packed_gate(row + i, kWidth), unit, hidden) * columns + column;
            value = filled == kWidth ? load(source) : load_partial(source, filled);
          }
          F::put(values[i], value);
        }
        pair_words(values[0], values[F::kPerWord - 1], target);
      }
    }
  }
}

// The place in time that row r of a part reads at step s.
SEQMAP_INLINE int64_t time_of(const LstmPart& part, int64_t r, int64_t s) {
  return part.reverse ? part.length[r] - 1 - s : s;
}

// The inputs of the steps [s0, s1) as stored rows, in packed order.
template <class F, class Task>
SEQMAP_INLINE void gather_inputs(const Task& task, int64_t s0, int64_t s1) {
  const LstmPart& part = task.part;
  const int64_t padded = round_up(task.input, kWidth);
  auto* target = static_cast<typename F::Stored*>(task.x_chunk);
  for (int64_t s = s0; s < s1; ++s) {
    const int64_t rows = part.offset[s + 1] - part.offset[s];
    for (int64_t r = 0; r < rows; ++r, target += padded) {
      const float* source = task.x + part.row[r] * task.x_batch_stride + time_of(part, r, s) * task.x_time_stride;
      // The row's next step is its neighbour, but far from the next row: the hardware does not foresee it.
      const int64_t floats = static_cast<int64_t>(sizeof(float));
      prefetch(source, (part.reverse ? -floats : floats) * task.x_time_stride, task.input * floats);
      convert_row<F>(source, task.input, padded, target);
    }
  }
}
