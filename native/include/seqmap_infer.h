/* Deployed LSTM encoders: whole sequences, batches and streams, in fp32, bf16 or int8.
 *
 * An encoder is built once from weights in torch's layout and never changes afterwards; any number of threads may
 * use it at the same time. Functions return 0 or a negative SEQMAP_E* code; see seqmap_core.h.
 *
 * A document given alone, in a batch or piece by piece has the same result, bit for bit.
 */
#ifndef SEQMAP_INFER_H
#define SEQMAP_INFER_H

#include "seqmap_core.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SEQMAP_FP32 = 0, SEQMAP_BF16 = 1, SEQMAP_INT8 = 2 };

/* How the states of a sequence become one vector. */
enum {
  SEQMAP_POOL_NONE = 0,
  SEQMAP_POOL_LAST = 1, /* of two directions: the last forward and the first backward state */
  SEQMAP_POOL_MEAN = 2,
  SEQMAP_POOL_MAX = 3,
  SEQMAP_POOL_MEAN_MAX = 4, /* both, one after the other */
  SEQMAP_POOL_ATTENTION = 5 /* softmax of context . tanh(W h + b) (Yang et al. 2016) */
};

/* The gate sums W E[token] + b of the first layer, kept per token. Rows are computed (exactly) when a token is first
 * met; tokens beyond the limit are computed each time, with the same result. */
enum {
  SEQMAP_TABLE_AUTO = 0, /* fp32; bf16 for int8, and for bf16 when fp32 rows of all tokens would pass the limit */
  SEQMAP_TABLE_NONE = 1, /* no table: inputs are multiplied in the encoder's precision */
  SEQMAP_TABLE_FP32 = 2,
  SEQMAP_TABLE_BF16 = 3  /* rows rounded to bf16 */
};

typedef struct seqmap_encoder seqmap_encoder;

typedef struct {
  int32_t bytes;       /* sizeof(seqmap_encoder_config) of the caller */
  int32_t vocabulary;  /* rows of the embedding; 0: inputs are vectors, not ids */
  int32_t input_size;  /* numbers per token */
  int32_t hidden;      /* units per layer and direction */
  int32_t layers;
  int32_t directions;  /* 1 or 2 */
  int32_t pooling;     /* SEQMAP_POOL_* */
  int32_t attention;   /* rows of the attention's matrix; 0 without attention */
  int32_t classes;     /* rows of the head; 0 without a head */
  int32_t precision;   /* SEQMAP_FP32, SEQMAP_BF16 or SEQMAP_INT8 */
  int32_t table;       /* SEQMAP_TABLE_* */
  int32_t embedding;   /* the embedding's numbers: SEQMAP_FP32, SEQMAP_BF16 or SEQMAP_INT8 */
  int64_t table_bytes; /* limit of the table */
} seqmap_encoder_config;

/* fp32, row-major, copied while the encoder is built -- except the embedding, which may be stored in other numbers and
 * must stay, with its scales, as long as the encoder. */
typedef struct {
  const void* embedding;          /* (vocabulary, input_size): float, bf16 (uint16_t) or int8_t */
  const float* embedding_scale;   /* (vocabulary): what one unit of an int8 embedding stands for; else null */
  const float* const* w_ih;       /* [layer * directions + direction]: (4 hidden, inputs), gates i f g o */
  const float* const* w_hh;       /* (4 hidden, hidden) */
  const float* const* bias;       /* (4 hidden) */
  const float* attention_weight;  /* (attention, D), D = directions * hidden */
  const float* attention_bias;    /* (attention) */
  const float* attention_context; /* (attention) */
  const float* head_weight;       /* (classes, D), or 2 D columns for SEQMAP_POOL_MEAN_MAX */
  const float* head_bias;         /* (classes) */
} seqmap_encoder_weights;

SEQMAP_API int32_t seqmap_encoder_create(const seqmap_encoder_config* config, const seqmap_encoder_weights* weights,
                                         seqmap_encoder** encoder);
SEQMAP_API void seqmap_encoder_destroy(seqmap_encoder* encoder);
/* Computes table rows for every token that the limit has room for, instead of when they are first met. */
SEQMAP_API int32_t seqmap_encoder_warm(seqmap_encoder* encoder);
/* Bytes of packed weights (0), of the table's rows in use (1), of its limit (2). */
SEQMAP_API int64_t seqmap_encoder_bytes(const seqmap_encoder* encoder, int32_t what);

/* Whole documents: document k has the tokens offsets[k] .. offsets[k+1]. Exactly one of `ids` (tokens) and `inputs`
 * (tokens, input_size) is given, and of the results those that are not null:
 *   states (tokens, D)     of the last layer
 *   pooled (documents, D)  or 2 D; zero for an empty document
 *   logits (documents, classes) */
SEQMAP_API int32_t seqmap_encoder_run(const seqmap_encoder* encoder, const int32_t* ids, const float* inputs,
                                      const int64_t* offsets, int64_t documents, float* states, float* pooled,
                                      float* logits);
/* The same for the logits (without a head: the pooled vector) of one document, with as little to pass as can be. */
SEQMAP_API int32_t seqmap_encoder_document(const seqmap_encoder* encoder, const int32_t* ids, int64_t count,
                                           float* out);

/* Streams (directions == 1). A state is plain memory of the caller: a copy of it is a snapshot, a fork, or bytes for
 * a file; it can be read on any machine of the same byte order by an encoder of the same shape. */
SEQMAP_API int64_t seqmap_encoder_state_bytes(const seqmap_encoder* encoder);
SEQMAP_API int32_t seqmap_encoder_state_init(const seqmap_encoder* encoder, void* state);
/* Takes `count` more tokens; `states` (count, D) may be null. */
SEQMAP_API int32_t seqmap_encoder_feed(const seqmap_encoder* encoder, void* state, const int32_t* ids,
                                       const float* inputs, int64_t count, float* states);
/* One more token; the last layer's state goes to `out` (D) unless it is null. */
SEQMAP_API int32_t seqmap_encoder_step(const seqmap_encoder* encoder, void* state, int32_t id, float* out);
/* What the tokens so far give; each may be null. The state stays usable. */
SEQMAP_API int32_t seqmap_encoder_result(const seqmap_encoder* encoder, const void* state, float* pooled,
                                         float* logits);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_INFER_H */
