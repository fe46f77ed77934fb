#include "lstm/plan.h"

#include <algorithm>

namespace seqmap {
namespace {

// A part below this many tokens does not pay for waking another thread.
constexpr int64_t kMinPartTokens = 64;

void count_steps(Rows& rows) {
  const int32_t steps = rows.length.empty() ? 0 : rows.length.front();
  rows.offset.assign(static_cast<size_t>(steps) + 1, 0);
  size_t running = rows.length.size();
  for (int32_t s = 0; s < steps; ++s) {
    while (rows.length[running - 1] <= s) --running;
    rows.offset[static_cast<size_t>(s) + 1] = rows.offset[static_cast<size_t>(s)] + static_cast<int64_t>(running);
  }
}

}  // namespace

std::vector<Rows> deal_rows(const int64_t* lengths, int64_t batch, int32_t parts) {
  std::vector<int32_t> order;
  int64_t tokens = 0;
  for (int64_t b = 0; b < batch; ++b) {
    if (lengths[b] > 0) order.push_back(static_cast<int32_t>(b));
    tokens += lengths[b];
  }
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return lengths[a] > lengths[b]; });
  const int64_t most = std::min<int64_t>({parts, static_cast<int64_t>(order.size()), tokens / kMinPartTokens});
  std::vector<Rows> dealt(static_cast<size_t>(std::max<int64_t>(most, order.empty() ? 0 : 1)));
  std::vector<int64_t> load(dealt.size(), 0);
  for (int32_t row : order) {  // the longest first, each to the part with the least work
    const size_t part = static_cast<size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    dealt[part].row.push_back(row);
    dealt[part].length.push_back(static_cast<int32_t>(lengths[row]));
    load[part] += lengths[row];
  }
  for (Rows& rows : dealt) count_steps(rows);
  return dealt;
}

}  // namespace seqmap
