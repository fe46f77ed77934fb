/* The softmax over a large vocabulary in training. Part of the C ABI of seqmap_core.h. */
#ifndef SEQMAP_SOFTMAX_H
#define SEQMAP_SOFTMAX_H

#include "seqmap_core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The label-smoothed cross-entropy of some rows and its gradient, which takes the place of the scores.
 *
 *   s = scores + bias                 loss = sum over rows of log(sum_j exp s_j) - (1 - e) s_truth - e / columns sum_j s_j
 *                                     dloss / ds_j = softmax(s)_j - e / columns - (1 - e) [j = truth]
 *
 * scores     (rows, columns), fp32 (precision 0) or bf16 (1); on return the gradient in the same format
 * bias       (columns)
 * truth      (rows), each in [0, columns)
 * smoothing  e, in [0, 1)
 * dbias      (columns): the sum of the rows' gradients is added, in fp32, before they are rounded
 * loss       (1) out */
SEQMAP_API int32_t seqmap_softmax_loss(void* scores, int32_t precision, const float* bias, const int64_t* truth,
                                       int64_t rows, int64_t columns, float smoothing, float* dbias, double* loss);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_SOFTMAX_H */
