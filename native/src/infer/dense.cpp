// Products with packed weights, the cell and the best scores, for decoders that go step by step.
#include "seqmap_dense.h"

#include <cmath>
#include <cstring>
#include <new>

#include "base/error.h"
#include "infer/dense.h"
#include "infer/kernels.h"
#include "infer/memory.h"
#include "infer/rows.h"
#include "seqmap_infer.h"

using namespace seqmap;

namespace {

constexpr int64_t kRowsAtOnce = 12;  // of one thread: two groups of rows that share the weights they read

const InferKernels& kernels_of(int format) {
  constexpr Work kWorks[] = {Work::fp32, Work::bf16, Work::int8};
  return infer_kernels(current_variant(kWorks[format]));
}

void run_rows(const seqmap_dense& dense, const float* x, int64_t rows, float* y) {
  const FormatKernels& kernels = kernels_of(dense.format).formats[dense.format];
  Scratch& scratch = Scratch::mine();
  const Scratch::Frame frame(scratch);
  const int64_t bytes = padded(dense.inputs) * format_bytes(dense.format);
  const int64_t columns = dense.packed.panels.blocks * kColumns;
  char* stored = scratch.take<char>(static_cast<size_t>(rows * bytes));
  const void** in = scratch.take<const void*>(static_cast<size_t>(rows));
  float* scale = scratch.take<float>(static_cast<size_t>(rows));
  float** out = scratch.take<float*>(static_cast<size_t>(rows));
  const bool direct = columns == dense.outputs;
  float* wide = direct ? nullptr : scratch.take<float>(static_cast<size_t>(rows * columns));
  for (int64_t r = 0; r < rows; ++r) {
    char* to = stored + r * bytes;
    scale[r] = kernels.store_inputs(x + r * dense.inputs, to, dense.inputs);
    in[r] = to;
    out[r] = direct ? y + r * columns : wide + r * columns;
  }
  kernels.project(dense.packed.panels, rows, in, scale, out);
  if (direct) return;
  for (int64_t r = 0; r < rows; ++r) {
    std::memcpy(y + r * dense.outputs, out[r], static_cast<size_t>(dense.outputs) * sizeof(float));
  }
}

// The `count` highest of a row, the best first.
void best_of(const float* x, int64_t columns, int64_t count, float* values, int64_t* places) {
  int64_t held = 0;
  for (int64_t i = 0; i < columns; ++i) {
    if (held == count && !(x[i] > values[count - 1])) continue;
    int64_t at = held < count ? held++ : count - 1;
    for (; at > 0 && x[i] > values[at - 1]; --at) {
      values[at] = values[at - 1];
      places[at] = places[at - 1];
    }
    values[at] = x[i];
    places[at] = i;
  }
}

}  // namespace

int32_t seqmap_dense_create(const float* weight, const float* bias, int64_t outputs, int64_t inputs, int32_t precision,
                            seqmap_dense** dense) {
  if (!weight || !dense) return fail(SEQMAP_EINVAL, "a required pointer is null");
  if (outputs < 1 || outputs > kMostRows) return fail(SEQMAP_EINVAL, "outputs out of range");
  if (inputs < 1 || inputs > kMostRows) return fail(SEQMAP_EINVAL, "inputs out of range");
  if (precision < SEQMAP_FP32 || precision > SEQMAP_INT8) return fail(SEQMAP_EINVAL, "unknown precision %d", precision);
  try {
    const Source source{weight, inputs, plain_rows(outputs), padded_columns(inputs, 1), bias, false};
    *dense = new seqmap_dense{pack(source, precision), outputs, inputs, precision};
  } catch (const std::bad_alloc&) {
    return fail(SEQMAP_ENOMEM, "not enough memory");
  }
  return SEQMAP_OK;
}

void seqmap_dense_destroy(seqmap_dense* dense) { delete dense; }

int32_t seqmap_dense_run(const seqmap_dense* dense, const float* x, int64_t rows, float* y) {
  if (!dense) return fail(SEQMAP_EINVAL, "there is no matrix");
  if (rows < 0 || rows > kMostRows) return fail(SEQMAP_EINVAL, "rows out of range");
  if (rows == 0) return SEQMAP_OK;
  if (!x || !y) return fail(SEQMAP_EINVAL, "a required pointer is null");
  try {
    in_pieces(rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
      run_rows(*dense, x + begin * dense->inputs, end - begin, y + begin * dense->outputs);
    });
  } catch (const std::bad_alloc&) {
    return fail(SEQMAP_ENOMEM, "not enough memory");
  }
  return SEQMAP_OK;
}

int32_t seqmap_dense_cell(const float* sums, int64_t rows, int64_t hidden, float* c, float* h) {
  if (rows < 0 || rows > kMostRows || hidden < 1 || hidden > kMostRows) return fail(SEQMAP_EINVAL, "sizes out of range");
  if (rows == 0) return SEQMAP_OK;
  if (!sums || !c || !h) return fail(SEQMAP_EINVAL, "a required pointer is null");
  const InferKernels& kernels = kernels_of(SEQMAP_FP32);
  for (int64_t r = 0; r < rows; ++r) {
    kernels.cell(sums + r * kGates * hidden, hidden, c + r * hidden, h + r * hidden);
  }
  return SEQMAP_OK;
}

int32_t seqmap_dense_best(const float* scores, int64_t rows, int64_t columns, int64_t count, float* total,
                          float* values, int64_t* places) {
  if (rows < 0 || rows > kMostRows || columns < 1 || columns > kMostRows) return fail(SEQMAP_EINVAL, "sizes out of range");
  if (count < 1 || count > columns) return fail(SEQMAP_EINVAL, "count must be 1 to the number of columns");
  if (rows == 0) return SEQMAP_OK;
  if (!scores || !total || !values || !places) return fail(SEQMAP_EINVAL, "a required pointer is null");
  const InferKernels& kernels = kernels_of(SEQMAP_FP32);
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = scores + r * columns;
    best_of(row, columns, count, values + r * count, places + r * count);
    const float most = values[r * count];
    total[r] = std::isinf(most) ? most : most + std::log(kernels.exp_sum(row, most, columns));
  }
  return SEQMAP_OK;
}
