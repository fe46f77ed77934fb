// Deployed encoders on every path: against double precision, whole against pieces, and at the edges of memory
// (every array has its exact size, so that the address sanitizer sees a step beyond).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "check.h"
#include "seqmap_infer.h"

namespace {

using Floats = std::vector<float>;

struct Shape {
  int32_t size, hidden, layers, directions, pooling, vocabulary;
};

// Weights and what is made of them.
struct Model {
  Shape shape;
  Floats embedding, embedding_scale, attention_weight, attention_bias, context, head_weight, head_bias;
  std::vector<Floats> w_ih, w_hh, bias;
  std::vector<uint16_t> halves;  // the embedding in bf16, where it is given so
  std::vector<int8_t> bytes;     // or in int8
  int32_t format = SEQMAP_FP32;
  int32_t attention = 0, classes = 3;

  explicit Model(const Shape& given) : shape(given) {
    std::mt19937 random(7);
    const auto draw = [&](size_t n, float scale) {
      std::uniform_real_distribution<float> uniform(-scale, scale);
      Floats values(n);
      for (float& value : values) value = uniform(random);
      return values;
    };
    const size_t h = shape.hidden, width = h * shape.directions;
    const float bound = 1.5f / std::sqrt(static_cast<float>(h));
    embedding = draw(static_cast<size_t>(shape.vocabulary) * shape.size, 2.f);
    for (int32_t k = 0; k < shape.layers * shape.directions; ++k) {
      w_ih.push_back(draw(4 * h * (k < shape.directions ? static_cast<size_t>(shape.size) : width), bound));
      w_hh.push_back(draw(4 * h * h, bound));
      bias.push_back(draw(4 * h, 0.5f));
    }
    if (shape.pooling == SEQMAP_POOL_ATTENTION) {
      attention = 5;
      attention_weight = draw(5 * width, 1.f);
      attention_bias = draw(5, 0.5f);
      context = draw(5, 2.f);
    }
    head_weight = draw(3 * pooled_size(), 0.3f);
    head_bias = draw(3, 0.5f);
  }

  size_t width() const { return static_cast<size_t>(shape.hidden) * shape.directions; }
  size_t pooled_size() const { return width() * (shape.pooling == SEQMAP_POOL_MEAN_MAX ? 2 : 1); }

  seqmap_encoder* build(int32_t precision, int64_t table_bytes = 1 << 20, int32_t table = SEQMAP_TABLE_AUTO) const {
    std::vector<const float*> ih, hh, b;
    for (size_t k = 0; k < w_ih.size(); ++k) {
      ih.push_back(w_ih[k].data());
      hh.push_back(w_hh[k].data());
      b.push_back(bias[k].data());
    }
    const seqmap_encoder_config config = {
        static_cast<int32_t>(sizeof config), shape.vocabulary, shape.size, shape.hidden, shape.layers, shape.directions,
        shape.pooling, attention, classes, precision, table, format, table_bytes};
    const void* stored = embedding.data();
    if (format == SEQMAP_BF16) stored = halves.data();
    if (format == SEQMAP_INT8) stored = bytes.data();
    const seqmap_encoder_weights weights = {stored,         embedding_scale.data(),  ih.data(),
                                            hh.data(),      b.data(),                attention_weight.data(),
                                            attention_bias.data(), context.data(),   head_weight.data(),
                                            head_bias.data()};
    seqmap_encoder* encoder = nullptr;
    CHECK(seqmap_encoder_create(&config, &weights, &encoder) == SEQMAP_OK);
    return encoder;
  }

  // Rounds the embedding to what a format holds, and gives it in that format from now on, or in fp32.
  void round_embedding(int32_t to, bool as_fp32) {
    const size_t n = embedding.size(), size = shape.size;
    halves.assign(n, 0);
    bytes.assign(n, 0);
    embedding_scale.assign(n / size, 0.f);
    for (size_t i = 0; i < n; ++i) {
      float& value = embedding[i];
      if (to == SEQMAP_BF16) {
        uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        halves[i] = static_cast<uint16_t>(bits >> 16);
        bits &= 0xffff0000u;
        std::memcpy(&value, &bits, sizeof bits);
      } else {
        embedding_scale[i / size] = 2.f / 127.f;
        bytes[i] = static_cast<int8_t>(std::lrintf(value * 63.f));
        value = static_cast<float>(bytes[i]) * embedding_scale[i / size];
      }
    }
    format = as_fp32 ? static_cast<int32_t>(SEQMAP_FP32) : to;
  }

  // The states (time, width) in double precision.
  std::vector<double> states(const std::vector<int32_t>& ids) const {
    std::vector<double> x;
    for (int32_t id : ids) {
      for (int32_t i = 0; i < shape.size; ++i) x.push_back(embedding[static_cast<size_t>(id) * shape.size + i]);
    }
    size_t columns = shape.size;
    const size_t h = shape.hidden, time = ids.size();
    for (int32_t layer = 0; layer < shape.layers; ++layer) {
      std::vector<double> y(time * width());
      for (int32_t d = 0; d < shape.directions; ++d) {
        const size_t k = static_cast<size_t>(layer * shape.directions + d);
        std::vector<double> state(h, 0.0), c(h, 0.0), gates(4 * h);
        for (size_t step = 0; step < time; ++step) {
          const size_t t = d == 1 ? time - 1 - step : step;
          for (size_t row = 0; row < 4 * h; ++row) {
            double sum = bias[k][row];
            for (size_t i = 0; i < columns; ++i) sum += w_ih[k][row * columns + i] * x[t * columns + i];
            for (size_t i = 0; i < h; ++i) sum += w_hh[k][row * h + i] * state[i];
            gates[row] = sum;
          }
          for (size_t u = 0; u < h; ++u) {
            const auto sigmoid = [](double a) { return 1.0 / (1.0 + std::exp(-a)); };
            c[u] = sigmoid(gates[h + u]) * c[u] + sigmoid(gates[u]) * std::tanh(gates[2 * h + u]);
            state[u] = sigmoid(gates[3 * h + u]) * std::tanh(c[u]);
            y[t * width() + d * h + u] = state[u];
          }
        }
      }
      x = y;
      columns = width();
    }
    return x;
  }
};

struct Batch {
  std::vector<std::vector<int32_t>> documents;
  std::vector<int32_t> flat;
  std::vector<int64_t> offsets{0};

  Batch(std::initializer_list<int> lengths, int32_t vocabulary) {
    std::mt19937 random(3);
    for (int length : lengths) {
      std::vector<int32_t> ids;
      for (int t = 0; t < length; ++t) ids.push_back(static_cast<int32_t>(random() % vocabulary));
      flat.insert(flat.end(), ids.begin(), ids.end());
      offsets.push_back(static_cast<int64_t>(flat.size()));
      documents.push_back(ids);
    }
  }
};

struct Results {
  Floats states, pooled, logits;
  Results(const Model& model, size_t tokens, size_t documents)
      : states(tokens * model.width()), pooled(documents * model.pooled_size()), logits(documents * model.classes) {}
  bool operator==(const Results& other) const {
    return states == other.states && pooled == other.pooled && logits == other.logits;
  }
};

Results run(const Model& model, const seqmap_encoder* encoder, const std::vector<int32_t>& flat,
            const std::vector<int64_t>& offsets) {
  Results results(model, flat.size(), offsets.size() - 1);
  CHECK(seqmap_encoder_run(encoder, flat.data(), nullptr, offsets.data(), static_cast<int64_t>(offsets.size()) - 1,
                           results.states.data(), results.pooled.data(), results.logits.data()) == SEQMAP_OK);
  return results;
}

constexpr Shape kShapes[] = {
    {1, 1, 1, 1, SEQMAP_POOL_LAST, 4},       {16, 16, 2, 2, SEQMAP_POOL_MEAN, 30},
    {7, 19, 2, 2, SEQMAP_POOL_ATTENTION, 9}, {20, 33, 3, 1, SEQMAP_POOL_MEAN_MAX, 40},
    {5, 48, 1, 2, SEQMAP_POOL_MAX, 11},      {33, 40, 2, 1, SEQMAP_POOL_ATTENTION, 25},
};
// As in tests/runtime/test_native_ops.py.
constexpr double kBounds[] = {1e-6, 4e-3, 1.5e-2};

}  // namespace

TEST(encoders_agree_with_double_precision) {
  for (const Shape& shape : kShapes) {
    const Model model(shape);
    const Batch batch({0, 1, 9, 40, 3, 17, 5, 70}, shape.vocabulary);
    std::vector<double> expected;
    for (const auto& ids : batch.documents) {
      const std::vector<double> states = model.states(ids);
      expected.insert(expected.end(), states.begin(), states.end());
    }
    for_every_path([&](const std::string& path) {
      for (int32_t precision : {SEQMAP_FP32, SEQMAP_BF16, SEQMAP_INT8}) {
        for (int32_t table : {SEQMAP_TABLE_AUTO, SEQMAP_TABLE_NONE}) {
          const std::unique_ptr<seqmap_encoder, void (*)(seqmap_encoder*)> encoder(
              model.build(precision, 1 << 12, table), seqmap_encoder_destroy);
          const Results results = run(model, encoder.get(), batch.flat, batch.offsets);
          double worst = 0.0;
          for (size_t i = 0; i < expected.size(); ++i) {
            worst = std::max(worst, std::fabs(results.states[i] - expected[i]));
          }
          CHECK(worst < kBounds[precision]);
          if (worst >= kBounds[precision]) std::printf("  %s, precision %d: %g\n", path.c_str(), precision, worst);
        }
      }
    });
  }
}

TEST(alone_and_in_pieces_like_in_a_batch) {
  for (const Shape& shape : kShapes) {
    const Model model(shape);
    const Batch batch({40, 1, 0, 9, 64, 65, 3, 129}, shape.vocabulary);
    for_every_path([&](const std::string&) {
      for (int32_t precision : {SEQMAP_FP32, SEQMAP_BF16, SEQMAP_INT8}) {
        const std::unique_ptr<seqmap_encoder, void (*)(seqmap_encoder*)> encoder(model.build(precision),
                                                                                seqmap_encoder_destroy);
        const Results together = run(model, encoder.get(), batch.flat, batch.offsets);
        Results alone(model, 0, 0), pieces(model, 0, 0);
        const auto append = [](Floats& to, const Floats& from) { to.insert(to.end(), from.begin(), from.end()); };
        for (const auto& ids : batch.documents) {
          const int64_t length = static_cast<int64_t>(ids.size());
          const Results one = run(model, encoder.get(), ids, {0, length});
          append(alone.states, one.states);
          append(alone.pooled, one.pooled);
          append(alone.logits, one.logits);
          if (shape.directions == 2) continue;
          // A piece, one step, the rest; the state moves to other memory in between.
          std::vector<char> state(static_cast<size_t>(seqmap_encoder_state_bytes(encoder.get())));
          CHECK(seqmap_encoder_state_init(encoder.get(), state.data()) == SEQMAP_OK);
          Results cut(model, ids.size(), 1);
          const int64_t first = length / 3, second = std::min<int64_t>(length, first + 1);
          seqmap_encoder_feed(encoder.get(), state.data(), ids.data(), nullptr, first, cut.states.data());
          std::vector<char> moved(state);
          std::fill(state.begin(), state.end(), char{0});
          float* to = cut.states.data() + first * model.width();
          if (second > first) CHECK(seqmap_encoder_step(encoder.get(), moved.data(), ids[first], to) == SEQMAP_OK);
          seqmap_encoder_feed(encoder.get(), moved.data(), ids.data() + second, nullptr, length - second,
                              cut.states.data() + second * model.width());
          CHECK(seqmap_encoder_result(encoder.get(), moved.data(), cut.pooled.data(), cut.logits.data()) == SEQMAP_OK);
          append(pieces.states, cut.states);
          append(pieces.pooled, cut.pooled);
          append(pieces.logits, cut.logits);
        }
        CHECK(alone == together);
        if (shape.directions == 1) CHECK(pieces == together);
      }
    });
  }
}

TEST(embeddings_in_other_numbers) {
  for (const Shape& shape : kShapes) {
    for (const int32_t format : {SEQMAP_BF16, SEQMAP_INT8}) {
      Model stored(shape), plain(shape);
      stored.round_embedding(format, false);
      plain.round_embedding(format, true);
      const Batch batch({9, 0, 40, 1}, shape.vocabulary);
      for_every_path([&](const std::string&) {
        for (const int32_t table : {SEQMAP_TABLE_AUTO, SEQMAP_TABLE_NONE}) {
          using Encoder = std::unique_ptr<seqmap_encoder, void (*)(seqmap_encoder*)>;
          const Encoder one(stored.build(SEQMAP_INT8, 1 << 12, table), seqmap_encoder_destroy);
          const Encoder other(plain.build(SEQMAP_INT8, 1 << 12, table), seqmap_encoder_destroy);
          CHECK(run(stored, one.get(), batch.flat, batch.offsets) == run(plain, other.get(), batch.flat, batch.offsets));
        }
      });
    }
  }
}

TEST(threads_fill_one_table) {
  const Model model({12, 24, 1, 2, SEQMAP_POOL_MEAN, 300});
  const Batch batch({200, 150, 180, 90}, 300);
  using Encoder = std::unique_ptr<seqmap_encoder, void (*)(seqmap_encoder*)>;
  for (const int32_t table : {SEQMAP_TABLE_FP32, SEQMAP_TABLE_BF16}) {
    const Encoder calm(model.build(SEQMAP_INT8, 1 << 20, table), seqmap_encoder_destroy);
    const Results expected = run(model, calm.get(), batch.flat, batch.offsets);
    for (int64_t limit : {int64_t{1} << 20, int64_t{1} << 15, int64_t{0}}) {
      const Encoder encoder(model.build(SEQMAP_INT8, limit, table), seqmap_encoder_destroy);
      std::vector<char> same(4, 0);
      std::vector<std::thread> threads;
      for (size_t k = 0; k < same.size(); ++k) {
        threads.emplace_back([&, k] { same[k] = run(model, encoder.get(), batch.flat, batch.offsets) == expected; });
      }
      for (std::thread& thread : threads) thread.join();
      CHECK(std::count(same.begin(), same.end(), char{1}) == 4);
      CHECK(seqmap_encoder_bytes(encoder.get(), 1) <= limit);
    }
  }
}

TEST(wrong_calls_of_encoders_are_refused) {
  const Model model({4, 8, 1, 1, SEQMAP_POOL_LAST, 6});
  const std::unique_ptr<seqmap_encoder, void (*)(seqmap_encoder*)> encoder(model.build(SEQMAP_FP32), seqmap_encoder_destroy);
  float out[3];
  const int32_t wrong[] = {1, 6};
  CHECK(seqmap_encoder_document(encoder.get(), wrong, 2, out) == SEQMAP_EINVAL);
  CHECK(std::strcmp(seqmap_last_error(), "token 1 has id 6; the vocabulary has 6") == 0);
  const int64_t falling[] = {0, 2, 1};
  CHECK(seqmap_encoder_run(encoder.get(), wrong, nullptr, falling, 2, nullptr, nullptr, nullptr) == SEQMAP_EINVAL);
  std::vector<char> state(static_cast<size_t>(seqmap_encoder_state_bytes(encoder.get())), char{0});
  CHECK(seqmap_encoder_step(encoder.get(), state.data(), 1, nullptr) == SEQMAP_EINVAL);
  seqmap_encoder_config config = {};
  const seqmap_encoder_weights weights = {};
  seqmap_encoder* made = nullptr;
  CHECK(seqmap_encoder_create(&config, &weights, &made) == SEQMAP_EINVAL);
  config = {static_cast<int32_t>(sizeof config), 6, 4, 8, 1, 1, SEQMAP_POOL_LAST, 0, 0, SEQMAP_FP32, 0, 0, 0};
  CHECK(seqmap_encoder_create(&config, &weights, &made) == SEQMAP_EINVAL);
  config.embedding = 3;
  CHECK(seqmap_encoder_create(&config, &weights, &made) == SEQMAP_EINVAL);
  CHECK(std::strcmp(seqmap_last_error(), "unknown format 3 of the embedding") == 0);
  CHECK(made == nullptr);
}
