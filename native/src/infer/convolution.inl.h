// A convolution whose windows are rows of contiguous numbers. Included by unit.cpp inside the variant's namespace.

// kPlaces outputs of neighbouring columns, kVectors * kWidth filters of each, of which the first `lanes` are there.
template <int kPlaces, int kVectors, bool kWhole>
SEQMAP_INLINE void convolve_block(const ConvolveWork& work, const float* x, int64_t filter, float* y) {
  const int64_t lanes = kWhole ? kVectors * kWidth : work.filters - filter;
  const auto get = [&](const float* p, int v) { return kWhole ? load(p + v * kWidth) : load_up_to(p + v * kWidth, lanes - v * kWidth); };
  Vec sums[kPlaces][kVectors];
  for (int v = 0; v < kVectors; ++v) {
    for (int p = 0; p < kPlaces; ++p) sums[p][v] = get(work.bias + filter, v);
  }
  const float* weight = work.weight + filter;
  for (int64_t h = 0; h < work.height; ++h) {
    const float* row = x + h * work.frame;
    for (int64_t k = 0; k < work.segment; ++k, weight += work.filters) {
      Vec w[kVectors];
      for (int v = 0; v < kVectors; ++v) w[v] = get(weight, v);
      for (int p = 0; p < kPlaces; ++p) {
        const Vec here = set1(row[p * work.step + k]);
        for (int v = 0; v < kVectors; ++v) sums[p][v] = fma(here, w[v], sums[p][v]);
      }
    }
  }
  for (int p = 0; p < kPlaces; ++p) {
    for (int v = 0; v < kVectors; ++v) {
      const Vec found = tanh(sums[p][v]);
      float* to = y + p * work.filters + v * kWidth;
      if (kWhole) {
        store(to, found);
      } else {
        store_up_to(to, found, lanes - v * kWidth);
      }
    }
  }
}

template <int kPlaces>
SEQMAP_INLINE void convolve_places(const ConvolveWork& work, const float* x, float* y) {
  int64_t filter = 0;
  for (; filter + 2 * kWidth <= work.filters; filter += 2 * kWidth) convolve_block<kPlaces, 2, true>(work, x, filter, y + filter);
  for (; filter < work.filters; filter += kWidth) convolve_block<kPlaces, 1, false>(work, x, filter, y + filter);
}

void convolve(const ConvolveWork& work) {
  const FlushDenormals flush;
  constexpr int kPlaces = 4;
  for (int64_t r = 0; r < work.rows; ++r) {
    const float* x = work.x + r * work.frame;
    float* y = work.y + r * work.y_row;
    int64_t column = 0;
    for (; column + kPlaces <= work.columns; column += kPlaces) {
      convolve_places<kPlaces>(work, x + column * work.step, y + column * work.filters);
    }
    for (; column < work.columns; ++column) convolve_places<1>(work, x + column * work.step, y + column * work.filters);
  }
}
