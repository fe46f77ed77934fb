/* Linear-chain CRF: the best tags and how probable they are. Part of the C ABI of seqmap_core.h. */
#ifndef SEQMAP_CRF_H
#define SEQMAP_CRF_H

#include "seqmap_core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tags every document, several at a time on all threads.
 *
 * emissions    (tokens, tags), documents one after the other
 * offsets      (documents + 1): document d has the tokens offsets[d] to offsets[d + 1]; it may be empty
 * transitions  (tags, tags), from row to column; -inf where forbidden
 * start, end   (tags), of a first and of a last tag; likewise
 * temperature  all scores are divided by it before they become probabilities; the best tags do not depend on it
 * best         (tokens) out: the sequence of tags with the highest score (Viterbi)
 * marginal     (tokens) out, may be null: P(y_t = best_t), by forward-backward
 * conditional  (tokens) out, null with `marginal`: P(y_t = best_t | y_(t-1) = best_(t-1)); the marginal for a first token.
 *              The product over some tokens behind a first one is the probability of all their tags together.
 *
 * Where no sequence is allowed, best holds any tags and the probabilities are 0. */
SEQMAP_API int32_t seqmap_crf_decode(const float* emissions, const int64_t* offsets, int64_t documents, int32_t tags,
                                     const float* transitions, const float* start, const float* end, float temperature,
                                     int32_t* best, float* marginal, float* conditional);

#ifdef __cplusplus
}
#endif
#endif /* SEQMAP_CRF_H */
