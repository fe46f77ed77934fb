// The CRF against all sequences of tags, one by one.
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "seqmap_crf.h"

namespace {

struct Random {
  std::mt19937 engine{7};
  std::vector<float> draw(size_t count) {
    std::normal_distribution<float> normal(0.f, 2.f);
    std::vector<float> found(count);
    for (float& value : found) value = normal(engine);
    return found;
  }
};

constexpr float kNever = -std::numeric_limits<float>::infinity();

}  // namespace

TEST(crf_agrees_with_all_sequences) {
  Random random;
  for (int tags : {1, 2, 3, 5}) {
    for (int length : {1, 2, 5}) {
      for (float temperature : {1.f, 2.5f}) {
        const size_t k = static_cast<size_t>(tags), n = static_cast<size_t>(length);
        std::vector<float> e = random.draw(n * k), a = random.draw(k * k), s = random.draw(k), z = random.draw(k);
        if (tags > 2) a[1] = kNever;  // from tag 0 to tag 1
        const int64_t offsets[] = {0, 0, length};
        std::vector<int32_t> best(n);
        std::vector<float> marginal(n), conditional(n);
        CHECK(seqmap_crf_decode(e.data(), offsets, 2, tags, a.data(), s.data(), z.data(), temperature, best.data(),
                                marginal.data(), conditional.data()) == 0);
        double top = -1e300, total = 0, best_weight = 0;
        std::vector<double> tag_weight(n, 0), pair_weight(n, 0), before_weight(n, 0);
        std::vector<int32_t> path(n), top_path;
        size_t count = 1;
        for (size_t t = 0; t < n; ++t) count *= k;
        for (size_t code = 0; code < count; ++code) {
          size_t rest = code;
          double score = 0;
          for (size_t t = 0; t < n; ++t) {
            path[t] = static_cast<int32_t>(rest % k);
            rest /= k;
            score += e[t * k + static_cast<size_t>(path[t])];
            score += t ? a[static_cast<size_t>(path[t - 1]) * k + static_cast<size_t>(path[t])] : s[static_cast<size_t>(path[0])];
          }
          score += z[static_cast<size_t>(path[n - 1])];
          const double weight = std::exp(score / static_cast<double>(temperature));
          if (score > top) top = score, top_path = path;
          total += weight;
          if (path == best) best_weight = weight;
          for (size_t t = 0; t < n; ++t) {
            if (path[t] == best[t]) tag_weight[t] += weight;
            if (t && path[t - 1] == best[t - 1]) {
              before_weight[t] += weight;
              if (path[t] == best[t]) pair_weight[t] += weight;
            }
          }
        }
        CHECK(best == top_path);
        double product = 1;
        for (size_t t = 0; t < n; ++t) {
          CHECK(std::fabs(marginal[t] - tag_weight[t] / total) < 1e-5);
          if (t) CHECK(std::fabs(conditional[t] - pair_weight[t] / before_weight[t]) < 1e-5);
          product *= conditional[t];
        }
        CHECK(std::fabs(product - best_weight / total) < 1e-5);
      }
    }
  }
}

TEST(crf_long_documents_neither_overflow_nor_vanish) {
  Random random;
  constexpr int kTags = 9;
  constexpr int64_t kLength = 20000;
  std::vector<float> e = random.draw(kTags * kLength), a = random.draw(kTags * kTags);
  for (float& value : e) value *= 50.f;
  const std::vector<float> none(kTags, 0.f);
  const int64_t offsets[] = {0, kLength};
  std::vector<int32_t> best(kLength);
  std::vector<float> marginal(kLength), conditional(kLength);
  CHECK(seqmap_crf_decode(e.data(), offsets, 1, kTags, a.data(), none.data(), none.data(), 1.f, best.data(),
                          marginal.data(), conditional.data()) == 0);
  for (int64_t t = 0; t < kLength; ++t) CHECK(marginal[t] > 0.f && marginal[t] <= 1.f && conditional[t] <= 1.f);
}

TEST(crf_refuses_nonsense) {
  const float zero[4] = {};
  const int64_t falling[] = {0, 2, 1};
  int32_t best[2];
  float chance[2];
  CHECK(seqmap_crf_decode(zero, falling, 2, 2, zero, zero, zero, 1.f, best, chance, chance) == SEQMAP_EINVAL);
  const int64_t offsets[] = {0, 2};
  CHECK(seqmap_crf_decode(zero, offsets, 1, 0, zero, zero, zero, 1.f, best, chance, chance) == SEQMAP_EINVAL);
  CHECK(seqmap_crf_decode(zero, offsets, 1, 2, zero, zero, zero, 0.f, best, chance, chance) == SEQMAP_EINVAL);
  CHECK(seqmap_crf_decode(zero, offsets, 1, 2, zero, zero, zero, 1.f, best, chance, nullptr) == SEQMAP_EINVAL);
  CHECK(seqmap_crf_decode(nullptr, offsets, 1, 2, zero, zero, zero, 1.f, best, chance, chance) == SEQMAP_EINVAL);
  CHECK(seqmap_crf_decode(zero, offsets, 1, 2, zero, zero, zero, 1.f, best, nullptr, nullptr) == SEQMAP_OK);
}
