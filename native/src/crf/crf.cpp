// Viterbi and forward-backward, one document per task. Portable code: the inner loops run over tags side by side, which
// any compiler turns into vector code, and a step costs tags^2 operations on tables that stay in L1.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "seqmap_crf.h"

namespace {

struct Chain {
  int32_t tags;
  const float* transitions;
  const float* start;
  const float* end;
};

// The same as factors: exp(score / temperature), in double precision, 0 where forbidden.
struct Factors {
  std::vector<double> transitions, start, end;
};

struct Job {
  const float* emissions;
  const int64_t* offsets;
  Chain chain;
  const Factors* factors;  // null where no probabilities are wanted
  float temperature;
  int32_t* best;
  float* marginal;
  float* conditional;
};

void viterbi(const Job& job, int64_t begin, int64_t length) {
  const int32_t tags = job.chain.tags;
  const size_t row = static_cast<size_t>(tags);
  std::vector<int32_t> from(row * static_cast<size_t>(length));
  std::vector<float> score(row), ahead(row);
  const float* e = job.emissions + begin * tags;
  for (int32_t j = 0; j < tags; ++j) score[j] = job.chain.start[j] + e[j];
  for (int64_t t = 1; t < length; ++t) {
    int32_t* pointer = from.data() + static_cast<size_t>(t) * row;
    const float* step = job.chain.transitions;
    for (int32_t j = 0; j < tags; ++j) {
      ahead[j] = score[0] + step[j];
      pointer[j] = 0;
    }
    for (int32_t i = 1; i < tags; ++i) {
      const float before = score[i];
      step = job.chain.transitions + static_cast<size_t>(i) * row;
      for (int32_t j = 0; j < tags; ++j) {
        const float candidate = before + step[j];
        const bool better = candidate > ahead[j];
        ahead[j] = better ? candidate : ahead[j];
        pointer[j] = better ? i : pointer[j];
      }
    }
    e = job.emissions + (begin + t) * tags;
    for (int32_t j = 0; j < tags; ++j) score[j] = ahead[j] + e[j];
  }
  int32_t tag = 0;
  for (int32_t j = 0; j < tags; ++j) {
    score[j] += job.chain.end[j];
    if (score[j] > score[tag]) tag = j;
  }
  for (int64_t t = length - 1; t >= 0; --t) {
    job.best[begin + t] = tag;
    if (t) tag = from[static_cast<size_t>(t) * row + static_cast<size_t>(tag)];
  }
}

// Scales a row to a sum of one; a row of zeros stays.
void scale(double* row, int32_t tags) {
  double sum = 0;
  for (int32_t j = 0; j < tags; ++j) sum += row[j];
  if (!(sum > 0)) return;
  const double factor = 1 / sum;
  for (int32_t j = 0; j < tags; ++j) row[j] *= factor;
}

double ratio(double part, double whole) { return whole > 0 ? std::min(1.0, part / whole) : 0.0; }

// P(y_t = best_t) from alpha_t and beta_t, each up to a factor; P(y_t | y_(t-1)) = A * emission_t * beta_t over the sum of
// the same for all tags: alpha_(t-1) of the given tag cancels.
void probabilities(const Job& job, int64_t begin, int64_t length) {
  const int32_t tags = job.chain.tags;
  const size_t row = static_cast<size_t>(tags), size = row * static_cast<size_t>(length);
  std::vector<double> local(size), alpha(size), beta(row), behind(row);
  const Factors& factors = *job.factors;
  for (int64_t t = 0; t < length; ++t) {
    const float* e = job.emissions + (begin + t) * tags;
    double* own = local.data() + static_cast<size_t>(t) * row;
    const float top = *std::max_element(e, e + tags);
    for (int32_t j = 0; j < tags; ++j) own[j] = std::exp((e[j] - top) / static_cast<double>(job.temperature));
    double* now = alpha.data() + static_cast<size_t>(t) * row;
    if (t == 0) {
      for (int32_t j = 0; j < tags; ++j) now[j] = factors.start[j] * own[j];
    } else {
      std::fill(now, now + tags, 0.0);
      const double* before = now - row;
      for (int32_t i = 0; i < tags; ++i) {
        const double* step = factors.transitions.data() + static_cast<size_t>(i) * row;
        for (int32_t j = 0; j < tags; ++j) now[j] += before[i] * step[j];
      }
      for (int32_t j = 0; j < tags; ++j) now[j] *= own[j];
    }
    scale(now, tags);
  }
  beta = factors.end;
  for (int64_t t = length - 1; t >= 0; --t) {
    const double* now = alpha.data() + static_cast<size_t>(t) * row;
    const int32_t chosen = job.best[begin + t];
    double total = 0;
    for (int32_t j = 0; j < tags; ++j) total += now[j] * beta[j];
    const double here = ratio(now[chosen] * beta[chosen], total);
    job.marginal[begin + t] = static_cast<float>(here);
    job.conditional[begin + t] = static_cast<float>(here);
    if (t == 0) break;
    const double* own = local.data() + static_cast<size_t>(t) * row;
    for (int32_t j = 0; j < tags; ++j) behind[j] = own[j] * beta[j];
    const double* given = factors.transitions.data() + static_cast<size_t>(job.best[begin + t - 1]) * row;
    double sum = 0;
    for (int32_t j = 0; j < tags; ++j) sum += given[j] * behind[j];
    job.conditional[begin + t] = static_cast<float>(ratio(given[chosen] * behind[chosen], sum));
    for (int32_t i = 0; i < tags; ++i) {
      const double* step = factors.transitions.data() + static_cast<size_t>(i) * row;
      double reached = 0;
      for (int32_t j = 0; j < tags; ++j) reached += step[j] * behind[j];
      beta[i] = reached;
    }
    scale(beta.data(), tags);
  }
}

std::vector<double> factors_of(const float* scores, size_t count, float temperature) {
  std::vector<double> found(count);
  for (size_t i = 0; i < count; ++i) found[i] = std::exp(scores[i] / static_cast<double>(temperature));
  return found;
}

}  // namespace

int32_t seqmap_crf_decode(const float* emissions, const int64_t* offsets, int64_t documents, int32_t tags,
                          const float* transitions, const float* start, const float* end, float temperature,
                          int32_t* best, float* marginal, float* conditional) {
  using namespace seqmap;
  if (documents < 0 || documents > std::numeric_limits<int32_t>::max()) return fail(SEQMAP_EINVAL, "documents out of range");
  if (tags < 1 || tags > 1 << 16) return fail(SEQMAP_EINVAL, "tags must be 1 to 65536, not %d", tags);
  if (!(temperature > 0)) return fail(SEQMAP_EINVAL, "the temperature must be above 0");
  if (!offsets || !transitions || !start || !end) return fail(SEQMAP_EINVAL, "a required pointer is null");
  if ((marginal == nullptr) != (conditional == nullptr)) {
    return fail(SEQMAP_EINVAL, "marginal and conditional belong together");
  }
  for (int64_t d = 0; d < documents; ++d) {
    if (offsets[d + 1] < offsets[d] || offsets[0] != 0) return fail(SEQMAP_EINVAL, "offsets must rise from 0");
  }
  if (documents == 0 || offsets[documents] == 0) return SEQMAP_OK;
  if (!emissions || !best) return fail(SEQMAP_EINVAL, "a required pointer is null");
  std::atomic<bool> failed{false};
  try {
    Factors factors;
    const size_t row = static_cast<size_t>(tags);
    if (marginal) {
      factors = {factors_of(transitions, row * row, temperature), factors_of(start, row, temperature),
                 factors_of(end, row, temperature)};
    }
    const Job job{emissions, offsets, {tags, transitions, start, end}, marginal ? &factors : nullptr,
                  temperature, best,    marginal, conditional};
    parallel(static_cast<int32_t>(documents), [&](int32_t d) {
      const int64_t begin = offsets[d], length = offsets[d + 1] - begin;
      if (length == 0) return;
      try {
        viterbi(job, begin, length);
        if (job.factors) probabilities(job, begin, length);
      } catch (const std::bad_alloc&) {
        failed = true;
      }
    });
  } catch (const std::bad_alloc&) {
    failed = true;
  }
  return failed ? fail(SEQMAP_ENOMEM, "not enough memory") : SEQMAP_OK;
}
