// The softmax in training against double precision, on every path.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "seqmap_core.h"
#include "seqmap_softmax.h"

namespace {

uint16_t half(float x) {
  uint32_t u;
  std::memcpy(&u, &x, sizeof u);
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

float whole(uint16_t x) {
  const uint32_t u = static_cast<uint32_t>(x) << 16;
  float f;
  std::memcpy(&f, &u, sizeof f);
  return f;
}

struct Expected {
  double loss = 0;
  std::vector<double> gradient, dbias;
};

Expected expected(const std::vector<float>& scores, const std::vector<float>& bias, const std::vector<int64_t>& truth,
                  double e) {
  const size_t columns = bias.size(), rows = truth.size();
  Expected found;
  found.gradient.resize(rows * columns);
  found.dbias.assign(columns, 0.5);
  for (size_t r = 0; r < rows; ++r) {
    double most = -1e300, mass = 0, total = 0;
    std::vector<double> s(columns);
    for (size_t j = 0; j < columns; ++j) {
      s[j] = static_cast<double>(scores[r * columns + j]) + bias[j];
      most = std::fmax(most, s[j]);
      total += s[j];
    }
    for (double one : s) mass += std::exp(one - most);
    const size_t right = static_cast<size_t>(truth[r]);
    const double n = static_cast<double>(columns);
    found.loss += std::log(mass) + most - (1 - e) * s[right] - e / n * total;
    for (size_t j = 0; j < columns; ++j) {
      const double g = std::exp(s[j] - most) / mass - e / n - (j == right ? 1 - e : 0);
      found.gradient[r * columns + j] = g;
      found.dbias[j] += g;
    }
  }
  return found;
}

}  // namespace

TEST(softmax_loss_agrees_with_double_precision) {
  for_every_path([&](const std::string&) {
    std::mt19937 engine{3};
    std::normal_distribution<float> normal(0.f, 3.f);
    for (int threads : {1, 3}) {
      seqmap_set_threads(threads);
      for (size_t columns : {1, 5, 16, 37, 1003}) {
        for (size_t rows : {1, 7, 40}) {
          for (float e : {0.f, 0.1f}) {
            std::vector<float> scores(rows * columns), bias(columns);
            std::vector<int64_t> truth(rows);
            for (float& x : scores) x = whole(half(normal(engine)));
            for (float& x : bias) x = normal(engine);
            for (int64_t& t : truth) t = static_cast<int64_t>(engine() % columns);
            const Expected wanted = expected(scores, bias, truth, e);
            for (int precision : {0, 1}) {
              std::vector<float> full = scores, dbias(columns, 0.5f);
              std::vector<uint16_t> small;
              for (float x : scores) small.push_back(half(x));
              double loss = -1;
              void* data = precision == 0 ? static_cast<void*>(full.data()) : static_cast<void*>(small.data());
              CHECK(seqmap_softmax_loss(data, precision, bias.data(), truth.data(), static_cast<int64_t>(rows),
                                        static_cast<int64_t>(columns), e, dbias.data(), &loss) == 0);
              CHECK(std::fabs(loss - wanted.loss) <= 2e-6 * (std::fabs(wanted.loss) + static_cast<double>(rows)));
              const double close = precision == 0 ? 2e-6 : 4e-3;
              for (size_t i = 0; i < scores.size(); ++i) {
                const double got = precision == 0 ? full[i] : whole(small[i]);
                CHECK(std::fabs(got - wanted.gradient[i]) <= close * std::fabs(wanted.gradient[i]) + 1e-6);
              }
              for (size_t j = 0; j < columns; ++j) CHECK(std::fabs(dbias[j] - wanted.dbias[j]) <= 2e-5);
            }
          }
        }
      }
    }
    seqmap_set_threads(0);
  });
}

TEST(softmax_loss_shows_what_is_not_a_number) {
  for_every_path([&](const std::string&) {
    for (size_t at : {size_t{3}, size_t{36}}) {
      for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        std::vector<float> scores(37, 1.f), bias(37, 0.f), dbias(37, 0.f);
        scores[at] = bad;
        const int64_t truth = 0;
        double loss = 0;
        CHECK(seqmap_softmax_loss(scores.data(), 0, bias.data(), &truth, 1, 37, 0.1f, dbias.data(), &loss) == 0);
        CHECK(!std::isfinite(loss));
      }
    }
  });
}

TEST(softmax_loss_refuses_what_is_out_of_range) {
  float scores[4] = {}, bias[2] = {}, dbias[2] = {};
  int64_t truth[2] = {0, 2};
  double loss = 0;
  const auto run = [&](int precision, int64_t rows, int64_t columns, float e) {
    return seqmap_softmax_loss(scores, precision, bias, truth, rows, columns, e, dbias, &loss);
  };
  CHECK(run(0, 2, 2, 0.1f) == SEQMAP_EINVAL);  // the second row's truth
  CHECK(run(0, 1, 2, 0.1f) == SEQMAP_OK);
  CHECK(run(0, 0, 2, 0.1f) == SEQMAP_OK && loss == 0);
  CHECK(run(2, 1, 2, 0.1f) == SEQMAP_EINVAL);
  CHECK(run(0, -1, 2, 0.1f) == SEQMAP_EINVAL);
  CHECK(run(0, 1, 0, 0.1f) == SEQMAP_EINVAL);
  CHECK(run(0, 1, 2, 1.f) == SEQMAP_EINVAL);
  CHECK(seqmap_softmax_loss(nullptr, 0, bias, truth, 1, 2, 0.1f, dbias, &loss) == SEQMAP_EINVAL);
}
