// The bf16 products of training on the tile registers of AMX: what product.inl.h does with vectors, specialised.
// Included by unit.cpp inside the variant's namespace, where the variant has tiles.
//
// The panels are what the tile product wants of its right operand as they are: a row for each word (pair of values), a
// vector of columns. A left tile is up to 16 rows of 16 words. Registers: four sums, a left and a right tile, and one of
// each for the words that are left over.

constexpr int kTileWords = 16;
constexpr int kMostTileRows = 16;

// The shapes of the tile registers for products of `rows` rows over `words` words, as long as it lives.
class TileShapes {
 public:
  TileShapes(int64_t rows, int64_t words) {
    const int64_t rest = words % kTileWords == 0 ? kTileWords : words % kTileWords;
    alignas(64) uint8_t shapes[64] = {1};  // palette 1
    const auto shape = [&](int tile, int64_t count, int64_t row_words) {
      const auto bytes = static_cast<uint16_t>(row_words * 4);
      std::memcpy(shapes + 16 + 2 * tile, &bytes, sizeof bytes);
      shapes[48 + tile] = static_cast<uint8_t>(count);
    };
    for (int sum = 0; sum < kPanelVecs; ++sum) shape(sum, rows, kWidth);
    shape(4, rows, kTileWords);
    shape(5, kTileWords, kWidth);
    shape(6, rows, rest);
    shape(7, rest, kWidth);
    asm volatile("ldtilecfg %0" : : "m"(shapes));
  }
  ~TileShapes() { asm volatile("tilerelease"); }
  TileShapes(const TileShapes&) = delete;
  TileShapes& operator=(const TileShapes&) = delete;
};

template <int T>
SEQMAP_INLINE void tile_zero() {
  asm volatile("tilezero %%tmm%c0" : : "i"(T));
}
template <int T>
SEQMAP_INLINE void tile_load(const void* p, int64_t row_bytes) {
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(T), "r"(p), "r"(row_bytes) : "memory");
}
template <int T>
SEQMAP_INLINE void tile_store(void* p, int64_t row_bytes) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(T), "r"(p), "r"(row_bytes) : "memory");
}
// sums += left * right, pairs of bf16 in fp32.
template <int Sums, int Left, int Right>
SEQMAP_INLINE void tile_dot() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sums), "i"(Left), "i"(Right));
}

// The NV sums start at zero, or at what stands at `from`; a distance of zero gives each row the same.
template <int NV, int V = 0>
SEQMAP_INLINE void start_tiles(const float* from, int64_t row_floats) {
  if constexpr (V < NV) {
    if (from == nullptr) {
      tile_zero<V>();
    } else {
      tile_load<V>(from + V * kWidth, row_floats * 4);
    }
    start_tiles<NV, V + 1>(from, row_floats);
  }
}

template <int NV, int V = 0>
SEQMAP_INLINE void store_tiles(float* to, int64_t row_floats) {
  if constexpr (V < NV) {
    tile_store<V>(to + V * kWidth, row_floats * 4);
    store_tiles<NV, V + 1>(to, row_floats);
  }
}

template <int NV, int Left, int Right, int V = 0>
SEQMAP_INLINE void add_products(const uint32_t* panel) {
  if constexpr (V < NV) {
    tile_load<Right>(panel + V * kWidth, NV * kWidth * 4);
    tile_dot<V, Left, Right>();
    add_products<NV, Left, Right, V + 1>(panel);
  }
}

// The sums += rows at `a` * panel, over all words.
template <int NV>
SEQMAP_INLINE void accumulate_tiles(const uint32_t* a, int64_t row_words, const uint32_t* panel, int64_t words) {
  int64_t k = 0;
  for (; k + kTileWords <= words; k += kTileWords) {
    tile_load<4>(a + k, row_words * 4);
    add_products<NV, 4, 5>(panel + k * NV * kWidth);
  }
  if (k < words) {
    tile_load<6>(a + k, row_words * 4);
    add_products<NV, 6, 7>(panel + k * NV * kWidth);
  }
}

// Cuts n rows into tiles: body(first row, end, rows of a tile) for the full ones, then for the rest.
template <class Body>
SEQMAP_INLINE void for_tile_rows(int64_t n, const Body& body) {
  const int64_t full = n / kMostTileRows * kMostTileRows;
  if (full > 0) body(int64_t{0}, full, int64_t{kMostTileRows});
  if (full < n) body(full, n, n - full);
}

template <>
void project<Bf16>(const LstmForwardTask& task, int64_t s0, int64_t s1) {
  gather_inputs<Bf16>(task, s0, s1);
  const int64_t tokens = task.part.offset[s1] - task.part.offset[s0];
  const int64_t row_words = round_up(task.input, kWidth) / Bf16::kPerWord, words = word_count<Bf16>(task.input);
  const int64_t gate_rows = kGates * round_up(task.hidden, kWidth);
  const auto* x = static_cast<const uint32_t*>(task.x_chunk);
  for_tile_rows(tokens, [&](int64_t begin, int64_t end, int64_t rows) {
    const TileShapes shapes(rows, words);
    for (int64_t column = 0; column < gate_rows; column += kGates * kWidth) {
      for (int64_t r = begin; r < end; r += rows) {
        start_tiles<kGates>(task.bias + column, 0);
        accumulate_tiles<kGates>(x + r * row_words, row_words, task.w_ih + column * words, words);
        store_tiles<kGates>(task.projection + r * gate_rows + column, gate_rows);
      }
    }
  });
}

template <>
void forward_step<Bf16>(const LstmForwardTask& task, int64_t s, const float* projection) {
  const StepPlaces<Bf16> at(task, s);
  const int64_t count = task.part.offset[s + 1] - task.part.offset[s];
  const int64_t gate_rows = kGates * at.padded, row_words = at.padded / Bf16::kPerWord;
  const int64_t words = s > 0 || task.h0 != nullptr ? word_count<Bf16>(task.hidden) : 0;
  const auto* left = reinterpret_cast<const uint32_t*>(at.hiddens_before);
  alignas(64) float sums[kMostTileRows * kGates * kWidth];
  for_tile_rows(count, [&](int64_t begin, int64_t end, int64_t rows) {
    const TileShapes shapes(rows, words);
    for (int64_t unit = 0; unit < at.padded; unit += kWidth) {
      const int64_t column = unit * kGates;
      for (int64_t r = begin; r < end; r += rows) {
        start_tiles<kGates>(projection + r * gate_rows + column, gate_rows);
        accumulate_tiles<kGates>(left + r * row_words, row_words, task.w_hh + column * words, words);
        store_tiles<kGates>(sums, kGates * kWidth);
        apply_gates<Bf16>(at, unit, r, rows, sums);
      }
    }
  });
}

template <>
void multiply<Bf16>(const uint32_t* a, int64_t row_stride, int64_t n, const uint32_t* panels, int64_t words,
                    int64_t columns, float* const* out) {
  alignas(64) float sums[kMostTileRows * kPanelVecs * kWidth];
  for_tile_rows(n, [&](int64_t begin, int64_t end, int64_t rows) {
    const TileShapes shapes(rows, words);
    for_panels<kPanelVecs>(round_up(columns, kWidth) / kWidth, [&](int64_t v0, auto panel_vecs) {
      constexpr int NV = decltype(panel_vecs)::value;
      const int64_t column = v0 * kWidth;
      const int lanes = static_cast<int>(smaller(columns - column - (NV - 1) * kWidth, kWidth));
      for (int64_t r = begin; r < end; r += rows) {
        start_tiles<NV>(nullptr, 0);
        accumulate_tiles<NV>(a + r * row_stride, row_stride, panels + column * words, words);
        store_tiles<NV>(sums, NV * kWidth);
        for (int64_t i = 0; i < rows; ++i) {
          const float* sum = sums + i * NV * kWidth;
          float* place = out[r + i] + column;
#pragma GCC unroll 4
          for (int v = 0; v < NV - 1; ++v) store(place + v * kWidth, load(sum + v * kWidth));
          store_partial(place + (NV - 1) * kWidth, load(sum + (NV - 1) * kWidth), lanes);
        }
      }
    });
  });
}

// rows[i] becomes column i of the 16 x 16 words.
SEQMAP_INLINE void transpose(__m512i (&rows)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {  // pairs of rows, word by word
    t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // four rows: rows[i + j] has column 4 * lane + j in each 128-bit lane
    rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {  // the lanes of a column from all four groups of rows
    const __m512i low = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0x88);
    const __m512i high = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0x88);
    const __m512i low_odd = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0xdd);
    const __m512i high_odd = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0xdd);
    t[j] = _mm512_shuffle_i32x4(low, high, 0x88);
    t[8 + j] = _mm512_shuffle_i32x4(low, high, 0xdd);
    t[4 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
    t[12 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) rows[i] = t[i];
}

// The left operand of the weights' gradients: d_gates transposed, a row of words for each row of gates.
template <>
void pack_left<Bf16>(const LstmBackwardTask& task, int64_t tokens) {
  const int64_t gate_rows = kGates * round_up(task.hidden, kWidth), words = word_count<Bf16>(tokens);
  const auto* rows = static_cast<const Bf16::Stored*>(task.d_gates);
  for (int64_t k = 0; k < words; k += kTileWords) {
    const int64_t filled = smaller(words - k, kTileWords);
    const __mmask16 lanes = first_lanes(static_cast<int>(filled));
    for (int64_t m = 0; m < gate_rows; m += kWidth) {
      __m512i block[kTileWords];
#pragma GCC unroll 16
      for (int i = 0; i < kTileWords; ++i) block[i] = _mm512_setzero_si512();
      for (int64_t i = 0; i < filled; ++i) {
        const auto* pair = rows + (k + i) * Bf16::kPerWord * gate_rows + m;
        block[i] = paired(pair, pair + gate_rows).v;
      }
      transpose(block);
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) _mm512_mask_storeu_epi32(task.left + (m + i) * words + k, lanes, block[i]);
    }
  }
}

template <>
void weight_gradient<Bf16>(const LstmBackwardTask& task, int64_t tokens, bool first) {
  const int64_t gate_rows = kGates * round_up(task.hidden, kWidth), words = word_count<Bf16>(tokens);
  const int64_t columns = round_up(task.input, kWidth) + round_up(task.hidden, kWidth), vecs = columns / kWidth;
  const TileShapes shapes(kMostTileRows, words);
  for_panels<kGradVecs>(vecs, [&](int64_t v0, auto panel_vecs) {
    constexpr int NV = decltype(panel_vecs)::value;
    for (int64_t m = 0; m < gate_rows; m += kMostTileRows) {
      float* out = task.d_weight + m * columns + v0 * kWidth;
      start_tiles<NV>(first ? nullptr : out, columns);
      accumulate_tiles<NV>(task.left + m * words, words, task.right + v0 * kWidth * words, words);
      store_tiles<NV>(out, columns);
    }
  });
}
