/* seqmap native core: the LSTM for training.
 *
 * One call runs one layer, in one direction or in two at once, over a padded batch. Only the valid tokens of a row
 * are worked on. Weights are in torch's layout: gate rows i | f | g | o, w_ih (4H, I), w_hh (4H, H), bias (4H).
 * All numbers are fp32 and inner dimensions are contiguous; strides count floats.
 */
#ifndef SEQMAP_LSTM_H
#define SEQMAP_LSTM_H

#include "seqmap_core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How products are computed. With bf16, weights, inputs, hidden states and gate gradients are rounded to bf16 where
 * they enter a product; sums, the cell state and the weights' gradients stay fp32. */
enum { SEQMAP_FP32 = 0, SEQMAP_BF16 = 1 };

typedef struct {
  int32_t precision;  /* SEQMAP_FP32 or SEQMAP_BF16 */
  int32_t directions; /* 1 or 2: the length of the arrays below */
  int64_t batch, time, input, hidden;
  const int64_t* lengths; /* (batch), each in [0, time] */
  const float* x;         /* (batch, time, input) */
  int64_t x_batch_stride, x_time_stride;
} seqmap_lstm_input;

typedef struct {
  int32_t reverse; /* read each row from its last valid token to its first */
  const float *w_ih, *w_hh, *bias;
  const float *h0, *c0; /* (batch, hidden), or NULL for zeros */
  float* y;             /* (batch, time, hidden); zero beyond a row's length */
  int64_t y_batch_stride, y_time_stride;
  float *h_n, *c_n; /* (batch, hidden), or NULL if not wanted */
} seqmap_lstm_direction;

typedef struct {
  const float *w_ih, *w_hh;
  const float* dy; /* (batch, time, hidden), or NULL for zeros; strides may be 0 */
  int64_t dy_batch_stride, dy_time_stride;
  const float *dh_n, *dc_n;         /* (batch, hidden), or NULL for zeros */
  float *dw_ih, *dw_hh, *dbias;     /* NULL where not wanted */
  float *dh0, *dc0;                 /* (batch, hidden), or NULL if not wanted */
} seqmap_lstm_gradient;

/* What forward keeps for backward. Backward may run on it any number of times. */
typedef struct seqmap_lstm_saved seqmap_lstm_saved;

/* saved == NULL: nothing is kept. Otherwise *saved receives an object to be freed by seqmap_lstm_free. */
SEQMAP_API int32_t seqmap_lstm_forward(const seqmap_lstm_input* input, const seqmap_lstm_direction* directions,
                                       seqmap_lstm_saved** saved);

/* `input` must describe the same batch as in forward. dx (batch, time, input) is contiguous, or NULL if not wanted. */
SEQMAP_API int32_t seqmap_lstm_backward(const seqmap_lstm_saved* saved, const seqmap_lstm_input* input,
                                        const seqmap_lstm_gradient* directions, float* dx);

SEQMAP_API void seqmap_lstm_free(seqmap_lstm_saved* saved);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_LSTM_H */
