// Products with packed weights, the cell and the best scores against plain loops.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "seqmap_dense.h"
#include "seqmap_infer.h"

namespace {

std::vector<float> draw(size_t count, unsigned seed, float scale = 1.f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.f, scale);
  std::vector<float> found(count);
  for (float& value : found) value = normal(engine);
  return found;
}

// The largest difference between the op and a loop in double precision.
double difference(int64_t outputs, int64_t inputs, int64_t rows, int32_t precision, bool biased) {
  const size_t o = static_cast<size_t>(outputs), n = static_cast<size_t>(inputs), r = static_cast<size_t>(rows);
  const std::vector<float> weight = draw(o * n, 1, 0.3f), bias = draw(o, 2), x = draw(r * n, 3);
  std::vector<float> y(r * o, -9.f), alone(o);
  seqmap_dense* dense = nullptr;
  CHECK(seqmap_dense_create(weight.data(), biased ? bias.data() : nullptr, outputs, inputs, precision, &dense) == 0);
  CHECK(seqmap_dense_run(dense, x.data(), rows, y.data()) == 0);
  double worst = 0;
  for (size_t i = 0; i < r; ++i) {
    CHECK(seqmap_dense_run(dense, x.data() + i * n, 1, alone.data()) == 0);
    for (size_t k = 0; k < o; ++k) {
      CHECK(alone[k] == y[i * o + k]);
      double sum = biased ? static_cast<double>(bias[k]) : 0;
      for (size_t j = 0; j < n; ++j) sum += static_cast<double>(weight[k * n + j]) * static_cast<double>(x[i * n + j]);
      worst = std::max(worst, std::fabs(sum - static_cast<double>(y[i * o + k])));
    }
  }
  seqmap_dense_destroy(dense);
  return worst;
}

}  // namespace

TEST(dense_agrees_with_a_loop) {
  for (int64_t outputs : {1, 63, 64, 200}) {
    for (int64_t inputs : {1, 15, 16, 130}) {
      for (int64_t rows : {1, 5, 31}) {
        CHECK(difference(outputs, inputs, rows, SEQMAP_FP32, true) < 1e-4);
        CHECK(difference(outputs, inputs, rows, SEQMAP_BF16, false) < 0.2);
        CHECK(difference(outputs, inputs, rows, SEQMAP_INT8, true) < 0.3);
      }
    }
  }
}

TEST(dense_cell_agrees_with_its_equations) {
  for (int64_t hidden : {1, 7, 16, 45}) {
    const int64_t rows = 3;
    const size_t size = static_cast<size_t>(rows * hidden);
    const std::vector<float> sums = draw(4 * size, 5, 3.f), before = draw(size, 6);
    std::vector<float> c = before, h(size);
    CHECK(seqmap_dense_cell(sums.data(), rows, hidden, c.data(), h.data()) == 0);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t u = 0; u < hidden; ++u) {
        const auto gate = [&](int64_t g) { return static_cast<double>(sums[static_cast<size_t>((4 * r + g) * hidden + u)]); };
        const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
        const size_t at = static_cast<size_t>(r * hidden + u);
        const double now = sigmoid(gate(1)) * static_cast<double>(before[at]) + sigmoid(gate(0)) * std::tanh(gate(2));
        CHECK(std::fabs(now - static_cast<double>(c[at])) < 1e-5);
        CHECK(std::fabs(sigmoid(gate(3)) * std::tanh(now) - static_cast<double>(h[at])) < 1e-5);
      }
    }
  }
}

TEST(dense_best_agrees_with_sorting) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (int64_t columns : {1, 5, 33, 1000}) {
    const int64_t rows = 4, count = std::min<int64_t>(columns, 6);
    const size_t n = static_cast<size_t>(columns);
    std::vector<float> x = draw(static_cast<size_t>(rows) * n, 7, 4.f);
    for (size_t i = 0; i < n; ++i) x[3 * n + i] = kNever;
    x[n] = kNever;
    std::vector<float> total(4), values(static_cast<size_t>(rows * count));
    std::vector<int64_t> places(static_cast<size_t>(rows * count));
    CHECK(seqmap_dense_best(x.data(), rows, columns, count, total.data(), values.data(), places.data()) == 0);
    for (size_t r = 0; r < 3; ++r) {
      std::vector<int64_t> order(n);
      for (size_t i = 0; i < n; ++i) order[i] = static_cast<int64_t>(i);
      const float* row = x.data() + r * n;
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return row[a] > row[b]; });
      double sum = 0;
      for (size_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(row[i]));
      for (size_t k = 0; k < static_cast<size_t>(count); ++k) {
        CHECK(places[r * static_cast<size_t>(count) + k] == order[k]);
        CHECK(values[r * static_cast<size_t>(count) + k] == row[order[k]]);
      }
      if (sum > 0) CHECK(std::fabs(std::log(sum) - static_cast<double>(total[r])) < 1e-4);
    }
    CHECK(total[3] == kNever);
  }
}

TEST(dense_refuses_nonsense) {
  const float one[16] = {};
  float out[16];
  int64_t places[4];
  seqmap_dense* dense = nullptr;
  CHECK(seqmap_dense_create(nullptr, nullptr, 1, 1, 0, &dense) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_create(one, nullptr, 0, 1, 0, &dense) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_create(one, nullptr, 1, 0, 0, &dense) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_create(one, nullptr, 1, 1, 3, &dense) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_run(nullptr, one, 1, out) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_create(one, nullptr, 4, 4, 0, &dense) == SEQMAP_OK);
  CHECK(seqmap_dense_run(dense, nullptr, 1, out) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_run(dense, nullptr, 0, nullptr) == SEQMAP_OK);
  seqmap_dense_destroy(dense);
  seqmap_dense_destroy(nullptr);
  CHECK(seqmap_dense_cell(one, 1, 0, out, out) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_best(one, 1, 4, 5, out, out, places) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_best(one, 1, 4, 0, out, out, places) == SEQMAP_EINVAL);
}
