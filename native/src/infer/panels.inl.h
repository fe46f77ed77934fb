// Rows times panels, and what is fused with it. Included by unit.cpp inside the variant's namespace.

constexpr int kParts = static_cast<int>(kUnits) / kWidth;  // vectors that hold one gate of a block

// Every loop over registers is unrolled by pragma: only then does the compiler keep the arrays in registers.

// Sums for R rows and the four gates of one part of a block (kWidth units): sums[r][gate].
template <class F, int R>
SEQMAP_INLINE void accumulate(typename F::Sum (&sums)[R][kGates], const uint32_t* panel, int64_t depth,
                              const uint32_t* const (&rows)[R]) {
  for (int64_t k = 0; k < depth; ++k, panel += kColumns) {
    typename F::Panel b[kGates];
#pragma GCC unroll 8
    for (int g = 0; g < kGates; ++g) b[g] = F::panel(panel + g * kUnits);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const typename F::Row a = F::row(rows[r] + k);
#pragma GCC unroll 8
      for (int g = 0; g < kGates; ++g) sums[r][g] = F::madd(sums[r][g], a, b[g]);
    }
  }
}

// How many rows to take at once: their sums and the panel should stay in registers.
constexpr int kMaxRows = kRegisters == 32 ? 6 : 2;

// Calls body(first, Int<R>) for groups of rows that are about equal.
template <class Body>
SEQMAP_INLINE void for_row_groups(int64_t rows, Body body) {
  int64_t groups = (rows + kMaxRows - 1) / kMaxRows, r = 0;
  for (; groups > 0; --groups) {
    const int64_t take = (rows - r + groups - 1) / groups;
    switch (take) {
      case 1: body(r, Int<1>()); break;
      case 2: body(r, Int<2>()); break;
#define SEQMAP_ROWS(n) \
  case n: body(r, Int<(n < kMaxRows ? n : kMaxRows)>()); break;
      SEQMAP_ROWS(3) SEQMAP_ROWS(4) SEQMAP_ROWS(5) SEQMAP_ROWS(6)
#undef SEQMAP_ROWS
    }
    r += take;
  }
}

SEQMAP_INLINE void add_to_pool(const Pool& pool, int64_t unit, Vec h) {
  if (pool.sum) store(pool.sum + unit, add(load(pool.sum + unit), h));
  if (pool.max) store(pool.max + unit, larger_lanes(load(pool.max + unit), h));
}

// ---- products -------------------------------------------------------------------------------------------------

template <class F>
void project(const Panels& panels, int64_t rows, const void* const* x, const float* x_scale, float* const* out) {
  const FlushDenormals flush;
  for (int64_t b = 0; b < panels.blocks; ++b) {
    const uint32_t* words = panels.words + b * panels.depth * kColumns;
    for_row_groups(rows, [&](int64_t first, auto count) {
      constexpr int R = decltype(count)::value;
      const uint32_t* in[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) in[r] = static_cast<const uint32_t*>(x[first + r]);
      for (int part = 0; part < kParts; ++part) {
        const int64_t column = b * kColumns + part * kWidth;
        typename F::Sum sums[R][kGates];
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
          for (int g = 0; g < kGates; ++g) {
            sums[r][g] = F::begin(panels, column + g * kUnits, panels.bias + column + g * kUnits);
          }
        }
        accumulate<F, R>(sums, words + part * kWidth, panels.depth, in);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
          for (int g = 0; g < kGates; ++g) {
            const int64_t at = column + g * kUnits;
            const Vec y = x_scale ? F::end_scaled(sums[r][g], panels, at, panels.bias + at, x_scale[first + r])
                                  : F::end(sums[r][g], panels, at, panels.bias + at);
            store(out[first + r] + at, y);
          }
        }
      }
    });
  }
}

// ---- several sequences, one step ------------------------------------------------------------------------------

// Fetches the gate sums that the rows need for the next block, or for the first one of the next step. Fetching a whole
// step ahead would push the weights out of the nearest cache.
template <int R, class Input>
SEQMAP_INLINE void fetch_ahead(const LockstepWork& work, int64_t b, int64_t first) {
  const bool last = b + 1 == work.recurrent->blocks;
  const void* const* from = (last ? work.upcoming : work.sums) + first;
  const int64_t column = last ? 0 : (b + 1) * kColumns;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int line = 0; line < kColumns; line += 64 / sizeof(Input)) {
      prefetch(static_cast<const Input*>(from[r]) + column + line);
    }
  }
}

// The gate sums of the inputs of R rows, for one part of block `b`.
template <class F, int R>
SEQMAP_INLINE void compute_inputs(const LockstepWork& work, int64_t b, int part, int64_t first,
                                  float (&out)[R][kGates * kUnits]) {
  const Panels& panels = *work.input;
  const int64_t column = b * kColumns + part * kWidth;
  const uint32_t* x[R];
  typename F::Sum sums[R][kGates];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    x[r] = static_cast<const uint32_t*>(work.x[first + r]);
#pragma GCC unroll 8
    for (int g = 0; g < kGates; ++g) {
      sums[r][g] = F::begin(panels, column + g * kUnits, panels.bias + column + g * kUnits);
    }
  }
  accumulate<F, R>(sums, panels.words + b * panels.depth * kColumns + part * kWidth, panels.depth, x);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int g = 0; g < kGates; ++g) {
      const int64_t at = column + g * kUnits;
      const Vec y = work.x_scale ? F::end_scaled(sums[r][g], panels, at, panels.bias + at, work.x_scale[first + r])
                                 : F::end(sums[r][g], panels, at, panels.bias + at);
      store(out[r] + g * kUnits, y);
    }
  }
}

// The recurrent part and the cell of R rows, for one part of block `b`.
template <class F, int R, class Input>
SEQMAP_INLINE void step_rows(const LockstepWork& work, int64_t b, int part, int64_t first,
                             const Input* const (&inputs)[R]) {
  const Panels& panels = *work.recurrent;
  const int64_t column = b * kColumns + part * kWidth, unit = b * kUnits + part * kWidth;
  const uint32_t* h[R];
  typename F::Sum sums[R][kGates];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    h[r] = static_cast<const uint32_t*>(work.h[first + r]);
#pragma GCC unroll 8
    for (int g = 0; g < kGates; ++g) {
      sums[r][g] = F::begin(panels, column + g * kUnits, inputs[r] + g * kUnits);
    }
  }
  accumulate<F, R>(sums, panels.words + b * panels.depth * kColumns + part * kWidth, panels.depth, h);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    Vec gates[kGates];
#pragma GCC unroll 8
    for (int g = 0; g < kGates; ++g) {
      gates[g] = F::end(sums[r][g], panels, column + g * kUnits, inputs[r] + g * kUnits);
    }
    Vec c = load(work.c[first + r] + unit);
    const Vec state = F::cell(gates[kInput], gates[kForget], gates[kCell], gates[kOutput], &c);
    store(work.c[first + r] + unit, c);
    store(work.states[first + r] + unit, state);
    F::put_state(work.next[first + r], unit, state);
    if (work.pools) add_to_pool(work.pools[first + r], unit, state);
  }
}

template <class F, class Input>
SEQMAP_INLINE void lockstep_of(const LockstepWork& work) {
  const FlushDenormals flush;
  for (int64_t b = 0; b < work.recurrent->blocks; ++b) {
    for_row_groups(work.rows, [&](int64_t first, auto count) {
      constexpr int R = decltype(count)::value;
      for (int part = 0; part < kParts; ++part) {
        if (work.input) {
          float local[R][kGates * kUnits];
          const float* inputs[R];
          compute_inputs<F, R>(work, b, part, first, local);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) inputs[r] = local[r];
          step_rows<F, R, float>(work, b, part, first, inputs);
        } else {
          const Input* inputs[R];
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
            inputs[r] = static_cast<const Input*>(work.sums[first + r]) + b * kColumns + part * kWidth;
          }
          if (part == 0) fetch_ahead<R, Input>(work, b, first);
          step_rows<F, R, Input>(work, b, part, first, inputs);
        }
      }
    });
  }
}

template <class F>
void lockstep(const LockstepWork& work) {
  if (work.half) {
    lockstep_of<F, uint16_t>(work);
  } else {
    lockstep_of<F, float>(work);
  }
}
