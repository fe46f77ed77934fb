// Several documents in lock-step on a shrinking batch.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "base/thread_pool.h"
#include "infer/run.h"

namespace seqmap {
namespace {

constexpr int64_t kSteps = 16;  // steps whose table rows are looked up together

// What a group of documents works in. All views of scratch memory.
struct Group {
  const Document* documents;
  int64_t count;
  int64_t* first;        // (count): the row of each document's first token in `kept` and `states`
  int64_t tokens;
  float* h;              // (count, width): last states of the last layer
  float* c;              // (count, hidden)
  char* spare[2];        // (count, hidden) as the format stores them
  char* below;           // (tokens, width) as the format stores them: the layer below
  char* kept;            // the same of this layer, or null
  float* states;         // (tokens, width), or null
  Totals* totals;        // (count)
};

// Pointers of one step, one per document that is still running.
struct Pointers {
  const void** sums;
  const void** upcoming;
  const void** x;
  float* x_scale;
  const void** h;
  void** next;
  float** c;
  float** states;
  Pool* pools;

  Pointers(Scratch& scratch, size_t n)
      : sums(scratch.take<const void*>(n)),
        upcoming(scratch.take<const void*>(n)),
        x(scratch.take<const void*>(n)),
        x_scale(scratch.take<float>(n)),
        h(scratch.take<const void*>(n)),
        next(scratch.take<void*>(n)),
        c(scratch.take<float*>(n)),
        states(scratch.take<float*>(n)),
        pools(scratch.take<Pool>(n)) {}
};

// Looks up the table rows of steps [t, t + kSteps) of the first `active` documents.
void look_up(const seqmap_encoder& encoder, const Group& group, int direction, int64_t t, int64_t active,
             const void** rows, Scratch& scratch) {
  for (int64_t r = 0; r < active; ++r) {
    const Document& document = group.documents[r];
    const int64_t count = std::min(kSteps, document.length - t);
    if (count <= 0) continue;
    const int32_t* ids = document.ids + (direction == 1 ? document.length - 1 - t : t);
    encoder.table->gather(encoder.kernels(), ids, direction == 1 ? -1 : 1, count, direction, rows + r * kSteps, scratch);
  }
}

void run_layer(const seqmap_encoder& encoder, const Group& group, int64_t layer, int direction) {
  const FormatKernels& format = encoder.format();
  const seqmap_encoder::Cell& cell = encoder.cell(layer, direction);
  const int64_t hidden = encoder.hidden, bytes = format_bytes(encoder.config.precision);
  const bool last = layer == encoder.config.layers - 1, tabled = layer == 0 && encoder.table;
  const int64_t offset = direction * hidden;
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  const Pointers at(scratch, static_cast<size_t>(group.count));
  const void** rows = scratch.take<const void*>(static_cast<size_t>(group.count * kSteps));
  const int64_t input_bytes = stored_input_bytes(encoder);
  char* stored = layer == 0 && !tabled ? scratch.take<char>(static_cast<size_t>(group.count * input_bytes)) : nullptr;

  std::memset(group.c, 0, static_cast<size_t>(group.count * hidden) * 4);
  float* nothing = scratch.take<float>(static_cast<size_t>(hidden));
  std::memset(nothing, 0, static_cast<size_t>(hidden) * 4);
  for (int64_t r = 0; r < group.count; ++r) {
    format.store_states(nothing, group.spare[0] + r * hidden * bytes, hidden);
    at.h[r] = group.spare[0] + r * hidden * bytes;
    at.c[r] = group.c + r * hidden;
    at.states[r] = group.h + r * encoder.width + offset;
    at.pools[r] = pool_of(group.totals[r], offset);
  }
  LockstepWork work{};
  work.recurrent = &cell.recurrent.panels;
  work.input = tabled ? nullptr : &cell.input.panels;
  work.sums = at.sums;
  work.half = tabled && encoder.table->half();
  work.upcoming = tabled ? at.upcoming : nullptr;
  work.x = at.x;
  work.x_scale = layer == 0 ? at.x_scale : nullptr;
  work.h = at.h;
  work.next = at.next;
  work.c = at.c;
  work.states = at.states;
  work.pools = last && (group.totals[0].sum || group.totals[0].max) ? at.pools : nullptr;

  int64_t active = group.count;
  const int64_t longest = group.documents[0].length;
  for (int64_t start = 0; start < longest; start += kSteps) {
    const Scratch::Frame inner(scratch);
    if (tabled) look_up(encoder, group, direction, start, active, rows, scratch);
    for (int64_t t = start; t < std::min(start + kSteps, longest); ++t) {
      while (group.documents[active - 1].length <= t) --active;
      for (int64_t r = 0; r < active; ++r) {
        const int64_t length = group.documents[r].length, place = direction == 1 ? length - 1 - t : t;
        const int64_t row = group.first[r] + place;
        if (tabled) {
          at.sums[r] = rows[r * kSteps + t - start];
          const bool known = t + 1 < length && t + 1 < start + kSteps;
          at.upcoming[r] = known ? rows[r * kSteps + t + 1 - start] : at.sums[r];
        } else if (layer == 0) {
          at.x[r] = stored + r * input_bytes;
          at.x_scale[r] = store_input(encoder, group.documents[r], place, stored + r * input_bytes);
        } else {
          at.x[r] = group.below + row * encoder.state_bytes;
        }
        at.next[r] = group.kept ? group.kept + row * encoder.state_bytes + offset * bytes
                                : group.spare[(t + 1) & 1] + r * hidden * bytes;
        if (group.states) at.states[r] = group.states + row * encoder.width + offset;
      }
      work.rows = active;
      format.lockstep(work);
      for (int64_t r = 0; r < active; ++r) at.h[r] = at.next[r];
    }
  }
}

void give_results(const seqmap_encoder& encoder, const Group& group, Scratch& scratch) {
  for (int64_t r = 0; r < group.count; ++r) {
    const Scratch::Frame frame(scratch);
    const Document& document = group.documents[r];
    float* last = group.h + r * encoder.width;
    const float* states = group.states ? group.states + group.first[r] * encoder.width : nullptr;
    if (states) {
      for (int64_t d = 0; d < encoder.config.directions; ++d) {
        const float* row = states + (d == 1 ? 0 : document.length - 1) * encoder.width;
        std::memcpy(last + d * encoder.hidden, row + d * encoder.hidden, static_cast<size_t>(encoder.hidden) * 4);
      }
    }
    if (encoder.attends()) {
      attend_to(encoder, group.kept + group.first[r] * encoder.state_bytes, states, document.length, group.totals[r]);
    }
    if (document.states) {
      for (int64_t t = 0; t < document.length; ++t) {
        unpad(encoder, states + t * encoder.width, document.states + t * encoder.size);
      }
    }
    if (document.pooled || document.logits) {
      float* pooled = document.pooled ? document.pooled : scratch.take<float>(static_cast<size_t>(encoder.pooled_size));
      finish_pooling(encoder, group.totals[r], last, document.length, pooled);
      if (document.logits) apply_head(encoder, pooled, document.logits);
    }
  }
}

void run_empty(const seqmap_encoder& encoder, const Document& document) {
  if (document.pooled) std::fill(document.pooled, document.pooled + encoder.pooled_size, 0.f);
  if (document.logits) std::copy(encoder.head_bias.begin(), encoder.head_bias.end(), document.logits);
}

}  // namespace

void run_group(const seqmap_encoder& encoder, const Document* documents, int64_t count) {
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  const auto floats = [&](int64_t n) { return scratch.take<float>(static_cast<size_t>(n)); };
  Group group{};
  group.documents = documents;
  group.count = count;
  group.first = scratch.take<int64_t>(static_cast<size_t>(count));
  group.totals = scratch.take<Totals>(static_cast<size_t>(count));
  bool wants_states = encoder.attends();
  const int64_t each = totals_floats(encoder);
  for (int64_t r = 0; r < count; ++r) {
    group.first[r] = group.tokens;
    group.tokens += documents[r].length;
    group.totals[r] = view_totals(encoder, floats(each), true);
    wants_states = wants_states || documents[r].states;
  }
  const int64_t stored = count * encoder.hidden * format_bytes(encoder.config.precision);
  group.h = floats(count * encoder.width);
  group.c = floats(count * encoder.hidden);
  for (char*& spare : group.spare) spare = scratch.take<char>(static_cast<size_t>(stored));
  for (int64_t layer = 0; layer < encoder.config.layers; ++layer) {
    const bool last = layer == encoder.config.layers - 1;
    group.below = group.kept;
    group.kept = nullptr;
    if (!last || encoder.attends()) {
      group.kept = scratch.take<char>(static_cast<size_t>(group.tokens * encoder.state_bytes));
    }
    if (last && wants_states) group.states = floats(group.tokens * encoder.width);
    for (int d = 0; d < encoder.config.directions; ++d) run_layer(encoder, group, layer, d);
  }
  give_results(encoder, group, scratch);
}

void run_documents(const seqmap_encoder& encoder, const Document* documents, int64_t count) {
  if (count == 1) {
    run_document(encoder, documents[0]);
    return;
  }
  // Like lengths share a group, so that a group shrinks late; several groups per thread level the load.
  constexpr int64_t kLargest = 32, kSmallest = 6, kPerThread = 6;
  std::vector<Document> sorted;
  sorted.reserve(static_cast<size_t>(count));
  for (int64_t k = 0; k < count; ++k) {
    if (documents[k].length > 0) {
      sorted.push_back(documents[k]);
    } else {
      run_empty(encoder, documents[k]);
    }
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Document& a, const Document& b) { return a.length > b.length; });
  const int64_t full = static_cast<int64_t>(sorted.size());
  const int64_t share = (full + kPerThread * thread_count() - 1) / (kPerThread * thread_count());
  const int64_t size = std::max(kSmallest, std::min(kLargest, share));
  std::atomic<bool> short_of_memory{false};
  parallel(static_cast<int32_t>((full + size - 1) / size), [&](int32_t g) {
    try {
      run_group(encoder, sorted.data() + g * size, std::min(size, full - g * size));
    } catch (const std::bad_alloc&) {
      short_of_memory = true;
    }
  });
  if (short_of_memory) throw std::bad_alloc();
}

}  // namespace seqmap
