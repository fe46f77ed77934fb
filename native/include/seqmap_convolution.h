/* Convolutions over the frames and bands of steps of sound. Part of the C ABI of seqmap_core.h. */
#ifndef SEQMAP_CONVOLUTION_H
#define SEQMAP_CONVOLUTION_H

#include "seqmap_core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One convolution and tanh. It looks at every second band, with width / 2 zeros at either end of the spectrum, and
 * at every frame that has height - 1 frames after it: (frames - height + 1, (bands + 1) / 2, filters) comes out.
 *
 * width   odd
 * weight  (height, width, channels, filters); it belongs to the caller, as the bias does
 * bias    (filters) */
typedef struct seqmap_convolution {
  int64_t frames, bands, channels, filters, height, width;
  const float *weight, *bias;
} seqmap_convolution;

/* Runs convolutions one after the other on each step. A step has the same result, bit for bit, whatever steps stand beside
 * it.
 *
 * layers  each takes what the one before it gives
 * x       (steps, frames, bands, channels) of the first
 * y       (steps, filters, frames, bands) out, as the last one leaves them: filters first */
SEQMAP_API int32_t seqmap_convolution_run(const seqmap_convolution* layers, int64_t count, const float* x, int64_t steps,
                                          float* y);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_CONVOLUTION_H */
