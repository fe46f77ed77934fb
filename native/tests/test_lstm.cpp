// The training op against a plain double-precision LSTM, on every path.
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "check.h"
#include "seqmap_lstm.h"

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Problem {
  int64_t batch, time, input, hidden;
  bool reverse, states;
  std::vector<int64_t> lengths;
  Floats x, w_ih, w_hh, bias, h0, c0, dy, dh_n, dc_n;
};

Problem draw(int64_t batch, int64_t time, int64_t input, int64_t hidden, bool reverse, bool states, unsigned seed) {
  std::mt19937 random(seed);
  const auto floats = [&](int64_t n, double scale) {
    std::normal_distribution<float> normal(0.f, static_cast<float>(scale));
    Floats values(static_cast<size_t>(n));
    for (float& value : values) value = normal(random);
    return values;
  };
  Problem p{batch, time, input, hidden, reverse, states, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  for (int64_t b = 0; b < batch; ++b) {
    p.lengths.push_back(static_cast<int64_t>(random() % static_cast<unsigned>(time + 1)));
  }
  const double scale = 1.0 / std::sqrt(static_cast<double>(hidden));
  p.x = floats(batch * time * input, 1.0);
  p.w_ih = floats(4 * hidden * input, scale);
  p.w_hh = floats(4 * hidden * hidden, scale);
  p.bias = floats(4 * hidden, scale);
  p.h0 = floats(batch * hidden, 0.5);
  p.c0 = floats(batch * hidden, 0.5);
  p.dy = floats(batch * time * hidden, 1.0);
  p.dh_n = floats(batch * hidden, 1.0);
  p.dc_n = floats(batch * hidden, 1.0);
  return p;
}

struct Results {
  Doubles y, h_n, c_n, dx, dw_ih, dw_hh, dbias, dh0, dc0;
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// One row, literally: forward keeps every activation, backward walks back over them.
void reference_row(const Problem& p, int64_t b, Results& out) {
  const int64_t I = p.input, H = p.hidden, n = p.lengths[static_cast<size_t>(b)];
  const auto at = [](int64_t i) { return static_cast<size_t>(i); };
  const auto place = [&](int64_t s) { return b * p.time + (p.reverse ? n - 1 - s : s); };
  std::vector<Doubles> h(at(n + 1), Doubles(at(H))), c = h, gates(at(n), Doubles(at(4 * H)));
  for (int64_t j = 0; j < H; ++j) {
    h[0][at(j)] = p.states ? p.h0[at(b * H + j)] : 0.0;
    c[0][at(j)] = p.states ? p.c0[at(b * H + j)] : 0.0;
  }
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t r = 0; r < 4 * H; ++r) {
      double sum = p.bias[at(r)];
      for (int64_t k = 0; k < I; ++k) sum += double{p.w_ih[at(r * I + k)]} * p.x[at(place(s) * I + k)];
      for (int64_t k = 0; k < H; ++k) sum += double{p.w_hh[at(r * H + k)]} * h[at(s)][at(k)];
      gates[at(s)][at(r)] = r / H == 2 ? std::tanh(sum) : sigmoid(sum);
    }
    for (int64_t j = 0; j < H; ++j) {
      const Doubles& a = gates[at(s)];
      c[at(s + 1)][at(j)] = a[at(H + j)] * c[at(s)][at(j)] + a[at(j)] * a[at(2 * H + j)];
      h[at(s + 1)][at(j)] = a[at(3 * H + j)] * std::tanh(c[at(s + 1)][at(j)]);
      out.y[at(place(s) * H + j)] = h[at(s + 1)][at(j)];
    }
  }
  Doubles dh(at(H)), dc(at(H)), d(at(4 * H));
  for (int64_t j = 0; j < H; ++j) {
    out.h_n[at(b * H + j)] = h[at(n)][at(j)];
    out.c_n[at(b * H + j)] = c[at(n)][at(j)];
    dh[at(j)] = p.dh_n[at(b * H + j)];
    dc[at(j)] = p.dc_n[at(b * H + j)];
  }
  for (int64_t s = n - 1; s >= 0; --s) {
    const Doubles& a = gates[at(s)];
    for (int64_t j = 0; j < H; ++j) {
      const double i = a[at(j)], f = a[at(H + j)], g = a[at(2 * H + j)], o = a[at(3 * H + j)];
      const double t = std::tanh(c[at(s + 1)][at(j)]), grad = dh[at(j)] + p.dy[at(place(s) * H + j)];
      const double inner = dc[at(j)] + grad * o * (1 - t * t);
      d[at(j)] = inner * g * i * (1 - i);
      d[at(H + j)] = inner * c[at(s)][at(j)] * f * (1 - f);
      d[at(2 * H + j)] = inner * i * (1 - g * g);
      d[at(3 * H + j)] = grad * t * o * (1 - o);
      dc[at(j)] = inner * f;
      dh[at(j)] = 0;
    }
    for (int64_t r = 0; r < 4 * H; ++r) {
      out.dbias[at(r)] += d[at(r)];
      for (int64_t k = 0; k < I; ++k) {
        out.dw_ih[at(r * I + k)] += d[at(r)] * p.x[at(place(s) * I + k)];
        out.dx[at(place(s) * I + k)] += d[at(r)] * p.w_ih[at(r * I + k)];
      }
      for (int64_t k = 0; k < H; ++k) {
        out.dw_hh[at(r * H + k)] += d[at(r)] * h[at(s)][at(k)];
        dh[at(k)] += d[at(r)] * p.w_hh[at(r * H + k)];
      }
    }
  }
  for (int64_t j = 0; j < H; ++j) {
    out.dh0[at(b * H + j)] = dh[at(j)];
    out.dc0[at(b * H + j)] = dc[at(j)];
  }
}

Results reference(const Problem& p) {
  const auto zeros = [](size_t n) { return Doubles(n, 0.0); };
  const size_t states = p.h0.size();
  Results out{zeros(p.dy.size()),   zeros(states),          zeros(states), zeros(p.x.size()), zeros(p.w_ih.size()),
              zeros(p.w_hh.size()), zeros(p.bias.size()),   zeros(states), zeros(states)};
  for (int64_t b = 0; b < p.batch; ++b) reference_row(p, b, out);
  return out;
}

struct Outputs {
  Floats y, h_n, c_n, dx, dw_ih, dw_hh, dbias, dh0, dc0;
};

seqmap_lstm_input describe(const Problem& p, int32_t precision) {
  return {precision, 1, p.batch, p.time, p.input, p.hidden, p.lengths.data(), p.x.data(), p.time * p.input, p.input};
}

// Forward, and backward twice over the same saved object.
Outputs run(const Problem& p, int32_t precision) {
  const auto garbage = [](size_t n) { return Floats(n, 7.f); };
  const size_t states = p.h0.size();
  Outputs out{garbage(p.dy.size()),   garbage(states),        garbage(states), garbage(p.x.size()),
              garbage(p.w_ih.size()), garbage(p.w_hh.size()), garbage(p.bias.size()), garbage(states), garbage(states)};
  const seqmap_lstm_input input = describe(p, precision);
  const int64_t row = p.time * p.hidden;
  const seqmap_lstm_direction direction{p.reverse, p.w_ih.data(), p.w_hh.data(), p.bias.data(),
                                        p.states ? p.h0.data() : nullptr, p.states ? p.c0.data() : nullptr,
                                        out.y.data(), row, p.hidden, out.h_n.data(), out.c_n.data()};
  seqmap_lstm_saved* saved = nullptr;
  CHECK(seqmap_lstm_forward(&input, &direction, &saved) == SEQMAP_OK);
  const seqmap_lstm_gradient gradient{p.w_ih.data(), p.w_hh.data(), p.dy.data(), row, p.hidden,
                                      p.dh_n.data(), p.dc_n.data(), out.dw_ih.data(), out.dw_hh.data(),
                                      out.dbias.data(), out.dh0.data(), out.dc0.data()};
  for (int pass = 0; pass < 2; ++pass) {
    CHECK(seqmap_lstm_backward(saved, &input, &gradient, out.dx.data()) == SEQMAP_OK);
  }
  seqmap_lstm_free(saved);
  return out;
}

// Distance relative to the size of what is expected.
double distance(const Floats& values, const Doubles& expected) {
  double difference = 0, size = 1e-12;
  for (size_t i = 0; i < values.size(); ++i) {
    difference += (values[i] - expected[i]) * (values[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  return std::sqrt(difference / size);
}

void compare(const Outputs& got, const Results& expected, double forward, double backward) {
  CHECK(distance(got.y, expected.y) <= forward);
  CHECK(distance(got.h_n, expected.h_n) <= forward);
  CHECK(distance(got.c_n, expected.c_n) <= forward);
  CHECK(distance(got.dx, expected.dx) <= backward);
  CHECK(distance(got.dw_ih, expected.dw_ih) <= backward);
  CHECK(distance(got.dw_hh, expected.dw_hh) <= backward);
  CHECK(distance(got.dbias, expected.dbias) <= backward);
  CHECK(distance(got.dh0, expected.dh0) <= backward);
  CHECK(distance(got.dc0, expected.dc0) <= backward);
}

}  // namespace

TEST(lstm_matches_double_precision) {
  struct { int64_t batch, time, input, hidden; } shapes[] = {
      {1, 1, 1, 1}, {3, 5, 7, 5}, {9, 11, 16, 16}, {20, 17, 33, 18}, {37, 3, 5, 40}, {2, 60, 64, 67}, {30, 25, 20, 16}};
  unsigned seed = 0;
  for (const auto& shape : shapes) {
    for (bool flag : {false, true}) {
      const Problem p = draw(shape.batch, shape.time, shape.input, shape.hidden, flag, seed % 3 != 0, seed);
      ++seed;
      const Results expected = reference(p);
      for_every_path([&](const std::string&) {
        for (int threads : {1, 2}) {
          seqmap_set_threads(threads);
          compare(run(p, SEQMAP_FP32), expected, 1e-5, 1e-4);
          compare(run(p, SEQMAP_BF16), expected, 2e-2, 4e-2);
        }
      });
    }
  }
  seqmap_set_threads(0);
}

TEST(lstm_without_saving_gives_the_same) {
  const Problem p = draw(7, 13, 10, 20, true, true, 5);
  for_every_path([&](const std::string&) {
    for (int32_t precision : {SEQMAP_FP32, SEQMAP_BF16}) {
      const Outputs kept = run(p, precision);
      Floats y(kept.y.size());
      const seqmap_lstm_input input = describe(p, precision);
      const seqmap_lstm_direction direction{1, p.w_ih.data(), p.w_hh.data(), p.bias.data(), p.h0.data(), p.c0.data(),
                                            y.data(), p.time * p.hidden, p.hidden, nullptr, nullptr};
      CHECK(seqmap_lstm_forward(&input, &direction, nullptr) == SEQMAP_OK);
      CHECK(y == kept.y);
    }
  });
}

TEST(lstm_keeps_nan_and_infinity_in_their_rows) {
  Problem p = draw(5, 6, 9, 13, false, false, 9);
  p.lengths = {6, 6, 6, 6, 6};
  p.x[static_cast<size_t>(2 * 6 * 9)] = std::numeric_limits<float>::quiet_NaN();
  p.x[static_cast<size_t>(4 * 6 * 9 + 3)] = std::numeric_limits<float>::infinity();
  for_every_path([&](const std::string&) {
    for (int32_t precision : {SEQMAP_FP32, SEQMAP_BF16}) {
      const Outputs out = run(p, precision);
      for (size_t i = 0; i < out.y.size(); ++i) CHECK(std::isnan(out.y[i]) == (i / (6 * 13) == 2));
    }
  });
}

TEST(lstm_refuses_what_does_not_fit) {
  Problem p = draw(2, 3, 4, 5, false, false, 1);
  p.lengths[1] = 4;
  const seqmap_lstm_input input = describe(p, SEQMAP_FP32);
  CHECK(seqmap_lstm_forward(&input, nullptr, nullptr) == SEQMAP_EINVAL);
  CHECK(seqmap_lstm_backward(nullptr, &input, nullptr, nullptr) == SEQMAP_EINVAL);
}

TEST(lstm_from_several_threads) {
  const Problem p = draw(12, 20, 16, 24, false, true, 3);
  const Outputs expected = run(p, SEQMAP_FP32);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 5; ++round) CHECK(run(p, SEQMAP_FP32).y == expected.y);
    });
  }
  for (auto& caller : callers) caller.join();
}

// Both round the same values: what differs is the order of sums, and now and then a rounding after it.
TEST(lstm_bf16_is_the_same_on_every_path) {
  struct { int64_t batch, time, input, hidden; } shapes[] = {{40, 30, 50, 70}, {17, 9, 33, 16}, {3, 101, 15, 35}};
  for (const auto& shape : shapes) {
    Problem p = draw(shape.batch, shape.time, shape.input, shape.hidden, false, true, 11);
    for (size_t b = 0; b < p.lengths.size(); b += 2) p.lengths[b] = p.time;
    seqmap_set_isa("portable");
    const Outputs plain = run(p, SEQMAP_BF16);
    const auto wide = [](const Floats& values) { return Doubles(values.begin(), values.end()); };
    const Results expected{wide(plain.y),     wide(plain.h_n),   wide(plain.c_n), wide(plain.dx), wide(plain.dw_ih),
                           wide(plain.dw_hh), wide(plain.dbias), wide(plain.dh0), wide(plain.dc0)};
    for_every_path([&](const std::string&) { compare(run(p, SEQMAP_BF16), expected, 1e-3, 2e-3); });
  }
}
