// The vector maths of every path against double precision.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "probe/kernels.h"
#include "seqmap_core.h"

using namespace seqmap;

namespace {

constexpr Work kWorks[] = {Work::fp32, Work::bf16, Work::int8};

std::vector<float> arguments() {
  std::vector<float> x;
  for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<float>(i) * 0.001f);
  for (float a : {1e-30f, 1e-8f, 1e-4f, 25.f, 50.f, 79.f, 88.f, 1e4f, 3e38f, std::numeric_limits<float>::infinity()}) {
    x.push_back(a);
    x.push_back(-a);
  }
  return x;
}

}  // namespace

TEST(maths_is_accurate) {
  const std::vector<float> x = arguments();
  const int64_t n = static_cast<int64_t>(x.size());
  for_every_path([&](const std::string&) {
    for (Work work : kWorks) {
      const ProbeKernels& kernels = probe_kernels(current_variant(work));
      std::vector<float> y(x.size());
      kernels.sigmoid(x.data(), y.data(), n);
      for (size_t i = 0; i < x.size(); ++i) {
        const double exact = 1.0 / (1.0 + std::exp(-static_cast<double>(x[i])));
        CHECK(std::fabs(y[i] - exact) <= 3e-7 * exact + 1e-30);
      }
      kernels.tanh(x.data(), y.data(), n);
      for (size_t i = 0; i < x.size(); ++i) {
        const double exact = std::tanh(static_cast<double>(x[i]));
        CHECK(std::fabs(y[i] - exact) <= 4e-7 * std::fabs(exact) + 1e-30);
      }
      kernels.exp(x.data(), y.data(), n);
      for (size_t i = 0; i < x.size(); ++i) {
        const double exact = std::exp(std::fmax(-80.0, std::fmin(80.0, static_cast<double>(x[i]))));
        CHECK(std::fabs(y[i] - exact) <= 3e-7 * exact);
      }
    }
  });
}

TEST(nan_stays_nan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x(37, nan);
  for_every_path([&](const std::string&) {
    for (Work work : kWorks) {
      const ProbeKernels& kernels = probe_kernels(current_variant(work));
      for (auto function : {kernels.sigmoid, kernels.tanh, kernels.exp, kernels.round_bf16}) {
        std::vector<float> y(x.size(), 0.f);
        function(x.data(), y.data(), static_cast<int64_t>(x.size()));
        for (float value : y) CHECK(std::isnan(value));
      }
    }
  });
}

TEST(bf16_rounds_to_nearest_even) {
  const std::vector<float> x = {1.f, 1.00390625f, 1.01171875f, -1.00390625f, 3.14159274f, 65504.f, 0.f, 1.004f};
  const std::vector<float> expected = {1.f, 1.f, 1.015625f, -1.f, 3.140625f, 65536.f, 0.f, 1.0078125f};
  for_every_path([&](const std::string&) {
    std::vector<float> y(x.size());
    probe_kernels(current_variant(Work::bf16)).round_bf16(x.data(), y.data(), static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) CHECK(y[i] == expected[i]);
  });
}

TEST(byte_dot_is_exact_at_the_extremes) {
  std::vector<uint8_t> u;
  std::vector<int8_t> s;
  for (int a : {0, 1, 128, 255}) {
    for (int b : {-128, -127, -1, 0, 1, 127}) {
      for (int k = 0; k < 4; ++k) {
        u.push_back(static_cast<uint8_t>(k == 2 ? 255 - a : a));
        s.push_back(static_cast<int8_t>(k == 3 ? -b - 1 : b));
      }
    }
  }
  const size_t n = u.size() / 4;
  for_every_path([&](const std::string&) {
    std::vector<int32_t> out(n);
    probe_kernels(current_variant(Work::int8)).dot_u8s8(u.data(), s.data(), out.data(), static_cast<int64_t>(n));
    for (size_t i = 0; i < n; ++i) {
      int expected = 0;
      for (size_t k = 0; k < 4; ++k) expected += int{u[4 * i + k]} * int{s[4 * i + k]};
      CHECK(out[i] == expected);
    }
  });
}

TEST(probes_of_the_machine) {
  const std::vector<float> data(3 * 256, 1.f);
  for_every_path([&](const std::string&) {
    for (Work work : kWorks) {
      const ProbeKernels& kernels = probe_kernels(current_variant(work));
      const float lane = kernels.read(data.data(), 3 * 256, 5);
      CHECK(lane == 3.f * 256.f * 5.f / static_cast<float>(kernels.width));
      float sink[32 * 16];
      const int kind = static_cast<int>(work);
      const int64_t one = kernels.peak[kind](1, sink), many = kernels.peak[kind](17, sink);
      CHECK(one > 0 && many == 17 * one);
      // fp32 adds 1 a step, bf16 two products of 1; the bytes are zeros.
      if (work != Work::int8) CHECK(sink[0] == (work == Work::fp32 ? 17.f : 34.f));
    }
  });
}
