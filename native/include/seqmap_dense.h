/* Matrix products with weights that stay, as a decoder needs them step after step. Part of the C ABI of seqmap_core.h. */
#ifndef SEQMAP_DENSE_H
#define SEQMAP_DENSE_H

#include "seqmap_core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seqmap_dense seqmap_dense;

/* Packs a matrix once, in fp32, bf16 or int8 (SEQMAP_FP32, … of seqmap_infer.h). The weights are copied.
 *
 * weight  (outputs, inputs), row-major
 * bias    (outputs), or null */
SEQMAP_API int32_t seqmap_dense_create(const float* weight, const float* bias, int64_t outputs, int64_t inputs,
                                       int32_t precision, seqmap_dense** dense);
SEQMAP_API void seqmap_dense_destroy(seqmap_dense* dense);
/* y (rows, outputs) = x (rows, inputs) weight^T + bias. A row has the same result, bit for bit, whatever rows stand beside
 * it. In int8 each row of x is rounded to 255 steps of its own largest magnitude. */
SEQMAP_API int32_t seqmap_dense_run(const seqmap_dense* dense, const float* x, int64_t rows, float* y);

/* The LSTM cell on gate sums.
 *
 * sums  (rows, 4 hidden), gates i f g o
 * c     (rows, hidden), renewed
 * h     (rows, hidden) out */
SEQMAP_API int32_t seqmap_dense_cell(const float* sums, int64_t rows, int64_t hidden, float* c, float* h);

/* Of each row of scores (rows, columns): log of the sum of exp, and the `count` highest with their places, the best
 * first; of equal ones the first. count <= columns.
 *
 * total   (rows) out
 * values  (rows, count) out
 * places  (rows, count) out */
SEQMAP_API int32_t seqmap_dense_best(const float* scores, int64_t rows, int64_t columns, int64_t count, float* total,
                                     float* values, int64_t* places);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_DENSE_H */
