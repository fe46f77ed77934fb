// Convolutions over steps against plain loops in double precision.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "seqmap_convolution.h"

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

Floats draw(int64_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.f, 0.5f);
  Floats found(static_cast<size_t>(count));
  for (float& value : found) value = normal(engine);
  return found;
}

struct Net {
  std::vector<Floats> kept;
  std::vector<seqmap_convolution> layers;

  void add(int64_t frames, int64_t bands, int64_t channels, int64_t filters, int64_t height, int64_t width) {
    const auto seed = static_cast<unsigned>(10 * layers.size());
    kept.push_back(draw(height * width * channels * filters, seed + 1));
    kept.push_back(draw(filters, seed + 2));
    layers.push_back({frames, bands, channels, filters, height, width, nullptr, nullptr});
    for (size_t k = 0; k < layers.size(); ++k) {
      layers[k].weight = kept[2 * k].data();
      layers[k].bias = kept[2 * k + 1].data();
    }
  }
  int64_t in() const { return layers[0].frames * layers[0].bands * layers[0].channels; }
  int64_t out() const {
    const seqmap_convolution& c = layers.back();
    return (c.frames - c.height + 1) * ((c.bands + 1) / 2) * c.filters;
  }
  int32_t run(const Floats& x, int64_t steps, Floats* y) const {
    y->assign(static_cast<size_t>(steps * out()), -1.f);
    return seqmap_convolution_run(layers.data(), static_cast<int64_t>(layers.size()), x.data(), steps, y->data());
  }
};

// (frames, bands, channels) -> (rows, columns, filters)
Doubles convolved(const seqmap_convolution& c, const Doubles& x) {
  const int64_t rows = c.frames - c.height + 1, columns = (c.bands + 1) / 2, side = c.width / 2;
  Doubles y(static_cast<size_t>(rows * columns * c.filters));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t p = 0; p < columns; ++p) {
      for (int64_t f = 0; f < c.filters; ++f) {
        double sum = static_cast<double>(c.bias[f]);
        for (int64_t h = 0; h < c.height; ++h) {
          for (int64_t w = 0; w < c.width; ++w) {
            const int64_t band = 2 * p + w - side;
            if (band < 0 || band >= c.bands) continue;
            for (int64_t k = 0; k < c.channels; ++k) {
              sum += x[static_cast<size_t>(((r + h) * c.bands + band) * c.channels + k)] *
                     static_cast<double>(c.weight[((h * c.width + w) * c.channels + k) * c.filters + f]);
            }
          }
        }
        y[static_cast<size_t>((r * columns + p) * c.filters + f)] = std::tanh(sum);
      }
    }
  }
  return y;
}

void compare(const Net& net, int64_t steps) {
  const Floats x = draw(steps * net.in(), 99);
  Floats y, alone;
  CHECK(net.run(x, steps, &y) == SEQMAP_OK);
  const int64_t filters = net.layers.back().filters, places = net.out() / filters;
  double worst = 0;
  for (int64_t s = 0; s < steps; ++s) {
    const Floats own(x.begin() + s * net.in(), x.begin() + (s + 1) * net.in());
    Doubles wide(own.begin(), own.end());
    for (const seqmap_convolution& layer : net.layers) wide = convolved(layer, wide);
    for (int64_t p = 0; p < places; ++p) {
      for (int64_t f = 0; f < filters; ++f) {
        const double found = static_cast<double>(y[static_cast<size_t>(s * net.out() + f * places + p)]);
        worst = std::max(worst, std::fabs(found - wide[static_cast<size_t>(p * filters + f)]));
      }
    }
    CHECK(net.run(own, 1, &alone) == SEQMAP_OK);
    CHECK(std::equal(alone.begin(), alone.end(), y.begin() + s * net.out()));
  }
  CHECK(worst < 1e-4);
}

Net two(int64_t frames, int64_t bands, int64_t filters) {
  Net net;
  const int64_t height = std::min<int64_t>(frames, 5);
  net.add(frames, bands, 1, filters, height, 5);
  net.add(frames - height + 1, (bands + 1) / 2, filters, filters, frames - height + 1, 3);
  return net;
}

}  // namespace

TEST(convolutions_agree_with_their_definition) {
  compare(two(9, 40, 32), 3);
  compare(two(7, 13, 5), 4);    // fewer filters than any vector has
  compare(two(3, 5, 37), 2);    // some left over
  compare(two(1, 4, 1), 150);   // steps for several threads
  compare(two(23, 7, 20), 1);
}

TEST(convolutions_pass_on_what_is_no_number) {
  const Net net = two(5, 8, 6);
  Floats x(static_cast<size_t>(net.in()), std::numeric_limits<float>::quiet_NaN()), y;
  CHECK(net.run(x, 1, &y) == SEQMAP_OK);
  for (const float value : y) CHECK(std::isnan(value));
}

TEST(convolutions_refuse_nonsense) {
  const Net net = two(5, 8, 6);
  Floats x(static_cast<size_t>(net.in())), y(static_cast<size_t>(net.out()));
  const auto run = [&](const Net& n, int64_t count, int64_t steps) {
    return seqmap_convolution_run(n.layers.data(), count, x.data(), steps, y.data());
  };
  CHECK(run(net, 2, 1) == SEQMAP_OK);
  CHECK(run(net, 2, 0) == SEQMAP_OK);
  CHECK(run(net, 2, -1) == SEQMAP_EINVAL);
  CHECK(run(net, 0, 1) == SEQMAP_EINVAL);
  CHECK(seqmap_convolution_run(nullptr, 1, x.data(), 1, y.data()) == SEQMAP_EINVAL);
  CHECK(seqmap_convolution_run(net.layers.data(), 2, nullptr, 1, y.data()) == SEQMAP_EINVAL);
  CHECK(seqmap_convolution_run(net.layers.data(), 2, x.data(), 1, nullptr) == SEQMAP_EINVAL);
  Net wrong = net;
  wrong.layers[0].width = 4;
  CHECK(run(wrong, 2, 1) == SEQMAP_EINVAL);
  wrong = net;
  wrong.layers[0].height = 6;
  CHECK(run(wrong, 2, 1) == SEQMAP_EINVAL);
  wrong = net;
  wrong.layers[1].channels = 5;
  CHECK(run(wrong, 2, 1) == SEQMAP_EINVAL);
  wrong = net;
  wrong.layers[1].weight = nullptr;
  CHECK(run(wrong, 2, 1) == SEQMAP_EINVAL);
  wrong = net;
  wrong.layers[0].filters = int64_t{1} << 40;
  CHECK(run(wrong, 2, 1) == SEQMAP_EINVAL);
}
