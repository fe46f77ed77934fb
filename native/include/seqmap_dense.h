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

/* Layer norm of each row (Ba et al. 2016): y = weight (x - mean) / sqrt(variance + 1e-5) + bias.
 *
 * x       (rows, width)
 * weight  (width), and bias
 * y       (rows, width) out */
SEQMAP_API int32_t seqmap_dense_norm(const float* x, int64_t rows, int64_t width, const float* weight,
                                     const float* bias, float* y);

/* A layer of a Transformer decoder, pre-norm (Vaswani et al. 2017, §3.1): attention to the words so far, attention to the
 * source, a feed-forward network. All of it belongs to the caller and stays while the layer is used.
 *
 * own         (3 width, width): query, key and value of the words so far; queries come out scaled
 * own_output  (width, width)
 * query       (width, width): what is asked of the source, scaled
 * output      (width, width)
 * feed1       (inner, width)
 * feed2       (width, inner)
 * norms       weight and bias, (width) each, of the layer norm before each of the three parts
 * heads       a divisor of the width */
typedef struct seqmap_decoder_layer {
  const seqmap_dense *own, *own_output, *query, *output, *feed1, *feed2;
  const float* norms[6];
  int64_t heads;
} seqmap_decoder_layer;

/* One step of a layer, for `hypotheses` rows of each sentence; rows = sentences * hypotheses.
 *
 * x       (rows, width), renewed
 * past    (rows, steps, 2 width): keys and values of the words so far
 * after   (rows, steps + 1, 2 width) out: with those of this step
 * source  (sentences, places, 2 width): keys and values of the source
 * shut    (sentences, places): added to the scores of the places
 * shares  (rows, places) out: how much each place was looked at, the mean over the heads */
SEQMAP_API int32_t seqmap_decoder_layer_step(const seqmap_decoder_layer* layer, int64_t sentences, int64_t hypotheses,
                                             int64_t steps, int64_t places, float* x, const float* past, float* after,
                                             const float* source, const float* shut, float* shares);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_DENSE_H */
