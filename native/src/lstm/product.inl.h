// Matrix products by register tiles: R rows of the left operand times NV vectors of the right operand's columns.
// Included by unit.cpp inside the variant's namespace.

constexpr int kPanelVecs = kGates;  // one vector for each gate; the same width serves every other product
// Rows of a tile, so that its accumulators, one row and a panel fit the registers: 6*4+4+1 of 32, 3*4+3+1 of 16.
constexpr int kTileRows = kRegisters >= 32 ? 6 : 3;

// acc[r][v] += sum over k of a[r*row_stride + k*step] * panel[k][v].
template <class F, int R, int NV>
SEQMAP_INLINE void accumulate(Vec (&acc)[R][NV], const uint32_t* a, int64_t row_stride, int64_t step,
                              const uint32_t* panel, int64_t words) {
  for (int64_t k = 0; k < words; ++k, a += step, panel += NV * kWidth) {
    if (kRegisters >= 32) {
      typename F::Panel column[NV];
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) column[v] = F::panel(panel + v * kWidth);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const typename F::Row row = F::row(a + r * row_stride);
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) acc[r][v] = F::madd(acc[r][v], row, column[v]);
      }
    } else {  // few registers: hold the rows, take one vector of the panel at a time
      typename F::Row row[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) row[r] = F::row(a + r * row_stride);
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) {
        const typename F::Panel column = F::panel(panel + v * kWidth);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) acc[r][v] = F::madd(acc[r][v], row[r], column);
      }
    }
  }
}

template <int R, int NV>
SEQMAP_INLINE void clear(Vec (&acc)[R][NV]) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) acc[r][v] = zero();
  }
}

// body(Int<n>) for a run-time n in [1, N].
template <int N, class Body>
SEQMAP_INLINE void with_constant(int64_t n, const Body& body) {
  if constexpr (N > 1) {
    if (n < N) {
      with_constant<N - 1>(n, body);
      return;
    }
  }
  body(Int<N>{});
}

// Cuts n rows into tiles: body(first row, Int<rows>). A rest a little above a tile is halved, because a tile of one or
// two rows is bound by latency.
template <class Body>
SEQMAP_INLINE void for_row_tiles(int64_t n, const Body& body) {
  for (int64_t r = 0; r < n;) {
    const int64_t rest = n - r;
    int64_t take = kTileRows;
    if (rest < kTileRows) take = rest;
    if (rest > kTileRows && rest < kTileRows + (kTileRows + 1) / 2) take = (rest + 1) / 2;
    with_constant<kTileRows>(take, [&](auto rows) { body(r, rows); });
    r += take;
  }
}

// Cuts vectors of columns into panels of N and a rest: body(first vector, Int<vectors>).
template <int N, class Body>
SEQMAP_INLINE void for_panels(int64_t vecs, const Body& body) {
  for (int64_t v0 = 0; v0 < vecs; v0 += N) {
    with_constant<N>(smaller(vecs - v0, N), [&](auto panel_vecs) { body(v0, panel_vecs); });
  }
}

// C = A * B for n rows of `columns` values; out[r] is where row r of C goes.
template <class F>
void multiply(const uint32_t* a, int64_t row_stride, int64_t n, const uint32_t* panels, int64_t words, int64_t columns,
              float* const* out) {
  for_panels<kPanelVecs>(round_up(columns, kWidth) / kWidth, [&](int64_t v0, auto panel_vecs) {
    constexpr int NV = decltype(panel_vecs)::value;
    const int64_t column = v0 * kWidth;
    // Values in the last vector: only it may reach beyond the columns.
    const int lanes = static_cast<int>(smaller(columns - column - (NV - 1) * kWidth, kWidth));
    for_row_tiles(n, [&](int64_t r0, auto tile_rows) {
      constexpr int R = decltype(tile_rows)::value;
      Vec acc[R][NV];
      clear(acc);
      accumulate<F>(acc, a + r0 * row_stride, row_stride, 1, panels + column * words, words);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        float* place = out[r0 + r] + column;
#pragma GCC unroll 4
        for (int v = 0; v < NV - 1; ++v) store(place + v * kWidth, acc[r][v]);
        if (lanes == kWidth) {
          store(place + (NV - 1) * kWidth, acc[r][NV - 1]);
        } else {
          store_partial(place + (NV - 1) * kWidth, acc[r][NV - 1], lanes);
        }
      }
    });
  });
}
