// What a Transformer's step needs beside its products. Included by unit.cpp inside the variant's namespace.

// Softmax of `scores` in place; what is further than kExpLimit below the largest gets no share at all.
SEQMAP_INLINE void shares(float* scores, int64_t n) {
  float most = scores[0], total = 0.f;
  for (int64_t i = 1; i < n; ++i) most = scores[i] > most ? scores[i] : most;
  for (int64_t i = 0; i < n; i += kWidth) {
    const Vec below = sub(load_up_to(scores + i, n - i), set1(most));
    float lanes[kWidth], powers[kWidth];
    store(lanes, below);
    store(powers, exp_clamped(below));
    for (int64_t k = 0; k < kWidth && i + k < n; ++k) {
      scores[i + k] = lanes[k] < -kExpLimit ? 0.f : powers[k];
      total += scores[i + k];
    }
  }
  for (int64_t i = 0; i < n; ++i) scores[i] /= total;
}

void multi_head(const HeadsWork& work) {
  const FlushDenormals flush;
  for (int64_t p = 0; p < work.places; ++p) work.weights[p] = 0.f;
  for (int64_t head = 0; head < work.heads; ++head) {
    const int64_t at = head * work.size;
    for (int64_t p = 0; p < work.places; ++p) {
      work.scores[p] = dot_product(work.query + at, work.keys + p * work.stride + at, work.size);
      if (work.shut) work.scores[p] += work.shut[p];
    }
    shares(work.scores, work.places);
    for (int64_t i = 0; i < work.size; i += kWidth) {
      const int64_t lanes = work.size - i;
      Vec total = zero();
      for (int64_t p = 0; p < work.places; ++p) {
        total = fma(set1(work.scores[p]), load_up_to(work.values + p * work.stride + at + i, lanes), total);
      }
      store_up_to(work.context + at + i, total, lanes);
    }
    for (int64_t p = 0; p < work.places; ++p) work.weights[p] += work.scores[p];
  }
  const float part = 1.f / static_cast<float>(work.heads);
  for (int64_t p = 0; p < work.places; ++p) work.weights[p] *= part;
}

void layer_norm(const float* x, const float* weight, const float* bias, float floor, int64_t width, float* y) {
  Vec sum = zero(), squares = zero();
  for (int64_t i = 0; i < width; i += kWidth) sum = add(sum, load_up_to(x + i, width - i));
  const float mean = sum_lanes(sum) / static_cast<float>(width);
  for (int64_t i = 0; i < width; i += kWidth) {
    const Vec off = keep_first(sub(load_up_to(x + i, width - i), set1(mean)), static_cast<int>(smaller(width - i, kWidth)));
    squares = fma(off, off, squares);
  }
  const float variance = sum_lanes(squares) / static_cast<float>(width);
  const float scale = 1.f / __builtin_sqrtf(variance + floor);
  for (int64_t i = 0; i < width; i += kWidth) {
    const int64_t lanes = width - i;
    const Vec off = mul(sub(load_up_to(x + i, lanes), set1(mean)), set1(scale));
    store_up_to(y + i, fma(off, load_up_to(weight + i, lanes), load_up_to(bias + i, lanes)), lanes);
  }
}
