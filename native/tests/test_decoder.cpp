// Layer norm and a decoder's layer against plain loops in double precision.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <random>
#include <vector>

#include "check.h"
#include "seqmap_dense.h"
#include "seqmap_infer.h"

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

Floats draw(int64_t count, unsigned seed, float scale = 1.f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.f, scale);
  Floats found(static_cast<size_t>(count));
  for (float& value : found) value = normal(engine);
  return found;
}

double at(const Floats& x, int64_t i) { return static_cast<double>(x[static_cast<size_t>(i)]); }
double& at(Doubles& x, int64_t i) { return x[static_cast<size_t>(i)]; }

double farthest(const Floats& a, const Doubles& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

struct Product {
  int64_t outputs, inputs;
  Floats weight, bias;
  seqmap_dense* dense = nullptr;

  Product(int64_t o, int64_t n, unsigned seed) : outputs(o), inputs(n), weight(draw(o * n, seed, 0.3f)), bias(draw(o, seed + 1)) {
    CHECK(seqmap_dense_create(weight.data(), bias.data(), o, n, SEQMAP_FP32, &dense) == SEQMAP_OK);
  }
  ~Product() { seqmap_dense_destroy(dense); }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  Doubles of(const double* x) const {
    Doubles y(static_cast<size_t>(outputs));
    for (int64_t o = 0; o < outputs; ++o) {
      at(y, o) = at(bias, o);
      for (int64_t i = 0; i < inputs; ++i) at(y, o) += at(weight, o * inputs + i) * x[i];
    }
    return y;
  }
};

Doubles normed(const double* x, int64_t width, const Floats& weight, const Floats& bias) {
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < width; ++i) mean += x[i] / static_cast<double>(width);
  for (int64_t i = 0; i < width; ++i) variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(width);
  Doubles y(static_cast<size_t>(width));
  for (int64_t i = 0; i < width; ++i) at(y, i) = (x[i] - mean) / std::sqrt(variance + 1e-5) * at(weight, i) + at(bias, i);
  return y;
}

// Context of a query over `places` pairs of keys and values; `shares` gets the mean over the heads.
Doubles attended(const double* query, const double* pairs, const double* shut, int64_t places, int64_t heads, int64_t width,
                 double* shares) {
  Doubles context(static_cast<size_t>(width), 0.);
  const int64_t size = width / heads;
  for (int64_t h = 0; h < heads; ++h) {
    Doubles scores(static_cast<size_t>(places));
    double total = 0;
    for (int64_t p = 0; p < places; ++p) {
      double score = shut ? shut[p] : 0;
      for (int64_t i = h * size; i < (h + 1) * size; ++i) score += query[i] * pairs[p * 2 * width + i];
      at(scores, p) = std::exp(score);
      total += at(scores, p);
    }
    for (int64_t p = 0; p < places; ++p) {
      const double share = at(scores, p) / total;
      if (shares) shares[p] += share / static_cast<double>(heads);
      for (int64_t i = h * size; i < (h + 1) * size; ++i) at(context, i) += share * pairs[p * 2 * width + width + i];
    }
  }
  return context;
}

struct Layer {
  int64_t width, heads, inner;
  Product own, own_output, query, output, feed1, feed2;
  std::vector<Floats> norms;
  seqmap_decoder_layer c{};

  Layer(int64_t w, int64_t h, int64_t n)
      : width(w), heads(h), inner(n), own(3 * w, w, 1), own_output(w, w, 3), query(w, w, 5), output(w, w, 7),
        feed1(n, w, 9), feed2(w, n, 11) {
    c = {own.dense, own_output.dense, query.dense, output.dense, feed1.dense, feed2.dense, {}, h};
    for (unsigned k = 0; k < 6; ++k) norms.push_back(draw(w, 20 + k));
    for (size_t k = 0; k < 6; ++k) c.norms[k] = norms[k].data();
  }

  static void add(const Doubles& part, double* x) {
    for (size_t i = 0; i < part.size(); ++i) x[i] += part[i];
  }

  // One row; renews x, appends to its past, and returns the shares of the places.
  Doubles step(double* x, Doubles* past, const double* source, const double* shut, int64_t places) const {
    const Doubles both = own.of(normed(x, width, norms[0], norms[1]).data());
    past->insert(past->end(), both.begin() + width, both.end());
    const auto steps = static_cast<int64_t>(past->size()) / (2 * width);
    add(own_output.of(attended(both.data(), past->data(), nullptr, steps, heads, width, nullptr).data()), x);
    Doubles shares(static_cast<size_t>(places), 0.);
    const Doubles asked = query.of(normed(x, width, norms[2], norms[3]).data());
    add(output.of(attended(asked.data(), source, shut, places, heads, width, shares.data()).data()), x);
    Doubles hidden = feed1.of(normed(x, width, norms[4], norms[5]).data());
    for (double& value : hidden) value = std::max(value, 0.);
    add(feed2.of(hidden.data()), x);
    return shares;
  }
};

struct Sizes {
  int64_t width, heads, inner, sentences, hypotheses, steps, places;
};

void compare(const Sizes& s) {
  const Layer layer(s.width, s.heads, s.inner);
  const int64_t rows = s.sentences * s.hypotheses, pair = 2 * s.width;
  const Floats before = draw(rows * s.width, 40), past = draw(rows * s.steps * pair, 41);
  const Floats source = draw(s.sentences * s.places * pair, 42);
  Floats shut(static_cast<size_t>(s.sentences * s.places), 0.f);
  for (int64_t g = 0; g < s.sentences; ++g) {  // every sentence keeps a place at least
    for (int64_t p = 1 + g % s.places; p < s.places; ++p) shut[static_cast<size_t>(g * s.places + p)] = -1e30f;
  }
  Floats x = before, after(static_cast<size_t>(rows * (s.steps + 1) * pair)), shares(static_cast<size_t>(rows * s.places));
  CHECK(seqmap_decoder_layer_step(&layer.c, s.sentences, s.hypotheses, s.steps, s.places, x.data(), past.data(),
                                  after.data(), source.data(), shut.data(), shares.data()) == SEQMAP_OK);
  const Doubles wide_source(source.begin(), source.end()), wide_shut(shut.begin(), shut.end());
  Doubles all_x, all_after, all_shares;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t group = r / s.hypotheses;
    Doubles one(before.begin() + r * s.width, before.begin() + (r + 1) * s.width);
    Doubles own(past.begin() + r * s.steps * pair, past.begin() + (r + 1) * s.steps * pair);
    const Doubles found = layer.step(one.data(), &own, wide_source.data() + group * s.places * pair,
                                     wide_shut.data() + group * s.places, s.places);
    all_x.insert(all_x.end(), one.begin(), one.end());
    all_after.insert(all_after.end(), own.begin(), own.end());
    all_shares.insert(all_shares.end(), found.begin(), found.end());
  }
  CHECK(farthest(x, all_x) < 2e-4);
  CHECK(farthest(after, all_after) < 1e-4);
  CHECK(farthest(shares, all_shares) < 1e-4);
  for (size_t i = 0; i < shares.size(); ++i) {
    const size_t place = i % static_cast<size_t>(s.places), group = i / static_cast<size_t>(s.places * s.hypotheses);
    if (shut[group * static_cast<size_t>(s.places) + place] < 0.f) CHECK(shares[i] == 0.f);
  }
}

}  // namespace

TEST(layer_norm_agrees_with_its_equation) {
  for (int64_t width : {1, 3, 16, 45, 192}) {
    const int64_t rows = 3;
    const Floats x = draw(rows * width, 1, 3.f), weight = draw(width, 2), bias = draw(width, 3);
    Floats y(x.size());
    CHECK(seqmap_dense_norm(x.data(), rows, width, weight.data(), bias.data(), y.data()) == SEQMAP_OK);
    const Doubles wide(x.begin(), x.end());
    for (int64_t r = 0; r < rows; ++r) {
      const Doubles expected = normed(wide.data() + r * width, width, weight, bias);
      CHECK(farthest(Floats(y.begin() + r * width, y.begin() + (r + 1) * width), expected) < 2e-5);
    }
  }
}

TEST(decoder_layer_agrees_with_its_equations) {
  compare({8, 1, 5, 1, 1, 0, 1});
  compare({12, 4, 24, 2, 3, 3, 7});    // heads of 3 numbers: less than any vector
  compare({21, 3, 10, 3, 1, 17, 20});  // heads of 7; more places than a vector holds
  compare({64, 2, 130, 5, 4, 2, 33});  // rows for several threads
}

TEST(decoder_layer_refuses_nonsense) {
  const Layer layer(8, 2, 8), other(4, 2, 4);
  Floats x(8), pairs(64), shut(4), out(64), shares(4);
  const auto step = [&](const seqmap_decoder_layer& c, int64_t sentences, int64_t steps, int64_t places) {
    return seqmap_decoder_layer_step(&c, sentences, 1, steps, places, x.data(), pairs.data(), out.data(), pairs.data(),
                                     shut.data(), shares.data());
  };
  CHECK(step(layer.c, 1, 1, 4) == SEQMAP_OK);
  CHECK(step(layer.c, 0, 1, 4) == SEQMAP_EINVAL);
  CHECK(step(layer.c, 1, -1, 4) == SEQMAP_EINVAL);
  CHECK(step(layer.c, 1, 1, 0) == SEQMAP_EINVAL);
  seqmap_decoder_layer wrong = layer.c;
  wrong.feed2 = other.feed2.dense;
  CHECK(step(wrong, 1, 1, 4) == SEQMAP_EINVAL);
  wrong = layer.c;
  wrong.heads = 3;
  CHECK(step(wrong, 1, 1, 4) == SEQMAP_EINVAL);
  wrong = layer.c;
  wrong.norms[5] = nullptr;
  CHECK(step(wrong, 1, 1, 4) == SEQMAP_EINVAL);
  CHECK(seqmap_decoder_layer_step(nullptr, 1, 1, 0, 1, x.data(), nullptr, out.data(), pairs.data(), shut.data(),
                                  shares.data()) == SEQMAP_EINVAL);
  CHECK(seqmap_decoder_layer_step(&layer.c, 1, 1, 0, 1, x.data(), nullptr, out.data(), pairs.data(), nullptr,
                                  shares.data()) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_norm(x.data(), 1, 0, x.data(), x.data(), out.data()) == SEQMAP_EINVAL);
  CHECK(seqmap_dense_norm(nullptr, 1, 8, x.data(), x.data(), out.data()) == SEQMAP_EINVAL);
}
