// One sequence, step by step: bound by the bandwidth of the cache that holds the weights. Included by unit.cpp
// inside the variant's namespace.

// Vectors of columns taken at once, so that enough sums are in flight to hide the latency of a multiply-add. One block
// at a time reads the weights as a single stream, which the nearer caches serve 4 to 8% faster than two; the bf16
// product of AVX-512 alone is so slow to finish that it needs the sums of two.
template <class F>
constexpr int kSpan = kRegisters == 32 ? (kWidth == 16 ? (F::kPerWord == 2 ? 8 : 4) : 16) : (kWidth == 8 ? 8 : 4);
template <class F>
constexpr int kSpanBlocks = kSpan<F> * kWidth > kColumns ? kSpan<F> * kWidth / static_cast<int>(kColumns) : 1;
template <class F>
constexpr int kSpanParts = kSpanBlocks<F> > 1 ? 1 : kSpan<F> / kGates;  // parts of a block taken at once

template <class Input>
struct Step {
  const uint32_t* h;
  const Input* input;
  const Input* upcoming;
  void* next;
  float* c;
  float* state;
  const Pool* pool;
};

// `Blocks` blocks from block `b`, and of each `Parts` parts from `part`.
template <class F, int Blocks, int Parts, class Input>
SEQMAP_INLINE void step_span(const Panels& panels, int64_t b, int part, const Step<Input>& step) {
  const int64_t depth = panels.depth, block_words = depth * kColumns;
  const uint32_t* words = panels.words + b * block_words + part * kWidth;
  typename F::Sum sums[Blocks][Parts][kGates];
#pragma GCC unroll 8
  for (int j = 0; j < Blocks; ++j) {
#pragma GCC unroll 8
    for (int p = 0; p < Parts; ++p) {
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) {
        const int64_t column = (b + j) * kColumns + g * kUnits + (part + p) * kWidth;
        sums[j][p][g] = F::begin(panels, column, step.input + column);
      }
    }
  }
  if (part == 0 && step.upcoming) {
#pragma GCC unroll 8
    for (int j = 0; j < Blocks; ++j) {
      for (int line = 0; line < kColumns; line += 64 / sizeof(Input)) prefetch(step.upcoming + (b + j) * kColumns + line);
    }
  }
  const uint32_t* h = step.h;
#pragma GCC unroll 4
  for (int64_t k = 0; k < depth; ++k, words += kColumns) {
    const typename F::Row a = F::row(h + k);
#pragma GCC unroll 8
    for (int j = 0; j < Blocks; ++j) {
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) {
#pragma GCC unroll 8
        for (int p = 0; p < Parts; ++p) {
          sums[j][p][g] = F::madd(sums[j][p][g], a, F::panel(words + j * block_words + g * kUnits + p * kWidth));
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < Blocks; ++j) {
#pragma GCC unroll 8
    for (int p = 0; p < Parts; ++p) {
      Vec gates[kGates];
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) {
        const int64_t column = (b + j) * kColumns + g * kUnits + (part + p) * kWidth;
        gates[g] = F::end(sums[j][p][g], panels, column, step.input + column);
      }
      const int64_t unit = (b + j) * kUnits + (part + p) * kWidth;
      Vec c = load(step.c + unit);
      const Vec state = F::cell(gates[kInput], gates[kForget], gates[kCell], gates[kOutput], &c);
      store(step.c + unit, c);
      store(step.state + unit, state);
      F::put_state(step.next, unit, state);
      add_to_pool(*step.pool, unit, state);
    }
  }
}

template <class F, int Blocks, class Input>
SEQMAP_INLINE void step_blocks(const Panels& panels, int64_t b, const Step<Input>& step) {
  for (int part = 0; part < kParts; part += kSpanParts<F>) step_span<F, Blocks, kSpanParts<F>>(panels, b, part, step);
}

// `backwards` takes the blocks in falling order: every other step so begins with the weights that the step before
// left in the nearest cache.
template <class F, class Input>
SEQMAP_INLINE void one_step(const Panels& panels, const Step<Input>& step, bool backwards) {
  constexpr int kTaken = kSpanBlocks<F>;
  const int64_t whole = panels.blocks / kTaken * kTaken;
  if (backwards) {
    for (int64_t b = panels.blocks; b > whole; --b) step_blocks<F, 1>(panels, b - 1, step);
    for (int64_t b = whole; b > 0; b -= kTaken) step_blocks<F, kTaken>(panels, b - kTaken, step);
  } else {
    for (int64_t b = 0; b < whole; b += kTaken) step_blocks<F, kTaken>(panels, b, step);
    for (int64_t b = whole; b < panels.blocks; ++b) step_blocks<F, 1>(panels, b, step);
  }
}

template <class F, class Input>
SEQMAP_INLINE void sequence_of(const SequenceWork& work) {
  const FlushDenormals flush;
  const void* h = work.h;
  for (int64_t t = 0; t < work.steps; ++t) {
    Step<Input> step;
    step.h = static_cast<const uint32_t*>(h);
    step.input = static_cast<const Input*>(work.inputs[t]);
    step.upcoming = t + 1 < work.steps ? static_cast<const Input*>(work.inputs[t + 1]) : nullptr;
    step.next = work.kept ? work.kept + t * work.kept_stride : work.spare[t & 1];
    step.c = work.c;
    step.state = work.states + t * work.stride;
    step.pool = &work.pool;
    one_step<F>(*work.recurrent, step, (t & 1) != 0);
    h = step.next;
  }
}

template <class F>
void sequence(const SequenceWork& work) {
  if (work.half) {
    sequence_of<F, uint16_t>(work);
  } else {
    sequence_of<F, float>(work);
  }
}
